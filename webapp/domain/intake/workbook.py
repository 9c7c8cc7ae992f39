"""Reading an .xlsx workbook within bounds, its cells as the text that a person sees."""

import datetime
from collections.abc import Callable, Iterator
from typing import BinaryIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from webapp.domain.core.language import N_
from webapp.domain.intake.columns import Table, known_headings
from webapp.domain.parsing.archive import MAX_SHEETS, check_archive, unreadable
from webapp.domain.parsing.problems import IntakeError

FORMULA_ERROR = "#N/A"
_EXACT_UP_TO = 10**15  # Excel keeps 15 significant digits; a longer number has lost its end


def read_workbook(stream: BinaryIO, table: Table) -> tuple[str, int, Iterator[tuple[int, list[str]]]]:
    """The name of the sheet that holds the table, its height, and its rows as (row number in Excel, texts).

    Takes the first visible sheet whose first filled row has all required headings, else the one with the most.
    Raises IntakeError for what is no .xlsx, is protected by a password, or exceeds a bound.
    """
    failed = check_archive(stream)
    stream.seek(0)
    try:
        workbook = CalamineWorkbook.from_filelike(stream)
        names = [
            sheet.name
            for sheet in workbook.sheets_metadata
            if sheet.typ == SheetTypeEnum.WorkSheet and sheet.visible == SheetVisibleEnum.Visible
        ]
        best = None
        for name in names[:MAX_SHEETS]:
            sheet = workbook.get_sheet_by_name(name)
            if sheet.start is None:
                continue
            found = known_headings([_as_text(value) for value in sheet.to_python(nrows=1)[0]], table)
            if best is None or found > best[0]:
                best = (found, name, sheet)
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise unreadable() from error
    if best is None:
        raise IntakeError(N_("ファイルが空です。見出しの行と、1行以上の内容が必要です。"))
    _, name, sheet = best
    return name, sheet.total_height, _rows(sheet, failed.get(name, frozenset()))


def _rows(sheet: CalamineSheet, failed: frozenset[tuple[int, int]]) -> Iterator[tuple[int, list[str]]]:
    rows_with_errors: dict[int, list[int]] = {}
    for row, column in failed:
        rows_with_errors.setdefault(row, []).append(column - 1 - sheet.start[1])
    # iter_rows begins with the first row of the sheet and, unlike to_python, makes no second copy of the whole
    for number, values in enumerate(sheet.iter_rows(), start=1):
        texts = [value if type(value) is str else _as_text(value) for value in values]
        for place in rows_with_errors.get(number, ()):
            # The reader gives an empty text for #N/A; taken for an empty cell, a failed look-up would pass unseen.
            if 0 <= place < len(texts):
                texts[place] = texts[place] or FORMULA_ERROR
        yield number, texts


def _number(value: float) -> str:
    """A number as typed: no `.0`; what Excel has rounded is given in E notation so that it is refused as an ID."""
    if value != value or value in (float("inf"), float("-inf")):
        return str(value)
    if value == int(value):
        return str(int(value)) if abs(value) < _EXACT_UP_TO else f"{value:.14E}"
    return repr(value)


def _moment(value: datetime.datetime) -> str:
    text = value.isoformat(" ", "seconds")
    return text.removesuffix(" 00:00:00")


_AS_TEXT: dict[type, Callable] = {
    str: str,
    int: _number,
    float: _number,
    bool: lambda value: "TRUE" if value else "FALSE",
    datetime.datetime: _moment,
    datetime.date: datetime.date.isoformat,
    datetime.time: lambda value: value.isoformat("seconds"),
}


def _as_text(value: object) -> str:
    if value is None:
        return ""
    convert = _AS_TEXT.get(type(value))
    return convert(value) if convert else str(value)
