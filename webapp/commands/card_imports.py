"""`todoke import dispatches` and `todoke import tracking`: what was posted, and what the post reports of it.

Exit 0: all was read. Exit 1: some rows were refused, the others are in. Exit 2: the file could not be read.
"""

import time
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from db.ids import encode
from db.models import TrackingImport
from webapp.commands.context import Refused, load_settings, now, opened
from webapp.domain.cards import imports
from webapp.domain.cards.imports import ImportKind, ImportState
from webapp.domain.core.errors import TakenOver
from webapp.domain.intake import runs
from webapp.settings import Settings

_SHOWN = 20


@click.command("dispatches")
@click.argument("file", type=click.Path(path_type=Path))
def dispatches(file: Path) -> None:
    """Import what was posted: 申請番号 or 技能者ID, お問い合わせ番号, 引受日 (CSV, .xlsx or tabs)."""
    _import(ImportKind.DISPATCHES, file)


@click.command("tracking")
@click.argument("file", type=click.Path(path_type=Path))
def tracking(file: Path) -> None:
    """Import what the post reports of cards (text of its pages, CSV, Excel)."""
    _import(ImportKind.TRACKING, file)


@click.command("undo")
@click.argument("number")
def undo(number: str) -> None:
    """Take back an import of dispatches or tracking by the id that it printed."""
    with opened(load_settings()):
        run = next((run for run in TrackingImport.newest() if encode(run.id) == number.upper()), None)
        if run is None:
            raise Refused(f"there is no import {number}")
        try:
            changed = imports.undo(run, now(), None)
        except imports.NotUndoable:
            raise Refused(f"import {number} is {run.state}: only one that is done can be taken back") from None
    click.echo(f"taken back; {changed:,} cards stand otherwise than before")


def _import(kind: ImportKind, path: Path) -> None:
    settings: Settings = load_settings()
    try:
        content = path.read_bytes()
    except OSError as error:
        raise Refused(f"{path}: {error.strerror}") from None
    if len(content) > settings.import_bytes:
        raise Refused(f"{path}: larger than {settings.import_bytes:,} bytes (TODOKE_IMPORT_BYTES)")
    began = time.monotonic()
    with opened(settings):
        run = imports.create(kind, path.name, content, now())
        console = Console(stderr=True)
        with Progress(console=console, disable=not console.is_terminal) as bar:
            task = bar.add_task("", total=None)
            try:
                for done, total in imports.read_here(run, now):
                    bar.update(task, completed=done, total=total)
            except TakenOver:
                raise Refused(runs.TAKEN_OVER) from None
        run = TrackingImport.get_by_id(run.id)
    problems = [sentence % parameters for sentence, parameters in run.problems or ()]
    if run.state == ImportState.FAILED:
        raise Refused(f"{path}: {problems[0]}")
    for problem in problems[:_SHOWN]:
        click.echo(problem, err=True)
    if len(problems) > _SHOWN:
        click.echo(f"… {len(problems) - _SHOWN} more of these", err=True)
    seconds = time.monotonic() - began
    amount = (
        f"{run.events:,} reports of {run.total:,} numbers" if kind is ImportKind.TRACKING else f"{run.total:,} rows"
    )
    click.echo(
        f"{encode(run.id)}: {amount} in {seconds:.1f} s: {run.added:,} new, {run.changed:,} cards changed,"
        f" {run.unmatched:,} without a card, {run.rejected:,} refused, {run.warned:,} with a warning"
    )
    raise SystemExit(1 if run.rejected else 0)
