"""What a technician asks ops to do to the record: a correction, a change of the postal address. Ops decide and do it.

A postal address is never changed by a click: letters to the registered address are what protects somebody whose
password was stolen, and the card goes there (docs/me.md).
"""

import datetime as dt
from enum import StrEnum

from db.database import transaction
from db.ids import encode
from db.models import WorkItem
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.affiliations.membership import NotTheirs
from webapp.domain.audit.log import audit
from webapp.domain.core.daily_limits import take
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, open_item
from webapp.domain.disclosure.policy import Viewer

LONGEST = 1000
PER_DAY = 10


class RecordPart(StrEnum):
    """Which part of the record is wrong."""

    PERSON = "person"
    ADDRESS = "address"
    TELEPHONE = "telephone"
    TRADES = "trades"
    QUALIFICATIONS = "qualifications"
    WORK_HISTORY = "work_history"
    INSURANCE = "insurance"
    OTHER = "other"


PARTS = {
    RecordPart.PERSON: N_("氏名・カナ・生年月日"),
    RecordPart.ADDRESS: N_("住所"),
    RecordPart.TELEPHONE: N_("電話番号"),
    RecordPart.TRADES: N_("職種・経験"),
    RecordPart.QUALIFICATIONS: N_("資格・研修"),
    RecordPart.WORK_HISTORY: N_("就業履歴"),
    RecordPart.INSURANCE: N_("社会保険・建退共"),
    RecordPart.OTHER: N_("そのほか"),
}


def ask_correction(viewer: Viewer, part: RecordPart, words: str, now: dt.datetime) -> int:
    """Open a work item with what the technician says, or add to the one that is open; return its id.

    NotTheirs for anybody but an active technician; LimitReached after ten in a day.
    """
    if viewer.kind != AccountKind.TECHNICIAN or not viewer.may_change or viewer.technician_id is None:
        raise NotTheirs
    said = {"part": part, "words": words[:LONGEST], "at": now.isoformat(timespec="seconds")}
    kind, subject = WorkItemKind.RECORD_CORRECTION, viewer.technician_id
    with transaction():
        take(f"correction:technician:{encode(subject)}", 1, PER_DAY, now)
        item = open_item(kind, "technician", subject, part, now, {"said": [said]})
        if item is None:
            row = WorkItem.get(
                (WorkItem.kind == kind)
                & (WorkItem.subject_kind == "technician")
                & (WorkItem.subject_id == subject)
                & (WorkItem.state == WorkItemState.OPEN)
            )
            earlier = (row.data or {}).get("said", [])
            WorkItem.update(data={"said": [*earlier, said]}).where(WorkItem.id == row.id).execute()
            item = row.id
        name, data = EventName.RECORD_TECHNICIAN_ASKED, {"part": part}
        record(name, now, technician_id=subject, subject_id=item, account_id=viewer.account_id, data=data)
        audit(name, now, viewer.account_id, "technician", subject, said)
        return item


def open_requests(technician_id: int) -> list[tuple[dt.datetime, str]]:
    """Return (when, name of the part) of what is still with ops, oldest first."""
    rows = WorkItem.select(WorkItem.data).where(
        (WorkItem.kind == WorkItemKind.RECORD_CORRECTION)
        & (WorkItem.subject_kind == "technician")
        & (WorkItem.subject_id == technician_id)
        & (WorkItem.state == WorkItemState.OPEN)
    )
    return [
        (dt.datetime.fromisoformat(said["at"]), PARTS[RecordPart(said["part"])])
        for row in rows
        for said in (row.data or {}).get("said", [])
    ]
