"""Reading an .xlsx workbook within bounds, its cells as the text that a person sees."""

import datetime
import re
import zipfile
from collections.abc import Callable, Iterator
from typing import BinaryIO

from python_calamine import CalamineError, CalamineWorkbook, SheetTypeEnum, SheetVisibleEnum

from webapp.domain.intake.columns import Table, known_headings
from webapp.domain.intake.problems import IntakeError
from webapp.domain.language import N_

MAX_ENTRIES = 2_000
MAX_SHEETS = 50
MAX_OCTETS = 100 << 20
MAX_INFLATED = 1 << 30
MAX_RATIO = 300
MAX_ROWS = 300_000
MAX_CELLS = 12_000_000  # the reader holds a whole rectangle: about 400 MB at this bound
_RATIO_COUNTS_FROM = 1 << 20
_CHUNK = 1 << 20
_OVERLAP = 64
_REFERENCE = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]{1,3})([0-9]{1,10})\s*["']""")
_LONG_REFERENCE = re.compile(rb"""\br\s*=\s*["']\s*(?:[A-Za-z]{2,}[0-9]|[A-Za-z]+[0-9]{6,})[^"']*["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b(?:[^>]*?\br\s*=\s*["']\s*([0-9]{1,10}))?""")
_EXACT_UP_TO = 10**15  # Excel keeps 15 significant digits; a longer number has lost its end


def read_workbook(stream: BinaryIO, table: Table) -> tuple[str, int, Iterator[tuple[int, list[str]]]]:
    """The name of the sheet that holds the table, its height, and its rows as (row number in Excel, texts).

    Takes the first visible sheet whose first filled row has all required headings, else the one with the most.
    Raises IntakeError for what is no .xlsx, is protected by a password, or exceeds a bound.
    """
    check_archive(stream)
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
        raise _unreadable() from error
    if best is None:
        raise IntakeError(N_("ファイルが空です。見出しの行と、1行以上の内容が必要です。"))
    _, name, sheet = best
    return name, sheet.total_height, _rows(sheet)


def _rows(sheet) -> Iterator[tuple[int, list[str]]]:
    # iter_rows begins with the first row of the sheet and, unlike to_python, makes no second copy of the whole
    for number, values in enumerate(sheet.iter_rows(), start=1):
        yield number, [value if type(value) is str else _as_text(value) for value in values]


def _unreadable() -> IntakeError:
    return IntakeError(N_("Excel のファイルとして読めません。Excel で開き、.xlsx で保存し直してください。"))


def _too_large(what: str, bound: int) -> IntakeError:
    return IntakeError(
        N_("Excel のファイルが大きすぎます（%(what)sの上限は%(bound)s）。いくつかに分けるか、CSV で保存してください。"),
        {"what": what, "bound": f"{bound:,}"},
    )


def check_archive(stream: BinaryIO) -> None:
    """Refuse a .xlsx that would unpack to more than the bounds; raises IntakeError, reads with constant memory.

    The sizes that an archive declares can lie, so every sheet is unpacked once and its cell references are read:
    a single cell far away makes a reader allocate the whole rectangle up to it.
    """
    stream.seek(0, 2)
    if stream.tell() > MAX_OCTETS:
        raise _too_large(N_("ファイルの大きさ"), MAX_OCTETS)
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or len({entry.filename for entry in entries}) < len(entries):
                raise _unreadable()
            sheets = [entry for entry in entries if re.search(r"worksheets/[^/]+\.xml$", entry.filename, re.I)]
            if len(sheets) > MAX_SHEETS:
                raise _too_large(N_("シートの数"), MAX_SHEETS)
            inflated = cells = 0
            for entry in entries:
                size, extent = _measure(archive, entry)
                inflated += size
                cells += extent
                if inflated > MAX_INFLATED:
                    raise _too_large(N_("展開後の大きさ"), MAX_INFLATED)
                if cells > MAX_CELLS:
                    raise _too_large(N_("セルの数"), MAX_CELLS)
    except (zipfile.BadZipFile, OSError, EOFError, NotImplementedError, RuntimeError, ValueError) as error:
        if isinstance(error, IntakeError):
            raise
        raise _unreadable() from error
    except Exception as error:
        # zlib.error, lzma.LZMAError and struct.error of a damaged archive share no narrower base class
        raise _unreadable() from error


def _measure(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> tuple[int, int]:
    """The unpacked size of an entry in octets, and for a part with cells the area of the rectangle they span."""
    size = rows = widest = 0
    lowest = 0
    columns = 1
    tail = b""
    part = entry.filename.lower().endswith((".xml", ".rels"))
    sheet = part and b"worksheets" in entry.filename.lower().encode()
    with archive.open(entry) as content:
        while chunk := content.read(_CHUNK):
            if not size and part and chunk[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<"):
                raise _unreadable()
            size += len(chunk)
            if size > MAX_INFLATED or (size > _RATIO_COUNTS_FROM and size > MAX_RATIO * max(entry.compress_size, 1)):
                raise _too_large(N_("展開後の大きさ"), MAX_INFLATED)
            if part and b"<!DOCTYPE" in tail + chunk:
                raise _unreadable()
            if sheet:
                window = tail + chunk
                for match in _ROW.finditer(window):
                    rows += 1
                    if match[1]:
                        lowest = max(lowest, int(match[1]))
                for match in _LONG_REFERENCE.finditer(window):
                    reference = _REFERENCE.match(match[0])
                    if not reference:
                        raise _unreadable()
                    columns = max(columns, _column_number(reference[1]))
                    lowest = max(lowest, int(reference[2]))
                widest = max(widest, columns)
            tail = chunk[-_OVERLAP:]
    if not sheet:
        return size, 0
    lowest = max(lowest, rows)
    if lowest > MAX_ROWS:
        raise _too_large(N_("行の数"), MAX_ROWS)
    # Columns up to Z are not looked at one by one: 26 is the least width counted.
    return size, lowest * max(widest, 26)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number


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
