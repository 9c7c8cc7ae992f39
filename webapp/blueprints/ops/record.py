"""The page of one registration: where things stand, the timeline, and what an operator may do."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, abort, current_app, flash, request, url_for
from flask_babel import gettext
from peewee import fn

from db.models import Business, Card, EmailAddress, Message, Postcard, Registration
from webapp.domain import bounce
from webapp.domain.bounce.model import Reason
from webapp.domain.core.errors import Stale
from webapp.domain.core.language import N_
from webapp.domain.disclosure import operator_views
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.syntax import domain_of
from webapp.domain.email_addresses.versions import OwnerKind, SameAddress
from webapp.domain.notices import corrections, labels
from webapp.domain.notices.messages import MessageKind, MessageState, Role
from webapp.domain.parsing.contact import parse_email
from webapp.domain.parsing.problems import CellError
from webapp.domain.registrations.summary import standing
from webapp.domain.registrations.timeline import Entry, mask, timeline
from webapp.pages.cards import Panel, card_panel
from webapp.pages.lists import Chip
from webapp.pages.postcards import PostcardPanel, postcard_panel
from webapp.pages.records import ask_at_record, origin
from webapp.web.access import Operator, get_registration_for, looker, viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, render, see_other, stale
from webapp.web.sentences import spoken

blueprint = Blueprint("ops_record", __name__)

RECIPIENTS = (Role.TECHNICIAN, Role.BUSINESS, Role.PROXY)
# An undelivered notice comes with what to look at (CCUS internet application guide for technicians, section 7).
LOOK_IN_SPAM = N_("届かないときは迷惑メールフォルダを確かめ、携帯電話では %(domain)s からの受信を許可してください。")


@dataclass(frozen=True)
class Recipient:
    """Who is told, at which address, how it went, and what may be done."""

    role: str
    name: str
    email: str
    chip: Chip | None
    reason: str
    correct: str
    again: str
    cancel: str


@dataclass(frozen=True)
class Happening:
    """A line of the timeline, in the reader's language."""

    at: dt.datetime
    sentence: str
    kind: str
    details: list[str]
    judgement: list[str]
    mail: str


@dataclass(frozen=True)
class RecordPage:
    """A registration as operators see it."""

    number: str
    name: str
    kana: str
    technician_id: str
    birth_date: dt.date
    postal: str
    telephone: str
    employer: str
    now: list[str]
    advice: list[str]
    recipients: list[Recipient]
    looks: str
    happenings: list[Happening]
    cut: bool
    postcard: str
    postcards: PostcardPanel
    cards: list[Panel]


@dataclass(frozen=True)
class ReasonPage:
    """Asked of who comes from a search: why this person's record is opened."""

    action: str
    options: list[tuple[str, str]]
    reason: str = ""
    note: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AddressPage:
    """The form that corrects an address and sends the notice again."""

    action: str
    back: str
    role: str
    owner: str
    before: str
    email: str
    version: int
    changed: bool = False
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/registrations/<oid:registration>")
def show(registration: int):
    operator = viewer()
    row = get_registration_for(operator, registration)
    if not operator_views.note_look(looker(), row, origin(row), now()):
        return render("ops/reason.html", _reason_page(row))
    return render("ops/record.html", _page(row, operator))


@blueprint.post("/ops/registrations/<oid:registration>/reason")
def reason(registration: int):
    row = get_registration_for(viewer(), registration)
    chosen, note = request.form.get("reason", ""), request.form.get("note", "").strip()[:500]
    wrong = {}
    if chosen not in set(operator_views.ViewReason):
        wrong["reason"] = N_("理由を選んでください。")
    elif chosen == operator_views.ViewReason.OTHER and not note:
        wrong["note"] = N_("理由を書いてください。")
    if wrong:
        return invalid("ops/reason.html", _reason_page(row, chosen, note, wrong))
    operator_views.give_reason(looker(), row, operator_views.ViewReason(chosen), note, now())
    return see_other(url_for("ops_record.show", registration=row.id))


@blueprint.get("/ops/registrations/<oid:registration>/address/<string:role>")
def address_form(registration: int, role: str):
    row, owner = _addressee(registration, role)
    return ask_at_record(row) or render("ops/address.html", _address_page(row, Role(role), owner))


@blueprint.post("/ops/registrations/<oid:registration>/address/<string:role>")
def correct(registration: int, role: str):
    row, owner = _addressee(registration, role)
    typed, version = request.form.get("email", "").strip(), _number(request.form.get("version", ""))
    try:
        value = parse_email(typed)
        message = corrections.correct_and_send(row, Role(role), value, version, now(), viewer().account_id)
    except CellError as error:
        wrong = {"email": say(error.sentence, error.params)}
        return invalid("ops/address.html", _address_page(row, Role(role), owner, typed, version, wrong))
    except SameAddress:
        wrong = {"email": N_("いまのアドレスと同じです。同じアドレスに送るときは「そのまま再送」を使ってください。")}
        return invalid("ops/address.html", _address_page(row, Role(role), owner, typed, version, wrong))
    except Stale:
        return stale("ops/address.html", _address_page(row, Role(role), owner, typed, changed=True))
    if message is not None:
        flash(gettext("アドレスを訂正し、再送に回しました。"), "good")
    else:
        flash(gettext("アドレスを訂正しました。お知らせは再送していません（送信中か、送信済みのためです）。"), "good")
    return see_other(url_for("ops_record.show", registration=row.id))


def _addressee(registration: int, role: str) -> tuple[Registration, tuple[OwnerKind, int]]:
    row = get_registration_for(viewer(), registration, change=True)
    owner = corrections.owner_of(Role(role), row) if role in RECIPIENTS else None
    if owner is None:
        abort(404)
    return row, owner


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 10 else -1


def _reason_page(row: Registration, reason: str = "", note: str = "", errors: dict | None = None) -> ReasonPage:
    action = url_for("ops_record.reason", registration=row.id)
    return ReasonPage(action, list(operator_views.REASONS.items()), reason, note, errors or {})


def _address_page(
    row: Registration,
    role: Role,
    owner: tuple[OwnerKind, int],
    email: str | None = None,
    version: int | None = None,
    errors: dict | None = None,
    *,
    changed: bool = False,
) -> AddressPage:
    current = versions.current(*owner)
    known = current.version if current else 0
    business = owner[0] == OwnerKind.BUSINESS
    return AddressPage(
        action=url_for("ops_record.correct", registration=row.id, role=role),
        back=url_for("ops_record.show", registration=row.id),
        role=labels.ROLES[role],
        owner=Business.get_by_id(owner[1]).name if business else row.technician.name,
        before=current.value if current else "",
        email=(current.value if current else "") if email is None else email,
        version=known if version is None else version,
        changed=changed,
        errors=errors or {},
    )


def _page(row: Registration, operator: Operator) -> RecordPage:
    person = row.technician
    notices = _notices(row)
    history = timeline(row, reveals=operator.may_act)
    notice = notices.get(Role.TECHNICIAN)
    owed = notice is not None and notice.state in (MessageState.FAILED, MessageState.WAITING_RETRY)
    businesses = _businesses(row)
    postcard = operator.may_act and (notice is not None) and corrections.may_have_postcard(row, notice)
    return RecordPage(
        number=row.application_number,
        name=person.name,
        kana=person.name_kana,
        technician_id=person.technician_id,
        birth_date=person.birth_date,
        postal=f"〒{person.postal_code[:3]}-{person.postal_code[3:]} {person.address}" if person.postal_code else "",
        telephone=person.telephone,
        employer=businesses.get(row.affiliated_business_id, ""),
        now=[spoken(line) for line in standing(notice, _newest(Postcard, row), _newest(Card, row))],
        advice=_advice(notice) if owed else [],
        recipients=_recipients(row, notices, businesses, operator),
        looks=url_for("ops_looks.show", registration=row.id),
        happenings=[_happening(entry) for entry in history.entries],
        cut=history.cut,
        postcard=url_for("ops_actions.postcard_form", registration=row.id) if postcard else "",
        postcards=postcard_panel(row.id),
        cards=card_panel(row.id),
    )


def _advice(notice: Message) -> list[str]:
    """What the person can do, as an operator may read it out to them."""
    domain = domain_of(current_app.extensions["settings"].sender_address)
    lines = [say(LOOK_IN_SPAM, {"domain": "@" + domain})]
    if notice.reason in set(Reason):
        (sentence, params), _ = bounce.advice(Reason(notice.reason), notice.destination, domain)
        lines.insert(0, say(sentence, params))
    return lines


def _notices(row: Registration) -> dict[str, Message]:
    mine = (Message.registration == row.id) & (Message.kind == MessageKind.ID_NOTICE)
    return {message.role: message for message in Message.select().where(mine).order_by(Message.id)}


def _businesses(row: Registration) -> dict[int, str]:
    wanted = [n for n in (row.affiliated_business_id, row.proxy_business_id) if n]
    return dict(Business.select(Business.id, Business.name).where(Business.id.in_(wanted)).tuples()) if wanted else {}


def _newest(model, row: Registration):
    newest = model.select(fn.MAX(model.id)).where(model.registration == row.id)
    return model.get_or_none(model.id == newest)


def _recipients(row: Registration, notices: dict, businesses: dict, operator: Operator) -> list[Recipient]:
    owners = {role: owner for role in RECIPIENTS if (owner := corrections.owner_of(role, row))}
    if row.affiliated_business_id == row.proxy_business_id:
        owners.pop(Role.PROXY, None)  # one business is told once
    current = _current(list(owners.values()))
    shown = []
    for role, owner in owners.items():
        message, address = notices.get(role), current.get(owner)
        email = address.value if address else ""
        act = operator.may_act and message is not None
        again = act and message.state in corrections.REQUEUEABLE and address and address.state != "invalid"
        cancel = act and message.state in corrections.CANCELLABLE
        shown.append(
            Recipient(
                role=labels.ROLES[role],
                name=row.technician.name if owner[0] == OwnerKind.TECHNICIAN else businesses.get(owner[1], ""),
                email=email if operator.may_act else mask(email),
                chip=Chip(*labels.state_of(message.state, message.reason)) if message else None,
                reason=labels.REASONS.get(message.reason or "", "") if message else "",
                correct=url_for("ops_record.address_form", registration=row.id, role=role) if operator.may_act else "",
                again=url_for("ops_actions.again_form", message=message.id) if again else "",
                cancel=url_for("ops_actions.cancel_form", message=message.id) if cancel else "",
            )
        )
    return shown


def _current(owners: list) -> dict[tuple, EmailAddress]:
    by_kind = [
        (EmailAddress.owner_kind == kind) & EmailAddress.owner_id.in_([n for k, n in owners if k == kind])
        for kind in {kind for kind, _ in owners}
    ]
    rows = {}
    for condition in by_kind:
        for address in EmailAddress.select().where(condition & EmailAddress.valid_to.is_null()):
            rows[OwnerKind(address.owner_kind), address.owner_id] = address
    return rows


def _happening(entry: Entry) -> Happening:
    return Happening(
        at=entry.at,
        sentence=spoken(entry.sentence),
        kind=entry.kind,
        details=[text for line in entry.details if (text := spoken(line))],
        judgement=[spoken(line) for line in entry.judgement],
        mail=url_for("ops_returned_mail.show", mail=entry.returned_mail) if entry.returned_mail else "",
    )
