"""How far registrations came, how long they waited, what came back: plain rows from the daily counters alone."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from webapp.domain.cards.outcomes import Missed
from webapp.domain.core import counters, latency
from webapp.domain.core.counters import Figure
from webapp.domain.core.progress import Reached
from webapp.domain.notices.messages import MessageKind
from webapp.domain.reporting.figures import LEAST_VOLUME, days_of, of_kind, quantile, rows
from webapp.domain.reporting.periods import Period, Span


@dataclass(frozen=True)
class FunnelPart:
    """The registrations that were completed in a part of the period, by how far they have come."""

    span: Span
    reached: dict[Reached, int]


@dataclass(frozen=True)
class Funnel:
    """The same for the whole period, part by part, and the period before."""

    parts: list[FunnelPart]
    sum: dict[Reached, int]
    before: dict[Reached, int]


def funnel(period: Period) -> Funnel:
    """Return how far the registrations completed in a period have come until now."""
    days: dict[str, dict[str, int]] = defaultdict(dict)
    for day, step, n in rows(Figure.FUNNEL, period, "day, a"):
        days[day][step] = n
    before = dict(rows(Figure.FUNNEL, period.before(), "a"))
    parts = []
    for span in period.parts():
        days_of_part = [days[day.isoformat()] for day in days_of(span) if day.isoformat() in days]
        parts.append(FunnelPart(span, {step: sum(day.get(step, 0) for day in days_of_part) for step in Reached}))
    total = {step: sum(part.reached[step] for part in parts) for step in Reached}
    return Funnel(parts, total, {step: before.get(step, 0) for step in Reached})


@dataclass(frozen=True)
class Waited:
    """How long ID notices took from the completed registration to their first acceptance by a relay.

    `minutes` is at most 5% from the time that 95 of 100 did not exceed; `slow` notices are of its class or above.
    """

    sent: int
    minutes: float | None
    bucket: int
    slow: int


def waited(span: Span, role: str = "", percent: int = 95, least: int = LEAST_VOLUME) -> Waited:
    """Return how long the notices took that were first tried in a span; without minutes below the least volume."""
    condition, values = of_kind(MessageKind.ID_NOTICE, role)
    histogram = {int(number): n for number, n in rows(Figure.SENT_AFTER, span, "b", condition, values)}
    sent, number = sum(histogram.values()), quantile(histogram, percent)
    if number is None or sent < max(1, least):
        return Waited(sent, None, 0, 0)
    return Waited(sent, latency.minutes(number), number, sum(n for bucket, n in histogram.items() if bucket >= number))


@dataclass(frozen=True)
class ReturnedPart:
    """The postcards mailed in a part: how many, how many of them came back, and after how many days."""

    span: Span
    mailed: int
    returned: int
    median: int | None
    nine_of_ten: int | None
    provisional: bool

    def share(self, least: int = LEAST_VOLUME) -> float | None:
        """Return the share that came back; None below the least volume."""
        return self.returned / self.mailed if self.mailed >= max(1, least) else None


@dataclass(frozen=True)
class Returned:
    """The same for the whole period, part by part, and the period before."""

    parts: list[ReturnedPart]
    sum: ReturnedPart
    before: ReturnedPart


def postcard_returns(period: Period, now: dt.datetime, presumed_days: int = 10) -> Returned:
    """Return what came back of the postcards mailed in a period.

    A part is provisional while a postcard of it may still come back without being late.
    """
    open_from = counters.day_of(now - dt.timedelta(days=presumed_days))
    whole, before = Span(period.since, period.until), period.before()
    mailed = {day: n for day, n in rows(Figure.POSTCARDS, _both(period), "day", " AND a = ?", ("mailed",))}
    days: dict[str, dict[int, int]] = defaultdict(dict)
    for day, taken, n in rows(Figure.POSTCARD_RETURNS, _both(period), "day, a"):
        days[day][int(taken)] = n

    def part(span: Span) -> ReturnedPart:
        histogram: dict[int, int] = defaultdict(int)
        sent = 0
        for day in map(dt.date.isoformat, days_of(span)):
            sent += mailed.get(day, 0)
            for taken, n in days.get(day, {}).items():
                histogram[taken] += n
        middle, most = quantile(histogram, 50), quantile(histogram, 90)
        return ReturnedPart(span, sent, sum(histogram.values()), middle, most, span.until >= open_from)

    return Returned([part(span) for span in period.parts()], part(whole), part(before))


def _both(period: Period) -> Span:
    return Span(period.before().since, period.until)


@dataclass(frozen=True)
class Prefecture:
    """The cards posted to a prefecture: how many, and of how many the post reported what at worst."""

    name: str
    posted: int
    missed: dict[Missed, int]
    before: "Prefecture | None" = None

    def share(self, misfortune: Missed) -> float:
        """Return the share of a misfortune; there is at least one card."""
        return self.missed[misfortune] / self.posted

    @property
    def unlucky(self) -> float:
        """The share that was not handed over at once."""
        return sum(n for misfortune, n in self.missed.items() if misfortune) / self.posted


def prefectures(period: Period, least: int = LEAST_VOLUME) -> tuple[list[Prefecture], Prefecture | None]:
    """Return the prefectures to which enough cards were posted in a period, worst first, and the whole country.

    Each with the period before, where that has enough cards too.
    """
    before = {row.name: row for row in _by_prefecture(period.before()) if row.posted >= max(1, least)}
    now = _by_prefecture(period)
    found = [_beside(row, before.get(row.name)) for row in now if row.posted >= max(1, least)]
    found.sort(key=lambda row: (-row.unlucky, -row.posted, row.name))
    country = _together(now)
    return found, country and _beside(country, _together(list(before.values())))


def _by_prefecture(span: Span) -> list[Prefecture]:
    found: dict[str, dict[Missed, int]] = defaultdict(lambda: dict.fromkeys(Missed, 0))
    for name, misfortune, n in rows(Figure.SHIPMENTS, span, "a, b"):
        found[name][Missed(misfortune)] += n
    return [Prefecture(name, sum(missed.values()), missed) for name, missed in found.items()]


def _beside(row: Prefecture, before: Prefecture | None) -> Prefecture:
    return Prefecture(row.name, row.posted, row.missed, before)


def _together(counted: list[Prefecture]) -> Prefecture | None:
    missed = {misfortune: sum(row.missed[misfortune] for row in counted) for misfortune in Missed}
    return Prefecture("", sum(missed.values()), missed) if sum(missed.values()) else None
