"""A table to take away: an .xlsx whose cells are all text, first choice, or a CSV that Excel opens rightly.

People open a CSV in Excel, which turns a 14-digit ID into 1.23E+13 and runs a cell that begins with `=`. The whole file
is made before any of it is sent: a streamed answer would hold a thread for as long as a slow phone reads.
"""

import csv
import io
from collections.abc import Iterable, Sequence

import xlsxwriter

from webapp.domain.intake.injection import guard

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CSV = "text/csv; charset=utf-8"


def as_xlsx(sheet: str, heading: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a workbook with one sheet; every cell is text."""
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    with xlsxwriter.Workbook(out, options) as book:
        page = book.add_worksheet(sheet)
        text, bold = book.add_format({"num_format": "@"}), book.add_format({"num_format": "@", "bold": True})
        page.set_column(0, len(heading) - 1, 24, text)
        page.freeze_panes(1, 0)
        for column, words in enumerate(heading):
            page.write_string(0, column, words, bold)
        for number, row in enumerate(rows, start=1):
            for column, words in enumerate(row):
                page.write_string(number, column, words, text)
    return out.getvalue()


def as_csv(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> bytes:
    """Return a CSV in UTF-8 with BOM; a cell that would run as a formula has an apostrophe before it."""
    out = io.StringIO()
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([guard(words) for words in heading])
    writer.writerows([guard(words) for words in row] for row in rows)
    return out.getvalue().encode("utf-8-sig")
