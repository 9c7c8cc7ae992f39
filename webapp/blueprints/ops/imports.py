"""Imports by upload: the worker reads the file, the page shows how far it is."""

import datetime as dt
from dataclasses import dataclass, field
from pathlib import Path

from flask import Blueprint, abort, current_app, request, send_file, url_for
from flask_login import current_user
from peewee import JOIN

from db.models import Account, ImportRun
from webapp.domain.core.language import N_
from webapp.domain.intake import runs
from webapp.domain.intake.reading import TableKind
from webapp.domain.intake.runs import RunState
from webapp.domain.parsing.problems import IntakeError, Problem
from webapp.web.access_table import OPS_OPERATOR
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, render, see_other

blueprint = Blueprint("ops_imports", __name__)

LISTED = 50
MOST_SHOWN = 50
KINDS = {TableKind.REGISTRATIONS: N_("登録完了"), TableKind.BUSINESSES: N_("事業者")}
# state: (words, kind of chip)
STATES = {
    RunState.QUEUED: (N_("順番待ち"), "wait"),
    RunState.RUNNING: (N_("取り込み中"), "busy"),
    RunState.DONE: (N_("終了"), "good"),
    RunState.FAILED: (N_("読めませんでした"), "bad"),
}


@dataclass(frozen=True)
class RunRow:
    """An import as it is listed and shown."""

    id: int
    kind: str
    file_name: str
    check: bool
    state: str
    chip: str
    running: bool
    by: str
    created_at: dt.datetime
    finished_at: dt.datetime | None
    done: int
    total: int
    accepted: int
    updated: int
    unchanged: int
    rejected: int
    warned: int


@dataclass(frozen=True)
class ImportsPage:
    """The list of imports, and the form for who may upload."""

    runs: list[RunRow]
    may_upload: bool
    kinds: list[tuple[str, str]]
    kind: str = TableKind.REGISTRATIONS
    check: bool = False
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class ImportPage:
    """One import: how far it is, what came of it, what is wrong with which cell."""

    run: RunRow
    error: str
    error_parameters: dict
    ignored: list[str]
    problems: list[Problem]
    more: bool
    rejects: bool


@blueprint.get("/ops/imports")
def index():
    return render("ops/imports/index.html", _index_page())


@blueprint.post("/ops/imports")
def upload():
    settings = current_app.extensions["settings"]
    file, kind, check = request.files.get("file"), request.form.get("kind", ""), "check" in request.form
    errors = {}
    if kind not in set(TableKind):
        errors["kind"] = N_("ファイルの種類を選んでください。")
    if file is None or not file.filename:
        errors["file"] = N_("ファイルを選んでください。")
    if not errors:
        try:
            run = runs.create(
                TableKind(kind),
                file.filename,
                file.read(),
                now(),
                account_id=current_user.account.id,
                check=check,
                most=settings.import_bytes,
            )
        except IntakeError as error:
            errors["file"] = say(error.sentence, error.params)
        else:
            return see_other(url_for("ops_imports.show", run=run.id))
    return invalid("ops/imports/index.html", _index_page(kind=kind, check=check, errors=errors))


@blueprint.get("/ops/imports/<oid:run>")
def show(run: int):
    row = _find(run)
    problems = [p for _, _, found in runs.rejects_of(row, limit=MOST_SHOWN + 1) for p in found]
    error = row.error or {"sentence": "", "params": {}}
    page = ImportPage(
        run=_row(row),
        error=error["sentence"],
        error_parameters=error["params"],
        ignored=row.ignored_columns or [],
        problems=problems[:MOST_SHOWN],
        more=len(problems) > MOST_SHOWN,
        rejects=OPS_OPERATOR.allows(current_user) and _rejects_file(row).exists(),
    )
    return render("ops/imports/show.html", page)


@blueprint.get("/ops/imports/<oid:run>/rejects")
def rejects(run: int):
    row = _find(run)
    file = _rejects_file(row)
    if row.state not in (RunState.DONE, RunState.FAILED) or not file.exists():
        abort(404)
    return send_file(file, as_attachment=True, download_name=f"{Path(row.file_name).stem}-rejects{file.suffix}")


def _find(run: int) -> ImportRun:
    return ImportRun.get_or_none(ImportRun.id == run) or abort(404)


def _rejects_file(row: ImportRun) -> Path:
    return runs.rejects_path(row, Path(current_app.extensions["settings"].state_dir)).resolve()


def _index_page(**more) -> ImportsPage:
    newest = (
        ImportRun.select(ImportRun, Account).join(Account, JOIN.LEFT_OUTER).order_by(ImportRun.id.desc()).limit(LISTED)
    )
    kinds = [(kind.value, words) for kind, words in KINDS.items()]
    return ImportsPage([_row(run) for run in newest], OPS_OPERATOR.allows(current_user), kinds, **more)


def _row(run: ImportRun) -> RunRow:
    words, chip = STATES[RunState(run.state)]
    return RunRow(
        id=run.id,
        kind=KINDS[TableKind(run.kind)],
        file_name=run.file_name,
        check=run.check_only,
        state=words,
        chip=chip,
        running=run.state in (RunState.QUEUED, RunState.RUNNING),
        by=run.account.display_name if run.account_id else "",
        created_at=run.created_at,
        finished_at=run.finished_at,
        **{
            name: getattr(run, name)
            for name in ("done", "total", "accepted", "updated", "unchanged", "rejected", "warned")
        },
    )
