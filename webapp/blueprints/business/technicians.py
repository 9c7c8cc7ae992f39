"""所属技能者: the list of a business's own people, and the toggle of menu 8300 in each row."""

import datetime as dt
import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from flask import Blueprint, abort, flash, request, url_for
from flask_babel import gettext

from db import ids
from db.models import Business
from webapp.domain.accounts import saved_searches
from webapp.domain.affiliations import roster
from webapp.domain.affiliations.roster import Filter, Member, Sort
from webapp.domain.affiliations.roster_states import CARD_WORDS, NOTICE_WORDS, CardFilter, NoticeFilter
from webapp.domain.core.language import N_
from webapp.domain.disclosure.keys import StaleKey, set_key
from webapp.domain.disclosure.policy import MASTER, Side, Viewer
from webapp.domain.disclosure.states import BUSINESS_WORDS, DisclosureState
from webapp.pages import exports
from webapp.pages.business import TERM_PAGE, MenuItem, Part, Row, came_from, menu, part_of, row_of
from webapp.pages.business_access import get_member_for, viewer
from webapp.pages.columns import Column, Columns, value
from webapp.pages.exports import source
from webapp.pages.lists import cursor
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.recent_authentication import ask_before_opening
from webapp.web.rendering import render, see_other, stale

blueprint = Blueprint("business_technicians", __name__)

# About forty pages of paper.
MOST_PRINTED = 1_000

OPEN, NOT_OPEN = N_("開示"), N_("未開示")
SIGNED_IN, NOT_SIGNED_IN = N_("あり"), N_("なし")
SORTS = {Sort.KANA: N_("五十音順"), Sort.NEWEST: N_("所属が新しい順")}

COLUMNS = Columns(
    Column("person", N_("氏名・技能者ID")),
    Column("name", N_("氏名"), value("name"), on_page=False),
    Column("kana", N_("カナ"), value("kana"), on_page=False),
    Column("technician_id", N_("技能者ID"), value("number"), on_page=False),
    Column("notice", N_("通知"), lambda row: row.notice.words if row.notice else ""),
    Column("card", N_("カード"), lambda row: row.card.words if row.card else ""),
    Column("technician_key", N_("本人の設定"), lambda row: say(OPEN if row.theirs else NOT_OPEN)),
    Column("business_key", N_("所属事業者の設定（8300）"), lambda row: say(OPEN if row.open else NOT_OPEN)),
    Column("state", N_("開示"), value("state.words"), on_page=False),
    Column(
        "signed_in", N_("サインイン"), lambda row: say(SIGNED_IN if row.signed_in else NOT_SIGNED_IN), on_page=False
    ),
)


@dataclass(frozen=True)
class ToDo:
    """Something that waits for the business: how many people, and the filter that shows them."""

    address: str
    words: str
    number: int


@dataclass(frozen=True)
class TechniciansPage:
    """A page of the list with its filters."""

    columns = COLUMNS

    menu: list[MenuItem]
    total: int
    found: int | None  # how many the filter finds; None without a filter and behind the first page
    to_do: list[ToDo]
    rows: list[Row]
    before: str
    after: str
    fields: dict[str, str]
    term: str
    over: bool
    may_change: bool
    states: list[tuple[str, str]]
    notices: list[tuple[str, str]]
    cards: list[tuple[str, str]]
    sorts: list[tuple[str, str]]
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PrintedPage:
    """The list on paper: under which conditions, as of when, the first so many."""

    menu: list[MenuItem]
    business: str
    at: dt.datetime
    conditions: list[tuple[str, str]]
    total: int
    most: int
    rows: list[Row]
    back: str


@dataclass(frozen=True)
class RowPage:
    """One row alone: what htmx swaps, or the page that says that somebody else was first."""

    columns = COLUMNS

    row: Row
    back: str


@blueprint.get("/business/technicians")
def index():
    return render("business/technicians.html", _page(viewer()))


@blueprint.get("/business/technicians/print")
def printed():
    user = viewer()
    part = part_of(request.args, user)
    if part.over:
        return see_other(url_for("business_technicians.index", **request.args.to_dict()))
    members = [
        member
        for _, members in roster.whole(user, part.filter, sort=part.sort, most=MOST_PRINTED)
        for member in members
    ]
    page = PrintedPage(
        menu=menu(),
        business=Business.get_by_id(user.business_id).name,
        at=now(),
        conditions=_conditions(part),
        total=roster.count(user, part.filter),
        most=MOST_PRINTED,
        rows=[row_of(member, user) for member in members],
        back=url_for("business_technicians.index", **part.fields),
    )
    return render("business/printed.html", page)


@blueprint.post("/business/technicians/search")
def search():
    term = request.form.get("term", "").strip()[: saved_searches.LONGEST_TERM]
    fields = part_of(request.form, viewer()).fields
    fields.pop("s", None)
    if term:
        fields["s"] = saved_searches.keep(viewer().account_id, TERM_PAGE, {"term": term}, now(), event=None)
    return see_other(url_for("business_technicians.index", **fields))


@blueprint.post("/business/technicians/<oid:technician>/key")
def turn(technician: int):
    user = viewer()
    member = get_member_for(user, technician, change=True)
    opens, version = _wanted()
    back = came_from(url_for("business_technicians.index"))
    if opens and (question := ask_before_opening(1)):
        return question
    try:
        set_key(Side.BUSINESS, member.affiliation_id, MASTER, opens, user, now(), version)
    except StaleKey:
        row = row_of(get_member_for(user, technician), user, changed=True)
        return stale("business/row.html", RowPage(row, back))
    row = row_of(get_member_for(user, technician), user)
    if request.headers.get("HX-Request") == "true":
        return render("business/row.html", RowPage(row, back))
    done = gettext("%(name)sさんの開示を設定しました。いまは「%(state)s」です。", name=row.name, state=row.state.words)
    flash(done, "good")
    return see_other(f"{back}#k{row.id}")


def _wanted() -> tuple[bool, int]:
    """Return what a row's form says in one field, as short as a row has to be: "1-4" is open, on version 4."""
    found = re.fullmatch(r"([01])-(\d{1,9})", request.form.get("open", ""), re.ASCII)
    if found is None:
        abort(400)
    return found[1] == "1", int(found[2])


def _page(user: Viewer) -> TechniciansPage:
    part, at = part_of(request.args, user), cursor()
    first = at.after is None and at.before is None
    found = roster.page(user, part.filter, after=at.after, before=at.before, sort=part.sort)
    counts = roster.counts_by_state(user)
    fields = part.fields

    def place(**where) -> str:
        ((name, row_id),) = where.items()
        return (
            url_for("business_technicians.index", **fields, **{name: ids.encode(row_id)}) if row_id is not None else ""
        )

    return TechniciansPage(
        menu=menu(),
        total=sum(counts.values()),
        found=roster.count(user, part.filter) if first and part.filter != Filter() else None,
        to_do=_to_do(user, counts) if first else [],
        rows=[row_of(member, user) for member in found.rows],
        before=place(before=found.before),
        after=place(after=found.after),
        fields=fields,
        term=part.filter.text,
        over=part.over,
        may_change=user.may_change,
        states=[(state, BUSINESS_WORDS[state]) for state in DisclosureState],
        notices=list(NOTICE_WORDS.items()),
        cards=list(CARD_WORDS.items()),
        sorts=list(SORTS.items()),
    )


@source("business_technicians.index", N_("所属技能者"), "technicians", term_page=TERM_PAGE)
def _whole_list():
    yield COLUMNS.sheet("business_technicians.index", exports.lines(_members(), _rows))


def _members():
    user = viewer()
    part = part_of(request.args, user)
    if part.over:
        raise exports.SearchOver
    for total, members in roster.whole(user, part.filter, sort=part.sort, most=exports.most_rows() + 1):
        exports.known(total)
        yield members


def _rows(members: Sequence[Member]) -> list[Row]:
    return [row_of(member, viewer()) for member in members]


def _conditions(part: Part) -> list[tuple[str, str]]:
    """Return what the list was narrowed to, in words."""
    chosen = part.filter
    found = [
        (N_("氏名・カナ・技能者ID"), chosen.text),
        (N_("開示"), say(BUSINESS_WORDS[chosen.state]) if chosen.state else ""),
        (N_("通知"), say(NOTICE_WORDS[chosen.notice]) if chosen.notice else ""),
        (N_("カード"), say(CARD_WORDS[chosen.card]) if chosen.card else ""),
        (N_("サインイン"), say(NOT_SIGNED_IN) if chosen.not_signed_in else ""),
        (N_("並び順"), say(SORTS[part.sort])),
    ]
    return [(say(label), words) for label, words in found if words]


def _to_do(user: Viewer, counts: dict[DisclosureState, int]) -> list[ToDo]:
    waiting = (
        (
            "state",
            DisclosureState.WAITS_FOR_BUSINESS,
            BUSINESS_WORDS[DisclosureState.WAITS_FOR_BUSINESS],
            counts[DisclosureState.WAITS_FOR_BUSINESS],
        ),
        (
            "notice",
            NoticeFilter.UNDELIVERED,
            NOTICE_WORDS[NoticeFilter.UNDELIVERED],
            roster.count(user, Filter(notice=NoticeFilter.UNDELIVERED)),
        ),
        (
            "card",
            CardFilter.KEPT,
            CARD_WORDS[CardFilter.KEPT],
            roster.count(user, Filter(card=CardFilter.KEPT)),
        ),
    )
    return [
        ToDo(url_for("business_technicians.index", **{name: value}), words, number)
        for name, value, words, number in waiting
        if number
    ]
