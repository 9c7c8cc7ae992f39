"""What operators must know of: the alarms that are open, those that were, and acknowledging one."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext

from db import ids
from db.models import Account, Alarm
from webapp import exporting, ops_pages
from webapp.access import get_alarm_for, viewer
from webapp.clock import now
from webapp.domain import alarms, keyset
from webapp.domain.keyset import Order
from webapp.domain.language import N_
from webapp.domain.work_words import alarm_words
from webapp.exporting import source
from webapp.language import say
from webapp.ops_pages import Option
from webapp.rendering import render, see_other

blueprint = Blueprint("ops_alarms", __name__)

ORDER = Order(Alarm, (Alarm.id,))


@dataclass(frozen=True)
class Row:
    """An alarm in the list."""

    id: str
    title: str
    to_do: str
    subject: str
    episode: int
    count: int
    opened_at: dt.datetime
    seen_at: dt.datetime
    closed_at: dt.datetime | None
    acknowledged_at: dt.datetime | None
    who: str
    note: str
    action: str


@dataclass(frozen=True)
class AlarmsPage:
    """The list of alarms: open or all."""

    rows: list[Row]
    before: str
    after: str
    shown: list[Option]
    which: str


@blueprint.get("/ops/alarms")
def index():
    which = ops_pages.choice("show", ("open", "history"), "open")
    page = keyset.read(_listing(which), ORDER, ops_pages.cursor())
    before, after = ops_pages.around("ops_alarms.index", page, show=which)
    options = [
        Option(url_for("ops_alarms.index", show=one), one, ops_pages.counted(_listing(one)), one == which)
        for one in ("open", "history")
    ]
    return render("ops/alarms.html", AlarmsPage(_rows(page.rows), before, after, options, which))


@blueprint.post("/ops/alarms/<oid:alarm>/acknowledge")
def acknowledge(alarm: int):
    row = get_alarm_for(viewer(), alarm, change=True)
    if alarms.acknowledge(row, now(), viewer().account_id, request.form.get("note", "").strip()[:500]):
        flash(gettext("警報を確認済みにしました。"), "good")
    else:
        flash(gettext("この警報は、ほかの人が先に確認しています。"), "warn")
    return see_other(url_for("ops_alarms.index"))


def _listing(which: str):
    return Alarm.select().where(Alarm.closed_at.is_null(which == "open"))


HEADING = (
    N_("警報"),
    N_("対象"),
    N_("発生"),
    N_("最新"),
    N_("終了"),
    N_("回数"),
    N_("何度目の発生"),
    N_("確認済み"),
    N_("確認した人"),
    N_("メモ"),
)


@source("ops_alarms.index", N_("警報"), "alarms")
def _whole_list():
    rows = exporting.walk(_listing(ops_pages.choice("show", ("open", "history"), "open")), ORDER)
    yield exporting.sheet("ops_alarms.index", HEADING, exporting.lines(rows, _cells))


def _cells(rows):
    for row in _rows(rows):
        times = [exporting.at(one) for one in (row.opened_at, row.seen_at, row.closed_at)]
        done = (exporting.at(row.acknowledged_at), row.who, row.note)
        yield (say(row.title), row.subject, *times, row.count, row.episode, *done)


def _rows(rows) -> list[Row]:
    people = _names({row.acknowledged_by_id for row in rows})
    may_act = viewer().may_act
    return [
        Row(
            id=ids.encode(row.id),
            title=alarm_words(row.kind).title,
            to_do=alarm_words(row.kind).to_do,
            subject=row.subject,
            episode=row.episode,
            count=row.count,
            opened_at=row.opened_at,
            seen_at=row.seen_at,
            closed_at=row.closed_at,
            acknowledged_at=row.acknowledged_at,
            who=people.get(row.acknowledged_by_id, ""),
            note=row.note or "",
            action=url_for("ops_alarms.acknowledge", alarm=row.id) if may_act and not row.acknowledged_at else "",
        )
        for row in rows
    ]


def _names(ids: set) -> dict[int, str]:
    ids.discard(None)
    chosen = Account.select(Account.id, Account.display_name).where(Account.id.in_(list(ids)))
    return dict(chosen.tuples()) if ids else {}
