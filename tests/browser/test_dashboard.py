"""The dashboard in a browser: without script, plotly over it on request, from a bar to its cases, refreshed."""

import datetime as dt
from pathlib import Path

import pytest

from tests.browser.test_frame import violations
from tests.web.conftest import PASSWORD
from tests.web.ops import story
from webapp.domain.accounts import accounts
from webapp.domain.core.alarms import AlarmKind, open_alarm

pytestmark = pytest.mark.browser


@pytest.fixture
def past(app, settings, kept, now):
    object.__setattr__(settings, "figures_least", 4)
    kept("six days of notices", lambda: _days_of_notices(now))


def _days_of_notices(now) -> None:
    accounts.create_operator("hanako", "運営 花子", accounts.OperatorRole.OPERATOR, PASSWORD, now)
    for number in range(24):
        at = now - dt.timedelta(days=number % 6)
        (story.sent if number % 3 else story.bounced)(at, email=f"p{number}@docomo.ne.jp")
    open_alarm(AlarmKind.BOUNCE_RATE, "notices", now)


def sign_in(tab, live, line="undefined"):
    """Sign in with a browser that reports this of its line; by itself it says nothing, as many do."""
    tab.add_init_script(f"Object.defineProperty(navigator, 'connection', {{value: {line}}})")
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


# Words of the pictures that are cut off by their frame, or smaller than they may be.
UNREADABLE = """() => [...document.querySelectorAll(".picture svg text")].filter((text) => {
  const box = text.getBoundingClientRect(), frame = text.ownerSVGElement.getBoundingClientRect();
  const size = parseFloat(getComputedStyle(text).fontSize) * frame.width / text.ownerSVGElement.viewBox.baseVal.width;
  return size < 12 || box.left < frame.left - 0.5 || box.right > frame.right + 0.5;
}).map((text) => text.textContent)"""
# Names of an axis of plotly's that lie over one another.
OVERLAPPING = """(chart) => {
  const names = [...document.querySelectorAll(`#chart-${chart} .xtick text`)];
  const boxes = names.map((name) => name.getBoundingClientRect());
  return boxes.length < 2 || boxes.some((box, n) => n && box.left < boxes[n - 1].right);
}"""


@pytest.mark.parametrize("length", [7, 30, 365])
def test_words_of_pictures_are_large_enough_and_whole_and_dates_do_not_touch(live, tab, past, length):
    sign_in(tab, live)
    tab.goto(f"{live}/ops/dashboard?length={length}")
    assert tab.evaluate(UNREADABLE) == []
    play(tab, "failures")
    assert tab.evaluate(OVERLAPPING, "failures") is False
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_swipe_over_a_chart_scrolls_the_page(live, chromium, past):
    context = chromium.new_context(
        locale="ja-JP", viewport={"width": 360, "height": 640}, has_touch=True, is_mobile=True
    )
    tab = context.new_page()
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    play(tab, "failures")
    tab.evaluate("document.querySelector('#chart-failures').scrollIntoView()")
    box = tab.locator("#chart-failures .nsewdrag").first.bounding_box()
    before, x, y = tab.evaluate("scrollY"), box["x"] + 50, box["y"] + 80
    finger = context.new_cdp_session(tab)
    finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]})
    for step in range(10):
        move = {"type": "touchMove", "touchPoints": [{"x": x, "y": y - 20 * step}]}
        finger.send("Input.dispatchTouchEvent", move)
    finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    tab.wait_for_timeout(500)
    assert tab.evaluate("scrollY") > before + 100
    tab.evaluate("document.querySelector('#chart-failures').scrollIntoView()")
    boxes = [bar.bounding_box() for bar in tab.locator("#chart-failures .trace >> nth=0 >> .point path").all()]
    bar = max(boxes, key=lambda box: box["height"])
    tab.touchscreen.tap(bar["x"] + bar["width"] / 2, bar["y"] + bar["height"] / 2)
    tab.wait_for_url("**/ops/messages?**")
    context.close()


def test_the_key_keeps_its_colours_where_colours_are_forced(live, tab, past):
    sign_in(tab, live)
    tab.emulate_media(forced_colors="active")
    tab.goto(live + "/ops/dashboard?length=7")
    colour = "getComputedStyle(document.querySelector('#chart-failures .key .bad'), '::before').backgroundColor"
    assert tab.evaluate(colour) == "rgb(206, 0, 0)"


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


def test_every_button_over_a_chart_works(live, tab, past):
    """The policy of the page forbids what it does not need: a button that needs more shows it in the console."""
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    tab.click("#chart-failures .play")
    tab.wait_for_selector("#chart-failures .main-svg")
    buttons = tab.locator("#chart-failures .modebar-btn")
    names = [button.get_attribute("data-title") for button in buttons.all()]
    assert len(names) >= 5
    saved = 0
    for name, button in zip(names, buttons.all(), strict=True):
        tab.locator("#chart-failures .main-svg").first.hover()
        if "png" in name.lower() or "画像" in name:
            with tab.expect_download() as picture:
                button.click()
            assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
            saved += 1
        else:
            button.click()
    assert saved == 1, names
    assert tab.locator("#chart-failures .main-svg").first.is_visible()


def test_a_refresh_keeps_the_focus_and_an_error_is_said_and_overcome(live, tab, past, clock, now):
    tab.clock.install()
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    assert "10:02 時点" in tab.inner_text(".asof")
    tab.focus(".tiles a >> nth=1")
    clock.at = now + dt.timedelta(minutes=3)
    with tab.expect_response("**/ops/dashboard?length=7") as refresh:
        tab.clock.run_for(20_000)
    assert refresh.value.request.headers["poll"] == "1", "it keeps no session alive"
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


# Comes back when the chart has the ninth failure; the page's own clock stands still and its policy allows no eval.
DRAWN = """async () => {
  const chart = document.querySelector("#chart-failures .js-plotly-plot");
  const turn = () => new Promise((done) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = done;
    port2.postMessage(0);
  });
  while (chart.data[0].y.reduce((sum, n) => sum + n) !== 9) await turn();
}"""


def test_what_was_zoomed_into_stays_when_new_numbers_come_and_after_a_reload(live, tab, past, clock, now):
    tab.clock.install()
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    play(tab, "failures")
    range_ = "document.querySelector('#chart-failures .js-plotly-plot').layout.xaxis.range.map(Math.round).join()"
    tab.evaluate("Plotly.relayout(document.querySelector('#chart-failures .js-plotly-plot'), {'xaxis.range': [2, 5]})")
    tab.evaluate(
        "Plotly.restyle(document.querySelector('#chart-failures .js-plotly-plot'), {selectedpoints: [[3]]}, [0])"
    )
    story.bounced(now, email="later@docomo.ne.jp")
    clock.at = now + dt.timedelta(minutes=3)
    with tab.expect_response("**/ops/dashboard/figure?**chart=failures"):
        tab.clock.run_for(90_000)
    tab.evaluate(DRAWN)
    assert tab.evaluate(range_) == "2,5"
    assert tab.evaluate("document.querySelector('#chart-failures .js-plotly-plot').data[0].selectedpoints") == [3]
    tab.reload()
    tab.locator("#chart-failures").scroll_into_view_if_needed()  # the choice is remembered: it takes over by itself
    tab.wait_for_selector("#chart-failures .main-svg")
    assert tab.evaluate(range_) == "2,5"


def play(tab, chart):
    """Let plotly take a chart over."""
    tab.click(f"#chart-{chart} .play")
    tab.wait_for_selector(f"#chart-{chart} .main-svg")


@pytest.mark.parametrize(
    ("line", "remembered", "taken"),
    [
        ("{effectiveType: '4g', downlink: 10, saveData: false}", None, True),
        ("{effectiveType: '4g', downlink: 10, saveData: true}", "yes", False),
        ("{effectiveType: '3g', downlink: 0.4, saveData: false}", "yes", False),
        ("{effectiveType: '4g', downlink: 10, saveData: false}", "no", False),
        ("undefined", "yes", True),
        ("undefined", None, False),
    ],
)
def test_plotly_comes_by_itself_only_on_a_good_line_and_never_when_data_is_saved(
    live, chromium, past, line, remembered, taken
):
    context = chromium.new_context(locale="ja-JP", viewport={"width": 1280, "height": 700})
    tab = context.new_page()
    sign_in(tab, live, line)
    if remembered:
        tab.evaluate(f"localStorage.setItem('plotly', '{remembered}')")
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(live + "/ops/dashboard?length=7", wait_until="networkidle")
    tab.locator("#chart-failures").scroll_into_view_if_needed()
    if taken:
        tab.wait_for_selector("#chart-failures .main-svg")
    tab.wait_for_load_state("networkidle")
    assert any("plotly-basic" in url for url in asked) is taken
    if not taken:  # the person may ask for it all the same
        assert tab.locator("#chart-failures .play").is_visible()
    context.close()


def test_there_is_a_way_back_to_the_picture_and_it_is_remembered(live, tab, past):
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    play(tab, "failures")
    tab.click("#chart-failures .back")
    assert tab.locator("#chart-failures .main-svg").count() == 0
    assert tab.locator("#chart-failures svg rect").count() > 0
    assert tab.evaluate("document.activeElement.closest('.chart').id") == "chart-failures"
    assert tab.evaluate("localStorage.getItem('plotly')") == "no"


def test_a_chart_that_cannot_be_had_says_so_keeps_its_picture_and_can_be_asked_again(live, chromium, past):
    context = chromium.new_context(locale="ja-JP", viewport={"width": 1280, "height": 700})
    tab = context.new_page()
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    tab.route("**/ops/dashboard/figure?**", lambda route: route.fulfill(status=503))
    tab.click("#chart-failures .play")
    tab.wait_for_selector("#chart-failures .said >> text=グラフを読み込めませんでした")
    assert tab.locator("#chart-failures svg rect").count() > 0
    tab.unroute("**/ops/dashboard/figure?**")
    play(tab, "failures")
    assert tab.inner_text("#chart-failures .said") == ""
    context.close()


def test_by_keyboard_alone_one_comes_from_a_chart_to_its_case(live, tab, past):
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    tab.focus("#chart-failures summary")
    tab.keyboard.press("Enter")
    for _ in range(3):  # past the table's frame, which scrolls
        tab.keyboard.press("Tab")
        if tab.evaluate("document.activeElement.matches('#chart-failures td a')"):
            break
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/ops/messages?**")
    tab.focus("tbody th a >> nth=0")
    tab.keyboard.press("Enter")
    tab.wait_for_url("**/ops/registrations/**")


def test_on_paper_are_the_pictures_and_numbers_and_no_buttons(live, chromium, past):
    context = chromium.new_context(locale="ja-JP", viewport={"width": 1000, "height": 700})
    tab = context.new_page()
    sign_in(tab, live)
    tab.goto(live + "/ops/dashboard?length=7")
    tab.emulate_media(media="print")
    assert tab.locator("#chart-failures svg").is_visible() and tab.locator(".tiles .big").first.is_visible()
    for hidden in (".ranges", ".more", ".play", "header form"):
        assert tab.locator(hidden).first.is_hidden(), hidden
    assert len(tab.pdf()) > 20_000
    context.close()
