"""書き出し in a browser: the page notices by itself that the file is there; without script by a link; no barriers."""

import pytest
from playwright.sync_api import expect

from tests import cast
from tests.browser.test_frame import violations
from tests.web.business.story import member, signed_in, user
from tests.web.taking_away import work
from webapp.domain.accounts.accounts import BusinessRole

pytestmark = pytest.mark.browser

LIST = "/business/technicians"


@pytest.fixture
def enter(app, live, now):
    """What signs a tab in as a user of a business with people."""
    firm = cast.business(now)
    for _ in range(3):
        member(firm, now)
    client = signed_in(app, user(firm, BusinessRole.VIEWER, now), now)
    client.get(LIST)
    cookie = client.get_cookie("session")

    def go(context):
        context.add_cookies([{"name": "session", "value": cookie.value, "url": live}])

    return go


def test_the_page_sees_by_itself_that_the_file_is_there(app, live, tab, enter):
    enter(tab.context)
    tab.goto(live + LIST)
    tab.get_by_role("button", name="Excelに書き出す").click()
    expect(tab.locator("h1")).to_have_text("書き出し")
    expect(tab.get_by_text("順番待ち")).to_be_visible()
    assert violations(tab) == []
    work(app)
    expect(tab.get_by_role("link", name="ダウンロード")).to_be_visible()
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth") and violations(tab) == []
    with tab.expect_download() as download:
        tab.get_by_role("link", name="ダウンロード").click()
    assert download.value.suggested_filename.endswith(".xlsx")
    tab.get_by_role("button", name="削除").click()
    expect(tab.get_by_text("削除済み")).to_be_visible()


def test_without_script_a_link_asks_again(app, live, chromium, enter):
    context = chromium.new_context(java_script_enabled=False, locale="ja-JP")
    tab = context.new_page()
    enter(context)
    tab.goto(live + LIST)
    tab.get_by_role("button", name="CSVに書き出す").click()
    work(app)
    tab.get_by_role("link", name="表示を更新する").click()
    expect(tab.get_by_role("link", name="ダウンロード")).to_be_visible()
    tab.goto(live + f"{LIST}/print")
    assert tab.locator("tbody tr").count() == 3
    context.close()
