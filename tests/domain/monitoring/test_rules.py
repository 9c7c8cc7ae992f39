"""Alarms by rule: open at the threshold with enough attempts, close clearly below it, once an episode."""

import datetime as dt
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.database import transaction
from db.models import Alarm, Attempt, Message, Postcard, ReturnedMail, WorkerBeat
from tests.web.ops import story
from webapp.domain.core import counters
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.counters import Figure
from webapp.domain.core.events import EventName, record
from webapp.domain.monitoring import rules
from webapp.domain.monitoring.readings import Bounds, Reading, holds
from webapp.settings import Settings as AllSettings


@dataclass(frozen=True)
class Settings:
    """What the rules read."""

    alarm_window: int = 20
    alarm_least: int = 10
    alarm_bounce_percent: int = 20
    alarm_destination_percent: int = 50
    alarm_clear_percent: int = 50
    alarm_queue_minutes: int = 60
    alarm_worker_minutes: int = 5
    alarm_unmailed_days: int = 2
    alarm_returned_percent: int = 10
    alarm_returned_days: int = 7
    alarm_returned_least: int = 10
    alarm_unmatched_mails: int = 3
    unmatched_mails: int = 20_000
    alarm_unmatched_hours: int = 24
    contact_opens: int = 9
    contact_closes: int = 17
    contact_year_end: tuple = ((12, 29), (1, 3))
    contact_closed_days: tuple = ()


def attempts(now, *hard: bool, domain="docomo.ne.jp"):
    for n, failed in enumerate(hard):
        at = now + dt.timedelta(seconds=n)
        (story.bounced if failed else story.sent)(at, email=f"x{n}-{at.timestamp()}@{domain}")
    # The employers' notices are attempts as well; here they would only blur the numbers.
    firms = Message.select(Message.id).where(Message.role == "business")
    Attempt.delete().where(Attempt.message.in_(firms)).execute()


def open_kinds() -> set[tuple[str, str]]:
    return {(alarm.kind, alarm.subject) for alarm in Alarm.open()}


BOUNCE = (AlarmKind.BOUNCE_RATE, "notices")


def test_the_bounce_rate_opens_at_its_threshold_and_closes_only_clearly_below(database, now):
    attempts(now, *[False] * 7, True, True)
    rules.watch(now, Settings())
    assert BOUNCE not in open_kinds(), "nine attempts are too few to say"
    attempts(now, False)
    rules.watch(now, Settings())
    rules.watch(now, Settings())
    assert BOUNCE in open_kinds() and Alarm.get(Alarm.kind == BOUNCE[0]).count == 1
    attempts(now, *[False] * 5)  # 2 of 15: below the threshold, not below half of it
    rules.watch(now, Settings())
    assert BOUNCE in open_kinds()
    attempts(now, *[False] * 20)
    rules.watch(now, Settings())
    assert BOUNCE not in open_kinds()
    attempts(now, *[True] * 5)
    rules.watch(now, Settings())
    assert Alarm.open().where(Alarm.kind == BOUNCE[0]).get().episode == 2


def test_a_domain_that_takes_nothing_any_more_has_an_alarm_of_its_own(database, now):
    attempts(now, *[True] * 10, domain="au.example")
    attempts(now, *[False] * 10)
    rules.watch(now, Settings())
    assert (AlarmKind.DESTINATION_FAILING, "au.example") in open_kinds()
    assert (AlarmKind.DESTINATION_FAILING, "docomo.ne.jp") not in open_kinds()
    attempts(now, *[False] * 20)
    rules.watch(now, Settings())
    assert (AlarmKind.DESTINATION_FAILING, "au.example") not in open_kinds(), "the window has none of it any more"


def test_a_notice_that_is_due_too_long_raises_an_alarm_until_it_is_gone(database, now):
    message = story.sent(now).message
    Message.update(state="queued", due_at=now).where(Message.id == message.id).execute()
    rules.watch(now + dt.timedelta(minutes=59), Settings())
    assert open_kinds() == set()
    rules.watch(now + dt.timedelta(minutes=61), Settings())
    assert open_kinds() == {(AlarmKind.QUEUE_AGE, "notices")}
    Message.update(state="sent", due_at=None).where(Message.id == message.id).execute()
    rules.watch(now + dt.timedelta(minutes=62), Settings())
    assert open_kinds() == set()


@pytest.mark.parametrize("minutes, silent", [(4, False), (6, True), (60 * 25, False)])
def test_a_worker_that_left_its_sign_behind_is_missed(database, now, minutes, silent):
    WorkerBeat.create(host="one", pid=1, started_at=now, seen_at=now)
    rules.watch(now + dt.timedelta(minutes=minutes), Settings())
    assert ((AlarmKind.WORKER_SILENT, "one") in open_kinds()) is silent
    WorkerBeat.update(seen_at=now + dt.timedelta(minutes=minutes)).execute()
    rules.watch(now + dt.timedelta(minutes=minutes), Settings())
    assert open_kinds() == set()


@given(
    st.floats(1, 100),
    st.integers(10, 100),
    st.lists(st.floats(0, 100), min_size=1, max_size=40),
)
def test_a_rate_that_stays_between_both_edges_never_changes_the_alarm(threshold, clear, values):
    bounds = Bounds(threshold, clear)
    for before in (False, True):
        between = [value for value in values if bounds.clear <= value < threshold and value > 0]
        assert all(holds(before, Reading(value), bounds) is before for value in between)
    assert all(holds(before, Reading(value), bounds) for value in values if value >= threshold for before in (0, 1))
    assert not any(
        holds(before, Reading(value), bounds) for value in values if value < bounds.clear for before in (0, 1)
    )


def test_too_few_cases_say_nothing_whatever_they_say():
    assert not holds(False, Reading(100, 9), Bounds(1, least=10)) and not holds(
        True, Reading(100, 9), Bounds(1, least=10)
    )
    assert holds(False, Reading(100, 10), Bounds(1, least=10))


def test_every_rule_names_settings_that_there_are_and_says_when_it_opens():
    names = AllSettings.__dataclass_fields__.keys()
    for rule in rules.RULES:
        assert set(rule.settings) <= names and rule.opens and (rule.past or rule.caveat)
        assert bool(rule.past) <= bool(rule.read), "what can be replayed is looked at live"
    assert len({rule.kind for rule in rules.RULES}) == len(rules.RULES)


def test_postcards_that_wait_while_none_is_handed_in_raise_an_alarm_after_whole_working_days(database, now):
    story.bounced(now)  # a Wednesday: Thursday and Friday must go by
    open_at = {}
    for days in range(7):
        rules.watch(now + dt.timedelta(days=days), Settings())
        open_at[days] = (AlarmKind.POSTCARDS_NOT_MAILED, "postcards") in open_kinds()
    assert open_at == {0: False, 1: False, 2: False, 3: True, 4: True, 5: True, 6: True}, "opens on Saturday"
    Postcard.update(state="cancelled").execute()
    rules.watch(now + dt.timedelta(days=7), Settings())
    assert open_kinds() == set()


def test_postcards_are_handed_in_so_nobody_is_bothered(database, now):
    story.bounced(now)
    later = now + dt.timedelta(days=5)
    with transaction():
        record(EventName.POSTCARD_OPS_MAILED, later, subject_id=1, data={"cause": "userunknown"})
    rules.watch(later + dt.timedelta(days=1), Settings())
    assert open_kinds() == set()


def test_a_wave_of_returned_cards_raises_an_alarm(database, now):
    def ended(state, n, days=0):
        counters.add({counters.key(Figure.CARDS, counters.day_of(now - dt.timedelta(days=days)), state): n})

    ended("delivered", 9)
    ended("returned", 50, days=8)  # before the days that are looked at
    rules.watch(now, Settings())
    assert open_kinds() == set(), "nine are too few to say"
    ended("returned", 1)
    rules.watch(now, Settings())
    assert open_kinds() == {(AlarmKind.CARD_RETURN_RATE, "cards")}
    assert Alarm.get().data == {"returned": 1, "ended": 10}
    ended("delivered", 20)
    rules.watch(now, Settings())
    assert open_kinds() == set()


def test_much_mail_that_matches_nothing_raises_an_alarm_until_a_day_has_gone_by(database, now):
    for minutes in range(3):
        rules.watch(now + dt.timedelta(minutes=minutes), Settings())
        assert open_kinds() == set()
        story.returned(None, now + dt.timedelta(minutes=minutes), state="unmatched")
    rules.watch(now + dt.timedelta(minutes=3), Settings())
    assert open_kinds() == {(AlarmKind.UNMATCHED_RISING, "returned_mail")}
    assert ReturnedMail.select().count() == 3
    rules.watch(now + dt.timedelta(hours=25), Settings())
    assert open_kinds() == set()
