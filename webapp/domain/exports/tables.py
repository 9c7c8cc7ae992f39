"""Tables to take away: an .xlsx, first choice, or a CSV that Excel opens rightly.

People open a CSV in Excel, which turns a 14-digit ID into 1.23E+13 and runs a cell that begins with `=`. In the .xlsx
a text is a text, whatever it looks like, and a figure of a chart is a number. Both are written row by row into a file:
the memory does not grow with the list.
"""

import csv
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import xlsxwriter

from webapp.domain.parsing.injection import guard

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv"  # the answer says the charset
# What Excel takes in one cell.
_LONGEST = 32_767
_NARROWEST, _WIDEST = 8, 60  # columns, in digits

Cell = str | int | float | None


@dataclass(frozen=True)
class Sheet:
    """One table: its name, the names of its columns, and its rows, which may come one after the other.

    `notes` is read when the rows are through: sentences that stand below the table.
    """

    title: str
    heading: Sequence[str]
    rows: Iterable[Sequence[Cell]]
    percent: frozenset[int] = frozenset()  # columns whose numbers are shares
    notes: list[str] = field(default_factory=list)


def write_xlsx(path: Path, sheets: Iterable[Sheet]) -> None:
    """Write a workbook; what the writer needs meanwhile stands beside `path`."""
    options = {
        "constant_memory": True,
        "tmpdir": str(path.parent),
        "strings_to_formulas": False,
        "strings_to_urls": False,
        "strings_to_numbers": False,
    }
    taken: set[str] = set()
    with xlsxwriter.Workbook(str(path), options) as book:
        text, bold = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bold": True})
        number, share = book.add_format({"num_format": "#,##0.##"}), book.add_format({"num_format": "0.0%"})
        whole = book.add_format({"num_format": "#,##0"})  # under the other one Excel shows a dot behind it
        for sheet in sheets:
            page = book.add_worksheet(_name(sheet.title, taken))
            page.freeze_panes(1, 0)
            line = 0
            widths = [_width(words) + 3 for words in sheet.heading]  # the arrow of the filter stands beside the words
            for column, words in enumerate(sheet.heading):
                page.write_string(0, column, words, bold)
            for line, row in enumerate(sheet.rows, start=1):
                for column, cell in enumerate(row):
                    if isinstance(cell, int | float):
                        plain = whole if cell == int(cell) else number
                        page.write_number(line, column, cell, share if column in sheet.percent else plain)
                    elif cell:
                        page.write_string(line, column, cell[:_LONGEST], text)
                        if column < len(widths) and widths[column] < _WIDEST:
                            widths[column] = max(widths[column], _width(cell))
            for column, width in enumerate(widths):
                page.set_column(column, column, min(max(width, _NARROWEST), _WIDEST))
            if sheet.heading:
                page.autofilter(0, 0, line, len(sheet.heading) - 1)
            page.ignore_errors({"number_stored_as_text": f"A1:XFD{line + 1}"})  # an ID is a text, and no fault
            for words in sheet.notes:
                line += 1
                page.write_string(line, 0, words, text)


def _width(text: str) -> int:
    """How wide the first line of a text is, in digits, as far as a column may be wide."""
    return sum(1 if sign.isascii() else 2 for sign in text[:_WIDEST].partition("\n")[0]) + 1


def write_csv(path: Path, sheet: Sheet) -> None:
    """Write a CSV in UTF-8 with BOM; a cell that would run as a formula has an apostrophe before it."""
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
        writer.writerow([guard(words) for words in sheet.heading])
        for row in sheet.rows:
            # A number is ours and no formula, also below zero.
            writer.writerow([guard(cell) if isinstance(cell, str) else "" if cell is None else cell for cell in row])
        writer.writerows([guard(words)] for words in sheet.notes)


def _name(title: str, taken: set[str]) -> str:
    """Return a name that Excel takes for a sheet: 31 characters, none of []:*?/\\, each once."""
    plain = re.sub(r"[\[\]:*?/\\']", " ", title).strip()[:31] or "1"
    name, n = plain, 1
    while name.casefold() in taken:
        n += 1
        name = f"{plain[: 31 - len(str(n)) - 1]} {n}"
    taken.add(name.casefold())
    return name
