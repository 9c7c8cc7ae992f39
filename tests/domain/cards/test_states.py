"""A card's state follows from what was reported, not from the order in which it was heard."""

from datetime import date, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from webapp.domain.cards.states import (
    RECEIVER_WORDS,
    STEPS,
    CardEvent,
    CardState,
    Receiver,
    Report,
    in_order,
    kept_until,
    reminder_days,
    running_states,
    standing_of,
    state_of,
    step,
)
from webapp.domain.core.calendar import JST
from webapp.domain.core.errors import StepNotAllowed

S, E = CardState, CardEvent
POST = [event for event in CardEvent if event not in (E.ORDERED, E.MADE, E.DECLARED_LOST)]

# Few moments and offices, so that equal times, days without times and repeated lines are common.
moments = st.builds(
    lambda day, hour: datetime(2026, 11, day, hour, tzinfo=JST), st.integers(10, 13), st.sampled_from([8, 9, 15])
)
times = st.one_of(moments, moments.map(lambda at: at.date()), st.none())
events = st.lists(
    st.builds(
        Report,
        at=times,
        event=st.sampled_from(list(CardEvent)),
        label=st.sampled_from(["", "甲", "乙"]),
        office=st.sampled_from(["", "新宿郵便局", "上尾郵便局"]),
        receiver=st.sampled_from(list(Receiver)),
    ),
    max_size=8,
)


def at(day: int, hour: int, event: CardEvent, label: str = "") -> Report:
    return Report(datetime(2026, 11, day, hour, tzinfo=JST), event, label or event.value)


@examples(300)
@given(st.data())
def test_any_order_and_repetition_ends_in_the_same_state(data):
    history = data.draw(events)
    heard = data.draw(st.permutations([*history, *(data.draw(st.sampled_from(history)) for _ in range(3) if history)]))
    assert in_order(heard) == in_order(history)
    assert standing_of(heard) == standing_of(history)


@given(events)
def test_a_line_in_order_is_its_own_order(history):
    line = in_order(history)
    assert in_order(line) == line
    assert len(set(line)) == len(line)


@given(events)
def test_nothing_but_a_delivery_delivers(history):
    without = [event for event in history if event.event is not E.DELIVERED]
    assert state_of(without) is not S.DELIVERED
    if state_of(history) is S.DELIVERED:
        assert any(event.event is E.DELIVERED for event in history)
        assert not any(event.event is E.RETURNED for event in history)


@given(events)
def test_a_returned_card_never_becomes_delivered_under_its_number(history):
    if any(event.event is E.RETURNED for event in history):
        assert standing_of(history).known is S.RETURNED


@given(events)
def test_times_in_order_are_never_turned_round(history):
    told = [event.at for event in in_order(history) if isinstance(event.at, datetime)]
    assert told == sorted(told)
    dated = [event.day for event in in_order(history) if event.day]
    assert dated == sorted(dated)


def test_no_step_of_the_table_delivers_but_delivered():
    reaching = {event for (state, event), target in STEPS.items() if target is S.DELIVERED is not state}
    assert reaching == {E.DELIVERED}


@pytest.mark.parametrize("event", POST)
@pytest.mark.parametrize("state", [S.ORDERED, S.MADE, S.POSTED, S.OUT_FOR_DELIVERY, S.ABSENT, S.KEPT, S.LOST])
def test_every_report_of_the_post_has_its_place_in_the_table(state, event):
    if event is not E.UNKNOWN:
        assert (state, event) in STEPS


def test_a_step_that_is_not_in_the_table_is_refused():
    assert step(S.ORDERED, E.MADE) is S.MADE
    assert step(S.KEPT, E.DECLARED_LOST) is S.LOST
    for state, event in [(S.DELIVERED, E.DECLARED_LOST), (S.POSTED, E.MADE), (S.RETURNED, E.DELIVERED)]:
        with pytest.raises(StepNotAllowed, match=state.value):
            step(state, event)


STORIES = [
    ("ordered", [], S.ORDERED),
    ("made", [at(9, 10, E.MADE)], S.MADE),
    ("posted", [at(10, 13, E.ACCEPTED)], S.POSTED),
    ("nothing in between is normal", [at(10, 13, E.ACCEPTED), at(11, 10, E.DELIVERED)], S.DELIVERED),
    (
        "on its way",
        [at(10, 13, E.ACCEPTED), at(11, 8, E.IN_TRANSIT), at(11, 9, E.OUT_FOR_DELIVERY)],
        S.OUT_FOR_DELIVERY,
    ),
    ("absent", [at(11, 9, E.OUT_FOR_DELIVERY), at(11, 14, E.ABSENT)], S.ABSENT),
    ("a wish changes nothing", [at(11, 14, E.ABSENT), at(12, 9, E.DELIVERY_WISH)], S.ABSENT),
    ("kept", [at(11, 14, E.ABSENT), at(11, 16, E.KEPT)], S.KEPT),
    ("fetched", [at(11, 16, E.KEPT), at(13, 10, E.DELIVERED)], S.DELIVERED),
    ("sent after a move", [at(11, 14, E.ABSENT), at(12, 8, E.FORWARDED)], S.POSTED),
    ("returned", [at(11, 14, E.ABSENT), at(18, 17, E.RETURNED)], S.RETURNED),
    ("given to the sender", [at(18, 17, E.RETURNED), at(20, 10, E.DELIVERED)], S.RETURNED),
    ("searched for", [at(10, 13, E.ACCEPTED), at(25, 9, E.INVESTIGATING)], S.POSTED),
    ("lost", [at(10, 13, E.ACCEPTED), at(25, 9, E.DECLARED_LOST)], S.LOST),
    ("found", [at(10, 13, E.ACCEPTED), at(20, 9, E.DECLARED_LOST), at(25, 9, E.DELIVERED)], S.DELIVERED),
    ("a word nobody knows", [at(10, 13, E.ACCEPTED), at(11, 9, E.UNKNOWN, "新しい状態")], S.UNKNOWN),
]


@pytest.mark.parametrize(("name", "history", "state"), STORIES, ids=[name for name, *_ in STORIES])
def test_the_story_ends_as_told(name, history, state):
    assert state_of(history) is state


def test_an_unknown_word_keeps_what_was_known_and_its_text():
    standing = standing_of([at(11, 14, E.ABSENT), at(12, 9, E.UNKNOWN, "新しい状態")])
    assert (standing.state, standing.known) == (S.UNKNOWN, S.ABSENT)
    assert standing.unknown_labels == ("新しい状態",)
    assert standing.kept_until == date(2026, 11, 18)
    assert state_of([at(11, 9, E.UNKNOWN, "新しい状態"), at(12, 9, E.OUT_FOR_DELIVERY)]) is S.OUT_FOR_DELIVERY


def test_a_day_without_times_is_read_in_the_order_of_a_cards_way():
    day = date(2026, 11, 11)
    line = [Report(day, event, event.value) for event in (E.DELIVERED, E.ABSENT, E.OUT_FOR_DELIVERY, E.ACCEPTED)]
    assert [e.event for e in in_order(line)] == [E.ACCEPTED, E.OUT_FOR_DELIVERY, E.ABSENT, E.DELIVERED]


def test_a_report_that_says_less_is_the_same_report():
    full = Report(datetime(2026, 11, 11, 9, tzinfo=JST), E.ABSENT, "ご不在", "新宿郵便局")
    less = [
        Report(full.at, E.ABSENT, "ご不在"),
        Report(date(2026, 11, 11), E.ABSENT, "ご不在", "新宿郵便局"),
        Report(None, E.ABSENT, "ご不在"),
    ]
    assert in_order([*less, full]) == (full,)
    other_day = Report(date(2026, 11, 12), E.ABSENT, "ご不在")
    assert in_order([full, other_day]) == (full, other_day)


def test_a_card_is_kept_seven_days_from_the_day_after_the_first_attempt():
    assert kept_until(date(2026, 11, 20)) == date(2026, 11, 27)
    twice = [at(11, 14, E.ABSENT), at(13, 14, E.OUT_FOR_DELIVERY), at(13, 18, E.ABSENT), at(13, 19, E.KEPT)]
    assert standing_of(twice).kept_until == date(2026, 11, 18)
    assert standing_of([*twice, at(14, 10, E.DELIVERED)]).kept_until is None
    moved = [*twice, at(14, 8, E.FORWARDED), at(16, 14, E.ABSENT)]
    assert standing_of(moved).kept_until == date(2026, 11, 23), "the new address has its own first attempt"
    assert standing_of([at(12, 9, E.KEPT)]).kept_until == date(2026, 11, 19)


@given(st.dates(date(2026, 1, 1), date(2027, 1, 1)), st.integers(-3, 20))
def test_reminders_fall_into_the_time_of_keeping_and_two_days_before_its_end(attempt, delay):
    until = kept_until(attempt)
    heard = attempt + timedelta(days=delay)
    found = reminder_days(until, heard)
    assert all(heard <= day <= until for day in found)
    assert all(a < b for a, b in pairwise(found))
    assert bool(found) == (heard <= until)
    if heard <= until - timedelta(days=2):
        assert found[-1] == until - timedelta(days=2)


def test_reports_that_contradict_each_other_are_marked_for_a_person():
    assert standing_of([at(11, 9, E.DELIVERED), at(12, 9, E.OUT_FOR_DELIVERY)]).contradictory
    assert standing_of([at(11, 9, E.DELIVERED), at(12, 9, E.RETURNED)]).contradictory
    assert not standing_of([at(10, 9, E.ACCEPTED), at(11, 9, E.DELIVERED), at(12, 9, E.INVESTIGATING)]).contradictory


def test_the_receiver_is_told_only_with_the_delivery():
    counter = Report(datetime(2026, 11, 12, 9, tzinfo=JST), E.DELIVERED, "窓口でお渡し", "", Receiver.COUNTER)
    assert standing_of([at(11, 9, E.ABSENT), counter]).receiver is Receiver.COUNTER
    assert standing_of([counter, at(13, 9, E.RETURNED)]).receiver is Receiver.UNKNOWN
    assert set(RECEIVER_WORDS) == set(Receiver)


@given(events)
def test_the_last_running_state_is_the_state(history):
    line = in_order(history)
    if line:
        assert running_states(line)[-1][0] is state_of(history)
