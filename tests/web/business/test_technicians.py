"""所属技能者: the list, its filters, and the toggle of a row, with and without script."""

import datetime as dt
import re

import pytest

from db.database import database
from db.ids import encode
from db.models import Affiliation, Event
from tests import cast
from tests.web.business.story import address, card, member, signed_in, technician_account, user
from webapp.domain.accounts.accounts import BusinessRole
from webapp.domain.notices.messages import MessageState

LIST = "/business/technicians"


@pytest.fixture
def ours(app, now):
    return cast.business(now)


@pytest.fixture
def admin(app, ours, now):
    return signed_in(app, user(ours, BusinessRole.ADMINISTRATOR, now), now)


@pytest.fixture
def looker(app, ours, now):
    return signed_in(app, user(ours, BusinessRole.VIEWER, now), now)


def text(response) -> str:
    return response.get_data(as_text=True)


def test_a_row_shows_name_id_notice_card_and_both_keys(admin, ours, now):
    person, _ = member(ours, now, theirs=1, name="神田 一郎")
    application = cast.registration(person, now)
    mail = cast.email(person, "k@mail.example", now)
    cast.sent_notice(application, mail, now, state=MessageState.FAILED)
    card(person, now, "kept", kept_until=dt.date(2026, 11, 27))
    shown = text(admin.get(LIST))
    row = re.search(r'<tr>\n<th scope="row".*?</tr>', shown, re.S)[0]
    for words in ("神田 一郎", "メール不達", "保管中 11/27まで", "貴社の設定待ち", "開示する", "未サインイン"):
        assert words in row, words
    assert "要対応" in shown
    for words in ("貴社の設定待ち 1人", "メール不達 1人", "不在・保管中 1人"):
        assert words in shown, words


def test_a_toggle_by_htmx_answers_the_row_as_the_server_has_it(admin, ours, now):
    person, bound = member(ours, now, theirs=1)
    admin.get(LIST)
    answer = admin.submit(address(person, "/key"), {"open": "1-0"}, htmx=True)
    assert answer.status_code == 200 and text(answer).lstrip().startswith("<tr")
    assert "開示中" in text(answer) and "開示をやめる" in text(answer)
    assert (Affiliation.get_by_id(bound.id).business_keys, Event.select().count()) == (1, 1)
    answer = admin.submit(address(person, "/key"), {"open": "0-1"}, htmx=True)
    assert "貴社の設定待ち" in text(answer)


def test_a_toggle_without_script_leads_back_to_the_same_place_of_the_list(admin, ours, now):
    person, _ = member(ours, now)
    admin.get(LIST)
    came = {"Referer": f"http://localhost{LIST}?state=closed"}
    answer = admin.submit(address(person, "/key"), {"open": "1-0"}, headers=came)
    assert answer.status_code == 303
    assert answer.location == f"{LIST}?state=closed#k{encode(person.id)}"
    assert "いまは「本人の設定待ち」です" in text(admin.get(answer.location))
    elsewhere = admin.submit(
        address(person, "/key"),
        {"open": "0-1"},
        headers={"Referer": "http://evil.example/business/technicians"},
    )
    assert elsewhere.location.startswith(f"{LIST}#")


@pytest.mark.parametrize("htmx", [True, False])
def test_a_stale_version_changes_nothing_and_shows_how_the_key_stands(admin, ours, now, htmx):
    person, bound = member(ours, now, ours=1)
    Affiliation.update(business_keys_version=4).execute()
    admin.get(LIST)
    answer = admin.submit(address(person, "/key"), {"open": "0-3"}, htmx=htmx)
    assert answer.status_code == 409
    assert "画面を開いたあとに変わった" in text(answer) and "本人の設定待ち" in text(answer)
    assert Affiliation.get_by_id(bound.id).business_keys == 1


def test_a_viewer_sees_the_list_and_turns_nothing(looker, ours, now):
    person, bound = member(ours, now)
    shown = text(looker.get(LIST))
    assert person.technician_id[:4] in shown and "/key" not in shown and 'name="t"' not in shown
    assert "技能者を招待</a>" not in shown
    assert looker.submit(address(person, "/key"), {"open": "1-0"}).status_code == 403
    assert Affiliation.get_by_id(bound.id).business_keys == 0


def test_every_filter_finds_exactly_the_rows_that_show_it(admin, ours, now):
    plain, _ = member(ours, now, name="山田 太郎", name_kana="ヤマダ タロウ")
    waits, _ = member(ours, now, theirs=1, name="青木 花子", name_kana="アオキ ハナコ")
    failed, _ = member(ours, now, name="伊藤 次郎", name_kana="イトウ ジロウ")
    kept, _ = member(ours, now, name="鈴木 三郎", name_kana="スズキ サブロウ")
    technician = technician_account(plain, now)
    technician.last_sign_in_at = now
    technician.save()
    for person, state in ((failed, MessageState.FAILED), (waits, MessageState.SENT)):
        application = cast.registration(person, now)
        cast.sent_notice(application, cast.email(person, f"{person.id}@mail.example", now), now, state=state)
    card(kept, now, "absent")
    card(plain, now, "delivered")
    everybody = {plain, waits, failed, kept}

    def found(query: str) -> set[str]:
        return set(re.findall(r'<button class="line" id="k(\w+)"', text(admin.get(f"{LIST}?{query}"))))

    for query, people in {
        "": everybody,
        "state=waits_for_business": {waits},
        "state=closed": everybody - {waits},
        "notice=undelivered": {failed},
        "notice=sent": {waits},
        "notice=waiting": set(),
        "notice=none": {plain, kept},
        "card=kept": {kept},
        "card=delivered": {plain},
        "card=back": set(),
        "card=making": set(),
        "card=moving": set(),
        "unsigned=1": everybody - {plain},
        "notice=none&card=kept&unsigned=1": {kept},
        "state=nonsense": everybody,
    }.items():
        assert found(query) == {encode(person.id) for person in people}, query


def test_a_later_notice_that_went_out_takes_somebody_out_of_the_undelivered(admin, ours, now):
    person, _ = member(ours, now)
    mail = cast.email(person, "k@mail.example", now)
    cast.sent_notice(cast.registration(person, now), mail, now, state=MessageState.FAILED)
    cast.sent_notice(cast.registration(person, now), mail, now, state=MessageState.SENT)
    assert "メール不達 1人" not in text(admin.get(LIST))
    assert "該当する技能者はいません" in text(admin.get(f"{LIST}?notice=undelivered"))


def test_a_search_keeps_the_name_out_of_the_address(admin, ours, now, clock):
    member(ours, now, name="渡辺 学", name_kana="ワタナベ マナブ")
    member(ours, now, name="森 進", name_kana="モリ ススム")
    admin.get(LIST)
    answer = admin.submit(f"{LIST}/search", {"term": "渡辺", "state": "closed"})
    assert answer.status_code == 303 and "state=closed" in answer.location and "%" not in answer.location
    shown = text(admin.get(answer.location))
    assert "渡辺 学" in shown and "森 進" not in shown and "条件に合う人は1人" in shown
    clock.at += dt.timedelta(minutes=31)
    assert admin.submit(f"{LIST}/search", {"term": ""}).status_code == 303


def test_pages_of_fifty_go_on_and_back_in_both_orders(admin, ours, now):
    for n in range(120):
        member(ours, now, name_kana=f"サトウ {n:03}")
    for query in ("", "?sort=newest"):
        at, seen = LIST + query, []
        while at:
            shown = text(admin.get(at))
            seen += re.findall(r'<button class="line" id="k(\w+)"', shown)
            onward = re.search(r'href="([^"]+)" rel="next"', shown)
            at = onward[1].replace("&amp;", "&") if onward and len(seen) < 200 else None
        assert len(seen) == len(set(seen)) == 120
        last = text(admin.get(LIST + query))
        first_ids = re.findall(r'<button class="line" id="k(\w+)"', last)
        onward = re.search(r'href="([^"]+)" rel="next"', last)[1].replace("&amp;", "&")
        back = re.search(r'href="([^"]+)" rel="prev"', text(admin.get(onward)))[1].replace("&amp;", "&")
        assert re.findall(r'<button class="line" id="k(\w+)"', text(admin.get(back))) == first_ids


def test_a_page_asks_as_many_questions_for_fifty_people_as_for_three(admin, ours, now):
    def questions() -> int:
        asked = []
        kept = database.execute_sql
        database.obj.execute_sql = lambda sql, params=None, **more: (asked.append(sql), kept(sql, params, **more))[1]
        try:
            assert admin.get(LIST).status_code == 200
        finally:
            del database.obj.execute_sql
        return len(asked)

    for _ in range(3):
        member(ours, now)
    few = questions()
    for _ in range(47):
        member(ours, now)
    assert questions() == few < 20
