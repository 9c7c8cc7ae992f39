"""自社の閲覧: at whom of other businesses our own users looked, and who of us; nothing of the person stands here."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, url_for

from db import ids
from webapp.domain.core.language import N_
from webapp.domain.disclosure import access_log
from webapp.domain.disclosure.access_log import Looked
from webapp.domain.disclosure.policy import MASTER, facts_of, visible_groups
from webapp.pages import lists
from webapp.pages.business import MenuItem, groups_in_words, menu
from webapp.pages.business_access import viewer
from webapp.pages.columns import Column, Columns, moment, value
from webapp.pages.looks import LINES, bounds, days_asked, place_of
from webapp.web.rendering import render

blueprint = Blueprint("business_own_looks", __name__)

COLUMNS = Columns(
    Column("at", N_("日時"), moment("at")),
    Column("user", N_("利用者"), value("user")),
    Column("technician", N_("技能者")),
    Column("place", N_("どこで"), value("kind")),
    Column("groups", N_("項目"), value("groups")),
)


@dataclass(frozen=True)
class Line:
    """A look of one of our users; `address` is empty where the person is not disclosed to us any more."""

    at: dt.datetime
    user: str
    address: str
    kind: str
    groups: str


@dataclass(frozen=True)
class OwnLooksPage:
    """The looks of some days."""

    columns = COLUMNS

    menu: list[MenuItem]
    since: dt.date
    until: dt.date
    lines: list[Line]
    after: str


@blueprint.get("/business/own-looks")
def index():
    since, until = days_asked()
    found = access_log.of_own_users(viewer(), *bounds(since, until), limit=LINES + 1, before=lists.cursor().after)
    days = {"since": since.isoformat(), "until": until.isoformat()}
    after = url_for("business_own_looks.index", **days, after=ids.encode(found[LINES - 1].id)) if found[LINES:] else ""
    return render("business/own_looks.html", OwnLooksPage(menu(), since, until, _lines(found[:LINES]), after))


def _lines(looks: list[Looked]) -> list[Line]:
    facts = facts_of({look.technician_id for look in looks})
    # A name that was disclosed once is not shown when it is no more; who opens the person is logged anew.
    disclosed = {number for number, known in facts.items() if visible_groups(viewer(), known) & MASTER}
    return [
        Line(
            at=look.at,
            user=look.user,
            address=url_for("look_up.show", technician=look.technician_id) if look.technician_id in disclosed else "",
            kind=place_of(look),
            groups=groups_in_words(look.groups),
        )
        for look in looks
    ]
