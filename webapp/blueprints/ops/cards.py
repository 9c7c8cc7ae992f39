"""The operators' cards: list and filters, one card with its history, and what is decided about it."""

import datetime as dt
from dataclasses import dataclass, field
from typing import Any

from flask import Blueprint, Response, abort, current_app, flash, request, url_for
from flask_babel import gettext, ngettext
from flask_login import current_user

from db import ids
from db.models import Card, Technician
from webapp.domain.cards import actions, bulk_returns, queries, reminders
from webapp.domain.cards.actions import Delivery, NotReopenable
from webapp.domain.cards.bulk_returns import AGAIN_WORDS, AgainOutcome
from webapp.domain.cards.labels import CHIPS
from webapp.domain.cards.manifest import as_csv, as_xlsx
from webapp.domain.cards.monitor import Thresholds, counts
from webapp.domain.cards.overdue import Attention
from webapp.domain.cards.queries import CardFilters, CardView
from webapp.domain.cards.reminders import ASK_WORDS, AskOutcome
from webapp.domain.cards.states import CardState
from webapp.domain.core.calendar import jst_day
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Cursor
from webapp.domain.disclosure import operator_views
from webapp.domain.disclosure.access_log import ViewKind
from webapp.domain.disclosure.operator_views import Via, ViewOrigin
from webapp.domain.postcard.address import SENTENCES, parse_address
from webapp.pages import exports, lists
from webapp.pages.cards import CardInWords, chip_of, panel_of
from webapp.pages.columns import Column, Columns, day, value
from webapp.pages.exports import source
from webapp.pages.records import note_look, record_address
from webapp.web.access import looker, viewer
from webapp.web.clock import now
from webapp.web.rendering import invalid, render, see_other, stale
from webapp.web.values import day_of

blueprint = Blueprint("ops_cards", __name__)

NOT_LOST = N_("選んだカードの中に、郵便局にないものがあります。何も変えていません。選び直してください。")
NOTHING_CHOSEN = N_("カードを選んでください。")

COLUMNS = Columns(
    Column("application", N_("申請番号"), value("application_number")),
    Column("person", N_("氏名・技能者ID")),
    Column("name", N_("氏名"), value("name"), on_page=False),
    Column("technician_id", N_("技能者ID"), value("technician_id"), on_page=False),
    Column("state", N_("状態"), lambda row: chip_of(row.state)[0]),
    Column("since", N_("この状態になった日"), day("since")),
    Column("tracking_number", N_("お問い合わせ番号"), value("number")),
    Column("posted_on", N_("発送日"), day("posted_on"), on_page=False),
    Column("kept_until", N_("保管の期限"), day("kept_until")),
)


@dataclass(frozen=True)
class Option:
    """A filter that is a link, with the number of cases behind it."""

    address: str
    words: str
    number: int
    chosen: bool


@dataclass(frozen=True)
class Row:
    """A card in the list."""

    address: str
    id: str
    application_number: str
    name: str
    technician_id: str
    chip: tuple[str, str]
    since: dt.date
    number: str
    posted_on: dt.date | None
    kept_until: dt.date | None


@dataclass(frozen=True)
class CardsPage:
    """The list with its filters."""

    columns = COLUMNS

    states: list[Option]
    needs: list[Option]
    ages: tuple[int, ...]
    filters: dict[str, str]
    rows: list[Row]
    before: str
    after: str
    may_act: bool
    to_make: int
    error: str = ""


@dataclass(frozen=True)
class LostPage:
    """What is asked before cards are declared lost."""

    cards: list[str]
    filters: dict[str, str]


@dataclass(frozen=True)
class BackRow:
    """A card that came back or was lost, and what each step would do to it."""

    id: str
    address: str
    application_number: str
    name: str
    chip: tuple[str, str]
    delivery: Delivery
    remarks: tuple[str, ...]
    ask: str
    again: str


@dataclass(frozen=True)
class BackPage:
    """What is shown before cards are asked about or posted again together."""

    rows: list[BackRow]
    asks: int
    goes: int
    filters: dict[str, str]
    list: str


@dataclass(frozen=True)
class CardPage:
    """One card."""

    card: CardView
    name: str
    technician_id: str
    record: str  # the page of the person's registration
    words: CardInWords
    lines: list[list[tuple[str, str]]]
    may_act: bool
    form: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)
    changed: bool = False


def _watch() -> Thresholds:
    return Thresholds.of(current_app.extensions["settings"])


def _filters(values) -> tuple[CardFilters, dict[str, str]]:
    state, needs, age = values.get("state", ""), values.get("needs", ""), values.get("age", "")
    under = values.get("under", "")
    ages = {str(days) for days in queries.AGES}
    # Days are asked of delivered cards alone: it is the day of delivery.
    asked = values if state == CardState.DELIVERED else {}
    single = day_of(asked, "day")
    since, until = (single or day_of(asked, name) for name in ("since", "until"))
    found = CardFilters(
        CardState(state) if state in set(CardState) else None,
        Attention(needs) if needs in set(Attention) else None,
        int(age) if age in ages else 0,
        int(under) if under in ages else 0,
        since if until else None,
        until if since else None,
    )
    kept = {"state": found.state or "", "needs": found.needs or ""}
    kept |= {"age": str(found.age or ""), "under": str(found.under or "")}
    kept |= {"since": found.since or "", "until": found.until or ""}
    return found, {name: str(value) for name, value in kept.items() if value}


@blueprint.get("/ops/cards")
def index():
    return render("ops/cards/index.html", _list(request.args))


def _list(values, error: str = "") -> CardsPage:
    filters, kept = _filters(values)
    page = queries.listing(filters, now(), _watch(), lists.cursor())
    numbers = queries.state_counts()
    states = [
        Option(url_for("ops_cards.index", state=state), CHIPS[state][1], numbers.get(state, 0), filters.state is state)
        for state in queries.OPEN_STATES
    ]
    wanted = counts(now(), _watch())
    needs = [
        Option(url_for("ops_cards.index", needs=kind), queries.NEEDS_WORDS[kind], n, filters.needs is kind)
        for kind, n in wanted.items()
        if n or filters.needs is kind
    ]
    rows = [
        Row(
            url_for("ops_cards.show", card=row.id),
            ids.encode(row.id),
            row.application_number,
            row.name,
            row.technician_id,
            chip_of(row.state),
            row.since,
            row.number,
            row.posted_on,
            row.kept_until,
        )
        for row in page.rows
    ]
    before, after = lists.around("ops_cards.index", page, **kept)
    to_make = numbers.get(CardState.ORDERED, 0)
    return CardsPage(states, needs, queries.AGES, kept, rows, before, after, viewer().may_act, to_make, error)


@source("ops_cards.index", N_("カード"), "cards")
def _whole_list():
    yield COLUMNS.sheet("ops_cards.index", exports.lines(exports.pages(_some()), list))


def _some():
    """Return what reads the list page by page; a card that moves on meanwhile would come again, and is left out."""
    filters, _ = _filters(request.args)
    seen: set[int] = set()

    def read(place: int | None):
        page = queries.listing(filters, now(), _watch(), Cursor(after=place), exports.CHUNK)
        rows = [row for row in page.rows if row.id not in seen]
        seen.update(row.id for row in rows)
        return rows, page.after

    return read


@blueprint.post("/ops/cards/actions")
def act():
    chosen = [_id(text) for text in request.form.getlist("card")]
    action = request.form.get("action", "")
    _, kept = _filters(request.form)
    if not chosen:
        return invalid("ops/cards/index.html", _list(request.form, NOTHING_CHOSEN))
    if action == "made":
        n = actions.mark_made(chosen, now(), current_user.account.id)
        flash(ngettext("%(num)s件を作成済みにしました。", "%(num)s件を作成済みにしました。", n), "good")
    elif action == "found":
        n = actions.take_back_lost(chosen, now(), current_user.account.id)
        flash(ngettext("%(num)s件の紛失を取り消しました。", "%(num)s件の紛失を取り消しました。", n), "good")
    elif action == "lost" and request.form.get("sure") != "1":
        return render("ops/cards/lost.html", LostPage([ids.encode(card) for card in chosen], kept))
    elif action == "lost":
        try:
            n = actions.declare_lost(chosen, now(), current_user.account.id)
        except StepNotAllowed:
            return stale("ops/cards/index.html", _list(request.form, NOT_LOST))
        flash(ngettext("%(num)s件を紛失にしました。", "%(num)s件を紛失にしました。", n), "good")
    elif action in ("ask", "again") and request.form.get("sure") == "1":
        flash(_asked_or_back(action, chosen), "good")
    elif action in ("ask", "again", "back"):
        return render("ops/cards/back.html", _back_page(chosen, kept))
    else:
        abort(400)
    return see_other(url_for("ops_cards.index", **kept))


def _asked_or_back(action: str, chosen: list[int]) -> str:
    """Do what the page before has shown; what is not as it was shown any more stays as it is."""
    if action == "ask":
        n = reminders.ask_employers(chosen, now(), current_user.account.id)
        return ngettext("%(num)s件を所属事業者に尋ねました。", "%(num)s件を所属事業者に尋ねました。", n)
    note = request.form.get("note", "").strip()[:300]
    n = bulk_returns.post_again(chosen, now(), current_user.account.id, note)
    return ngettext("%(num)s件を発送待ちに戻しました。", "%(num)s件を発送待ちに戻しました。", n)


def _back_page(chosen: list[int], kept: dict[str, str]) -> BackPage:
    found = bulk_returns.prospects(chosen, now())
    # Names and addresses of many people are shown: a look at each, for the list that they were chosen from.
    shown = [(prospect.technician_id, prospect.registration_id) for prospect in found]
    operator_views.note_looks(looker(), shown, ViewOrigin(Via.CARDS), now())
    rows = [
        BackRow(
            ids.encode(prospect.card_id),
            url_for("ops_cards.show", card=prospect.card_id),
            prospect.application_number,
            prospect.name,
            chip_of(prospect.state),
            prospect.delivery,
            prospect.remarks,
            ASK_WORDS[prospect.ask],
            AGAIN_WORDS[prospect.again],
        )
        for prospect in found
    ]
    asks = sum(prospect.ask is AskOutcome.ASKS for prospect in found)
    goes = sum(prospect.again is AgainOutcome.GOES for prospect in found)
    return BackPage(rows, asks, goes, kept, url_for("ops_cards.index", **kept))


def _id(text: str) -> int:
    try:
        return ids.decode(text)
    except ValueError:
        abort(400)


@blueprint.post("/ops/cards/manifest")
def manifest():
    rows = actions.to_make(again=request.form.get("again") == "1")
    if not rows:
        flash(gettext("作成待ちのカードはありません。"), "message")
        return see_other(url_for("ops_cards.index"))
    shown = [(card.person_id, card.registration_id) for card in rows]
    operator_views.note_looks(looker(), shown, ViewOrigin(Via.CARDS), now(), ViewKind.EXPORT)
    wants_csv = request.form.get("format") == "csv"
    content = as_csv(rows) if wants_csv else as_xlsx(rows)
    actions.note_exported(rows, now(), current_user.account.id)
    name = f"cards-{jst_day(now()):%Y%m%d}.{'csv' if wants_csv else 'xlsx'}"
    kind = "text/csv" if wants_csv else "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    return Response(content, mimetype=kind, headers={"Content-Disposition": f'attachment; filename="{name}"'})


@blueprint.get("/ops/cards/<oid:card>")
def show(card: int):
    row = _get(card)
    note_look(row.registration, Via.CARDS)
    return render("ops/cards/card.html", _card_page(row))


def _get(number: int) -> Card:
    return Card.get_or_none(Card.id == number) or abort(404)


def _card_page(card: Card, **more: Any) -> CardPage:
    person: Technician = card.technician
    view = panel_of(queries.card_view(card))
    d = view.card.delivery
    form = more.pop("form", None) or {"postal_code": d.postal_code, "address": d.address, "name": d.name}
    acts = viewer().may_act
    record = record_address(card.registration_id, Via.CARDS)
    return CardPage(
        view.card, person.name, person.technician_id, record, view.words, view.lines, acts, form=form, **more
    )


@blueprint.post("/ops/cards/<oid:card>/again")
def again(card: int):
    row = _get(card)
    form = {name: request.form.get(name, "").strip()[:300] for name in ("postal_code", "address", "name", "note")}
    checked = parse_address(form["postal_code"], form["address"])
    errors = {}
    for rule in checked.errors:
        errors.setdefault("postal_code" if rule.startswith("code") else "address", SENTENCES[rule])
    if errors:
        return invalid("ops/cards/card.html", _card_page(row, form=form, errors=errors))
    warnings = [SENTENCES[rule] for rule in checked.warnings]
    if warnings and request.form.get("sure") != "1":
        return invalid("ops/cards/card.html", _card_page(row, form=form, warnings=warnings))
    delivery = Delivery(checked.postal_code, form["address"], form["name"])
    try:
        actions.reopen(row.id, now(), current_user.account.id, form["note"], delivery)
    except NotReopenable:
        return stale("ops/cards/card.html", _card_page(row, changed=True))
    flash(gettext("もう一度発送するカードに戻しました。発送したら、新しい番号を取り込んでください。"), "good")
    return see_other(url_for("ops_cards.show", card=row.id))
