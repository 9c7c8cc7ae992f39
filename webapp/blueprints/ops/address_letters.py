"""Letters to technicians whose e-mail address somebody else has changed: seven days later it may hold a link."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, abort, current_app, url_for
from flask_login import current_user

from db.models import EmailAddress, Technician
from webapp.domain.accounts import sign_in_links
from webapp.domain.audit.log import audit
from webapp.domain.core.events import EventName
from webapp.domain.disclosure import operator_views
from webapp.domain.disclosure.operator_views import Via, ViewOrigin
from webapp.web.access import looker
from webapp.web.clock import now
from webapp.web.rendering import render, see_other

blueprint = Blueprint("ops_address_letters", __name__)

MOST = 100


@dataclass(frozen=True)
class Waiting:
    """A changed address whose owner has not been told by letter."""

    id: int
    name: str
    changed_at: dt.datetime
    has_address: bool


@dataclass(frozen=True)
class WaitingPage:
    """The oldest of them; `more` if there are others behind."""

    rows: list[Waiting]
    more: bool
    may_act: bool


@dataclass(frozen=True)
class LetterPage:
    """A letter for printing; the e-mail address is told by its first letter and its domain."""

    name: str
    postal_code: str
    address: str
    email: str
    changed_at: dt.datetime
    counts_from: dt.datetime
    telephone: str


@blueprint.get("/ops/address-letters")
def index():
    found = list(sign_in_links.without_letter(MOST + 1))
    people = {row.id: row for row in Technician.select().where(Technician.id.in_([a.owner_id for a in found]))}
    rows = [
        Waiting(a.id, people[a.owner_id].name, a.valid_from, bool(people[a.owner_id].address)) for a in found[:MOST]
    ]
    may_act = current_user.role != "viewer"
    return render("ops/address_letters/index.html", WaitingPage(rows, len(found) > MOST, may_act))


@blueprint.post("/ops/address-letters/<oid:address>")
def make(address: int):
    row = _address(address)
    sign_in_links.note_letter(row, now())
    audit(EventName.ADDRESS_LETTER_MADE, now(), current_user.account.id, "technician", row.owner_id)
    return see_other(url_for("ops_address_letters.show", address=address))


@blueprint.get("/ops/address-letters/<oid:address>")
def show(address: int):
    row = _address(address)
    if row.letter_at is None:
        abort(404)
    audit(EventName.ADDRESS_LETTER_MADE, now(), current_user.account.id, "technician", row.owner_id, {"looked": True})
    operator_views.note_person(looker(), row.owner_id, ViewOrigin(Via.ADDRESS_LETTERS), now())
    person = Technician.get_by_id(row.owner_id)
    local, _, domain = row.value.rpartition("@")
    page = LetterPage(
        person.name,
        person.postal_code,
        person.address,
        f"{local[:1]}…@{domain}",
        row.valid_from,
        row.letter_at + sign_in_links.LETTER_WAIT,
        current_app.extensions["settings"].contact_telephone,
    )
    return render("ops/address_letters/show.html", page)


def _address(address_id: int) -> EmailAddress:
    return sign_in_links.changed_by_others(address_id) or abort(404)
