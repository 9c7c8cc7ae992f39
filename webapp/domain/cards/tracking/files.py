"""Files of tracking reports → texts and tables: text, CSV (UTF-8, UTF-16, CP932), Excel, a saved page."""

import csv
import io
import re
from collections.abc import Iterable, Sequence
from html.parser import HTMLParser

import python_calamine

from webapp.domain.core.language import N_
from webapp.domain.parsing.archive import check_archive
from webapp.domain.parsing.problems import IntakeError

LARGEST_FILE = 64 * 1024 * 1024
# All sheets are held at once, so fewer cells than a register may have: about 300 MB at this bound.
MOST_CELLS = 3_000_000

TOO_LARGE = N_("ファイルが大きすぎます（%(limit)s MBまで）。分けて読み込んでください。")
NOT_READABLE = N_("Excelファイルとして開けません。壊れていないか、パスワードが付いていないか確かめてください。")
OLD_FORMAT = N_("古い形式（.xls）か、パスワードの付いたExcelファイルは読めません。.xlsx で保存し直してください。")
NOT_TEXT = N_("文字コードが分かりません。UTF-8 か Shift_JIS（Excelの標準）で保存してください。")

Table = Sequence[Sequence[object]]


class UnreadableFile(ValueError):
    """A file that is no text, CSV or workbook; `sentence` and `parameters` say so to a person."""

    def __init__(self, sentence: str, **parameters: str) -> None:
        super().__init__(sentence % parameters)
        self.sentence = sentence
        self.parameters = parameters


def read_file(content: bytes, name: str = "") -> list[str | Table]:
    """The texts and tables in a file; what it is, its content decides before its name. Raises UnreadableFile."""
    if len(content) > LARGEST_FILE:
        raise UnreadableFile(TOO_LARGE, limit=str(LARGEST_FILE >> 20))
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        return list(_workbook(content))
    text = decode(content)
    if re.search(r"</?(?:html|body|table|t[rdh]|div|span|p|br|li|dl|d[td])\b[^<>\n]*>", text[:20_000], re.IGNORECASE):
        return [_page_text(text)]
    if name.lower().endswith(".csv") or _looks_like_csv(text):
        return [list(csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(text)))]
    return [text]


def decode(content: bytes) -> str:
    """Text from UTF-8 (with or without BOM), UTF-16 with BOM or CP932; raises UnreadableFile."""
    encodings = ("utf-16",) if content.startswith((b"\xff\xfe", b"\xfe\xff")) else ("utf-8-sig", "cp932")
    for encoding in encodings:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\0" not in text:
            return text
    raise UnreadableFile(NOT_TEXT)


def _workbook(content: bytes) -> Iterable[Table]:
    # A container of parts whose extent nobody can tell before it is read: the old Excel, and a locked new one.
    if not content.startswith(b"PK"):
        raise UnreadableFile(OLD_FORMAT)
    stream = io.BytesIO(content)
    try:
        check_archive(stream, MOST_CELLS)
    except IntakeError as problem:
        raise UnreadableFile(problem.sentence, **{name: str(value) for name, value in problem.params.items()}) from None
    stream.seek(0)
    try:
        with python_calamine.load_workbook(stream) as book:
            return [book.get_sheet_by_name(name).to_python() for name in book.sheet_names]
    except (python_calamine.CalamineError, python_calamine.ZipError, python_calamine.XmlError, OSError):
        raise UnreadableFile(NOT_READABLE) from None


def _looks_like_csv(text: str) -> bool:
    lines = [line for line in text.splitlines()[:50] if line.strip()]
    return "\t" not in text and len(lines) > 0 and sum(line.count(",") >= 2 for line in lines) * 2 > len(lines)


def _delimiter(text: str) -> str:
    head = text[:20_000]
    return max(",\t;", key=head.count)


class _Page(HTMLParser):
    """A saved page as a person would copy it: cells by tabs, rows by line ends."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self.hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in ("script", "style"):
            self.hidden += 1
        elif tag in ("td", "th"):
            self.parts.append("\t")
        elif tag in ("tr", "p", "div", "h1", "h2", "h3", "table", "li"):
            self.parts.append("\n")
        elif tag == "br":
            self.parts.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in ("script", "style") and self.hidden:
            self.hidden -= 1

    def handle_data(self, data: str) -> None:
        if not self.hidden:
            self.parts.append(re.sub(r"\s+", " ", data))


def _page_text(text: str) -> str:
    page = _Page()
    page.feed(text)
    page.close()
    return "\n".join(line.strip(" ").removeprefix("\t") for line in "".join(page.parts).split("\n"))
