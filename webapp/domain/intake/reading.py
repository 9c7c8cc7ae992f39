"""A source, batch by batch: cleaned, decided, written, and what became of each row."""

import datetime as dt
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from peewee import IntegrityError

from db.database import transaction
from webapp.domain.intake import registrations
from webapp.domain.intake.businesses import KnownBusinesses, register_businesses
from webapp.domain.intake.columns import BUSINESSES, REGISTRATIONS, Table
from webapp.domain.intake.files import Cells, Source
from webapp.domain.intake.known import Known
from webapp.domain.intake.outcomes import RowOrigin, RowOutcome, RowResult
from webapp.domain.intake.rows import clean_business, clean_registration
from webapp.domain.parsing.problems import Problem, Severity

BATCH_ROWS = registrations.MOST_ROWS
_TRIES = 3


class TableKind(StrEnum):
    """What a file holds."""

    BUSINESSES = "businesses"
    REGISTRATIONS = "registrations"

    @property
    def table(self) -> Table:
        """The columns of such a file."""
        return BUSINESSES if self is TableKind.BUSINESSES else REGISTRATIONS


class Read(NamedTuple):
    """One row of the source and what became of it."""

    line: int
    cells: Cells
    result: RowResult


@dataclass(slots=True)
class RunTally:
    """How many rows of each outcome; `warned` counts rows with a warning, whatever became of them."""

    done: int = 0
    accepted: int = 0
    updated: int = 0
    unchanged: int = 0
    rejected: int = 0
    warned: int = 0

    def add(self, rows: list[Read]) -> None:
        """Count a batch."""
        self.done += len(rows)
        for read in rows:
            outcome = read.result.outcome
            setattr(self, outcome, getattr(self, outcome) + 1)
            if any(problem.severity is Severity.warning for problem in read.result.problems):
                self.warned += 1


def new_known(kind: TableKind) -> Known | KnownBusinesses:
    """Return what is known before the first row; only a check keeps it over several batches."""
    return KnownBusinesses() if kind is TableKind.BUSINESSES else Known()


def chunks(source: Source, skip: int = 0, size: int = BATCH_ROWS) -> Iterator[list[tuple[int, Cells]]]:
    """Yield the rows of a source in batches, without the first `skip`."""
    rows = itertools.islice(source.rows, skip, None)
    while chunk := list(itertools.islice(rows, size)):
        yield chunk


def take(
    kind: TableKind,
    chunk: list[tuple[int, Cells]],
    now: dt.datetime,
    origin: RowOrigin,
    *,
    check_with: Known | KnownBusinesses | None = None,
    beside: Callable[[list[Read]], None] = lambda rows: None,
) -> list[Read]:
    """Clean, decide and write a batch in one transaction of its own; return what became of each row, in order.

    `check_with` decides with what is known and writes nothing. `beside` writes what belongs to the same transaction. A
    batch that meets another writer's row (a correction by an operator at that moment) is decided again.
    """
    cleaned = [_clean(kind, line, cells, now) for line, cells in chunk]
    good = [row for row in cleaned if not isinstance(row, list)]
    for left in reversed(range(_TRIES)):
        try:
            with transaction():
                if kind is TableKind.BUSINESSES:
                    decided = register_businesses(good, now, origin, check_with, check=check_with is not None)
                else:
                    decided = registrations.register(good, now, origin, check_with, check=check_with is not None)
                results = iter(decided)
                rows = [
                    Read(line, cells, _unreadable(line, cells, kind, row) if isinstance(row, list) else next(results))
                    for (line, cells), row in zip(chunk, cleaned, strict=True)
                ]
                beside(rows)
            return rows
        except IntegrityError:
            if not left:
                raise
    raise AssertionError("unreachable")


def _clean(kind: TableKind, line: int, cells: Cells, now: dt.datetime):
    return clean_business(line, cells) if kind is TableKind.BUSINESSES else clean_registration(line, cells, now)


def _unreadable(line: int, cells: Cells, kind: TableKind, problems: list[Problem]) -> RowResult:
    number = cells.get("事業者ID" if kind is TableKind.BUSINESSES else "申請番号", "").strip()
    return RowResult(line, number[:64], RowOutcome.REJECTED, tuple(problems))
