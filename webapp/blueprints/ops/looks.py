"""Who looked at a person, as operators see it: everybody, with the users' names and the operators' reasons."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, url_for

from db import ids
from webapp.domain.core.language import N_
from webapp.domain.disclosure import access_log
from webapp.domain.disclosure.access_log import Looked
from webapp.pages import lists
from webapp.pages.business import groups_in_words
from webapp.pages.columns import Column, Columns, moment, value
from webapp.pages.looks import LINES, place_or_reason
from webapp.pages.records import ask_at_record
from webapp.web.access import get_registration_for, looker, viewer
from webapp.web.language import say
from webapp.web.rendering import render

blueprint = Blueprint("ops_looks", __name__)

OPERATOR = N_("運営")
COLUMNS = Columns(
    Column("at", N_("日時"), moment("at")),
    Column("viewer", N_("閲覧した事業者"), value("viewer")),
    Column("user", N_("利用者"), value("user")),
    Column("place", N_("画面・理由"), value("place")),
    Column("groups", N_("閲覧した項目"), value("groups")),
)


@dataclass(frozen=True)
class Line:
    """A look at the person."""

    at: dt.datetime
    viewer: str
    user: str
    place: str
    groups: str


@dataclass(frozen=True)
class LooksPage:
    """The looks of a page."""

    columns = COLUMNS

    number: str
    back: str
    name: str
    lines: list[Line]
    after: str


@blueprint.get("/ops/registrations/<oid:registration>/looks")
def show(registration: int):
    row = get_registration_for(viewer(), registration)
    if question := ask_at_record(row):
        return question
    record = url_for("ops_record.show", registration=row.id)
    before = lists.cursor().after
    found = access_log.for_operator(looker(), row.technician_id, limit=LINES + 1, before=before)
    after = (
        url_for("ops_looks.show", registration=row.id, after=ids.encode(found[LINES - 1].id)) if found[LINES:] else ""
    )
    lines = [_line(look) for look in found[:LINES]]
    return render("ops/looks.html", LooksPage(row.application_number, record, row.technician.name, lines, after))


def _line(look: Looked) -> Line:
    viewer_name = look.business or say(OPERATOR)
    return Line(look.at, viewer_name, look.user, place_or_reason(look), groups_in_words(look.groups))
