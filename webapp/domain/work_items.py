"""What a person must do: opened by rules, closed by people, at most one open for the same thing."""

import datetime as dt
from enum import StrEnum

from db.database import transaction
from db.ids import new_id
from db.models import WorkItem
from webapp.domain.events import EventName, record


class WorkItemKind(StrEnum):
    """What is to be done."""

    BUSINESS_ADDRESS = "business_address"  # a business's e-mail address is dead: correct it
    SAME_ADDRESS = "same_address"  # many technicians on one dead address: look before postcards are made
    SEND_POSTCARD = "send_postcard"  # our own failures for days: send a postcard?
    CONFLICTING_REPORT = "conflicting_report"  # a returned mail names another recipient than the one we mailed
    RECONCILIATION = "reconciliation"  # after a restore: was it sent?
    CARD_RETURNED = "card_returned"  # a card came back: check the address, ask the business, post it again
    CARD_UNREACHABLE = "card_unreachable"  # a card waits, and no mail reaches the person
    POSTCARD_ON_HOLD = "postcard_on_hold"  # a postcard cannot be made as it is
    RECORD_CORRECTION = "record_correction"  # a technician asks for a correction of the record
    AFFILIATION_DISPUTED = "affiliation_disputed"  # a technician says never to have been with this business
    POSTCARD_RETURNED = "postcard_returned"  # a postcard came back: mend the address, ask the business, or close


class State(StrEnum):
    """The states of a work item."""

    OPEN = "open"
    DONE = "done"
    DISMISSED = "dismissed"


def open_item(
    kind: WorkItemKind, subject_kind: str, subject_id: int, reason: str, now: dt.datetime, data: dict | None = None
) -> int | None:
    """Open a work item in the running transaction and return its id; None if the same one is open already."""
    item_id = new_id()
    written = (
        WorkItem.insert(
            id=item_id,
            kind=kind,
            subject_kind=subject_kind,
            subject_id=subject_id,
            reason=reason,
            state=State.OPEN,
            data=data,
            opened_at=now,
        )
        .on_conflict_ignore()
        .as_rowcount()
        .execute()
    )
    if not written:
        return None
    ids = {f"{subject_kind}_id": subject_id} if subject_kind in ("registration", "technician", "business") else {}
    record(EventName.WORK_ITEM_RULE_OPENED, now, subject_id=item_id, data={"kind": kind, "reason": reason}, **ids)
    return item_id


def close_item(
    item: WorkItem, state: State, resolution: str, now: dt.datetime, account_id: int | None, note: str = ""
) -> bool:
    """Close an open item and return True; False if somebody else closed it before."""
    with transaction():
        closed = (
            WorkItem.update(state=state, closed_at=now, closed_by=account_id, resolution=resolution, note=note or None)
            .where((WorkItem.id == item.id) & (WorkItem.state == State.OPEN))
            .execute()
        )
        if not closed:
            return False
        ids = {}
        if item.subject_kind in ("registration", "technician", "business"):
            ids = {f"{item.subject_kind}_id": item.subject_id}
        data = {"kind": item.kind, "resolution": resolution}
        record(EventName.WORK_ITEM_OPS_CLOSED, now, subject_id=item.id, account_id=account_id, data=data, **ids)
        return True
