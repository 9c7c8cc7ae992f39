"""An invitation says nothing to the business; joining starts closed; leaving closes the keys at once."""

import datetime as dt

import pytest

from db.models import Affiliation, AffiliationInvitation, AuditRow, Event, WorkItem
from tests import cast
from tests.domain.disclosure.test_policy import business_user, operator, person
from webapp.domain.affiliations import membership
from webapp.domain.affiliations.membership import INVITED, AffiliatedElsewhere, NotTheirs, OverAlready
from webapp.domain.core.daily_limits import LimitReached
from webapp.domain.disclosure.policy import ALL_GROUPS, NOBODY, Group, as_business, decide, facts_of

BORN = dt.date(1985, 4, 1)


@pytest.fixture
def three(database, now):
    """A technician without affiliation, a business, and another business."""
    return cast.technician(now), cast.business(now), cast.business(now, name="別の会社")


def invite(business, technician_id, now, birth_date=BORN, per_day=100):
    viewer = type(NOBODY)("business_user", None, True, "administrator", business_id=business.id)
    return membership.invite(viewer, technician_id, birth_date, per_day, now)


def test_every_invitation_is_answered_alike_and_only_the_right_one_arrives(three, now):
    someone, business, _ = three
    own = person(someone.id)
    assert invite(business, someone.technician_id, now, dt.date(1985, 4, 2)) == INVITED
    assert invite(business, "00000000000000", now) == INVITED
    assert membership.invitations(own, now) == []
    assert invite(business, someone.technician_id, now) == INVITED
    assert invite(business, someone.technician_id, now) == INVITED  # again: still one
    (open_one,) = membership.invitations(own, now)
    assert (open_one.business, open_one.business_id) == (business.name, business.business_id)
    assert AffiliationInvitation.select().count() == 1
    assert AuditRow.select().count() == 4  # what the business did, whoever it reached
    assert {event.business_id for event in Event.select()} == {None}
    for other in (NOBODY, person(someone.id, active=False), business_user(business.id), operator()):
        assert membership.invitations(other, now) == []
    cast.affiliate(someone, business, now)
    assert invite(business, someone.technician_id, now + dt.timedelta(days=40)) == INVITED


def test_who_may_not_invite_and_how_often_a_day(three, now):
    someone, business, _ = three
    for viewer in (NOBODY, person(someone.id), business_user(business.id, "viewer"), operator("administrator")):
        with pytest.raises(NotTheirs):
            membership.invite(viewer, someone.technician_id, BORN, 5, now)
    invite(business, "1", now, per_day=2)
    invite(business, "2", now, per_day=2)
    with pytest.raises(LimitReached):
        invite(business, someone.technician_id, now, per_day=2)
    assert AffiliationInvitation.select().count() == 0


def test_accepting_joins_with_all_keys_closed_and_tells_both(three, now):
    someone, business, other = three
    own = person(someone.id)
    invite(business, someone.technician_id, now)
    invite(other, someone.technician_id, now)
    second, first = membership.invitations(own, now + dt.timedelta(hours=1))
    for stranger in (person(someone.id + 1), business_user(business.id, "administrator"), NOBODY):
        with pytest.raises(NotTheirs):
            membership.accept(stranger, first.id, now)
    joined = membership.accept(own, first.id, now)
    row = Affiliation.get_by_id(joined)
    assert (row.current, row.technician_keys, row.business_keys, row.sort_key) == (True, 0, 0, someone.kana_key)
    event = Event.get(Event.name == "affiliation:technician:accepted")
    assert (event.technician_id, event.business_id) == (someone.id, row.business_id)
    with pytest.raises(OverAlready):
        membership.accept(own, first.id, now)
    with pytest.raises(AffiliatedElsewhere):
        membership.accept(own, second.id, now)
    assert [one.id for one in membership.invitations(own, now)] == [second.id]  # still there to accept after leaving
    membership.leave(own, joined, now)
    assert membership.accept(own, second.id, now) != joined
    assert Affiliation.select().where(Affiliation.current).count() == 1


def test_declining_is_told_to_nobody_and_time_closes_what_nobody_answers(three, now):
    someone, business, other = three
    own = person(someone.id)
    invite(business, someone.technician_id, now)
    (one,) = membership.invitations(own, now)
    membership.decline(own, one.id, now)
    assert Event.get(Event.name == "affiliation:technician:declined").business_id is None
    invite(other, someone.technician_id, now)
    (one,) = membership.invitations(own, now)
    late = now + dt.timedelta(days=30)
    assert membership.invitations(own, late) == []
    with pytest.raises(OverAlready):
        membership.accept(own, one.id, late)
    assert membership.expire_invitations(late) == 1
    invite(other, someone.technician_id, late)
    assert len(membership.invitations(own, late)) == 1


@pytest.mark.parametrize("by", ["technician", "business"])
def test_an_ended_affiliation_shows_nothing_from_that_moment(three, now, by):
    someone, business, _ = three
    row = cast.affiliate(someone, business, now, technician_keys=ALL_GROUPS, business_keys=ALL_GROUPS)
    own, administrator = person(someone.id), business_user(business.id, "administrator")
    assert decide(as_business(), facts_of([someone.id])[someone.id], Group.PERSON).allowed
    wrong = [NOBODY, person(someone.id + 1), business_user(business.id), business_user(7, "administrator"), operator()]
    for viewer in [*wrong, administrator]:
        with pytest.raises(NotTheirs):
            membership.leave(viewer, row.id, now)
    for viewer in [*wrong, own]:
        with pytest.raises(NotTheirs):
            membership.end(viewer, row.id, now)
    if by == "technician":
        membership.leave(own, row.id, now)
    else:
        membership.end(administrator, row.id, now)
    facts = facts_of([someone.id])[someone.id]
    assert facts.affiliation_id is None
    for viewer in (as_business(), administrator):
        assert not decide(viewer, facts, Group.PERSON).allowed
    ended = Affiliation.get_by_id(row.id)
    assert (ended.technician_keys, ended.technician_keys_version, ended.business_keys_version) == (0, 1, 1)
    assert (ended.ended_at, ended.end_reason) == (now, {"technician": "left", "business": "ended"}[by])
    event = Event.select().order_by(Event.id.desc()).get()
    assert (event.technician_id, event.business_id) == (someone.id, business.id)
    with pytest.raises(OverAlready):
        membership.leave(own, row.id, now)
    with pytest.raises(OverAlready):
        membership.end(administrator, row.id, now)


def test_a_dispute_is_one_work_item_and_only_the_persons_own(three, now):
    someone, business, _ = three
    row = cast.affiliate(someone, business, now)
    for viewer in (NOBODY, person(someone.id + 1), business_user(business.id, "administrator")):
        with pytest.raises(NotTheirs):
            membership.dispute(viewer, row.id, now)
    assert membership.dispute(person(someone.id), row.id, now, "この会社で働いたことはありません")
    assert membership.dispute(person(someone.id), row.id, now) is None
    assert (WorkItem.get().kind, WorkItem.get().subject_id) == ("affiliation_disputed", row.id)
