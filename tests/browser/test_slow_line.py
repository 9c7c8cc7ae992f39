"""How long the list of fifty takes on GPRS, as the median of five visits, measured inside the page."""

import statistics

import pytest

from tests.browser.test_business import GPRS, LIST, cookie, let_in, ours, people  # noqa: F401
from tests.browser.test_frame import UNTIL_COOKIE

pytestmark = [pytest.mark.browser, pytest.mark.soak]

VISITS = 5
FIRST_PAINT = "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? 0"
# From the click to the button with the state that the server has confirmed.
UNTIL_CONFIRMED = """(row) => new Promise((done) => {
  const button = () => document.querySelectorAll("tbody tr td button")[row];
  const before = button().textContent;
  let began;
  addEventListener("click", (event) => { began = event.timeStamp; }, { capture: true, once: true });
  new MutationObserver((_, watch) => {
    if (!button() || button().textContent === before) return;
    watch.disconnect();
    requestAnimationFrame(() => setTimeout(() => done(performance.now() - began)));
  }).observe(document, { childList: true, subtree: true });
  button().click();
})"""


def visit(chromium, live, cookie) -> tuple[float, float, float]:  # noqa: F811
    """(first paint cold, first paint warm, toggle) of one visitor, in seconds."""
    context = chromium.new_context(locale="ja-JP", viewport={"width": 412, "height": 823})
    let_in(context, live, cookie)
    tab = context.new_page()
    line = context.new_cdp_session(tab)
    line.send("Network.enable")
    line.send("Network.emulateNetworkConditions", GPRS)
    paints = []
    for _ in ("cold", "warm"):
        tab.goto(live + LIST, wait_until="load", timeout=60_000)
        tab.wait_for_function(FIRST_PAINT)
        paints.append(tab.evaluate(FIRST_PAINT) / 1000)
        tab.evaluate(UNTIL_COOKIE)
    toggle = tab.evaluate(UNTIL_CONFIRMED, 1) / 1000
    context.close()
    return (*paints, toggle)


def test_on_gprs_the_list_is_painted_and_a_toggle_confirmed_in_time(live, chromium, people, cookie):  # noqa: F811
    visits = [visit(chromium, live, cookie) for _ in range(VISITS)]
    cold, warm, toggle = (statistics.median(times) for times in zip(*visits, strict=True))
    print(f"median of {VISITS} on GPRS: first paint {cold:.2f} s cold, {warm:.2f} s warm, toggle {toggle:.2f} s")
    assert cold <= 2.6
    assert warm <= 2.6
    assert toggle <= 1.2
