"""Which cards need a person: the rules of `overdue` as conditions of a query, and the alarms that they raise.

`overdue.alarms` says it for one card, `condition` says the same in SQL over all cards; a test holds both together,
so that an alarm's count is the number of cases on the page that it leads to.
"""

import datetime as dt
from dataclasses import dataclass

from peewee import SQL, fn

from db.database import transaction
from db.fields import DayField
from db.models import Alarm, Card, Registration
from webapp.domain.cards.overdue import IN_POST, AlarmLimits, Attention
from webapp.domain.cards.reminders import remind
from webapp.domain.cards.states import CardState
from webapp.domain.core import alarms
from webapp.domain.core.calendar import WorkingCalendar, jst_day, utc_start_of

SUBJECT = "cards"
ALARMS = {kind: alarms.AlarmKind(f"card_{kind}") for kind in Attention}


@dataclass(frozen=True)
class Thresholds:
    """The settings on which the rules depend."""

    limits: AlarmLimits
    calendar: WorkingCalendar

    @classmethod
    def of(cls, settings) -> "Thresholds":
        """Return what the settings describe."""
        limits = AlarmLimits(settings.card_not_posted_days, settings.card_silent_days, settings.card_near_end_days)
        return cls(limits, WorkingCalendar.of(settings))


def _latest_overdue(today: dt.date, days: int, calendar: WorkingCalendar) -> dt.date:
    """The latest day from which more than `days` working days have gone by."""
    day = today - dt.timedelta(days=days)
    while calendar.add_working_days(day, days) >= today:
        day -= dt.timedelta(days=1)
    return day


def condition(kind: Attention, now: dt.datetime, watch: Thresholds):
    """Return the condition under which a card of a query over Card joined with Registration has this alarm."""
    today = jst_day(now)
    day = DayField().db_value
    if kind is Attention.NOT_POSTED:
        late = _latest_overdue(today, watch.limits.not_posted, watch.calendar)
        began = fn.COALESCE(Card.reopened_at, Registration.completed_at)
        before = Card.known.in_([CardState.ORDERED, CardState.MADE])
        return before & (began < _micro(utc_start_of(late + dt.timedelta(days=1))))
    if kind is Attention.SILENT:
        late = day(_latest_overdue(today, watch.limits.silent, watch.calendar))
        waits = Card.kept_until.is_null() | (Card.kept_until < today)
        heard = (Card.last_word_on.is_null() | (Card.last_word_on <= late)) & (Card.posted_on <= late)
        return Card.known.in_(list(IN_POST)) & waits & heard
    if kind is Attention.KEPT_NEAR_END:
        return Card.kept_until.between(today, today + dt.timedelta(days=watch.limits.near_end))
    if kind is Attention.KEPT_OVER:
        return Card.kept_until < today
    if kind is Attention.RETURNED:
        return Card.known == CardState.RETURNED
    if kind is Attention.UNKNOWN_LABEL:
        return Card.unknown_labels.is_null(False)
    return Card.contradictory == SQL("TRUE")


def _micro(moment: dt.datetime) -> int:
    return Registration.completed_at.db_value(moment)


def cards_with(kind: Attention, now: dt.datetime, watch: Thresholds):
    """Return a select of the cards that have an alarm."""
    joined = Card.select().join(Registration, on=(Card.registration == Registration.id))
    return joined.where(condition(kind, now, watch))


def counts(now: dt.datetime, watch: Thresholds) -> dict[Attention, int]:
    """Return how many cards have each alarm."""
    return {kind: cards_with(kind, now, watch).count() for kind in Attention}


def look(now: dt.datetime, watch: Thresholds) -> dict[Attention, int]:
    """Open the alarms that hold and close those that are over; return the counts."""
    found = counts(now, watch)
    with transaction():
        open_now = {alarm.kind: alarm for alarm in Alarm.open().where(Alarm.subject == SUBJECT)}
        for kind, count in found.items():
            name = ALARMS[kind]
            if not count:
                if name in open_now:
                    alarms.close_alarm(name, SUBJECT, now)
                continue
            alarm = open_now.get(name) or alarms.open_alarm(name, SUBJECT, now, {"cards": count})
            if alarm.data != {"cards": count}:
                Alarm.update(data={"cards": count}, seen_at=now).where(Alarm.id == alarm.id).execute()
    return found


def watch(now: dt.datetime, rules: Thresholds) -> int:
    """Do what is due for cards: reminders, then alarms; return how many mails were queued. The worker's job."""
    queued = remind(now)
    look(now, rules)
    return queued
