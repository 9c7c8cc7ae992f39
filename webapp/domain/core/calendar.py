"""Days and hours as people in Japan count them: JST days, working days, and when the contact centre answers."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import lru_cache
from typing import Protocol

import jpholiday

JST = timezone(timedelta(hours=9), "JST")
SATURDAY, SUNDAY = 5, 6
# A centre that is closed for this many days on end is closed for good: the search for the next opening stops.
LONGEST_CLOSURE = 60


@lru_cache(maxsize=4096)
def is_holiday(day: date) -> bool:
    """Whether `day` is a national holiday of Japan (substitute holidays included)."""
    return bool(jpholiday.is_holiday(day))


def jst_day(moment: datetime | date) -> date:
    """The day in Japan at `moment`; a plain date is already a day in Japan. A datetime must be aware."""
    if not isinstance(moment, datetime):
        return moment
    if moment.tzinfo is None:
        raise ValueError("a moment needs a time zone")
    if moment.tzinfo is JST:
        return moment.date()
    return moment.astimezone(JST).date()


def written_moment(moment: datetime) -> str:
    """Return a moment in Japan as mails in every language write it: 2026/11/23 14:05."""
    return f"{moment.astimezone(JST):%Y/%m/%d %H:%M}"


class ContactHours(Protocol):
    """What the settings say of the contact centre: hours, the closure around New Year, single closed days."""

    @property
    def contact_opens(self) -> int: ...
    @property
    def contact_closes(self) -> int: ...
    @property
    def contact_year_end(self) -> tuple[tuple[int, int], tuple[int, int]]: ...
    @property
    def contact_closed_days(self) -> tuple[date, ...]: ...


@dataclass(frozen=True)
class Opening:
    """Whether the contact centre answers: `closes_at` while it is open, `opens_at` while it is not (JST)."""

    open_now: bool
    opens_at: datetime | None
    closes_at: datetime | None


@dataclass(frozen=True)
class WorkingCalendar:
    """Working days and hours: not at weekends, on holidays or at year-end.

    The defaults are those of the contact centre in the CCUS internet application guide for technicians, section 7
    (9:00-17:00, closed on Saturdays, Sundays, holidays and at year-end). The guide gives no dates for year-end; 12/29
    to 1/3 is this product's setting. `closed_days` are single days more. Hours are JST, `closes` is excluded.
    """

    opens: time = time(9)
    closes: time = time(17)
    year_end_from: tuple[int, int] = (12, 29)
    year_end_to: tuple[int, int] = (1, 3)
    closed_weekdays: frozenset[int] = frozenset({SATURDAY, SUNDAY})
    closed_days: frozenset[date] = frozenset()

    def __post_init__(self) -> None:
        if self.opens >= self.closes:
            raise ValueError("the contact centre must open before it closes")
        if len(self.closed_weekdays) > 6:
            raise ValueError("at least one weekday must be a working day")

    @classmethod
    def of(cls, settings: ContactHours) -> "WorkingCalendar":
        """The calendar that the settings of the contact centre describe."""
        closes = time(settings.contact_closes) if settings.contact_closes < 24 else time.max
        return cls(
            time(settings.contact_opens),
            closes,
            *settings.contact_year_end,
            closed_days=frozenset(settings.contact_closed_days),
        )

    def is_year_end(self, day: date) -> bool:
        """Whether `day` falls into the closed days around New Year."""
        place = (day.month, day.day)
        if self.year_end_from <= self.year_end_to:
            return self.year_end_from <= place <= self.year_end_to
        return place >= self.year_end_from or place <= self.year_end_to

    def is_working(self, day: date) -> bool:
        """Whether people work on `day`."""
        return not (
            day.weekday() in self.closed_weekdays or day in self.closed_days or self.is_year_end(day) or is_holiday(day)
        )

    def add_working_days(self, day: date, count: int) -> date:
        """The `count`-th working day after `day` (`day` itself is not counted); `day` when `count` is 0."""
        if count < 0:
            raise ValueError("working days are counted forward")
        while count:
            day += timedelta(days=1)
            count -= self.is_working(day)
        return day

    def working_days_after(self, start: date, end: date) -> int:
        """How many working days lie after `start` up to and including `end`; 0 when `end` is not later."""
        return sum(self.is_working(day) for day in _days(start + timedelta(days=1), end))

    def hours_of(self, day: date) -> tuple[datetime, datetime] | None:
        """Opening and closing moment (JST) of `day`, None when closed."""
        if not self.is_working(day):
            return None
        return datetime.combine(day, self.opens, JST), datetime.combine(day, self.closes, JST)

    def opening(self, now: datetime) -> Opening:
        """Whether the contact centre is open at `now` (aware), until when, or when it opens next."""
        today = jst_day(now)
        for day in _days(today, today + timedelta(days=LONGEST_CLOSURE)):
            hours = self.hours_of(day)
            if hours is None or now >= hours[1]:
                continue
            if now >= hours[0]:
                return Opening(True, None, hours[1])
            return Opening(False, hours[0], None)
        return Opening(False, None, None)

    def business_time(self, start: datetime, end: datetime) -> timedelta:
        """How much opening time lies between two aware moments; zero when `end` is not later."""
        total = timedelta()
        for day in _days(jst_day(start), jst_day(end)):
            hours = self.hours_of(day)
            if hours is not None:
                total += max(timedelta(), min(end, hours[1]) - max(start, hours[0]))
        return total

    def business_hours(self, start: datetime, end: datetime) -> int:
        """The age of an inquiry in whole opening hours between two aware moments."""
        return self.business_time(start, end) // timedelta(hours=1)


def utc_start_of(day: date) -> datetime:
    """The first moment of a Japanese day, in UTC."""
    return datetime.combine(day, time(), JST).astimezone(UTC)


def _days(first: date, last: date) -> Iterator[date]:
    while first <= last:
        yield first
        first += timedelta(days=1)
