"""Reading comma-, tab- or semicolon-separated text as offices send it, line by line."""

import codecs
import csv
import io
from collections import deque
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from webapp.domain.core.language import N_
from webapp.domain.intake.columns import Table, known_headings
from webapp.domain.parsing.problems import IntakeError

DELIMITERS = (",", "\t", ";")
MAX_ROW_LINES = 50  # more line feeds than this in one row are an unclosed quotation mark, not an address
_CHUNK = 1 << 20
_MAX_LINE = 4 << 20
_BOMS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))

Row = tuple[int, list[str], bool]


def find_encoding(stream: BinaryIO) -> tuple[str, int]:
    """The encoding of the whole stream and the length of its byte order mark in octets.

    A byte order mark decides; else UTF-8 if every octet fits; else CP932 if every octet fits; else the one that
    damages less, so that one broken row does not stop the file (its cells then hold U+FFFD and are refused).
    Raises IntakeError when neither fits by far or a line is longer than 4 MiB: that is no table of text.
    """
    stream.seek(0)
    head = stream.read(3)
    for mark, encoding in _BOMS:
        if head.startswith(mark):
            _decode_all(stream, encoding, "replace")
            return encoding, len(mark)
    _refuse_other_encodings(stream)
    for encoding in ("utf-8", "cp932"):
        try:
            _decode_all(stream, encoding, "strict")
        except UnicodeDecodeError:
            continue
        return encoding, 0
    damage = {encoding: _decode_all(stream, encoding, "replace") for encoding in ("utf-8", "cp932")}
    encoding = min(damage, key=lambda name: damage[name][0])
    lost, characters = damage[encoding]
    if lost > 10 + characters // 50:
        raise IntakeError(
            N_("文字コードが分かりません。UTF-8 または Shift_JIS（CP932）の CSV か、.xlsx で保存し直してください。")
        )
    return encoding, 0


def _refuse_other_encodings(stream: BinaryIO) -> None:
    """Raise IntakeError that names EUC-JP, JIS or UTF-16 without a byte order mark."""
    stream.seek(0)
    head = stream.read(4096)
    found = ""
    if b"\x1b$" in head:
        found = "JIS (ISO-2022-JP)"
    elif len(head) > 64 and head.count(0) > len(head) // 5:
        found = "UTF-16 (no BOM)"
    elif not head.isascii() and any(word in head for word in _EUC_HEADINGS):
        found = "EUC-JP"
    if found:
        raise IntakeError(
            N_(
                "文字コードが%(encoding)sです。UTF-8 または Shift_JIS（CP932）の CSV か、.xlsx で保存し直してください。"
            ),
            {"encoding": found},
        )


# Headings that every table has, as EUC-JP spells them; in CP932 and UTF-8 these octets are no words.
_EUC_HEADINGS = tuple(word.encode("euc_jp") for word in ("申請番号", "事業者", "氏名,", "氏名\t", "名称"))


def _decode_all(stream: BinaryIO, encoding: str, errors: str) -> tuple[int, int]:
    """Decode everything without keeping it; the number of replaced characters and of all characters."""
    stream.seek(0)
    decoder = codecs.getincrementaldecoder(encoding)(errors)
    lost = characters = without_end = 0
    while chunk := stream.read(_CHUNK):
        without_end = 0 if b"\n" in chunk or b"\r" in chunk else without_end + len(chunk)
        if without_end > _MAX_LINE:
            raise IntakeError(N_("とても長い行があり、表として読めません。CSV か .xlsx のファイルか確かめてください。"))
        text = decoder.decode(chunk)
        characters += len(text)
        if errors == "replace":
            lost += text.count("\ufffd")
    text = decoder.decode(b"", final=True)
    return lost + text.count("\ufffd"), characters + len(text)


def find_delimiter(first_lines: Sequence[str], table: Table) -> str:
    """The delimiter that finds the most headings of the table in one of the lines; a comma when none does."""

    def found(delimiter: str) -> int:
        return max((known_headings(_split(line, delimiter), table) for line in first_lines), default=0)

    return max(DELIMITERS, key=found)


def _split(line: str, delimiter: str) -> list[str]:
    """The cells of one line, whatever its quotation marks look like."""
    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        return line.rstrip("\r\n").split(delimiter)


def open_text(stream: BinaryIO, encoding: str, mark: int) -> io.TextIOWrapper:
    """The stream as text after its byte order mark, line ends untouched."""
    stream.seek(mark)
    return io.TextIOWrapper(stream, encoding=encoding, errors="replace", newline="")


class _TooManyLines(Exception):
    """A quoted cell runs over so many lines that its quotation mark is certainly not closed."""


class _Lines:
    """Hands lines to csv.reader and can take back those of a row that turned out to be broken."""

    __slots__ = ("pending", "returned", "text")

    def __init__(self, text: Iterator[str]) -> None:
        self.text = text
        self.pending: list[str] = []
        self.returned: deque[str] = deque()

    def __iter__(self) -> Iterator[str]:
        pending, returned = self.pending, self.returned
        while returned:
            line = returned.popleft()
            pending.append(line)
            if len(pending) > MAX_ROW_LINES:
                raise _TooManyLines
            yield line
        for line in self.text:
            pending.append(line)
            if len(pending) > MAX_ROW_LINES:
                raise _TooManyLines
            yield line

    def take_back(self) -> str:
        """The first line of the broken row; the lines after it will be read again as rows of their own."""
        first, *rest = self.pending
        self.returned.extendleft(reversed(rest))
        self.pending.clear()
        return first


def read_rows(text: Iterator[str], delimiter: str) -> Iterator[Row]:
    """Yield (line number where the row begins, cells, broken): broken means wrong quotation marks.

    A line number counts as an editor shows it, line feeds within quotation marks included. A broken row is given
    as its first line, split as well as can be; reading goes on with the next line.
    """
    lines = _Lines(text)
    pending = lines.pending
    line = 1
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        try:
            for cells in reader:
                yield line, cells, False
                line += len(pending)
                pending.clear()
            return
        except (csv.Error, _TooManyLines):
            yield line, _split(lines.take_back(), delimiter), True
            line += 1
            reader = csv.reader(lines, delimiter=delimiter, strict=True)
