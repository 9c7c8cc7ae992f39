"""The figures of a month beside those of the month before, from the daily counters alone."""

from dataclasses import dataclass

from peewee import fn

from db.models import Counter
from webapp.domain import figures
from webapp.domain.figures import DeliveryDays, Tally
from webapp.domain.metrics import Figure
from webapp.domain.periods import Grain, Period, Span


@dataclass(frozen=True)
class MonthFigures:
    """What happened in a month: registrations, notices by their cohort, states entered by postcards and cards."""

    span: Span
    registrations: int
    notices: Tally
    postcards: dict[str, int]
    cards: dict[str, int]
    delivery: DeliveryDays


def figures_of(span: Span, notices: Tally) -> MonthFigures:
    """Return the figures of a span; `notices` are those that the charts of the same span show."""
    (delivery,) = figures.delivery_days(Period(span.since, span.until, Grain.MONTH))
    return MonthFigures(
        span=span,
        registrations=figures.registrations(span),
        notices=notices,
        postcards=_entered(Figure.POSTCARDS, span),
        cards=_entered(Figure.CARDS, span),
        delivery=delivery,
    )


def _entered(figure: Figure, span: Span) -> dict[str, int]:
    """Return how many cases entered each state in a span."""
    query = Counter.select(Counter.a, fn.SUM(Counter.n)).where(
        (Counter.figure == figure) & (Counter.day >= span.since) & (Counter.day <= span.until)
    )
    return {state: int(n) for state, n in query.group_by(Counter.a).tuples()}
