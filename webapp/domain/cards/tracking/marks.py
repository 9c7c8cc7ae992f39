"""What can be recognised inside text of the post's tracking pages: numbers, dates and times, offices.

All patterns look at a *narrow* copy of the text, in which full-width ASCII is ASCII and every character keeps its
place, so that labels and office names can be cut out of the original as they came.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from enum import StrEnum

from webapp.domain.cards.tracking.number import HYPHENS
from webapp.domain.core.calendar import JST

_NARROW = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    ord("\u3000"): " ",
    ord("\u00a0"): " ",
    ord("\u301c"): "~",
}
_H = f"[{HYPHENS}]"


def narrow(text: str) -> str:
    """The text with full-width ASCII and blanks made narrow; as long as before."""
    if text.isascii():
        return text
    return text.translate(_NARROW)


# What is copied along with words and cannot be seen: zero-width characters, marks of direction.
_UNSEEN = dict.fromkeys([*range(0x200B, 0x2010), *range(0x202A, 0x202F), *range(0x2060, 0x2065), 0xFEFF])


def visible(text: str) -> str:
    """The text without characters that take no room."""
    return text if text.isascii() else text.translate(_UNSEEN)


class Mark(StrEnum):
    """Kinds of what is recognised. `foreign`: a number of another service, whose lines are not a card's."""

    NUMBER = "number"
    FOREIGN = "foreign"
    DATE = "date"
    TIME = "time"


@dataclass(frozen=True)
class FoundMark:
    """Something recognised at [start, end) of the text. `digits` of a number, `day` and `clock` of a date or time."""

    mark: Mark
    start: int
    end: int
    digits: str = ""
    day: date | None = None
    clock: time | None = None
    zone: timezone = JST

    @property
    def moment(self) -> datetime | date | None:
        """The aware moment in JST, or the day when the time is not told."""
        if self.day is None or self.clock is None:
            return self.day
        return datetime.combine(self.day, self.clock, self.zone).astimezone(JST)


_MONTHS = {
    m: n for n, m in enumerate(["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"], 1)
}
_MONTH = "(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\\.?"
_DAY_NAME = r"(?:[月火水木金土日](?:曜日?)?|(?:mon|tue|wed|thu|fri|sat|sun)[a-z]*)"
_WEEKDAY = rf"(?:\s?\(?\s?{_DAY_NAME}(?:・?祝)?\s?\)|\s?[月火水木金土日]曜日?)?"
_CLOCK = (
    r"(?P<{p}half>午前|午後|[ap]m\s)?\s?(?P<{p}hour>[01]?\d|2[0-4])"
    r"(?::(?P<{p}minute>[0-5]\d)(?::(?P<{p}second>[0-5]\d)(?:\.\d+)?)?|時(?!間)(?:(?P<{p}minute2>[0-5]?\d)分)?)"
    r"(?![\d:])(?:\s?(?P<{p}after>[ap]m)\b)?(?P<{p}zone>z\b|[+]0[09]:?00\b)?"
)
_DAY = (
    r"(?:(?P<era>令和|平成|r|h)\s?(?P<eray>元|\d{1,2})\s?[年./-]\s?(?P<eram>\d{1,2})\s?[月./-]\s?(?P<erad>\d{1,2})\s?日?"
    r"|(?P<usm>\d{1,2})/(?P<usd>\d{1,2})/(?P<usy>\d{4})"
    r"|(?P<y>\d{4}|\d{2})\s?(?P<sep>[/.年-])\s?(?P<m>\d{1,2})\s?(?:月|(?P=sep))\s?(?P<d>\d{1,2})\s?日?"
    r"|(?P<packed>20\d{6})"
    rf"|(?P<enm>{_MONTH})\s?(?P<end>\d{{1,2}}),?\s(?P<eny>\d{{4}})"
    rf"|(?P<exd>\d{{1,2}})[ -](?P<exm>{_MONTH})[ -](?P<exy>\d{{4}})"
    r"|(?P<mm>\d{1,2})\s?(?:/|月\s?)(?P<md>\d{1,2})(?:日|(?![\d/])))"
)
# 11 digits as 3-2-5-1, in one piece, or in other groups joined by hyphens; a number may be broken after a hyphen.
_NUMBER = (
    rf"(?P<number>\d{{3}}(?:\s?{_H}\s*|[ ])\d{{2}}(?:\s?{_H}\s*|[ ])\d{{5}}(?:\s?{_H}\s*|[ ])\d|\d(?:{_H}?\d){{10}})"
    rf"(?!\d|{_H}\d)"
)
_PATTERN = re.compile(
    rf"(?<![\d/.A-Za-z])(?<!\d{_H})(?:"
    rf"(?P<foreign>[A-Z]{{2}}\s?\d{{3}}\s?\d{{3}}\s?\d{{3}}\s?[A-Z]{{2}}|\d{{4}}{_H}\d{{4}}{_H}\d{{4}}(?!\d)|\d{{12,}})"
    rf"|{_NUMBER}"
    rf"|(?P<date>{_DAY}){_WEEKDAY}(?:[\s,t]{{0,4}}{_CLOCK.format(p='d')}(?!\s?[~{HYPHENS}]\s?\d))?"
    rf"|(?P<time>(?<!\d:){_CLOCK.format(p='t')})(?!\s?[~{HYPHENS}]\s?\d)"
    rf")",
    re.IGNORECASE,
)
_PHONE_BEFORE = re.compile(r"(?:tel|fax|phone|電話|ダイヤル|ファックス)[^\n]{0,12}$", re.IGNORECASE)
_PHONE_SHAPE = re.compile(rf"0\d{{1,4}}{_H}\d{{1,4}}{_H}\d{{4}}$")
_AFTER_NUMBER_WORD = re.compile(r"(?:番号|number|no\.?)[^\n]{0,12}$", re.IGNORECASE)
_DIGITS = re.compile(r"\D+")

PREFECTURE = re.compile(r"^(?:東京都|北海道|京都府|大阪府|[^\s\d]{2,3}県)$")
POSTAL_CODE = re.compile(rf"〒?\s?(?<!\d)\d{{3}}{_H}\d{{4}}(?!\d)")
OFFICE = re.compile(r"(?:局|支店|センター|post\s?office|\bp\.?o\.?|branch)(?:[(（][^)）]*[)）])?$", re.IGNORECASE)


def find_marks(text: str, today: date) -> Iterator[FoundMark]:
    """Every number, date and time in narrow `text`, in order. A date without a year is the latest up to tomorrow."""
    for match in _PATTERN.finditer(text):
        kind = match.lastgroup
        start, end = match.span()
        if match["foreign"]:
            yield FoundMark(Mark.FOREIGN, start, end)
        elif match["number"]:
            before = text[max(0, start - 24) : start]
            if _PHONE_BEFORE.search(before):
                continue
            if _PHONE_SHAPE.match(match["number"]) and not _AFTER_NUMBER_WORD.search(before):
                continue
            yield FoundMark(Mark.NUMBER, start, end, digits=_DIGITS.sub("", match["number"]))
        elif match["date"]:
            day = _day(match, today)
            if day is not None:
                clock = _clock(match, "d")
                if clock is None and match["dhour"]:
                    end = match.end("date")
                yield FoundMark(Mark.DATE, start, end, day=day, clock=clock, zone=_zone(match["dzone"]))
        elif kind and (clock := _clock(match, "t")) is not None:
            yield FoundMark(Mark.TIME, start, end, clock=clock, zone=_zone(match["tzone"]))


def _day(match: re.Match[str], today: date) -> date | None:
    try:
        if match["era"]:
            first = 2018 if match["era"].lower() in ("令和", "r") else 1988
            year = 1 if match["eray"] == "元" else int(match["eray"])
            return date(first + year, int(match["eram"]), int(match["erad"]))
        if match["usy"]:
            month, day = int(match["usm"]), int(match["usd"])
            # The English page has the month first; a "month" above 12 was typed by somebody who has the day first.
            return date(int(match["usy"]), day, month) if month > 12 else date(int(match["usy"]), month, day)
        if match["y"]:
            year = int(match["y"])
            return date(year + 2000 if year < 100 else year, int(match["m"]), int(match["d"]))
        if match["packed"]:
            return datetime.strptime(match["packed"], "%Y%m%d").date()
        if match["enm"]:
            return date(int(match["eny"]), _MONTHS[match["enm"][:3].lower()], int(match["end"]))
        if match["exm"]:
            return date(int(match["exy"]), _MONTHS[match["exm"][:3].lower()], int(match["exd"]))
        return latest(int(match["mm"]), int(match["md"]), today)
    except ValueError:
        return None


def latest(month: int, day: int, today: date) -> date | None:
    """The latest such day up to tomorrow (a page can be a clock ahead of us); None when no calendar has it."""
    for year in range(today.year + 1, today.year - 9, -1):
        try:
            candidate = date(year, month, day)
        except ValueError:
            continue
        if candidate <= today + timedelta(days=1):
            return candidate
    return None


def _clock(match: re.Match[str], p: str) -> time | None:
    if not match[f"{p}hour"]:
        return None
    hour = int(match[f"{p}hour"])
    half = (match[f"{p}half"] or match[f"{p}after"] or "").strip().lower()
    if half in ("午後", "pm") and hour < 12:
        hour += 12
    elif half in ("午前", "am") and hour == 12:
        hour = 0
    try:
        return time(hour, int(match[f"{p}minute"] or match[f"{p}minute2"] or 0), int(match[f"{p}second"] or 0))
    except ValueError:
        return None


def _zone(text: str | None) -> timezone:
    if not text:
        return JST
    # Only UTC and Japan's own offset are read: "-16:00" behind a time is the end of a span of hours.
    return JST if text.startswith("+09") else UTC
