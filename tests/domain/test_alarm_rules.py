"""Alarms by rule: open at the threshold with enough attempts, close clearly below it, once an episode."""

import datetime as dt
from dataclasses import dataclass

import pytest

from db.models import Alarm, Attempt, Message, WorkerBeat
from tests.web import ops_story
from webapp.domain import alarm_rules
from webapp.domain.alarms import AlarmKind


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


def attempts(now, *hard: bool, domain="docomo.ne.jp"):
    for n, failed in enumerate(hard):
        at = now + dt.timedelta(seconds=n)
        (ops_story.bounced if failed else ops_story.sent)(at, email=f"x{n}-{at.timestamp()}@{domain}")
    # The employers' notices are attempts as well; here they would only blur the numbers.
    firms = Message.select(Message.id).where(Message.role == "business")
    Attempt.delete().where(Attempt.message.in_(firms)).execute()


def open_kinds() -> set[tuple[str, str]]:
    return {(alarm.kind, alarm.subject) for alarm in Alarm.open()}


BOUNCE = (AlarmKind.BOUNCE_RATE, "notices")


def test_the_bounce_rate_opens_at_its_threshold_and_closes_only_clearly_below(database, now):
    attempts(now, *[False] * 7, True, True)
    alarm_rules.watch(now, Settings())
    assert BOUNCE not in open_kinds(), "nine attempts are too few to say"
    attempts(now, False)
    alarm_rules.watch(now, Settings())
    alarm_rules.watch(now, Settings())
    assert BOUNCE in open_kinds() and Alarm.get(Alarm.kind == BOUNCE[0]).count == 1
    attempts(now, *[False] * 5)  # 2 of 15: below the threshold, not below half of it
    alarm_rules.watch(now, Settings())
    assert BOUNCE in open_kinds()
    attempts(now, *[False] * 20)
    alarm_rules.watch(now, Settings())
    assert BOUNCE not in open_kinds()
    attempts(now, *[True] * 5)
    alarm_rules.watch(now, Settings())
    assert Alarm.open().where(Alarm.kind == BOUNCE[0]).get().episode == 2


def test_a_domain_that_takes_nothing_any_more_has_an_alarm_of_its_own(database, now):
    attempts(now, *[True] * 10, domain="au.example")
    attempts(now, *[False] * 10)
    alarm_rules.watch(now, Settings())
    assert (AlarmKind.DESTINATION_FAILING, "au.example") in open_kinds()
    assert (AlarmKind.DESTINATION_FAILING, "docomo.ne.jp") not in open_kinds()
    attempts(now, *[False] * 20)
    alarm_rules.watch(now, Settings())
    assert (AlarmKind.DESTINATION_FAILING, "au.example") not in open_kinds(), "the window has none of it any more"


def test_a_notice_that_is_due_too_long_raises_an_alarm_until_it_is_gone(database, now):
    message = ops_story.sent(now).message
    Message.update(state="queued", due_at=now).where(Message.id == message.id).execute()
    alarm_rules.watch(now + dt.timedelta(minutes=59), Settings())
    assert open_kinds() == set()
    alarm_rules.watch(now + dt.timedelta(minutes=61), Settings())
    assert open_kinds() == {(AlarmKind.QUEUE_AGE, "notices")}
    Message.update(state="sent", due_at=None).where(Message.id == message.id).execute()
    alarm_rules.watch(now + dt.timedelta(minutes=62), Settings())
    assert open_kinds() == set()


@pytest.mark.parametrize("minutes, silent", [(4, False), (6, True), (60 * 25, False)])
def test_a_worker_that_left_its_sign_behind_is_missed(database, now, minutes, silent):
    WorkerBeat.create(host="one", pid=1, started_at=now, seen_at=now)
    alarm_rules.watch(now + dt.timedelta(minutes=minutes), Settings())
    assert ((AlarmKind.WORKER_SILENT, "one") in open_kinds()) is silent
    WorkerBeat.update(seen_at=now + dt.timedelta(minutes=minutes)).execute()
    alarm_rules.watch(now + dt.timedelta(minutes=minutes), Settings())
    assert open_kinds() == set()
