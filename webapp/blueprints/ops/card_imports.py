"""What was posted and what the post reports: upload, paste, progress, undo, and words of the post to be mapped."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, abort, current_app, flash, request, url_for
from flask_babel import gettext, ngettext
from flask_login import current_user

from db.models import TrackingImport, TrackingLabel
from webapp.domain.cards import imports
from webapp.domain.cards.imports import READ_AT_ONCE, ImportKind, ImportState, NotUndoable
from webapp.domain.cards.states import RECEIVER_WORDS, CardEvent, Receiver
from webapp.domain.core.language import N_
from webapp.web.access import viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, render, see_other, stale

blueprint = Blueprint("ops_card_imports", __name__)

NO_FILE = N_("ファイルを選ぶか、文字を貼り付けてください。")
NO_LABEL = N_("この語は対応表に加えられません。一覧の語と、その意味を選んでください。")
KIND_WORDS = {ImportKind.TRACKING: N_("追跡"), ImportKind.DISPATCHES: N_("発送")}
STATE_WORDS = {
    ImportState.QUEUED: (N_("順番待ち"), "off"),
    ImportState.RUNNING: (N_("読み込み中"), "busy"),
    ImportState.DONE: (N_("完了"), "good"),
    ImportState.FAILED: (N_("読めませんでした"), "bad"),
    ImportState.UNDONE: (N_("取り消し済み"), "off"),
}
EVENT_WORDS = {
    CardEvent.ACCEPTED: N_("引受"),
    CardEvent.IN_TRANSIT: N_("輸送中"),
    CardEvent.FORWARDED: N_("転送"),
    CardEvent.OUT_FOR_DELIVERY: N_("持ち出し中"),
    CardEvent.ABSENT: N_("不在"),
    CardEvent.KEPT: N_("保管"),
    CardEvent.DELIVERY_WISH: N_("配達の希望を受付"),
    CardEvent.INVESTIGATING: N_("調査中"),
    CardEvent.DELIVERED: N_("お届け済み"),
    CardEvent.RETURNED: N_("差出人に返送"),
}


@dataclass(frozen=True)
class Run:
    """An import as a row or a page shows it."""

    address: str
    kind: str
    state: tuple[str, str]
    file_name: str
    created_at: dt.datetime
    finished_at: dt.datetime | None
    started_by: str
    total: int
    done: int
    added: int
    changed: int
    unmatched: int
    rejected: int
    warned: int


@dataclass(frozen=True)
class ImportsPage:
    """The newest imports and the forms."""

    runs: list[Run]
    unknown: int
    may_act: bool
    text: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportPage:
    """One import: progress, figures, what was not read."""

    run: Run
    waits: bool
    problems: list[str]
    undo: str
    changed: bool = False


@dataclass(frozen=True)
class LabelsPage:
    """Words of the post that no table knows, and those that operators have mapped."""

    unknown: list[tuple[str, int]]
    mapped: list[tuple[str, str, str]]
    events: list[tuple[str, str]]
    receivers: list[tuple[str, str]]
    may_act: bool
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/cards/imports")
def index():
    return render("ops/cards/imports.html", _page())


def _page(**more) -> ImportsPage:
    runs = [_run(row) for row in TrackingImport.newest().limit(50)]
    return ImportsPage(runs, len(imports.unknown_labels()), viewer().may_act, **more)


def _run(row: TrackingImport) -> Run:
    words, chip = STATE_WORDS[ImportState(row.state)]
    return Run(
        url_for("ops_card_imports.show", run=row.id),
        say(KIND_WORDS[ImportKind(row.kind)]),
        (say(words), chip),
        row.file_name or gettext("貼り付けた文字"),
        row.created_at,
        row.finished_at,
        row.account.display_name if row.account else "-",
        row.total,
        row.done,
        row.added,
        row.changed,
        row.unmatched,
        row.rejected,
        row.warned,
    )


@blueprint.post("/ops/cards/imports")
def upload():
    kind = request.form.get("kind", "")
    if kind not in set(ImportKind):
        abort(400)
    file, text = request.files.get("file"), request.form.get("text", "")
    name = file.filename if file else ""
    content = file.read() if file and name else text.strip().encode()
    if not content:
        wrong = {f"{kind}-file": NO_FILE}
        return invalid("ops/cards/imports.html", _page(text=text, errors=wrong))
    run = imports.create(ImportKind(kind), name or "", content, now(), current_user.account.id)
    if len(content) <= READ_AT_ONCE:
        imports.read_now(run, current_app.extensions["clock"])
    return see_other(url_for("ops_card_imports.show", run=run.id))


@blueprint.get("/ops/cards/imports/<oid:run>")
def show(run: int):
    return render("ops/cards/import.html", _import_page(_get(run)))


def _get(number: int) -> TrackingImport:
    return TrackingImport.get_or_none(TrackingImport.id == number) or abort(404)


def _import_page(row: TrackingImport, *, changed: bool = False) -> ImportPage:
    problems = [say(sentence, _translated(parameters)) for sentence, parameters in row.problems or ()]
    undo = url_for("ops_card_imports.undo", run=row.id) if row.state == ImportState.DONE and viewer().may_act else ""
    waits = row.state in (ImportState.QUEUED, ImportState.RUNNING)
    return ImportPage(_run(row), waits, problems, undo, changed)


def _translated(parameters: dict[str, str]) -> dict[str, str]:
    """The name of a column, and what there is too much of, are sentences of the domain themselves."""
    return {name: say(value) if name in ("column", "what") else value for name, value in parameters.items()}


@blueprint.post("/ops/cards/imports/<oid:run>/undo")
def undo(run: int):
    row = _get(run)
    try:
        n = imports.undo(row, now(), current_user.account.id)
    except NotUndoable:
        return stale("ops/cards/import.html", _import_page(_get(run), changed=True))
    flash(
        ngettext(
            "取り込みを取り消しました。%(num)s件のカードの状態が変わりました。",
            "取り込みを取り消しました。%(num)s件のカードの状態が変わりました。",
            n,
        ),
        "good",
    )
    return see_other(url_for("ops_card_imports.show", run=run))


@blueprint.get("/ops/cards/labels")
def labels():
    return render("ops/cards/labels.html", _labels_page())


def _labels_page(errors: dict[str, str] | None = None) -> LabelsPage:
    mapped = [
        (row.label, say(EVENT_WORDS[CardEvent(row.event)]), say(RECEIVER_WORDS[Receiver(row.receiver)]))
        for row in TrackingLabel.select().order_by(TrackingLabel.created_at.desc())
    ]
    events = [(event.value, say(words)) for event, words in EVENT_WORDS.items()]
    receivers = [(receiver.value, say(words)) for receiver, words in RECEIVER_WORDS.items()]
    return LabelsPage(imports.unknown_labels(), mapped, events, receivers, viewer().may_act, errors or {})


@blueprint.post("/ops/cards/labels")
def map_label():
    form = request.form
    try:
        event, receiver = CardEvent(form.get("event", "")), Receiver(form.get("receiver") or Receiver.UNKNOWN)
        n = imports.map_label(form.get("label", ""), event, receiver, now(), current_user.account.id)
    except ValueError:
        return invalid("ops/cards/labels.html", _labels_page({"label": NO_LABEL}))
    flash(
        ngettext(
            "対応表に加えました。%(num)s件のカードの状態が変わりました。",
            "対応表に加えました。%(num)s件のカードの状態が変わりました。",
            n,
        ),
        "good",
    )
    return see_other(url_for("ops_card_imports.labels"))
