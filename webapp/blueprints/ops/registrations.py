"""The operators' list of registrations: search and filters."""

import datetime as dt
from dataclasses import dataclass, field
from functools import partial

from flask import Blueprint, request, url_for
from peewee import fn

from db.models import Card, Message, Postcard
from webapp.domain.accounts import saved_searches
from webapp.domain.bounce.model import ReasonClass
from webapp.domain.cards import outcome_labels
from webapp.domain.cards.labels import CHIPS
from webapp.domain.cards.states import CardState
from webapp.domain.core import paging
from webapp.domain.core.language import N_
from webapp.domain.core.progress import Reached
from webapp.domain.disclosure.operator_views import Via
from webapp.domain.notices import labels
from webapp.domain.notices.messages import MessageKind, MessageState, Role
from webapp.domain.registrations import listing
from webapp.domain.registrations.listing import RegistrationFilters, SearchField, TermTooShort
from webapp.pages import exports, lists
from webapp.pages.columns import Column, Columns, moment, value, words
from webapp.pages.exports import source
from webapp.pages.lists import Chip
from webapp.pages.records import record_address
from webapp.web.access import viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, render, see_other
from webapp.web.values import day_of

blueprint = Blueprint("ops_registrations", __name__)

PAGE = "ops_registrations"
FILTERS = ("notice", "failure", "postcard", "card", "reached", "since", "until")
SHAPES = {"○": "off", "◐": "busy", "◆": "wait", "●": "good", "✕": "bad", "？": "wait"}

COLUMNS = Columns(
    Column("application", N_("申請番号"), value("number")),
    Column("person", N_("氏名・技能者ID")),
    Column("name", N_("氏名"), value("name"), on_page=False),
    Column("kana", N_("カナ"), value("kana"), on_page=False),
    Column("technician_id", N_("技能者ID"), value("technician_id"), on_page=False),
    Column("completed_at", N_("登録完了"), moment("completed_at")),
    Column("notice", N_("お知らせ"), lambda row: say(row.notice.words) if row.notice else ""),
    Column("reason", N_("届かない理由"), words("notice_reason"), on_page=False),
    Column("postcard", N_("はがき"), lambda row: say(row.postcard.words) if row.postcard else ""),
    Column("card", N_("カード"), lambda row: say(row.card.words) if row.card else ""),
)


@dataclass(frozen=True)
class Row:
    """A registration in the list."""

    address: str
    number: str
    completed_at: dt.datetime
    name: str
    kana: str
    technician_id: str
    notice: Chip | None
    notice_reason: str
    postcard: Chip | None
    card: Chip | None


@dataclass(frozen=True)
class RegistrationsPage:
    """The list with its filters; `over` says that the search has ended and has to be made again."""

    columns = COLUMNS

    rows: list[Row]
    number: str
    before: str
    after: str
    filters: RegistrationFilters
    token: str
    over: bool
    fields: list[tuple[str, str]]
    notices: list[tuple[str, str]]
    failures: list[tuple[str, str]]
    postcards: list[tuple[str, str]]
    cards: list[tuple[str, str]]
    reached: list[tuple[str, str]]
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/registrations")
def index():
    token = request.args.get("s", "")
    terms = saved_searches.terms_of(token, viewer().account_id, PAGE, now()) if token else {}
    return render("ops/registrations.html", _page(_filters(request.args, terms or {}), token, terms is None))


@blueprint.post("/ops/registrations/search")
def search():
    term = request.form.get("term", "").strip()[: saved_searches.LONGEST_TERM]
    chosen = request.form.get("field", "")
    kept = {name: request.form[name] for name in FILTERS if request.form.get(name)}
    terms = {"term": term, "field": chosen if chosen in set(SearchField) else ""}
    if not term:
        return see_other(url_for("ops_registrations.index", **kept))
    try:
        listing.listing(RegistrationFilters(**terms))
    except TermTooShort:
        wrong = {"term": N_("2文字以上を入力してください。1文字では該当する方が多すぎます。")}
        return invalid("ops/registrations.html", _page(_filters(request.form, terms), "", False, wrong))
    token = saved_searches.keep(viewer().account_id, PAGE, terms, now())
    return see_other(url_for("ops_registrations.index", **kept, s=token))


def _filters(values, terms: dict) -> RegistrationFilters:
    def one(name: str, allowed) -> str:
        return values.get(name, "") if values.get(name, "") in {str(a) for a in allowed} else ""

    day = partial(day_of, values)
    failure = one("failure", ReasonClass)
    return RegistrationFilters(
        term=terms.get("term", ""),
        field=terms.get("field", ""),
        # Why it failed is asked of what has failed.
        notice=one("notice", MessageState) or (MessageState.FAILED if failure else ""),
        failure=failure,
        postcard=one("postcard", ("any", "none", *labels.POSTCARD_STATES)),
        card=one("card", CardState),
        reached=one("reached", Reached),
        since=day("day") or day("since"),
        until=day("day") or day("until"),
    )


def _page(filters: RegistrationFilters, token: str, over: bool, errors: dict | None = None) -> RegistrationsPage:
    empty = over or bool(errors)
    found = listing.listing(filters) if not empty else None
    page = paging.read(found.query, found.order, lists.cursor(), key=_key) if found else paging.Slice([])
    address = {name: str(getattr(filters, name) or "") for name in FILTERS}
    before, after = lists.around("ops_registrations.index", page, **address, s=token)
    # Who searches for a person is asked why when the record is opened; a list by state is work.
    via = None if filters.term else Via.REGISTRATIONS
    return RegistrationsPage(
        rows=_rows(page.rows, via),
        number=lists.counted(found.query) if found else "0",
        before=before,
        after=after,
        filters=filters,
        token=token,
        over=over,
        fields=list(listing.FIELDS.items()),
        notices=[(state, words) for state, (words, _) in labels.STATES.items()],
        failures=list(labels.CLASSES.items()),
        postcards=[("any", N_("あり")), ("none", N_("なし"))]
        + [(state, words) for state, (words, _) in labels.POSTCARD_STATES.items()],
        cards=[(state, words) for state, (_, words) in CHIPS.items()],
        reached=list(outcome_labels.REACHED.items()),
        errors=errors or {},
    )


@source("ops_registrations.index", N_("登録申請"), "registrations", term_page=PAGE)
def _whole_list():
    token = request.args.get("s", "")
    terms = saved_searches.terms_of(token, viewer().account_id, PAGE, now()) if token else {}
    if terms is None:
        raise exports.SearchOver
    found = listing.listing(_filters(request.args, terms))
    rows = exports.walk(found.query, found.order, _key)
    yield COLUMNS.sheet("ops_registrations.index", exports.lines(rows, _whole_rows))


def _whole_rows(found) -> list[Row]:
    return _rows(found, None)


def _key(row) -> int:
    return row.key


def _rows(rows, via: Via | None) -> list[Row]:
    ids = [row.id for row in rows]
    notices, postcards, cards = _notices(ids), _newest(Postcard, ids), _newest(Card, ids)
    return [
        Row(
            address=record_address(row.id, via) if via else url_for("ops_record.show", registration=row.id),
            number=row.application_number,
            completed_at=row.completed_at,
            name=row.name,
            kana=row.name_kana,
            technician_id=row.technician_id,
            notice=Chip(*labels.state_of(*notices[row.id])) if row.id in notices else None,
            notice_reason=labels.REASONS.get(notices.get(row.id, ("", ""))[1] or "", ""),
            postcard=_postcard_chip(postcards.get(row.id)),
            card=_card_chip(cards.get(row.id)),
        )
        for row in rows
    ]


def _notices(ids: list[int]) -> dict[int, tuple[str, str | None]]:
    mine = (Message.kind == MessageKind.ID_NOTICE) & (Message.role == Role.TECHNICIAN)
    rows = Message.select(Message.registration, Message.state, Message.reason).where(
        Message.registration.in_(ids) & mine
    )
    return {row[0]: row[1:] for row in rows.order_by(Message.id).tuples()} if ids else {}


def _newest(model, ids: list[int]) -> dict[int, str]:
    if not ids:
        return {}
    newest = model.select(fn.MAX(model.id)).where(model.registration.in_(ids)).group_by(model.registration)
    return dict(model.select(model.registration, model.state).where(model.id.in_(newest)).tuples())


def _postcard_chip(state: str | None) -> Chip | None:
    return Chip(*labels.POSTCARD_STATES[state]) if state in labels.POSTCARD_STATES else None


def _card_chip(state: str | None) -> Chip | None:
    if state not in set(CardState):
        return None
    shape, words = CHIPS[CardState(state)]
    return Chip(words, SHAPES[shape])
