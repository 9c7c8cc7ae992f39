"""Who looked at me: when, which business, which groups, under which settings; by date, and to take away."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from flask import Blueprint, request, url_for
from flask_babel import gettext

from db import ids
from webapp.domain.core.calendar import utc_start_of
from webapp.domain.core.language import N_
from webapp.domain.disclosure.policy import Group, Relation
from webapp.domain.self_service.access_log import OwnLook, looks_at
from webapp.pages import exports
from webapp.pages.columns import Column, Columns, moment, value
from webapp.pages.exports import source
from webapp.pages.looks import LINES, place_or_reason
from webapp.web.access import looker
from webapp.web.language import say
from webapp.web.rendering import render
from webapp.web.values import day_of

blueprint = Blueprint("me_access_log", __name__)

OPERATOR = N_("運営")
EMPLOYER = N_("%(business)s（所属事業者）")
NOTHING_OPEN = N_("開示なし")
NOT_KNOWN = N_("記録なし")

COLUMNS = Columns(
    Column("at", N_("日時"), moment("at")),
    Column("viewer", N_("閲覧した事業者"), value("viewer")),
    Column("place", N_("画面・理由"), value("where")),
    Column("groups", N_("閲覧した項目"), value("groups")),
    Column("technician_key", N_("あなたの設定"), value("mine")),
    Column("business_key", N_("所属事業者の設定"), value("theirs")),
)


@dataclass(frozen=True)
class Line:
    """A look in the reader's language."""

    at: dt.datetime
    viewer: str
    where: str
    groups: str
    mine: str
    theirs: str


@dataclass(frozen=True)
class LogPage:
    """The looks of a page; the days as they stand in the form."""

    columns = COLUMNS

    lines: list[Line]
    since: str
    until: str
    after: str


@blueprint.get("/me/access-log")
def show():
    since, until = day_of(request.args, "from"), day_of(request.args, "to")
    place = _place()
    found = _looks(since, until, LINES + 1, place)
    more, found = len(found) > LINES, found[:LINES]
    kept = {name: day.isoformat() for name, day in (("from", since), ("to", until)) if day}
    page = LogPage(
        lines=[_line(look) for look in found],
        since=kept.get("from", ""),
        until=kept.get("to", ""),
        after=url_for("me_access_log.show", after=ids.encode(found[-1].look.id), **kept) if more else "",
    )
    return render("me/access_log.html", page)


@source("me_access_log.show", N_("閲覧の記録"), "access-log")
def _whole_log():
    yield COLUMNS.sheet("me_access_log.show", exports.lines(exports.pages(_some), _lines))


def _lines(looks: Sequence[OwnLook]) -> list[Line]:
    return [_line(look) for look in looks]


def _some(place: int | None) -> tuple[list[OwnLook], int | None]:
    looks = _looks(day_of(request.args, "from"), day_of(request.args, "to"), exports.CHUNK, place)
    return looks, looks[-1].look.id if len(looks) == exports.CHUNK else None


def _looks(since: dt.date | None, until: dt.date | None, limit: int, place: int | None) -> list[OwnLook]:
    return looks_at(
        looker().technician_id,
        utc_start_of(since) if since else None,
        utc_start_of(until + dt.timedelta(days=1)) if until else None,
        limit=limit,
        before=place,
    )


def _place() -> int | None:
    try:
        return ids.decode(request.args.get("after", ""))
    except ValueError:
        return None


def _line(own_look: OwnLook) -> Line:
    look = own_look.look
    viewer = look.business or gettext(OPERATOR)
    if look.relation is Relation.EMPLOYER:
        viewer = say(EMPLOYER, {"business": look.business})
    return Line(
        look.at,
        viewer,
        place_or_reason(look),
        _names(look.groups),
        _setting(own_look.mine),
        _setting(own_look.theirs),
    )


def _setting(groups: tuple[Group, ...] | None) -> str:
    if groups is None:
        return say(NOT_KNOWN)
    return _names(groups) or say(NOTHING_OPEN)


def _names(groups: tuple[Group, ...]) -> str:
    return gettext("、").join(say(group.label) for group in groups)
