"""What the dashboard shows of a period, as chart values: for the page, for plotly, and for who takes it away."""

import datetime as dt

from webapp.dashboard import notices, registrations_and_cards
from webapp.dashboard.chart import Chart
from webapp.domain.core import counters
from webapp.domain.reporting import backlog, destinations, figures, progress
from webapp.domain.reporting.figures import Notices
from webapp.domain.reporting.periods import Grain, Period


def charts_of(period: Period, role: str, found: Notices, now: dt.datetime, settings) -> list[Chart]:
    """Return the charts of a period in the order of the page; `found` are its notices to `role`."""
    today, least = counters.day_of(now), settings.figures_least
    postcards, funnel = figures.postcards(period), progress.funnel(period)
    worst = destinations.worst(period, role=role, least=least)
    earlier = destinations.tallies_of([destination.domain for destination in worst], period.before(), role=role)
    # Days to delivery of a single day say little: a week is the finest.
    weekly = Period(period.since, period.until, Grain.WEEK if period.grain is Grain.DAY else period.grain)
    back = progress.postcard_returns(period, now, settings.postcard_presumed_days)
    whole, before = (figures.delivery_days_together(span) for span in (period, period.before()))
    return [
        notices.bounce_rate(found, role, settings.alarm_bounce_percent / 100, least),
        notices.volume(found, role, today, least),
        notices.failures(found, role),
        notices.reasons(found, role, period),
        notices.destinations(worst, earlier, role, period, found.sum.total, least),
        registrations_and_cards.funnel(funnel, period),
        registrations_and_cards.cohorts(funnel, today, least),
        registrations_and_cards.postcards(postcards, today, least),
        registrations_and_cards.causes(postcards, period),
        registrations_and_cards.postcard_returns(back, settings.postcard_presumed_days, least),
        registrations_and_cards.cards(backlog.card_ages(now)),
        registrations_and_cards.delivery_days(figures.delivery_days(weekly), whole, before, today),
        registrations_and_cards.prefectures(*progress.prefectures(period, least), period, least),
    ]
