"""Operators' looks at a person's record: each is audited with its reason; who comes from nowhere is asked for one."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from db.database import transaction
from db.models import Alarm, AuditRow, Registration, WorkItem
from webapp.domain.audit.log import audit, audit_each
from webapp.domain.core.events import EventName
from webapp.domain.core.language import N_

ASKED_EVERY = dt.timedelta(hours=1)
SUBJECT = "technician"


class Via(StrEnum):
    """From where a record is opened: from these, the work at hand is the reason."""

    WORK_ITEM = "work-item"
    ALARM = "alarm"
    REGISTRATIONS = "registrations"  # a list by state; a search for a person is no reason by itself
    MESSAGES = "messages"
    RETURNED_MAIL = "returned-mail"
    POSTCARDS = "postcards"
    CARDS = "cards"
    ADDRESSES = "addresses"
    IMPORTS = "imports"
    INQUIRY = "inquiry"
    DASHBOARD = "dashboard"


class ViewReason(StrEnum):
    """Why somebody looks who came by a search or an address."""

    INQUIRY = "inquiry"
    CORRECTION = "correction"
    CHECK = "check"
    OTHER = "other"


REASONS = {
    ViewReason.INQUIRY: N_("問い合わせへの回答"),
    ViewReason.CORRECTION: N_("連絡先などの訂正"),
    ViewReason.CHECK: N_("送付・配達の確認"),
    ViewReason.OTHER: N_("その他（下に書いてください）"),
}


@dataclass(frozen=True)
class ViewOrigin:
    """Where a look comes from: the kind of list, and the row of it where there is one."""

    via: Via
    of: int | None = None


def origin(via: str, of: int | None) -> ViewOrigin | None:
    """Return the origin that an address names; None when it names none or a row that does not exist."""
    try:
        found = ViewOrigin(Via(via), of)
    except ValueError:
        return None
    rows = {Via.WORK_ITEM: WorkItem, Via.ALARM: Alarm}.get(found.via)
    if rows is not None and (of is None or not rows.select().where(rows.id == of).exists()):
        return None
    return found


def note_look(account_id: int, registration: Registration, came_from: ViewOrigin | None, now: dt.datetime) -> bool:
    """Write a look into the audit log; False, with nothing written, when a reason has to be asked first."""
    if came_from is None:
        if not _looked(account_id, registration.technician_id, now):
            return False
        detail = {"via": "same-hour"}
    else:
        detail = {"via": came_from.via, "of": came_from.of}
    _audit(account_id, registration, detail, now)
    return True


def note_looks(account_id: int, shown: Iterable[tuple[int, int]], came_from: ViewOrigin, now: dt.datetime) -> None:
    """Write a look at each person of a page that shows many: pairs of technician and registration, a person once."""
    why = {"via": came_from.via, "of": came_from.of}
    details = {technician: {"registration": registration, **why} for technician, registration in shown}
    with transaction():
        audit_each(EventName.RECORD_OPS_VIEWED, now, account_id, SUBJECT, details)


def give_reason(account_id: int, registration: Registration, reason: ViewReason, note: str, now: dt.datetime) -> None:
    """Write down why somebody looks; it holds for the person and the hour."""
    _audit(account_id, registration, {"reason": reason, "note": note}, now)


def _looked(account_id: int, technician_id: int, now: dt.datetime) -> bool:
    return (
        AuditRow.select()
        .where(
            (AuditRow.subject_kind == SUBJECT)
            & (AuditRow.subject_id == technician_id)
            & (AuditRow.account_id == account_id)
            & (AuditRow.action == EventName.RECORD_OPS_VIEWED)
            & (AuditRow.at > now - ASKED_EVERY)
        )
        .exists()
    )


def _audit(account_id: int, registration: Registration, detail: dict, now: dt.datetime) -> None:
    detail = {"registration": registration.id, **detail}
    audit(EventName.RECORD_OPS_VIEWED, now, account_id, SUBJECT, registration.technician_id, detail)
