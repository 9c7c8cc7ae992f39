"""380_開示設定メニュー: the technician's key of each group, one by one or all at once, with effect at once."""

from dataclasses import dataclass

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_babel import gettext

from db import ids
from webapp.domain.core.language import N_
from webapp.domain.disclosure.keys import KeyNotAllowed, NotCurrent, Sentence, StaleKey, set_key
from webapp.domain.disclosure.policy import (
    ALL_GROUPS,
    Facts,
    Group,
    Side,
    Viewer,
    as_business,
    facts_of,
    groups_of,
    visible_groups,
)
from webapp.domain.disclosure.record import Record, record_for
from webapp.domain.self_service.disclosure import KeyRow, Menu, Seen, effect_of, menu_of, seen_by
from webapp.web.access import looker
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import render, see_other, stale

blueprint = Blueprint("me_disclosure", __name__)

OPENED = N_("%(group)sを開示しました。")
CLOSED = N_("%(group)sの開示をやめました。")
OPENED_ALL = N_("すべての項目を開示しました。")
CLOSED_ALL = N_("すべての項目の開示をやめました。")


@dataclass(frozen=True)
class Row:
    """A group on the page."""

    number: int
    bit: int
    label: str
    contents: str
    mine: bool
    theirs: bool
    words: str
    kind: str
    does: list[str]
    seen: Seen


@dataclass(frozen=True)
class MenuPage:
    """The menu; `changed` says why nothing was done, `done` what was done by the request before."""

    affiliation: str
    employer: str
    version: int
    sentence: str
    rows: list[Row]
    all_open: bool
    any_open: bool
    done: str = ""
    changed: str = ""


@dataclass(frozen=True)
class AllPage:
    """All keys at once: what it will do, and who has looked already."""

    opens: bool
    affiliation: str
    employer: str
    version: int
    does: list[str]
    seen: Seen


@dataclass(frozen=True)
class AsOtherPage:
    """What another business sees now, and would see if a side opened everything; `record` is None for nothing."""

    record: Record | None
    employer: str
    if_mine: str
    if_theirs: str
    if_both: str


@blueprint.get("/me/disclosure")
def menu():
    return render("me/disclosure.html", _page())


@blueprint.post("/me/disclosure")
def turn():
    bits, opens = _number("groups"), request.form.get("open")
    if bits not in {group.bit for group in Group} or opens not in ("0", "1"):
        abort(400)
    return _turn(bits, opens == "1", OPENED if opens == "1" else CLOSED)


@blueprint.get("/me/disclosure/open-all")
@recent_authentication
def open_all_form():
    return _all_form(True)


@blueprint.post("/me/disclosure/open-all")
@recent_authentication
def open_all():
    return _turn(ALL_GROUPS, True, OPENED_ALL)


@blueprint.get("/me/disclosure/close-all")
def close_all_form():
    return _all_form(False)


@blueprint.post("/me/disclosure/close-all")
def close_all():
    return _turn(ALL_GROUPS, False, CLOSED_ALL)


@blueprint.get("/me/disclosure/as-other")
def as_other():
    technician, other = looker().technician_id, as_business()
    facts = facts_of([technician])[technician]
    mine = facts.with_keys(Side.TECHNICIAN, ALL_GROUPS, True)
    theirs, both = (state.with_keys(Side.BUSINESS, ALL_GROUPS, True) for state in (facts, mine))
    page = AsOtherPage(
        # By the rule itself for somebody who does not exist: no look, and nothing is logged.
        record=record_for(other, technician),
        employer=menu_of(technician).employer,
        if_mine=_visible(other, mine),
        if_theirs=_visible(other, theirs),
        if_both=_visible(other, both),
    )
    return render("me/as_other.html", page)


def _visible(other: Viewer, facts: Facts) -> str:
    return say(N_("、")).join(say(group.label) for group in groups_of(visible_groups(other, facts)))


def _turn(bits: int, opens: bool, words: str) -> Response:
    try:
        affiliation = ids.decode(request.form.get("affiliation", ""))
    except ValueError:
        abort(404)
    try:
        set_key(Side.TECHNICIAN, affiliation, bits, opens, looker(), now(), _number("version"))
    except KeyNotAllowed:
        abort(404)
    except (StaleKey, NotCurrent) as error:
        return stale("me/disclosure.html", _page(changed=error.sentence))
    done = say(words, {"group": say(Group(bits.bit_length() - 1).label)} if bits != ALL_GROUPS else None)
    if request.headers.get("HX-Request") == "true":
        return render("me/disclosure.html", _page(done=done))
    flash(done, "good")
    return see_other(url_for("me_disclosure.menu"))


def _number(name: str) -> int:
    text = request.form.get(name, "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        abort(400)
    return int(text)


def _all_form(opens: bool):
    technician = looker().technician_id
    found = menu_of(technician)
    if found.affiliation_id is None:
        return see_other(url_for("me_disclosure.menu"))
    page = AllPage(
        opens=opens,
        affiliation=ids.encode(found.affiliation_id),
        employer=found.employer,
        version=found.version,
        does=[_said(sentence) for sentence in effect_of(technician, opens)],
        seen=Seen() if opens else seen_by(technician, ALL_GROUPS),
    )
    return render("me/disclosure_all.html", page)


def _page(done: str = "", changed: str = "") -> MenuPage:
    found: Menu = menu_of(looker().technician_id)
    return MenuPage(
        affiliation=ids.encode(found.affiliation_id) if found.affiliation_id else "",
        employer=found.employer,
        version=found.version,
        sentence=say(found.sentence),
        rows=[_row(row) for row in found.rows],
        all_open=found.all_open,
        any_open=found.any_open,
        done=done,
        changed=changed,
    )


def _row(row: KeyRow) -> Row:
    return Row(
        number=int(row.group),
        bit=row.group.bit,
        label=say(row.group.label),
        contents=say(row.contents),
        mine=row.mine,
        theirs=row.theirs,
        words=say(row.words),
        kind=row.kind,
        does=[_said(sentence) for sentence in row.does],
        seen=row.seen,
    )


def _said(sentence: Sentence) -> str:
    return say(sentence.text, sentence.parameters(gettext))
