"""The rejects file: the bad rows as they came, with 行 and 理由 beside them, to be mended and imported as it is."""

import csv
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType

import xlsxwriter

from webapp.domain.intake.columns import REJECT_COLUMNS, SURPLUS, Heading
from webapp.domain.intake.files import SourceFormat
from webapp.domain.parsing.injection import guard
from webapp.domain.parsing.problems import Problem, Severity

_EXCEL_CELL = 32_767
_EXCEL_ROWS = 1_048_576


def reason(problems: Iterable[Problem]) -> str:
    """The problems of a row in one cell: column and sentence, errors first, one a line of `／`."""
    ordered = sorted(problems, key=lambda problem: problem.severity is not Severity.error)
    return " ／ ".join(f"{p.column}: {p.in_japanese()}" if p.column else p.in_japanese() for p in ordered)


class RejectsFile:
    """Writes rejected rows to `path`, as CSV (UTF-8 with BOM) or .xlsx by its suffix.

    The columns are those of the source in their order, unknown ones too, then 行 and 理由 (those of an earlier
    rejects file are replaced). The file appears under its name when closed without an exception; until then it
    grows beside it as `….part`, so that what is there is always whole. `count` is the number of rows written.

    Cells are given back exactly on import: in a CSV a cell that Excel would run as a formula gets an apostrophe that
    the import removes (see `injection`); in .xlsx every cell is text. What a row had too many stands after 理由.
    """

    def __init__(self, path: Path, heading: Heading) -> None:
        self.path = path
        self.count = 0
        self._kind = SourceFormat.xlsx if path.suffix.lower() == ".xlsx" else SourceFormat.csv
        self._part = path.with_name(path.name + ".part")
        columns = [(text, key) for text, key in zip(heading.texts, heading.keys, strict=True)]
        columns = [(text, key) for text, key in columns if key not in REJECT_COLUMNS]
        self._keys = [key for _, key in columns]
        texts = [*(text for text, _ in columns), *REJECT_COLUMNS]
        if self._kind is SourceFormat.csv:
            self._file = self._part.open("w", encoding="utf-8-sig", newline="", errors="replace")
            self._csv = csv.writer(self._file, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
            self._csv.writerow([guard(text) for text in texts])
        else:
            self._book = xlsxwriter.Workbook(
                os.fspath(self._part), {"constant_memory": True, "strings_to_formulas": False, "strings_to_urls": False}
            )
            self._sheet = self._book.add_worksheet("rejects")
            self._format = self._book.add_format({"num_format": "@"})
            self._sheet.set_column(0, max(len(texts) - 1, 0), 16, self._format)
            self._sheet.freeze_panes(1, 0)
            self._write_sheet_row(0, texts)

    def write(self, line: int, cells: Mapping[str, str], problems: Iterable[Problem]) -> None:
        """Add one rejected row with what is wrong with it."""
        values = [cells.get(key, "") for key in self._keys]
        values += [str(line), reason(problems)]
        number = 1
        while (surplus := cells.get(f"{SURPLUS}{number}")) is not None:
            values.append(surplus)
            number += 1
        self.count += 1
        if self._kind is SourceFormat.csv:
            self._csv.writerow([guard(value) for value in values])
        elif self.count < _EXCEL_ROWS:
            self._write_sheet_row(self.count, values)

    def _write_sheet_row(self, row: int, values: list[str]) -> None:
        for column, value in enumerate(values):
            self._sheet.write_string(row, column, value[:_EXCEL_CELL], self._format)

    def __enter__(self) -> "RejectsFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._kind is SourceFormat.csv:
            self._file.close()
        else:
            self._book.close()
        if kind is None:
            os.replace(self._part, self.path)
        else:
            self._part.unlink(missing_ok=True)
