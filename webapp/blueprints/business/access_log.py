"""閲覧の記録: who looked at a business's people, by business and by person; to read, to print and to take away."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, url_for

from db import ids
from db.models import Technician
from webapp.domain.core.language import N_
from webapp.domain.disclosure import access_log
from webapp.domain.disclosure.access_log import LookCount, Looked
from webapp.domain.disclosure.policy import Relation
from webapp.pages import exports, lists
from webapp.pages.business import MenuItem, groups_in_words, menu
from webapp.pages.business_access import viewer
from webapp.pages.columns import Column, Columns, moment, value
from webapp.pages.exports import source
from webapp.pages.looks import LINES, bounds, days_asked, place_of
from webapp.web.language import say
from webapp.web.rendering import render

blueprint = Blueprint("business_access_log", __name__)

OPERATOR = N_("運営主体")

COLUMNS = Columns(
    Column("at", N_("日時"), moment("at")),
    Column("business", N_("閲覧した事業者"), value("business")),
    Column("user", N_("利用者（自社のみ）"), value("user"), on_page=False),
    Column("technician", N_("技能者"), value("technician")),
    Column("technician_id", N_("技能者ID"), value("number"), on_page=False),
    Column("place", N_("どこで"), value("kind")),
    Column("groups", N_("項目"), value("groups")),
)


@dataclass(frozen=True)
class Line:
    """A look at one of our people."""

    at: dt.datetime
    business: str
    user: str
    technician: str
    kind: str
    groups: str
    number: str = ""  # the technician ID, of a file


@dataclass(frozen=True)
class Tally:
    """How often a business looked, or a person was looked at."""

    name: str
    address: str
    times: int
    last_at: dt.datetime
    groups: str


@dataclass(frozen=True)
class LogPage:
    """The looks of some days."""

    columns = COLUMNS

    menu: list[MenuItem]
    since: dt.date
    until: dt.date
    businesses: list[Tally]
    people: list[Tally]
    lines: list[Line]
    after: str


@blueprint.get("/business/access-log")
def index():
    user, since, until = viewer(), *days_asked()
    begin, end = bounds(since, until)
    at = lists.cursor().after
    found = access_log.of_employer(user, begin, end, limit=LINES + 1, before=at)
    days = {"since": since.isoformat(), "until": until.isoformat()}
    after = url_for("business_access_log.index", **days, after=ids.encode(found[LINES - 1].id)) if found[LINES:] else ""
    page = LogPage(
        menu=menu(),
        since=since,
        until=until,
        businesses=[_tally(count) for count in access_log.counts_for_employer(user, begin, end, by="business")],
        people=[
            _tally(count, url_for("business_person.show", technician=count.id))
            for count in access_log.counts_for_employer(user, begin, end, by="technician")
        ],
        lines=[_line(look) for look in found[:LINES]],
        after=after,
    )
    return render("business/access_log.html", page)


@source("business_access_log.index", N_("閲覧の記録"), "access-log")
def _whole_log():
    yield COLUMNS.sheet("business_access_log.index", exports.lines(exports.pages(_looks), _lines))


def _looks(place: int | None) -> tuple[list[Looked], int | None]:
    looks = access_log.of_employer(viewer(), *bounds(*days_asked()), limit=exports.CHUNK, before=place)
    return looks, looks[-1].id if len(looks) == exports.CHUNK else None


def _lines(looks: Sequence[Looked]) -> list[Line]:
    people = {look.technician_id for look in looks}
    numbers = dict(Technician.select(Technician.id, Technician.technician_id).where(Technician.id.in_(people)).tuples())
    return [_line(look, numbers.get(look.technician_id, "")) for look in looks]


def _line(look: Looked, number: str = "") -> Line:
    business = look.business if look.relation is not Relation.OPERATOR else say(OPERATOR)
    kind, groups = place_of(look), groups_in_words(look.groups)
    return Line(look.at, business, look.user, look.technician, kind, groups, number)


def _tally(count: LookCount, address: str = "") -> Tally:
    return Tally(count.name or say(OPERATOR), address, count.times, count.last_at, groups_in_words(count.groups))
