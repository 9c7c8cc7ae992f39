"""A returned mail: whose attempt it speaks of, whether it may act, and what follows - in one transaction.

Only a valid token in the recipient acts (`return_path`). What the mail says of its recipient is evidence: a report on
another address than the one we mailed (a forwarding) never marks ours dead, a person decides.
"""

import contextlib
import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any, Protocol

from db.database import exclusive, is_sqlite, transaction
from db.ids import new_id
from db.models import Attempt, EmailAddress, Message, ReturnedMail, ReturnedMailSource
from db.rows import insert_row, read_row, require_row, update_rows
from webapp.domain.bounce import Failure, Judgement, MailKind, Reason, ReasonClass, explain, judge
from webapp.domain.bounce.message import read as read_mail
from webapp.domain.bounce.model import REASON_CLASS
from webapp.domain.bounce.reports import read_status_report
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.domain.core.counters import day_of
from webapp.domain.core.events import EventName, record
from webapp.domain.core.work_items import WorkItemKind, open_item
from webapp.domain.email_addresses.syntax import plain_address, wire_address
from webapp.domain.mail.outbox import AttemptState, storable
from webapp.domain.mail.return_path import BadToken, ReturnPathKeys, read_return_path
from webapp.domain.notices import messages
from webapp.domain.notices.messages import MessageState, MessageStep, Policy, Verdict

_LOCK_BITS = 62


class ReturnedState(StrEnum):
    """What was made of a returned mail."""

    APPLIED = "applied"  # it changed its attempt, and the notice if the attempt is the latest
    EVIDENCE = "evidence"  # kept beside its attempt or for people; changes nothing
    UNMATCHED = "unmatched"  # no valid token, or an attempt that this database does not know
    CONFLICT = "conflict"  # it speaks of another recipient: a person decides
    OVERRULED = "overruled"  # a person has decided otherwise
    DROPPED = "dropped"  # never stored: the space for unmatched mail is full


class TokenState(StrEnum):
    """What its recipient gives the right to."""

    VALID = "valid"
    EXPIRED = "expired"
    FORGED = "forged"
    UNKNOWN_KEY = "unknown_key"
    NOT_A_RETURN_PATH = "not_a_return_path"
    UNKNOWN_ATTEMPT = "unknown_attempt"


class ReturnedMailSettings(Protocol):
    """What the settings say of returned mail and of what follows from it."""

    @property
    def postcard_classes(self) -> tuple[str, ...]: ...
    @property
    def retry_days(self) -> int: ...
    @property
    def ours_days(self) -> int: ...
    @property
    def presumed_hours(self) -> int: ...
    @property
    def same_address_limit(self) -> int: ...
    @property
    def return_keys(self) -> tuple[tuple[str, str], ...]: ...
    @property
    def returned_mail_bytes(self) -> int: ...
    @property
    def unmatched_mails(self) -> int: ...


@dataclass(frozen=True)
class InboundSettings:
    """Where returned mail is taken, from the settings: keys, consequences, bounds."""

    keys: ReturnPathKeys
    policy: Policy
    most_bytes: int
    most_unmatched: int

    @classmethod
    def of(cls, settings: ReturnedMailSettings) -> "InboundSettings":
        """Return the desk that the settings describe."""
        keys = ReturnPathKeys.from_pairs(settings.return_keys)
        return cls(keys, Policy.of(settings), settings.returned_mail_bytes, settings.unmatched_mails)


@dataclass(frozen=True)
class Taken:
    """What was made of a mail; `again`: the very same mail to the same recipient was taken before."""

    id: int | None
    state: ReturnedState
    kind: MailKind
    reason: str | None
    again: bool = False


def take(recipient: str, data: bytes, source: str, now: dt.datetime, desk: InboundSettings) -> Taken:
    """Take one mail for one recipient, once however often it comes; `source` is lmtp or command.

    Any bytes and any recipient end in a row or, when the space for unmatched mail is full, in an alarm.
    """
    data = data[: desk.most_bytes]
    recipient = storable(recipient.strip())[:320]
    digest = hashlib.sha256(recipient.lower().encode() + b"\0" + data).hexdigest()
    judgement = judge(data)
    with exclusive(int(digest[:16], 16) >> (64 - _LOCK_BITS)):  # two deliveries of one mail at the same moment
        before = read_row(ReturnedMail, digest=digest)
        if before is not None:
            return Taken(before.id, ReturnedState(before.state), MailKind(before.kind), before.reason, True)
        token_state, attempt = _attempt_of(recipient, now, desk)
        failure = judgement.deciding
        if attempt is None:
            full = ReturnedMail.select().where(ReturnedMail.state == ReturnedState.UNMATCHED).count()
            if full >= desk.most_unmatched:
                open_alarm(AlarmKind.UNMATCHED_MAIL, "returned_mail", now, {"kept": full})
                return Taken(None, ReturnedState.DROPPED, judgement.kind, failure.reason if failure else None)
        row = ReturnedMail(
            id=new_id(),
            received_at=now,
            source=source,
            digest=digest,
            size=len(data),
            recipient=recipient,
            state=ReturnedState.UNMATCHED,
            attempt=attempt,
            kind=judgement.kind,
            reason=failure.reason if failure else None,
            hard=judgement.hard if judgement.kind is MailKind.BOUNCE else None,
            token_state=token_state,
            judgement=as_json(judgement),
        )
        if attempt is not None:
            row.state = ReturnedState.EVIDENCE
            if token_state is TokenState.VALID:
                row.state = _apply(attempt, judgement, row, data, desk.policy, now)
            if row.state == ReturnedState.EVIDENCE:
                _note_evidence(attempt, row, now)
        insert_row(ReturnedMail, **row.__data__)
        insert_row(ReturnedMailSource, returned_mail=row, content=data)
        return Taken(row.id, ReturnedState(row.state), judgement.kind, row.reason)


def take_all(
    mails: Sequence[tuple[str, bytes]], source: str, now: dt.datetime, desk: InboundSettings
) -> list[Taken | Exception]:
    """Take mails (recipient, bytes), each whole or not at all; an Exception stands for one that failed.

    On SQLite all of them are one commit, which is what waits for the disk; raises when it fails, and nothing is taken.
    On PostgreSQL each is its own: a transaction that locks many messages could meet another one in a circle.
    """
    taken: list[Taken | Exception] = []
    with transaction() if is_sqlite() else contextlib.nullcontext():
        for recipient, data in mails:
            try:
                taken.append(take(recipient, data, source, now, desk))
            except Exception as error:  # what it wrote is undone; the others go on, and the relay brings it again
                taken.append(error)
    return taken


def as_json(judgement: Judgement) -> dict[str, Any]:
    """Return a judgement as it is kept: its failures, and the sentences that explain it (判定の理由)."""
    found = {
        "kind": judgement.kind,
        "recipients": list(judgement.recipients),
        "failures": [asdict(failure) for failure in judgement.failures],
        "steps": [[sentence, dict(params)] for sentence, params in explain(judgement)],
    }
    return {key: _storable(value) for key, value in found.items()}


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return storable(value)
    if isinstance(value, dict):
        return {key: _storable(item) for key, item in value.items()}
    return [_storable(item) for item in value] if isinstance(value, list | tuple) else value


def _attempt_of(recipient: str, now: dt.datetime, desk: InboundSettings) -> tuple[TokenState, Attempt | None]:
    token = read_return_path(recipient, now, desk.keys)
    if isinstance(token, BadToken):
        return TokenState(token.reason.value), None
    attempt = read_row(Attempt, id=token.attempt_id)
    if attempt is None:  # made after the backup that stands here now was taken
        return TokenState.UNKNOWN_ATTEMPT, None
    return (TokenState.EXPIRED if token.expired else TokenState.VALID), attempt


def _apply(
    attempt: Attempt, judgement: Judgement, row: ReturnedMail, data: bytes, policy: Policy, now: dt.datetime
) -> ReturnedState:
    message = require_row(Message, lock=True, id=attempt.message_id)
    address = attempt.address = require_row(EmailAddress, id=attempt.address_id)
    if judgement.kind is MailKind.DELIVERED:
        arrived = _arrived(data, address.value)
        return _confirm(message, attempt, now) if arrived else ReturnedState.EVIDENCE
    if judgement.kind is not MailKind.BOUNCE:
        return ReturnedState.EVIDENCE
    failure = _about(address.value, judgement)
    if failure is None and judgement.failures:
        detail = {"reason": row.reason}
        open_item(WorkItemKind.CONFLICTING_REPORT, "returned_mail", row.id, row.reason or "", now, detail)
        return ReturnedState.CONFLICT
    reason = failure.reason if failure else Reason.UNDEFINED
    row.reason, row.hard = reason, REASON_CLASS[reason] is ReasonClass.DEAD
    verdict = Verdict(reason, REASON_CLASS[reason])
    if attempt.reason is not None and _strength(verdict.reason_class) <= _strength(_class_of(attempt.reason)):
        return ReturnedState.EVIDENCE
    apply_verdict(message, attempt, verdict, policy, now)
    return ReturnedState.APPLIED


def apply_verdict(message: Message, attempt: Attempt, verdict: Verdict, policy: Policy, now: dt.datetime) -> None:
    """Draw the consequences of a verdict on an attempt in the running transaction, wherever its message stands."""
    dead = verdict.reason_class is ReasonClass.DEAD
    if attempt.state == AttemptState.PENDING:
        # It came back, so it was taken; the next try is another attempt with a Message-ID of its own.
        attempt.state = AttemptState.ACCEPTED
    attempt.reason, attempt.hard = verdict.reason, dead
    update_rows(Attempt, {"state": attempt.state, "reason": attempt.reason, "hard": attempt.hard}, {"id": attempt.id})
    state = MessageState(message.state)
    same_address = message.address_id == attempt.address_id
    if not messages.is_latest(attempt, message) or not same_address or state == MessageState.QUEUED:
        # The notice has gone on. A dead address is dead all the same: what waits to go there falls when it is claimed.
        if dead:
            messages.invalidate(attempt.address, verdict.reason, policy, now)
        return
    if state == MessageState.RECONCILIATION:
        settle(message, now)  # what comes back has been sent: nobody needs to decide that any more
        state = MessageState(message.state)
    if state in (MessageState.SENT, MessageState.DELIVERED, MessageState.SENDING):
        messages.fail(message, attempt, verdict, policy, now)
    elif dead:
        messages.invalidate(attempt.address, verdict.reason, policy, now)
        if state == MessageState.FAILED:
            messages.move(message, MessageStep.REQUEUE, settled_at=None)  # and fails at once, for the stronger reason
        if message.state in (MessageState.WAITING_RETRY, MessageState.QUEUED):
            messages.fail_for_good(message, verdict, policy, now)


def settle(message: Message, now: dt.datetime) -> None:
    """Take a held message for sent, since something has come back of it."""
    changes: dict[str, object] = {"sent_at": message.sent_at or now}
    if message.cohort_day is None:
        changes |= {"first_attempt_at": now, "cohort_day": day_of(now)}
    messages.move(message, MessageStep.SETTLE, **changes)
    messages.note(EventName.NOTICE_OPS_RECONCILED, message, now, {"decision": "came_back"})


def _arrived(data: bytes, mailed: str) -> bool:
    """Whether a success report says `delivered` of the mailed address (RFC 3464, section 2.3.3).

    `relayed` and `expanded` say only that somebody else has it now.
    """
    for part in read_mail(data).parts:
        if part.type in ("message/delivery-status", "message/global-delivery-status"):
            for block in read_status_report(part.text).recipients:
                named = block.recipient or block.original
                if block.action == "delivered" and named and _same(named, mailed):
                    return True
    return False


def _confirm(message: Message, attempt: Attempt, now: dt.datetime) -> ReturnedState:
    if not messages.is_latest(attempt, message) or attempt.reason is not None:
        return ReturnedState.EVIDENCE
    if attempt.state == AttemptState.PENDING:
        attempt.state = AttemptState.ACCEPTED
        attempt.save(only=[Attempt.state])
    if message.state == MessageState.SENDING:
        messages.move(message, MessageStep.ACCEPT, sent_at=now, reason=None, failure_class=None)
    elif message.state == MessageState.RECONCILIATION:
        settle(message, now)
    if (MessageState(message.state), MessageStep.CONFIRM) not in messages.STEPS or message.reason == "confirmed":
        return ReturnedState.EVIDENCE
    messages.confirm(message, now)
    return ReturnedState.APPLIED


def _about(mailed: str, judgement: Judgement) -> Failure | None:
    """Return the failure that speaks of the mailed address, or of nobody: then the token alone says whom."""
    own = [f for f in judgement.failures if _same(f.recipient, mailed)]
    unnamed = [f for f in judgement.failures if not f.recipient]
    found = own or unnamed
    return next((failure for failure in found if failure.hard), found[0] if found else None)


def _same(address: str, other: str) -> bool:
    return _folded(address) == _folded(other)


def _folded(address: str) -> str:
    plain = plain_address(address)
    with contextlib.suppress(ValueError):  # what a report names may be no address at all
        plain = plain_address(wire_address(plain))
    return plain.casefold()


def _class_of(reason: str) -> ReasonClass:
    return REASON_CLASS[Reason(reason)]


def _strength(reason_class: ReasonClass) -> int:
    order = (ReasonClass.OURS, ReasonClass.TEMPORARY, ReasonClass.REFUSED, ReasonClass.DEAD)
    return order.index(reason_class)


def _note_evidence(attempt: Attempt, row: ReturnedMail, now: dt.datetime) -> None:
    message = attempt.message
    record(
        EventName.RETURNED_MAIL_LMTP_EVIDENCE,
        now,
        registration_id=message.registration_id,
        technician_id=message.technician_id,
        business_id=message.business_id,
        subject_id=row.id,
        data={"kind": row.kind, "reason": row.reason, "token": row.token_state, "attempt": attempt.n},
    )
