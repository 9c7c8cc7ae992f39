"""The transactional outbox: which messages a worker may take, for how long, and what it has to know to send them.

The outbox is table `message` itself. `due_at` set: a worker may take the row from then on; while one has it, the end
of its lease. `fence` rises with each claim, so that who comes back late has an older one and changes nothing.
What comes of the sending is written by `outbox_results`.
"""

import datetime as dt
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Any

from peewee import fn

from db.database import is_sqlite, transaction
from db.fields import to_microseconds
from db.ids import encode, new_ids
from db.models import Message
from db.rows import change_many, change_rows, values_of, write_rows
from webapp.domain.bounce.model import REASON_CLASS, Reason, ReasonClass
from webapp.domain.core import counters, latency
from webapp.domain.core.counters import Figure
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.email_addresses.versions import AddressState
from webapp.domain.mail.claimed import READ, Claimed, DueRow, claimed_of
from webapp.domain.mail.pacing import Bucket, Pace, full_bucket, take
from webapp.domain.notices.counted import CountedMessage
from webapp.domain.notices.messages import (
    STEPS,
    MessageKind,
    MessageState,
    MessageStep,
    Policy,
    Verdict,
    counter_deltas,
    fail_for_good,
)

# In this order, so that somebody who waits before a screen is served before a hundred thousand notices.
KINDS = (
    MessageKind.SIGN_IN,
    MessageKind.CONFIRM,
    MessageKind.OPS_ALARM,
    MessageKind.INQUIRY,
    MessageKind.CARD_REMINDER,
    MessageKind.INVITATION,
    MessageKind.ID_NOTICE,
)
# Only what comes in masses is paced; a sign-in mail must not wait behind it.
PACED = frozenset({MessageKind.CARD_REMINDER, MessageKind.INVITATION, MessageKind.ID_NOTICE})


class AttemptState(StrEnum):
    """Where an attempt stands; only a pending one is repeated, under its own Message-ID and token."""

    PENDING = "pending"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    FAILED = "failed"  # its days are over, or it could not be written
    ABANDONED = "abandoned"  # the message goes to another address now


@dataclass(frozen=True, slots=True)
class Claim:
    """What a worker may send now; `more`: there was more that was due, so that it is worth asking again at once."""

    messages: list[Claimed]
    more: bool


class Pacer:
    """A worker's share of the pace of each destination domain. Kept in the worker: a restart costs one burst.

    With several workers each has its part: `share` is one over their number (docs/operation.md).
    """

    def __init__(self, per_second: float, burst: float | None = None, share: float = 1.0) -> None:
        self._per_second, self._burst = per_second, burst
        self._buckets: dict[str, Bucket] = {}
        self._promised: dict[str, float] = {}
        self.share = share

    @property
    def _pace(self) -> Pace:
        per_second = self._per_second * self.share
        return Pace(per_second, max(1.0, per_second if self._burst is None else self._burst))

    def delay(self, domain: str, at: float) -> float:
        """Return 0 when one more message may go to the domain at `at` (Unix time), else in how many seconds.

        Each message put off gets a moment of its own, so that a large domain comes due at its pace, not all at once.
        """
        pace = self._pace
        bucket = self._buckets.get(domain) or full_bucket(pace, at)
        granted, self._buckets[domain], wait = take(bucket, pace, at)
        if granted:
            return 0.0
        promised = max(at + wait, self._promised.get(domain, 0.0) + 1 / pace.per_second)
        self._promised[domain] = promised
        return promised - at


def message_ref(attempt_id: int, domain: str) -> str:
    """Return the Message-ID of an attempt, without its brackets."""
    return f"{encode(attempt_id).lower()}@{domain}"


def claim(
    now: dt.datetime,
    lease: dt.timedelta,
    policy: Policy,
    domain: str,
    *,
    stopped: Collection[str] = (),
    limit: int = 100,
    pacer: Pacer | None = None,
) -> Claim:
    """Take what is due, in one transaction; `domain` is that of our Message-IDs, `stopped` the kinds not to be sent.

    A message whose address has become invalid meanwhile is not sent: it fails with the address's reason.
    """
    with transaction():
        rows = _due(now, [kind for kind in KINDS if kind not in stopped], limit)
        if not rows:
            return Claim([], False)
        found = len(rows)
        rows = _paced(rows, pacer, now)
        claimed = [claimed_of(row, now) for row in _without_dead_addresses(rows, policy, now)]
        begun = _give_attempts(claimed, now, domain)
        _move_to_sending(claimed, begun, now, now + lease)
        return Claim(claimed, found == limit)


def _due(now: dt.datetime, kinds: Sequence[MessageKind], limit: int) -> list[DueRow]:
    ids: list[int] = []
    # One kind a query: so it is one range of the index, oldest first.
    sql = "SELECT id FROM message WHERE kind = ? AND due_at <= ? ORDER BY due_at LIMIT ?"
    # SQLite has one writer at a time, so that an IMMEDIATE transaction is already alone.
    sql = sql if is_sqlite() else sql + " FOR UPDATE SKIP LOCKED"
    moment = to_microseconds(now)
    for kind in kinds:
        if len(ids) == limit:
            break
        ids += [row[0] for row in values_of(sql, kind, moment, limit - len(ids))]
    found = {row[0]: DueRow(*row) for row in rows_of(READ, ids)}
    return [found[message_id] for message_id in ids]


def _paced(rows: list[DueRow], pacer: Pacer | None, now: dt.datetime) -> list[DueRow]:
    """Put off what its domain may not get yet, and leave the others their way."""
    if pacer is None:
        return rows
    at, kept, put_off = now.timestamp(), [], []
    for row in rows:
        delay = pacer.delay(row.destination, at) if row.kind in PACED else 0.0
        if delay:
            put_off.append((to_microseconds(now + dt.timedelta(seconds=delay)), row.id))
        else:
            kept.append(row)
    change_many("UPDATE message SET due_at = ? WHERE id = ?", put_off)
    return kept


def _without_dead_addresses(rows: list[DueRow], policy: Policy, now: dt.datetime) -> list[DueRow]:
    """What must not be mailed any more fails here, and becomes a postcard."""
    kept = []
    for row in rows:
        if row.address_state is not None and row.address_state != AddressState.INVALID:
            kept.append(row)
            continue
        cause = Reason(row.address_reason) if row.address_reason in REASON_CLASS else Reason.USERUNKNOWN
        fail_for_good(Message.get_by_id(row.id), Verdict(cause, ReasonClass.DEAD), policy, now)
    return kept


def _move_to_sending(rows: list[Claimed], begun: set[int], now: dt.datetime, lease_until: dt.datetime) -> None:
    """Write the claim, each row once, since a row stands in many indexes; `begun`: the ids with a new attempt."""
    counted = Deltas()
    today, moment, until = counters.day_of(now), to_microseconds(now), to_microseconds(lease_until)
    for row in rows:
        after = STEPS.get((row.state, MessageStep.CLAIM))
        if after is None:
            raise StepNotAllowed(f"message {row.id} is due although it is {row.state}")
        if after != row.state or row.cohort_day is None:
            counted.add(row, -1)
            row.state = after
            if row.cohort_day is None:
                row.first_attempt_at, row.cohort_day = moment, today
            counted.add(row, 1)
        row.fence += 1
        row.lease_until = lease_until
    sql = (
        "UPDATE message SET state = ?, due_at = ?, fence = fence + 1, attempts = attempts + ?,"
        " first_attempt_at = CASE WHEN cohort_day IS NULL THEN ? ELSE first_attempt_at END,"
        " cohort_day = COALESCE(cohort_day, ?) WHERE id IN "
    )
    for more in (1, 0):
        ids = [row.id for row in rows if (row.id in begun) == bool(more)]
        change_all(sql, ids, (MessageState.SENDING, until, more, moment, today.isoformat()))
    counted.write()


def _give_attempts(rows: list[Claimed], now: dt.datetime, domain: str) -> set[int]:
    """Go on with the attempt that is pending for this address, or begin the next one; return whose are begun."""
    sql = "SELECT message_id, n, id, address_id, message_ref, tries, started_at FROM attempt WHERE state = 'pending'"
    started = [row.id for row in rows if row.attempts]
    pending = {(row[0], row[1]): row[2:] for row in rows_of(sql + " AND message_id IN ", started)}
    moment = to_microseconds(now)
    again, abandoned, begun = [], [], []
    ids = iter(new_ids(len(rows)))
    for row in rows:
        held = pending.get((row.id, row.attempts))
        if held is not None and held[1] == row.address_id:
            row.attempt_id, _, row.message_ref, row.tries, row.attempt_started_at = held
            row.tries += 1
            again.append((row.tries, row.attempt_id))
            continue
        if held is not None:
            abandoned.append((AttemptState.ABANDONED, held[0]))
        row.attempt_id, row.attempts, row.tries, row.attempt_started_at = next(ids), row.attempts + 1, 1, moment
        row.message_ref = message_ref(row.attempt_id, domain)
        begun.append(
            (row.attempt_id, row.id, row.attempts, row.address_id, row.message_ref, AttemptState.PENDING, 1, moment)
        )
    change_many("UPDATE attempt SET state = ? WHERE id = ?", abandoned)
    change_many("UPDATE attempt SET tries = ? WHERE id = ?", again)
    names = ("id", "message_id", "n", "address_id", "message_ref", "state", "tries", "started_at")
    write_rows("attempt", names, begun)
    return {row[1] for row in begun}


def release(messages: Sequence[Claimed], now: dt.datetime) -> None:
    """Give back what was claimed and certainly not begun: another worker may take it at once."""
    with transaction():
        moment = to_microseconds(now)
        change_many(
            "UPDATE message SET due_at = ? WHERE id = ? AND fence = ? AND state = 'sending'",
            [(moment, row.id, row.fence) for row in messages],
        )


def waiting(now: dt.datetime) -> dict[str, int]:
    """Return how many messages of each kind are due now, for the log and the figures of the worker."""
    select = Message.select(Message.kind, fn.COUNT(Message.id)).where(Message.due_at <= now).group_by(Message.kind)
    return dict(select.tuples())


# Of messages that are counted alike: kind, role, state, destination, failure class, reason, day of the first attempt.
_Alike = tuple[str, str, str, str, str | None, str | None, dt.date]


class Deltas:
    """Changes of the counters, added up by what the messages have in common before their keys are made."""

    def __init__(self) -> None:
        self._rows: dict[tuple[_Alike, bool], int] = {}
        self._took: Counter[tuple[Any, str, str]] = Counter()  # day of the first attempt, kind and role, class of time

    def add(self, row: Claimed, n: int) -> None:
        """Count a message as it stands now `n` times."""
        if row.cohort_day is None:
            return
        accepted = row.first_sent_at is not None
        alike = (row.kind, row.role, row.state, row.destination, row.failure_class, row.reason, row.cohort_day)
        self._rows[alike, accepted] = self._rows.get((alike, accepted), 0) + n

    def first_sent(self, row: Claimed, at: int) -> None:
        """Count how long a notice took to its first acceptance; later ones change nothing."""
        if row.first_sent_at is None and row.kind == MessageKind.ID_NOTICE and row.completed_at is not None:
            took = latency.class_of(dt.timedelta(microseconds=at - row.completed_at))
            self._took[row.cohort_day, f"{row.kind}/{row.role}", str(took)] += 1
        row.first_sent_at = row.first_sent_at or at

    def write(self) -> None:
        """Add all of it to the counters, in the running transaction."""
        deltas: dict[counters.Key, int] = {counters.key(Figure.SENT_AFTER, *took): n for took, n in self._took.items()}
        for (alike, accepted), n in self._rows.items():
            for key in _keys(alike, accepted):
                deltas[key] = deltas.get(key, 0) + n
        counters.add(deltas)


@lru_cache(maxsize=4096)
def _keys(alike: _Alike, accepted: bool) -> tuple[counters.Key, ...]:
    """Return the counters in which a message stands; many messages in a row stand in the same ones."""
    return tuple(counter_deltas(CountedMessage(*alike, accepted), 1))


def rows_of(sql: str, ids: Sequence[int], end: str = "") -> list[tuple[Any, ...]]:
    """Return the rows of a statement of ours that ends in `IN `, for these ids; `end` follows them."""
    if not ids:
        return []
    return values_of(f"{sql}({', '.join(map(str, ids))}){end}")


def change_all(sql: str, ids: Sequence[int], values: Sequence[Any]) -> None:
    """Run a statement of ours that ends in `IN `, with the same values for all these ids."""
    if ids:
        change_rows(f"{sql}({', '.join(map(str, ids))})", *values)


def storable(text: str) -> str:
    """Return a stranger's words without what a database refuses: NUL and lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
