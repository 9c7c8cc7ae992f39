"""When would a rule have opened its alarm? The rule's readings of a past, read anew from what the tables have kept.

A past comes as looks: what each changed subject reads at the whole minutes at which the worker would have noticed.
Between two looks nothing changes, so that every other minute would have decided the same. What a rule decides is
`readings.holds`, the same function that the worker asks.
"""

import datetime as dt
import heapq
import json
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import NamedTuple

from peewee import fn

from db.fields import from_microseconds
from db.models import Attempt, Event, Message, ReturnedMail
from webapp.domain.cards.projection import UNDONE
from webapp.domain.cards.states import CardState
from webapp.domain.core.calendar import WorkingCalendar, jst_day, utc_start_of
from webapp.domain.core.counters import day_of
from webapp.domain.core.events import EventName
from webapp.domain.mail.inbound import ReturnedState
from webapp.domain.mail.outbox import AttemptState
from webapp.domain.monitoring.readings import (
    CARDS,
    NOTICES,
    POSTCARDS,
    REASONS,
    RETURNED_MAIL,
    WAITING_POSTCARDS,
    Bounds,
    LastAttempts,
    Reading,
    Tried,
    age,
    holds,
    idle,
    share_returned,
)
from webapp.domain.notices.messages import CLAIMABLE, MessageKind
from webapp.domain.postcard.history import OF_POSTCARDS, STATE_OF

_MINUTE = dt.timedelta(minutes=1)
# An alarm may have been open before the first day that is asked for: the replay begins so much earlier.
_WINDOWS_BEFORE = 4
_CARDS_BEFORE = dt.timedelta(days=120)


class Moment(NamedTuple):
    """What the subjects that have changed read at a moment."""

    at: dt.datetime
    readings: Mapping[str, Reading]


@dataclass
class Episode:
    """A time in which an alarm would have been open; `ended` is None while it still is."""

    subject: str
    began: dt.datetime
    first: Reading
    worst: Reading
    ended: dt.datetime | None = None


def episodes(looks: Iterable[Moment], bounds: Bounds, since: dt.datetime | None = None) -> list[Episode]:
    """Return the episodes of a past in the order in which they began; without those that were over before `since`."""
    found: list[Episode] = []
    standing: dict[str, Episode] = {}
    for at, readings in looks:
        for subject in sorted(readings):
            reading, episode = readings[subject], standing.get(subject)
            if not holds(episode is not None, reading, bounds):
                if episode is not None:
                    standing.pop(subject).ended = at
            elif episode is None:
                standing[subject] = Episode(subject, at, reading, reading)
                found.append(standing[subject])
            elif reading.value > episode.worst.value:
                episode.worst = reading
    return [episode for episode in found if since is None or episode.ended is None or episode.ended >= since]


def _noticed(at: dt.datetime) -> dt.datetime:
    """Return the whole minute at which a look sees what happened at a moment."""
    whole = at.replace(second=0, microsecond=0)
    return whole if whole == at else whole + _MINUTE


def _by_minute(steps: Iterable[tuple]) -> Iterator[tuple[dt.datetime, Iterator[tuple]]]:
    """Return steps, whose first value is their moment, in their order under the minute that notices them."""
    return groupby(sorted(steps, key=lambda step: step[:3]), key=lambda step: _noticed(step[0]))


def _midnights(first: dt.datetime, until: dt.datetime) -> Iterator[dt.datetime]:
    """Return the beginnings of the days in Japan within a time."""
    day = jst_day(first) + dt.timedelta(days=1)
    while utc_start_of(day) <= until:
        yield utc_start_of(day)
        day += dt.timedelta(days=1)


# -- attempts ----------------------------------------------------------------------------------------------------------


def bounce_rate(since: dt.datetime, until: dt.datetime, bounds: Bounds) -> Iterator[Moment]:
    """Return the looks at hard failures among the last attempts."""
    for at, last, _ in _attempts(since, until, bounds.window):
        yield Moment(at, {NOTICES: last.bounce_rate()})


def destinations(since: dt.datetime, until: dt.datetime, bounds: Bounds) -> Iterator[Moment]:
    """Return the looks at any failures among the last attempts, by domain."""
    for at, last, changed in _attempts(since, until, bounds.window):
        yield Moment(at, {domain: last.of(domain) for domain in changed})


class _Step(NamedTuple):
    """An attempt begins, or it becomes known that it failed."""

    at: dt.datetime
    order: int
    id: int
    row: Tried
    failed: bool = False
    hard: bool = False


def _attempts(
    since: dt.datetime, until: dt.datetime, window: int
) -> Iterator[tuple[dt.datetime, LastAttempts, set[str]]]:
    last = LastAttempts(window)
    for at, steps in _by_minute(_steps(since, until, window)):
        changed: set[str] = set()
        for step in steps:
            changed |= last.judge(step.row, step.failed, step.hard) if step.order else last.add(step.row)
        yield at, last, changed


def _steps(since: dt.datetime, until: dt.datetime, window: int) -> Iterator[_Step]:
    of_notices = Attempt.select().join(Message).where(Message.kind == MessageKind.ID_NOTICE)
    earlier = of_notices.select(Attempt.started_at).where(Attempt.started_at < since)
    begin = earlier.order_by(Attempt.started_at.desc()).offset(_WINDOWS_BEFORE * window).limit(1).scalar()
    columns = (Attempt.id, Message.destination, Attempt.started_at, Attempt.reason, Attempt.hard, Attempt.state)
    query = of_notices.select(*columns, Attempt.replied_at, Message.settled_at).where(Attempt.started_at <= until)
    if begin is not None:
        query = query.where(Attempt.started_at >= begin)
    came_back = _came_back()
    for row_id, domain, started, reason, hard, state, replied, settled in query.tuples().iterator():
        row = Tried(row_id, domain)
        yield _Step(started, 0, row_id, row)
        if reason not in REASONS:
            continue
        refused = replied if state == AttemptState.REFUSED else None
        failed_at, hard_at = came_back.get(row_id) or (refused or settled or started,) * 2
        for at, is_hard in {(failed_at, False), (hard_at or failed_at, True)} if hard else {(failed_at, False)}:
            if at <= until:
                yield _Step(max(at, started), 1, row_id, row, True, is_hard)


def _came_back() -> dict[int, tuple[dt.datetime, dt.datetime | None]]:
    """Return when a returned mail first said of an attempt that it failed, and that it failed hard."""
    said: dict[int, tuple[dt.datetime, dt.datetime | None]] = {}
    applied = ReturnedMail.attempt.is_null(False) & (ReturnedMail.state == ReturnedState.APPLIED)
    columns = (ReturnedMail.attempt, ReturnedMail.received_at, ReturnedMail.hard)
    for attempt, at, hard in ReturnedMail.select(*columns).where(applied).tuples().iterator():
        failed_at, hard_at = said.get(attempt, (at, None))
        said[attempt] = min(failed_at, at), min(hard_at or at, at) if hard else hard_at
    return said


# -- what waits --------------------------------------------------------------------------------------------------------


def queue_age(since: dt.datetime, until: dt.datetime, bounds: Bounds) -> Iterator[Moment]:
    """Return the looks at the notices that waited at least as long as the threshold for their first attempt."""
    long = dt.timedelta(minutes=bounds.threshold)
    waits = []
    columns = (Message.queued_at, fn.COALESCE(Message.first_attempt_at, Message.settled_at), Message.state)
    notices = (Message.kind == MessageKind.ID_NOTICE) & (Message.queued_at <= until - long)
    for queued, ended, state in Message.select(*columns).where(notices).tuples().iterator():
        end = from_microseconds(ended) if isinstance(ended, int) else ended
        if (end is None and state in CLAIMABLE) or (end is not None and end >= since and end - queued >= long):
            waits.append((queued, end))
    moments = {_noticed(queued + long) for queued, _ in waits} | {_noticed(end) for _, end in waits if end}
    for at in sorted(moments):
        standing = [queued for queued, end in waits if queued <= at and (end is None or end > at)]
        yield Moment(at, {NOTICES: age(min(standing, default=None), at)})


def postcards_not_mailed(since: dt.datetime, until: dt.datetime, bounds: Bounds) -> Iterator[Moment]:
    """Return the looks at postcards that waited while nothing was handed in, by the events of their states."""
    calendar = WorkingCalendar.of(bounds.settings)
    rows = list(
        Event.select(Event.at, Event.id, Event.name, Event.subject_id)
        .where(OF_POSTCARDS & (Event.at <= until))
        .tuples()
    )
    if not rows:
        return
    steps = [*rows, *((at, 0, "", None) for at in _midnights(min(rows)[0], until))]
    queued: dict[int, dt.datetime] = {}
    waiting: set[int] = set()
    line: list[tuple[dt.datetime, int]] = []  # by age; who waits no more leaves it when its turn comes
    handed_in = None
    for at, group in _by_minute(steps):
        for moment, _, name, postcard in group:
            state = STATE_OF.get(name)
            if state is None:
                continue
            if postcard not in queued or name == EventName.POSTCARD_OPS_REPRINTED:
                queued[postcard] = moment
                waiting.discard(postcard)  # it joins the line anew
            if state not in WAITING_POSTCARDS:
                waiting.discard(postcard)
            elif postcard not in waiting:
                waiting.add(postcard)
                heapq.heappush(line, (queued[postcard], postcard))
            if name == EventName.POSTCARD_OPS_MAILED:
                handed_in = moment
        while line and (line[0][1] not in waiting or queued[line[0][1]] != line[0][0]):
            heapq.heappop(line)
        yield Moment(at, {POSTCARDS: idle(line[0][0] if line else None, handed_in, at, calendar)})


# -- what came back ----------------------------------------------------------------------------------------------------


def cards_returned(since: dt.datetime, until: dt.datetime, bounds: Bounds) -> Iterator[Moment]:
    """Return the looks at the share of returned cards, by the events that the counters of their days count."""
    begin = since - dt.timedelta(days=bounds.window) - _CARDS_BEFORE
    moved = (Event.name == EventName.CARD_POST_MOVED) & Event.at.between(begin, until)
    rows = list(Event.select(Event.at, Event.id, Event.subject_id, Event.data).where(moved).tuples())
    if not rows:
        return
    steps = [*rows, *((at, 0, 0, None) for at in _midnights(min(row[0] for row in rows), until))]
    last: dict[int, dt.date] = {}
    ended: dict[tuple[dt.date, str], int] = defaultdict(int)
    for at, group in _by_minute(steps):
        for moment, _, card, data in group:
            if data is None:
                continue
            data = json.loads(data) if isinstance(data, str) else data
            if data["cause"] == UNDONE:
                ended[last.get(card, day_of(moment)), data["from"]] -= 1
            else:
                ended[day_of(moment), data["to"]] += 1
            last[card] = day_of(moment)
        days = [day_of(at) - dt.timedelta(days=n) for n in range(bounds.window)]
        returned, delivered = (sum(ended.get((day, s), 0) for day in days) for s in _ENDS)
        yield Moment(at, {CARDS: share_returned(returned, delivered)})


_ENDS = (CardState.RETURNED, CardState.DELIVERED)


def unmatched_mails(since: dt.datetime, until: dt.datetime, bounds: Bounds) -> Iterator[Moment]:
    """Return the looks at returned mail that matches nothing, as far back as it is kept."""
    span = dt.timedelta(hours=bounds.window)
    unmatched = (ReturnedMail.state == ReturnedState.UNMATCHED) & (ReturnedMail.received_at <= until)
    came = sorted(row[0] for row in ReturnedMail.select(ReturnedMail.received_at).where(unmatched).tuples())
    for at in sorted({_noticed(at) for at in came} | {_noticed(at + span) for at in came}):
        if at <= until:
            n = bisect_right(came, at) - bisect_right(came, at - span)
            yield Moment(at, {RETURNED_MAIL: Reading(n, data={"mails": n})})
