"""What operators must know of: the alarms that are open, those that were, one with what it means, acknowledging it."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext

from db import ids
from db.models import Account, Alarm
from webapp.domain.core import alarms, paging
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.attention_labels import ALARMS, alarm_words
from webapp.domain.core.calendar import utc_start_of
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Order
from webapp.domain.monitoring.rules import RULES
from webapp.pages import exports, lists
from webapp.pages.alarms import cases_of, places_of
from webapp.pages.columns import Column, Columns, moment, value, words
from webapp.pages.exports import source
from webapp.pages.lists import Option
from webapp.web.access import get_alarm_for, viewer
from webapp.web.clock import now
from webapp.web.rendering import render, see_other

blueprint = Blueprint("ops_alarms", __name__)

ORDER = Order(Alarm, (Alarm.id,))
SEEN = (("yes", N_("確認済み")), ("no", N_("未確認")))
_OPENS = {rule.kind.value: rule.opens for rule in RULES}

COLUMNS = Columns(
    Column("title", N_("警報"), words("title")),
    Column("subject", N_("対象"), words("subject")),
    Column("opened_at", N_("発生"), moment("opened_at")),
    Column("seen_at", N_("最新"), moment("seen_at")),
    Column("closed_at", N_("終了"), moment("closed_at")),
    Column("count", N_("回数"), value("count")),
    Column("episode", N_("何度目の発生"), value("episode")),
    Column("acknowledged_at", N_("確認済み"), moment("acknowledged_at")),
    Column("acknowledged_by", N_("確認した人"), value("acknowledged_by")),
    Column("note", N_("メモ"), value("note")),
)


@dataclass(frozen=True)
class Filters:
    """What the list is narrowed to: the days are those on which an episode began."""

    show: str
    kind: str
    seen: str
    since: dt.date | None
    until: dt.date | None

    @property
    def address(self) -> dict[str, str]:
        """As parameters of an address, without those that are empty."""
        filters = {"kind": self.kind, "seen": self.seen, "since": self.since, "until": self.until}
        return {name: str(value) for name, value in filters.items() if value}


@dataclass(frozen=True)
class Row:
    """An episode of an alarm."""

    id: str
    address: str
    title: str
    to_do: str
    opens: str
    subject: str
    episode: int
    count: int
    opened_at: dt.datetime
    seen_at: dt.datetime
    closed_at: dt.datetime | None
    minutes: int
    mailed_at: dt.datetime | None
    acknowledged_at: dt.datetime | None
    acknowledged_by: str
    note: str
    cases: str
    cases_words: str
    numbers: list[tuple[str, str]]
    action: str


@dataclass(frozen=True)
class AlarmsPage:
    """The list of alarms: open, or what was."""

    rows: list[Row]
    before: str
    after: str
    shown: list[Option]
    filters: Filters
    kinds: list[tuple[str, str]]
    seen: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class AlarmPage:
    """One episode."""

    row: Row


# What a rule keeps of its numbers, in words.
_NUMBERS: dict[str, str] = {
    "failed": N_("失敗"),
    "attempts": N_("送信"),
    "cards": N_("カード"),
    "returned": N_("返送"),
    "ended": N_("届いたか返送された枚数"),
    "mails": N_("メール"),
    "working_days": N_("営業日数"),
    "keys": N_("合わない集計"),
    "found": N_("見つかった数"),
}


@blueprint.get("/ops/alarms")
def index():
    filters = _filters()
    page = paging.read(_listing(filters, filters.show), ORDER, lists.cursor())
    before, after = lists.around("ops_alarms.index", page, show=filters.show, **filters.address)
    options = [
        Option(
            url_for("ops_alarms.index", show=state, **filters.address),
            words,
            lists.counted(_listing(filters, state)),
            state == filters.show,
        )
        for state, words in (("open", N_("開いている警報")), ("history", N_("終わった警報")))
    ]
    kinds = [(kind, words.title) for kind, words in ALARMS.items()]
    return render("ops/alarms.html", AlarmsPage(_rows(page.rows), before, after, options, filters, kinds, SEEN))


@blueprint.get("/ops/alarms/<oid:alarm>")
def show(alarm: int):
    (row,) = _rows([get_alarm_for(viewer(), alarm)])
    return render("ops/alarm.html", AlarmPage(row))


@blueprint.post("/ops/alarms/<oid:alarm>/acknowledge")
def acknowledge(alarm: int):
    row = get_alarm_for(viewer(), alarm, change=True)
    if alarms.acknowledge(row, now(), viewer().account_id, request.form.get("note", "").strip()[:500]):
        flash(gettext("警報を確認済みにしました。"), "good")
    else:
        flash(gettext("この警報は、すでに確認済みです。"), "warn")
    return see_other(url_for("ops_alarms.index"))


def _filters() -> Filters:
    return Filters(
        lists.choice("show", ("open", "history"), "open"),
        lists.choice("kind", AlarmKind),
        lists.choice("seen", ("yes", "no")),
        lists.day("since"),
        lists.day("until"),
    )


def _listing(filters: Filters, state: str):
    query = Alarm.select().where(Alarm.closed_at.is_null(state == "open"))
    if filters.kind:
        query = query.where(Alarm.kind == filters.kind)
    if filters.seen:
        query = query.where(Alarm.acknowledged_at.is_null(filters.seen == "no"))
    if filters.since:
        query = query.where(Alarm.opened_at >= utc_start_of(filters.since))
    if filters.until:
        query = query.where(Alarm.opened_at < utc_start_of(filters.until + dt.timedelta(days=1)))
    return query


@source("ops_alarms.index", N_("警報"), "alarms")
def _whole_list():
    filters = _filters()
    rows = exports.walk(_listing(filters, filters.show), ORDER)
    yield COLUMNS.sheet("ops_alarms.index", exports.lines(rows, _rows))


def _rows(rows) -> list[Row]:
    people = _names({row.acknowledged_by_id for row in rows})
    places = places_of(rows)
    return [_row(row, people, places[row.id], now()) for row in rows]


def _row(row: Alarm, people: dict[int, str], place: str, at: dt.datetime) -> Row:
    cases, words = cases_of(row, at)
    may_act = viewer().may_act and not row.acknowledged_at
    return Row(
        id=ids.encode(row.id),
        address=url_for("ops_alarms.show", alarm=row.id),
        title=alarm_words(row.kind).title,
        to_do=alarm_words(row.kind).to_do,
        opens=_OPENS.get(row.kind, ""),
        subject=place,
        episode=row.episode,
        count=row.count,
        opened_at=row.opened_at,
        seen_at=row.seen_at,
        closed_at=row.closed_at,
        minutes=int(((row.closed_at or at) - row.opened_at).total_seconds() // 60),
        mailed_at=row.mailed_at,
        acknowledged_at=row.acknowledged_at,
        acknowledged_by=people.get(row.acknowledged_by_id, ""),
        note=row.note or "",
        cases=cases,
        cases_words=words,
        numbers=[(_NUMBERS[name], str(value)) for name, value in (row.data or {}).items() if name in _NUMBERS],
        action=url_for("ops_alarms.acknowledge", alarm=row.id) if may_act else "",
    )


def _names(ids: set) -> dict[int, str]:
    ids.discard(None)
    chosen = Account.select(Account.id, Account.display_name).where(Account.id.in_(list(ids)))
    return dict(chosen.tuples()) if ids else {}
