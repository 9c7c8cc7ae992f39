"""Another business finds what is disclosed, in kana order, logged and counted; an employer finds its own people."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db import database as db
from db.models import AccessRow, Affiliation, Alarm, RecordItem, Throttle
from tests import cast
from tests.domain.disclosure.test_policy import business_user, operator, person
from tests.examples import examples
from webapp.domain.affiliations import roster
from webapp.domain.affiliations.roster import Filter
from webapp.domain.core.daily_limits import LimitReached
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.disclosure import access_log, look_up
from webapp.domain.disclosure.access_log import Look, NotLogged, ViewKind, looked
from webapp.domain.disclosure.look_up import Criteria, LookUpLimits, NoLookUp, NothingAsked
from webapp.domain.disclosure.policy import NOBODY, Group, as_business, decide, facts_of, mask
from webapp.domain.disclosure.record import view_record
from webapp.domain.disclosure.states import DisclosureState, chip

PLENTY = LookUpLimits(10_000, 10_000)
KANA = ["アオキ", "アオヤマ", "イトウ", "ハヤシ"]


def open_person(now, employer, kana="サトウ", ours=31, theirs=31, qualifications=(), **values):
    someone = cast.technician(now, name=values.pop("name", kana), name_kana=kana, **values)
    for position, value in enumerate(qualifications):
        RecordItem.create(
            technician=someone, kind="qualification", position=position, value=value, value_key=fold_search_key(value)
        )
    cast.affiliate(someone, employer, now, technician_keys=ours, business_keys=theirs)
    return someone


def test_a_search_finds_exactly_the_disclosed_people_in_kana_order_page_by_page(database, now):
    towns = st.lists(
        st.tuples(
            st.sampled_from(KANA),
            st.sampled_from([0, 1, 5, 30, 31]),
            st.sampled_from([0, 1, 5, 30, 31]),
            st.booleans(),
            st.sampled_from(["own", "other", "ended"]),
        ),
        max_size=30,
    )

    @examples(25, database=None, suppress_health_check=list(HealthCheck))
    @given(towns, st.sampled_from(["ア", "アオ", "ハヤシ", "ンンン"]), st.booleans())
    def agree(town, kana, qualified):
        with db.transaction() as undo:
            own, other = cast.business(now), cast.business(now)
            viewer = business_user(own.id)
            wanted = []
            for name, ours, theirs, holds, where in town:
                employer = own if where == "own" else other
                items = ["玉掛け"] if holds else []
                someone = open_person(now, employer, name, ours, theirs, items)
                if where == "ended":
                    Affiliation.update(current=False).where(Affiliation.technician == someone).execute()
                facts = facts_of([someone.id])[someone.id]
                needed = [Group.PERSON, Group.QUALIFICATIONS] if qualified else [Group.PERSON]
                found = all(decide(viewer, facts, group).allowed for group in needed)
                if found and where == "other" and name.startswith(kana) and (holds or not qualified):
                    wanted.append((name, facts.affiliation_id, someone.id))
            criteria = Criteria(kana=kana, qualification="玉掛け" if qualified else "")
            found, after = [], None
            while True:
                page = look_up.search(viewer, criteria, PLENTY, now, after)
                assert len(page.rows) <= 20
                found += [row.id for row in page.rows]
                after = page.after
                if after is None:
                    break
            assert found == [row[2] for row in sorted(wanted)]
            assert [row.technician_id for row in AccessRow.select().order_by(AccessRow.id)] == found
            undo.rollback()

    agree()


def test_a_search_needs_a_criterion(town, now):
    for nothing in (Criteria(), Criteria(name="  "), Criteria(kana="-", technician_id="　")):
        with pytest.raises(NothingAsked):
            look_up.search(town[0], nothing, PLENTY, now)


@pytest.fixture
def town(database, now):
    """Another business, and an employer with a person who has opened everything."""
    employer, other = cast.business(now, name="雇用主"), cast.business(now, name="B社")
    return business_user(other.id), employer, open_person(now, employer, qualifications=["玉掛け"])


def test_unknown_and_undisclosed_are_answered_and_counted_alike(town, now):
    viewer, employer, _ = town
    hidden = open_person(now, employer, theirs=30)
    answers = [
        look_up.search(viewer, Criteria(technician_id=number), PLENTY, now)
        for number in (hidden.technician_id, "99999999999999")
    ]
    assert [answer.rows for answer in answers] == [(), ()]
    assert [answer.allowances.user.used for answer in answers] == [1, 2]
    assert look_up.open_record(viewer, hidden.id, PLENTY, now) is None
    assert look_up.open_record(viewer, 12345, PLENTY, now) is None
    assert AccessRow.select().count() == 0


def test_a_qualification_finds_nobody_whose_qualifications_are_closed(town, now):
    viewer, employer, someone = town
    open_person(now, employer, ours=31 & ~Group.QUALIFICATIONS.bit, qualifications=["玉掛け"])
    page = look_up.search(viewer, Criteria(qualification="玉掛け"), PLENTY, now)
    assert [row.id for row in page.rows] == [someone.id]
    assert AccessRow.get().groups == mask([Group.PERSON, Group.QUALIFICATIONS])
    assert AccessRow.get().context == "qualification"


def test_a_common_qualification_is_found_in_the_other_way_with_the_same_answer(town, now, monkeypatch):
    viewer, employer, someone = town
    open_person(now, employer, qualifications=["足場"])
    monkeypatch.setattr(look_up, "_FEW", 0)
    page = look_up.search(viewer, Criteria(qualification="玉"), PLENTY, now)
    assert [row.id for row in page.rows] == [someone.id]


def test_an_id_may_be_typed_in_groups_and_wide_digits(town, now):
    viewer, _, someone = town
    digits = someone.technician_id
    typed = f"{digits[:4]} {digits[4:8]}-{digits[8:12]}　{digits[12:]}".translate(
        {ord(str(n)): chr(0xFF10 + n) for n in range(10)}
    )
    assert look_up.search(viewer, Criteria(technician_id=typed), PLENTY, now).rows[0].id == someone.id


def test_the_days_limit_is_told_in_numbers_stops_the_user_and_alarms_ops(town, now):
    viewer, employer, _ = town
    for _ in range(4):
        open_person(now, employer)
    limits = LookUpLimits(per_user=3, per_business=100)
    page = look_up.search(viewer, Criteria(kana="サ"), limits, now)
    assert (len(page.rows), page.allowances.user.used, page.allowances.left) == (3, 3, 0)
    for call in (
        lambda: look_up.search(viewer, Criteria(kana="サ"), limits, now),
        lambda: look_up.open_record(viewer, 1, limits, now),
    ):
        with pytest.raises(LimitReached) as reached:
            call()
        assert (reached.value.allowance.used, reached.value.allowance.left) == (3, 0)
    assert (Alarm.get().kind, Alarm.get().count, AccessRow.select().count()) == ("look_up_limit", 2, 3)
    assert not any("サ" in row.key for row in Throttle.select())
    tomorrow = now + dt.timedelta(days=1)
    assert look_up.search(viewer, Criteria(kana="サ"), limits, tomorrow).allowances.user.used == 3


def test_the_business_has_one_limit_for_all_its_users(town, now):
    viewer, _, _ = town
    colleague = type(viewer)(viewer.kind, 2, True, "viewer", business_id=viewer.business_id)
    limits = LookUpLimits(per_user=5, per_business=1)
    look_up.search(viewer, Criteria(kana="サ"), limits, now)
    with pytest.raises(LimitReached) as reached:
        look_up.search(colleague, Criteria(kana="サ"), limits, now)
    assert reached.value.key.startswith("look-up:business:")


@pytest.mark.parametrize(
    "viewer", [NOBODY, as_business(), operator(), person(7), business_user(5, active=False), business_user(5, "guest")]
)
def test_only_active_users_of_a_business_look_up(sqlite, now, viewer):
    with pytest.raises(NoLookUp):
        look_up.search(viewer, Criteria(kana="サ"), PLENTY, now)
    with pytest.raises(NoLookUp):
        look_up.open_record(viewer, 1, PLENTY, now)


def test_nothing_is_shown_when_the_log_cannot_be_written(town, now):
    viewer, _, someone = town
    db.database.execute_sql("ALTER TABLE access_row RENAME TO gone")
    for call in (
        lambda: look_up.search(viewer, Criteria(kana="サ"), PLENTY, now),
        lambda: look_up.open_record(viewer, someone.id, PLENTY, now),
        lambda: view_record(operator(), someone.id, now),
    ):
        with pytest.raises(Exception, match="access_row"):
            call()


def test_a_look_is_written_in_a_transaction_by_somebody_and_never_for_the_person_itself(town, now):
    viewer, _, someone = town
    facts = facts_of([someone.id])[someone.id]
    with pytest.raises(NotLogged):
        looked(viewer, [Look(facts, 1)], ViewKind.RECORD, now)
    with pytest.raises(NotLogged), db.transaction():
        looked(as_business(), [Look(facts, 1)], ViewKind.RECORD, now)
    with db.transaction():
        looked(person(someone.id), [Look(facts, 1)], ViewKind.RECORD, now)
    assert AccessRow.select().count() == 0


def test_the_person_and_the_employer_learn_the_business_and_only_its_own_people_the_user(town, now):
    from db.models import Account

    viewer, employer, someone = town
    account = Account.create(
        id=viewer.account_id, kind="business_user", login_key="b:x:1", display_name="閲覧 太郎", role="viewer",
        business=viewer.business_id, created_at=now,
    )  # fmt: skip
    look_up.open_record(viewer, someone.id, PLENTY, now)
    view_record(business_user(employer.id), someone.id, now + dt.timedelta(hours=1))

    def names(lines):
        return [(line.business, line.user) for line in lines]

    assert names(access_log.of_technician(someone.id)) == [("雇用主", ""), ("B社", "")]
    assert names(access_log.of_technician(someone.id, since=now, until=now + dt.timedelta(hours=1))) == [("B社", "")]
    first, second = access_log.of_technician(someone.id)
    assert access_log.of_technician(someone.id, before=first.id) == [second]
    assert (second.groups, second.technician_keys_version, second.kind) == (tuple(Group), 0, ViewKind.RECORD)
    assert names(access_log.of_employer(business_user(employer.id))) == [("雇用主", account.display_name), ("B社", "")]
    assert names(access_log.of_own_users(viewer)) == [("B社", "閲覧 太郎")]
    assert access_log.of_own_users(business_user(employer.id)) == []
    assert ("B社", "閲覧 太郎") in names(access_log.for_operator(operator(), someone.id))
    assert access_log.for_operator(viewer, someone.id) == access_log.of_employer(operator()) == []
    (before_closing,) = access_log.by_business(someone.id, Group.TRADES.bit)
    assert (before_closing.name, before_closing.times, before_closing.last_at) == ("B社", 1, now)
    until = now + dt.timedelta(days=1)
    by_person = access_log.counts_for_employer(business_user(employer.id), now, until, by="technician")
    assert [(line.name, line.times, line.groups) for line in by_person] == [("サトウ", 1, tuple(Group))]
    (of_b,) = access_log.counts_for_employer(business_user(employer.id), now, until, by="business")
    assert (of_b.name, of_b.times) == ("B社", 1)

    Affiliation.update(current=False).execute()
    assert access_log.of_employer(business_user(employer.id)) == []
    assert len(access_log.of_technician(someone.id)) == 2


def test_an_employers_list_is_its_own_people_in_order_forwards_and_back(database, now):
    employer, other = cast.business(now), cast.business(now)
    viewer = business_user(employer.id)
    for n in range(25):
        open_person(now, employer, KANA[n % 4], ours=n % 3 and 31, theirs=n % 2)
        open_person(now, other, KANA[n % 4])
    gone = open_person(now, employer)
    Affiliation.update(current=False).where(Affiliation.technician == gone).execute()
    everybody = [
        row.id
        for row in Affiliation.select()
        .where((Affiliation.business == employer) & Affiliation.current)
        .order_by(Affiliation.sort_key, Affiliation.id)
    ]
    first = roster.page(viewer, size=10)
    second = roster.page(viewer, after=first.after, size=10)
    third = roster.page(viewer, after=second.after, size=10)
    pages = [first, second, third]
    assert [row.affiliation_id for page in pages for row in page.rows] == everybody
    assert (first.before, third.after, len(third.rows)) == (None, None, 5)
    assert roster.page(viewer, before=third.before, size=10).rows == second.rows
    assert roster.page(viewer, before=second.before, size=10) == first

    assert roster.count(viewer) == 25
    counts = roster.counts_by_state(viewer)
    assert sum(counts.values()) == 25
    for one in DisclosureState:
        rows = roster.page(viewer, Filter(state=one)).rows
        assert len(rows) == counts[one] == roster.count(viewer, Filter(state=one)) > 0
        assert {row.chip.state for row in rows} == {one}
    assert roster.count(viewer, Filter(text="アオ")) == 13
    assert roster.count(viewer, Filter(text="ｱｵｷ")) == 7
    assert roster.count(viewer, Filter(text=first.rows[0].technician_id)) == 1
    assert roster.count(viewer, Filter(not_signed_in=True)) == 25
    row = roster.member(viewer, everybody[0])
    assert row == first.rows[0]
    assert row.chip == chip(facts_of([row.id])[row.id])
    assert roster.member(business_user(other.id), everybody[0]) is None


@pytest.mark.parametrize(
    "viewer", [NOBODY, operator(), person(7), business_user(5, active=False), business_user(5, "x")]
)
def test_nobody_else_has_a_list(sqlite, now, viewer):
    assert roster.page(viewer).rows == ()
    assert (roster.count(viewer), roster.member(viewer, 1), sum(roster.counts_by_state(viewer).values())) == (
        0,
        None,
        0,
    )


def test_the_pages_walk_their_index_and_sort_nothing(sqlite, now):
    employer = cast.business(now)
    viewer = business_user(employer.id)

    def plan(query):
        sql, params = query.sql()
        return " | ".join(row[3] for row in sqlite.execute_sql("EXPLAIN QUERY PLAN " + sql, params))

    listed = plan(roster._select(viewer, None, 5, None).limit(50))
    assert "affiliation_page" in listed and "TEMP B-TREE" not in listed
    found = plan(look_up._matches(viewer, Criteria(kana="ア"), 5).limit(20))
    assert "affiliation_open" in found and "TEMP B-TREE" not in found
