"""The monthly report: the figures of a month beside those of the month before, in words, lines and charts."""

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.web.ops import story
from webapp.domain.bounce.model import Reason
from webapp.domain.reporting.periods import Grain, Span, month_of

REPORT = "/ops/dashboard/report"


@pytest.fixture
def past(app, settings, now):
    """In October 6 of 8 mails arrive at people, in September 3 of 4; and one is sent in November."""
    object.__setattr__(settings, "figures_least", 4)
    for month, sent, dead in ((10, 6, 2), (9, 3, 1), (11, 1, 0)):
        for number in range(sent + dead):
            at = now.replace(month=month, day=1 + number)
            values = {"email": f"p{month}-{number}@docomo.ne.jp"}
            if number < dead:
                story.bounced(at, reason=Reason.USERUNKNOWN, **values)
            else:
                story.sent(at, **values)


def lines(page: str) -> dict[str, list[str]]:
    """The lines of the report's tables: this month, the month before, the difference."""
    topics = page.split('class="apart"')[0]
    rows = re.findall(r'<tr><th scope="row">(.*?)</th>(.*?)</tr>', topics)
    return {words: [re.sub("<[^>]*>", "", cell) for cell in re.findall(r"<td.*?</td>", cells)] for words, cells in rows}


def test_the_month_that_is_over_stands_beside_the_month_before(past, ops_viewer):
    page = ops_viewer.get(REPORT).text
    assert "<h1>月次報告 2026年10月</h1>" in page and "2026年11月18日(水) 10:02 時点" in page
    found = lines(page)
    assert found["送信したお知らせ"] == ["16", "8", "+8"]  # to the person and to the business
    assert found["不達率（アドレスが無効）"] == ["12.5%", "12.5%", "+0.0ポイント"]
    assert found["作成待ち"] == ["2", "1", "+1"] and found["返送"] == ["0", "0", "±0"]
    assert "16件を送り、2件はアドレスが無効でした。不達率は12.5%（前の月は12.5%）です。" in page
    assert "月の途中" not in page and "暫定" not in page


def test_a_number_of_the_report_is_the_length_of_its_list(past, ops_viewer):
    page = ops_viewer.get(REPORT).text
    links = re.findall(r'<td class="n"><a href="([^"]+)">([\d,]+)</a></td>', page.split('class="apart"')[0])
    assert len(links) >= 3
    for address, number in links:
        assert ops_viewer.get(address.replace("&amp;", "&")).text.count('<th scope="row">') == int(number), address


def test_each_chart_has_its_picture_and_the_same_by_week(past, ops_viewer):
    page = ops_viewer.get(f"{REPORT}?month=2026-10").text
    sheets = page.split('<div class="sheet">')[1:]
    assert len(sheets) >= 8 and 'id="chart-cards"' not in page
    volume = next(sheet for sheet in sheets if 'id="chart-volume"' in sheet)
    table = volume.rpartition("<table>")[2]
    assert re.findall(r'<th scope="row">(.*?)</th>', table) == [
        "2026-10-01 – 10-04", "2026-10-05 – 10-11", "2026-10-12 – 10-18", "2026-10-19 – 10-25", "2026-10-26 – 10-31",
    ]  # fmt: skip
    assert re.findall(r'<td class="n">(\d+)</td>', table)[:3] == ["8", "8", "0"] and "<svg" in volume
    assert "16件を送りました" in volume or "16件" in volume


def test_the_running_month_says_that_it_is_not_over_and_provisional(past, ops_viewer):
    page = ops_viewer.get(f"{REPORT}?month=2026-11").text
    assert "11月18日(水)までの数字です" in page
    story.sent(dt.datetime(2026, 11, 17, 3, tzinfo=dt.UTC), email="new@docomo.ne.jp")
    assert "暫定の数字" in ops_viewer.get(f"{REPORT}?month=2026-11").text


def test_nonsense_is_the_usual_month_and_an_empty_month_is_said(app, ops_viewer):
    for month in ("", "2026-13", "1999-01", "2027-01", "x"):
        page = ops_viewer.get(f"{REPORT}?month={month}").text
        assert "月次報告 2026年10月" in page and "件数が少ないため、不達率は出していません" in page
    assert ops_viewer.partial(REPORT).text.lstrip().startswith('<div id="report">')


def test_the_report_is_for_operators(technician, business_admin):
    assert {one.get(REPORT).status_code for one in (technician, business_admin)} == {404}


@given(st.dates(dt.date(2020, 1, 1), dt.date(2030, 12, 31)), st.integers(0, 40))
def test_a_month_follows_the_whole_month_before_it(day, later):
    month = month_of(day, day + dt.timedelta(days=later), Grain.WEEK)
    assert month.since.day == 1 and month.since <= day <= month.until <= day + dt.timedelta(days=later)
    before = month.before()
    assert before.until + dt.timedelta(days=1) == month.since and before.since.day == 1
    assert before == Span(before.since, before.until) and before.since.month == before.until.month
    assert sum(part.days for part in month.parts()) == month.days
