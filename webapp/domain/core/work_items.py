"""What a person must do: opened by rules, closed by people, at most one open for the same thing."""

import datetime as dt
from collections.abc import Iterable, Sequence
from enum import StrEnum
from typing import Any

from db.database import transaction
from db.fields import dump_json, to_microseconds
from db.ids import new_id, new_ids
from db.models import WorkItem
from db.rows import in_parts, marks, values_of
from webapp.domain.core.events import EventName, NewEvent, record, record_many


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
    CHANGE_OBJECTED = "change_objected"  # a technician stopped a change of an address that somebody else made
    POSTCARD_RETURNED = "postcard_returned"  # a postcard came back: mend the address, ask the business, or close


class WorkItemState(StrEnum):
    """The states of a work item."""

    OPEN = "open"
    DONE = "done"
    DISMISSED = "dismissed"


def open_item(
    kind: WorkItemKind,
    subject_kind: str,
    subject_id: int,
    reason: str,
    now: dt.datetime,
    data: dict[str, Any] | None = None,
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
            state=WorkItemState.OPEN,
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
    item: WorkItem, state: WorkItemState, resolution: str, now: dt.datetime, account_id: int | None, note: str = ""
) -> bool:
    """Close an open item and return True; False if somebody else closed it before."""
    with transaction():
        closed = (
            WorkItem.update(state=state, closed_at=now, closed_by=account_id, resolution=resolution, note=note or None)
            .where((WorkItem.id == item.id) & (WorkItem.state == WorkItemState.OPEN))
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


def open_items(
    kind: WorkItemKind, subject_kind: str, wanted: Iterable[tuple[int, str]], now: dt.datetime
) -> dict[int, int]:
    """Open many items as `open_item` opens one; `wanted` are (subject, reason). Return the new ids by subject."""
    opened: dict[int, int] = {}
    at = to_microseconds(now)
    for part in in_parts(dict(wanted).items()):
        rows = [
            (item, kind.value, subject_kind, subject, reason, WorkItemState.OPEN.value, at)
            for item, (subject, reason) in zip(new_ids(len(part)), part, strict=True)
        ]
        columns = "id, kind, subject_kind, subject_id, reason, state, opened_at"
        sql = f"INSERT INTO work_item ({columns}) VALUES {marks(7, len(rows))} ON CONFLICT DO NOTHING RETURNING id"
        written = {row[0] for row in values_of(sql, *(value for row in rows for value in row))}
        fresh = [row for row in rows if row[0] in written]
        _events(
            EventName.WORK_ITEM_RULE_OPENED,
            at,
            None,
            [(row[0], subject_kind, row[3], {"kind": kind, "reason": row[4]}) for row in fresh],
        )
        opened |= {row[3]: row[0] for row in fresh}
    return opened


def close_items(
    kind: WorkItemKind,
    subject_kind: str,
    subjects: Sequence[int],
    state: WorkItemState,
    resolution: str,
    now: dt.datetime,
    account_id: int | None,
) -> int:
    """Close the open items of many subjects as `close_item` closes one, without a note; return how many."""
    closed, at = 0, to_microseconds(now)
    for part in in_parts(subjects):
        sql = (
            "UPDATE work_item SET state = ?, closed_at = ?, closed_by_id = ?, resolution = ?"
            f" WHERE kind = ? AND subject_kind = ? AND subject_id IN {marks(len(part))} AND state = 'open'"
            " RETURNING id, subject_id"
        )
        rows = values_of(sql, state.value, at, account_id, resolution, kind.value, subject_kind, *part)
        data = {"kind": kind, "resolution": resolution}
        about = [(item, subject_kind, subject, data) for item, subject in sorted(rows)]
        _events(EventName.WORK_ITEM_OPS_CLOSED, at, account_id, about)
        closed += len(rows)
    return closed


def _events(
    name: EventName, at: int, account_id: int | None, about: list[tuple[int, str, int, dict[str, Any]]]
) -> None:
    """Write the events of many items."""
    events = []
    for item, subject_kind, subject, data in about:
        owner = {f"{subject_kind}_id": subject} if subject_kind in ("registration", "technician", "business") else {}
        events.append(NewEvent(name, at, **owner, subject_id=item, account_id=account_id, data=dump_json(data)))
    record_many(events)
