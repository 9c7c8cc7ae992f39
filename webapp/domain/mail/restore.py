"""After an older backup was restored nothing is sent blindly: what was in flight waits until a person has decided.

The database and a file beside the worker keep the same number, the tick, which rises each minute. A database whose tick
is lower than the file's has lost what happened in between: it may think of a mail as waiting that has long been sent.
"""

import datetime as dt
import json
import os
import secrets
from collections.abc import Iterable
from pathlib import Path

from peewee import fn

from db.database import exclusive, is_sqlite, transaction
from db.fields import dump_json, to_microseconds
from db.locks import Lock
from db.models import Alarm, Fact, Message, WorkItem
from db.models.base import Rows
from webapp.domain.core import counters
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName, NewEvent, record_many
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, close_item, open_item
from webapp.domain.notices.counted import CountedMessage
from webapp.domain.notices.messages import (
    STEPS,
    MessageState,
    MessageStep,
    counter_deltas,
    move,
    note,
    requeue,
)
from webapp.domain.postcard.reconciling import hold_postcards

FILE = "ticks.json"
_TICK, _DATABASE = "tick", "database_id"
_IN_FLIGHT = [state for state in MessageState if (state, MessageStep.HOLD) in STEPS]


class TickFileError(RuntimeError):
    """The file of ticks cannot be read or written: without it a restore would go unnoticed."""


def database_id() -> str:
    """Return the name of this database, which its backups share; made at the first call."""
    Fact.insert(name=_DATABASE, value=secrets.token_hex(8)).on_conflict_ignore().execute()
    return Fact.get_by_id(_DATABASE).value


def tick(state_dir: str | Path, now: dt.datetime) -> bool:
    """Raise the tick in database and file; return whether an older backup was found, and everything held.

    Called before the first claim and each minute. TickFileError when the file is of no use.
    """
    path = Path(state_dir) / FILE
    with exclusive(Lock.RESTORE):
        name = database_id()
        remembered = _read(path)
        stored = Fact.get_or_none(Fact.name == _TICK)
        current = int(stored.value) if stored else 0
        restored = remembered.get(name, 0) > current
        if restored:
            recover(now, "restored")
        raised = max(current, remembered.get(name, 0)) + 1
        if not Fact.update(value=str(raised)).where(Fact.name == _TICK).execute():
            Fact.insert(name=_TICK, value=str(raised)).execute()
    # After the commit: the file may be behind the database, but never before it.
    _write(path, remembered | {name: raised})
    return restored


def _read(path: Path) -> dict[str, int]:
    try:
        content = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise TickFileError(f"{path} cannot be read ({type(error).__name__}): a restore would go unnoticed") from error
    if not isinstance(content, dict) or not all(isinstance(n, int) for n in content.values()):
        raise TickFileError(f"{path} is not a file of ticks: a restore would go unnoticed")
    return content


def _write(path: Path, ticks: dict[str, int]) -> None:
    new = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with new.open("w", encoding="utf-8") as file:
            file.write(dump_json(ticks))
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
    except OSError as error:
        raise TickFileError(
            f"{path} cannot be written ({type(error).__name__}): a restore would go unnoticed"
        ) from error


def recover(now: dt.datetime, cause: str, account_id: int | None = None) -> dict[str, int]:
    """Hold everything in flight until a person has decided, with an alarm and a work item; return what was held.

    `cause` is `restored` or `by_hand`. A topic whose things must not be sent twice either (postcards, cards) adds its
    own function to `HOLDERS`.
    """
    with transaction():
        held = {name: hold(now, account_id) for name, hold in HOLDERS.items()}
        held = {name: count for name, count in held.items() if count}
        open_alarm(AlarmKind.RESTORED, "database", now, {"cause": cause, **held})
        for name, count in held.items():
            subject_id = int(database_id()[:12], 16)
            open_item(WorkItemKind.RECONCILIATION, name, subject_id, cause, now, {"held": count})
        return held


def hold_messages(now: dt.datetime, account_id: int | None = None) -> int:
    """Move every message that is queued, being sent or waiting to reconciliation; return how many."""
    in_flight = Message.state.in_(_IN_FLIGHT)
    deltas: dict[counters.Key, int] = {}
    sent_to = (Message.kind, Message.role, Message.state, Message.destination)
    by = (*sent_to, Message.failure_class, Message.reason, Message.cohort_day)
    accepted = Message.first_sent_at.is_null(False)
    groups = Message.select(*by, accepted, fn.COUNT(Message.id))
    groups = groups.where(in_flight & Message.cohort_day.is_null(False)).group_by(*by, accepted)
    for kind, role, state, destination, failure_class, reason, day, was_accepted, times in groups.tuples():
        before = MessageState(state)
        for sign, counted in ((-1, before), (1, STEPS[before, MessageStep.HOLD])):
            alike = CountedMessage(kind, role, counted, destination, failure_class, reason, day, bool(was_accepted))
            for key, n in counter_deltas(alike, sign * times).items():
                deltas[key] = deltas.get(key, 0) + n
    columns = (Message.id, Message.registration, Message.technician, Message.business, Message.state)
    select = Message.select(*columns).where(in_flight).order_by(Message.id)
    rows = list((select if is_sqlite() else select.for_update()).tuples())
    moment, name = to_microseconds(now), EventName.NOTICE_RESTORE_HELD
    record_many(
        [
            NewEvent(name, moment, registration, technician, business, message, account_id, dump_json({"was": state}))
            for message, registration, technician, business, state in rows
        ]
    )
    # The fence stays: a worker that is still sending may note what the relay said, which helps to decide.
    Message.update(state=MessageState.RECONCILIATION, due_at=None).where(in_flight).execute()
    counters.add(deltas)
    return len(rows)


HOLDERS = {"messages": hold_messages, "postcards": hold_postcards}


def was_sent(messages: Iterable[Message], now: dt.datetime, account_id: int | None) -> int:
    """Settle held messages as sent, as a person has decided; return how many."""
    settled = 0
    with transaction():
        for message in messages:
            changes: dict[str, object] = {"sent_at": message.sent_at or now}
            if message.cohort_day is None:
                changes |= {"first_attempt_at": now, "cohort_day": counters.day_of(now)}
            move(message, MessageStep.SETTLE, reason=None, failure_class=None, **changes)
            note(EventName.NOTICE_OPS_RECONCILED, message, now, {"decision": "was_sent"}, account_id)
            settled += 1
        _close_when_done(now, account_id)
    return settled


def send_again(messages: Iterable[Message], now: dt.datetime, account_id: int | None) -> int:
    """Queue held messages again, as a person has decided; return how many.

    An attempt that was pending is repeated under its Message-ID, so that whoever gets it twice can tell.
    """
    queued = 0
    with transaction():
        for message in messages:
            if message.address is None:
                raise StepNotAllowed(f"message {message.id} has no address to go to")
            requeue(message, message.address, now, account_id)
            queued += 1
        _close_when_done(now, account_id)
    return queued


def held_messages() -> "Rows[Message]":
    """Return a select of the messages that wait for a decision, oldest first."""
    return Message.select().where(Message.state == MessageState.RECONCILIATION).order_by(Message.id)


def _close_when_done(now: dt.datetime, account_id: int | None) -> None:
    if held_messages().exists():
        return
    of_messages = (WorkItem.kind == WorkItemKind.RECONCILIATION) & (WorkItem.subject_kind == "messages")
    for item in list(WorkItem.open().where(of_messages)):
        close_item(item, WorkItemState.DONE, "decided", now, account_id)
    undecided = WorkItem.open().where(WorkItem.kind == WorkItemKind.RECONCILIATION).exists()
    if not undecided and Alarm.open().where(Alarm.kind == AlarmKind.RESTORED).exists():
        close_alarm(AlarmKind.RESTORED, "database", now)
