"""Dates and times as Japanese offices write them."""

import re
import unicodedata
from datetime import UTC, date, datetime, timedelta, timezone

from webapp.domain.core.calendar import JST
from webapp.domain.core.language import N_
from webapp.domain.parsing.problems import CellError

_NINE_HOURS = timedelta(hours=9)

# First and last Gregorian year of each era. Offices go on writing an old era for a while after it ended (平成31年10月),
# so the year decides and not the day; a year that the era never had (昭和65年) is refused.
ERAS = {
    "明治": (1868, 1912),
    "大正": (1912, 1926),
    "昭和": (1926, 1989),
    "平成": (1989, 2019),
    "令和": (2019, 2099),
}
_ERA_LETTERS = {"m": "明治", "t": "大正", "s": "昭和", "h": "平成", "r": "令和"}
_ERA_LETTERS |= {era[0]: era for era in ERAS}

_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)\Z", re.ASCII)
_SLASHED = re.compile(r"(\d{4})([/.-])(\d{1,2})\2(\d{1,2})\Z", re.ASCII)
_DATE = re.compile(
    r"(?:(?P<full>\d{4})(?P<month>\d\d)(?P<day>\d\d)"
    r"|(?:(?P<era>明治|大正|昭和|平成|令和|[mtshr明大昭平令])\s*\.?\s*(?P<era_year>\d{1,2}|元)|(?P<year>\d{4}))"
    r"(?:\s*年\s*(?P<month2>\d{1,2})\s*月\s*(?P<day2>\d{1,2})\s*日|\s*(?P<mark>[-/.])\s*(?P<month3>\d{1,2})\s*(?P=mark)\s*(?P<day3>\d{1,2})))"
    r"(?:\s*\([日月火水木金土]\))?",
    re.ASCII | re.IGNORECASE,
)
_TIME = re.compile(
    r"(?:\s*t\s*|\s*)(?P<half>午前|午後)?\s*(?P<hour>\d{1,2})(?:\s*:\s*(?P<minute>\d\d)(?::(?P<second>\d\d)(?:[.,]\d{1,9})?)?"
    r"|\s*時\s*(?P<minute2>\d{1,2})\s*分(?:\s*(?P<second2>\d{1,2})\s*秒)?)"
    r"\s*(?P<zone>z|[+-]\d\d:?\d\d|jst)?",
    re.ASCII | re.IGNORECASE,
)
_PLAIN_MOMENT = re.compile(r"(\d{4})[/-](\d{1,2})[/-](\d{1,2})[ T](\d{1,2}):(\d\d)(?::(\d\d))?\Z", re.ASCII)
_DASHES = str.maketrans(dict.fromkeys("‐‑‒–—―−ー", "-") | {"。": ".", "．": ".", "・": "."})

_MOST = 64  # characters; longer is no date, and would only cost time

NOT_A_DATE = N_("日付として読めません。2026/11/1、2026-11-01、20261101、令和8年11月1日 のように書いてください。")
NO_SUCH_DATE = N_("この日付は暦にありません。年・月・日を確かめてください。")
NO_SUCH_ERA_YEAR = N_("%(era)sに%(year)s年はありません。元号と年を確かめてください。")
NOT_A_MOMENT = N_("日時として読めません。2026/11/18 10:02 のように書いてください。")
NO_SUCH_TIME = N_("この時刻はありません。時・分・秒を確かめてください。")
TIME_IN_DATE = N_("日付だけを書いてください。時刻は要りません。")


def parse_date(text: str) -> date:
    """A day as written: 2026/11/1, 2026-11-01, 20261101, 2026.11.1, 令和8年11月1日, R8.11.1, 令元.5.1, any width.

    A time of 00:00 behind it (as Excel adds) is ignored. Two-digit years and Excel's serial numbers are refused:
    they would be guesses. Raises CellError.
    """
    match = _ISO.match(text)
    if match:
        return _day(int(match[1]), int(match[2]), int(match[3]))
    match = _SLASHED.match(text)
    if match:
        return _day(int(match[1]), int(match[3]), int(match[4]))
    day, rest = _read_day(_fold(text, NOT_A_DATE), NOT_A_DATE)
    if rest.strip():
        time = _TIME.fullmatch(rest.strip())
        if time is None:
            raise CellError(NOT_A_DATE)
        if any(int(time[part] or 0) for part in ("hour", "minute", "second", "minute2", "second2")):
            raise CellError(TIME_IN_DATE)
    return day


def parse_moment(text: str) -> datetime:
    """A day with or without a time, as aware UTC; without a zone it is Japan's, without a time it is 00:00 there.

    Takes the days of `parse_date` with 10:02, 午後3:05, 10:02:33, T10:02:33.123+09:00, Z, 10時2分, and 14 or 12 digits
    YYYYMMDDhhmm(ss). Raises CellError.
    """
    match = _PLAIN_MOMENT.match(text)
    if match:
        year, month, day, hour, minute, second = match.groups()
        return _at(_day(int(year), int(month), int(day)), int(hour), int(minute), int(second or 0), JST)
    folded = _fold(text, NOT_A_MOMENT)
    if folded.isdecimal() and folded.isascii() and len(folded) in (12, 14):
        folded = f"{folded[:8]} {folded[8:10]}:{folded[10:12]}:{folded[12:] or '00'}"
    day, rest = _read_day(folded, NOT_A_MOMENT)
    if not rest.strip():
        return _at(day, 0, 0, 0, JST)
    time = _TIME.fullmatch(rest.strip())
    if time is None:
        raise CellError(NOT_A_MOMENT)
    minute = time["minute"] or time["minute2"] or 0
    second = time["second"] or time["second2"] or 0
    return _at(day, _hour(time), int(minute), int(second), _zone(time["zone"]))


def _fold(text: str, unreadable: str) -> str:
    if len(text) > _MOST:
        raise CellError(unreadable)
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text).translate(_DASHES)
    return folded.strip()


def _read_day(text: str, unreadable: str) -> tuple[date, str]:
    match = _DATE.match(text)
    if match is None:
        raise CellError(unreadable)
    rest = text[match.end() :]
    if rest[:1].isdigit() and text[match.end() - 1].isdigit():
        raise CellError(unreadable)
    month = int(match["month"] or match["month2"] or match["month3"])
    day = int(match["day"] or match["day2"] or match["day3"])
    if not match["era"]:
        return _day(int(match["full"] or match["year"]), month, day), rest
    era = _ERA_LETTERS.get(match["era"].lower(), match["era"])
    era_year = 1 if match["era_year"] == "元" else int(match["era_year"])
    first, last = ERAS[era]
    if not 1 <= era_year <= last - first + 1:
        raise CellError(NO_SUCH_ERA_YEAR, era=era, year=match["era_year"])
    return _day(first + era_year - 1, month, day), rest


def _hour(time: re.Match[str]) -> int:
    hour = int(time["hour"])
    if not time["half"]:
        return hour
    if hour > 12:
        raise CellError(NO_SUCH_TIME)
    return hour % 12 + (12 if time["half"] == "午後" else 0)


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise CellError(NO_SUCH_DATE) from None


def _zone(text: str | None) -> timezone:
    if not text or text.lower() == "jst":
        return JST
    if text.lower() == "z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 14 or minutes > 59:
        raise CellError(NOT_A_MOMENT)
    offset = timedelta(hours=hours, minutes=minutes)
    return timezone(-offset if text[0] == "-" else offset)


def _at(day: date, hour: int, minute: int, second: int, zone: timezone) -> datetime:
    try:
        if zone is JST:  # the usual case, at half the price of a conversion
            return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=UTC) - _NINE_HOURS
        return datetime(day.year, day.month, day.day, hour, minute, second, tzinfo=zone).astimezone(UTC)
    except (ValueError, OverflowError):
        raise CellError(NO_SUCH_TIME) from None
