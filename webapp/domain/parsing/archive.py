"""The archive of an .xlsx looked through before it is read: its bounds, and the cells whose formula failed."""

import posixpath
import re
import zipfile
from typing import BinaryIO
from xml.etree import ElementTree

from webapp.domain.core.language import N_
from webapp.domain.parsing.problems import IntakeError

MAX_ENTRIES = 2_000
MAX_SHEETS = 50
MAX_OCTETS = 100 << 20
MAX_INFLATED = 1 << 30
MAX_RATIO = 300
MAX_ROWS = 300_000
MAX_CELLS = 12_000_000  # the reader holds a whole rectangle: about 400 MB at this bound
_RATIO_COUNTS_FROM = 1 << 20
_LIST_OF_SHEETS = 4 << 20
_CHUNK = 1 << 20
_OVERLAP = 128
_REFERENCE = re.compile(rb"""\br\s*=\s*["']\s*([A-Za-z]{1,3})([0-9]{1,10})\s*["']""")
_LONG_REFERENCE = re.compile(rb"""\br\s*=\s*["']\s*(?:[A-Za-z]{2,}[0-9]|[A-Za-z]+[0-9]{6,})[^"']*["']""")
_ROW = re.compile(rb"""<(?:\w+:)?row\b(?:[^>]*?\br\s*=\s*["']\s*([0-9]{1,10}))?""")
_ERROR_CELL = re.compile(rb"""<(?:\w+:)?c\b([^<>]{0,100}\bt=["']e["'][^<>]{0,100})>""")

# A declared number of items makes the reader reserve that much memory, and the process dies when it cannot.
_HUGE_COUNT = re.compile(rb"""ount(?:\s{0,9}=\s{0,9}["']\s{0,9}\+?(?:[0-9]{8}|[0-9]{0,7}&)|\s{10}|\s{0,9}=\s{10})""")

Places = set[tuple[int, int]]


def unreadable() -> IntakeError:
    """The one answer to a file that is damaged or made to deceive."""
    return IntakeError(N_("Excel のファイルとして読めません。Excel で開き、.xlsx で保存し直してください。"))


def _too_large(limited: str, bound: int) -> IntakeError:
    return IntakeError(
        N_("Excel のファイルが大きすぎます（%(what)sの上限は%(bound)s）。いくつかに分けるか、CSV で保存してください。"),
        {"what": limited, "bound": f"{bound:,}"},
    )


def check_archive(stream: BinaryIO, most_cells: int | None = None) -> dict[str, frozenset[tuple[int, int]]]:
    """Refuse a .xlsx that would unpack to more than the bounds; raises IntakeError, reads with constant memory.

    Whoever gives a workbook of somebody else's to a reader asks here first; a test holds this.

    The sizes that an archive declares can lie, so every part is unpacked once and its cell references are read: a
    single cell far away makes a reader allocate the whole rectangle up to it. Any part can be named as a sheet, so
    every part is looked through. Answers the cells (row, column; both from 1) with a failed formula by sheet name.
    """
    most_cells = most_cells or MAX_CELLS
    stream.seek(0, 2)
    if stream.tell() > MAX_OCTETS:
        raise _too_large(N_("ファイルの大きさ"), MAX_OCTETS)
    stream.seek(0)
    try:
        with zipfile.ZipFile(stream) as archive:
            entries = archive.infolist()
            if len(entries) > MAX_ENTRIES or len({entry.filename for entry in entries}) < len(entries):
                raise unreadable()
            inflated = cells = 0
            failed: dict[str, Places] = {}
            for entry in entries:
                places: Places = set()
                size, extent = _measure(archive, entry, places)
                if places:
                    failed[entry.filename] = places
                inflated += size
                cells += extent
                if inflated > MAX_INFLATED:
                    raise _too_large(N_("展開後の大きさ"), MAX_INFLATED)
                if cells > most_cells:
                    raise _too_large(N_("セルの数"), most_cells)
            parts = parts_of_sheets(archive)
            if len(parts) > MAX_SHEETS:
                raise _too_large(N_("シートの数"), MAX_SHEETS)
            return {name: frozenset(failed.get(part, ())) for name, part in parts.items()}
    except IntakeError:
        raise
    except Exception as error:
        # zipfile.BadZipFile, zlib.error, struct.error, XML and encoding errors of a damaged archive share no base class
        raise unreadable() from error


def parts_of_sheets(archive: zipfile.ZipFile) -> dict[str, str]:
    """The file name inside the archive of each sheet by its name, as the workbook's own list and relations say."""
    if max(archive.getinfo(name).file_size for name in (_WORKBOOK, _RELATIONS)) > _LIST_OF_SHEETS:
        raise unreadable()
    targets = {item.get("Id"): item.get("Target", "") for item in ElementTree.fromstring(archive.read(_RELATIONS))}
    parts = {}
    for element in ElementTree.fromstring(archive.read(_WORKBOOK)).iter():
        if element.tag.rpartition("}")[2] == "sheet":
            relation = next((value for key, value in element.items() if key.endswith("}id")), None)
            target = targets.get(relation, "")
            path = target.lstrip("/") if target.startswith("/") else posixpath.normpath(f"xl/{target}")
            parts[element.get("name", "")] = path
    return parts


_WORKBOOK = "xl/workbook.xml"
_RELATIONS = "xl/_rels/workbook.xml.rels"


def _measure(archive: zipfile.ZipFile, entry: zipfile.ZipInfo, failed: Places) -> tuple[int, int]:
    """The unpacked size of a part in octets and the area of the rectangle its cells span; fills in `failed`."""
    size = rows = lowest = 0
    columns = 26  # references up to Z are not looked at one by one, so this is the least width counted
    tail = b""
    with archive.open(entry) as content:
        while chunk := content.read(_CHUNK):
            if not size and chunk[:2] in (b"\xff\xfe", b"\xfe\xff", b"<\x00", b"\x00<"):
                raise unreadable()
            size += len(chunk)
            if size > MAX_INFLATED or (size > _RATIO_COUNTS_FROM and size > MAX_RATIO * max(entry.compress_size, 1)):
                raise _too_large(N_("展開後の大きさ"), MAX_INFLATED)
            window = tail + chunk
            if b"<!DOCTYPE" in window or _HUGE_COUNT.search(window):
                raise unreadable()
            for match in _ROW.finditer(window):
                rows += 1
                if match[1]:
                    lowest = max(lowest, int(match[1]))
            for match in _LONG_REFERENCE.finditer(window):
                reference = _REFERENCE.match(match[0])
                if not reference:
                    raise unreadable()
                columns = max(columns, _column_number(reference[1]))
                lowest = max(lowest, int(reference[2]))
            if b't="e"' in window or b"t='e'" in window:
                for match in _ERROR_CELL.finditer(window):
                    reference = _REFERENCE.search(match[1])
                    if reference:
                        failed.add((int(reference[2]), _column_number(reference[1])))
            tail = chunk[-_OVERLAP:]
    lowest = max(lowest, rows)
    if lowest > MAX_ROWS:
        raise _too_large(N_("行の数"), MAX_ROWS)
    return size, lowest * columns


def place_of(reference: bytes) -> tuple[int, int]:
    """The row and the column, both from 1, of a reference such as B12."""
    letters = reference.rstrip(b"0123456789")
    return int(reference[len(letters) :]), _column_number(letters)


def _column_number(letters: bytes) -> int:
    number = 0
    for letter in letters.upper():
        number = number * 26 + letter - 64
    return number
