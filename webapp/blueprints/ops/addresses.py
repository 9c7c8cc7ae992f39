"""The addresses that are not mailed any more, and the way back."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext

from db.models import Business, EmailAddress, Registration, Technician
from webapp.domain.core import paging
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Order
from webapp.domain.disclosure import operator_views
from webapp.domain.disclosure.operator_views import Via, ViewOrigin
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind
from webapp.domain.notices import labels
from webapp.domain.registrations.timeline import mask
from webapp.pages import lists
from webapp.pages.records import record_address
from webapp.web.access import get_address_for, looker, viewer
from webapp.web.clock import now
from webapp.web.rendering import invalid, render, see_other, stale

blueprint = Blueprint("ops_addresses", __name__)

LEAST_NOTE = 3
OWNERS: dict[str, str] = {
    OwnerKind.TECHNICIAN: N_("技能者"),
    OwnerKind.BUSINESS: N_("事業者"),
    OwnerKind.ACCOUNT: N_("利用者"),
    OwnerKind.MAILBOX: N_("運営"),
    OwnerKind.CHANGE: N_("技能者"),
}


@dataclass(frozen=True)
class Row:
    """An address that is not mailed."""

    email: str
    owner: str
    owner_kind: str
    record: str
    reason: str
    judged_at: dt.datetime | None
    restore: str


@dataclass(frozen=True)
class AddressesPage:
    """The suppression list."""

    rows: list[Row]
    number: str
    before: str
    after: str


@dataclass(frozen=True)
class RestorePage:
    """The form that takes a verdict back; it asks why."""

    action: str
    email: str
    reason: str
    judged_at: dt.datetime | None
    note: str = ""
    changed: bool = False
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/addresses")
def index():
    query = versions.suppressed().order_by()
    order = Order(EmailAddress, (EmailAddress.judged_at, EmailAddress.id))
    page = paging.read(query, order, lists.cursor())
    before, after = lists.around("ops_addresses.index", page)
    return render("ops/addresses.html", AddressesPage(_rows(page.rows), lists.counted(query), before, after))


@blueprint.get("/ops/addresses/<oid:address>/restore")
def restore_form(address: int):
    row = get_address_for(viewer(), address, change=True)
    if row.owner_kind == OwnerKind.TECHNICIAN:
        operator_views.note_person(looker(), row.owner_id, ViewOrigin(Via.ADDRESSES), now())
    return render("ops/restore.html", _restore_page(row))


@blueprint.post("/ops/addresses/<oid:address>/restore")
def restore(address: int):
    row = get_address_for(viewer(), address, change=True)
    note = request.form.get("note", "").strip()[:500]
    if len(note) < LEAST_NOTE:
        wrong = {"note": N_("有効に戻す理由を書いてください。")}
        return invalid("ops/restore.html", _restore_page(row, note, wrong))
    if row.valid_to is not None or not versions.restore(row, now(), viewer().account_id, note):
        return stale("ops/restore.html", _restore_page(row, note, changed=True))
    flash(gettext("アドレスを有効に戻しました。お知らせは、登録の画面から再送できます。"), "good")
    return see_other(url_for("ops_addresses.index"))


def _restore_page(row: EmailAddress, note: str = "", errors: dict | None = None, *, changed: bool = False):
    return RestorePage(
        action=url_for("ops_addresses.restore", address=row.id),
        email=row.value,
        reason=labels.REASONS.get(row.reason or "", ""),
        judged_at=row.judged_at,
        note=note,
        changed=changed or row.valid_to is not None or row.state != AddressState.INVALID,
        errors=errors or {},
    )


def _rows(rows) -> list[Row]:
    people = [row.owner_id for row in rows if row.owner_kind == OwnerKind.TECHNICIAN]
    firms = [row.owner_id for row in rows if row.owner_kind == OwnerKind.BUSINESS]
    names = dict(Technician.select(Technician.id, Technician.name).where(Technician.id.in_(people)).tuples())
    names |= dict(Business.select(Business.id, Business.name).where(Business.id.in_(firms)).tuples())
    mine = Registration.select(Registration.technician, Registration.id).where(Registration.technician.in_(people))
    records = dict(mine.order_by(Registration.id).tuples())
    operator = viewer()
    # Addresses beside names are more than a row of work: a look at each.
    looks = [(person, records.get(person)) for person in people]
    operator_views.note_looks(looker(), looks, ViewOrigin(Via.ADDRESSES), now())
    shown = []
    for row in rows:
        person = row.owner_kind == OwnerKind.TECHNICIAN
        record = records.get(row.owner_id) if person else None
        shown.append(
            Row(
                email=row.value if operator.may_act else mask(row.value),
                owner=names.get(row.owner_id, ""),
                owner_kind=OWNERS[row.owner_kind],
                record=record_address(record, Via.ADDRESSES) if record else "",
                reason=labels.REASONS.get(row.reason or "", ""),
                judged_at=row.judged_at,
                restore=url_for("ops_addresses.restore_form", address=row.id) if operator.may_act else "",
            )
        )
    return shown
