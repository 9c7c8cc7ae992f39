"""The dashboard in a browser: without script, plotly over it on request, from a bar to its cases, refreshed."""

import datetime as dt

import pytest

from tests.browser.test_frame import violations
from tests.web import ops_story
from tests.web.conftest import PASSWORD
from webapp.domain import accounts
from webapp.domain.alarms import AlarmKind, open_alarm

pytestmark = pytest.mark.browser


@pytest.fixture
def past(app, settings, now):
    object.__setattr__(settings, "figures_least", 4)
    accounts.create_operator("hanako", "運営 花子", accounts.OperatorRole.OPERATOR, PASSWORD, now)
    for number in range(24):
        at = now - dt.timedelta(days=number % 6)
        (ops_story.sent if number % 3 else ops_story.bounced)(at, email=f"p{number}@docomo.ne.jp")
    open_alarm(AlarmKind.BOUNCE_RATE, "notices", now)


def sign_in(tab, live):
    tab.goto(live + "/sign-in/operators")
    tab.fill("#name", "hanako")
    tab.fill("#password", PASSWORD)
    tab.click("#sign-in button")
    tab.wait_for_selector(".who")


def test_it_fits_the_screen_and_has_no_barriers(live, tab, past):
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    for summary in tab.locator("summary").all():
        summary.click()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert violations(tab) == []
    tab.goto(live + "/ops/postcards/entered?state=queued&since=2026-11-01&until=2026-11-30")
    assert tab.locator("tbody tr").count() == 8
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth") and violations(tab) == []


def test_without_script_there_are_pictures_tables_and_a_way_to_the_cases(live, chromium, past):
    context = chromium.new_context(java_script_enabled=False, locale="ja-JP")
    tab = context.new_page()
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    assert tab.locator("svg").count() == tab.locator(".chart table").count() >= 6
    assert tab.locator(".play:visible").count() == 0
    tab.click("#chart-failures summary")
    tab.click("#chart-failures td a >> nth=0")
    assert "/ops/messages" in tab.url and tab.locator("tbody tr").count() > 0
    context.close()


def test_plotly_takes_over_on_request_and_a_bar_leads_to_its_cases(live, tab, past):
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    assert tab.evaluate("typeof Plotly") == "undefined"
    tab.click("#chart-failures .play")
    tab.wait_for_selector("#chart-failures .main-svg")
    assert tab.locator("#chart-reasons .main-svg").count() == 0
    assert tab.locator("#chart-failures .modebar-btn[data-title*='loud']").count() == 0
    tab.locator("#chart-failures .main-svg").first.scroll_into_view_if_needed()
    boxes = [bar.bounding_box() for bar in tab.locator("#chart-failures .trace >> nth=0 >> .point path").all()]
    bar = max(boxes, key=lambda box: box["height"])
    tab.mouse.click(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    tab.wait_for_url("**/ops/messages?**")
    assert "failure=dead" in tab.url and tab.locator("tbody tr").count() > 0


def test_a_refresh_keeps_the_focus_and_an_error_is_said_and_overcome(live, tab, past, clock, now):
    tab.clock.install()
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    assert "10:02 時点" in tab.inner_text(".asof")
    tab.focus(".tiles a >> nth=1")
    clock.at = now + dt.timedelta(minutes=3)
    with tab.expect_response("**/ops/dashboard?length=7"):
        tab.clock.run_for(20_000)
    tab.wait_for_selector(".asof >> text=10:05 時点")
    assert tab.evaluate("document.activeElement.closest('.tiles li')?.innerText.includes('送信待ち')")
    tab.route("**/ops/dashboard?length=7", lambda route: route.fulfill(status=404))
    tab.clock.run_for(310_000)
    tab.wait_for_selector("#tiles-lost >> text=自動で取り直します")
    tab.unroute("**/ops/dashboard?length=7")
    clock.at = now + dt.timedelta(minutes=9)
    tab.clock.run_for(310_000)
    tab.wait_for_selector(".asof >> text=10:11 時点")
    assert tab.inner_text("#tiles-lost") == ""
