"""Who is told what by which channel: the states of a message, and what follows from a failure."""

import datetime as dt
from collections import Counter
from dataclasses import dataclass
from enum import StrEnum

from peewee import fn

from db.database import is_sqlite, transaction
from db.fields import dump_json, to_microseconds
from db.ids import new_id
from db.models import Attempt, EmailAddress, Message, Registration
from db.rows import change_rows, require_row, update_rows, values_of
from webapp.domain.bounce.model import Reason, ReasonClass
from webapp.domain.core import counters, latency, progress
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.domain.core.counters import Figure
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName, NewEvent, record, record_many
from webapp.domain.core.progress import Reached
from webapp.domain.core.work_items import WorkItemKind, open_item
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.notices.counted import CountedMessage
from webapp.domain.postcard import fallback


class MessageKind(StrEnum):
    """Why a message is sent. Only id_notice falls back to a postcard."""

    ID_NOTICE = "id_notice"
    INVITATION = "invitation"
    SIGN_IN = "sign_in"
    CONFIRM = "confirm"
    CARD_REMINDER = "card_reminder"
    INQUIRY = "inquiry"
    OPS_ALARM = "ops_alarm"


class Role(StrEnum):
    """As what the recipient is told."""

    TECHNICIAN = "technician"
    BUSINESS = "business"
    PROXY = "proxy"
    OPERATOR = "operator"


class MessageState(StrEnum):
    """Where a message stands (docs/states.md)."""

    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    DELIVERED = "delivered"
    WAITING_RETRY = "waiting_retry"
    FAILED = "failed"
    CANCELLED = "cancelled"
    RECONCILIATION = "reconciliation"


class MessageStep(StrEnum):
    """What can happen to a message."""

    CLAIM = "claim"
    ACCEPT = "accept"
    DEFER = "defer"
    RETRY = "retry"
    CONFIRM = "confirm"
    PRESUME = "presume"
    FAIL = "fail"
    CANCEL = "cancel"
    HOLD = "hold"
    REQUEUE = "requeue"
    SETTLE = "settle"


S = MessageState
# What may happen in which state, and where it leads. A step that is not here raises.
STEPS: dict[tuple[MessageState, MessageStep], MessageState] = {
    (S.QUEUED, MessageStep.CLAIM): S.SENDING,
    (S.QUEUED, MessageStep.CANCEL): S.CANCELLED,
    (S.QUEUED, MessageStep.FAIL): S.FAILED,
    (S.QUEUED, MessageStep.HOLD): S.RECONCILIATION,
    (S.SENDING, MessageStep.CLAIM): S.SENDING,  # the lease of a worker that died has ended
    (S.SENDING, MessageStep.ACCEPT): S.SENT,
    (S.SENDING, MessageStep.DEFER): S.WAITING_RETRY,
    (S.SENDING, MessageStep.RETRY): S.WAITING_RETRY,
    (S.SENDING, MessageStep.FAIL): S.FAILED,
    (S.SENDING, MessageStep.HOLD): S.RECONCILIATION,
    (S.SENT, MessageStep.CONFIRM): S.DELIVERED,
    (S.SENT, MessageStep.PRESUME): S.DELIVERED,
    (S.SENT, MessageStep.RETRY): S.WAITING_RETRY,
    (S.SENT, MessageStep.FAIL): S.FAILED,
    (S.DELIVERED, MessageStep.CONFIRM): S.DELIVERED,
    (S.DELIVERED, MessageStep.RETRY): S.WAITING_RETRY,
    (S.DELIVERED, MessageStep.FAIL): S.FAILED,  # a late returned mail still wins
    (S.WAITING_RETRY, MessageStep.CLAIM): S.SENDING,
    (S.WAITING_RETRY, MessageStep.CONFIRM): S.DELIVERED,
    (S.WAITING_RETRY, MessageStep.FAIL): S.FAILED,
    (S.WAITING_RETRY, MessageStep.CANCEL): S.CANCELLED,
    (S.WAITING_RETRY, MessageStep.HOLD): S.RECONCILIATION,
    (S.WAITING_RETRY, MessageStep.REQUEUE): S.QUEUED,
    (S.FAILED, MessageStep.REQUEUE): S.QUEUED,
    (S.CANCELLED, MessageStep.REQUEUE): S.QUEUED,
    (S.RECONCILIATION, MessageStep.REQUEUE): S.QUEUED,
    (S.RECONCILIATION, MessageStep.SETTLE): S.SENT,
    (S.RECONCILIATION, MessageStep.CANCEL): S.CANCELLED,
}
CLAIMABLE = (S.QUEUED, S.WAITING_RETRY, S.SENDING)


# After a returned mail: how long until the next try, within the days of the setting.
_RETRY_AFTER = (dt.timedelta(hours=4), dt.timedelta(hours=16), dt.timedelta(hours=24))


@dataclass(frozen=True)
class Policy:
    """The settings on which the consequences of a failure depend."""

    postcard_classes: frozenset[ReasonClass]
    retry_for: dt.timedelta
    ours_for: dt.timedelta
    presumed_after: dt.timedelta
    same_address_limit: int

    @classmethod
    def of(cls, settings) -> "Policy":
        """Return the policy that the settings describe."""
        return cls(
            postcard_classes=frozenset(ReasonClass(word) for word in settings.postcard_classes),
            retry_for=dt.timedelta(days=settings.retry_days),
            ours_for=dt.timedelta(days=settings.ours_days),
            presumed_after=dt.timedelta(hours=settings.presumed_hours),
            same_address_limit=settings.same_address_limit,
        )


@dataclass(frozen=True)
class Verdict:
    """Why an attempt failed, as judged from a reply or a returned mail."""

    reason: Reason
    reason_class: ReasonClass


# What a counter says of a message that waits, is queued again or was given up, and that a relay has accepted before.
ACCEPTED = "accepted"


def outcome(message: Message | CountedMessage) -> str:
    """Return the third dimension of a message's counter: its failure, how delivery is known, ACCEPTED, or nothing."""
    if message.state == S.FAILED:
        return f"{message.failure_class}/{message.reason}"
    if message.state == S.DELIVERED:
        return message.reason or ""
    return ACCEPTED if message.first_sent_at and message.state != S.SENT else ""


def counter_deltas(message: Message | CountedMessage, n: int) -> dict[counters.Key, int]:
    """Return what counting a message `n` times adds to the figures; nothing before its first attempt."""
    if message.cohort_day is None:
        return {}
    notice_kind = f"{message.kind}/{message.role}"
    by_state = message.failure_class if message.state == S.FAILED else message.state
    if outcome(message) == ACCEPTED and message.state not in (S.FAILED, S.DELIVERED):
        by_state = f"{by_state}/{ACCEPTED}"
    return {
        counters.key(Figure.NOTICES, message.cohort_day, notice_kind, message.state, outcome(message)): n,
        counters.key(
            Figure.NOTICES_BY_DESTINATION, message.cohort_day, notice_kind, message.destination, by_state or ""
        ): n,
    }


def sent_after(message: Message, completed_at: dt.datetime | None, first: dt.datetime) -> dict[counters.Key, int]:
    """Return what the first acceptance of an ID notice, `first`, adds to the figures."""
    if message.kind != MessageKind.ID_NOTICE or completed_at is None:
        return {}
    took = str(latency.class_of(first - completed_at))
    return {counters.key(Figure.SENT_AFTER, message.cohort_day, f"{message.kind}/{message.role}", took): 1}


def _told(message: Message, state: MessageState) -> bool:
    """Whether a message in this state is the mail that has told its person."""
    mine = message.kind == MessageKind.ID_NOTICE and message.role == Role.TECHNICIAN and message.registration_id
    return bool(mine) and state == S.DELIVERED


def move(message: Message, step: MessageStep, **changes) -> None:
    """Take a step of the table in the running transaction, with its counters; the message is changed in place.

    StepNotAllowed if the table does not allow it, or the stored row is no longer as the message was read.
    """
    before = MessageState(message.state)
    after = STEPS.get((before, step))
    if after is None:
        raise StepNotAllowed(f"a message that is {before} cannot {step}")
    deltas: Counter = Counter(counter_deltas(message, -1))
    fence = message.fence
    # The first acceptance stays; what is held or came back before its answer was noted has been accepted as well.
    first = changes.get("sent_at") or changes.get("first_sent_at")
    if first is not None and message.first_sent_at is None:
        changes["first_sent_at"] = first
        first_time = True
    else:
        changes.pop("first_sent_at", None)
        first_time = False
    for name, value in {"state": after, "due_at": None, **changes}.items():
        setattr(message, name, value)
    changed = {name: getattr(message, name) for name in ("state", "due_at", *changes)}
    if not update_rows(Message, changed, {"id": message.id, "state": before, "fence": fence}):
        raise StepNotAllowed("somebody else has moved this message")
    deltas.update(counter_deltas(message, 1))
    if first_time and message.registration_id:
        completed_at = progress.completed([message.registration_id]).get(message.registration_id)
        deltas.update(sent_after(message, completed_at, first))
    if change := _told(message, after) - _told(message, before):
        deltas.update(progress.deltas({(message.registration_id, Reached.BY_MAIL): change}))
    counters.add(deltas)


def note(name: EventName, message: Message, now: dt.datetime, data: dict | None = None, account_id=None) -> None:
    """Write an event about a message, tied to its registration and person."""
    record(
        name,
        now,
        registration_id=message.registration_id,
        technician_id=message.technician_id,
        business_id=message.business_id,
        subject_id=message.id,
        account_id=account_id,
        data={"kind": message.kind, "role": message.role, **(data or {})},
    )


def is_latest(attempt: Attempt, message: Message) -> bool:
    """Return whether what is said of this attempt changes the message."""
    return attempt.n == message.attempts


def confirm(message: Message, now: dt.datetime) -> None:
    """Note a success report: the mail has arrived."""
    move(message, MessageStep.CONFIRM, reason="confirmed", settled_at=now)
    note(EventName.NOTICE_EMAIL_CONFIRMED, message, now)


def presume(policy: Policy, now: dt.datetime, limit: int = 1000) -> int:
    """Presume delivery of what was sent long enough ago and never came back; return how many."""
    with transaction():
        # Two workers take different rows; SQLite has one writer at a time.
        lock = "" if is_sqlite() else " FOR UPDATE SKIP LOCKED"
        ids = values_of(_LONG_SENT + lock, to_microseconds(now - policy.presumed_after), limit)
        if not ids:
            return 0
        listed = ", ".join(str(row[0]) for row in ids)
        due = values_of(f"{_ALIKE} WHERE id IN ({listed}) ORDER BY id")
        after, moment = STEPS[S.SENT, MessageStep.PRESUME], to_microseconds(now)
        sql = f"UPDATE message SET state = ?, reason = ?, settled_at = ?, due_at = NULL WHERE id IN ({listed})"
        change_rows(sql, after, "presumed", moment)
        reached = Counter((row[1], Reached.BY_MAIL) for row in due if row[1] and row[4:6] == _OWN_NOTICE)
        counted = progress.deltas(reached)
        for alike, n in Counter(row[4:] for row in due).items():
            kind, role, destination, day = alike
            day = dt.date.fromisoformat(day) if day else None
            for state, reason, sign in ((S.SENT, None, -n), (after, "presumed", n)):
                message = Message(
                    kind=kind, role=role, destination=destination, cohort_day=day, state=state, reason=reason
                )
                counted.update(counter_deltas(message, sign))
        counters.add(counted)
        name = EventName.NOTICE_EMAIL_PRESUMED
        record_many(
            [
                NewEvent(name, moment, registration, technician, business, message, data=_about(kind, role))
                for message, registration, technician, business, kind, role, *_ in due
            ]
        )
        return len(due)


_OWN_NOTICE = (MessageKind.ID_NOTICE, Role.TECHNICIAN)
# What is presumed comes in tens of thousands: rows without models, oldest first, in batches that end soon.
_LONG_SENT = "SELECT id FROM message WHERE state = 'sent' AND sent_at <= ? ORDER BY sent_at LIMIT ?"
_ALIKE = "SELECT id, registration_id, technician_id, business_id, kind, role, destination, cohort_day FROM message"


def _about(kind: str, role: str) -> str:
    return dump_json({"kind": kind, "role": role})


def fail(message: Message, attempt: Attempt, verdict: Verdict, policy: Policy, now: dt.datetime) -> None:
    """Draw the consequences of a failed attempt in the running transaction; only of the latest attempt.

    dead: the address is invalid, a technician's id_notice becomes a postcard. refused, temporary: tried again over the
    policy's days, then a postcard. ours: tried again, with an alarm, then a work item; never marks the address.
    """
    attempt.reason, attempt.hard = verdict.reason, verdict.reason_class is ReasonClass.DEAD
    update_rows(Attempt, {"reason": attempt.reason, "hard": attempt.hard}, {"id": attempt.id})
    if verdict.reason_class is ReasonClass.DEAD:
        invalidate(attempt.address, verdict.reason, policy, now)
        fail_for_good(message, verdict, policy, now)
        return
    if verdict.reason_class is ReasonClass.OURS:
        # A mail about alarms must not lead to another one.
        alarm = AlarmKind.ALARM_MAIL_FAILED if message.kind == MessageKind.OPS_ALARM else AlarmKind.OUR_FAILURE
        open_alarm(alarm, message.destination, now, {"reason": verdict.reason})
        patience = policy.ours_for
    else:
        patience = policy.retry_for
    # A corrected address has days of its own.
    same_address = (Attempt.message == message) & (Attempt.address == attempt.address_id)
    began = Attempt.select(fn.MIN(Attempt.started_at)).where(same_address).scalar()
    wait = _RETRY_AFTER[min(message.attempts, len(_RETRY_AFTER)) - 1]
    if now + wait <= began + patience:
        # A mail that has come back was accepted, even where its answer was never noted.
        accepted = {"first_sent_at": now} if attempt.state == "accepted" else {}
        again = {"due_at": now + wait, "reason": verdict.reason, "failure_class": verdict.reason_class}
        move(message, MessageStep.RETRY, **again, **accepted)
        data = {"reason": verdict.reason, "class": verdict.reason_class, "again_at": (now + wait).isoformat()}
        note(EventName.NOTICE_BOUNCE_RETRY, message, now, data)
    else:
        fail_for_good(message, verdict, policy, now)


def fail_for_good(message: Message, verdict: Verdict, policy: Policy, now: dt.datetime) -> None:
    """Give a message up in the running transaction: a postcard or work for a person follows."""
    late = message.state == S.DELIVERED
    move(message, MessageStep.FAIL, reason=verdict.reason, failure_class=verdict.reason_class, settled_at=now)
    name = EventName.NOTICE_BOUNCE_LATE if late else EventName.NOTICE_BOUNCE_FAILED
    note(name, message, now, {"reason": verdict.reason, "class": verdict.reason_class})
    if message.kind == MessageKind.OPS_ALARM:
        open_alarm(AlarmKind.ALARM_MAIL_FAILED, message.destination, now, {"reason": verdict.reason})
    if message.kind != MessageKind.ID_NOTICE:
        return
    if message.role == Role.TECHNICIAN:
        if verdict.reason_class in policy.postcard_classes:
            fallback.queue(require_row(Registration, id=message.registration_id), verdict.reason, now, message)
        elif message.registration_id:
            data = {"class": verdict.reason_class}
            open_item(WorkItemKind.SEND_POSTCARD, "registration", message.registration_id, verdict.reason, now, data)
    elif message.business_id:
        # A business gets no postcard: a person corrects its address.
        data = {"class": verdict.reason_class}
        open_item(WorkItemKind.BUSINESS_ADDRESS, "business", message.business_id, verdict.reason, now, data)


def invalidate(address: EmailAddress, reason: Reason, policy: Policy, now: dt.datetime) -> None:
    """Mark the mailed address dead in the running transaction; many people on it make one work item first."""
    holders = versions.mark_invalid(address, reason, now)
    if address.owner_kind == OwnerKind.TECHNICIAN and holders > policy.same_address_limit:
        # The oldest row stands for the value, so that there is one work item for all who share it.
        oldest = EmailAddress.select(fn.MIN(EmailAddress.id)).where(EmailAddress.value_key == address.value_key)
        data = {"technicians": holders}
        open_item(WorkItemKind.SAME_ADDRESS, "email_address", oldest.scalar(), reason, now, data)
        fallback.hold_for_same_address(address, now)


def requeue(message: Message, address: EmailAddress, now: dt.datetime, account_id: int | None) -> None:
    """Queue a message again, to an address that may be another than before; the next attempt is a new one."""
    with transaction():
        move(
            message,
            MessageStep.REQUEUE,
            due_at=now,
            address=address,
            destination=versions.destination(address.value),
            reason=None,
            failure_class=None,
            settled_at=None,
        )
        note(EventName.NOTICE_OPS_REQUEUED, message, now, account_id=account_id)


def new_message(
    kind: MessageKind, role: Role, address: EmailAddress, language: str, now: dt.datetime, **refers_to
) -> Message:
    """Queue a single message in the running transaction; `refers_to` are columns such as technician or content.

    Import writes the messages of many registrations at once in `intake/writing.py`, in the same columns.
    """
    message = Message.create(
        id=new_id(),
        kind=kind,
        role=role,
        address=address,
        language=language,
        destination=versions.destination(address.value),
        state=S.QUEUED,
        queued_at=now,
        due_at=now,
        **refers_to,
    )
    note(EventName.NOTICE_EMAIL_QUEUED, message, now)
    return message
