"""8300_開示設定メニュー: how many stand in each state, and changes for many at once with preview, progress and undo."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, abort, flash, request, url_for
from flask_babel import gettext

from db import ids
from db.models import Affiliation, BulkChange
from webapp.domain.affiliations import roster
from webapp.domain.core.language import N_
from webapp.domain.disclosure import bulk
from webapp.domain.disclosure.bulk import (
    BulkProgress,
    BulkState,
    TooLate,
    begin_bulk,
    preview_bulk,
    run_bulk,
    undo_bulk,
)
from webapp.domain.disclosure.policy import ALL_GROUPS, CONTENTS, Group, Viewer, groups_of
from webapp.domain.disclosure.states import BUSINESS_WORDS
from webapp.pages import business
from webapp.pages.business import STATE_KINDS, Chip, MenuItem, groups_in_words, menu, part_of, said
from webapp.pages.business_access import get_bulk_change_for, viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.recent_authentication import ask_before_opening
from webapp.web.rendering import render, see_other

blueprint = Blueprint("business_disclosure", __name__)

MOST_CHOSEN = 500
SHOWN_CHANGES = 10
STATES = {
    BulkState.RUNNING: (N_("変更しています"), "busy"),
    BulkState.DONE: (N_("終わりました"), "good"),
    BulkState.UNDOING: (N_("取り消しています"), "busy"),
    BulkState.UNDONE: (N_("取り消しました"), "off"),
}
NOBODY_CHOSEN = N_("だれも選ばれていません。一覧で人を選ぶか、「条件に合うすべての人」を選んでください。")

SEARCH_OVER = N_("検索から30分が過ぎたため、何も変更していません。もう一度検索してから設定してください。")


@dataclass(frozen=True)
class Count:
    """How many people stand in a state, and where they are listed."""

    chip: Chip
    number: int
    address: str


@dataclass(frozen=True)
class Change:
    """A change of many keys, as far as it has come."""

    address: str
    at: dt.datetime
    opens: bool
    groups: str
    chip: Chip
    progress: BulkProgress
    may_undo: bool


@dataclass(frozen=True)
class MenuPage:
    """The counts, the form for everybody, and the latest changes."""

    menu: list[MenuItem]
    counts: list[Count]
    total: int
    groups: list[tuple[str, str]]
    changes: list[Change]
    may_change: bool


@dataclass(frozen=True)
class PreviewPage:
    """What a change would do, in numbers; its form carries whom it concerns."""

    menu: list[MenuItem]
    opens: bool
    groups: str
    bits: int
    people: int
    changed: int
    sentences: list[str]
    whom: str
    chosen: list[str]
    fields: dict[str, str]


@dataclass(frozen=True)
class ChangePage:
    """One change of many keys."""

    menu: list[MenuItem]
    change: Change


@blueprint.get("/business/disclosure")
def index():
    user = viewer()
    counts = roster.counts_by_state(user)
    listed = (
        BulkChange.select().where(BulkChange.business == user.business_id).order_by(BulkChange.created_at.desc())
    ).limit(SHOWN_CHANGES)
    page = MenuPage(
        menu=menu(),
        counts=[
            Count(
                Chip(say(BUSINESS_WORDS[state]), STATE_KINDS[state]),
                number,
                url_for("business_technicians.index", state=state),
            )
            for state, number in counts.items()
        ],
        total=sum(counts.values()),
        groups=_choices(),
        changes=[_change(row, user) for row in listed],
        may_change=user.may_change,
    )
    return render("business/disclosure.html", page)


@blueprint.post("/business/disclosure/preview")
def preview():
    user = viewer()
    bits, opens = _wanted()
    scope, chosen, part = _whom(user)
    if scope == "some" and not chosen:
        flash(gettext(NOBODY_CHOSEN), "bad")
        return see_other(business.came_from(url_for("business_technicians.index")))
    planned = preview_bulk(user, _condition(scope, chosen, part), bits, opens)
    if opens and (question := ask_before_opening(planned.changed, only_looks=True)):
        return question
    page = PreviewPage(
        menu=menu(),
        opens=opens,
        groups=groups_in_words(groups_of(bits)),
        bits=bits,
        people=planned.people,
        changed=planned.changed,
        sentences=[said(sentence) for sentence in planned.sentences(opens)],
        whom=scope,
        chosen=[ids.encode(technician_id) for technician_id in chosen],
        fields=part.fields,
    )
    return render("business/bulk_preview.html", page)


@blueprint.post("/business/disclosure/changes")
def begin():
    user = viewer()
    bits, opens = _wanted()
    scope, chosen, part = _whom(user)
    condition = _condition(scope, chosen, part)
    if opens:
        people = preview_bulk(user, condition, bits, opens).changed
        if question := ask_before_opening(people, url_for("business_disclosure.index")):
            return question
    begun = begin_bulk(user, condition, bits, opens, now())
    # The first batch at once: a small business sees the result on the next page, the worker does the rest.
    run_bulk(begun.id, now())
    return see_other(url_for("business_disclosure.change", change=begun.id))


@blueprint.get("/business/disclosure/changes/<oid:change>")
def change(change: int):
    get_bulk_change_for(viewer(), change)
    page = ChangePage(menu(), _change(BulkChange.get_by_id(change), viewer()))
    return render("business/bulk_change.html", page)


@blueprint.post("/business/disclosure/changes/<oid:change>/undo")
def undo(change: int):
    user = viewer()
    progress = get_bulk_change_for(user, change, change=True)
    # To take a closing back is to open.
    page = url_for("business_disclosure.change", change=change)
    opened = 0 if BulkChange.get_by_id(change).opens else progress.changed
    if opened and (question := ask_before_opening(opened, page)):
        return question
    try:
        undo_bulk(user, change, now())
        run_bulk(change, now())
    except TooLate as late:
        flash(gettext(late.sentence), "bad")
    return see_other(url_for("business_disclosure.change", change=change))


def _choices() -> list[tuple[str, str]]:
    """Return the groups with what is in them, and all of them together."""
    words = N_("%(group)s（%(contents)s）")
    single = [
        (str(group.bit), say(words, {"group": say(group.label), "contents": say(CONTENTS[group])})) for group in Group
    ]
    return [*single, (str(ALL_GROUPS), say(N_("すべての項目")))]


def _wanted() -> tuple[int, bool]:
    bits = request.form.get("groups", type=int, default=0)
    if not 0 < bits <= ALL_GROUPS or request.form.get("open") not in ("0", "1"):
        abort(400)
    return bits, request.form["open"] == "1"


def _whom(user: Viewer):
    """Return who is meant by the form: "some" with technicians' row ids, or "all" that a filter finds."""
    part = part_of(request.form, user)
    if request.form.get("whom") == "all":
        if part.over:
            # The search term is forgotten: without it the change would reach everybody.
            flash(gettext(SEARCH_OVER), "bad")
            abort(see_other(url_for("business_technicians.index")))
        return "all", [], part
    chosen = []
    for text in request.form.getlist("t")[:MOST_CHOSEN]:
        try:
            chosen.append(ids.decode(text))
        except ValueError:
            abort(400)
    return "some", chosen, part


def _condition(scope: str, chosen: list[int], part: business.Part):
    return roster.chosen(part.filter) if scope == "all" else Affiliation.technician.in_(chosen)


def _change(row: BulkChange, user: Viewer) -> Change:
    progress = bulk.progress(user, row.id)
    words, kind = STATES[progress.state]
    return Change(
        address=url_for("business_disclosure.change", change=row.id),
        at=row.created_at,
        opens=row.opens,
        groups=groups_in_words(groups_of(row.groups)),
        chip=Chip(say(words), kind),
        progress=progress,
        may_undo=user.may_change and progress.can_undo(now()),
    )
