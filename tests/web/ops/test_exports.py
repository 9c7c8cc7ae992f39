"""Every list of the operators as a file: the rows of the page, all of them, and the tables of the charts."""

import datetime as dt
import io
import re

import pytest
from python_calamine import CalamineWorkbook

from db.models import Card, Message, Shipment, Technician, WorkItem
from tests.web.ops import story
from tests.web.taking_away import ask, fetch, taken, work
from webapp.domain.bounce.model import Reason
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.inquiries import cases
from webapp.pages import exports
from webapp.pages.exports import SOURCES

LISTS = {
    "/ops/registrations": 0,
    "/ops/registrations?notice=failed&failure=dead&postcard=any&card=ordered": 0,
    "/ops/registrations?postcard=queued&since=2026-11-01&until=2026-11-30": 0,
    "/ops/registrations?card=ordered": 0,
    "/ops/messages": 0,
    "/ops/messages?state=sent&role=business": 0,
    "/ops/messages?since=2026-11-01&until=2026-11-30": 0,
    "/ops/returned-mail?state=applied": None,
    "/ops/postcards": 0,
    "/ops/postcards/entered?state=queued&since=2026-11-01&until=2026-11-30": 0,
    "/ops/cards": 0,
    "/ops/cards?state=ordered": 0,
    "/ops/cards/posted?since=2026-11-01&until=2026-11-30": 0,
    "/ops/inquiries": 0,
    "/ops/work-items": None,
    "/ops/work-items?state=done": None,
    "/ops/alarms": None,
    "/ops/alarms?show=history": None,
}


@pytest.fixture
def past(app, kept, now):
    kept("130 notices and what came of them", lambda: _past(now))


def _past(now) -> None:
    for number in range(130):
        at = now - dt.timedelta(hours=number)
        if number % 2:
            story.bounced(at, reason=Reason.USERUNKNOWN, name=f"人 {number}", email=f"p{number}@au.example")
        else:
            story.sent(at, email=f"p{number}@docomo.ne.jp")
    story.business_bounced(now)
    story.business_bounced(now)
    WorkItem.update(state="done", closed_at=now).where(WorkItem.id == WorkItem.select().first().id).execute()
    for domain in ("a.example", "b.example", "c.example"):
        open_alarm(AlarmKind.OUR_FAILURE, domain, now)
    close_alarm(AlarmKind.OUR_FAILURE, "c.example", now)
    for card in Card.select().limit(20):
        number = f"{card.id % 10**11:011}"
        Shipment.create(card=card, n=1, number=number, accepted_on=now.date(), created_at=now)
    words = (cases.Topic.CARD, cases.Channel.PHONE, cases.Caller.SELF, cases.IdentityCheck.NONE)
    for _ in range(3):
        cases.open_inquiry(*words, now, text="カードが届かない", language="ja", account_id=None)


def shown(client, address: str) -> list[str]:
    """The heads of all rows of a list, page by page, as somebody reads them."""
    heads = []
    while address:
        page = client.get(address).text
        found = re.findall(r'<th scope="row">(.*?)</th>', page, re.S) or re.findall(
            r'<section class="note.*?</h2>', page, re.S
        )
        heads += [re.sub(r"<small>.*?</small>|<[^>]*>", "", head).strip() for head in found]
        following = re.search(r'<a href="([^"]+)" rel="next"', page)
        address = following[1].replace("&amp;", "&") if following else ""
    return heads


def test_each_list_is_taken_away_whole_and_in_its_order(app, past, ops_viewer, monkeypatch):
    monkeypatch.setattr(exports, "CHUNK", 7)
    assert {app.url_map.bind("").match(one.partition("?")[0])[0] for one in LISTS} | {"ops_dashboard.index"} == {
        endpoint for endpoint in SOURCES if endpoint.startswith("ops_")
    }
    for address, column in LISTS.items():
        heads, rows = shown(ops_viewer, address), taken(app, ops_viewer, address)
        assert len(rows) - 1 == len(heads) > 0, address
        assert len({len(row) for row in rows}) == 1, address
        if column is not None:
            assert [row[column] for row in rows[1:]] == heads, address


def test_a_search_of_operators_is_taken_away_without_its_words_in_the_address(app, past, ops_viewer):
    Technician.update(name="極秘 太郎", search_key="極秘太郎").where(Technician.name == "人 5").execute()
    there = ops_viewer.submit("/ops/registrations/search", {"term": "極秘"}).location
    rows = taken(app, ops_viewer, there)
    assert [row[rows[0].index("氏名")] for row in rows[1:]] == ["極秘 太郎"]


def test_a_row_that_leaves_the_list_while_it_is_read_is_there_once_or_not_at_all(app, past, ops_viewer, monkeypatch):
    monkeypatch.setattr(exports, "CHUNK", 10)
    failed = [row.id for row in Message.select().where(Message.state == "failed").order_by(Message.id.desc())]
    read = exports.known

    def meanwhile(total):
        read(total)
        Message.update(state="sent").where(Message.id.in_(failed[:3])).execute()

    monkeypatch.setattr(exports, "known", meanwhile)
    assert len(taken(app, ops_viewer, "/ops/messages")) - 1 == len(failed) - 3


def test_a_viewer_finds_addresses_masked_in_the_file_as_on_the_page(app, now, ops_viewer, ops_operator):
    for minute in range(5):
        story.bounced(now + dt.timedelta(minutes=minute), email="shared@yamada.example")
    rows = taken(app, ops_viewer, "/ops/work-items")
    assert "shared@yamada.example" not in str(rows) and "yamada.example" in str(rows)
    assert "shared@yamada.example" in str(taken(app, ops_operator, "/ops/work-items"))


def sheets(answer) -> dict[str, list[list]]:
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    return {name: book.get_sheet_by_name(name).to_python() for name in book.sheet_names}


def test_the_dashboard_is_a_workbook_with_a_sheet_for_each_chart(app, past, ops_viewer):
    page = ops_viewer.get("/ops/dashboard?length=30&by=week").text
    titles = re.findall(r'<h2 id="h-[^"]+">(?:<span class="about">)?([^<]+) <small>', page)
    ask(ops_viewer, "/ops/dashboard?length=30&by=week")
    work(app)
    book = sheets(fetch(ops_viewer))
    assert list(book) == [*titles, "この書き出しについて"] and len(titles) >= 9
    volume = book["送信したお知らせ"]
    parts = page.split('id="chart-volume"')[1].split("</table>")[0]
    numbers = [int(n.replace(",", "")) for n in re.findall(r'<td class="n"><a[^>]*>([\d,]+)</a>', parts)]
    assert [row[1] for row in volume[1:] if row[1] not in ("", 0)] == numbers
    rates = book["不達率"]
    assert rates[0][1:3] == ["不達率（アドレスが無効）", "不達率（アドレスが無効）（数値）"]
    assert all(isinstance(row[2], float) and 0 < row[2] < 1 for row in rates[1:] if "%" in str(row[1]))


def test_one_chart_goes_alone_also_as_csv_but_not_the_whole_page(app, past, ops_viewer):
    rows = taken(app, ops_viewer, "/ops/dashboard?length=30", "csv.destinations")
    failing = {row[0] for row in rows[1:]}
    assert rows[0][0] == "宛先のドメイン" and "au.example" in failing and "docomo.ne.jp" not in failing
    assert ask(ops_viewer, "/ops/dashboard?length=30", "csv").status_code == 400
    ask(ops_viewer, "/ops/dashboard?length=30", "xlsx.causes")
    work(app)
    assert list(sheets(fetch(ops_viewer))) == ["はがきになった理由", "この書き出しについて"]


def test_a_chart_that_does_not_exist_gives_no_file(app, ops_viewer):
    ask(ops_viewer, "/ops/dashboard", "csv.nonsense")
    work(app)
    assert "作成できませんでした" in ops_viewer.get("/exports").text
