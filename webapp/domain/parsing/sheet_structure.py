"""What a reader of cells cannot tell of a sheet: merged cells, hidden rows, formulas without a value, formats of codes.

The part is read once more from the archive, after `archive.check_archive` has bounded it, a row at a time.
"""

import re
import zipfile
from bisect import bisect_right
from dataclasses import dataclass, field
from typing import BinaryIO
from xml.etree import ElementTree

from webapp.domain.parsing.archive import parts_of_sheets, place_of, unreadable

_CHUNK = 1 << 20
_LONGEST_ROW = 32 << 20  # octets of XML between two ends of rows
_MOST_STYLES = 16 << 20
_MOST_MERGES = 100_000
_STYLES = "xl/styles.xml"

_ROW_END = b"row>"
_KEPT = 64  # rows for each column: more than stand above any heading
# Tags have a bound, so that a part made to deceive costs no more than its length.
_ROW = re.compile(rb"""<(?:\w{1,9}:)?row\b([^<>]{0,400})>""")
_HIDDEN = re.compile(rb"""\bhidden=["'](?:1|true)["']""")
_ROW_NUMBER = re.compile(rb"""\sr=["'](\d{1,7})["']""")
_VALUE = re.compile(rb"<(?:\w{1,9}:)?(?:v|t)(?:\s[^<>]{0,100})?>[^<]")
_CELL = rb"""<(?:\w{1,9}:)?c(\s[^<>]{0,200}[^<>/])>"""
_NO_VALUE = re.compile(
    _CELL + rb"""\s{0,9}<(?:\w{1,9}:)?f\b(?:[^<>]{0,200}/>|[^<>]{0,200}>[^<]{0,9000}</(?:\w{1,9}:)?f>)\s{0,9}"""
    rb"""(?:<(?:\w{1,9}:)?v\s{0,9}/>|<(?:\w{1,9}:)?v>\s{0,9}</(?:\w{1,9}:)?v>)?\s{0,9}</(?:\w{1,9}:)?c>"""
)
_TEXT_RESULT = re.compile(rb"""\st=["']str["']""")  # without a value: a formula whose result is an empty text
_PLACE = re.compile(rb"""\sr=["']([A-Za-z]{1,3}\d{1,7})["']""")
_MERGE = re.compile(
    rb"""<(?:\w{1,9}:)?mergeCell\s[^<>]{0,100}?\bref=["']([A-Za-z]{1,3}\d{1,7}):([A-Za-z]{1,3}\d{1,7})["']"""
)
_STYLED = re.compile(_CELL)
_STYLE = re.compile(rb"""\ss=["'](\d{1,6})["']""")
_ZEROS = re.compile(r"0{2,20}(?:-0{1,20})*\Z")
_EXCEL_POSTAL_CODE = "[<=999]000;[<=9999]000-00;000-0000"


@dataclass(slots=True)
class SheetStructure:
    """Of one sheet; rows and columns count from 1.

    `merged` are (first row, first column, last row, last column); `hidden` the hidden rows that hold a value;
    `no_value` the first rows of each column with a formula that has no stored value; `formats` the rows of each column
    in which its format changes, and to which.
    """

    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    hidden: set[int] = field(default_factory=set)
    no_value: dict[int, list[int]] = field(default_factory=dict)
    formats: dict[int, tuple[list[int], list[str]]] = field(default_factory=dict)

    @property
    def has_formats(self) -> bool:
        """Whether some cell has the format of a code."""
        return bool(self.formats)

    def format_at(self, row: int, column: int) -> str:
        """The format of a code that a cell has, such as `0000000` or `000-0000`; empty for any other."""
        runs = self.formats.get(column)
        if runs is None:
            return ""
        place = bisect_right(runs[0], row) - 1
        return runs[1][place] if place >= 0 else ""

    def note_format(self, row: int, column: int, pattern: str) -> None:
        """Keep the format of a cell; a column mostly has one, so what is kept are the rows in which it changes."""
        rows, patterns = self.formats.setdefault(column, ([], []))
        if not patterns or patterns[-1] != pattern:
            rows.append(row)
            patterns.append(pattern)


def code_text(value: float, pattern: str) -> str:
    """A whole number as Excel shows it under the format of a code; raises ValueError for what does not fit one."""
    digits = str(int(value))
    if value != int(value) or value < 0:
        raise ValueError(value)
    digits = digits.zfill(pattern.count("0"))
    tail = []
    for group in reversed(pattern.split("-")[1:]):
        tail.append(digits[-len(group) :])
        digits = digits[: -len(group)]
    return "-".join([digits, *reversed(tail)])


def read_structure(stream: BinaryIO, sheet: str) -> SheetStructure:
    """Look through one sheet of a checked workbook; raises IntakeError for a damaged one."""
    found = SheetStructure()
    try:
        with zipfile.ZipFile(stream) as archive:
            part = parts_of_sheets(archive)[sheet]
            codes = _code_styles(archive)
            with archive.open(part) as content:
                rest = b""
                while chunk := content.read(_CHUNK):
                    window = rest + chunk
                    cut = window.rfind(_ROW_END) + len(_ROW_END)
                    if cut < len(_ROW_END):
                        cut = 0
                    if len(window) - cut > _LONGEST_ROW:
                        raise unreadable()
                    _look(window[:cut], found, codes)
                    rest = window[cut:]
                _look(rest, found, codes)
    except (KeyError, ValueError, zipfile.BadZipFile, ElementTree.ParseError) as error:
        raise unreadable() from error
    return found


def _look(text: bytes, found: SheetStructure, codes: dict[bytes, str]) -> None:
    if b"hidden=" in text:
        tags = list(_ROW.finditer(text))
        for tag, end in zip(tags, [*(tag.start() for tag in tags[1:]), len(text)], strict=True):
            number = _ROW_NUMBER.search(tag[1])
            if number and _HIDDEN.search(tag[1]) and _VALUE.search(text, tag.end(), end):
                found.hidden.add(int(number[1]))
    if b"<f" in text or b":f" in text:
        for match in _NO_VALUE.finditer(text):
            place = _PLACE.search(match[1])
            if place and not _TEXT_RESULT.search(match[1]):
                row, column = place_of(place[1])
                rows = found.no_value.setdefault(column, [])
                if len(rows) < _KEPT:
                    rows.append(row)
    if b"mergeCell" in text:
        found.merged += [(*place_of(match[1]), *place_of(match[2])) for match in _MERGE.finditer(text)]
        if len(found.merged) > _MOST_MERGES:
            raise unreadable()
    if codes:
        for match in _STYLED.finditer(text):
            style, place = _STYLE.search(match[1]), _PLACE.search(match[1])
            if place:
                row, column = place_of(place[1])
                pattern = codes.get(style[1], "") if style else ""
                if pattern or column in found.formats:
                    found.note_format(row, column, pattern)


def _code_styles(archive: zipfile.ZipFile) -> dict[bytes, str]:
    """The number of each cell style whose format shows a code, and its pattern of zeros and hyphens."""
    if _STYLES not in archive.namelist() or archive.getinfo(_STYLES).file_size > _MOST_STYLES:
        return {}
    root = ElementTree.fromstring(archive.read(_STYLES))
    formats, codes = {}, {}
    for element in root.iter():
        name = element.tag.rpartition("}")[2]
        if name == "numFmt":
            formats[element.get("numFmtId")] = _pattern(element.get("formatCode", ""))
        elif name == "cellXfs":
            for number, style in enumerate(element):
                if pattern := formats.get(style.get("numFmtId"), ""):
                    codes[str(number).encode()] = pattern
    return codes


def _pattern(code: str) -> str:
    plain = code.replace("\\", "").replace('"', "").removesuffix(";@").replace("[$-411]", "")
    if plain == _EXCEL_POSTAL_CODE:
        return "000-0000"
    return plain if _ZEROS.match(plain) else ""
