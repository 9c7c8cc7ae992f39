"""Batches of postcards (発送ロット): what waits, making one, its progress, printed and mailed, its files."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, abort, current_app, flash, request, send_file, url_for
from flask_babel import gettext
from peewee import JOIN, fn

from db.database import transaction
from db.models import Account, Postcard, PostcardBatch, PostcardFile, PostcardPrint
from webapp.domain.audit.log import audit
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_
from webapp.domain.notices import labels
from webapp.domain.postcard import batches, marking, page_words
from webapp.domain.postcard.batches import AlreadyGathering, NothingQueued
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.production import FileKind, wanted_files
from webapp.domain.postcard.sheet import CARDS_A_PART, SheetError
from webapp.domain.postcard.states import BatchState, BatchStep
from webapp.pages.lists import Chip, Option
from webapp.pages.postcards import hold_options
from webapp.web.access import get_postcard_batch_for, get_postcard_file_for, viewer
from webapp.web.clock import now
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import invalid, render, see_other, stale

blueprint = Blueprint("ops_batches", __name__)

LISTED = 50
# What a page checks card by card before it answers; the rest is counted as printable until the batch is made.
MOST_CHECKED = 500
A_PAGE = 50
SHORTEST_REASON = 5


@dataclass(frozen=True)
class BatchRow:
    """A batch in the list and on its own page."""

    address: str
    number: str
    chip: Chip
    cards: int
    held: int
    cost: int
    made_at: dt.datetime
    by: str
    mailed_at: dt.datetime | None


@dataclass(frozen=True)
class BatchesPage:
    """What a batch would be now, what is on hold, and the batches so far."""

    waiting: int
    cards: int
    cost: int
    checked: int
    would_hold: list[tuple[str, int]]
    holds: list[Option]
    batches: list[BatchRow]
    may_make: bool
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class FileRow:
    """A file for the printer."""

    address: str
    name: str
    kind: str
    cards: int
    size: int
    sha256: str


@dataclass(frozen=True)
class CardRow:
    """A card of a batch."""

    address: str
    position: int
    number: str
    chip: Chip
    reprint: str


@dataclass(frozen=True)
class BatchPage:
    """One batch: how far it is, its files, its cards and what may be done."""

    batch: BatchRow
    running: bool
    stopped: bool
    done: int
    wanted: int
    typeset: int
    printed_at: dt.datetime | None
    files_removed_at: dt.datetime | None
    failure: str
    files: list[FileRow]
    states: list[tuple[Chip, int]]
    cards: list[CardRow]
    before: int
    after: int
    step: str
    code_days: int
    may_act: bool
    may_download: bool
    changed: bool = False


@dataclass(frozen=True)
class DownloadPage:
    """The form that asks why a file is fetched."""

    action: str
    back: str
    name: str
    batch: str
    personal: bool
    reason: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/postcards/batches")
def index():
    return render("ops/postcards/batches.html", _index_page())


@blueprint.post("/ops/postcards/batches")
def make():
    try:
        batch = batches.begin(_office(), now(), viewer().account_id)
    except AlreadyGathering:
        wrong = {"make": N_("いま別の発送ロットがはがきを集めています。終わってから、もう一度作ってください。")}
    except NothingQueued:
        wrong = {"make": N_("作成を待つはがきがないので、発送ロットは作りませんでした。")}
    except SheetError:
        wrong = {"make": N_("差出人の設定に印刷できないところがあります。管理者が設定を直してください。")}
    else:
        return see_other(url_for("ops_batches.show", batch=batch.id))
    return invalid("ops/postcards/batches.html", _index_page(wrong))


@blueprint.get("/ops/postcards/batches/<oid:batch>")
def show(batch: int):
    return render("ops/postcards/batch.html", _page(get_postcard_batch_for(viewer(), batch)))


@blueprint.post("/ops/postcards/batches/<oid:batch>/printed")
def printed(batch: int):
    return _advance(batch, BatchStep.PRINT, N_("印刷済みにしました。"))


@blueprint.post("/ops/postcards/batches/<oid:batch>/mailed")
def mailed(batch: int):
    return _advance(batch, BatchStep.MAIL, N_("差出済みにしました。確認コードは、いまから使えます。"))


@blueprint.get("/ops/postcards/files/<oid:file>")
@recent_authentication
def reason(file: int):
    return render("ops/postcards/download.html", _download_page(_file(file)))


@blueprint.post("/ops/postcards/files/<oid:file>")
@recent_authentication
def download(file: int):
    row = _file(file)
    path = (_office().folder / row.name).resolve()
    if row.batch.files_removed_at is not None or not path.exists():
        abort(404)
    why = request.form.get("reason", "").strip()[:500]
    if len(why) < SHORTEST_REASON:
        wrong = {"reason": N_("ダウンロードする理由を、5文字以上で書いてください。")}
        return invalid("ops/postcards/download.html", _download_page(row, why, wrong))
    with transaction():
        account_id, name = viewer().account_id, EventName.POSTCARD_FILE_OPS_DOWNLOADED
        record(name, now(), subject_id=row.batch_id, account_id=account_id, data={"file": row.name})
        audit(name, now(), account_id, "postcard_file", row.id, {"reason": why, "file": row.name})
    answer = send_file(path, as_attachment=True, download_name=row.name)
    answer.headers["Cache-Control"] = "no-store"
    return answer


def _office() -> PrintOffice:
    return PrintOffice.of(current_app.extensions["settings"])


def _advance(batch: int, step: BatchStep, words: str):
    row = get_postcard_batch_for(viewer(), batch, change=True)
    try:
        marking.advance(row, step, _office(), now(), viewer().account_id)
    except StepNotAllowed:
        return stale("ops/postcards/batch.html", _page(get_postcard_batch_for(viewer(), batch), changed=True))
    flash(gettext(words), "good")
    return see_other(url_for("ops_batches.show", batch=row.id))


def _index_page(errors: dict[str, str] | None = None) -> BatchesPage:
    run = batches.dry_run(_office(), now(), MOST_CHECKED)
    query = PostcardBatch.newest().select(PostcardBatch, Account).join(Account, JOIN.LEFT_OUTER).limit(LISTED)
    return BatchesPage(
        waiting=run.queued,
        cards=run.cards,
        cost=run.cost,
        checked=run.checked,
        would_hold=[(page_words.HOLDS[reason], number) for reason, number in run.held.items()],
        holds=hold_options(),
        batches=[_row(batch) for batch in query],
        may_make=viewer().may_act,
        errors=errors or {},
    )


def _row(batch: PostcardBatch) -> BatchRow:
    return BatchRow(
        address=url_for("ops_batches.show", batch=batch.id),
        number=batch.number,
        chip=Chip(*page_words.BATCH_STATES[batch.state]),
        cards=batch.cards,
        held=batch.held,
        cost=batch.cost,
        made_at=batch.made_at,
        by=batch.made_by.display_name if batch.made_by_id else "",
        mailed_at=batch.mailed_at,
    )


def _page(batch: PostcardBatch, changed: bool = False) -> BatchPage:
    files = list(PostcardFile.select().where(PostcardFile.batch == batch.id).order_by(PostcardFile.id))
    closed = batch.state not in (BatchState.GATHERING, BatchState.EMPTY)
    first = _first()
    cards = _cards(batch, first)
    return BatchPage(
        batch=_row(batch),
        running=batch.state in (BatchState.GATHERING, BatchState.MAKING),
        stopped=batch.state == BatchState.STOPPED,
        done=len(files),
        wanted=len(wanted_files(batch, CARDS_A_PART)) if closed else 0,
        typeset=batch.typeset,
        printed_at=batch.printed_at,
        files_removed_at=batch.files_removed_at,
        failure=batch.failure or "",
        files=[] if batch.files_removed_at else [_file_row(file) for file in files],
        states=_states(batch),
        cards=cards,
        before=max(1, first - A_PAGE) if first > 1 else 0,
        after=first + A_PAGE if first + A_PAGE <= batch.cards else 0,
        step={BatchState.READY: "printed", BatchState.PRINTED: "mailed"}.get(BatchState(batch.state), ""),
        code_days=_office().codes_last.days,
        may_act=viewer().may_act,
        may_download=viewer().may_administer and batch.state not in (BatchState.MAKING, BatchState.STOPPED),
        changed=changed,
    )


def _first() -> int:
    text = request.args.get("from", "")
    return max(1, int(text)) if text.isascii() and text.isdigit() and len(text) < 8 else 1


def _states(batch: PostcardBatch) -> list[tuple[Chip, int]]:
    of_batch = Postcard.batch == batch.id
    counts = dict(
        Postcard.select(Postcard.state, fn.COUNT(Postcard.id)).where(of_batch).group_by(Postcard.state).tuples()
    )
    return [(Chip(*words), counts[state]) for state, words in labels.POSTCARD_STATES.items() if state in counts]


def _cards(batch: PostcardBatch, first: int) -> list[CardRow]:
    on_page = (PostcardPrint.batch == batch.id) & PostcardPrint.position.between(first, first + A_PAGE - 1)
    query = PostcardPrint.select(PostcardPrint, Postcard).join(Postcard).where(on_page).order_by(PostcardPrint.position)
    return [
        CardRow(
            address=url_for("ops_postcard.show", postcard=row.postcard_id),
            position=row.position,
            number=row.management_number,
            chip=Chip(*labels.POSTCARD_STATES[row.postcard.state])
            if row.postcard.batch_id == batch.id
            else Chip(N_("印刷し直しに回しました"), "off"),
            reprint=page_words.REPRINTS.get(row.reason or "", ""),
        )
        for row in query
    ]


def _file_row(file: PostcardFile) -> FileRow:
    address = url_for("ops_batches.reason", file=file.id)
    return FileRow(address, file.name, page_words.FILES[file.kind], file.cards, file.size, file.sha256)


def _file(file: int) -> PostcardFile:
    return get_postcard_file_for(viewer(), file)


def _download_page(file: PostcardFile, why: str = "", errors: dict[str, str] | None = None) -> DownloadPage:
    return DownloadPage(
        action=url_for("ops_batches.download", file=file.id),
        back=url_for("ops_batches.show", batch=file.batch_id),
        name=file.name,
        batch=file.batch.number,
        personal=file.kind == FileKind.PART,
        reason=why,
        errors=errors or {},
    )
