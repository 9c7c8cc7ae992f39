"""Postcards on hold (保留) with the fix for each reason, and postal codes that deserve a look."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, current_app, flash, request, url_for
from flask_babel import gettext

from db import ids
from db.models import Postcard
from webapp.domain.core import paging
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Order
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.disclosure import operator_views
from webapp.domain.disclosure.operator_views import Via, ViewOrigin
from webapp.domain.notices import listing
from webapp.domain.postcard import mending, page_words, reconciling
from webapp.domain.postcard.address import SENTENCES, propose_codes
from webapp.domain.postcard.mending import Mended, StillHeld
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.sheet import Hold
from webapp.domain.postcard.states import HOLD_SENTENCES, HoldReason, PostcardState
from webapp.pages import lists
from webapp.pages.lists import Option
from webapp.pages.postcards import hold_options
from webapp.pages.records import note_look
from webapp.web.access import get_postcard_for, looker, viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, render, see_other, stale

blueprint = Blueprint("ops_holds", __name__)

A_PAGE = 20


@dataclass(frozen=True)
class HoldRow:
    """A postcard on hold."""

    address: str
    number: str
    name: str
    reason: str
    since: dt.datetime
    fix: str
    fix_words: str


@dataclass(frozen=True)
class HoldsPage:
    """The work list of postcards on hold, counted by reason."""

    reasons: list[Option]
    total: int
    chosen: str
    advice: str
    rows: list[HoldRow]
    before: str
    after: str
    release: str


@dataclass(frozen=True)
class Proposal:
    """A postal code that fits an address."""

    code: str
    words: str


@dataclass(frozen=True)
class AddressRow:
    """A waiting postcard whose address deserves a look."""

    mend: str
    number: str
    postal_code: str
    text: str
    findings: list[str]
    proposals: list[Proposal]


@dataclass(frozen=True)
class AddressesPage:
    """Addresses that deserve a look, with codes to choose from."""

    rows: list[AddressRow]
    after: str


@dataclass(frozen=True)
class MendPage:
    """The form that mends an address or the printed name."""

    number: str
    back: str
    here: str
    action: str
    name: str
    holds: list[str]
    held: bool
    findings: list[str]
    postal_code: str
    address: str
    print_name: str
    version: int
    button: str
    proposals: list[Proposal]
    changed: bool = False
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/postcards/holds")
def index():
    reason = lists.choice("reason", HoldReason)
    held = Postcard.state == PostcardState.ON_HOLD
    query = Postcard.select().where(held & (Postcard.hold_reason == reason) if reason else held)
    order = Order(Postcard, (Postcard.queued_at, Postcard.id), falling=False)
    page = paging.read(query, order, lists.cursor())
    before, after = lists.around("ops_holds.index", page, reason=reason)
    advice = HOLD_SENTENCES[HoldReason(reason)] if reason and reason != HoldReason.MISSING_GLYPH else ""
    restored = reason == HoldReason.RESTORED and viewer().may_act
    release, rows = url_for("ops_holds.release") if restored else "", _rows(page.rows)
    total = Postcard.select().where(held).count()
    found = HoldsPage(hold_options(reason), total, reason, advice, rows, before, after, release)
    return render("ops/postcards/holds.html", found)


@blueprint.post("/ops/postcards/holds/release")
def release():
    note = request.form.get("note", "").strip()[:500]
    number = reconciling.release_postcards(now(), viewer().account_id, note)
    flash(gettext("%(n)s件を作成に回しました。", n=number), "good")
    return see_other(url_for("ops_holds.index"))


@blueprint.get("/ops/postcards/addresses")
def addresses():
    found = mending.disagreeing(A_PAGE, lists.cursor().after or 0)
    # Postal addresses of many people are shown: a look at each.
    shown = [(postcard.technician_id, postcard.registration_id) for postcard, _ in found]
    operator_views.note_looks(looker(), shown, ViewOrigin(Via.POSTCARDS), now())
    people = listing.people([postcard for postcard, _ in found])
    rows = [
        AddressRow(
            mend=url_for("ops_holds.form", postcard=postcard.id),
            number=people[postcard.registration_id][0],
            postal_code=address.postal_code,
            text=address.text,
            findings=[SENTENCES[rule] for rule in address.findings],
            proposals=_proposals(address.text),
        )
        for postcard, address in found
    ]
    after = url_for("ops_holds.addresses", after=ids.encode(found[-1][0].id)) if len(found) == A_PAGE else ""
    return render("ops/postcards/addresses.html", AddressesPage(rows, after))


@blueprint.get("/ops/postcards/<oid:postcard>/mend")
def form(postcard: int):
    row = get_postcard_for(viewer(), postcard, change=True)
    note_look(row.registration, Via.POSTCARDS)
    person = row.technician
    code = request.args.get("code", "")
    chosen = code if code.isascii() and code.isdigit() and len(code) == 7 else person.postal_code
    return render("ops/postcards/mend.html", _page(row, Mended(chosen, person.address, row.print_name), person.version))


@blueprint.post("/ops/postcards/<oid:postcard>/mend")
def mend(postcard: int):
    row = get_postcard_for(viewer(), postcard, change=True)
    typed = Mended(*(request.form.get(name, "").strip() for name in ("postal_code", "address", "print_name")))
    version = request.form.get("version", "")
    seen = int(version) if version.isascii() and version.isdigit() and len(version) < 10 else -1
    try:
        mending.mend(row, typed, seen, _office(), now(), viewer().account_id)
    except StillHeld as error:
        return invalid("ops/postcards/mend.html", _page(row, typed, seen, _errors(error.holds)))
    except StepNotAllowed:
        row = get_postcard_for(viewer(), postcard)
        return stale("ops/postcards/mend.html", _page(row, typed, row.technician.version, changed=True))
    flash(gettext("宛先を直しました。"), "good")
    if row.state == PostcardState.QUEUED:
        flash(gettext("はがきは作成待ちです。次の発送ロットに入ります。"))
    return see_other(url_for("ops_postcard.show", postcard=row.id))


def _office() -> PrintOffice:
    return PrintOffice.of(current_app.extensions["settings"])


def _rows(rows) -> list[HoldRow]:
    people = listing.people(rows)
    return [
        HoldRow(
            address=url_for("ops_postcard.show", postcard=row.id),
            number=people[row.registration_id][0],
            name=people[row.registration_id][1],
            reason=page_words.HOLDS.get(row.hold_reason or "", ""),
            since=row.changed_at,
            **_fix(row),
        )
        for row in rows
    ]


def _fix(row: Postcard) -> dict[str, str]:
    if not viewer().may_act:
        return {"fix": "", "fix_words": ""}
    if row.hold_reason == HoldReason.RESTORED:
        return {"fix": url_for("ops_postcard.show", postcard=row.id), "fix_words": N_("はがきを表示")}
    if row.hold_reason == HoldReason.SAME_ADDRESS:
        fix = url_for("ops_work_items.index", kind=WorkItemKind.SAME_ADDRESS)
        return {"fix": fix, "fix_words": N_("対応事項で判断する")}
    return {"fix": url_for("ops_holds.form", postcard=row.id), "fix_words": N_("宛先を直す")}


def _errors(holds: tuple[Hold, ...]) -> dict[str, str]:
    errors = {}
    for hold in holds:
        name = "postal_code" if hold.reason == HoldReason.CODE_ADDRESS_DISAGREE else hold.part
        errors.setdefault({"name": "print_name"}.get(name, name), _words(hold))
    return errors


def _words(hold: Hold) -> str:
    sentence = HOLD_SENTENCES[hold.reason]
    return say(sentence, {"signs": "".join(hold.signs)}) if hold.signs else say(sentence)


def _why(row: Postcard, holds: tuple[Hold, ...]) -> list[str]:
    """Return what keeps the card from being printed, beside what the findings about its address say already."""
    if row.hold_reason in (HoldReason.SAME_ADDRESS, HoldReason.RESTORED):
        return [say(HOLD_SENTENCES[HoldReason(row.hold_reason)])]
    said = (HoldReason.NO_USABLE_ADDRESS, HoldReason.CODE_ADDRESS_DISAGREE)
    return list(dict.fromkeys(_words(hold) for hold in holds if hold.reason not in said))


def _proposals(text: str) -> list[Proposal]:
    found = propose_codes(text)
    return [
        Proposal(place.postal_code, f"{place.prefecture}{place.city}{place.town} {place.note}".strip())
        for place in found
    ]


def _page(
    row: Postcard, typed: Mended, version: int, errors: dict[str, str] | None = None, *, changed: bool = False
) -> MendPage:
    address, holds = mending.holds_with(row, typed, _office())
    on_hold = row.state == PostcardState.ON_HOLD and row.hold_reason != HoldReason.SAME_ADDRESS
    return MendPage(
        number=row.registration.application_number,
        back=url_for("ops_postcard.show", postcard=row.id),
        here=url_for("ops_holds.form", postcard=row.id),
        action=url_for("ops_holds.mend", postcard=row.id),
        name=row.technician.name,
        holds=[] if errors else _why(row, holds),
        held=bool(holds),
        findings=[SENTENCES[rule] for rule in address.findings],
        postal_code=typed.postal_code,
        address=typed.address,
        print_name=typed.print_name,
        version=version,
        button=gettext("直して作成に回す") if on_hold else gettext("直す"),
        proposals=_proposals(typed.address),
        changed=changed,
        errors=errors or {},
    )
