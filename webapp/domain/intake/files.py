"""Opening a file of registrations or businesses, CSV or .xlsx, as an iterator of rows."""

import io
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from webapp.domain.core.language import N_
from webapp.domain.intake import csv_text, workbook
from webapp.domain.intake.columns import (
    HEADING_ROWS,
    REJECT_COLUMNS,
    SHAPE,
    SURPLUS,
    Heading,
    Table,
    find_heading,
    has_required,
    read_heading,
    refuse_likely_columns,
)
from webapp.domain.intake.doubts import Answers
from webapp.domain.parsing.injection import unguard
from webapp.domain.parsing.problems import IntakeError

Cells = dict[str, str]
BROKEN_QUOTES = "quotes"
_END_OF_TEXT = "\x1a"  # what old systems write behind the last line


class SourceFormat(StrEnum):
    """How the file is written."""

    csv = "csv"
    xlsx = "xlsx"


@dataclass(slots=True)
class Source:
    """An opened file: what was understood of it, and `rows`, which can be read once.

    `rows` yields (line number as an editor or Excel shows it, {column: text}); a known column has the table's own
    name, an unknown one its heading. Blank rows are left out. `position()` and `total` are octets for CSV and rows
    for .xlsx. Use it as a context manager: it owns the open file.
    """

    kind: SourceFormat
    heading: Heading
    rows: Iterator[tuple[int, Cells]]
    total: int
    position: Callable[[], int]
    encoding: str = ""
    delimiter: str = ""
    sheet: str = ""
    heading_line: int = 1
    sheets_left_out: tuple[str, ...] = ()
    _close: Callable[[], None] = field(default=lambda: None, repr=False)

    def __enter__(self) -> "Source":
        return self

    def __exit__(self, *exc: object) -> None:
        self._close()


def open_source(file: Path | str | BinaryIO, table: Table, answers: Answers = frozenset()) -> Source:
    """Open a file by path, or a seekable binary stream (which the Source then closes); the content tells the kind.

    The heading is looked for in the first ten filled rows. Raises IntakeError with one sentence when the file cannot be
    opened, is no table, lacks a required column, or would lose something that no answer decides.
    """
    if isinstance(file, (str, Path)):
        try:
            stream: BinaryIO = io.BufferedReader(io.FileIO(file), 1 << 18)
        except OSError as error:
            raise IntakeError(
                N_("ファイル %(file)s を開けません（%(why)s）。"), {"file": str(file), "why": error.strerror or ""}
            ) from error
    else:
        stream = file
    try:
        stream.seek(0)
        magic = stream.read(8)
        if magic.startswith(b"PK\x03\x04"):
            return _open_workbook(stream, table, answers)
        if magic.startswith(b"\xd0\xcf\x11\xe0"):
            raise IntakeError(
                N_("古い形式（.xls）か、パスワード付きの Excel です。パスワードを外し、.xlsx で保存し直してください。")
            )
        return _open_csv(stream, table)
    except BaseException:
        stream.close()
        raise


def _open_csv(stream: BinaryIO, table: Table) -> Source:
    encoding, mark = csv_text.find_encoding(stream)
    stream.seek(0, 2)
    total = stream.tell()
    text = csv_text.open_text(stream, encoding, mark)
    first = list(itertools.islice((line for line in text if line.strip()), HEADING_ROWS))
    delimiter = csv_text.find_delimiter(first, table)
    text.detach()
    text = csv_text.open_text(stream, encoding, mark)
    rows = csv_text.read_rows(text, delimiter)
    (heading_line, cells, _), rows = _from_heading(rows, table)
    heading = read_heading(cells, table)
    refuse_likely_columns(heading, table)
    return Source(
        kind=SourceFormat.csv,
        heading=heading,
        rows=_csv_rows(rows, heading, table),
        total=total,
        position=stream.tell,
        encoding=encoding,
        delimiter=delimiter,
        heading_line=heading_line,
        _close=text.close,
    )


def _open_workbook(stream: BinaryIO, table: Table, answers: Answers) -> Source:
    book = workbook.read_workbook(stream, table)
    (heading_line, cells), rows = _from_heading(book.rows, table)
    heading = read_heading(cells, table)
    refuse_likely_columns(heading, table)
    book.settle(heading_line, heading.keys, answers)
    done = [0]
    return Source(
        kind=SourceFormat.xlsx,
        heading=heading,
        rows=_workbook_rows(rows, heading, done),
        total=book.height,
        position=lambda: done[0],
        sheet=book.sheet,
        heading_line=heading_line,
        sheets_left_out=book.left_out,
        _close=stream.close,
    )


def _from_heading(rows: Iterator, table: Table) -> tuple[tuple, Iterator]:
    """The heading row and the rows below it; a row is (line, cells, …)."""
    first: list[tuple] = []
    for row in rows:
        if any(cell.strip() for cell in row[1]):
            first.append(row)
            if len(first) == HEADING_ROWS or has_required(row[1], table):
                break
    if not first:
        raise IntakeError(N_("ファイルが空です。見出しの行と、1行以上の内容が必要です。"))
    place = find_heading([row[1] for row in first], table)
    return first[place], itertools.chain(first[place + 1 :], rows)


def _csv_rows(rows: Iterator[csv_text.Row], heading: Heading, table: Table) -> Iterator[tuple[int, Cells]]:
    keys = heading.keys
    width = len(keys)
    guarded = heading.from_rejects
    for line, cells, broken in rows:
        if not any(cells) or cells == [_END_OF_TEXT]:
            continue
        if guarded:
            cells = [unguard(cell) for cell in cells]
        if len(cells) == width and not broken:
            yield line, dict(zip(keys, cells, strict=True))
            continue
        row = dict(zip(keys, cells, strict=False))
        if broken:
            row[SHAPE] = BROKEN_QUOTES
        _note_shape(row, cells, keys, table)
        yield line, row


def _note_shape(row: Cells, cells: list[str], keys: tuple[str, ...], table: Table) -> None:
    """Mark a row that does not fit the heading, unless only empty cells are too many or harmless ones too few."""
    surplus = cells[len(keys) :]
    while surplus and not surplus[-1].strip():
        surplus.pop()
    for number, cell in enumerate(surplus, start=1):
        row[f"{SURPLUS}{number}"] = cell
    missing = keys[len(cells) :]
    if surplus or any(key in table.columns and key not in table.may_be_cut for key in missing):
        ours = sum(column in keys for column in REJECT_COLUMNS)
        row.setdefault(SHAPE, f"{len(cells) - ours}/{len(keys) - ours}")
    for key in missing:
        row[key] = ""


def _workbook_rows(
    rows: Iterator[tuple[int, list[str]]], heading: Heading, done: list[int]
) -> Iterator[tuple[int, Cells]]:
    keys = heading.keys
    width = len(keys)
    for line, cells in rows:
        done[0] = line
        if not any(cells):
            continue
        # Notes beside the table stand under no heading; in a sheet, unlike in a CSV, they cannot be shifted cells.
        yield line, dict(zip(keys, cells[:width], strict=True))
