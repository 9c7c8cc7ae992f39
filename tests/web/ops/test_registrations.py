"""/ops/registrations: search on the server, filters, pages."""

import datetime as dt
import re

import pytest

from db.models import AuditDetail, AuditRow, SearchRequest
from tests import cast
from tests.web.ops import story

LIST = "/ops/registrations"


def numbers(answer) -> list[str]:
    return re.findall(r">(A-2026-\d{5})</a>", answer.text)


def searched(client, term: str, **more):
    answer = client.submit(f"{LIST}/search", {"term": term} | more)
    assert answer.status_code == 303, answer.status_code
    return client.get(answer.location)


@pytest.fixture
def people(app, now):
    one = cast.technician(now, technician_id="12345678901234")
    two = cast.technician(now, name="佐藤 花子", name_kana="サトウ ハナコ", technician_id="12345999901234")
    three = cast.technician(now, name="髙橋 一", name_kana="タカハシ ハジメ")
    return [cast.registration(person, now) for person in (one, two, three)]


@pytest.mark.parametrize(
    "term, found",
    [
        ("佐藤", [0, 1]),
        ("佐藤　健一", [0]),
        ("さとう", [0, 1]),
        ("ｻﾄｳ ﾊﾅ", [1]),
        ("12345678901234", [0]),
        ("1234 5678 9012 34", [0]),
        ("１２３４５", [0, 1]),
        ("髙橋", [2]),
        ("鈴木", []),
    ],
)
def test_a_person_is_found_by_name_kana_and_id_however_it_is_typed(people, ops_viewer, term, found):
    assert set(numbers(searched(ops_viewer, term))) == {people[n].application_number for n in found}


def test_an_application_is_found_by_its_number_or_the_beginning_of_it(people, ops_viewer):
    number = people[1].application_number
    assert numbers(searched(ops_viewer, number)) == [number]
    assert set(numbers(searched(ops_viewer, "A-2026-"))) == {row.application_number for row in people}


def test_a_term_never_stands_in_an_address_and_is_kept_for_its_searcher_only(people, ops_viewer, ops_admin, clock):
    answer = ops_viewer.submit(f"{LIST}/search", {"term": "佐藤"})
    assert re.fullmatch(r"/ops/registrations\?s=[\w-]{20,}", answer.location)
    assert len(numbers(ops_viewer.get(answer.location))) == 2
    token = answer.location.partition("s=")[2]
    assert token not in {row.token_hash for row in SearchRequest.select()}
    assert numbers(ops_admin.get(answer.location)) == [], "somebody else's"
    clock.at += dt.timedelta(minutes=29)
    assert len(numbers(ops_viewer.get(answer.location))) == 2
    clock.at += dt.timedelta(minutes=1)
    ended = ops_viewer.get(answer.location)
    assert "30分" in ended.text and numbers(ended) == []


def test_a_search_stands_in_the_audit_log_with_its_words_beside_it(people, ops_viewer):
    searched(ops_viewer, "佐藤")
    row = AuditRow.get(AuditRow.action == "record:ops:searched")
    assert AuditDetail.get(AuditDetail.audit == row).content["term"] == "佐藤"


def test_a_single_character_is_too_little(people, ops_viewer):
    for term in ("佐", "サ", "1"):
        answer = ops_viewer.submit(f"{LIST}/search", {"term": term})
        assert answer.status_code == 422 and "2文字以上" in answer.text
    assert ops_viewer.submit(f"{LIST}/search", {"term": " "}).location == LIST


def test_who_comes_from_a_search_is_asked_why_and_who_comes_from_a_list_is_not(people, ops_viewer):
    listed = ops_viewer.get(LIST).text
    assert "via=registrations" in listed
    assert "via=" not in searched(ops_viewer, "佐藤").text


def test_filters_meet(app, now, ops_viewer):
    dead, sent = story.bounced(now), story.sent(now)
    for query, found in (
        ("notice=failed", [dead]),
        ("notice=failed&failure=dead", [dead]),
        ("notice=failed&failure=ours", []),
        ("failure=dead", [dead]),
        ("failure=ours", []),
        ("notice=sent", [sent]),
        ("postcard=any", [dead]),
        ("postcard=none", [sent]),
        ("postcard=queued&notice=failed", [dead]),
        ("postcard=queued&notice=sent", []),
        ("card=ordered", [dead, sent]),
        ("card=ordered&notice=sent", [sent]),
        ("since=2026-11-18&until=2026-11-18", [dead, sent]),
        ("since=2026-11-19", []),
        ("until=2026-11-17", []),
        ("notice=nonsense&card=nonsense&since=nonsense", [dead, sent]),
    ):
        assert set(numbers(ops_viewer.get(f"{LIST}?{query}"))) == {s.registration.application_number for s in found}, (
            query
        )


def test_the_day_is_japans(app, now, ops_viewer):
    late = dt.datetime(2026, 11, 18, 14, 59, 59, tzinfo=dt.UTC)  # 23:59:59 in Japan
    one = cast.registration(cast.technician(now), late)
    two = cast.registration(cast.technician(now), late + dt.timedelta(seconds=1))
    assert numbers(ops_viewer.get(f"{LIST}?until=2026-11-18")) == [one.application_number]
    assert numbers(ops_viewer.get(f"{LIST}?since=2026-11-19")) == [two.application_number]


@pytest.mark.parametrize("query", ["", "card=ordered", "notice=sent"])
def test_pages_lead_forwards_and_back_without_loss(app, now, ops_viewer, query):
    for minute in range(120):
        story.sent(now + dt.timedelta(minutes=minute // 7), email=f"{minute}@docomo.ne.jp")
    seen, address = [], f"{LIST}?{query}"
    pages = []
    while address:
        page = ops_viewer.get(address)
        pages.append(numbers(page))
        seen += pages[-1]
        after = re.search(r'href="([^"]+)" rel="next"', page.text)
        address = after[1].replace("&amp;", "&") if after else ""
    assert [len(page) for page in pages] == [50, 50, 20] and len(set(seen)) == 120
    back = re.search(r'href="([^"]+)" rel="prev"', page.text)[1].replace("&amp;", "&")
    assert numbers(ops_viewer.get(back)) == pages[1]


def test_pages_of_a_search_work_too(app, now, ops_viewer):
    person = cast.technician(now)
    for _ in range(60):
        cast.registration(person, now)
    first = searched(ops_viewer, "佐藤")
    second = ops_viewer.get(re.search(r'href="([^"]+)" rel="next"', first.text)[1].replace("&amp;", "&"))
    assert len(set(numbers(first) + numbers(second))) == 60, "several registrations of one person"


def test_a_search_keeps_the_filters(app, now, ops_viewer):
    story.bounced(now), story.sent(now)
    assert len(numbers(searched(ops_viewer, "佐藤", notice="failed"))) == 1
