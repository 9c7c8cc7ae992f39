"""The operators' dashboard: what waits now, what happened in a period, and the list behind every number."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, abort, current_app, jsonify, request, url_for

from db.models import Alarm, Postcard
from webapp.dashboard import notices
from webapp.dashboard.axis import span_words
from webapp.dashboard.chart import Chart, Picture, figure_of, is_long, picture_of, sheet_of
from webapp.dashboard.findings import minutes_words, percent, points
from webapp.dashboard.period import charts_of
from webapp.domain.cards.labels import CHIPS
from webapp.domain.cards.monitor import Thresholds
from webapp.domain.cards.states import CardState
from webapp.domain.core import counters, paging
from webapp.domain.core.attention_labels import alarm_words
from webapp.domain.core.language import N_
from webapp.domain.disclosure.operator_views import Via
from webapp.domain.notices import labels, listing
from webapp.domain.notices.messages import Role
from webapp.domain.postcard import history
from webapp.domain.postcard.history import EntryFilters
from webapp.domain.reporting import backlog, figures, progress
from webapp.domain.reporting.backlog import OpenNow
from webapp.domain.reporting.periods import LENGTHS, LONGEST, Grain, Period, last_days, usual_grain
from webapp.pages import exports, lists
from webapp.pages.alarms import places_of
from webapp.pages.columns import Column, Columns, moment, value, words
from webapp.pages.exports import source
from webapp.pages.lists import Chip
from webapp.pages.records import record_address
from webapp.web.clock import now
from webapp.web.rendering import render, wants_partial
from webapp.web.security import allow_own_pictures

blueprint = Blueprint("ops_dashboard", __name__)

USUAL_LENGTH = 30
MOST_ALARMS = 5
GRAINS = {Grain.DAY: N_("日"), Grain.WEEK: N_("週"), Grain.MONTH: N_("月")}
# Cards of these states are the tile's; a lost or unclear one is in the list.
CARDS = (
    CardState.ORDERED,
    CardState.MADE,
    CardState.POSTED,
    CardState.OUT_FOR_DELIVERY,
    CardState.ABSENT,
    CardState.KEPT,
    CardState.RETURNED,
)

COLUMNS = Columns(
    Column("application", N_("申請番号"), value("number")),
    Column("name", N_("氏名"), value("name")),
    Column("at", N_("日時"), moment("at")),
    Column("reason", N_("理由"), words("cause")),
    Column("state", N_("いまの状態"), words("chip.words")),
)


@dataclass(frozen=True)
class Rate:
    """The bounce rate of the period beside that of the period before."""

    rate: str
    points: str
    before: str
    failed: int
    counted: int
    address: str


@dataclass(frozen=True)
class Waiting:
    """How long notices take from the completed registration to the relay: 95 of 100, and what is later or unsent."""

    words: str
    sent: int
    slow: int
    slow_address: str
    unsent: int
    unsent_address: str


@dataclass(frozen=True)
class Tiles:
    """What changes while one looks; asked for again and again."""

    as_of: dt.datetime
    rate: Rate
    waiting: Waiting
    open: OpenNow
    postcards: list[tuple[str, int, str]]
    cards: list[tuple[str, int, str]]
    alarms: list[tuple[str, str, bool]]
    address: str  # of this part


@dataclass(frozen=True)
class Drawn:
    """A chart with its picture."""

    chart: Chart
    picture: Picture
    address: str  # of plotly's figure
    whole: str  # of its own page, where it has too many values for this one


@dataclass(frozen=True)
class Dashboard:
    """The page."""

    tiles: Tiles
    charts: list[Drawn]
    all_charts: str  # the page with all of them, where only one is shown
    period: Period
    words: str
    lengths: list[tuple[int, str, bool]]
    grains: list[tuple[str, str, bool]]
    roles: list[tuple[str, str]]
    role: str


@dataclass(frozen=True)
class TilesPage:
    """The tiles alone, for the refresh."""

    tiles: Tiles


@blueprint.get("/ops/dashboard")
def index():
    period, role = _period(), lists.choice("role", Role)
    found = _notices(period, role)
    tiles = _tiles(period, role, found)
    if wants_partial():
        return render("ops/dashboard/index.html", TilesPage(tiles), partial="ops/dashboard/_tiles.html")
    allow_own_pictures()  # plotly's button
    length = period.days if period.until == counters.day_of(now()) else 0
    shown = charts_of(period, role, found, now(), _settings())
    only = [chart for chart in shown if chart.id == request.args.get("chart")]
    page = Dashboard(
        tiles=tiles,
        charts=[_drawn(chart, period, role, bool(only)) for chart in only or shown],
        all_charts=_address(period, role) if only else "",
        period=period,
        words=f"{period.since} – {period.until}",
        lengths=[(n, _address(period, role, length=n), n == length) for n in LENGTHS],
        grains=[(words, _address(period, role, by=grain), grain is period.grain) for grain, words in GRAINS.items()],
        roles=list(labels.ROLES.items()),
        role=role,
    )
    return render("ops/dashboard/index.html", page)


@blueprint.get("/ops/dashboard/figure")
def figure():
    """Answer plotly's figure of one chart of the page with the same filters."""
    period, role = _period(), lists.choice("role", Role)
    for chart in charts_of(period, role, _notices(period, role), now(), _settings()):
        if chart.id == request.args.get("chart"):
            return jsonify(figure_of(chart))
    abort(404)


def _notices(period: Period, role: str):
    return figures.notices(period, now(), _settings().presumed_hours, role=role)


def _settings():
    return current_app.extensions["settings"]


def _period() -> Period:
    by = lists.choice("by", Grain)
    since, until = lists.day("since"), lists.day("until")
    today = counters.day_of(now())
    if since and until and since <= until and (until - since).days < LONGEST and until <= today:
        return Period(since, until, Grain(by) if by else usual_grain((until - since).days + 1))
    asked = request.args.get("length", "")
    length = int(asked) if asked in {str(n) for n in LENGTHS} else USUAL_LENGTH
    return last_days(length, now(), Grain(by) if by else usual_grain(length))


def _address(period: Period, role: str, endpoint: str = "ops_dashboard.index", **changes) -> str:
    """Return the address of the page as it is, but for `changes`; a range up to today is named by its length."""
    today = period.until == counters.day_of(now()) and period.days in LENGTHS
    kept = {"length": period.days} if today else {"since": period.since, "until": period.until}
    if "length" in changes:
        kept = {}
    if period.grain is not usual_grain(period.days):
        kept["by"] = period.grain
    if role:
        kept["role"] = role
    return url_for(endpoint, **(kept | changes))


def _tiles(period: Period, role: str, found: figures.Notices) -> Tiles:
    least = _settings().figures_least
    rate, before = found.sum.rate(least=least), found.before.rate(least=least)
    shown = backlog.open_now(now(), Thresholds.of(_settings()))
    cards = [(CHIPS[state][1], shown.cards.get(state, 0), url_for("ops_cards.index", state=state)) for state in CARDS]
    alarms = list(Alarm.open().limit(MOST_ALARMS))
    places = places_of(alarms)
    return Tiles(
        as_of=now(),
        rate=Rate(
            rate=percent(rate),
            points=points(rate, before),
            before=percent(before),
            failed=found.sum.failed["dead"],
            counted=found.sum.counted,
            address=notices.messages(period, role, state="failed", failure="dead"),
        ),
        waiting=_waiting(period, role, shown),
        open=shown,
        postcards=[
            (labels.POSTCARD_STATES[state][0], n, url_for("ops_postcards.index", state=state))
            for state, n in shown.postcards.items()
        ],
        cards=cards,
        alarms=[
            (alarm_words(alarm.kind).title, places[alarm.id], alarm.acknowledged_at is not None) for alarm in alarms
        ],
        address=_address(period, role),
    )


def _waiting(period: Period, role: str, shown: OpenNow) -> Waiting:
    found = progress.waited(period, role, least=_settings().figures_least)
    slow = {"slow": found.bucket} if found.bucket else {}
    return Waiting(
        words=minutes_words(found.minutes),
        sent=found.sent,
        slow=found.slow,
        slow_address=notices.messages(period, role, **slow) if slow else "",
        unsent=shown.unsent,
        unsent_address=url_for("ops_messages.index", unsent=1),
    )


def _drawn(chart: Chart, period: Period, role: str, alone: bool) -> Drawn:
    outlined = is_long(chart) and not alone
    address = _address(period, role, "ops_dashboard.figure", chart=chart.id)
    whole = _address(period, role, chart=chart.id) if outlined else ""
    return Drawn(chart, picture_of(chart, outlined), address, whole)


@dataclass(frozen=True)
class Entry:
    """A postcard that entered a state."""

    address: str
    number: str
    name: str
    at: dt.datetime
    cause: str
    chip: Chip


@dataclass(frozen=True)
class EntriesPage:
    """Postcards that entered a state within days."""

    columns = COLUMNS

    rows: list[Entry]
    number: str
    state: str
    came_back: bool
    words: str
    before: str
    after: str


@blueprint.get("/ops/postcards/entered")
def entered():
    """List the postcards behind a bar: those that entered a state within days, each entry a row."""
    filters = _entry_filters()
    query = history.listing(filters)
    page = paging.read(query, history.ORDER, lists.cursor())
    kept = {"state": filters.state, "since": filters.since, "until": filters.until, "cause": filters.cause}
    kept["came_back"] = int(filters.came_back)
    before, after = lists.around("ops_dashboard.entered", page, **kept)
    words = span_words(Period(filters.since, filters.until)) if filters.since and filters.until else ""
    state = labels.POSTCARD_STATES[filters.state][0]
    shown = EntriesPage(_entries(page.rows), lists.counted(query), state, filters.came_back, words, before, after)
    return render("ops/dashboard/entered.html", shown)


def _entry_filters() -> EntryFilters:
    since, until = lists.span()
    return EntryFilters(
        state=lists.choice("state", history.ENTRIES, "queued"),
        since=since,
        until=until,
        cause=lists.choice("cause", labels.CAUSES),
        came_back=request.args.get("came_back") == "1",
    )


@source("ops_dashboard.entered", N_("はがきの一覧"), "postcards-entered")
def _all_entered():
    rows = exports.walk(history.listing(_entry_filters()), history.ORDER)
    yield COLUMNS.sheet("ops_dashboard.entered", exports.lines(rows, _entries))


@source("ops_dashboard.index", N_("運用ダッシュボード"), "dashboard", single=False)
def _tables():
    """Give the table of each chart of the page, or of the one that is named."""
    period, role = _period(), lists.choice("role", Role)
    wanted = request.args.get("chart", "")
    for chart in charts_of(period, role, _notices(period, role), now(), _settings()):
        if not wanted or chart.id == wanted:
            yield sheet_of(chart)


def _entries(events) -> list[Entry]:
    people = listing.people(events)
    cards = {card.id: card for card in Postcard.select().where(Postcard.id.in_([e.subject_id for e in events] or [0]))}
    return [
        Entry(
            address=record_address(event.registration_id, Via.POSTCARDS),
            number=people[event.registration_id][0],
            name=people[event.registration_id][1],
            at=event.at,
            cause=labels.CAUSES.get(cards[event.subject_id].cause, ""),
            chip=Chip(*labels.POSTCARD_STATES[cards[event.subject_id].state]),
        )
        for event in events
    ]
