"""The reading of a file as a row of its own: progress that agrees with the rows, rejects, and going on after a kill."""

import datetime as dt
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from peewee import fn

from db.database import exclusive, transaction
from db.fields import dump_json
from db.ids import encode, new_ids
from db.locks import Lock
from db.models import ImportOriginal, ImportReject, ImportRun
from db.rows import write_rows
from webapp.domain.core import leases
from webapp.domain.core.errors import TakenOver
from webapp.domain.core.language import N_
from webapp.domain.intake.columns import Heading, read_heading
from webapp.domain.intake.doubts import Answers
from webapp.domain.intake.files import Source, open_source
from webapp.domain.intake.outcomes import RowOrigin, RowOutcome
from webapp.domain.intake.reading import Read, RunTally, TableKind, chunks, new_known, take
from webapp.domain.intake.rejects import RejectsFile
from webapp.domain.parsing.problems import IntakeError, Problem, Severity

LEASE = dt.timedelta(minutes=2)
# What a worker does before it looks after its other work again.
_STEP = dt.timedelta(seconds=2)

Clock = Callable[[], dt.datetime]
TOO_LARGE = N_("ファイルが大きすぎます（%(size)s バイト、上限は %(bound)s バイト）。分けて取り込んでください。")
TAKEN_OVER = N_("この取り込みは、ほかのプロセスが続けています。そちらの結果を見てください。")

DIED_TOO_OFTEN = N_("取り込みが何度も途中で止まりました。ファイルを分けて、もう一度取り込んでください。")


class RunState(StrEnum):
    """Where an import stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"  # the file could not be read to its end; what was read before is in


@dataclass(frozen=True, slots=True)
class RunProgress:
    """How far a reading is: `position` and `total` in the source's own unit, the rows so far, the latest warnings."""

    position: int
    total: int
    tally: RunTally
    warnings: tuple[Problem, ...] = ()


def create(
    kind: TableKind,
    file_name: str,
    content: bytes,
    now: dt.datetime,
    *,
    account_id: int | None = None,
    check: bool = False,
    most: int | None = None,
    answers: Answers = frozenset(),
) -> ImportRun:
    """Keep an uploaded file and queue its reading; IntakeError when it is larger than `most` bytes."""
    check_size(len(content), most)
    with transaction():
        run = ImportRun.create(
            kind=kind,
            state=RunState.QUEUED,
            check_only=check,
            file_name=_clean_name(file_name),
            file_digest=_digest(content, answers),
            size=len(content),
            account=account_id,
            created_at=now,
        )
        ImportOriginal.create(run=run, content=content)
        return run


def _digest(content: bytes, answers: Answers) -> str:
    return sha256("".join(sorted(answers)).encode() + content).hexdigest()


def check_size(size: int, most: int | None) -> None:
    """Raise IntakeError for a file of more than `most` bytes."""
    if most is not None and size > most:
        raise IntakeError(TOO_LARGE, {"size": f"{size:,}", "bound": f"{most:,}"})


def begin_here(
    kind: TableKind, file_name: str, content: bytes, now: dt.datetime, answers: Answers = frozenset()
) -> ImportRun:
    """Return the run of a file that this process reads itself: a new one, or the one that a killed command left.

    Such a run has no lease, so no worker takes it. With other answers it is another run: it has other rows.
    """
    digest = _digest(content, answers)
    left = (ImportRun.kind == kind) & (ImportRun.file_digest == digest) & (ImportRun.state == RunState.RUNNING)
    with exclusive(Lock.INTAKE):
        run = ImportRun.select().where(left & ImportRun.lease_until.is_null()).order_by(ImportRun.id.desc()).first()
        if run is None:
            run = create(kind, file_name, content, now, answers=answers)
        leases.take(run, None, state=RunState.RUNNING)
        _prepare(run, now)
        return run


class Uploads:
    """Reads uploads in the worker, a little at a time, so that it can look after its other work between."""

    def __init__(self, state_dir: Path, clock: Clock) -> None:
        self._state_dir = state_dir
        self._clock = clock
        self._reading: Iterator[RunProgress] | None = None

    def step(self, now: dt.datetime) -> bool:
        """Read on for about two seconds; False when there is nothing to read.

        The lease lasts from batch to batch. A worker that died loses it, and the next one goes on behind its last
        batch.
        """
        if self._reading is None:
            run = take_one(now)
            if run is None:
                return False
            self._reading = proceed(
                run, self._clock, lambda run: write_rejects(run, rejects_path(run, self._state_dir))
            )
        try:
            for _ in self._reading:
                if self._clock() - now >= _STEP:
                    return True
        except TakenOver:
            pass  # another worker has it, because this one was away for longer than the lease
        except BaseException:
            self._reading = None  # the lease ends, and the run is read on from its last batch
            raise
        self._reading = None
        return True


def take_one(now: dt.datetime) -> ImportRun | None:
    """Claim the oldest upload that nobody reads, None when there is none; read it with `proceed`."""
    run = leases.claim(QUEUE, now, LEASE, state=RunState.RUNNING)
    if run is not None:
        _prepare(run, now)
    return run


def _prepare(run: ImportRun, now: dt.datetime) -> None:
    """Make a claimed run ready to be read, or read on."""
    values = {} if run.started_at else {"started_at": now}
    # What the earlier rows of a check would have brought is not in the database: from the start.
    again = run.check_only and run.done
    with transaction():
        if again:
            ImportReject.delete().where(ImportReject.run == run).execute()
            values |= {field.name: 0 for field in fields(RunTally)}
        if values:
            leases.hold(run, **values)


def _give_up(run: ImportRun, now: dt.datetime) -> None:
    error = {"sentence": DIED_TOO_OFTEN, "params": {}}
    leases.hold(run, state=RunState.FAILED, error=error, finished_at=now, lease_until=None)


# What a command reads itself has no lease: no worker takes it.
QUEUE = leases.Queue(
    "imports",
    ImportRun,
    (RunState.QUEUED, RunState.RUNNING),
    _give_up,
    order=ImportRun.created_at,
    waits=(ImportRun.state == RunState.QUEUED) | ImportRun.lease_until.is_null(False),
)


def proceed(
    run: ImportRun,
    clock: Clock,
    before_end: Callable[[ImportRun], object] = lambda run: None,
    answers: Answers = frozenset(),
) -> Iterator[RunProgress]:
    """Read a claimed run to its end, yielding after each batch; the run is DONE or FAILED then.

    `before_end` is called when all rows are read and the run is not yet shown as ended. Progress, rejects and rows of a
    batch are written in one transaction. TakenOver if somebody else has claimed it.
    """
    content = bytes(ImportOriginal.get(ImportOriginal.run == run).content)
    try:
        with open_source(io.BytesIO(content), TableKind(run.kind).table, answers) as source:
            run.columns = list(source.heading.texts)
            run.ignored_columns = list(source.heading.unknown)
            yield from _read(run, source, clock)
        state, why = RunState.DONE, None
    except IntakeError as error:
        state, why = RunState.FAILED, {"sentence": error.sentence, "params": error.params}
    before_end(run)
    _finish(run, state, clock(), why)


def _read(run: ImportRun, source: Source, clock: Clock) -> Iterator[RunProgress]:
    kind = TableKind(run.kind)
    known = new_known(kind) if run.check_only else None
    origin = RowOrigin(run_id=run.id, account_id=run.account_id)
    tally = RunTally(**{field.name: getattr(run, field.name) for field in fields(RunTally)})
    for chunk in chunks(source, skip=tally.done):
        now = clock()
        before = asdict(tally)

        def beside(rows: list[Read], now=now, before=before) -> None:
            nonlocal tally
            tally = RunTally(**before)
            tally.add(rows)
            position = source.position()
            # How many rows there are is known at the end; until then it is told from the bytes read.
            total = tally.done * source.total // position if position else tally.done
            _advance(run, tally, max(total, tally.done), now)
            _keep_rejects(run, rows)

        with exclusive(Lock.INTAKE):
            rows = take(kind, chunk, now, origin, check_with=known, beside=beside)
        yield RunProgress(source.position(), source.total, tally, warnings_of(rows))


def warnings_of(rows: list[Read]) -> tuple[Problem, ...]:
    """Return the warnings of rows that went in; those of a rejected row stand beside its errors."""
    return tuple(p for read in rows if read.result.outcome is not RowOutcome.REJECTED for p in read.result.problems)


def _advance(run: ImportRun, tally: RunTally, total: int, now: dt.datetime) -> None:
    changes = asdict(tally) | {"total": total, "columns": run.columns, "ignored_columns": run.ignored_columns}
    if run.lease_until is not None:
        changes["lease_until"] = now + LEASE
    if not run.check_only:  # a check begins anew each time: it gets on only when it ends
        changes["tries"] = 0
    leases.hold(run, **changes)


def _finish(run: ImportRun, state: RunState, now: dt.datetime, error: dict | None) -> None:
    headings = {"columns": run.columns, "ignored_columns": run.ignored_columns}
    leases.hold(run, state=state, error=error, finished_at=now, lease_until=None, total=run.done, **headings)


def _keep_rejects(run: ImportRun, rows: list[Read]) -> None:
    rejected = [read for read in rows if read.result.outcome is RowOutcome.REJECTED]
    ids = new_ids(len(rejected)) if rejected else []
    values = [
        (number, run.id, read.line, dump_json(read.cells), dump_json([as_json(p) for p in read.result.problems]))
        for number, read in zip(ids, rejected, strict=True)
    ]
    write_rows("import_reject", ("id", "run_id", "line", "cells", "problems"), values)


def as_json(problem: Problem) -> dict[str, object]:
    """Return a problem as a JSON value."""
    return {
        "line": problem.line,
        "column": problem.column,
        "value": problem.value,
        "sentence": problem.sentence,
        "params": {name: str(value) for name, value in problem.params.items()},
        "severity": problem.severity,
    }


def from_json(value: dict) -> Problem:
    """Return the problem behind a JSON value of `as_json`."""
    return Problem(
        value["line"],
        value["column"],
        value["value"],
        value["sentence"],
        value["params"],
        Severity(value["severity"]),
    )


def rejects_of(run: ImportRun, after_line: int = 0, limit: int | None = None) -> Iterator[tuple[int, dict, list]]:
    """Yield (line, cells, problems) of the rejected rows in the order of the file."""
    query = (
        ImportReject.select(ImportReject.line, ImportReject.cells, ImportReject.problems)
        .where((ImportReject.run == run) & (ImportReject.line > after_line))
        .order_by(ImportReject.line)
        .limit(limit)
    )
    for line, cells, problems in query.tuples().iterator():
        yield line, _parsed(cells), [from_json(problem) for problem in _parsed(problems)]


def _parsed(value):
    return json.loads(value) if isinstance(value, str) else value


def has_rejects(run: ImportRun) -> bool:
    """Return whether some row stayed outside."""
    return bool(ImportReject.select(fn.COUNT(ImportReject.id)).where(ImportReject.run == run).scalar())


def heading_of(run: ImportRun) -> Heading:
    """Return the file's heading as it was understood."""
    return read_heading(run.columns, TableKind(run.kind).table)


def rejects_path(run: ImportRun, state_dir: Path) -> Path:
    """Return where the rejects file of an upload is kept; of the same kind as the file that came."""
    suffix = ".xlsx" if run.file_name.lower().endswith(".xlsx") else ".csv"
    return state_dir / "imports" / f"{encode(run.id)}-rejects{suffix}"


def write_rejects(run: ImportRun, path: Path) -> int:
    """Write the rejected rows into a file that can be mended and imported; return how many, no file for none."""
    if not run.columns or not has_rejects(run):
        return 0
    path.parent.mkdir(parents=True, exist_ok=True)
    with RejectsFile(path, heading_of(run)) as file:
        for line, cells, problems in rejects_of(run):
            file.write(line, cells, problems)
        return file.count


def _clean_name(name: str) -> str:
    """A file's name without its directories and without characters that no column can hold."""
    name = name.replace("\\", "/").rpartition("/")[2].replace("\0", "")
    return name.encode("utf-8", "replace").decode()[:200] or "—"
