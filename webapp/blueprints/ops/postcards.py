"""The operators' list of postcards in their first states, by state and cause."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, url_for

from db.models import Postcard
from webapp.domain.core import paging
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Order
from webapp.domain.disclosure.operator_views import Via
from webapp.domain.notices import labels, listing
from webapp.pages import exports, lists
from webapp.pages.columns import Column, Columns, moment, value, words
from webapp.pages.exports import source
from webapp.pages.lists import Chip, Option
from webapp.pages.records import record_address
from webapp.web.rendering import render

blueprint = Blueprint("ops_postcards", __name__)

ORDER = Order(Postcard, (Postcard.queued_at, Postcard.id))

COLUMNS = Columns(
    Column("application", N_("申請番号"), value("number")),
    Column("name", N_("氏名"), value("name")),
    Column("state", N_("状態"), words("chip.words")),
    Column("hold", N_("保留の理由"), words("hold"), on_page=False),
    Column("reason", N_("理由"), words("cause")),
    Column("queued_at", N_("作成待ちになった日時"), moment("queued_at")),
)


@dataclass(frozen=True)
class Row:
    """A postcard in the list."""

    address: str
    number: str
    name: str
    chip: Chip
    cause: str
    hold: str
    queued_at: dt.datetime
    changed_at: dt.datetime


@dataclass(frozen=True)
class PostcardsPage:
    """The list, a count for each state, and the causes to choose from."""

    columns = COLUMNS

    rows: list[Row]
    before: str
    after: str
    states: list[Option]
    state: str
    cause: str
    causes: list[tuple[str, str]]


@blueprint.get("/ops/postcards")
def index():
    state, cause = _chosen()
    page = paging.read(_listing(state, cause), ORDER, lists.cursor())
    before, after = lists.around("ops_postcards.index", page, state=state, cause=cause)
    filters = {"cause": cause} if cause else {}
    states = [
        Option(
            url_for("ops_postcards.index", state=option, **filters),
            words,
            lists.counted(_listing(option, cause)),
            option == state,
        )
        for option, (words, _) in labels.POSTCARD_STATES.items()
    ]
    causes = list(labels.CAUSES.items())
    return render("ops/postcards.html", PostcardsPage(_rows(page.rows), before, after, states, state, cause, causes))


def _chosen() -> tuple[str, str]:
    state = lists.choice("state", labels.POSTCARD_STATES, "queued")
    return state, lists.choice("cause", labels.CAUSES)


def _listing(state: str, cause: str):
    query = Postcard.select().where(Postcard.state == state)
    return query.where(Postcard.cause == cause) if cause else query


@source("ops_postcards.index", N_("はがき"), "postcards")
def _whole_list():
    rows = exports.walk(_listing(*_chosen()), ORDER)
    yield COLUMNS.sheet("ops_postcards.index", exports.lines(rows, _rows))


def _rows(rows) -> list[Row]:
    people = listing.people(rows)
    return [
        Row(
            address=record_address(row.registration_id, Via.POSTCARDS),
            number=people[row.registration_id][0],
            name=people[row.registration_id][1],
            chip=Chip(*labels.POSTCARD_STATES[row.state]),
            cause=labels.CAUSES.get(row.cause, row.cause),
            hold=labels.HOLDS.get(row.hold_reason or "", ""),
            queued_at=row.queued_at,
            changed_at=row.changed_at,
        )
        for row in rows
    ]
