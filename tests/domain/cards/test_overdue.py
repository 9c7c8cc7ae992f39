"""Ops hear of a card when, and only when, there is something to do."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.cards.overdue import AlarmLimits, Attention, CardFacts, alarms
from webapp.domain.cards.states import CardEvent, CardState, Report, standing_of
from webapp.domain.core.calendar import JST, WorkingCalendar

CALENDAR = WorkingCalendar()
LIMITS = AlarmLimits(not_posted=3, silent=2, near_end=2)
FRIDAY = datetime(2026, 11, 20, 10, tzinfo=JST)  # the next working day is Tuesday the 24th


def report(day: int, event: CardEvent, label: str = "") -> Report:
    return Report(datetime(2026, 11, day, 12, tzinfo=JST), event, label or event.value)


def kinds(now: datetime, *events: Report, **facts) -> list[Attention]:
    start = CardState.MADE
    card = CardFacts(registered_at=FRIDAY, standing=standing_of(events, start), **facts)
    return [alarm.kind for alarm in alarms(card, now, LIMITS, CALENDAR)]


@pytest.mark.parametrize(("day", "raised"), [(24, False), (25, False), (26, False), (27, True)])
def test_a_card_not_posted_is_told_after_the_working_days_are_over(day, raised):
    now = datetime(2026, 11, day, 9, tzinfo=JST)
    assert kinds(now) == ([Attention.NOT_POSTED] if raised else [])
    assert Attention.NOT_POSTED not in kinds(now, posted_on=date(2026, 11, 24))


@pytest.mark.parametrize(("day", "raised"), [(24, False), (25, False), (26, True)])
def test_a_posted_card_that_is_silent_for_working_days_is_told(day, raised):
    now = datetime(2026, 11, day, 9, tzinfo=JST)
    assert kinds(now, report(20, CardEvent.ACCEPTED)) == ([Attention.SILENT] if raised else [])
    assert kinds(now, posted_on=date(2026, 11, 20)) == ([Attention.SILENT] if raised else [])


def test_a_kept_card_is_told_two_days_before_it_goes_back_and_is_not_silent_till_then():
    absent = [report(20, CardEvent.ABSENT), report(20, CardEvent.KEPT)]  # kept until the 27th
    assert kinds(datetime(2026, 11, 24, 9, tzinfo=JST), *absent) == []
    assert kinds(datetime(2026, 11, 25, 9, tzinfo=JST), *absent) == [Attention.KEPT_NEAR_END]
    assert kinds(datetime(2026, 11, 27, 23, tzinfo=JST), *absent) == [Attention.KEPT_NEAR_END]
    assert Attention.KEPT_OVER in kinds(datetime(2026, 11, 28, 0, tzinfo=JST), *absent)


def test_a_returned_card_is_told_until_it_is_posted_again():
    now = datetime(2026, 11, 30, 9, tzinfo=JST)
    assert kinds(now, report(27, CardEvent.RETURNED)) == [Attention.RETURNED]
    assert kinds(now, report(27, CardEvent.RETURNED), posted_again=True) == []


def test_an_unknown_word_is_told_with_its_text():
    now = datetime(2026, 11, 24, 9, tzinfo=JST)
    card = CardFacts(FRIDAY, standing_of([report(24, CardEvent.UNKNOWN, "新しい状態")]), posted_on=date(2026, 11, 24))
    (alarm,) = alarms(card, now, LIMITS, CALENDAR)
    assert alarm.kind is Attention.UNKNOWN_LABEL
    assert "新しい状態" in alarm.sentence % alarm.parameters


def test_reports_that_contradict_each_other_are_told():
    now = datetime(2026, 11, 24, 9, tzinfo=JST)
    assert kinds(now, report(22, CardEvent.DELIVERED), report(23, CardEvent.ABSENT)) == [Attention.CONTRADICTORY]


@given(
    st.lists(st.builds(report, st.integers(1, 28), st.sampled_from(list(CardEvent))), max_size=5),
    st.timedeltas(timedelta(0), timedelta(days=60)),
)
def test_every_alarm_has_begun_and_its_sentence_can_be_filled_in(events, later):
    now = datetime(2026, 11, 28, tzinfo=UTC) + later
    card = CardFacts(datetime(2026, 10, 30, tzinfo=UTC), standing_of(events))
    found = alarms(card, now, LIMITS, CALENDAR)
    assert len({alarm.kind for alarm in found}) == len(found)
    for alarm in found:
        assert alarm.since <= now.astimezone(JST).date()
        assert "%(" not in alarm.sentence % alarm.parameters


@given(st.lists(st.builds(report, st.integers(1, 28), st.just(CardEvent.IN_TRANSIT)), max_size=2))
def test_a_delivered_card_is_quiet(events):
    delivered = [*events, report(29, CardEvent.DELIVERED)]
    assert kinds(datetime(2027, 6, 1, tzinfo=UTC), *delivered, posted_on=date(2026, 11, 1)) == []


def test_limits_below_a_day_are_refused():
    with pytest.raises(ValueError, match="working day"):
        AlarmLimits(silent=0)
