"""What the rules of alarms read from the tables as they are now, and when a reading means an alarm.

Rates are failures among the last attempts, not of cohorts: an alarm must not wait for a day to end. Nothing here counts
a table through: each reading is a range of an index, the counters of a few days, or the last rows.
"""

import collections
import datetime as dt
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field

from peewee import fn

from db.models import Attempt, Counter, Event, Message, Postcard, ReturnedMail, WorkerBeat
from webapp.domain.bounce.model import Reason
from webapp.domain.cards.states import CardState
from webapp.domain.core.calendar import WorkingCalendar, jst_day
from webapp.domain.core.counters import Figure, day_of
from webapp.domain.core.events import EventName
from webapp.domain.mail.inbound import ReturnedState
from webapp.domain.notices.messages import CLAIMABLE, MessageKind
from webapp.domain.postcard.history import OF_POSTCARDS
from webapp.domain.postcard.states import PostcardState

NOTICES, POSTCARDS, CARDS, RETURNED_MAIL = "notices", "postcards", "cards", "returned_mail"
# A worker that was killed leaves its sign of life behind; after this it is history.
_FORGOTTEN = dt.timedelta(days=1)
REASONS = frozenset(Reason)
WAITING_POSTCARDS = (PostcardState.QUEUED, PostcardState.BATCHED, PostcardState.PRINTED)


@dataclass(frozen=True)
class Bounds:
    """The settings of one rule; `threshold` in the rule's unit, `window` in attempts, days or hours."""

    threshold: float
    clear_percent: float = 100
    window: int = 0
    least: int = 0
    settings: object = None

    @property
    def clear(self) -> float:
        """The reading below which an open alarm closes."""
        return min(self.threshold, self.threshold * self.clear_percent / 100)


@dataclass(frozen=True)
class Reading:
    """One number of one subject, out of how many, and what the alarm keeps of it."""

    value: float
    out_of: int | None = None
    data: dict = field(default_factory=dict)


NOTHING = Reading(0.0, 0)


def holds(is_open: bool, reading: Reading, bounds: Bounds) -> bool:
    """Return whether the alarm is open after this reading. The one decision, live and in a replay."""
    if reading.out_of is not None and reading.out_of < bounds.least:
        return False
    return reading.value > 0 and reading.value >= (bounds.clear if is_open else bounds.threshold)


# -- attempts ----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Tried:
    """An attempt of an id_notice: where to, and what is known of its failure by now."""

    id: int
    domain: str
    failed: bool = False
    hard: bool = False


class LastAttempts:
    """The last attempts, the oldest leaving as new ones come; the two readings of failures among them."""

    def __init__(self, window: int) -> None:
        self._window = window
        self._rows: deque[Tried] = deque()
        self._inside: set[int] = set()
        self._tried: collections.Counter[str] = collections.Counter()
        self._failed: collections.Counter[str] = collections.Counter()
        self._hard = 0

    def add(self, row: Tried) -> set[str]:
        """Take one more attempt; return the domains whose reading it changes."""
        self._rows.append(row)
        self._inside.add(row.id)
        self._count(row, 1)
        changed = {row.domain}
        if len(self._rows) > self._window:
            left = self._rows.popleft()
            self._inside.remove(left.id)
            self._count(left, -1)
            changed.add(left.domain)
        return changed

    def judge(self, row: Tried, failed: bool, hard: bool) -> set[str]:
        """Note what has become known of an attempt; return the domains whose reading it changes."""
        if row.id not in self._inside:
            return set()
        self._count(row, -1)
        row.failed, row.hard = row.failed or failed, row.hard or hard
        self._count(row, 1)
        return {row.domain}

    def _count(self, row: Tried, n: int) -> None:
        self._tried[row.domain] += n
        self._failed[row.domain] += n * row.failed
        self._hard += n * row.hard

    def bounce_rate(self) -> Reading:
        """Hard failures of all."""
        return _rate(self._hard, len(self._rows))

    def of(self, domain: str) -> Reading:
        """Failures of any kind of those to a domain."""
        return _rate(self._failed[domain], self._tried[domain])

    def domains(self) -> list[str]:
        """Every domain that has an attempt in the window."""
        return [domain for domain, n in self._tried.items() if n]


def _rate(failed: int, attempts: int) -> Reading:
    data = {"failed": failed, "attempts": attempts}
    return Reading(100 * failed / attempts if attempts else 0.0, attempts, data)


def last_attempts(window: int) -> LastAttempts:
    """Return the last attempts of id_notices as they stand now."""
    rows = (
        Attempt.select(Attempt.id, Message.destination, Attempt.reason, Attempt.hard)
        .join(Message)
        .where(Message.kind == MessageKind.ID_NOTICE)
        .order_by(Attempt.id.desc())
        .limit(window)
        .tuples()
    )
    last = LastAttempts(window)
    for row_id, domain, reason, hard in reversed(list(rows)):
        last.add(Tried(row_id, domain, reason in REASONS, bool(hard)))
    return last


def bounce_rate(now: dt.datetime, bounds: Bounds) -> Mapping[str, Reading]:
    """Read hard failures among the last attempts."""
    return {NOTICES: last_attempts(bounds.window).bounce_rate()}


def destinations(now: dt.datetime, bounds: Bounds) -> Mapping[str, Reading]:
    """Read any failures among the last attempts, by domain."""
    last = last_attempts(bounds.window)
    return {domain: last.of(domain) for domain in last.domains()}


# -- what waits --------------------------------------------------------------------------------------------------------


def queue_age(now: dt.datetime, bounds: Bounds) -> Mapping[str, Reading]:
    """Read for how many minutes the notice that is due longest is due."""
    waiting = Message.state.in_([state.value for state in CLAIMABLE]) & (Message.kind == MessageKind.ID_NOTICE)
    oldest = Message.select(fn.MIN(Message.due_at)).where(waiting & (Message.due_at <= now)).scalar()
    return {NOTICES: age(oldest, now)}


def age(since: dt.datetime | None, now: dt.datetime) -> Reading:
    """Return the reading of something that waits since a moment, in minutes; of nothing when nothing waits."""
    if since is None:
        return NOTHING
    return Reading((now - since) / dt.timedelta(minutes=1), data={"since": since.isoformat()})


def silent_workers(now: dt.datetime, bounds: Bounds) -> Mapping[str, Reading]:
    """Read since how many minutes each host is silent. A worker that ends removes its sign; a killed one is missed."""
    rows = WorkerBeat.select(WorkerBeat.host, fn.MAX(WorkerBeat.seen_at)).group_by(WorkerBeat.host).tuples()
    return {
        host: Reading((now - at) / dt.timedelta(minutes=1), data={"seen": at.isoformat()})
        for host, at in rows
        if at > now - _FORGOTTEN
    }


def postcards_not_mailed(now: dt.datetime, bounds: Bounds) -> Mapping[str, Reading]:
    """Read for how many working days nothing was handed in although a postcard waits."""
    waiting = [
        Postcard.select(fn.MIN(Postcard.queued_at)).where(Postcard.state == state).scalar()
        for state in WAITING_POSTCARDS
    ]
    since = min((at for at in waiting if at), default=None)
    mailed = (Event.name == EventName.POSTCARD_OPS_MAILED) & OF_POSTCARDS
    handed_in = Event.select(fn.MAX(Event.at)).where(mailed).scalar()
    return {POSTCARDS: idle(since, handed_in, now, WorkingCalendar.of(bounds.settings))}


def idle(
    since: dt.datetime | None, handed_in: dt.datetime | None, now: dt.datetime, calendar: WorkingCalendar
) -> Reading:
    """Return the reading of postcards that wait since a moment, the last of all handed in at another.

    Whole working days of Japan count: the day itself and today are none.
    """
    if since is None:
        return NOTHING
    from_day = jst_day(since if handed_in is None else max(since, handed_in))
    days = calendar.working_days_after(from_day, jst_day(now) - dt.timedelta(days=1))
    return Reading(days, data={"since": from_day.isoformat(), "working_days": days})


# -- what came back ----------------------------------------------------------------------------------------------------


def cards_returned(now: dt.datetime, bounds: Bounds) -> Mapping[str, Reading]:
    """Read the share of returned cards among those that were delivered or returned in the last days."""
    first = day_of(now) - dt.timedelta(days=bounds.window - 1)
    ended = Counter.a.in_([CardState.DELIVERED, CardState.RETURNED])
    rows = (
        Counter.select(Counter.a, fn.SUM(Counter.n))
        .where((Counter.figure == Figure.CARDS) & (Counter.day >= first) & ended)
        .group_by(Counter.a)
        .tuples()
    )
    found: dict[str, int] = defaultdict(int, {state: int(n) for state, n in rows})
    return {CARDS: share_returned(found[CardState.RETURNED], found[CardState.DELIVERED])}


def share_returned(returned: int, delivered: int) -> Reading:
    """Return the reading of so many cards that came back and so many that arrived."""
    ended = returned + delivered
    return Reading(100 * returned / ended if ended else 0.0, ended, {"returned": returned, "ended": ended})


def unmatched_mails(now: dt.datetime, bounds: Bounds) -> Mapping[str, Reading]:
    """Read how many returned mails that match nothing came in the last hours."""
    recent = ReturnedMail.received_at > now - dt.timedelta(hours=bounds.window)
    n = ReturnedMail.select().where((ReturnedMail.state == ReturnedState.UNMATCHED) & recent).count()
    return {RETURNED_MAIL: Reading(n, data={"mails": n})}
