"""The other pages of businesses: a person, menu 8300 for many, invitations, applications, the log, the look-up."""

import datetime as dt
import re

import pytest

from db.ids import encode
from db.models import AccessRow, Account, Affiliation, AffiliationInvitation, BulkChange
from tests import cast
from tests.web.business.story import ALL, address, card, member, signed_in, user
from tests.web.taking_away import taken
from webapp.domain.accounts.accounts import BusinessRole
from webapp.domain.core.daily_limits import take
from webapp.domain.disclosure import openings
from webapp.domain.disclosure.bulk import run_bulk
from webapp.domain.notices.messages import MessageState, Role


@pytest.fixture
def ours(app, now):
    return cast.business(now)


@pytest.fixture
def theirs(app, now):
    return cast.business(now, name="株式会社北斗組")


@pytest.fixture
def admin(app, ours, now):
    return signed_in(app, user(ours, BusinessRole.ADMINISTRATOR, now), now)


@pytest.fixture
def other(app, theirs, now):
    """A viewer of another business."""
    return signed_in(app, user(theirs, BusinessRole.VIEWER, now), now)


def text(response) -> str:
    return response.get_data(as_text=True)


def looks() -> int:
    return AccessRow.select().count()


# -- a person


def test_the_employer_sees_the_whole_record_and_each_look_is_logged(admin, ours, now):
    person, _ = member(ours, now, ours=3, theirs=1, telephone="03-0000-0000")
    shown = text(admin.get(address(person)))
    for words in (person.address, "03-0000-0000", "開示中（一部）", "本人の設定待ち", "就業履歴"):
        assert words in shown, words
    assert looks() == 1
    assert AccessRow.get().relation == "employer"
    assert text(admin.partial(address(person))).lstrip().startswith("<div")
    assert looks() == 2


def test_a_change_is_previewed_and_then_done(admin, ours, now):
    person, bound = member(ours, now, theirs=ALL)
    page = text(admin.get(address(person, "/keys?groups=31&open=1")))
    assert (
        "開示すると、他の事業者が本人情報、職種・経験、資格・研修、就業履歴、社会保険・建退共を閲覧できるようになります。"
        in page
    )
    assert Affiliation.get_by_id(bound.id).business_keys == 0
    done = admin.submit(address(person, "/keys"), {"groups": 31, "open": 1, "version": 0})
    assert done.status_code == 303 and done.location == address(person)
    assert Affiliation.get_by_id(bound.id).business_keys == ALL
    stale = admin.submit(address(person, "/keys"), {"groups": 2, "open": 0, "version": 0})
    assert stale.status_code == 409 and "画面を開いたあとに設定が変わった" in text(stale)


@pytest.mark.parametrize("query", ["", "?groups=0&open=1", "?groups=32&open=1", "?groups=1&open=2", "?groups=x&open=1"])
def test_a_change_that_makes_no_sense_is_refused(admin, ours, now, query):
    person, _ = member(ours, now)
    assert admin.get(address(person, "/keys" + query)).status_code == 400


def test_as_another_business_sees_it_is_the_rule_itself_and_no_look(admin, ours, now):
    person, _ = member(ours, now, ours=3, theirs=1, telephone="03-0000-0000")
    shown = text(admin.get(address(person, "/as-other")))
    assert person.technician_id[:4] in shown and "03-0000-0000" not in shown and "社会保険" in shown
    assert looks() == 0
    closed, _ = member(ours, now)
    assert "いまは何も表示されません" in text(admin.get(address(closed, "/as-other")))


def test_ending_an_affiliation_takes_effect_at_once(admin, ours, now):
    person, bound = member(ours, now, ours=ALL, theirs=ALL, name="退場 三郎")
    assert "すぐに効きます" in text(admin.get(address(person, "/end")))
    assert admin.submit(address(person, "/end")).status_code == 303
    row = Affiliation.get_by_id(bound.id)
    assert (row.current, row.business_keys, row.technician_keys) == (False, 0, 0)
    admin.get("/business/affiliations")
    shown = text(admin.get("/business/affiliations"))
    assert "事業者が終えた" in shown and "退場 三郎" not in shown
    for tail in ("", "/keys?groups=1&open=1", "/as-other", "/end"):
        assert admin.get(address(person, tail)).status_code == 404
    assert admin.submit(address(person, "/end")).status_code == 404


# -- menu 8300 for many


def test_the_menu_counts_the_states_and_leads_to_them(admin, ours, now):
    for keys in ((0, 0), (1, 0), (1, 0), (0, 1), (1, 1)):
        member(ours, now, ours=keys[0], theirs=keys[1])
    shown = text(admin.get("/business/disclosure"))
    for state, n in {"closed": 1, "waits_for_technician": 2, "waits_for_business": 1, "open": 1}.items():
        assert f'technicians?state={state}">{n}人' in shown


def test_a_selection_is_previewed_changed_and_taken_back(admin, ours, now, clock):
    people = [member(ours, now, theirs=n % 2) for n in range(5)]
    chosen = [encode(person.id) for person, _ in people[:3]]
    admin.get("/business/technicians")
    form = {"whom": "some", "t": chosen, "groups": 1, "open": 1}
    page = text(admin.submit("/business/disclosure/preview", form))
    assert "3人のうち3人の設定が変わります" in page and "1人の情報を、他の事業者が閲覧できるようになります" in page
    assert not Affiliation.select().where(Affiliation.business_keys > 0).exists()
    begun = admin.submit("/business/disclosure/changes", form)
    assert begun.status_code == 303
    assert Affiliation.select().where(Affiliation.business_keys == 1).count() == 3
    done = text(admin.get(begun.location))
    assert "終わりました" in done and "取り消す" in done and 'http-equiv="refresh"' not in done
    assert admin.submit(begun.location + "/undo").status_code == 303
    assert not Affiliation.select().where(Affiliation.business_keys > 0).exists()
    assert "取り消しました" in text(admin.get(begun.location))


def test_after_ten_minutes_nothing_is_taken_back(admin, ours, now, clock):
    person, _ = member(ours, now)
    admin.get("/business/technicians")
    begun = admin.submit(
        "/business/disclosure/changes", {"whom": "some", "t": encode(person.id), "groups": 1, "open": 1}
    )
    clock.at += dt.timedelta(minutes=11)
    assert "取り消す</button>" not in text(admin.get(begun.location))
    admin.submit(begun.location + "/undo")
    assert "10分を過ぎた" in text(admin.get(begun.location))
    assert Affiliation.get().business_keys == 1


def test_all_that_match_the_filter_are_changed_and_nobody_else(admin, ours, now):
    waiting = [member(ours, now, theirs=1) for _ in range(3)]
    closed, _ = member(ours, now)
    admin.get("/business/technicians?state=waits_for_business")
    form = {"whom": "all", "state": "waits_for_business", "groups": 1, "open": 1}
    assert "3人のうち3人" in text(admin.submit("/business/disclosure/preview", form))
    assert admin.submit("/business/disclosure/changes", form).status_code == 303
    opened = {row.technician_id for row in Affiliation.select().where(Affiliation.business_keys == 1)}
    assert opened == {person.id for person, _ in waiting} and closed.id not in opened


def test_a_forgotten_search_changes_nobody(admin, ours, now, clock):
    member(ours, now, name="渡辺 学", name_kana="ワタナベ マナブ")
    member(ours, now)
    admin.get("/business/technicians")
    found = admin.submit("/business/technicians/search", {"term": "渡辺"}).location
    token = re.search(r"s=([^&]+)", found)[1]
    form = {"whom": "all", "s": token, "groups": 1, "open": 0}
    assert "1人のうち0人" in text(admin.submit("/business/disclosure/preview", form))
    clock.at += dt.timedelta(minutes=29)
    admin.get("/business/technicians")
    clock.at += dt.timedelta(minutes=2)
    assert admin.submit("/business/disclosure/changes", form).location == "/business/technicians"
    assert BulkChange.select().count() == 0


def test_opening_for_all_asks_again_who_it_is(admin, ours, now, clock):
    for _ in range(openings.MOST + 1):
        member(ours, now)
    clock.at += dt.timedelta(minutes=20)
    admin.get("/business/disclosure")
    form = {"whom": "all", "groups": 1, "open": 1}
    for at in ("preview", "changes"):
        answer = admin.submit(f"/business/disclosure/{at}", form)
        assert answer.status_code == 303 and answer.location.startswith("/confirm-identity")
    assert BulkChange.select().count() == 0
    assert admin.submit("/business/disclosure/preview", form | {"open": 0}).status_code == 200


def test_a_long_change_shows_its_progress_until_the_worker_has_done_it(admin, ours, now, monkeypatch):
    for _ in range(5):
        member(ours, now)
    monkeypatch.setattr(run_bulk, "__defaults__", (2,))
    admin.get("/business/disclosure")
    at = admin.submit("/business/disclosure/changes", {"whom": "all", "groups": 1, "open": 1}).location
    page = text(admin.get(at))
    assert "5人のうち2人" in page and "<progress" in page and 'http-equiv="refresh"' in page and "delay:2s" in page
    change = BulkChange.get()
    while not run_bulk(change.id, now).finished:
        pass
    part = text(admin.partial(at))
    assert "5人のうち5人" in part and "hx-get" not in part


def test_nobody_chosen_is_said(admin, ours, now):
    member(ours, now)
    admin.get("/business/technicians")
    answer = admin.submit("/business/disclosure/preview", {"whom": "some", "groups": 1, "open": 1})
    assert answer.status_code == 303
    assert "だれも選ばれていません" in text(admin.get(answer.location))


# -- invitations


def test_every_invitation_is_answered_alike(admin, theirs, ours, now):
    person = cast.technician(now)
    born = person.birth_date.isoformat()
    answers = []
    for number, day in ((person.technician_id, born), (person.technician_id, "1970-01-01"), ("9" * 14, born)):
        admin.get("/business/affiliations")
        answer = admin.submit("/business/affiliations", {"technician_id": number, "birth_date": day})
        page = text(admin.get(answer.location))
        assert "招待を受け付けました" in page
        answers.append(re.sub(r'value="[^"]{43}"', "", page))
    assert len(set(answers)) == 1
    assert AffiliationInvitation.select().count() == 1
    wrong = admin.submit("/business/affiliations", {"technician_id": "123", "birth_date": "x"}, htmx=True)
    assert wrong.status_code == 422 and "14桁" in text(wrong) and AffiliationInvitation.select().count() == 1


# -- proxy


def test_a_proxy_sees_states_and_nothing_of_the_person(other, theirs, ours, now):
    person, _ = member(ours, now, name="秘匿 太郎", name_kana="ヒトク タロウ")
    application = cast.registration(person, now, proxy_business=theirs)
    mail = cast.email(person, "secret@mail.example", now)
    cast.sent_notice(application, mail, now, state=MessageState.FAILED)
    cast.sent_notice(application, mail, now, Role.PROXY, MessageState.DELIVERED, business=theirs)
    not_theirs = cast.registration(person, now)
    shown = text(other.get("/business/applications"))
    assert application.application_number in shown and not_theirs.application_number not in shown
    assert "メール不達" in shown and "送信済み" in shown
    for secret in ("秘匿", "ヒトク", person.technician_id, "secret@", person.address):
        assert secret not in shown
    found = other.submit("/business/applications/search", {"term": application.application_number})
    assert application.application_number in text(other.get(found.location))
    assert "代行した申請はありません" in text(
        other.get(other.submit("/business/applications/search", {"term": "Z"}).location)
    )


# -- the log


@pytest.fixture
def looked_at(other, ours, now):
    """One of ours whom another business has looked at twice."""
    person, _ = member(ours, now, ours=3, theirs=3, name="=閲覧 花子")
    for _ in range(2):
        assert other.get(f"/look-up/{encode(person.id)}").status_code == 200
    return person


def test_the_employer_sees_who_looked_by_business_and_person(admin, looked_at, theirs):
    shown = text(admin.get("/business/access-log"))
    assert shown.count("株式会社北斗組") == 3 and "=閲覧 花子" in shown and "本人情報、職種・経験" in shown
    assert "利用者" not in re.search(r"<tbody>.*", shown, re.S)[0]
    assert "記録はありません" in text(admin.get("/business/access-log?since=2020-01-01&until=2020-01-31"))


def test_the_log_can_be_taken_away_with_ids_as_text(app, admin, looked_at):
    rows = taken(app, admin, "/business/access-log", "csv")
    assert len(rows) == 3 and rows[1][1] == "株式会社北斗組" and rows[1][3] == "'=閲覧 花子"
    assert taken(app, admin, "/business/access-log")[1][3:5] == ["=閲覧 花子", looked_at.technician_id]
    assert len(taken(app, admin, "/business/access-log?since=2020-01-01&until=2020-01-31")) == 1


def test_a_business_reads_its_own_looks_with_names_of_users_and_of_nobody_else(other, admin, looked_at):
    for page in (text(other.get("/business/own-looks")), text(other.partial("/business/own-looks"))):
        assert page.count(f"/look-up/{encode(looked_at.id)}") == 2 and "技能者情報を開く" in page
        assert "閲覧 花子" not in page and looked_at.technician_id not in page
        assert Account.get(Account.business == AccessRow.get().business_id).display_name in page.split("<tbody>")[1]
    before = looks()
    assert "記録はありません" in text(admin.get("/business/own-looks")), "others' looks are not ours"
    assert "記録はありません" in text(other.get("/business/own-looks?since=2020-01-01&until=2020-01-31"))
    Affiliation.update(technician_keys=0).execute()
    closed = text(other.get("/business/own-looks"))
    assert closed.count("いまは開示されていません") == 2 and "/look-up/0" not in closed
    assert looks() == before, "the list itself is no look"


# -- other businesses


def test_a_search_finds_the_disclosed_alone_and_counts_them(other, ours, now):
    open_one, _ = member(ours, now, ours=1, theirs=1, name="開示 一郎", name_kana="カイジ イチロウ")
    member(ours, now, ours=1, theirs=0, name="開示 次郎", name_kana="カイジ ジロウ")
    page = other.get("/look-up")
    assert "上限" in text(page)
    sent = other.submit("/look-up", {"kana": "カイジ"})
    assert sent.status_code == 303 and "%" not in sent.location
    shown = text(other.get(sent.location))
    assert "開示 一郎" in shown and "開示 次郎" not in shown and "あなたは1人" in shown
    assert looks() == 1
    assert AccessRow.get().technician_id == open_one.id
    assert other.submit("/look-up", {"name": "-"}).status_code == 422


def test_unknown_and_undisclosed_answer_alike(other, ours, now):
    closed, _ = member(ours, now, ours=ALL, theirs=0)
    pages = []
    for number in (closed.id, 5):
        answer = other.get(f"/look-up/{encode(number)}")
        assert answer.status_code == 404
        page = text(answer).replace(encode(number), "")
        page = re.sub(r"あなたは\d人|全体で\d人", "", page)
        pages.append(re.sub(r'value="[^"]{43}"', "", page))
    assert pages[0] == pages[1] and "該当する技能者は見つかりません" in pages[0]
    assert looks() == 0


def test_a_record_shows_the_open_groups_and_nothing_else(other, ours, now):
    person, _ = member(ours, now, ours=ALL, theirs=1 | 16, telephone="03-1111-2222", social_insurance="協会けんぽ")
    shown = text(other.get(f"/look-up/{encode(person.id)}"))
    assert "協会けんぽ" in shown
    for secret in ("職種", "資格", "就業履歴", "03-1111-2222", person.address, "1985"):
        assert secret not in shown.split("<main")[1].split("</main>")[0], secret
    assert looks() == 1


def test_ones_own_people_have_their_own_page(admin, ours, now):
    person, _ = member(ours, now)
    assert admin.get(f"/look-up/{encode(person.id)}").location == address(person)
    assert looks() == 0


def test_the_limit_is_told_as_a_number(app, other, ours, now):
    person, _ = member(ours, now, ours=1, theirs=1)
    limit = app.extensions["settings"].look_ups_per_user_day
    take(f"look-up:user:{encode(Account.get(Account.role == 'viewer').id)}", limit, limit, now)
    answer = other.get(f"/look-up/{encode(person.id)}")
    assert answer.status_code == 429 and f"上限は{limit:,}人" in text(answer)
    assert looks() == 0


def test_no_log_no_look(other, ours, now, monkeypatch):
    person, _ = member(ours, now, ours=1, theirs=1, name="記録 できない")

    def broken(*args, **kwargs):
        raise OSError("disk full")

    monkeypatch.setattr("webapp.domain.disclosure.record.looked", broken)
    other.application.testing = False
    try:
        answer = other.get(f"/look-up/{encode(person.id)}")
    finally:
        other.application.testing = True
    assert answer.status_code == 500 and "記録 できない" not in text(answer)


def test_the_card_and_notice_of_a_person_stand_on_the_page(admin, ours, now):
    person, _ = member(ours, now)
    card(person, now, "ordered")
    assert "カードはまだ作られていません" in text(admin.get(address(person)))


def test_every_page_speaks_english(admin, ours, now):
    person, _ = member(ours, now, ours=3, theirs=1, name="Smith John", name_kana="", address="Tokyo")
    card(person, now, "kept", kept_until=dt.date(2026, 11, 27))
    admin.set_cookie("language", "en")
    pages = ["/business/technicians", "/business/disclosure", "/business/affiliations", "/business/applications"]
    pages += ["/business/access-log", "/look-up", address(person), address(person, "/keys?groups=31&open=1")]
    pages += [address(person, "/as-other"), address(person, "/end")]
    for page in pages:
        shown = re.search(r"<main.*</main>", text(admin.get(page)), re.S)[0].replace(ours.name, "")
        assert re.findall(r"[\u3040-\u30ff\u4e00-\u9fff]+", re.sub(r"利用者\d+", "", shown)) == [], page
