"""Cards and the contact centre in a real browser: no barriers, no sideways scrolling, light, and quick with htmx."""

import datetime as dt

import pytest

from db import ids
from tests import cast
from tests.browser.test_frame import violations
from tests.domain.cards.test_projection import ABSENT, card_of, post, report
from tests.web.conftest import PASSWORD
from webapp.domain.accounts import accounts
from webapp.domain.inquiries import cases
from webapp.domain.inquiries.cases import Caller, Channel, IdentityCheck, Topic

pytestmark = pytest.mark.browser


@pytest.fixture
def card(app, now):
    card = card_of(now)
    cast.email(card.technician, "sato@mobile.example", now)
    post(card, now)
    report([*ABSENT, "2026/11/21 10:00\t留置\t長野南郵便局"], now)
    for n in range(3):
        card_of(now - dt.timedelta(days=n * 10))
    return card


def barriers(tab, address: str) -> list[str]:
    tab.goto(address)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"{address}: no sideways scrolling"
    return violations(tab)


def test_the_contact_centre_has_no_barriers_and_answers_in_place(live, tab, card):
    assert barriers(tab, live + "/contact") == []
    assert barriers(tab, live + "/contact/card") == []
    tab.fill("#number", card.registration.application_number)
    tab.fill("#birth_date", "きのう")
    tab.click("text=確かめる >> nth=-1")
    tab.wait_for_selector("#errors:focus")
    assert violations(tab) == []
    tab.fill("#birth_date", "1985-04-01")
    tab.click("#card-question button")
    tab.wait_for_selector("text=確認があったことを")
    assert violations(tab) == []
    assert tab.url.endswith("/contact/card"), "nothing of it stands in the address"


def test_the_operators_pages_have_no_barriers(live, tab, card, now):
    accounts.create_operator("aoki", "青木", accounts.OperatorRole.OPERATOR, PASSWORD, now)
    inquiry = cases.open_inquiry(
        Topic.CARD,
        Channel.PHONE,
        Caller.FAMILY,
        IdentityCheck.CALLED_BACK,
        now,
        registration_id=card.registration_id,
        text="届かない",
    )
    tab.goto(live + "/sign-in/operators")
    tab.fill("#name", "aoki")
    tab.fill("#password", PASSWORD)
    tab.click("#sign-in button")
    tab.wait_for_selector(".who")
    for path in (
        "/ops/cards",
        f"/ops/cards/{ids.encode(card.id)}",
        "/ops/cards/imports",
        "/ops/cards/labels",
        "/ops/inquiries",
        "/ops/inquiries/new",
        f"/ops/inquiries/{ids.encode(inquiry.id)}",
    ):
        assert barriers(tab, live + path) == [], path
    tab.goto(live + "/ops/cards")
    tab.check("input[name=card] >> nth=0")
    tab.click("button[value=back]")
    tab.wait_for_selector("#back")
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth") and violations(tab) == []
    tab.goto(live + "/ops/inquiries")
    tab.fill("#term", "佐藤")
    tab.click("form.filters button")
    tab.wait_for_url("**/ops/inquiries?s=*")
    assert inquiry.number in tab.content() and violations(tab) == []
    tab.goto(live + "/ops/cards")
    tab.select_option("#age", "7")
    tab.click("form.filters button")
    tab.wait_for_url("**age=7*")
    assert tab.locator("#cards").count() == 1
