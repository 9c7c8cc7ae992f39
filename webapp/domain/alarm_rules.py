"""Rules that open and close alarms by themselves: too much comes back, a queue stands still, a worker is silent.

Rates are failures among the last attempts, not of cohorts: an alarm must not wait for a day to end. An alarm opens at
its threshold and closes only clearly below it, so that a rate at the edge does not open and close it again and again.
"""

import datetime as dt
from collections import Counter, defaultdict
from dataclasses import dataclass

from peewee import fn

from db.models import Alarm, Attempt, Message, WorkerBeat
from webapp.domain.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.bounce.model import Reason
from webapp.domain.notices import CLAIMABLE, MessageKind

NOTICES = "notices"
# A worker that was killed leaves its sign of life behind; after this it is history.
_FORGOTTEN = dt.timedelta(days=1)


@dataclass(frozen=True)
class Rules:
    """The settings on which the rules depend; shares are 0 to 1."""

    window: int
    least: int
    bounce: float
    destination: float
    clear: float
    queue: dt.timedelta
    worker: dt.timedelta

    @classmethod
    def of(cls, settings) -> "Rules":
        """Return the rules that the settings describe."""
        return cls(
            window=settings.alarm_window,
            least=settings.alarm_least,
            bounce=settings.alarm_bounce_percent / 100,
            destination=settings.alarm_destination_percent / 100,
            clear=settings.alarm_clear_percent / 100,
            queue=dt.timedelta(minutes=settings.alarm_queue_minutes),
            worker=dt.timedelta(minutes=settings.alarm_worker_minutes),
        )


@dataclass(frozen=True)
class Window:
    """Failures among the last attempts."""

    attempts: int
    failed: int

    @property
    def share(self) -> float:
        """Failures of all attempts, 0 to 1."""
        return self.failed / self.attempts if self.attempts else 0.0


def watch(now: dt.datetime, settings) -> None:
    """Open the alarms whose rules hold and close those that are over. The worker's job."""
    rules = Rules.of(settings)
    everything, by_domain = last_attempts(rules.window)
    _rate(AlarmKind.BOUNCE_RATE, NOTICES, everything, rules.bounce, rules, now)
    known = {alarm.subject for alarm in Alarm.open().where(Alarm.kind == AlarmKind.DESTINATION_FAILING)}
    for domain in sorted(known | by_domain.keys()):
        window = by_domain.get(domain, Window(0, 0))
        _rate(AlarmKind.DESTINATION_FAILING, domain, window, rules.destination, rules, now)
    _queue(rules, now)
    _workers(rules, now)


def last_attempts(window: int) -> tuple[Window, dict[str, Window]]:
    """Return hard failures among the last attempts of id_notices, and any failures of them by domain."""
    rows = (
        Attempt.select(Attempt.hard, Attempt.reason, Message.destination)
        .join(Message)
        .where(Message.kind == MessageKind.ID_NOTICE)
        .order_by(Attempt.id.desc())
        .limit(window)
        .tuples()
    )
    hard, total = 0, 0
    tried: Counter[str] = Counter()
    failed: dict[str, int] = defaultdict(int)
    for is_hard, reason, domain in rows:
        total += 1
        hard += bool(is_hard)
        tried[domain] += 1
        failed[domain] += reason is not None and reason in set(Reason)
    return Window(total, hard), {domain: Window(n, failed[domain]) for domain, n in tried.items()}


def _rate(kind: AlarmKind, subject: str, window: Window, threshold: float, rules: Rules, now: dt.datetime) -> None:
    """Open at the threshold with enough attempts; close below the clear share of it, or when too few are left."""
    if window.attempts >= rules.least and window.share >= threshold:
        _hold(kind, subject, now, {"failed": window.failed, "attempts": window.attempts})
    elif window.attempts < rules.least or window.share < threshold * rules.clear:
        close_alarm(kind, subject, now)


def _hold(kind: AlarmKind, subject: str, now: dt.datetime, data: dict) -> None:
    """Open an alarm, or note its newest numbers; not an event a minute for what has not changed."""
    held = Alarm.open().where((Alarm.kind == kind) & (Alarm.subject == subject)).first()
    if held is None:
        open_alarm(kind, subject, now, data)
    elif held.data != data:
        Alarm.update(data=data, seen_at=now).where(Alarm.id == held.id).execute()


def _queue(rules: Rules, now: dt.datetime) -> None:
    waiting = Message.state.in_([state.value for state in CLAIMABLE]) & (Message.kind == MessageKind.ID_NOTICE)
    oldest = Message.select(fn.MIN(Message.due_at)).where(waiting & (Message.due_at <= now - rules.queue)).scalar()
    if oldest is None:
        close_alarm(AlarmKind.QUEUE_AGE, NOTICES, now)
    else:
        _hold(AlarmKind.QUEUE_AGE, NOTICES, now, {"since": oldest.isoformat()})


def _workers(rules: Rules, now: dt.datetime) -> None:
    """A worker that ends says so by removing its sign; one that is killed leaves it, and is missed."""
    rows = WorkerBeat.select(WorkerBeat.host, fn.MAX(WorkerBeat.seen_at)).group_by(WorkerBeat.host).tuples()
    seen = dict(rows)
    silent = {host for host, at in seen.items() if now - rules.worker > at > now - _FORGOTTEN}
    for host in sorted(silent):
        _hold(AlarmKind.WORKER_SILENT, host, now, {"seen": seen[host].isoformat()})
    for alarm in list(Alarm.open().where(Alarm.kind == AlarmKind.WORKER_SILENT)):
        if alarm.subject not in silent:
            close_alarm(AlarmKind.WORKER_SILENT, alarm.subject, now)
