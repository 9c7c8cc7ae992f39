"""Tables with headings: which column holds the number, the date, the label, the office."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from webapp.domain.cards.tracking.labels import Labels
from webapp.domain.cards.tracking.marks import narrow, visible

_SUFFIX = re.compile(r"[\s_]*(?:日時|年月日|日付|時刻|日|時間)$")
_INDEX = re.compile(r"[\s_(]*\d{1,2}\)?$")
_ASIDE = re.compile(r"\(.*$|[\s_/:]+|\n.*$", re.DOTALL)

_WORDS: dict[str, tuple[str, ...]] = {
    "number": (
        "お問い合わせ番号",
        "お問合せ番号",
        "お問合わせ番号",
        "お問い合せ番号",
        "問い合わせ番号",
        "問合せ番号",
        "問合番号",
        "追跡番号",
        "引受番号",
        "書留番号",
        "伝票番号",
        "郵便追跡番号",
        "郵便物番号",
        "送り状番号",
        "番号",
        "itemnumber",
        "itemno",
        "itemno.",
        "trackingnumber",
        "trackingno",
        "trackingno.",
        "tracking",
        "trackingid",
        "number",
        "inquirynumber",
    ),
    "date": (
        "状態発生日",
        "状態発生日時",
        "最新年月日",
        "最新年月日時",
        "年月日",
        "日時",
        "日付",
        "発生日",
        "発生日時",
        "処理日時",
        "処理日",
        "更新日時",
        "履歴日時",
        "最新日時",
        "状態日時",
        "状態日",
        "stateoccurrencedate",
        "date",
        "datetime",
        "at",
        "latestdate",
        "timestamp",
        "eventdate",
        "occurredat",
    ),
    "time": ("時刻", "時間", "発生時刻", "処理時刻", "time"),
    "label": (
        "配送履歴",
        "最新状態",
        "状態",
        "状況",
        "ステータス",
        "履歴",
        "配達状況",
        "配送状況",
        "最新状況",
        "最新ステータス",
        "追跡結果",
        "結果",
        "shippingtrackrecord",
        "status",
        "latesttrackrecord",
        "lateststatus",
        "trackrecord",
        "state",
        "label",
        "event",
        "description",
    ),
    "detail": ("詳細", "備考", "details", "detail", "note", "remarks"),
    "office": (
        "取扱局",
        "最新取扱局",
        "取扱店",
        "取扱郵便局",
        "局名",
        "担当局",
        "郵便局",
        "取扱局名",
        "office",
        "latestoffice",
        "postoffice",
        "location",
    ),
}
_KIND_OF = {word: kind for kind, words in _WORDS.items() for word in words}


_KEY = re.compile(
    r"^[ ]*(?P<key>"
    + "|".join(sorted(map(re.escape, (w for w in _KIND_OF if not w.isascii())), key=len, reverse=True))
    + r"|県名等|都道府県)[ ]*(?:[:：][ ]*|$)"
)


def without_key(line: str) -> str:
    """A line without the name of its column before it: 「取扱局：新宿郵便局」, or 「取扱局」 alone."""
    match = _KEY.match(line)
    return line[match.end() :] if match else line


@dataclass
class Columns:
    """Column indices by kind; several of a kind are one report each, from left to right.

    `wide` are columns headed by a label itself (引受日, お届け済み日時), whose cells are dates.
    """

    number: list[int] = field(default_factory=list)
    date: list[int] = field(default_factory=list)
    time: list[int] = field(default_factory=list)
    label: list[int] = field(default_factory=list)
    detail: list[int] = field(default_factory=list)
    office: list[int] = field(default_factory=list)
    wide: list[tuple[int, str]] = field(default_factory=list)

    @property
    def last(self) -> int:
        """The rightmost column that a report needs."""
        return max([*self.date, *self.label, *self.office])


def read_heading(cells: Sequence[str], labels: Labels) -> Columns | None:
    """The columns of a heading row; None when the row is no heading that tells where reports stand.

    A heading names a label column together with a number or date column, or a number column together with columns
    named after labels.
    """
    if any(len(cell) > 7 and narrow(cell[:4]).isdigit() for cell in cells):
        return None  # a date or a number: a row, not a heading
    columns = Columns()
    for index, cell in enumerate(cells):
        name = _ASIDE.sub("", unicodedata.normalize("NFKC", cell)).casefold()
        kind = _KIND_OF.get(name) or _KIND_OF.get(_INDEX.sub("", name))
        if kind:
            getattr(columns, kind).append(index)
        elif cell and _SUFFIX.search(name) and labels.has(_SUFFIX.sub("", name)):
            columns.wide.append((index, _SUFFIX.sub("", name)))
    if len(columns.number) > 1:
        columns.number = columns.number[:1]
    if columns.label and (columns.number or columns.date):
        return columns
    if columns.wide and columns.number:
        return columns
    return None


def cell_text(value: object) -> str:
    """A cell as text: dates as YYYY/MM/DD HH:MM:SS, whole numbers without a fraction, nothing as ""."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.strftime("%Y/%m/%d %H:%M:%S")
    if isinstance(value, date):
        return value.strftime("%Y/%m/%d")
    if isinstance(value, time):
        return value.strftime("%H:%M:%S")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return visible(str(value)).strip()


def serial_date(text: str) -> str | None:
    """A spreadsheet's day number (days since 1899-12-30, the time as a fraction) as a date; None for anything else."""
    try:
        days = float(text)
    except ValueError:
        return None
    if not 36_500 < days < 80_000:
        return None
    moment = datetime(1899, 12, 30) + timedelta(minutes=round(days * 1440))
    return moment.strftime("%Y/%m/%d") if float(text).is_integer() else moment.strftime("%Y/%m/%d %H:%M:%S")
