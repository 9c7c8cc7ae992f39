"""The cards behind the figures of shipments: what was posted within days, to which prefecture, and what was missed."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint
from flask_babel import gettext

from webapp.domain.cards import outcome_labels, shipment_list
from webapp.domain.cards.outcomes import Missed
from webapp.domain.cards.shipment_list import UNKNOWN, ShipmentFilters
from webapp.domain.cards.states import CardState
from webapp.domain.core import paging
from webapp.domain.core.language import N_
from webapp.domain.disclosure.operator_views import Via
from webapp.domain.postcard.towns import PREFECTURES
from webapp.pages import cards, exports, lists
from webapp.pages.columns import Column, Columns, value, words
from webapp.pages.exports import source
from webapp.pages.records import record_address
from webapp.web.rendering import render

blueprint = Blueprint("ops_shipments", __name__)

COLUMNS = Columns(
    Column("application", N_("申請番号"), value("number")),
    Column("name", N_("氏名"), value("name")),
    Column("accepted_on", N_("引受日"), lambda row: row.accepted_on.isoformat()),
    Column("prefecture", N_("都道府県"), lambda row: row.prefecture or gettext("不明")),
    Column("missed", N_("受け取り"), words("missed")),
    Column("state", N_("いまの状態"), lambda row: row.chip[0]),
)


@dataclass(frozen=True)
class Row:
    """A card under one tracking number."""

    address: str
    number: str
    name: str
    accepted_on: dt.date
    prefecture: str
    missed: str
    chip: tuple[str, str]


@dataclass(frozen=True)
class ShipmentsPage:
    """The list with its filters."""

    columns = COLUMNS

    rows: list[Row]
    number: str
    filters: ShipmentFilters
    unknown: str
    prefectures: list[str]
    missed: list[tuple[str, str]]
    before: str
    after: str


@blueprint.get("/ops/cards/posted")
def index():
    filters = _filters()
    query = shipment_list.listing(filters)
    page = paging.read(query, shipment_list.ORDER, lists.cursor())
    kept = {"since": filters.since, "until": filters.until, "prefecture": filters.prefecture, "missed": filters.missed}
    before, after = lists.around("ops_shipments.index", page, **kept)
    shown = ShipmentsPage(
        rows=[_row(posted) for posted in shipment_list.posted(page.rows)],
        number=lists.counted(query),
        filters=filters,
        unknown=UNKNOWN,
        prefectures=list(PREFECTURES),
        missed=[(misfortune, words) for misfortune, words in outcome_labels.MISSED.items() if misfortune],
        before=before,
        after=after,
    )
    return render("ops/shipments/index.html", shown)


def _filters() -> ShipmentFilters:
    since, until = lists.span()
    return ShipmentFilters(
        since=since,
        until=until,
        prefecture=lists.choice("prefecture", (*PREFECTURES, UNKNOWN)),
        missed=lists.choice("missed", [misfortune for misfortune in Missed if misfortune]),
    )


@source("ops_shipments.index", N_("発送したカード"), "cards-posted")
def _all_posted():
    rows = exports.walk(shipment_list.listing(_filters()), shipment_list.ORDER)
    yield COLUMNS.sheet("ops_shipments.index", exports.lines(rows, _rows))


def _rows(shipments) -> list[Row]:
    return [_row(posted) for posted in shipment_list.posted(shipments)]


def _row(posted: shipment_list.Posted) -> Row:
    return Row(
        address=record_address(posted.registration_id, Via.CARDS),
        number=posted.application_number,
        name=posted.name,
        accepted_on=posted.accepted_on,
        prefecture=posted.prefecture,
        missed=outcome_labels.MISSED[posted.missed] if posted.missed else "",
        chip=cards.chip_of(CardState(posted.state)),
    )
