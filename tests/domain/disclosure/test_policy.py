"""The rule of disclosure: every combination by hand, and on the store the same answer in SQL."""

import itertools

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st
from peewee import JOIN

from db import database as db
from db.models import Account, Affiliation, Technician
from tests import cast
from tests.examples import examples
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.affiliations import roster
from webapp.domain.disclosure import look_up
from webapp.domain.disclosure.policy import (
    ALL_GROUPS,
    NOBODY,
    Facts,
    Group,
    Missing,
    Relation,
    Side,
    Viewer,
    as_business,
    decide,
    facts_of,
    groups_of,
    mask,
    viewer_of,
    visible_groups,
)
from webapp.domain.disclosure.record import Record, record_for
from webapp.domain.disclosure.sql import disclosed, in_state
from webapp.domain.disclosure.states import WORDS, DisclosureState, chip, in_one_sentence, standings, state

SELF, EMPLOYER, PAST, PROXY, OTHER = 7, 100, 101, 102, 103


# Fields that no other business sees, whatever the keys say (DOMAIN 3).
NEVER_SHOWN = ("birth_date", "postal_code", "address", "telephone", "email", "photo", "past_employers")


NAMED = look_up.Criteria(name="佐藤")  # as everybody of the town is called


def people():
    """Everybody, each with the current affiliation or none."""
    current = (Affiliation.technician == Technician.id) & Affiliation.current
    return Technician.select(Technician).join(Affiliation, JOIN.LEFT_OUTER, on=current)


def business_user(business_id, role="viewer", active=True):
    return Viewer(AccountKind.BUSINESS_USER, 1, active, role, business_id=business_id)


def operator(role="viewer", active=True):
    return Viewer(AccountKind.OPERATOR, 1, active, role)


def person(technician_id, active=True):
    return Viewer(AccountKind.TECHNICIAN, 1, active, "technician", technician_id=technician_id)


# Viewer class: (viewer, what it sees of a person who is currently with EMPLOYER: "all", "disclosed" or "nothing").
VIEWERS = {
    "technician": (person(SELF), "all"),
    "technician, closed account": (person(SELF, active=False), "nothing"),
    "another technician": (person(8), "nothing"),
    "employer, administrator": (business_user(EMPLOYER, "administrator"), "all"),
    "employer, viewer": (business_user(EMPLOYER), "all"),
    "employer, closed account": (business_user(EMPLOYER, "administrator", active=False), "nothing"),
    "employer, unknown role": (business_user(EMPLOYER, "owner"), "nothing"),
    "past employer": (business_user(PAST), "disclosed"),
    "proxy": (business_user(PROXY), "disclosed"),
    "other business, administrator": (business_user(OTHER, "administrator"), "disclosed"),
    "other business, viewer": (business_user(OTHER), "disclosed"),
    "other business, closed account": (business_user(OTHER, active=False), "nothing"),
    "other business, no role": (business_user(OTHER, ""), "nothing"),
    "user without business": (business_user(None), "nothing"),
    "operator": (operator("operator"), "all"),
    "operator, closed account": (operator("administrator", active=False), "nothing"),
    "operator, unknown role": (operator("guest"), "nothing"),
    "hypothetical business": (as_business(), "disclosed"),
    "nobody": (NOBODY, "nothing"),
}


def by_hand(technician_keys: int, business_keys: int, group: Group) -> bool:
    """The rule once more, in other words: four keys, all of them turned."""
    return all(keys >> bit & 1 for keys in (technician_keys, business_keys) for bit in (0, int(group)))


@pytest.mark.parametrize("name", VIEWERS)
def test_the_rule_for_every_key_and_group_with_a_current_affiliation(name):
    viewer, sees = VIEWERS[name]
    for ours, theirs, group in itertools.product(range(32), range(32), Group):
        decision = decide(viewer, Facts(SELF, 1, EMPLOYER, ours, theirs, 0, 0), group)
        wanted = {"all": True, "disclosed": by_hand(ours, theirs, group), "nothing": False}[sees]
        assert decision.allowed is wanted
        assert decision.reason.endswith("。")
        assert bool(decision.missing) is not wanted


@pytest.mark.parametrize("name", VIEWERS)
def test_without_a_current_affiliation_only_the_person_and_operators_see_anything(name):
    viewer, _ = VIEWERS[name]
    for group in Group:
        assert decide(viewer, Facts(SELF), group).allowed is (name in ("technician", "operator"))


def test_a_refusal_names_the_keys_that_are_missing():
    facts = Facts(SELF, 1, EMPLOYER, mask([Group.PERSON]), mask([Group.TRADES]), 0, 0)
    decision = decide(business_user(OTHER), facts, Group.TRADES)
    assert decision.missing == (Missing.TECHNICIAN_KEY, Missing.BUSINESS_MASTER)
    assert decision.relation is Relation.OTHER_BUSINESS
    assert decide(business_user(OTHER), Facts(SELF), Group.PERSON).missing == (Missing.AFFILIATION,)


def test_the_bits_of_the_groups_are_those_that_are_stored():
    assert [(group.name, group.bit) for group in Group] == [
        ("PERSON", 1),
        ("TRADES", 2),
        ("QUALIFICATIONS", 4),
        ("WORK_HISTORY", 8),
        ("INSURANCE", 16),
    ]
    assert groups_of(ALL_GROUPS) == tuple(Group)


def test_the_state_in_words_agrees_with_the_rule():
    for ours, theirs in itertools.product(range(32), range(32)):
        facts = Facts(SELF, 1, EMPLOYER, ours, theirs, 0, 0)
        opened = visible_groups(as_business(), facts)
        # "waits for" means: if that side opened everything, it would be open
        if_ours = visible_groups(as_business(), facts.with_keys(Side.TECHNICIAN, ALL_GROUPS, True))
        if_theirs = visible_groups(as_business(), facts.with_keys(Side.BUSINESS, ALL_GROUPS, True))
        for standing in standings(facts):
            bit = standing.group.bit
            assert (standing.state is DisclosureState.OPEN) is bool(opened & bit)
            assert (standing.state is DisclosureState.WAITS_FOR_TECHNICIAN) is bool(if_ours & ~opened & bit)
            assert (standing.state is DisclosureState.WAITS_FOR_BUSINESS) is bool(if_theirs & ~opened & bit)
        shown = chip(facts)
        assert shown.state is state(facts, Group.PERSON)
        assert shown.partial is (bool(opened) and opened != ALL_GROUPS)
        assert ("開示されていません" in in_one_sentence(facts)) is not opened


def test_the_four_states_read_as_people_know_them():
    assert list(WORDS.values()) == ["開示していません", "所属事業者の設定待ち", "本人の設定待ち", "開示中"]


def test_the_master_opened_again_finds_the_other_keys_as_they_stood():
    facts = Facts(SELF, 1, EMPLOYER, 0b10101, ALL_GROUPS, 0, 0)
    closed = facts.with_keys(Side.TECHNICIAN, Group.PERSON.bit, False)
    assert visible_groups(as_business(), closed) == 0
    assert visible_groups(as_business(), closed.with_keys(Side.TECHNICIAN, Group.PERSON.bit, True)) == 0b10101


people_of_a_town = st.lists(
    st.tuples(
        st.sampled_from(["none", "ended", "current", "moved"]),
        st.integers(0, 2),  # employer
        st.one_of(st.sampled_from([0, 1, 31]), st.integers(0, 31)),
        st.one_of(st.sampled_from([0, 1, 31]), st.integers(0, 31)),
    ),
    min_size=1,
    max_size=12,
)


@pytest.mark.timeout(300)
def test_sql_says_exactly_what_the_rule_says(database, now):
    @examples(30, database=None, suppress_health_check=list(HealthCheck))
    @given(people_of_a_town)
    def agree(town):
        with db.transaction() as undo:
            businesses = [cast.business(now) for _ in range(3)]
            for condition, at, ours, theirs in town:
                someone = cast.technician(now)
                keys = {"technician_keys": ours, "business_keys": theirs}
                if condition in ("ended", "moved"):
                    cast.affiliate(someone, businesses[at - 1], now, current=False, ended_at=now, **keys)
                if condition in ("current", "moved"):
                    cast.affiliate(someone, businesses[at], now, **keys)
            everybody = facts_of(row.id for row in Technician.select())
            assert len(everybody) == len(town)
            viewers = [viewer for viewer, _ in VIEWERS.values()]
            viewers += [business_user(business.id) for business in businesses]
            viewers += [person(next(iter(everybody)))]
            for viewer in viewers:
                allowed = {i for i, facts in everybody.items() if decide(viewer, facts, Group.PERSON).allowed}
                at_business = viewer.kind == AccountKind.BUSINESS_USER and viewer.business_id is not None
                own = {i for i in allowed if at_business and everybody[i].employer_id == viewer.business_id}
                assert {member.id for _, part in roster.whole(viewer) for member in part} == own
                assert roster.count(viewer) == sum(roster.counts_by_state(viewer).values()) == len(own)
                if at_business and allowed:
                    assert {row[0] for row in look_up._matches(viewer, NAMED, None).tuples()} == allowed - own
            for group in Group:
                opened = {i for i, facts in everybody.items() if decide(as_business(), facts, group).allowed}
                assert {row.id for row in people().where(disclosed(group))} == opened
                for one in DisclosureState:
                    wanted = {i for i, f in everybody.items() if f.employer_id and state(f, group) is one}
                    assert {row.id for row in people().where(in_state(one, group))} == wanted
            undo.rollback()

    agree()


def test_an_account_becomes_the_viewer_it_is(database, now):
    employer = cast.business(now)
    account = Account.create(
        kind="business_user", login_key="business:1:a", role="viewer", business=employer, created_at=now
    )
    viewer = viewer_of(account)
    assert (viewer.business_id, viewer.role, viewer.active, viewer.may_change) == (employer.id, "viewer", True, False)
    assert viewer_of(None) is NOBODY


def test_the_record_holds_what_its_viewer_may_see_and_nothing_else(database, now):
    employer, before = cast.business(now), cast.business(now, name="前の会社")
    someone = cast.technician(now, telephone="090-1111-2222", social_insurance="協会けんぽ", days_worked=77, level=3)
    cast.email(someone, "sato@personal.example", now)
    cast.affiliate(someone, before, now, current=False, ended_at=now)
    cast.affiliate(someone, employer, now, technician_keys=ALL_GROUPS, business_keys=ALL_GROUPS)
    for position, kind in enumerate(["occupation", "qualification", "training", "work_history", "unheard_of"]):
        someone.items.model.create(technician=someone, kind=kind, position=position, value=f"{kind}です", value_key="x")
    secrets = ["1985", "霞が関", "090-1111", "sato@personal", "前の会社", "unheard_of"]

    own = repr(record_for(person(someone.id), someone.id))
    assert all(secret in own for secret in secrets[:5])
    theirs = repr(record_for(business_user(employer.id), someone.id))
    assert all(secret in theirs for secret in secrets[:4])
    assert "前の会社" not in theirs
    outside = record_for(business_user(OTHER), someone.id)
    assert outside.groups == tuple(Group)
    assert not any(secret in repr(outside) for secret in [*secrets, "山田建設", "False", "True"])
    assert (outside.contact, outside.past_employers, outside.standings) == (None, (), ())
    assert not set(NEVER_SHOWN) - {"past_employers"} & set(Record.__dataclass_fields__)

    for group in set(Group) - {Group.PERSON}:
        Affiliation.update(business_keys=ALL_GROUPS & ~group.bit).where(Affiliation.current).execute()
        part = record_for(business_user(OTHER), someone.id)
        assert getattr(part, group.name.lower()) is None
        assert sum(getattr(part, other.name.lower()) is None for other in Group) == 1
    Affiliation.update(business_keys=ALL_GROUPS & ~1).execute()
    assert record_for(business_user(OTHER), someone.id) is None
    assert record_for(business_user(OTHER), 12345) is None
