"""The stretch of days that a page speaks of, cut into days, weeks or months of Japan, and the one before it."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from webapp.domain.core import counters

LENGTHS = (7, 30, 90, 365)
# A custom range may be this long; two years of days are still a chart.
LONGEST = 732
# Beyond this many days bars stand for weeks, unless days are asked for.
MOST_DAYS = 100


class Grain(StrEnum):
    """How a period is cut."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"


@dataclass(frozen=True)
class Span:
    """Days from `since` to `until`, both included."""

    since: dt.date
    until: dt.date

    @property
    def days(self) -> int:
        """How many days there are."""
        return (self.until - self.since).days + 1

    def before(self) -> "Span":
        """Return the span of the same length that ends on the day before."""
        return Span(self.since - dt.timedelta(days=self.days), self.since - dt.timedelta(days=1))


@dataclass(frozen=True)
class Period(Span):
    """A span and how it is cut; the first and last part may be shorter than the others."""

    grain: Grain = Grain.DAY

    def parts(self) -> list[Span]:
        """Return the days, the weeks from Monday, or the months, oldest first."""
        return list(_parts(self.since, self.until, self.grain))


@dataclass(frozen=True)
class Month(Period):
    """A month of the calendar, or what has passed of it; the span before it is the whole month before."""

    def before(self) -> Span:
        """Return the month before, however long it is."""
        last = self.since - dt.timedelta(days=1)
        return Span(last.replace(day=1), last)


def usual_grain(days: int) -> Grain:
    """Return how a stretch of so many days is cut where nobody asks otherwise: a year of days is no row of bars."""
    return Grain.WEEK if days > MOST_DAYS else Grain.DAY


def month_of(day: dt.date, today: dt.date, grain: Grain = Grain.DAY) -> Month:
    """Return the month in which a day falls, no further than today."""
    return Month(day.replace(day=1), min(_last_of(day, Grain.MONTH), today), grain)


def last_days(length: int, now: dt.datetime, grain: Grain = Grain.DAY) -> Period:
    """Return the last `length` days in Japan, today included."""
    today = counters.day_of(now)
    return Period(today - dt.timedelta(days=length - 1), today, grain)


def _parts(since: dt.date, until: dt.date, grain: Grain) -> Iterator[Span]:
    day = since
    while day <= until:
        last = min(_last_of(day, grain), until)
        yield Span(day, last)
        day = last + dt.timedelta(days=1)


def _last_of(day: dt.date, grain: Grain) -> dt.date:
    if grain is Grain.WEEK:
        return day + dt.timedelta(days=6 - day.weekday())
    if grain is Grain.MONTH:
        return (day.replace(day=28) + dt.timedelta(days=4)).replace(day=1) - dt.timedelta(days=1)
    return day
