"""書き出し: asked for on a list, written by the worker for whoever asked, fetched by nobody else."""

import datetime as dt
import itertools
import re

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db.database import database
from db.ids import encode
from db.models import Affiliation, AuditDetail, AuditRow, ExportRequest
from tests import cast
from tests.examples import examples
from tests.web.business.story import card, member, signed_in, technician_account, user
from tests.web.taking_away import ask, fetch, newest, table, taken, work
from webapp.domain.accounts.accounts import RECENT, BusinessRole
from webapp.domain.disclosure import policy
from webapp.domain.disclosure.policy import facts_of, relation, viewer_of
from webapp.domain.disclosure.states import DisclosureState, state
from webapp.domain.exports import requests
from webapp.domain.notices.messages import MessageState
from webapp.pages.exports import SOURCES

LIST = "/business/technicians"
_names = itertools.count(1)


@pytest.fixture
def ours(app, now):
    return cast.business(now)


@pytest.fixture
def boss(ours, now):
    return user(ours, BusinessRole.ADMINISTRATOR, now)


@pytest.fixture
def admin(app, boss, now):
    return signed_in(app, boss, now)


def test_a_business_takes_its_list_away_as_it_is_shown(app, admin, ours, now):
    first, _ = member(
        ours, now, theirs=1, name="神田 一郎", name_kana="カンダ イチロウ", technician_id="00123456789012"
    )
    mail = cast.email(first, "k@mail.example", now)
    cast.sent_notice(cast.registration(first, now), mail, now, state=MessageState.FAILED)
    card(first, now, "kept", kept_until=dt.date(2026, 11, 27))
    member(ours, now, name="=cmd|'/c calc'!A1", name_kana="アオ")
    rows = taken(app, admin, LIST)
    assert [row[0] for row in rows[1:]] == ["=cmd|'/c calc'!A1", "神田 一郎"]
    assert rows[2][2:] == [
        "00123456789012", "メール不達", "保管中 11/27まで", "開示", "未開示", "貴社の設定待ち", "なし",
    ]  # fmt: skip
    assert taken(app, admin, LIST, "csv")[1][0] == "'=cmd|'/c calc'!A1"


def test_filters_search_and_order_are_those_of_the_page(app, admin, ours, now):
    member(ours, now, theirs=1, name="神田 一郎", name_kana="カンダ イチロウ")
    member(ours, now, theirs=1, name="神田 二郎", name_kana="カンダ アジロウ")
    member(ours, now, name="神田 三郎", name_kana="カンダ サブロウ")
    member(ours, now, theirs=1, name="佐藤 四郎")
    there = admin.submit(f"{LIST}/search", {"term": "神田", "state": "waits_for_business"}).location
    assert "神田" not in there and 'value="' + there.replace("&", "&amp;") in admin.get(there).text
    assert [row[0] for row in taken(app, admin, there)[1:]] == ["神田 二郎", "神田 一郎"]
    assert taken(app, admin, f"{LIST}?sort=newest")[1][0] == "佐藤 四郎"


def test_a_search_that_the_page_has_forgotten_is_not_written_as_everybody(app, admin, ours, now, clock):
    member(ours, now)
    there = admin.submit(f"{LIST}/search", {"term": "神田"}).location
    ask(admin, there)
    database.execute_sql("DELETE FROM search_request")
    work(app)
    assert newest().failure == "search_over" and "検索語を消した" in admin.get("/exports").text
    ask(admin, there)
    assert "検索から30分が過ぎた" in admin.get("/exports").text and ExportRequest.select().count() == 1


def test_a_search_can_be_written_long_after_the_page_has_forgotten_it(app, admin, ours, now, clock):
    member(ours, now, name="神田 一郎")
    member(ours, now)
    ask(admin, admin.submit(f"{LIST}/search", {"term": "神田"}).location)
    clock.at = now + dt.timedelta(hours=20)
    work(app)
    path = requests.folder_of(app.extensions["settings"].state_dir) / newest().file
    assert newest().done == 1 and path.is_file()


def test_the_worker_asks_again_what_the_asker_may_see(app, admin, boss, ours, now):
    member(ours, now)
    ask(admin, LIST)
    boss.active = False
    boss.save()
    work(app)
    assert (newest().state, newest().failure, newest().file) == ("failed", "not_allowed", None)


def test_who_left_between_asking_and_writing_is_not_in_the_file(app, admin, ours, now):
    member(ours, now, name="残る 人")
    _, bound = member(ours, now, name="去る 人")
    ask(admin, LIST)
    Affiliation.update(current=False, ended_at=now).where(Affiliation.id == bound.id).execute()
    work(app)
    assert [row[0] for row in table(fetch(admin))[1:]] == ["残る 人"]


KEYS = st.integers(0, 31)
PEOPLE = st.lists(st.tuples(st.integers(0, 2), KEYS, KEYS, st.booleans()), max_size=6)


@examples(12, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(people=PEOPLE, role=st.sampled_from(BusinessRole), wanted=st.sampled_from(["", *DisclosureState]))
def test_a_file_holds_exactly_those_for_whom_the_rule_says_employer(app, now, people, role, wanted):
    """Random people of three businesses, some of whom have left: the file has whom `relation` calls one's own."""
    firms = [cast.business(now) for _ in range(3)]
    made = []
    for firm, theirs, mine, current in people:
        person, bound = member(firms[firm], now, mine, theirs, name=f"人 {next(_names)}")
        if not current:
            Affiliation.update(current=False, ended_at=now).where(Affiliation.id == bound.id).execute()
        made.append(person)
    account = user(firms[0], role, now)
    rows = taken(app, signed_in(app, account, now), f"{LIST}?state={wanted}")
    facts, who = facts_of([person.id for person in made]), viewer_of(account)
    expected = {
        person.technician_id
        for person in made
        if relation(who, facts[person.id]) is policy.Relation.EMPLOYER
        and (not wanted or state(facts[person.id], policy.Group.PERSON) == wanted)
    }
    assert {row[2] for row in rows[1:]} == expected and len(rows) - 1 == len(expected)


def test_nobody_but_the_asker_finds_fetches_or_removes_it(app, admin, ours, now, ops_admin, technician):
    person, _ = member(ours, now, name="秘密 花子")
    taken(app, admin, LIST)
    there = f"/exports/{encode(newest().id)}"
    others = {
        "colleague": signed_in(app, user(ours, BusinessRole.ADMINISTRATOR, now), now),
        "other business": signed_in(app, user(cast.business(now), BusinessRole.ADMINISTRATOR, now), now),
        "the person": signed_in(app, technician_account(person, now), now),
        "operator": ops_admin,
        "technician": technician,
    }
    for who, client in others.items():
        assert client.get(f"{there}/file").status_code == 404, who
        assert client.submit(f"{there}/remove").status_code == 404, who
        assert "所属技能者 <small>" not in client.get("/exports").text, who
    assert app.test_client().get(f"{there}/file").status_code == 303
    assert newest().state == "ready"


def test_nobody_asks_for_a_list_that_is_not_for_them(app, admin, technician, ops_viewer):
    for of in SOURCES:
        path = app.url_map.bind("localhost").build(of)
        for client, mine in ((admin, "business_"), (technician, "me_"), (ops_viewer, "ops_")):
            status = ask(client, path).status_code
            assert status == (303 if of.startswith(mine) else 404), (of, mine)


@pytest.mark.parametrize("of", ["", "/", "/sign-in", "/business", "x", f"{LIST}?{'x' * 2000}"])
def test_what_is_no_list_is_not_found(admin, of):
    assert ask(admin, of).status_code == 404 and not ExportRequest.select().exists()


def test_an_address_elsewhere_means_our_own_list(app, admin):
    ask(admin, f"//elsewhere.example{LIST}?after=000000000000A&state=closed")
    assert newest().address == f"{LIST}?state=closed"


def test_a_format_that_does_not_exist_is_refused(admin):
    for how in ("", "pdf", "xlsx2"):
        assert ask(admin, LIST, how).status_code == 400


def test_asking_and_fetching_need_a_fresh_proof_of_identity_and_go_on_behind_it(app, admin, ours, now, clock):
    member(ours, now)
    taken(app, admin, LIST)
    clock.at = now + RECENT
    assert "/confirm-identity" in fetch(admin).location
    sent = ask(admin, f"{LIST}?state=closed", "csv", headers={"Referer": f"http://localhost{LIST}?state=closed"})
    assert sent.location == "/confirm-identity?next=/exports" and ExportRequest.select().count() == 1
    page = admin.get("/exports").text
    assert 'value="/business/technicians?state=closed"' in page and "「所属技能者」を書き出します" in page


def test_asking_and_fetching_are_logged_without_the_search(app, admin, boss, ours, now):
    member(ours, now, name="神田 一郎")
    taken(app, admin, admin.submit(f"{LIST}/search", {"term": "神田", "state": "closed"}).location)
    actions = [row.action for row in AuditRow.select().where(AuditRow.account_id == boss.id).order_by(AuditRow.id)]
    assert actions == ["export:account:asked", "export:account:fetched"]
    assert [row.content for row in AuditDetail.select().order_by(AuditDetail.id)] == [
        {"list": "/business/technicians?state=closed", "format": "xlsx"},
        {"source": "business_technicians.index", "rows": 1},
    ]


def test_the_page_asks_again_with_growing_pauses_and_stops_when_all_is_done(app, admin, now, clock):
    ask(admin, LIST)
    part = admin.partial("/exports").text
    assert 'hx-trigger="load delay:1s"' in part and "順番待ち" in part and "作成中です" in part
    clock.at = now + dt.timedelta(seconds=30)
    assert 'hx-trigger="load delay:10s"' in admin.get("/exports").text
    work(app)
    for page in (admin.partial("/exports").text, admin.get("/exports").text):
        assert "hx-trigger" not in page and "完成" in page and "ダウンロード" in page


def test_a_list_longer_than_a_file_takes_is_cut_and_says_so(app, admin, ours, now, monkeypatch):
    object.__setattr__(app.extensions["settings"], "export_rows", 3)
    for n in range(3):
        member(ours, now, name=f"人 {n}")
    assert len(taken(app, admin, LIST)) == 4 and not newest().cut
    member(ours, now)
    rows = taken(app, admin, LIST)
    assert len(rows) == 5 and "3行まで" in rows[-1][0] and newest().cut
    assert "一覧には続きがあります" in admin.get("/exports").text
    assert "3行まで" in taken(app, admin, LIST, "csv")[-1][0]


def test_removed_means_gone(app, admin, ours, now):
    member(ours, now)
    taken(app, admin, LIST)
    path = requests.folder_of(app.extensions["settings"].state_dir) / newest().file
    assert path.is_file() and (path.stat().st_mode & 0o777) == 0o600
    assert admin.submit(f"/exports/{encode(newest().id)}/remove").location == "/exports"
    assert not path.exists() and fetch(admin).status_code == 404 and "削除済み" in admin.get("/exports").text


def test_the_file_speaks_the_language_of_the_asker_and_says_what_it_is(app, admin, ours, now):
    member(ours, now)
    admin.set_cookie("language", "en")
    rows = taken(app, admin, LIST)
    assert rows[0][:3] == ["Name", "Kana", "Technician ID"]
    answer = fetch(admin)
    assert answer.headers["Content-Disposition"] == "attachment; filename=technicians-20261118-1002.xlsx"
    assert answer.headers["Cache-Control"] == "no-store"


def test_what_goes_wrong_is_told_and_tried_again(app, admin, ours, now, clock, monkeypatch):
    member(ours, now)
    ask(admin, LIST)
    with monkeypatch.context() as patch:
        patch.setattr("webapp.domain.exports.tables.write_xlsx", lambda *args: 1 / 0)
        for _ in range(requests.MOST_TRIES):
            with pytest.raises(ZeroDivisionError):
                work(app)
            clock.at += dt.timedelta(minutes=1)
    assert "作成中に問題が起きました" in admin.get("/exports").text
    assert len(taken(app, admin, LIST)) == 2


def test_the_list_for_paper_is_the_list_as_filtered_with_its_conditions_in_words(admin, ours, now, monkeypatch):
    member(ours, now, theirs=1, name="神田 一郎", name_kana="カンダ")
    member(ours, now, theirs=1, name="神田 二郎", name_kana="アカンダ")
    member(ours, now, name="佐藤 三郎")
    there = admin.submit(f"{LIST}/search", {"term": "神田", "state": "waits_for_business"}).location
    paper = re.search(rf'href="({LIST}/print[^"]*)"', admin.get(there).text)[1].replace("&amp;", "&")
    for page in (admin.get(paper).text, admin.partial(f"{LIST}/print?state=closed").text):
        assert "2026年11月18日(水) 10:02 時点" in page
        assert "<button" not in page.split('id="printed"')[1].split("<footer")[0]
    page = admin.get(paper).text
    assert "開示: 貴社の設定待ち" in page and "氏名・カナ・技能者ID: 神田" in page
    assert page.index("神田 二郎") < page.index("神田 一郎") and "佐藤" not in page
    monkeypatch.setattr("webapp.blueprints.business.technicians.MOST_PRINTED", 2)
    assert "先頭の2人です" in admin.get(f"{LIST}/print").text


def test_the_list_for_paper_belongs_to_the_business_alone(app, ours, now, technician, ops_viewer):
    member(ours, now, name="秘密 花子")
    stranger = signed_in(app, user(cast.business(now), BusinessRole.VIEWER, now), now)
    assert "秘密" not in stranger.get(f"{LIST}/print").text
    assert {one.get(f"{LIST}/print").status_code for one in (technician, ops_viewer)} == {404}
