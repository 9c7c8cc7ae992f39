"""What follows after a postcard was printed: presumed delivered, printed again; files removed."""

import datetime as dt
from enum import StrEnum
from pathlib import Path

from db.database import transaction
from db.ids import encode
from db.models import Postcard, PostcardBatch, PostcardFile
from webapp.domain.audit.log import audit
from webapp.domain.core.events import EventName, record
from webapp.domain.postcard import activation_codes, fallback, marking
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.states import BatchState, PostcardState, PostcardStep, next_state


class ReprintReason(StrEnum):
    """Why a postcard is printed again."""

    DAMAGED = "damaged"  # spoilt at the printer's or on the way
    LOST = "lost"
    RETURNED = "returned"  # the address was mended
    NOT_ARRIVED = "not_arrived"  # the person says so
    CODE_SPENT = "code_spent"  # five wrong tries, or the days are over


def presume(office: PrintOffice, now: dt.datetime, most: int = 1000) -> int:
    """Presume mailed postcards delivered after the setting's days without a return; return how many, at most `most`."""
    after = next_state(PostcardState.MAILED, PostcardStep.PRESUME)
    old = (Postcard.state == PostcardState.MAILED) & (Postcard.mailed_at <= now - office.presumed_after)
    with transaction():
        due = Postcard.select(Postcard.id).where(old).order_by(Postcard.mailed_at, Postcard.id).limit(most)
        ids = [row[0] for row in due.tuples()]
        condition = Postcard.id.in_(ids) & (Postcard.state == PostcardState.MAILED)
        return (
            len(marking.move_all(condition, after, EventName.POSTCARD_RULE_PRESUMED, now, None, {}, {})) if ids else 0
        )


def reprint(postcard: Postcard, reason: ReprintReason, now: dt.datetime, account_id: int, note: str = "") -> None:
    """Let a printed postcard be printed again in another batch: its code is dead at once.

    StepNotAllowed when the table has no such step, or the card has moved on meanwhile.
    """
    reason = ReprintReason(reason)
    with transaction():
        changes = {"batch": None, "reprint_reason": reason, "queued_at": now, "mailed_at": None}
        fallback.move(postcard, PostcardStep.REPRINT, now, **changes)
        activation_codes.end([encode(postcard.id)], "reprint", now)
        fallback.note(EventName.POSTCARD_OPS_REPRINTED, postcard, now, {"reprint": reason}, account_id)
        audit(EventName.POSTCARD_OPS_REPRINTED, now, account_id, "postcard", postcard.id, {"note": note})


def remove_files(folder: Path, older: dt.datetime, now: dt.datetime) -> int:
    """Remove the printer's files of batches that were mailed by `older`; return how many files. A rule of retention."""
    over = (PostcardBatch.state == BatchState.MAILED) & (PostcardBatch.mailed_at <= older)
    removed = 0
    for batch in list(PostcardBatch.select().where(over & PostcardBatch.files_removed_at.is_null())):
        files = list(PostcardFile.select().where(PostcardFile.batch == batch.id))
        # The bytes go first: a file that nobody knows of any more would stay for ever.
        for file in files:
            (folder / file.name).unlink(missing_ok=True)
        with transaction():
            with_files = (PostcardBatch.id == batch.id) & PostcardBatch.files_removed_at.is_null()
            if PostcardBatch.update(files_removed_at=now).where(with_files).execute():
                data = {"batch": batch.number, "files": len(files)}
                record(EventName.POSTCARD_FILE_RULE_REMOVED, now, subject_id=batch.id, data=data)
        removed += len(files)
    return removed
