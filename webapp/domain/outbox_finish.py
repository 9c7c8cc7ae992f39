"""What came of sending, written in groups: accepted, to be tried again, refused, or not known.

The other half of `outbox`. A finisher whose fence is older than the row's changes nothing. One whose fence still holds
but whose message has moved on (a returned mail was quicker than our commit, or a restore was noticed) only notes what
the relay said of the attempt.
"""

import datetime as dt
import random
from collections.abc import Sequence
from dataclasses import dataclass

from peewee import fn

from db.database import database, is_sqlite, transaction, write_rows
from db.fields import dump_json, to_microseconds
from db.ids import new_ids
from db.models import Attempt, Message
from webapp.domain import notices, pacing
from webapp.domain.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.bounce import Reason, ReasonClass, judge_reply
from webapp.domain.events import EventName
from webapp.domain.notices import MessageState, Policy, Step, Verdict
from webapp.domain.outbox import AttemptState, Claimed, Deltas, execute_many, rows_of, storable
from webapp.domain.smtp import Outcome, Reply

GROUP = 25  # so many repeats at most when a worker dies between the relay's OK and the commit
GROUP_SECONDS = 0.25

_OPEN_RELAY_ALARMS = f"SELECT subject FROM alarm WHERE kind = '{AlarmKind.RELAY_DOWN}' AND closed_at IS NULL"


@dataclass(frozen=True, slots=True)
class Result:
    """What came of one claimed message at `at`: the relay's reply, or the fault that kept it from being offered."""

    message: Claimed
    at: dt.datetime
    reply: Reply | None
    fault: Verdict | None = None


def finish(results: Sequence[Result], policy: Policy, now: dt.datetime, chance=random.random) -> int:
    """Write a group of results in one transaction; return how many were of a claim that no longer holds.

    `chance` spreads the back-off. Counters, events and alarms belong to the same transaction.
    """
    if not results:
        return 0
    with transaction():
        stored = _stored([result.message.id for result in results])
        held = [r for r in results if stored.get(r.message.id, (None, None))[1] == r.message.fence]
        _note_replies([r for r in held if r.reply is not None])
        going = [r for r in held if stored[r.message.id][0] == MessageState.SENDING]
        _accept([r for r in going if r.reply is not None and r.reply.outcome is Outcome.ACCEPTED])
        for result in going:
            if result.reply is None or result.reply.outcome is not Outcome.ACCEPTED:
                _not_accepted(result, policy, now, chance)
        _relay_alarms(results, now)
        return len(results) - len(held)


def _stored(ids: list[int]) -> dict[int, tuple[str, int]]:
    # In the order of ids, so that two finishers cannot wait for each other in a circle.
    lock = "" if is_sqlite() else " ORDER BY id FOR UPDATE"
    return {row[0]: row[1:] for row in rows_of("SELECT id, state, fence FROM message WHERE id IN ", ids, lock)}


def _note_replies(results: Sequence[Result]) -> None:
    sql = (
        "UPDATE attempt SET state = ?, replied_at = ?, relay = ?, stage = ?, reply_code = ?, reply_status = ?,"
        " reply_text = ? WHERE id = ?"
    )
    accepted, others = [], []
    for result in results:
        reply = result.reply
        said = (reply.relay, reply.stage, reply.code, reply.enhanced, storable(reply.text))
        row = (to_microseconds(result.at), *said, result.message.attempt_id)
        if reply.outcome is Outcome.ACCEPTED:
            accepted.append((AttemptState.ACCEPTED, *row))
        else:
            state = AttemptState.REFUSED if reply.outcome is Outcome.REFUSED else AttemptState.PENDING
            others.append((state, *row))
    execute_many(sql, accepted)
    # A mail that has come back shows that the attempt was accepted, whatever happened to the relay's answer.
    execute_many(sql + " AND state = 'pending'", others)


def _accept(results: Sequence[Result]) -> None:
    counted = Deltas()
    rows, events = [], []
    ids = new_ids(len(results)) if results else []
    for event_id, result in zip(ids, results, strict=True):
        message, at = result.message, to_microseconds(result.at)
        counted.add(message, -1)
        message.state = notices.STEPS[message.state, Step.ACCEPT]
        counted.add(message, 1)
        rows.append((message.state, at, message.id))
        data = {"kind": message.kind, "role": message.role, "attempt": message.attempts, "relay": result.reply.relay}
        people = (message.registration_id, message.technician_id, message.business_id)
        events.append((event_id, at, EventName.NOTICE_EMAIL_SENT, *people, message.id, dump_json(data)))
    execute_many(
        "UPDATE message SET state = ?, due_at = NULL, sent_at = ?, reason = NULL, failure_class = NULL WHERE id = ?",
        rows,
    )
    columns = ("id", "at", "name", "registration_id", "technician_id", "business_id", "subject_id", "data")
    write_rows("event", columns, events)
    counted.write()


def _not_accepted(result: Result, policy: Policy, now: dt.datetime, chance) -> None:
    message = Message.get_by_id(result.message.id)
    attempt = Attempt.get_by_id(result.message.attempt_id)
    reply = result.reply
    if reply is None:
        attempt.state = AttemptState.FAILED
        attempt.save(only=[Attempt.state])
        notices.fail(message, attempt, result.fault, policy, now)
        return
    data = {"attempt": attempt.n, "tries": attempt.tries, "stage": reply.stage, "code": reply.code}
    if reply.outcome is Outcome.REFUSED:
        verdict = _judged(reply, message.destination)
        data |= {"reason": verdict.reason, "class": verdict.reason_class}
        notices.note(EventName.NOTICE_EMAIL_REFUSED, message, now, data)
        notices.fail(message, attempt, verdict, policy, now)
        return
    _try_again(message, attempt, reply, policy, now, chance(), data)


def _judged(reply: Reply, destination: str) -> Verdict:
    """Say why the relay refused. It speaks for itself, unless a setting says that it asks the recipient's server."""
    domain = destination if reply.about_recipient else None
    failure = judge_reply(reply.code or "", reply.text, reply.stage, domain)
    return Verdict(failure.reason, failure.reason_class if reply.about_recipient else ReasonClass.OURS)


def _try_again(
    message: Message, attempt: Attempt, reply: Reply, policy: Policy, now: dt.datetime, chance: float, data: dict
) -> None:
    same_address = (Attempt.message == message) & (Attempt.address == attempt.address_id)
    began = Attempt.select(fn.MIN(Attempt.started_at)).where(same_address).scalar()
    # A 4xx may be the recipient's, and a postcard goes after its days. That no relay is there is our fault alone: a
    # relay that is away over a long weekend must not turn every notice into a postcard.
    ours = reply.outcome is Outcome.NOT_SENT
    remaining = (policy.ours_for if ours else policy.retry_for) - (now - began)
    if remaining <= dt.timedelta(0):
        attempt.state = AttemptState.FAILED
        attempt.save(only=[Attempt.state])
        reason = Reason.NETWORKERROR if ours else Reason.EXPIRED
        reason_class = ReasonClass.OURS if ours else ReasonClass.TEMPORARY
        notices.fail_for_good(message, Verdict(reason, reason_class), policy, now)
        return
    # The last try is drawn to the end of the days, so that a mailbox emptied on the last day gets its mail.
    wait = min(pacing.back_off(max(1, attempt.tries), chance), remaining)
    reason = Reason.NETWORKERROR if ours else Reason.ONHOLD
    if reply.outcome is Outcome.TEMPORARY:
        reason = judge_reply(reply.code or "", reply.text, reply.stage).reason
    reason_class = ReasonClass.OURS if ours else ReasonClass.TEMPORARY
    notices.move(message, Step.DEFER, due_at=now + wait, reason=reason, failure_class=reason_class)
    again = {"outcome": reply.outcome, "reason": reason, "again_at": (now + wait).isoformat()}
    notices.note(EventName.NOTICE_EMAIL_RETRY, message, now, data | again)


def _relay_alarms(results: Sequence[Result], now: dt.datetime) -> None:
    away = {r.reply.relay for r in results if r.reply is not None and r.reply.outcome is Outcome.NOT_SENT}
    answered = {r.reply.relay for r in results if r.reply is not None and r.reply.outcome is not Outcome.NOT_SENT}
    for relay in sorted(away - answered):
        open_alarm(AlarmKind.RELAY_DOWN, relay, now)
    if answered and not away:  # one relay that answers is enough for mail to go
        for (relay,) in database.execute_sql(_OPEN_RELAY_ALARMS).fetchall():
            close_alarm(AlarmKind.RELAY_DOWN, relay, now)
