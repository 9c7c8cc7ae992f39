"""`todoke import`: files of businesses and registrations, read here and now.

Exit 0: every row is in. Exit 1: some rows were rejected, the others are in. Exit 2: the file could not be read.
"""

import json
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from db.ids import encode
from db.models import ImportRun
from webapp.commands import card_imports
from webapp.commands.context import Refused, load_settings, now, opened
from webapp.domain.core.errors import TakenOver
from webapp.domain.intake import runs
from webapp.domain.intake.doubts import SAFE, Answer, Answers
from webapp.domain.intake.files import Source, SourceFormat, open_source
from webapp.domain.intake.outcomes import RowOrigin, RowOutcome
from webapp.domain.intake.reading import Read, RunTally, TableKind, chunks, new_known, take
from webapp.domain.intake.rejects import RejectsFile
from webapp.domain.parsing.problems import IntakeError, Problem
from webapp.settings import Settings

_SHOWN = 20
_IN_JSON = 1000


@dataclass
class _Reading:
    """What one call of the command has found out."""

    kind: TableKind
    path: Path
    check: bool
    answers: Answers
    tally: RunTally = field(default_factory=RunTally)
    seconds: float = 0.0
    file: dict = field(default_factory=dict)
    ignored_columns: tuple[str, ...] = ()
    problems: list[Problem] = field(default_factory=list)
    warnings: list[Problem] = field(default_factory=list)
    rejects: Path | None = None
    run_id: int | None = None
    continued: bool = False

    def understood(self, source: Source) -> None:
        self.ignored_columns = source.heading.unknown
        self.file = {
            "format": source.kind,
            "encoding": source.encoding,
            "sheet": source.sheet,
            "sheets_left_out": list(source.sheets_left_out),
            "heading_line": source.heading_line,
            "columns": list(source.heading.keys),
        }

    def note(self, problems: list[Problem], into: list[Problem]) -> None:
        into.extend(problems[: _IN_JSON - len(into)])


@click.group()
def imports() -> None:
    """Import files: CSV or .xlsx, in UTF-8 or CP932, columns in any order.

    Exit 0 when every row is in, 1 when some were rejected (they stand in the rejects file), 2 when the file could not
    be read.
    """


for _command in (card_imports.dispatches, card_imports.tracking, card_imports.undo):
    imports.add_command(_command)


def _file_options(command):
    for option in reversed(
        (
            click.argument("file", type=click.Path(path_type=Path)),
            click.option("--check", is_flag=True, help="Decide every row, write none."),
            click.option("--json", "as_json", is_flag=True, help="Print the result for programs."),
            click.option("--merged", type=click.Choice(["fill"]), help="A merged cell holds for every row it covers."),
            click.option("--hidden", type=click.Choice(["leave", "take"]), help="Leave hidden rows out, or take them."),
            click.option("--yes", is_flag=True, help="For programs: --merged fill --hidden leave."),
            click.option("--rejects", type=click.Path(path_type=Path), help="Where the rejected rows are written."),
        )
    ):
        command = option(command)
    return command


@imports.command("businesses")
@_file_options
def import_businesses(file: Path, check: bool, as_json: bool, rejects: Path | None, **answers) -> None:
    """Import businesses (事業者): new ones, and changes of known ones."""
    _import(TableKind.BUSINESSES, file, check, as_json, rejects, _answers(**answers))


@imports.command("registrations")
@_file_options
def import_registrations(file: Path, check: bool, as_json: bool, rejects: Path | None, **answers) -> None:
    """Import completed registrations (登録完了); notices, cards and postcards follow at once."""
    _import(TableKind.REGISTRATIONS, file, check, as_json, rejects, _answers(**answers))


def _answers(merged: str | None, hidden: str | None, yes: bool) -> Answers:
    given = {Answer.FILL_MERGED} if merged else set()
    if hidden:
        given.add(Answer.LEAVE_HIDDEN if hidden == "leave" else Answer.TAKE_HIDDEN)
    if yes:
        given |= SAFE - ({Answer.LEAVE_HIDDEN} if hidden else set())
    return frozenset(given)


def _import(kind: TableKind, path: Path, check: bool, as_json: bool, rejects: Path | None, answers: Answers) -> None:
    settings = load_settings()
    reading = _Reading(kind, path, check, answers)
    began = time.monotonic()
    with opened(settings):
        try:
            (_check if check else _read)(reading, settings, rejects)
        except IntakeError as error:
            raise Refused(error.in_japanese()) from None
        except TakenOver:
            raise Refused(runs.TAKEN_OVER) from None
        except OSError as error:
            raise Refused(f"{error.filename or path}: {error.strerror}") from None
    reading.seconds = time.monotonic() - began
    click.echo(json.dumps(_as_json(reading), ensure_ascii=False, indent=1) if as_json else _in_words(reading))
    raise SystemExit(1 if reading.tally.rejected else 0)


def _read(reading: _Reading, settings: Settings, rejects: Path | None) -> None:
    """Read the file as a run, which a later call goes on with if this one is killed."""
    path, kind = reading.path, reading.kind
    with open_source(path, kind.table, reading.answers) as source:  # what cannot be read at all leaves no run behind
        runs.check_size(path.stat().st_size, settings.import_bytes)
        file_kind = source.kind
        reading.understood(source)
    run = runs.begin_here(kind, path.name, path.read_bytes(), now(), reading.answers)
    reading.run_id, reading.continued = run.id, run.done > 0
    target = rejects or _beside(path, file_kind)

    def write_rejects(run: ImportRun) -> None:
        if runs.write_rejects(run, target):
            reading.rejects = target

    with _progress_bar() as show:
        for progress in runs.proceed(run, now, write_rejects, reading.answers):
            show(progress.position, progress.total, progress.tally.done)
            reading.note(list(progress.warnings), reading.warnings)
    reading.tally = RunTally(**{name: getattr(run, name) for name in asdict(reading.tally)})
    for _, _, problems in runs.rejects_of(run, limit=_IN_JSON):
        reading.note(problems, reading.problems)
    if run.state == runs.RunState.FAILED:
        raise IntakeError(run.error["sentence"], run.error["params"])


def _check(reading: _Reading, settings: Settings, rejects: Path | None) -> None:
    """Decide every row as the import would, and write nothing but the rejects file that was asked for."""
    path, kind = reading.path, reading.kind
    with open_source(path, kind.table, reading.answers) as source:
        runs.check_size(path.stat().st_size, settings.import_bytes)
        reading.understood(source)
        if rejects is None:
            for _ in _checked(reading, source):
                pass
            return
        with RejectsFile(rejects, source.heading) as file:
            for read in _checked(reading, source):
                file.write(read.line, read.cells, read.result.problems)
        reading.rejects = rejects


def _checked(reading: _Reading, source: Source) -> Iterator[Read]:
    known = new_known(reading.kind)
    with _progress_bar() as show:
        for chunk in chunks(source):
            rows = take(reading.kind, chunk, now(), RowOrigin(), check_with=known)
            reading.tally.add(rows)
            reading.note(list(runs.warnings_of(rows)), reading.warnings)
            show(source.position(), source.total, reading.tally.done)
            for read in rows:
                if read.result.outcome is RowOutcome.REJECTED:
                    reading.note(list(read.result.problems), reading.problems)
                    yield read


def _beside(path: Path, kind: SourceFormat) -> Path:
    """The rejects file beside the source; one that is there already may have been mended and is left alone."""
    suffix = ".xlsx" if kind is SourceFormat.xlsx else ".csv"
    target, n = path.with_name(f"{path.stem}-rejects{suffix}"), 2
    while target.exists():
        target = path.with_name(f"{path.stem}-rejects-{n}{suffix}")
        n += 1
    return target


class _progress_bar:
    """A bar with rate and time left, where somebody looks at it; quiet in a pipe."""

    def __init__(self) -> None:
        console = Console(stderr=True)
        self._bar = Progress(
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows  {task.fields[rate]:,.0f} rows/s"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def __enter__(self):
        self._bar.start()
        task = self._bar.add_task("", total=None, rows=0, rate=0.0)
        began, first = time.monotonic(), None

        def show(position: int, total: int, rows: int) -> None:
            nonlocal first
            first = rows if first is None else first  # rows of an earlier, killed call say nothing about the rate
            seconds = max(time.monotonic() - began, 1e-3)
            rate = (rows - first) / seconds if rows > first else rows / seconds
            self._bar.update(task, completed=position, total=total, rows=rows, rate=rate)

        return show

    def __exit__(self, *exc: object) -> None:
        self._bar.stop()


def _as_json(reading: _Reading) -> dict:
    def problem(p: Problem) -> dict:
        return {
            "line": p.line,
            "column": p.column,
            "value": p.value,
            "severity": p.severity,
            "message": p.in_japanese(),
        }

    return {
        "kind": reading.kind,
        "file": str(reading.path),
        "check": reading.check,
        "read_as": reading.file,
        "answers": sorted(reading.answers),
        "run": encode(reading.run_id) if reading.run_id else None,
        "continued": reading.continued,
        "rows": reading.tally.done,
        **{name: n for name, n in asdict(reading.tally).items() if name != "done"},
        "seconds": round(reading.seconds, 3),
        "ignored_columns": list(reading.ignored_columns),
        "rejects_file": str(reading.rejects) if reading.rejects else None,
        "problems": [problem(p) for p in (*reading.problems, *reading.warnings)],
    }


def _in_words(reading: _Reading) -> str:
    t = reading.tally
    lines = []
    if reading.continued:
        lines.append("continued an import that had been interrupted; the figures are of the whole file")
    read = reading.file
    place = f"sheet {read['sheet']}" if read["sheet"] else read["encoding"]
    lines.append(f"read as {read['format']}, {place}, heading in line {read['heading_line']}")
    if read["sheets_left_out"]:
        lines.append(f"sheets that are not read: {', '.join(read['sheets_left_out'])}")
    if reading.ignored_columns:
        lines.append(f"columns that are not imported: {', '.join(reading.ignored_columns)}")
    for word, problems in (("rejected", reading.problems), ("warning", reading.warnings)):
        for p in problems[:_SHOWN]:
            column = f" {p.column}" if p.column else ""
            lines.append(f"{word}: line {p.line}{column}: {p.in_japanese()}")
        if len(problems) > _SHOWN:
            lines.append(f"… more of these: only the first {_SHOWN} are shown")
    rate = t.done / reading.seconds if reading.seconds else 0
    lines.append(
        f"{t.done:,} rows in {reading.seconds:.1f} s ({rate:,.0f}/s): {t.accepted:,} new, {t.updated:,} of known ones,"
        f" {t.unchanged:,} unchanged, {t.rejected:,} rejected, {t.warned:,} with a warning"
    )
    if reading.rejects:
        lines.append(f"the rejected rows stand in {reading.rejects}: mend them there and import that file")
    if reading.check:
        lines.append("nothing was written: this was a check")
    return "\n".join(lines)
