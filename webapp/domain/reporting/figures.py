"""What became of notices, postcards and cards in a period: plain rows, read from the daily counters alone.

The bounce rate of a cohort is the notices that failed hard among those that a relay has accepted or that were finally
refused, by the day of their first attempt in Japan (docs/dashboard.md). What a relay has accepted stays accepted when
it came back and waits for another try; what no relay has accepted yet is neither.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

from db.rows import values_of
from webapp.domain.bounce.model import ReasonClass
from webapp.domain.core import counters
from webapp.domain.core.counters import Figure
from webapp.domain.notices.messages import ACCEPTED, MessageKind, MessageState
from webapp.domain.reporting.periods import Period, Span

CLASSES = (ReasonClass.DEAD, ReasonClass.REFUSED, ReasonClass.TEMPORARY, ReasonClass.OURS)
# What a rate divides by whatever it was before, and what is not decided yet. A notice in any other state is counted
# too once a relay has accepted it.
COUNTED = (MessageState.SENT, MessageState.DELIVERED, MessageState.FAILED)
UNDECIDED = (
    MessageState.QUEUED,
    MessageState.SENDING,
    MessageState.SENT,
    MessageState.WAITING_RETRY,
    MessageState.RECONCILIATION,
)
# Below this a rate says more about chance than about mail.
LEAST_VOLUME = 20


@dataclass
class Outcomes:
    """Notices that belong together: how many were counted, failed by class, and are not decided yet."""

    counted: int = 0
    undecided: int = 0
    total: int = 0
    failed: dict[str, int] = field(default_factory=lambda: dict.fromkeys(CLASSES, 0))

    def rate(self, failure: str = ReasonClass.DEAD, least: int = LEAST_VOLUME) -> float | None:
        """Return the share of a class, 0 to 1; None below the least volume, where chance would speak."""
        return self.failed[failure] / self.counted if self.counted >= max(1, least) else None

    def add(self, state: str, outcome: str, n: int) -> None:
        """Count `n` notices in a state; `outcome` is the class of those that failed, or says that a relay took them."""
        self.total += n
        self.counted += n if state in COUNTED or outcome == ACCEPTED else 0
        self.undecided += n if state in UNDECIDED else 0
        if state == MessageState.FAILED:
            self.failed[outcome] += n

    def __add__(self, other: "Outcomes") -> "Outcomes":
        failed = {key: self.failed[key] + other.failed[key] for key in CLASSES}
        return Outcomes(
            self.counted + other.counted, self.undecided + other.undecided, self.total + other.total, failed
        )


@dataclass(frozen=True)
class Cohort:
    """A part of the period; provisional while returned mail may still be on its way."""

    span: Span
    tally: Outcomes
    provisional: bool


@dataclass(frozen=True)
class Notices:
    """All figures of notices of a period, with the sum of the period before it."""

    cohorts: list[Cohort]
    sum: Outcomes
    before: Outcomes
    reasons: list[tuple[str, str, int]]  # class, reason, how many; most first
    reasons_before: dict[tuple[str, str], int] = field(default_factory=dict)


def rows(figure: Figure, span: Span, columns: str, condition: str = "", values: tuple = ()) -> list[tuple]:
    """Return (…columns, n) of the counters of a span; shards are added up."""
    sql = (
        f"SELECT {columns}, SUM(n) FROM counter WHERE figure = ? AND day >= ? AND day <= ?{condition}"
        f" GROUP BY {columns} HAVING SUM(n) <> 0"
    )
    found = values_of(sql, figure.value, span.since.isoformat(), span.until.isoformat(), *values)
    return [(*row[:-1], int(row[-1])) for row in found]


def of_kind(kind: str, role: str) -> tuple[str, tuple]:
    """Return the condition, and its values, on counters of one kind of message, to one role or to all."""
    if role:
        return " AND a = ?", (f"{kind}/{role}",)
    return " AND a >= ? AND a < ?", (f"{kind}/", f"{kind}0")  # 0 follows / in every order of ASCII


def settled_before(now: dt.datetime, presumed_hours: int) -> dt.date:
    """Return the first day whose cohort is provisional: its last notices may still come back without being late."""
    return counters.day_of(now - dt.timedelta(hours=presumed_hours))


def notices(
    period: Period, now: dt.datetime, presumed_hours: int = 72, kind: str = MessageKind.ID_NOTICE, role: str = ""
) -> Notices:
    """Return what became of the notices first tried in a period, part by part, and in the period before."""
    condition, values = of_kind(kind, role)
    days: dict[str, Outcomes] = defaultdict(Outcomes)
    before, whole = Outcomes(), Outcomes()
    reasons: dict[tuple[str, str], int] = defaultdict(int)
    earlier: dict[tuple[str, str], int] = defaultdict(int)
    # Of the period before only the sum is shown: the database adds it up.
    for state, outcome, n in rows(Figure.NOTICES, period.before(), "b, c", condition, values):
        failure, _, reason = outcome.partition("/")
        before.add(state, failure, n)
        if state == MessageState.FAILED:
            earlier[failure, reason] += n
    for day, state, outcome, n in rows(Figure.NOTICES, period, "day, b, c", condition, values):
        failure, _, reason = outcome.partition("/")
        days[day].add(state, failure, n)
        whole.add(state, failure, n)
        if state == MessageState.FAILED:
            reasons[failure, reason] += n
    open_from = settled_before(now, presumed_hours)
    cohorts = []
    for span in period.parts():
        tally = Outcomes()
        for day in days_of(span):
            if day.isoformat() in days:
                tally = tally + days[day.isoformat()]
        cohorts.append(Cohort(span, tally, span.until >= open_from))
    ranked = sorted(((*key, n) for key, n in reasons.items() if n), key=lambda row: (-row[2], row[:2]))
    return Notices(cohorts, whole, before, ranked, dict(earlier))


@dataclass(frozen=True)
class PostcardPart:
    """How many postcards entered each state in a part of the period."""

    span: Span
    entered: dict[str, int]


@dataclass(frozen=True)
class Postcards:
    """Postcards that entered states, part by part, and the causes for which they were queued."""

    parts: list[PostcardPart]
    entered: dict[str, int]
    before: dict[str, int]
    causes: list[tuple[str, int]]
    causes_before: dict[str, int] = field(default_factory=dict)


def postcards(period: Period) -> Postcards:
    """Return how many postcards entered which state in a period, and why those were queued that were."""
    days: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    before: dict[str, int] = defaultdict(int)
    causes_before: dict[str, int] = {}
    for state, cause, n in rows(Figure.POSTCARDS, period.before(), "a, b"):
        before[state] += n
        if state == "queued":
            causes_before[cause] = n
    entered: dict[str, int] = defaultdict(int)
    causes: dict[str, int] = defaultdict(int)
    for day, state, cause, n in rows(Figure.POSTCARDS, period, "day, a, b"):
        days[day][state] += n
        entered[state] += n
        if state == "queued":
            causes[cause] += n
    parts = []
    for span in period.parts():
        sums: dict[str, int] = defaultdict(int)
        for day in days_of(span):
            for state, n in days.get(day.isoformat(), {}).items():
                sums[state] += n
        parts.append(PostcardPart(span, dict(sums)))
    ranked = sorted(((cause, n) for cause, n in causes.items() if n), key=lambda row: (-row[1], row[0]))
    return Postcards(parts, dict(entered), dict(before), ranked, causes_before)


@dataclass(frozen=True)
class DeliveryDays:
    """Days from acceptance to delivery of the cards delivered in a part: how many, median, nine of ten."""

    span: Span
    cards: int
    median: int | None
    nine_of_ten: int | None


def delivery_days(period: Period) -> list[DeliveryDays]:
    """Return how long cards were on their way, by day of delivery; days are exact, the least that holds for a share."""
    days: dict[str, dict[int, int]] = defaultdict(dict)
    for day, taken, n in rows(Figure.CARD_DAYS, period, "day, a"):
        days[day][int(taken)] = n
    found = []
    for span in period.parts():
        histogram: dict[int, int] = defaultdict(int)
        for day in days_of(span):
            for taken, n in days.get(day.isoformat(), {}).items():
                histogram[taken] += n
        found.append(DeliveryDays(span, sum(histogram.values()), quantile(histogram, 50), quantile(histogram, 90)))
    return found


def delivery_days_together(span: Span) -> DeliveryDays:
    """Return the same for all cards that were delivered in a span."""
    histogram = {int(taken): n for taken, n in rows(Figure.CARD_DAYS, span, "a")}
    return DeliveryDays(span, sum(histogram.values()), quantile(histogram, 50), quantile(histogram, 90))


def quantile(histogram: dict[int, int], percent: int) -> int | None:
    """Return the smallest value that at least `percent` of a hundred cases do not exceed; None without cases."""
    total, seen = sum(histogram.values()), 0
    for value in sorted(histogram):
        seen += histogram[value]
        if seen * 100 >= total * percent and seen:
            return value
    return None


def registrations(span: Span) -> int:
    """Return how many registrations came in within a span."""
    return sum(n for _, n in rows(Figure.REGISTRATIONS, span, "a"))


def days_of(span: Span) -> Iterator[dt.date]:
    """Yield the days of a span, oldest first."""
    for number in range(span.days):
        yield span.since + dt.timedelta(days=number)
