"""Keys are turned by those whose they are, on the version they saw, one by one or many at once, and taken back."""

import datetime as dt

import pytest

from db.models import Account, Affiliation, AuditRow, BulkChangeRow, Event
from tests import cast
from tests.domain.disclosure.test_policy import business_user, operator, person
from webapp.domain.disclosure import bulk
from webapp.domain.disclosure.bulk import BulkPreview, BulkState, TooLate
from webapp.domain.disclosure.keys import KeyNotAllowed, NotCurrent, StaleKey, preview, set_key
from webapp.domain.disclosure.policy import (
    ALL_GROUPS,
    NOBODY,
    Facts,
    Group,
    Side,
    as_business,
    decide,
    facts_of,
    mask,
    viewer_of,
)

OPEN_ALL = mask(Group)


@pytest.fixture
def affiliation(database, now):
    return cast.affiliate(cast.technician(now), cast.business(now), now)


def administrator(business, now):
    account = Account.create(
        kind="business_user",
        login_key=f"business:{business.business_id}:admin",
        role="administrator",
        business=business,
        created_at=now,
    )
    return viewer_of(account)


def test_both_keys_turned_let_another_business_in_at_once_and_one_closed_shuts_it_out(affiliation, now):
    own, theirs = person(affiliation.technician_id), business_user(affiliation.business_id, "administrator")
    first = set_key(Side.TECHNICIAN, affiliation.id, OPEN_ALL, True, own, now, 0)
    assert (first.changed, first.after.technician_keys, first.after.technician_keys_version) == (True, ALL_GROUPS, 1)
    assert not decide(as_business(), first.after, Group.PERSON).allowed
    second = set_key(Side.BUSINESS, affiliation.id, mask([Group.PERSON]), True, theirs, now, 0)
    assert decide(as_business(), second.after, Group.PERSON).allowed
    assert not decide(as_business(), second.after, Group.TRADES).allowed
    set_key(Side.TECHNICIAN, affiliation.id, mask([Group.PERSON]), False, own, now, 1)
    facts = facts_of([affiliation.technician_id])[affiliation.technician_id]
    assert not decide(as_business(), facts, Group.PERSON).allowed
    names = [event.name for event in Event.select().order_by(Event.id)]
    assert names == ["disclosure:technician:opened", "disclosure:business:opened", "disclosure:technician:closed"]
    assert [row.action for row in AuditRow.select().order_by(AuditRow.id)] == names


def test_a_key_that_stands_so_already_is_no_change(affiliation, now):
    change = set_key(Side.TECHNICIAN, affiliation.id, 1, False, person(affiliation.technician_id), now, 0)
    assert (change.changed, change.after.technician_keys_version, Event.select().count()) == (False, 0, 0)


def test_a_page_that_is_out_of_date_changes_nothing_and_learns_how_it_stands(affiliation, now):
    own = person(affiliation.technician_id)
    set_key(Side.TECHNICIAN, affiliation.id, 3, True, own, now, 0)
    with pytest.raises(StaleKey) as stale:
        set_key(Side.TECHNICIAN, affiliation.id, 1, False, own, now, 0)
    assert (stale.value.facts.technician_keys, stale.value.facts.technician_keys_version) == (3, 1)
    assert Affiliation.get_by_id(affiliation.id).technician_keys == 3


def test_nobody_turns_a_key_that_is_not_theirs(affiliation, now):
    employer, technician = affiliation.business_id, affiliation.technician_id
    everybody = {
        "technician": person(technician),
        "closed technician": person(technician, active=False),
        "another technician": person(technician + 1),
        "administrator": business_user(employer, "administrator"),
        "looking user": business_user(employer, "viewer"),
        "closed administrator": business_user(employer, "administrator", active=False),
        "another business": business_user(employer + 1, "administrator"),
        "operator": operator("administrator"),
        "hypothetical": as_business(employer),
        "nobody": NOBODY,
    }
    for name, viewer in everybody.items():
        for side, owner in ((Side.TECHNICIAN, "technician"), (Side.BUSINESS, "administrator")):
            if name == owner:
                continue
            with pytest.raises(KeyNotAllowed):
                set_key(side, affiliation.id, 1, True, viewer, now, 0)
    with pytest.raises(KeyNotAllowed):
        set_key(Side.TECHNICIAN, 4711, 1, True, everybody["technician"], now, 0)
    row = Affiliation.get_by_id(affiliation.id)
    assert (row.technician_keys, row.business_keys, Event.select().count()) == (0, 0, 0)


def test_the_keys_of_an_ended_affiliation_stay_shut(affiliation, now):
    Affiliation.update(current=False, ended_at=now).execute()
    with pytest.raises(NotCurrent):
        set_key(Side.TECHNICIAN, affiliation.id, 1, True, person(affiliation.technician_id), now, 0)
    with pytest.raises(KeyNotAllowed):
        set_key(Side.TECHNICIAN, affiliation.id, 1, True, person(affiliation.technician_id + 1), now, 0)


@pytest.mark.parametrize("side", Side)
@pytest.mark.parametrize("opens", [True, False])
def test_what_is_said_before_is_what_happens_after(side, opens):
    for ours in range(32):
        for theirs in (0, 1, 2, 7, 30, 31):
            facts = Facts(7, 1, 100, ours, theirs, 0, 0)
            for bits in (1, 2, 6, 31):
                said = preview(facts, side, bits, opens, example="B社")
                after = facts.with_keys(side, bits, opens)
                allowed = {g for g in Group if decide(as_business(), after, g).allowed}
                was = {g for g in Group if decide(as_business(), facts, g).allowed}
                assert set(said.newly_visible) == allowed - was
                assert set(said.no_longer_visible) == was - allowed
                text = " ".join(sentence.in_japanese() for sentence in said.sentences)
                assert said.sentences and "%(" not in text
                assert ("閲覧できるようになります" in text) is bool(allowed - was)
                assert ("閲覧できなくなります" in text) is bool(was - allowed)


def test_the_sentences_name_the_groups_and_the_business():
    facts = Facts(7, 1, 100, 0b0001, 0b01001, 0, 0)
    said = preview(facts, Side.TECHNICIAN, Group.WORK_HISTORY.bit, True, example="B社")
    assert [s.in_japanese() for s in said.sentences] == [
        "開示すると、他の事業者（B社を含む）が就業履歴を閲覧できるようになります。"
    ]
    alone = preview(facts, Side.TECHNICIAN, Group.TRADES.bit, True)
    assert alone.sentences[0].in_japanese() == "職種・経験は、所属事業者も開示を設定すると、他の事業者に表示されます。"


@pytest.fixture
def crew(database, now):
    """An employer with seven people, three of whom have opened their keys; and one person of another business."""
    employer = cast.business(now)
    people = [cast.affiliate(cast.technician(now), employer, now, technician_keys=31 * (n < 3)) for n in range(7)]
    stranger = cast.affiliate(cast.technician(now), cast.business(now), now)
    return administrator(employer, now), people, stranger


def run_to_end(bulk_id, now, batch=3):
    progress = bulk.run_bulk(bulk_id, now, batch)
    while not progress.finished:
        progress = bulk.run_bulk(bulk_id, now, batch)
    return progress


def keys():
    return [row.business_keys for row in Affiliation.select().order_by(Affiliation.id)]


def test_many_keys_turn_in_batches_and_come_back_within_ten_minutes(crew, now):
    viewer, people, stranger = crew
    set_key(Side.BUSINESS, people[0].id, 2, True, viewer, now, 0)
    assert bulk.preview_bulk(viewer, None, 1, True) == BulkPreview(7, 7, 3, 0, 4)
    chosen = [row.id for row in [*people, stranger]]
    begun = bulk.begin_bulk(viewer, chosen, 1, True, now)
    assert (begun.total, begun.state) == (7, BulkState.RUNNING)
    assert bulk.running() == [begun.id]
    first = bulk.run_bulk(begun.id, now, 3)
    assert (first.done, first.finished) == (3, False)
    done = run_to_end(begun.id, now)
    assert (done.state, done.changed, keys()) == (BulkState.DONE, 7, [3, 1, 1, 1, 1, 1, 1, 0])
    assert Event.select().where(Event.name == "disclosure:business:opened").count() == 8

    set_key(Side.BUSINESS, people[6].id, 4, True, viewer, now, 1)  # by hand, in between
    later = now + dt.timedelta(minutes=9)
    assert done.can_undo(later) and not done.can_undo(now + dt.timedelta(minutes=10))
    bulk.undo_bulk(viewer, begun.id, later)
    back = run_to_end(begun.id, later)
    assert (back.state, back.undone, back.kept) == (BulkState.UNDONE, 6, 1)
    assert keys() == [2, 0, 0, 0, 0, 0, 5, 0]
    with pytest.raises(TooLate):
        bulk.undo_bulk(viewer, begun.id, later)


def test_who_left_in_between_is_passed_over_and_who_has_the_key_open_is_not_taken_back(crew, now):
    viewer, people, _ = crew
    set_key(Side.BUSINESS, people[0].id, 1, True, viewer, now, 0)
    begun = bulk.begin_bulk(viewer, Affiliation.technician_keys == 31, 1, True, now)
    assert begun.total == 3
    Affiliation.update(current=False).where(Affiliation.id == people[1].id).execute()
    done = run_to_end(begun.id, now)
    assert (done.changed, keys()[:3]) == (1, [1, 0, 1])
    bulk.undo_bulk(viewer, begun.id, now)
    assert run_to_end(begun.id, now).undone == 1
    assert keys()[:3] == [1, 0, 0]


def test_after_ten_minutes_and_for_others_there_is_no_way_back(crew, now):
    viewer, _, stranger = crew
    done = run_to_end(bulk.begin_bulk(viewer, None, 31, True, now).id, now)
    with pytest.raises(TooLate):
        bulk.undo_bulk(viewer, done.id, now + dt.timedelta(minutes=10))
    other = business_user(stranger.business_id, "administrator")
    for call in (lambda: bulk.undo_bulk(other, done.id, now), lambda: bulk.begin_bulk(operator(), None, 1, True, now)):
        with pytest.raises(KeyNotAllowed):
            call()
    with pytest.raises(KeyNotAllowed):
        bulk.preview_bulk(business_user(viewer.business_id, "viewer"), None, 1, True)
    assert bulk.progress(other, done.id) is None
    assert bulk.progress(viewer, done.id) == done


def test_nobody_chosen_is_done_at_once(crew, now):
    viewer, _, stranger = crew
    begun = bulk.begin_bulk(viewer, [stranger.id], 1, True, now)
    assert (begun.total, begun.finished, BulkChangeRow.select().count()) == (0, True, 0)
