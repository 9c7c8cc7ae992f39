"""The figures of a month beside those of the month before, from the daily counters alone."""

from dataclasses import dataclass

from webapp.domain.core.counters import Figure
from webapp.domain.reporting import figures
from webapp.domain.reporting.figures import DeliveryDays, Outcomes
from webapp.domain.reporting.periods import Span


@dataclass(frozen=True)
class MonthFigures:
    """What happened in a month: registrations, notices by their cohort, states entered by postcards and cards."""

    span: Span
    registrations: int
    notices: Outcomes
    postcards: dict[str, int]
    cards: dict[str, int]
    delivery: DeliveryDays


def figures_of(span: Span, notices: Outcomes) -> MonthFigures:
    """Return the figures of a span; `notices` are those that the charts of the same span show."""
    return MonthFigures(
        span=span,
        registrations=figures.registrations(span),
        notices=notices,
        postcards=dict(figures.rows(Figure.POSTCARDS, span, "a")),
        cards=dict(figures.rows(Figure.CARDS, span, "a")),
        delivery=figures.delivery_days_together(span),
    )
