"""What a person must do: the list, one item with what belongs to it, and closing it."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, abort, flash, request, url_for
from flask_babel import gettext

from db.models import (
    Account,
    Affiliation,
    Business,
    Card,
    EmailAddress,
    Postcard,
    Registration,
    Technician,
    WorkItem,
)
from webapp.domain.affiliations import membership
from webapp.domain.core import paging, work_items
from webapp.domain.core.attention_labels import ITEM_STATES, ITEMS, item_words
from webapp.domain.core.errors import Stale
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Order
from webapp.domain.core.work_items import WorkItemKind, WorkItemState
from webapp.domain.disclosure import operator_views
from webapp.domain.disclosure.access_log import ViewKind
from webapp.domain.disclosure.operator_views import Via, ViewOrigin
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.notices import corrections, labels
from webapp.domain.notices.messages import MessageState
from webapp.domain.parsing.contact import parse_email
from webapp.domain.parsing.problems import CellError
from webapp.domain.postcard.states import HoldReason
from webapp.domain.registrations.timeline import mask
from webapp.domain.self_service.requests import PARTS, RecordPart
from webapp.pages import exports, lists
from webapp.pages.columns import Column, Columns, moment, value, words
from webapp.pages.exports import source
from webapp.pages.item_people import held_on_page, people_of, registration_of
from webapp.pages.lists import Chip, Option
from webapp.pages.records import record_address
from webapp.web.access import get_work_item_for, looker, viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, render, see_other, stale

blueprint = Blueprint("ops_work_items", __name__)

COLUMNS = Columns(
    Column("content", N_("内容"), words("title")),
    Column("about", N_("対象"), value("subject")),
    Column("reason", N_("理由"), words("reason")),
    Column("state", N_("状態"), words("chip.words")),
    Column("since", N_("発生"), moment("opened_at")),
    Column("closed_at", N_("終了"), moment("closed_at"), on_page=False),
)


@dataclass(frozen=True)
class Row:
    """A work item in the list."""

    address: str
    title: str
    subject: str
    reason: str
    chip: Chip
    opened_at: dt.datetime
    closed_at: dt.datetime | None


@dataclass(frozen=True)
class WorkItemsPage:
    """The list with a count for each state."""

    columns = COLUMNS

    rows: list[Row]
    before: str
    after: str
    states: list[Option]
    state: str
    kind: str
    kinds: list[tuple[str, str]]


@dataclass(frozen=True)
class Contact:
    """How the person of an item is reached, and their employer; empty texts for what is not known."""

    name: str
    postal_code: str
    address: str
    telephone: str
    email: str
    employer: str
    employer_telephone: str


@dataclass(frozen=True)
class ItemPage:
    """One item: what it is about, what to do, and the forms that do it; an empty address: not for this reader."""

    title: str
    to_do: str
    chip: Chip
    subject: str
    reason: str
    opened_at: dt.datetime
    closed_at: dt.datetime | None
    closed_by: str
    note: str
    links: list[tuple[str, str]]
    email: str
    version: int
    correct: str
    held: str
    people: list[tuple[str, str]]
    release: str
    close: str
    annul: str = ""
    contact: Contact | None = None
    remedy: tuple[str, str] | None = None  # the page where it is set right, and what its button says
    said: list[tuple[str, str]] = field(default_factory=list)  # what a technician asked for: part and words
    errors: dict[str, str] = field(default_factory=dict)
    typed: str = ""
    changed: bool = False


@blueprint.get("/ops/work-items")
def index():
    state, kind = lists.choice("state", WorkItemState, WorkItemState.OPEN), lists.choice("kind", WorkItemKind)
    page = paging.read(_listing(state, kind), _order(state), lists.cursor())
    before, after = lists.around("ops_work_items.index", page, state=state, kind=kind)
    kept = {"kind": kind} if kind else {}
    states = [
        Option(
            url_for("ops_work_items.index", state=option, **kept),
            words,
            lists.counted(_listing(option, kind)),
            option == state,
        )
        for option, (words, _) in ITEM_STATES.items()
    ]
    kinds = [(value, words.title) for value, words in ITEMS.items()]
    return render("ops/work_items.html", WorkItemsPage(_rows(page.rows), before, after, states, state, kind, kinds))


@blueprint.get("/ops/work-items/<oid:item>")
def show(item: int):
    row = get_work_item_for(viewer(), item)
    operator_views.note_looks(looker(), people_of(row), ViewOrigin(Via.WORK_ITEM, row.id), now(), ViewKind.RECORD)
    return render("ops/work_item.html", _page(row))


@blueprint.post("/ops/work-items/<oid:item>/close")
def close(item: int):
    row = get_work_item_for(viewer(), item, change=True)
    state, note = request.form.get("state", ""), request.form.get("note", "").strip()[:500]
    if state not in (WorkItemState.DONE, WorkItemState.DISMISSED):
        return invalid("ops/work_item.html", _page(row, {"state": N_("対応済みか対応不要かを選んでください。")}))
    if state == WorkItemState.DISMISSED and not note:
        return invalid("ops/work_item.html", _page(row, {"note": N_("対応が要らない理由を書いてください。")}))
    if not work_items.close_item(row, WorkItemState(state), "by_hand", now(), viewer().account_id, note):
        return stale("ops/work_item.html", _page(get_work_item_for(viewer(), item), changed=True))
    flash(gettext("対応事項を閉じました。"), "good")
    return see_other(url_for("ops_work_items.index", kind=row.kind))


@blueprint.post("/ops/work-items/<oid:item>/address")
def correct(item: int):
    row = get_work_item_for(viewer(), item, change=True)
    if row.kind != WorkItemKind.BUSINESS_ADDRESS:
        abort(404)
    typed, version = request.form.get("email", "").strip(), request.form.get("version", "")
    known = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else -1
    try:
        _, sent, more = corrections.correct_business(row, parse_email(typed), known, now(), viewer().account_id)
    except CellError as error:
        wrong = {"email": say(error.sentence, error.params)}
        return invalid("ops/work_item.html", _page(row, wrong, typed=typed))
    except Stale:
        return stale("ops/work_item.html", _page(get_work_item_for(viewer(), item), typed=typed, changed=True))
    flash(gettext("アドレスを訂正し、%(n)s件を再送に回しました。", n=sent), "good")
    if more:
        flash(gettext("まだ残りがあります。もう一度「訂正して再送」を押すと、続きを再送します。"), "warn")
        return see_other(url_for("ops_work_items.show", item=row.id))
    return see_other(url_for("ops_work_items.index", kind=row.kind))


@blueprint.post("/ops/work-items/<oid:item>/release")
def release(item: int):
    row = get_work_item_for(viewer(), item, change=True)
    if row.kind != WorkItemKind.SAME_ADDRESS:
        abort(404)
    try:
        released = corrections.release_postcards(
            row, now(), viewer().account_id, request.form.get("release-note", "").strip()[:500]
        )
    except Stale:
        return stale("ops/work_item.html", _page(get_work_item_for(viewer(), item), changed=True))
    flash(gettext("%(n)s件のはがきを作成待ちにしました。", n=released), "good")
    return see_other(url_for("ops_work_items.index", kind=row.kind))


@blueprint.post("/ops/work-items/<oid:item>/annul")
def annul(item: int):
    row, note = get_work_item_for(viewer(), item, change=True), request.form.get("annul-note", "").strip()[:500]
    if row.kind != WorkItemKind.AFFILIATION_DISPUTED:
        abort(404)
    if not note:
        return invalid("ops/work_item.html", _page(row, {"annul-note": N_("誰にどう確かめたかを書いてください。")}))
    try:
        membership.annul(row, now(), viewer().account_id, note)
    except membership.OverAlready:
        return stale("ops/work_item.html", _page(get_work_item_for(viewer(), item), changed=True))
    flash(gettext("所属を取り消し、本人と事業者に知らせました。"), "good")
    return see_other(url_for("ops_work_items.index", kind=row.kind))


def _listing(state: str, kind: str):
    query = WorkItem.select().where(WorkItem.state == state)
    return query.where(WorkItem.kind == kind) if kind else query


def _rows(rows) -> list[Row]:
    subjects = _subjects(rows)
    return [
        Row(
            address=url_for("ops_work_items.show", item=row.id),
            title=item_words(row.kind).title,
            subject=subjects.get((row.subject_kind, row.subject_id), ""),
            reason=_reason(row),
            chip=Chip(*ITEM_STATES[row.state]),
            opened_at=row.opened_at,
            closed_at=row.closed_at,
        )
        for row in rows
    ]


@source("ops_work_items.index", N_("対応事項"), "work-items")
def _whole_list():
    state, kind = lists.choice("state", WorkItemState, WorkItemState.OPEN), lists.choice("kind", WorkItemKind)
    rows = exports.walk(_listing(state, kind), _order(state))
    yield COLUMNS.sheet("ops_work_items.index", exports.lines(rows, _rows))


def _order(state: str) -> Order:
    return Order(WorkItem, (WorkItem.id,), state != WorkItemState.OPEN)


def _reason(row: WorkItem) -> str:
    return labels.HOLDS.get(row.reason) or labels.CAUSES.get(row.reason, "")


def _subjects(rows) -> dict[tuple[str, int], str]:
    """What each item is about, with one query a table."""
    wanted: dict[str, list[int]] = {}
    for row in rows:
        wanted.setdefault(row.subject_kind, []).append(row.subject_id)
    found = {}
    if subject_ids := wanted.get("registration"):
        columns = (Registration.id, Registration.application_number, Technician.name)
        for number, application, name in (
            Registration.select(*columns).join(Technician).where(Registration.id.in_(subject_ids)).tuples()
        ):
            found["registration", number] = f"{application} {name}"
    for kind, model in (("business", Business), ("technician", Technician)):
        if subject_ids := wanted.get(kind):
            for number, name in model.select(model.id, model.name).where(model.id.in_(subject_ids)).tuples():
                found[kind, number] = name
    if subject_ids := wanted.get("affiliation"):
        columns = (Affiliation.id, Technician.name, Business.name)
        query = Affiliation.select(*columns).join(Technician).switch(Affiliation).join(Business)
        for number, name, business in query.where(Affiliation.id.in_(subject_ids)).tuples():
            found["affiliation", number] = f"{name} ・ {business}"
    if subject_ids := wanted.get("email_address"):
        reveals = viewer().may_act
        chosen = EmailAddress.select(EmailAddress.id, EmailAddress.value).where(EmailAddress.id.in_(subject_ids))
        for number, value in chosen.tuples():
            found["email_address", number] = value if reveals else mask(value)
    return found


def _page(row: WorkItem, errors: dict | None = None, *, typed: str = "", changed: bool = False) -> ItemPage:
    act = viewer().may_act and row.state == WorkItemState.OPEN
    business = row.kind == WorkItemKind.BUSINESS_ADDRESS
    same = row.kind == WorkItemKind.SAME_ADDRESS
    address = versions.current(OwnerKind.BUSINESS, row.subject_id) if business else None
    email = address.value if address else ""
    return ItemPage(
        title=item_words(row.kind).title,
        to_do=item_words(row.kind).to_do,
        chip=Chip(*ITEM_STATES[row.state]),
        subject=_subjects([row]).get((row.subject_kind, row.subject_id), ""),
        reason=_reason(row),
        opened_at=row.opened_at,
        closed_at=row.closed_at,
        closed_by=Account.get_by_id(row.closed_by_id).display_name if row.closed_by_id else "",
        note=row.note or "",
        links=_links(row),
        email=email if viewer().may_act else mask(email),
        version=address.version if address else 0,
        correct=url_for("ops_work_items.correct", item=row.id) if act and business else "",
        held=lists.counted(corrections.held_for(row)) if same else "",
        people=_people(row) if same else [],
        release=url_for("ops_work_items.release", item=row.id) if act and same else "",
        close=url_for("ops_work_items.close", item=row.id) if act else "",
        annul=url_for("ops_work_items.annul", item=row.id) if act and _is_current(row) else "",
        said=_said(row),
        contact=_contact(row) if act else None,
        remedy=_remedy(row) if act else None,
        errors=errors or {},
        typed=typed,
        changed=changed,
    )


def _contact(row: WorkItem) -> Contact | None:
    """Return how the item's person is reached; None for one of no person."""
    if row.subject_kind == "business":
        firm = Business.get_by_id(row.subject_id)
        return Contact(firm.name, firm.postal_code, firm.address, firm.telephone, "", "", "")
    registration = Registration.get_or_none(Registration.id == registration_of(row))
    if registration is None:
        return None
    person = registration.technician
    email = versions.current(OwnerKind.TECHNICIAN, person.id)
    employed = Affiliation.current & (Affiliation.technician == person)
    affiliation = Affiliation.select(Affiliation, Business).join(Business).where(employed).first()
    employer = affiliation.business if affiliation else Business(name="", telephone="")
    value = email.value if email else ""
    shown = (person.name, person.postal_code, person.address, person.telephone, value)
    return Contact(*shown, employer.name, employer.telephone)


def _remedy(row: WorkItem) -> tuple[str, str] | None:
    if row.kind in (WorkItemKind.CARD_RETURNED, WorkItemKind.CARD_UNREACHABLE):
        card = Card.select().where(Card.registration == row.subject_id).order_by(Card.id.desc()).first()
        return (url_for("ops_cards.show", card=card.id), N_("カードの画面を開く")) if card else None
    if row.kind in (WorkItemKind.POSTCARD_RETURNED, WorkItemKind.POSTCARD_ON_HOLD):
        mine = Postcard.registration == row.subject_id
        postcard = Postcard.select().where(mine).order_by(Postcard.id.desc()).first()
        return (url_for("ops_postcard.show", postcard=postcard.id), N_("はがきの画面を開く")) if postcard else None
    return None


def _is_current(row: WorkItem) -> bool:
    """Whether this is a dispute of an affiliation that lasts."""
    mine = (Affiliation.id == row.subject_id) & Affiliation.current
    return row.kind == WorkItemKind.AFFILIATION_DISPUTED and Affiliation.select().where(mine).exists()


def _said(row: WorkItem) -> list[tuple[str, str]]:
    data = row.data or {}
    if row.kind == WorkItemKind.AFFILIATION_DISPUTED:
        return [(item_words(row.kind).title, data["words"])] if data.get("words") else []
    return [(say(PARTS[RecordPart(correction["part"])]), correction["words"]) for correction in data.get("said", [])]


def _links(row: WorkItem) -> list[tuple[str, str]]:
    if registration := registration_of(row):
        return [(record_address(registration, Via.WORK_ITEM, row.id), N_("この登録の時系列を見る"))]
    if row.subject_kind == "returned_mail":
        return [(url_for("ops_returned_mail.show", mail=row.subject_id), N_("戻りメールを見る"))]
    if row.subject_kind == "messages":
        address = url_for("ops_messages.index", state=MessageState.RECONCILIATION)
        return [(address, N_("確認待ちのメールを見る"))]
    if row.subject_kind == "postcards":
        return [(url_for("ops_holds.index", reason=HoldReason.RESTORED), N_("確認待ちのはがきを見る"))]
    return []


def _people(row: WorkItem) -> list[tuple[str, str]]:
    """The first people whose postcards wait for a SAME_ADDRESS item: link and name."""
    numbers = [postcard.registration_id for postcard in held_on_page(row)]
    columns = (Registration.id, Registration.application_number, Technician.name)
    rows = Registration.select(*columns).join(Technician).where(Registration.id.in_(numbers)).tuples()
    return [
        (record_address(registration, Via.WORK_ITEM, row.id), f"{number} {name}") for registration, number, name in rows
    ]
