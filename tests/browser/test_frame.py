import pytest
from axe_playwright_python.sync_playwright import Axe

pytestmark = pytest.mark.browser

UNTIL_COOKIE = """() => new Promise((done) => {
  const look = () => document.cookie.includes("style=") ? done() : requestAnimationFrame(look);
  look();
})"""


def violations(tab) -> list[str]:
    return [f"{found['id']}: {found['help']}" for found in Axe().run(tab).response["violations"]]


@pytest.mark.parametrize("path", ["/", "/sign-in", "/no-such-page"])
def test_a_page_fits_the_screen_and_has_no_barriers(live, tab, path):
    tab.goto(live + path)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    assert violations(tab) == []


def test_the_stylesheet_comes_with_the_first_page_and_is_kept_for_the_next(live, tab):
    tab.goto(live + "/")
    assert tab.evaluate("getComputedStyle(document.querySelector('h1')).fontWeight") == "700"
    tab.evaluate(UNTIL_COOKIE)
    tab.click("text=サインイン")
    tab.wait_for_selector("#sign-in")
    assert tab.locator("style").count() == 0
    assert tab.evaluate("getComputedStyle(document.querySelector('label')).fontWeight") == "700"


def test_a_form_error_takes_the_focus_and_leads_to_its_field(live, tab):
    tab.goto(live + "/sign-in/operators")
    tab.fill("#name", "nobody")
    tab.fill("#password", "wrong")
    tab.click("#sign-in button")
    tab.wait_for_selector("#errors:focus")
    tab.click("#errors a")
    assert tab.evaluate("document.activeElement.id") == "name"
    assert tab.input_value("#name") == "nobody"
    assert violations(tab) == []


def test_the_language_can_be_chosen_before_signing_in_without_script_too(live, chromium):
    for script in (True, False):
        context = chromium.new_context(java_script_enabled=script, locale="ja-JP")
        tab = context.new_page()
        tab.goto(live + "/sign-in/operators")
        tab.click("text=English")
        tab.wait_for_selector("h1:has-text('Sign in')")
        assert tab.url.endswith("/sign-in/operators")
        context.close()


def test_the_keyboard_reaches_the_text_first(live, tab):
    tab.goto(live + "/")
    tab.keyboard.press("Tab")
    assert tab.evaluate("document.activeElement.className") == "skip"
    tab.keyboard.press("Enter")
    assert tab.evaluate("document.activeElement.id") == "main"
