"""The operators' queue of inquiries with its age in opening hours: by state, and searched."""

from dataclasses import dataclass, field

from flask import Blueprint, request, url_for

from webapp.domain.accounts import saved_searches
from webapp.domain.core import paging
from webapp.domain.core.language import N_
from webapp.domain.inquiries import listing
from webapp.domain.inquiries.cases import STATE_WORDS, InquiryState
from webapp.domain.registrations.listing import TermTooShort
from webapp.pages import exports, lists
from webapp.pages.columns import Column, Columns, moment, value
from webapp.pages.exports import source
from webapp.pages.inquiries import Row, row_of
from webapp.pages.lists import Option
from webapp.web.access import viewer
from webapp.web.clock import now
from webapp.web.rendering import invalid, render, see_other

blueprint = Blueprint("ops_inquiry_list", __name__)

PAGE = "ops_inquiries"


COLUMNS = Columns(
    Column("number", N_("受付番号"), value("number")),
    Column("content", N_("内容"), value("topic")),
    Column("caller", N_("問い合わせた人"), value("caller")),
    Column("state", N_("状態"), lambda row: row.state[0]),
    Column("received_at", N_("受付"), moment("opened_at")),
    Column("hours", N_("経過（営業時間）"), value("hours")),
    Column("application", N_("申請番号"), value("application_number")),
)


@dataclass(frozen=True)
class QueuePage:
    """Cases in a state, or what a search found; `over` says that the search has ended and has to be made again."""

    columns = COLUMNS

    states: list[Option]
    rows: list[Row]
    before: str
    after: str
    may_act: bool
    term: str
    state: str
    over: bool
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/inquiries")
def index():
    token, terms = _terms()
    term = (terms or {}).get("term", "")
    return render("ops/inquiries/index.html", _page(_chosen(request.args, term), term, token, terms is None))


@blueprint.post("/ops/inquiries/search")
def search():
    term = request.form.get("term", "").strip()[: saved_searches.LONGEST_TERM]
    if not term:
        return see_other(url_for("ops_inquiry_list.index"))
    try:
        listing.listing(None, term)
    except TermTooShort:
        wrong = {"term": N_("2文字以上を入力してください。1文字では該当する方が多すぎます。")}
        return invalid("ops/inquiries/index.html", _page(None, term, "", False, wrong))
    token = saved_searches.keep(viewer().account_id, PAGE, {"term": term}, now())
    return see_other(url_for("ops_inquiry_list.index", s=token))


def _terms() -> tuple[str, dict | None]:
    token = request.args.get("s", "")
    return token, saved_searches.terms_of(token, viewer().account_id, PAGE, now()) if token else {}


def _chosen(values, term: str) -> InquiryState | None:
    """What is searched for may be in any state; the queue begins with what is open."""
    chosen = values.get("state", "")
    if chosen in set(InquiryState):
        return InquiryState(chosen)
    return None if term else InquiryState.OPEN


def _page(state: InquiryState | None, term: str, token: str, over: bool, errors: dict | None = None) -> QueuePage:
    empty = over or bool(errors)
    query, order = listing.listing(state, "" if errors else term)
    page = paging.Slice([]) if empty else paging.read(query, order, lists.cursor())
    token = "" if empty else token
    before, after = lists.around("ops_inquiry_list.index", page, state=state, s=token)
    options = [_option(choice, words, state, term, token) for choice, words in STATE_WORDS.items()]
    if token:
        options.insert(0, _option(None, N_("すべて"), state, term, token))
    rows = [row_of(row) for row in page.rows]
    return QueuePage(options, rows, before, after, viewer().may_act, term, state or "", over, errors or {})


def _option(choice: InquiryState | None, words: str, state: InquiryState | None, term: str, token: str) -> Option:
    address = url_for("ops_inquiry_list.index", state=choice, s=token or None)
    query, _ = listing.listing(choice, term if token else "")
    return Option(address, words, lists.counted(query), choice is state)


@source("ops_inquiry_list.index", N_("お問い合わせの対応"), "inquiries", term_page=PAGE)
def _whole_list():
    _, terms = _terms()
    if terms is None:
        raise exports.SearchOver
    term = terms.get("term", "")
    cases = exports.walk(*listing.listing(_chosen(request.args, term), term))
    yield COLUMNS.sheet("ops_inquiry_list.index", exports.lines(cases, _rows))


def _rows(cases):
    return [row_of(case) for case in cases]
