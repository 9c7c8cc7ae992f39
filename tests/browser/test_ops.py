"""The operators' pages in a browser: on a phone and on a desk, with script and without, without barriers."""

import datetime as dt

import pytest

from db import ids
from db.models import Message, WorkItem
from tests.browser.test_frame import violations
from tests.web.conftest import PASSWORD
from tests.web.ops.story import bounced, held
from webapp.domain.accounts import accounts
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.domain.inquiries import cases

pytestmark = pytest.mark.browser


@pytest.fixture
def story(app, now):
    accounts.create_operator("hanako", "運営 花子", accounts.OperatorRole.OPERATOR, PASSWORD, now)
    for minute in range(5):
        bounced(now + dt.timedelta(minutes=minute), email="shared@yamada.example")
    held(now)
    open_alarm(AlarmKind.OUR_FAILURE, "docomo.ne.jp", now)
    return bounced(now)


def sign_in(tab, live):
    tab.goto(live + "/sign-in/operators")
    tab.fill("#name", "hanako")
    tab.fill("#password", PASSWORD)
    tab.click("#sign-in button")
    tab.wait_for_selector(".who")


def record(story) -> str:
    return f"/ops/registrations/{ids.encode(story.registration.id)}"


def way_to(tab, live, story) -> str:
    """Return the address by which the list leads to the record."""
    tab.goto(live + "/ops/registrations")
    return tab.locator(f"a[href^='{record(story)}?via=']").first.get_attribute("href")


def test_the_pages_fit_the_screen_and_have_no_barriers(live, tab, story):
    sign_in(tab, live)
    opened = way_to(tab, live, story)
    pages = (
        *("/ops", "/ops/registrations", opened, f"{record(story)}/address/technician"),
        *("/ops/messages", "/ops/messages?state=reconciliation", "/ops/messages/sending", "/ops/alarms"),
        *(f"/ops/returned-mail/{ids.encode(story.mail.id)}", f"/ops/work-items/{ids.encode(WorkItem.get().id)}"),
    )
    for path in pages:
        tab.goto(live + path)
        if tab.locator("summary").count():
            tab.locator("summary").first.click()
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert violations(tab) == [], path


def test_what_needs_doing_is_read_in_words_not_in_letters(live, tab, story, now):
    """Since when the oldest inquiry waits is long: it stands under the words, not beside them."""
    asked = (cases.Topic.CARD, cases.Channel.PHONE, cases.Caller.SELF, cases.IdentityCheck.NONE)
    cases.open_inquiry(*asked, now, text="カードが届かない", language="ja", account_id=None)
    sign_in(tab, live)
    tab.goto(live + "/ops")
    assert tab.locator(".tally >> nth=0 >> text=最も古いもの").is_visible()
    widths = [row.bounding_box()["width"] for row in tab.locator(".tally >> nth=0 >> th").all()]
    assert min(widths) > 160
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_an_address_is_corrected_within_the_page(live, tab, story):
    sign_in(tab, live)
    tab.goto(live + way_to(tab, live, story))
    tab.click("text=訂正して再送 >> nth=0")
    tab.fill("#email", "nonsense")
    tab.click("#address-form button")
    tab.wait_for_selector("#errors:focus")
    assert tab.input_value("#email") == "nonsense" and tab.locator("h1").count() == 1
    tab.fill("#email", "sato@example.jp")
    tab.click("#address-form button")
    tab.wait_for_selector("text=アドレスを訂正し、再送に回しました。")
    assert tab.locator(".timeline >> text=再送の手配").count() == 1


def test_a_filter_swaps_the_list_and_stays_in_the_address(live, tab, story):
    sign_in(tab, live)
    tab.goto(live + "/ops/registrations")
    tab.select_option("#by-notice", "reconciliation")
    tab.click("text=絞り込む")
    tab.wait_for_selector("#registrations >> text=1件")
    assert "notice=reconciliation" in tab.url and tab.locator("tbody tr").count() == 1


def test_everything_works_without_script(live, chromium, story):
    context = chromium.new_context(java_script_enabled=False, locale="ja-JP")
    tab = context.new_page()
    sign_in(tab, live)
    tab.goto(live + "/ops/registrations")
    tab.fill("#term", "佐藤")
    tab.click("text=検索")
    tab.wait_for_selector("tbody tr")
    assert "?s=" in tab.url
    tab.click(f"tbody a[href*='{record(story)}']")
    tab.check("#reason-form input >> nth=2")  # who searched by a name is asked why
    tab.click("#reason-form button")
    tab.wait_for_selector("text=佐藤")
    tab.goto(f"{live}{record(story)}/address/technician")
    tab.fill("#email", "sato@example.jp")
    tab.click("#address-form button")
    tab.wait_for_selector("text=アドレスを訂正し、再送に回しました。")
    assert Message.get_by_id(story.message.id).state == "queued"
    context.close()
