"""What came of sending, written in groups: accepted, to be tried again, refused, or not known.

The other half of `outbox`. A finisher whose fence is older than the row's changes nothing. One whose fence still holds
but whose message has moved on (a returned mail was quicker than our commit, or a restore was noticed) only notes what
the relay said of the attempt.
"""

import datetime as dt
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from peewee import fn

from db.database import database, is_sqlite, transaction
from db.fields import dump_json, to_microseconds
from db.models import Attempt, Message
from db.rows import change_many, change_rows, marks
from webapp.domain.bounce import Reason, ReasonClass, judge_reply
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.core.events import EventName, NewEvent, record_many
from webapp.domain.mail import pacing
from webapp.domain.mail.claimed import Claimed
from webapp.domain.mail.outbox import AttemptState, Deltas, rows_of, storable
from webapp.domain.mail.smtp_client import SendOutcome, SmtpReply
from webapp.domain.notices import messages
from webapp.domain.notices.messages import MessageState, MessageStep, Policy, Verdict

GROUP = 50  # so many repeats at most when a worker dies between the relay's OK and the commit
GROUP_SECONDS = 0.25

# Hot path: one statement a group. The columns of a VALUES list have these names on both engines.
_REPLY_ACCEPTED = (
    f"UPDATE attempt SET state = '{AttemptState.ACCEPTED}', replied_at = v.column2, relay = v.column3,"
    " stage = v.column4, reply_code = CAST(v.column5 AS SMALLINT), reply_status = v.column6, reply_text = v.column7"
    " FROM (VALUES {}) AS v WHERE attempt.id = v.column1"
)
_ACCEPTED = (
    f"UPDATE message SET state = '{MessageState.SENT}', due_at = NULL, sent_at = v.column2, reason = NULL,"
    " first_sent_at = COALESCE(first_sent_at, v.column2), failure_class = NULL"
    " FROM (VALUES {}) AS v WHERE message.id = v.column1"
)
_OPEN_RELAY_ALARMS = f"SELECT subject FROM alarm WHERE kind = '{AlarmKind.RELAY_DOWN}' AND closed_at IS NULL"


@dataclass(frozen=True, slots=True)
class SendResult:
    """What came of one claimed message at `at`: the relay's reply, or the fault that kept it from being offered."""

    message: Claimed
    at: dt.datetime
    reply: SmtpReply | None
    fault: Verdict | None = None


def finish(
    results: Sequence[SendResult],
    policy: Policy,
    now: dt.datetime,
    chance: Callable[[], float] = random.random,
    written: Callable[[], object] = lambda: None,
) -> int:
    """Write a group of results in one transaction; return how many were of a claim that no longer holds.

    `chance` spreads the back-off. Counters, events and alarms belong to the same transaction. `written` is called when
    only the commit is left, which waits for the disk and for nothing else.
    """
    if not results:
        return 0
    with transaction():
        stored = _stored([result.message.id for result in results])
        held = [r for r in results if stored.get(r.message.id, (None, None))[1] == r.message.fence]
        _note_replies([(r, r.reply) for r in held if r.reply is not None])
        going = [r for r in held if stored[r.message.id][0] == MessageState.SENDING]
        _accept([(r, r.reply) for r in going if r.reply is not None and r.reply.outcome is SendOutcome.ACCEPTED])
        for result in going:
            if result.reply is None or result.reply.outcome is not SendOutcome.ACCEPTED:
                _not_accepted(result, policy, now, chance)
        _relay_alarms(results, now)
        written()
        return len(results) - len(held)


def _stored(ids: list[int]) -> dict[int, tuple[str, int]]:
    # In the order of ids, so that two finishers cannot wait for each other in a circle.
    lock = "" if is_sqlite() else " ORDER BY id FOR UPDATE"
    return {row[0]: row[1:] for row in rows_of("SELECT id, state, fence FROM message WHERE id IN ", ids, lock)}


def _note_replies(results: Sequence[tuple[SendResult, SmtpReply]]) -> None:
    accepted: list[object] = []
    failures = []
    for result, reply in results:
        at, text = to_microseconds(result.at), storable(reply.text)
        if reply.outcome is SendOutcome.ACCEPTED:
            accepted += (result.message.attempt_id, at, reply.relay, reply.stage, reply.code, reply.enhanced, text)
        else:
            state = AttemptState.REFUSED if reply.outcome is SendOutcome.REFUSED else AttemptState.PENDING
            said = (reply.relay, reply.stage, reply.code, reply.enhanced, text)
            failures.append((state, at, *said, result.message.attempt_id))
    if accepted:
        change_rows(_REPLY_ACCEPTED.format(marks(7, len(accepted) // 7)), *accepted)
    # A mail that has come back shows that the attempt was accepted, whatever happened to the relay's answer.
    change_many(
        "UPDATE attempt SET state = ?, replied_at = ?, relay = ?, stage = ?, reply_code = ?, reply_status = ?,"
        " reply_text = ? WHERE id = ? AND state = 'pending'",
        failures,
    )


def _accept(results: Sequence[tuple[SendResult, SmtpReply]]) -> None:
    counted = Deltas()
    rows: list[object] = []
    events = []
    for result, reply in results:
        message, at = result.message, to_microseconds(result.at)
        counted.add(message, -1)
        message.state = messages.STEPS[message.state, MessageStep.ACCEPT]
        counted.first_sent(message, at)
        counted.add(message, 1)
        rows += (message.id, at)
        data = _sent_data(message.kind, message.role, message.attempts, reply.relay)
        people = (message.registration_id, message.technician_id, message.business_id)
        events.append(NewEvent(EventName.NOTICE_EMAIL_SENT, at, *people, message.id, data=data))
    if results:
        change_rows(_ACCEPTED.format(marks(2, len(results))), *rows)
        record_many(events)
    counted.write()


@lru_cache(maxsize=256)
def _sent_data(kind: str, role: str, attempt: int, relay: str) -> str:
    return dump_json({"kind": kind, "role": role, "attempt": attempt, "relay": relay})


def _not_accepted(result: SendResult, policy: Policy, now: dt.datetime, chance: Callable[[], float]) -> None:
    message = Message.get_by_id(result.message.id)
    attempt = Attempt.get_by_id(result.message.attempt_id)
    reply = result.reply
    if reply is None:
        if result.fault is None:
            raise ValueError("a result has a reply or a fault")
        attempt.state = AttemptState.FAILED
        attempt.save(only=[Attempt.state])
        messages.fail(message, attempt, result.fault, policy, now)
        return
    data = {"attempt": attempt.n, "tries": attempt.tries, "stage": reply.stage, "code": reply.code}
    if reply.outcome is SendOutcome.REFUSED:
        verdict = _judged(reply, message.destination)
        data |= {"reason": verdict.reason, "class": verdict.reason_class}
        messages.note(EventName.NOTICE_EMAIL_REFUSED, message, now, data)
        messages.fail(message, attempt, verdict, policy, now)
        return
    _try_again(message, attempt, reply, policy, now, chance(), data)


def _judged(reply: SmtpReply, destination: str) -> Verdict:
    """Say why the relay refused. It speaks for itself, unless a setting says that it asks the recipient's server."""
    domain = destination if reply.about_recipient else None
    failure = judge_reply(reply.code or "", reply.text, reply.stage, domain)
    return Verdict(failure.reason, failure.reason_class if reply.about_recipient else ReasonClass.OURS)


def _try_again(
    message: Message,
    attempt: Attempt,
    reply: SmtpReply,
    policy: Policy,
    now: dt.datetime,
    chance: float,
    data: dict[str, Any],
) -> None:
    same_address = (Attempt.message == message) & (Attempt.address == attempt.address_id)
    began = Attempt.select(fn.MIN(Attempt.started_at)).where(same_address).scalar()
    # A 4xx may be the recipient's, and a postcard goes after its days. That no relay is there is our fault alone: a
    # relay that is away over a long weekend must not turn every notice into a postcard.
    ours = reply.outcome is SendOutcome.NOT_SENT
    period = policy.ours_for if ours else policy.retry_for
    wait = pacing.next_try(max(1, attempt.tries), chance, now - began, period)
    if wait is None:
        attempt.state = AttemptState.FAILED
        attempt.save(only=[Attempt.state])
        reason = Reason.NETWORKERROR if ours else Reason.EXPIRED
        reason_class = ReasonClass.OURS if ours else ReasonClass.TEMPORARY
        messages.fail_for_good(message, Verdict(reason, reason_class), policy, now)
        return
    reason = Reason.NETWORKERROR if ours else Reason.ONHOLD
    if reply.outcome is SendOutcome.TEMPORARY:
        reason = judge_reply(reply.code or "", reply.text, reply.stage).reason
    reason_class = ReasonClass.OURS if ours else ReasonClass.TEMPORARY
    messages.move(message, MessageStep.DEFER, due_at=now + wait, reason=reason, failure_class=reason_class)
    again = {"outcome": reply.outcome, "reason": reason, "again_at": (now + wait).isoformat()}
    messages.note(EventName.NOTICE_EMAIL_RETRY, message, now, data | again)


def _relay_alarms(results: Sequence[SendResult], now: dt.datetime) -> None:
    away = {r.reply.relay for r in results if r.reply is not None and r.reply.outcome is SendOutcome.NOT_SENT}
    answered = {r.reply.relay for r in results if r.reply is not None and r.reply.outcome is not SendOutcome.NOT_SENT}
    for relay in sorted(away - answered):
        open_alarm(AlarmKind.RELAY_DOWN, relay, now)
    if answered and not away:  # one relay that answers is enough for mail to go
        for (relay,) in database.execute_sql(_OPEN_RELAY_ALARMS).fetchall():
            close_alarm(AlarmKind.RELAY_DOWN, relay, now)
