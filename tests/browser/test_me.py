"""The technician's pages in a browser: on a phone and on a desk, by keyboard, with script and without."""

import pytest
from axe_playwright_python.sync_playwright import Axe

from db.models import Affiliation, Message
from tests.web.conftest import PASSWORD
from tests.web.me.story import begin, fill
from webapp.domain.accounts import accounts, first_access

pytestmark = pytest.mark.browser

PAGES = (
    "/me",
    "/me/record",
    "/me/record/correction",
    "/me/disclosure",
    "/me/disclosure/open-all",
    "/me/access-log",
    "/me/data",
    "/me/contact",
)


@pytest.fixture
def story(app, now):
    story = begin(now)
    fill(story, now)
    accounts.set_password(first_access.technician_account(story.person, now), PASSWORD, now)
    return story


def sign_in(tab, live, story):
    tab.goto(live + "/sign-in")
    tab.fill("input[name=technician_id]", story.person.technician_id)
    tab.fill("input[name=password]", PASSWORD)
    tab.click("main form button")
    tab.wait_for_url(lambda url: "/sign-in" not in url)


def violations(tab) -> list[str]:
    return [f"{found['id']}: {found['help']}" for found in Axe().run(tab).response["violations"]]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_each_page_fits_the_screen_and_has_no_barriers(live, tab, story, language):
    sign_in(tab, live, story)
    tab.context.add_cookies([{"name": "language", "value": language, "url": live}])
    Message.update(state="failed", reason="filtered").execute()
    for path in PAGES:
        tab.goto(live + path)
        assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), path
        assert violations(tab) == [], path


def test_a_key_is_turned_by_keyboard_and_the_focus_stays(live, tab, story):
    sign_in(tab, live, story)
    tab.goto(live + "/me/disclosure")
    tab.focus("#turn-1")
    tab.keyboard.press("Enter")
    tab.wait_for_selector("#disclosure .note.good")
    assert tab.evaluate("document.activeElement.id") == "turn-1"
    assert tab.url.endswith("/me/disclosure") and violations(tab) == []
    assert Affiliation.get_by_id(story.affiliation.id).technician_keys & 2 == 0


def test_without_script_a_key_is_turned_too(live, chromium, story):
    context = chromium.new_context(java_script_enabled=False, locale="ja-JP", viewport={"width": 320, "height": 700})
    tab = context.new_page()
    sign_in(tab, live, story)
    tab.goto(live + "/me/disclosure")
    tab.click("#turn-1")
    tab.wait_for_selector("#notice .note.good")
    assert Affiliation.get_by_id(story.affiliation.id).technician_keys & 2 == 0
    context.close()


def test_the_id_is_copied_without_gaps(live, tab, story):
    sign_in(tab, live, story)
    tab.goto(live + "/me")
    assert tab.inner_text("#home .id").replace("\n", "") == story.person.technician_id
