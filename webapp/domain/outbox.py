"""The transactional outbox: which messages a worker may take, for how long, and what it has to know to send them.

The outbox is table `message` itself. `due_at` set: a worker may take the row from then on; while one has it, the end
of its lease. `fence` rises with each claim, so that who comes back late has an older one and changes nothing.
What comes of the sending is written by `outbox_finish`.
"""

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from peewee import fn

from db.database import database, is_sqlite, skip_locked, transaction, write_rows
from db.fields import to_microseconds
from db.ids import encode, new_ids
from db.models import Attempt, Business, EmailAddress, Message, Registration, Technician
from webapp.domain import metrics, notices
from webapp.domain.addresses import AddressState
from webapp.domain.bounce.model import REASON_CLASS, Reason, ReasonClass
from webapp.domain.notices import STEPS, MessageKind, MessageState, Policy, Role, Step, StepError, Verdict
from webapp.domain.pacing import Bucket, Pace, full_bucket, take

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


@dataclass(slots=True)
class Claimed:
    """A message that this worker holds until `lease_until`, with all that composing it needs."""

    id: int
    kind: MessageKind
    role: Role
    state: MessageState
    fence: int
    attempts: int
    registration_id: int | None
    technician_id: int | None
    business_id: int | None
    address_id: int | None
    language: str
    content: Mapping[str, str]
    destination: str
    failure_class: str | None
    reason: str | None
    first_attempt_at: int | None
    cohort_day: dt.date | None
    lease_until: dt.datetime
    attempt_id: int = 0
    attempt_started_at: int = 0
    tries: int = 0
    message_ref: str = ""
    recipient: str = ""
    recipient_name: str = ""
    values: dict[str, str] = field(default_factory=dict)


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
        rows = _without_dead_addresses(rows, policy, now)
        if rows:
            _move_to_sending(rows, now, now + lease)
            _give_attempts(rows, now, domain)
            _read_names(rows)
        return Claim(rows, found == limit)


_COLUMNS = (
    Message.id,
    Message.kind,
    Message.role,
    Message.state,
    Message.fence,
    Message.attempts,
    Message.registration,
    Message.technician,
    Message.business,
    Message.address,
    Message.language,
    Message.content,
    Message.destination,
    Message.failure_class,
    Message.reason,
    Message.first_attempt_at,
    Message.cohort_day,
)


def _due(now: dt.datetime, kinds: Sequence[MessageKind], limit: int) -> list[Claimed]:
    rows: list[Claimed] = []
    for kind in kinds:
        if len(rows) == limit:
            break
        # One kind a query: so it is one range of the index, oldest first.
        select = Message.select(*_COLUMNS).where((Message.kind == kind) & (Message.due_at <= now))
        for row in skip_locked(select.order_by(Message.due_at).limit(limit - len(rows))).tuples():
            one = Claimed(*row, lease_until=now)
            one.kind, one.role, one.state = MessageKind(one.kind), Role(one.role), MessageState(one.state)
            one.content = one.content or {}
            rows.append(one)
    return rows


def _paced(rows: list[Claimed], pacer: Pacer | None, now: dt.datetime) -> list[Claimed]:
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
    execute_many("UPDATE message SET due_at = ? WHERE id = ?", put_off)
    return kept


def _without_dead_addresses(rows: list[Claimed], policy: Policy, now: dt.datetime) -> list[Claimed]:
    """Read the addresses; what must not be mailed any more fails here, and becomes a postcard."""
    ids = {row.address_id for row in rows}
    columns = (EmailAddress.id, EmailAddress.value, EmailAddress.state, EmailAddress.reason)
    known = {row[0]: row[1:] for row in EmailAddress.select(*columns).where(EmailAddress.id.in_(ids)).tuples()}
    kept = []
    for row in rows:
        value, state, reason = known.get(row.address_id, ("", AddressState.INVALID, None))
        if state != AddressState.INVALID:
            row.recipient = value
            kept.append(row)
            continue
        cause = Reason(reason) if reason in REASON_CLASS else Reason.USERUNKNOWN
        notices.fail_for_good(Message.get_by_id(row.id), Verdict(cause, ReasonClass.DEAD), policy, now)
    return kept


def _move_to_sending(rows: list[Claimed], now: dt.datetime, lease_until: dt.datetime) -> None:
    deltas: dict[metrics.Key, int] = {}
    written = []
    today, moment, until = metrics.day_of(now), to_microseconds(now), to_microseconds(lease_until)
    for row in rows:
        after = STEPS.get((row.state, Step.CLAIM))
        if after is None:
            raise StepError(f"message {row.id} is due although it is {row.state}")
        if after != row.state or row.cohort_day is None:
            add_deltas(deltas, row, -1)
            row.state = after
            if row.cohort_day is None:
                row.first_attempt_at, row.cohort_day = moment, today
            add_deltas(deltas, row, 1)
        row.fence += 1
        row.lease_until = lease_until
        cohort = (to_stored_moment(row.first_attempt_at), row.cohort_day.isoformat())
        written.append((after, until, row.fence, *cohort, row.id))
    execute_many(
        "UPDATE message SET state = ?, due_at = ?, fence = ?, first_attempt_at = ?, cohort_day = ? WHERE id = ?",
        written,
    )
    metrics.add(deltas)


def _give_attempts(rows: list[Claimed], now: dt.datetime, domain: str) -> None:
    """Go on with the attempt that is pending for this address, or begin the next one."""
    columns = (Attempt.message, Attempt.n, Attempt.id, Attempt.address, Attempt.message_ref, Attempt.tries)
    started = [row.id for row in rows if row.attempts]
    pending = {}
    if started:
        select = Attempt.select(*columns, Attempt.started_at).where(
            Attempt.message.in_(started) & (Attempt.state == AttemptState.PENDING)
        )
        pending = {(row[0], row[1]): row[2:] for row in select.tuples()}
    moment = to_microseconds(now)
    again, abandoned, begun, counted = [], [], [], []
    ids = iter(new_ids(len(rows)))
    for row in rows:
        held = pending.get((row.id, row.attempts))
        if held is not None and held[1] == row.address_id:
            row.attempt_id, _, row.message_ref, row.tries, row.attempt_started_at = held
            row.attempt_started_at = to_stored_moment(row.attempt_started_at)
            row.tries += 1
            again.append((row.tries, row.attempt_id))
            continue
        if held is not None:
            abandoned.append((AttemptState.ABANDONED, held[0]))
        row.attempt_id, row.attempts, row.tries, row.attempt_started_at = next(ids), row.attempts + 1, 1, moment
        row.message_ref = message_ref(row.attempt_id, domain)
        counted.append((row.attempts, row.id))
        begun.append(
            (row.attempt_id, row.id, row.attempts, row.address_id, row.message_ref, AttemptState.PENDING, 1, moment)
        )
    execute_many("UPDATE attempt SET state = ? WHERE id = ?", abandoned)
    execute_many("UPDATE attempt SET tries = ? WHERE id = ?", again)
    execute_many("UPDATE message SET attempts = ? WHERE id = ?", counted)
    names = ("id", "message_id", "n", "address_id", "message_ref", "state", "tries", "started_at")
    write_rows("attempt", names, begun)


def _read_names(rows: list[Claimed]) -> None:
    """Read what the texts speak of: the person, the application, the business."""
    people = _by_id(Technician, (Technician.name, Technician.technician_id), {r.technician_id for r in rows})
    numbers = _by_id(Registration, (Registration.application_number,), {r.registration_id for r in rows})
    firms = _by_id(Business, (Business.name,), {r.business_id for r in rows})
    for row in rows:
        if row.technician_id is not None:
            row.values["name"], row.values["technician_id"] = people[row.technician_id]
        if row.registration_id is not None:
            row.values["application_number"] = numbers[row.registration_id][0]
        if row.business_id is not None:
            row.values["business_name"] = firms[row.business_id][0]
        row.values.update({name: value for name, value in row.content.items() if isinstance(value, str)})
        to_business = row.role in (Role.BUSINESS, Role.PROXY)
        row.recipient_name = row.values.get("business_name" if to_business else "name", "")


def _by_id(model, columns, ids: set) -> dict[int, tuple]:
    ids.discard(None)
    if not ids:
        return {}
    return {row[0]: row[1:] for row in model.select(model.id, *columns).where(model.id.in_(ids)).tuples()}


def release(messages: Sequence[Claimed], now: dt.datetime) -> None:
    """Give back what was claimed and certainly not begun: another worker may take it at once."""
    with transaction():
        moment = to_microseconds(now)
        execute_many(
            "UPDATE message SET due_at = ? WHERE id = ? AND fence = ? AND state = 'sending'",
            [(moment, row.id, row.fence) for row in messages],
        )


def waiting(now: dt.datetime) -> dict[str, int]:
    """Return how many messages of each kind are due now, for the log and the figures of the worker."""
    select = Message.select(Message.kind, fn.COUNT(Message.id)).where(Message.due_at <= now).group_by(Message.kind)
    return dict(select.tuples())


def add_deltas(deltas: dict[metrics.Key, int], row: Claimed, n: int) -> None:
    """Add a message to counter deltas `n` times."""
    for key, count in notices.counter_deltas(row, n).items():
        deltas[key] = deltas.get(key, 0) + count


def to_stored_moment(value: dt.datetime | int) -> int:
    """Return a moment as the store has it; rows read by tuples give a datetime, rows made here a number."""
    return to_microseconds(value) if isinstance(value, dt.datetime) else value


def execute_many(sql: str, rows: Sequence[Sequence]) -> None:
    """Run one statement for many rows in the running transaction; `?` stands for a value on both engines."""
    if rows:
        database.cursor().executemany(sql if is_sqlite() else sql.replace("?", "%s"), rows)


def storable(text: str) -> str:
    """Return a stranger's words without what a database refuses: NUL and lone surrogates."""
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\ufffd")
