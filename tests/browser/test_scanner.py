"""Returned postcards by a hand scanner, which types and presses Enter: the field keeps the focus, the list grows."""

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import expect

from db.ids import encode
from db.models import Postcard, PostcardPrint, PostcardReturn
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


def scans(tab, numbers, seconds: float) -> None:
    """Type what a scanner would, so many seconds apart."""
    for number in numbers:
        tab.wait_for_selector("#number:focus")
        tab.keyboard.type(number)
        tab.keyboard.press("Enter")
        tab.wait_for_timeout(1000 * seconds)


@pytest.mark.parametrize("seconds", [0, 0.3, 0.9])
def test_no_scan_is_lost_joined_or_sent_twice_while_the_line_is_slow(live, tab, settings, now, seconds):
    desk.queued(now, 8)
    desk.mailed(PrintOffice.of(settings), now)
    numbers = [row.management_number for row in PostcardPrint.select()]
    sign_in(live, tab, now)
    tab.goto(live + "/ops/postcards/returned")
    line = tab.context.new_cdp_session(tab)
    line.send("Network.enable")
    slow = {"offline": False, "latency": 1500, "downloadThroughput": 6250, "uploadThroughput": 2500}
    line.send("Network.emulateNetworkConditions", slow)
    scans(tab, numbers, seconds)
    assert tab.input_value("#number") == ""
    tab.wait_for_selector("#returned tbody tr:nth-child(8)", timeout=60_000)
    expect(tab.locator("#unsent")).to_have_text("")
    assert [row.typed for row in PostcardReturn.select().order_by(PostcardReturn.id)] == numbers
    assert {row.outcome for row in PostcardReturn.select()} == {"returned"}


def test_an_answer_that_is_lost_makes_no_second_scan_and_a_dead_line_keeps_what_was_read(live, tab, cut, settings, now):
    desk.queued(now, 3)
    desk.mailed(PrintOffice.of(settings), now)
    numbers = [row.management_number for row in PostcardPrint.select()]
    sign_in(live, tab, now)
    tab.goto(live + "/ops/postcards/returned")
    lost = cut("/ops/postcards/returned", 2, after=1)
    scans(tab, numbers[:1], 0.5)
    assert "つながりしだい送ります" in tab.inner_text("#unsent") and numbers[0] in tab.inner_text("#unsent")
    scans(tab, numbers[1:], 0)
    tab.wait_for_selector("#returned tbody tr:nth-child(3)", timeout=60_000)
    assert tab.inner_text("#unsent") == "" and len(lost) >= 3
    assert [(row.typed, row.outcome) for row in PostcardReturn.select().order_by(PostcardReturn.id)] == [
        (number, "returned") for number in numbers
    ]


def test_what_was_read_is_sent_after_the_page_is_loaded_again(live, tab, cut, settings, now):
    desk.queued(now)
    desk.mailed(PrintOffice.of(settings), now)
    sign_in(live, tab, now)
    tab.goto(live + "/ops/postcards/returned")
    cut("/ops/postcards/returned", 9)
    scans(tab, [PostcardPrint.get().management_number], 0.5)
    assert PostcardReturn.select().count() == 0
    tab.unroute("**/ops/postcards/returned")
    tab.on("dialog", lambda dialog: dialog.accept())  # the browser asks: something has not been sent
    tab.reload()
    tab.wait_for_selector("#returned tbody tr")
    assert PostcardReturn.get().outcome == "returned"


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
