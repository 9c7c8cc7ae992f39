"""Reading an .xlsx workbook within bounds, its cells as the text that a person sees."""

import datetime
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import BinaryIO

from python_calamine import CalamineError, CalamineSheet, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from webapp.domain.core.language import N_
from webapp.domain.intake.columns import Table, find_heading, has_required, known_headings
from webapp.domain.intake.doubts import HIDDEN_ROWS, MERGED, NO_STORED_VALUE, OTHER_SHEETS, Answer, Answers
from webapp.domain.parsing.archive import MAX_ROWS, MAX_SHEETS, check_archive, unreadable
from webapp.domain.parsing.problems import IntakeError
from webapp.domain.parsing.sheet_structure import code_text, read_structure

FORMULA_ERROR = "#N/A"
_LOOKED_AT = 30  # rows in which the heading is looked for: ten filled ones, with blank ones between
_EXACT_UP_TO = 10**15  # Excel keeps 15 significant digits; a longer number has lost its end


class Workbook:
    """The sheet that holds the table; `rows` are (row number in Excel, texts), read once.

    `settle` comes before a row below the heading is read. `left_out` are the other visible sheets with content.
    """

    def __init__(self, stream: BinaryIO, sheet: CalamineSheet, name: str, failed: Collection[tuple[int, int]]) -> None:
        self.sheet = name
        self.height = sheet.total_height
        self.left_out: tuple[str, ...] = ()
        self._others: tuple[str, ...] = ()
        self._left = (sheet.start or (0, 0))[1]
        self._structure = read_structure(stream, name)
        self._failed: dict[int, list[int]] = {}
        for row, column in failed:
            self._failed.setdefault(row, []).append(column)
        self._hidden: Collection[int] = frozenset()
        self._fill: dict[int, list[tuple[int, int]]] = {}
        self.rows = self._read(sheet)

    def note_others(self, left_out: Sequence[str], tables: Sequence[str]) -> None:
        """Name the sheets that are not read, and those of them that hold such a table too."""
        self.left_out, self._others = tuple(left_out), tuple(tables)

    def settle(self, heading_line: int, keys: Sequence[str], answers: Answers) -> None:
        """Apply the answers to what is doubtful; raises IntakeError naming what no answer decides."""
        if self._others:
            raise IntakeError(OTHER_SHEETS, {"sheet": self.sheet, "others": "、".join(self._others)[:200]})
        known = {number + self._left + 1: key for number, key in enumerate(keys)}
        for column, rows in self._structure.no_value.items():
            row = next((row for row in rows if row > heading_line), None)
            if row is not None and column in known:
                raise IntakeError(NO_STORED_VALUE, {"row": row, "column": known[column]})
        self._settle_hidden(heading_line, answers)
        self._settle_merged(heading_line, known, answers)

    def _settle_hidden(self, heading_line: int, answers: Answers) -> None:
        hidden = {row for row in self._structure.hidden if row > heading_line}
        if hidden and Answer.LEAVE_HIDDEN in answers:
            self._hidden = hidden
        elif hidden and Answer.TAKE_HIDDEN not in answers:
            raise IntakeError(HIDDEN_ROWS, {"n": len(hidden), "row": min(hidden)})

    def _settle_merged(self, heading_line: int, known: dict[int, str], answers: Answers) -> None:
        for top, left, bottom, right in self._structure.merged:
            if bottom <= heading_line or left not in known:
                continue
            if Answer.FILL_MERGED not in answers or right > left or bottom - top > MAX_ROWS:
                raise IntakeError(MERGED, {"row": top, "last": bottom, "column": known[left]})
            for row in range(top + 1, bottom + 1):
                self._fill.setdefault(row, []).append((left, top))

    def _read(self, sheet: CalamineSheet) -> Iterator[tuple[int, list[str]]]:
        structure, left, merged = self._structure, self._left, {}
        tops = {(top, column) for top, column, *_ in structure.merged}
        rows_of_tops = {top for top, _ in tops}
        # iter_rows begins with the first row of the sheet and, unlike to_python, makes no second copy of the whole
        for number, values in enumerate(sheet.iter_rows(), start=1):
            if number in self._hidden:
                continue
            if structure.has_formats:
                texts = [self._as_shown(value, number, n + left + 1) for n, value in enumerate(values)]
            else:
                texts = [value if type(value) is str else _as_text(value) for value in values]
            for column in self._failed.get(number, ()):
                # The reader gives an empty text for #N/A; taken for an empty cell, a failed look-up would pass unseen.
                place = column - 1 - left
                if 0 <= place < len(texts):
                    texts[place] = texts[place] or FORMULA_ERROR
            if number in rows_of_tops:
                for place, text in enumerate(texts):
                    if (number, place + left + 1) in tops:
                        merged[number, place + left + 1] = text
            if number in self._fill and any(texts):  # a row that is only the merged cell is no row
                for column, top in self._fill[number]:
                    place = column - 1 - left
                    if 0 <= place < len(texts):
                        texts[place] = merged.get((top, column), "")
            yield number, texts

    def _as_shown(self, value: object, row: int, column: int) -> str:
        if isinstance(value, int | float) and not isinstance(value, bool):
            pattern = self._structure.format_at(row, column)
            if pattern and 0 <= value < _EXACT_UP_TO and value == int(value):
                return code_text(value, pattern)
        return _as_text(value)


def read_workbook(stream: BinaryIO, table: Table) -> Workbook:
    """Open the sheet that holds the table.

    Takes the first visible sheet that has all required headings in its first ten rows, else the one with the most.
    Raises IntakeError for what is no .xlsx, is protected by a password, or exceeds a bound.
    """
    failed = check_archive(stream)
    stream.seek(0)
    filled, tables = [], []
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
            filled.append(name)
            first = [[_as_text(value) for value in row] for row in sheet.to_python(nrows=_LOOKED_AT)]
            place = find_heading(first, table)
            found = known_headings(first[place], table)
            if has_required(first[place], table):
                tables.append(name)
            if best is None or found > best[0]:
                best = (found, name, sheet)
    except (CalamineError, OSError, ValueError, IndexError) as error:
        raise unreadable() from error
    if best is None:
        raise IntakeError(N_("ファイルが空です。見出しの行と、1行以上の内容が必要です。"))
    _, name, sheet = best
    book = Workbook(stream, sheet, name, failed.get(name, frozenset()))
    book.note_others([other for other in filled if other != name], [other for other in tables if other != name])
    return book


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
