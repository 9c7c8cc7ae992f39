"""Returned postcards by a hand scanner, which types and presses Enter: the field keeps the focus, the list grows."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from db.ids import encode
from db.models import Postcard, PostcardPrint
from tests.domain.postcard import desk
from webapp.domain.accounts import accounts
from webapp.domain.postcard.office import PrintOffice

pytestmark = pytest.mark.browser

PASSWORD = "a long enough password"


def sign_in(live, tab, now) -> None:
    accounts.create_operator("yamada", "山田", accounts.OperatorRole.OPERATOR, PASSWORD, now)
    tab.goto(live + "/sign-in/operators")
    tab.fill("#name", "yamada")
    tab.fill("#password", PASSWORD)
    tab.click("#sign-in button")
    tab.wait_for_url(lambda address: "/sign-in" not in address)


def test_one_card_after_the_other_without_touching_anything(live, tab, settings, now):
    desk.queued(now, 3)
    desk.mailed(PrintOffice.of(settings), now)
    numbers = [row.management_number for row in PostcardPrint.select()]
    sign_in(live, tab, now)
    tab.goto(live + "/ops/postcards/returned")
    for count, number in enumerate(numbers, 1):
        tab.wait_for_selector("#number:focus")
        tab.keyboard.type(number)
        tab.keyboard.press("Enter")
        tab.wait_for_selector(f"#returned tbody tr:nth-child({count})")
        tab.wait_for_selector("#number:focus")
        assert tab.input_value("#number") == ""
    assert {card.state for card in Postcard.select()} == {"returned"}
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    assert [found["id"] for found in Axe().run(tab).response["violations"]] == []
    tab.locator("#returned tbody tr button").first.click()
    tab.wait_for_selector("#returned tbody:not(:has(tr:nth-child(3)))")
    assert Postcard.select().where(Postcard.state == "mailed").count() == 1


@pytest.mark.parametrize(
    "page", ["/ops/postcards/batches", "/ops/postcards/holds", "/ops/postcards/addresses", "batch", "card"]
)
def test_pages_fit_the_screen_and_have_no_barriers(live, tab, settings, now, page):
    (card,) = desk.queued(now)
    desk.queued(now, name="佐藤☺")
    desk.queued(now, postal_code="9999999", address="千葉県千葉市稲毛区緑町1丁目99-8")
    batch = desk.made(PrintOffice.of(settings), now)
    sign_in(live, tab, now)
    address = {"batch": f"/ops/postcards/batches/{encode(batch.id)}", "card": f"/ops/postcards/{encode(card.id)}"}
    tab.goto(live + address.get(page, page))
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    assert [found["id"] for found in Axe().run(tab).response["violations"]] == []
