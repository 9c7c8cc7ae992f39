"""What follows after a postcard was queued or mailed: cancelled, presumed delivered, printed again; files removed."""

import datetime as dt
from enum import StrEnum

from db.database import transaction
from db.ids import encode
from db.models import Postcard, PostcardBatch, PostcardFile, WorkItem
from webapp.domain import activation_codes
from webapp.domain.events import EventName, record
from webapp.domain.logs import audit
from webapp.domain.postcard import batches, fallback
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.states import BatchState, PostcardState, PostcardStep, StepError, next_state
from webapp.domain.work_items import State, WorkItemKind, close_item


class CancelReason(StrEnum):
    """Why a postcard is not needed any more."""

    SIGNED_IN = "signed_in"
    ADDRESS_CONFIRMED = "address_confirmed"
    OPS = "ops"


class ReprintReason(StrEnum):
    """Why a postcard is printed again."""

    DAMAGED = "damaged"  # spoilt at the printer's or on the way
    LOST = "lost"
    RETURNED = "returned"  # the address was mended
    NOT_ARRIVED = "not_arrived"  # the person says so
    CODE_SPENT = "code_spent"  # five wrong tries, or the days are over


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
        except StepError:
            continue  # a batch has taken it in at this moment
        cancelled += 1
        fallback.note(EventName.POSTCARD_RULE_CANCELLED, postcard, now, {"reason": why})
        close_hold(postcard, "cancelled", now, None)
    return cancelled


def cancel(postcard: Postcard, now: dt.datetime, account_id: int, note: str) -> None:
    """Cancel a waiting postcard by an operator's decision; StepError when it does not wait any more."""
    with transaction():
        fallback.move(postcard, PostcardStep.CANCEL, now, hold_reason=None)
        fallback.note(EventName.POSTCARD_OPS_CANCELLED, postcard, now, {"reason": CancelReason.OPS}, account_id)
        audit(EventName.POSTCARD_OPS_CANCELLED, now, account_id, "postcard", postcard.id, {"note": note})
        close_hold(postcard, "cancelled", now, account_id)


def close_hold(postcard: Postcard, resolution: str, now: dt.datetime, account_id: int | None) -> None:
    """Close the work that a hold of this postcard had opened, in the running transaction."""
    about = (WorkItem.subject_kind == "registration") & (WorkItem.subject_id == postcard.registration_id)
    for item in list(WorkItem.open().where(about & (WorkItem.kind == WorkItemKind.POSTCARD_ON_HOLD))):
        close_item(item, State.DONE, resolution, now, account_id)


def presume(office: PrintOffice, now: dt.datetime, most: int = 1000) -> int:
    """Presume mailed postcards delivered after the setting's days without a return; return how many, at most `most`."""
    after = next_state(PostcardState.MAILED, PostcardStep.PRESUME)
    old = (Postcard.state == PostcardState.MAILED) & (Postcard.mailed_at <= now - office.presumed_after)
    with transaction():
        some = Postcard.select(Postcard.id).where(old).order_by(Postcard.mailed_at, Postcard.id).limit(most)
        ids = [row[0] for row in some.tuples()]
        which = Postcard.id.in_(ids) & (Postcard.state == PostcardState.MAILED)
        return len(batches.move_all(which, after, EventName.POSTCARD_RULE_PRESUMED, now, None, {}, {})) if ids else 0


def reprint(postcard: Postcard, reason: ReprintReason, now: dt.datetime, account_id: int, note: str = "") -> None:
    """Let a printed postcard be printed again in another batch: its code is dead at once.

    StepError when the table has no such step, or the card has moved on meanwhile.
    """
    reason = ReprintReason(reason)
    with transaction():
        changes = {"batch": None, "reprint_reason": reason, "queued_at": now, "mailed_at": None}
        fallback.move(postcard, PostcardStep.REPRINT, now, **changes)
        activation_codes.end([encode(postcard.id)], "reprint", now)
        fallback.note(EventName.POSTCARD_OPS_REPRINTED, postcard, now, {"reprint": reason}, account_id)
        audit(EventName.POSTCARD_OPS_REPRINTED, now, account_id, "postcard", postcard.id, {"note": note})


def remove_files(office: PrintOffice, now: dt.datetime) -> int:
    """Remove the printer's files of batches that were mailed the setting's days ago; return how many files."""
    over = (PostcardBatch.state == BatchState.MAILED) & (PostcardBatch.mailed_at <= now - office.files_last)
    removed = 0
    for batch in list(PostcardBatch.select().where(over & PostcardBatch.files_removed_at.is_null())):
        files = list(PostcardFile.select().where(PostcardFile.batch == batch.id))
        # The bytes go first: a file that nobody knows of any more would stay for ever.
        for file in files:
            (office.folder / file.name).unlink(missing_ok=True)
        with transaction():
            here = (PostcardBatch.id == batch.id) & PostcardBatch.files_removed_at.is_null()
            if PostcardBatch.update(files_removed_at=now).where(here).execute():
                data = {"batch": batch.number, "files": len(files)}
                record(EventName.POSTCARD_FILE_RULE_REMOVED, now, subject_id=batch.id, data=data)
        removed += len(files)
    return removed
