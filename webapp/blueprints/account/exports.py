"""書き出し: asking for a list as a file, how far it is, fetching it and removing it; each sees only the own ones."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import parse_qsl, urlencode, urlsplit

from flask import Blueprint, abort, current_app, flash, request, send_file, url_for
from flask_babel import gettext
from flask_login import current_user
from werkzeug.exceptions import HTTPException

from db import ids
from db.models import ExportRequest
from webapp.domain.accounts import saved_searches
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.core.language import N_
from webapp.domain.exports import requests
from webapp.domain.exports.requests import ExportFailure, ExportOrder, ExportState, Format, TooMany
from webapp.domain.exports.tables import CSV, XLSX
from webapp.pages import business
from webapp.pages.exports import SOURCES, Source
from webapp.pages.lists import Chip
from webapp.pages.menu import MenuItem
from webapp.web.access import get_export_for, viewer
from webapp.web.clock import now
from webapp.web.language import chosen_language, say
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import in_japan, render, see_other
from webapp.web.saved_forms import kept

blueprint = Blueprint("exports", __name__)

LISTED = 30
LONGEST = 2_000
# A search stays readable to the worker for as long as a file may have to wait.
TERM_FOR = dt.timedelta(days=2)
PLACES = {"after", "before"}
MIMES = {Format.XLSX: XLSX, Format.CSV: CSV}
FORMATS = {Format.XLSX: "Excel", Format.CSV: "CSV"}
STATES = {
    ExportState.ASKED: (N_("順番待ち"), "off"),
    ExportState.WRITING: (N_("作成中"), "busy"),
    ExportState.READY: (N_("完成"), "good"),
    ExportState.FAILED: (N_("作成できませんでした"), "bad"),
    ExportState.REMOVED: (N_("削除済み"), "off"),
}
FAILURES = {
    ExportFailure.NOT_ALLOWED: N_("この一覧を閲覧する権限がなくなったため、作成しませんでした。"),
    ExportFailure.SEARCH_OVER: N_(
        "検索語を消したため、作成できませんでした。もう一度検索してから、書き出してください。"
    ),
    ExportFailure.BROKEN: N_(
        "作成中に問題が起きました。もう一度書き出してください。続くときは、お問い合わせください。"
    ),
}
SEARCH_OVER = N_("検索から30分が過ぎたため、検索語を消しました。もう一度検索してから、書き出してください。")
WAITING = N_("作成中の書き出しが%(n)s件あります。できあがってから、もう一度お試しください。")


@dataclass(frozen=True)
class Line:
    """An export in the list; empty addresses: not possible now."""

    id: str
    title: str
    format: str
    chip: Chip
    asked_at: dt.datetime
    done: int
    total: int | None
    cut: bool
    size: str
    until: dt.datetime | None
    failure: str
    fetch: str
    remove: str


@dataclass(frozen=True)
class ExportsPage:
    """One's own exports; `delay` seconds until htmx asks again, None when nothing is being written."""

    menu: list[MenuItem]  # of a business
    technician: bool
    lines: list[Line]
    delay: int | None
    days: int
    most: int
    again: str  # the list that was asked for before the proof of identity
    again_title: str
    again_formats: list[tuple[str, str]]


@blueprint.get("/exports")
def index():
    rows = requests.of(viewer().account_id, LISTED)
    waiting = [row for row in rows if row.state in requests.OPEN]
    again = kept("of")
    asked = _source(again) if again else None
    settings = current_app.extensions["settings"]
    page = ExportsPage(
        menu=business.menu() if current_user.kind == AccountKind.BUSINESS_USER else [],
        technician=current_user.kind == AccountKind.TECHNICIAN,
        lines=[_line(row) for row in rows],
        delay=_delay(waiting[0]) if waiting else None,
        days=settings.keep_export_days,
        most=settings.export_rows,
        again=again if asked else "",
        again_title=say(asked.title) if asked else "",
        again_formats=_formats(kept("as", Format.XLSX)) if asked else [],
    )
    return render("account/exports/index.html", page)


@blueprint.post("/exports")
@recent_authentication(back="/exports")
def ask():
    order, logged = _order()
    try:
        requests.ask(viewer().account_id, order, logged, now())
    except TooMany:
        flash(gettext(WAITING, n=requests.MOST_WAITING), "bad")
    return see_other(url_for("exports.index"))


@blueprint.get("/exports/<oid:export>/file")
@recent_authentication(back="/exports")
def file(export: int):
    row = get_export_for(viewer(), export)
    path = requests.folder_of(current_app.extensions["settings"].state_dir) / (row.file or "-")
    if row.state != ExportState.READY or not path.is_file():
        abort(404)
    requests.fetched(row, now())
    name = f"{SOURCES[row.source].name}-{in_japan(row.asked_at):%Y%m%d-%H%M}.{row.format}"
    how = {"mimetype": MIMES[Format(row.format)], "as_attachment": True, "download_name": name}
    # From its path and always whole: a slow reader holds no thread.
    response = send_file(path.resolve(), **how, conditional=False, etag=False)
    response.headers["Cache-Control"] = "no-store"
    return response


@blueprint.post("/exports/<oid:export>/remove")
def remove(export: int):
    row = get_export_for(viewer(), export)
    if requests.remove(row, requests.folder_of(current_app.extensions["settings"].state_dir), now()):
        flash(gettext("書き出しを削除しました。"), "good")
    return see_other(url_for("exports.index"))


@blueprint.app_template_global("export_of")
def export_of() -> str:
    """Return the list at hand as its page's address says it, without the place in it; "" where there is none."""
    if request.endpoint not in SOURCES:
        return ""
    return _address(request.path, [pair for pair in request.args.items(multi=True) if pair[0] not in PLACES])


def _address(path: str, pairs: list[tuple[str, str]]) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path


def _source(address: str) -> Source | None:
    """Return the list behind an address, if whoever asks may see it."""
    try:
        endpoint, _ = current_app.url_map.bind("").match(urlsplit(address).path, method="GET")
    except (HTTPException, ValueError):
        return None
    source = SOURCES.get(endpoint)
    allowed = source and current_app.extensions["access_table"][endpoint].allows(current_user)
    return source if allowed else None


def _order() -> tuple[ExportOrder, str]:
    """Return what the form asks for, and its address as the audit log may hold it."""
    address = request.form.get("of", "")
    chosen, _, part = request.form.get("as", "").partition(".")
    source = _source(address) if len(address) <= LONGEST else None
    if source is None:
        abort(404)
    if chosen not in set(Format) or (chosen == Format.CSV and not source.single and not part):
        abort(400)
    parts = urlsplit(address)
    pairs = [(name, value) for name, value in parse_qsl(parts.query) if name not in PLACES | {"s", "chart"}]
    if part:
        pairs.append(("chart", part))
    logged = _address(parts.path, pairs)
    if token := dict(parse_qsl(parts.query)).get("s"):
        pairs.append(("s", _kept_longer(source, token)))
    return ExportOrder(source.endpoint, _address(parts.path, pairs), Format(chosen), chosen_language()), logged


def _kept_longer(source: Source, token: str) -> str:
    """Keep what was searched for until the file is written; the token of the page would end too soon."""
    account_id = viewer().account_id
    terms = saved_searches.terms_of(token, account_id, source.term_page, now())
    if terms is None:
        flash(gettext(SEARCH_OVER), "bad")
        abort(see_other(url_for("exports.index")))
    return saved_searches.keep(account_id, source.term_page, terms, now(), event=None, kept_for=TERM_FOR)


def _delay(newest: ExportRequest) -> int:
    # Small files are there in a second or two; who waits for a large one is not asked for every second.
    return max(1, min(30, round((now() - newest.asked_at).total_seconds() / 3)))


def _formats(asked: str) -> list[tuple[str, str]]:
    fmt, _, part = asked.partition(".")
    if part and fmt in set(Format):
        return [(asked, FORMATS[Format(fmt)])]
    return [(str(file_format), words) for file_format, words in FORMATS.items()]


def _line(row: ExportRequest) -> Line:
    source, state = SOURCES.get(row.source), ExportState(row.state)
    ready = state is ExportState.READY
    return Line(
        id=ids.encode(row.id),
        title=say(source.title) if source else row.source,
        format=FORMATS[Format(row.format)],
        chip=Chip(say(STATES[state][0]), STATES[state][1]),
        asked_at=row.asked_at,
        done=row.done,
        total=row.total,
        cut=row.cut,
        size=_size(row.size) if row.size is not None else "",
        until=row.expires_at if ready else None,
        failure=say(FAILURES[ExportFailure(row.failure)]) if row.failure else "",
        fetch=url_for("exports.file", export=row.id) if ready else "",
        remove=url_for("exports.remove", export=row.id) if state is not ExportState.REMOVED else "",
    )


def _size(octets: int) -> str:
    return f"{octets / 1_000_000:.1f} MB" if octets >= 1_000_000 else f"{max(1, round(octets / 1000)):,} KB"
