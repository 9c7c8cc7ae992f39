"""The page of one technician for the employer: the whole record, both keys of each group, what a change would do."""

from dataclasses import dataclass, field

from flask import Blueprint, abort, flash, request, url_for
from flask_babel import gettext

from db.models import Card, Message, Postcard, Registration
from webapp.domain.affiliations import membership
from webapp.domain.affiliations.membership import AffiliationError
from webapp.domain.cards.labels import Audience
from webapp.domain.cards.projection import standing_now
from webapp.domain.disclosure.keys import NotCurrent, StaleKey, preview, set_key
from webapp.domain.disclosure.policy import (
    ALL_GROUPS,
    CONTENTS,
    Group,
    Side,
    Viewer,
    as_business,
    facts_of,
    visible_groups,
)
from webapp.domain.disclosure.policy import groups_of as groups_of_bits
from webapp.domain.disclosure.record import Record, record_for, view_record
from webapp.domain.disclosure.states import BUSINESS_WORDS
from webapp.domain.notices.messages import MessageKind, Role
from webapp.domain.registrations.summary import standing
from webapp.pages.business import STATE_KINDS, Chip, MenuItem, groups_in_words, menu, said, state_chip
from webapp.pages.business_access import get_member_for, viewer
from webapp.pages.cards import CardInWords, in_words
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.recent_authentication import ask_before_opening
from webapp.web.rendering import render, see_other, stale
from webapp.web.sentences import spoken

blueprint = Blueprint("business_person", __name__)


@dataclass(frozen=True)
class GroupRow:
    """A group of items with both keys, its state in words, and what is in it."""

    bit: int
    label: str
    contents: str
    theirs: bool
    ours: bool
    state: Chip


@dataclass(frozen=True)
class PersonPage:
    """The record as the employer sees it. `changed`: somebody else turned a key meanwhile, nothing was done."""

    menu: list[MenuItem]
    address: str
    record: Record
    state: Chip
    groups: list[GroupRow]
    all_open: bool
    any_open: bool
    notice: list[str]
    card: CardInWords | None
    may_change: bool
    changed: bool = False


@dataclass(frozen=True)
class ChangePage:
    """What a change of keys will do, before it is done."""

    menu: list[MenuItem]
    address: str
    name: str
    groups: str
    bits: int
    opens: bool
    version: int
    sentences: list[str]


@dataclass(frozen=True)
class AsOtherPage:
    """What another business sees now, and what it would see if the technician opened everything."""

    menu: list[MenuItem]
    address: str
    name: str
    record: Record | None
    if_opened: str
    if_both: str


@dataclass(frozen=True)
class EndPage:
    """Before an affiliation is ended."""

    menu: list[MenuItem]
    address: str
    name: str
    since: object
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/business/technicians/<oid:technician>")
def show(technician: int):
    return render("business/person.html", _page(viewer(), technician))


@blueprint.get("/business/technicians/<oid:technician>/keys")
def keys_form(technician: int):
    user = viewer()
    member = get_member_for(user, technician, change=True)
    bits, opens = _wanted(request.args)
    planned = preview(facts_of([technician])[technician], Side.BUSINESS, bits, opens)
    page = ChangePage(
        menu=menu(),
        address=_address(technician),
        name=member.name,
        groups=groups_in_words(groups_of_bits(bits)),
        bits=bits,
        opens=opens,
        version=member.business_keys_version,
        sentences=[said(sentence) for sentence in planned.sentences],
    )
    return render("business/keys.html", page)


@blueprint.post("/business/technicians/<oid:technician>/keys")
def set_keys(technician: int):
    user = viewer()
    member = get_member_for(user, technician, change=True)
    bits, opens = _wanted(request.form)
    version = request.form.get("version", type=int, default=-1)
    if opens and (question := ask_before_opening(1, _address(technician))):
        return question
    try:
        set_key(Side.BUSINESS, member.affiliation_id, bits, opens, user, now(), version)
    except StaleKey:
        return stale("business/person.html", _page(user, technician, changed=True))
    except NotCurrent:
        abort(404)
    chip = state_chip(get_member_for(user, technician).chip)
    flash(
        gettext("設定しました。「本人情報」はいま「%(state)s」です。次の閲覧から効きます。", state=chip.words), "good"
    )
    return see_other(_address(technician))


@blueprint.get("/business/technicians/<oid:technician>/as-other")
def as_other(technician: int):
    user = viewer()
    member = get_member_for(user, technician)
    facts, other = facts_of([technician])[technician], as_business()
    theirs_open = facts.with_keys(Side.TECHNICIAN, ALL_GROUPS, True)
    both_open = theirs_open.with_keys(Side.BUSINESS, ALL_GROUPS, True)
    page = AsOtherPage(
        menu=menu(),
        address=_address(technician),
        name=member.name,
        record=record_for(other, technician),
        if_opened=groups_in_words(groups_of_bits(visible_groups(other, theirs_open))),
        if_both=groups_in_words(groups_of_bits(visible_groups(other, both_open))),
    )
    return render("business/as_other.html", page)


@blueprint.get("/business/technicians/<oid:technician>/end")
def end_form(technician: int):
    return render("business/end.html", _end_page(technician))


@blueprint.post("/business/technicians/<oid:technician>/end")
def end(technician: int):
    user = viewer()
    member = get_member_for(user, technician, change=True)
    try:
        membership.end(user, member.affiliation_id, now())
    except AffiliationError:  # the other side ended it a moment ago
        abort(404)
    flash(gettext("%(name)sさんの所属を終えました。開示の設定も終わりました。", name=member.name), "good")
    return see_other(url_for("business_affiliations.index"))


def _page(user: Viewer, technician: int, changed: bool = False) -> PersonPage:
    # The member first: as another business nobody looks at this page, and nothing is logged of an attempt.
    member = get_member_for(user, technician)
    record = view_record(user, technician, now())
    if record is None or record.chip is None:
        abort(404)
    notice, card = _paper(technician)
    return PersonPage(
        menu=menu(),
        address=_address(technician),
        record=record,
        state=state_chip(record.chip),
        groups=[
            GroupRow(
                bit=standing.group.bit,
                label=standing.group.label,
                contents=CONTENTS[standing.group],
                theirs=standing.technician_key,
                ours=standing.business_key,
                state=Chip(say(BUSINESS_WORDS[standing.state]), STATE_KINDS[standing.state]),
            )
            for standing in record.standings
        ],
        all_open=len(member.business_keys) == len(Group),
        any_open=bool(member.business_keys),
        notice=notice,
        card=card,
        may_change=user.may_change,
        changed=changed,
    )


def _paper(technician: int) -> tuple[list[str], CardInWords | None]:
    """Return how the newest notice and postcard stand in sentences, and the newest card."""
    mine = (Message.kind == MessageKind.ID_NOTICE) & (Message.role == Role.TECHNICIAN)
    notice = (
        Message.select()
        .join(Registration)
        .where((Registration.technician == technician) & mine)
        .order_by(Message.id.desc())
        .first()
    )
    postcard = Postcard.select().where(Postcard.technician == technician).order_by(Postcard.id.desc()).first()
    card = Card.select().where(Card.technician == technician).order_by(Card.id.desc()).first()
    shown = in_words(standing_now(card), Audience.BUSINESS) if card else None
    return [spoken(line) for line in standing(notice, postcard, None)], shown


def _wanted(values) -> tuple[int, bool]:
    bits = values.get("groups", type=int, default=0)
    if not 0 < bits <= ALL_GROUPS or values.get("open") not in ("0", "1"):
        abort(400)
    return bits, values["open"] == "1"


def _address(technician: int) -> str:
    return url_for("business_person.show", technician=technician)


def _end_page(technician: int) -> EndPage:
    user = viewer()
    member = get_member_for(user, technician, change=True)
    record = record_for(user, technician)
    if record is None or record.employer is None:
        abort(404)
    return EndPage(menu(), _address(technician), member.name, record.employer.started_at)
