"""Postcards after a restore: what waits may have been printed and mailed since the backup, so a person decides."""

import datetime as dt

from db.database import transaction
from db.models import Alarm, Postcard, WorkItem
from webapp.domain.audit.log import audit
from webapp.domain.core.alarms import AlarmKind, close_alarm
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, close_item
from webapp.domain.postcard import fallback
from webapp.domain.postcard.states import HoldReason, PostcardState, PostcardStep


def hold_postcards(now: dt.datetime, account_id: int | None = None) -> int:
    """Put every queued postcard on hold, in the running transaction; return how many."""
    held = 0
    for postcard in list(Postcard.select().where(Postcard.state == PostcardState.QUEUED)):
        fallback.move(postcard, PostcardStep.HOLD, now, hold_reason=HoldReason.RESTORED)
        data = {"reason": HoldReason.RESTORED}
        fallback.note(EventName.POSTCARD_FALLBACK_HELD, postcard, now, data, account_id)
        held += 1
    return held


def waiting():
    """Return a select of the postcards that wait for a decision after a restore."""
    held = Postcard.state == PostcardState.ON_HOLD
    return Postcard.select().where(held & (Postcard.hold_reason == HoldReason.RESTORED))


def release_postcards(now: dt.datetime, account_id: int, note: str) -> int:
    """Let all postcards held after a restore be made, as a person has decided; return how many.

    Those that were mailed since the backup are to be cancelled one by one before.
    """
    with transaction():
        released = 0
        for postcard in list(waiting()):
            fallback.move(postcard, PostcardStep.RELEASE, now, hold_reason=None)
            fallback.note(EventName.POSTCARD_OPS_RELEASED, postcard, now, None, account_id)
            released += 1
        audit(EventName.POSTCARD_OPS_RELEASED, now, account_id, "postcard", None, {"note": note, "released": released})
        close_when_done(now, account_id)
        return released


def close_when_done(now: dt.datetime, account_id: int | None) -> None:
    """Close the work of a restore, and its alarm, when nothing is left to decide."""
    if waiting().exists():
        return
    decisions = WorkItem.kind == WorkItemKind.RECONCILIATION
    for item in list(WorkItem.open().where(decisions & (WorkItem.subject_kind == "postcards"))):
        close_item(item, WorkItemState.DONE, "decided", now, account_id)
    undecided = WorkItem.open().where(decisions).exists()
    if not undecided and Alarm.open().where(Alarm.kind == AlarmKind.RESTORED).exists():
        close_alarm(AlarmKind.RESTORED, "database", now)
