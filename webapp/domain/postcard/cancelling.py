"""Postcards that are not needed any more: cancelled before a batch takes them in."""

import datetime as dt
from enum import StrEnum

from db.database import transaction
from db.models import Postcard, WorkItem
from webapp.domain.audit.log import audit
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, close_item
from webapp.domain.postcard import fallback
from webapp.domain.postcard.reconciling import close_when_done
from webapp.domain.postcard.states import PostcardState, PostcardStep


class CancelReason(StrEnum):
    """Why a postcard is not needed any more."""

    SIGNED_IN = "signed_in"
    ADDRESS_CONFIRMED = "address_confirmed"
    OBJECTED = "objected"  # somebody else changed the address, and the person said so
    OPS = "ops"


def cancel_for(technician_id: int, why: CancelReason, now: dt.datetime) -> int:
    """Cancel the postcards of a person (row id) that wait for a batch, in the running transaction; return how many.

    Called when the person has signed in or confirmed a working address. What a batch has taken in goes on: a batch is
    immutable.
    """
    waiting = Postcard.state.in_([PostcardState.QUEUED, PostcardState.ON_HOLD])
    cancelled = 0
    for postcard in list(Postcard.select().where((Postcard.technician == technician_id) & waiting)):
        try:
            fallback.move(postcard, PostcardStep.CANCEL, now, hold_reason=None)
        except StepNotAllowed:
            continue  # a batch has taken it in at this moment
        cancelled += 1
        fallback.note(EventName.POSTCARD_RULE_CANCELLED, postcard, now, {"reason": why})
        close_hold(postcard, "cancelled", now, None)
    return cancelled


def cancel(postcard: Postcard, now: dt.datetime, account_id: int, note: str) -> None:
    """Cancel a waiting postcard by an operator's decision; StepNotAllowed when it does not wait any more."""
    with transaction():
        fallback.move(postcard, PostcardStep.CANCEL, now, hold_reason=None)
        fallback.note(EventName.POSTCARD_OPS_CANCELLED, postcard, now, {"reason": CancelReason.OPS}, account_id)
        audit(EventName.POSTCARD_OPS_CANCELLED, now, account_id, "postcard", postcard.id, {"note": note})
        close_hold(postcard, "cancelled", now, account_id)
        close_when_done(now, account_id)


def close_hold(postcard: Postcard, resolution: str, now: dt.datetime, account_id: int | None) -> None:
    """Close the work that a hold of this postcard had opened, in the running transaction."""
    about = (WorkItem.subject_kind == "registration") & (WorkItem.subject_id == postcard.registration_id)
    for item in list(WorkItem.open().where(about & (WorkItem.kind == WorkItemKind.POSTCARD_ON_HOLD))):
        close_item(item, WorkItemState.DONE, resolution, now, account_id)
