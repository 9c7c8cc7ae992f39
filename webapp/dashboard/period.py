"""What the dashboard shows of a period, as chart values: for the page, for plotly, and for who takes it away."""

import datetime as dt

from webapp.dashboard import notices as dashboard_charts
from webapp.dashboard import registrations_and_cards as dashboard_ways
from webapp.dashboard.chart import Chart
from webapp.domain.core import counters as metrics
from webapp.domain.reporting import backlog as figures_now
from webapp.domain.reporting import destinations
from webapp.domain.reporting import notices as figures
from webapp.domain.reporting import progress as figures_ways
from webapp.domain.reporting.notices import Notices
from webapp.domain.reporting.periods import Grain, Period


def charts_of(period: Period, role: str, found: Notices, now: dt.datetime, settings) -> list[Chart]:
    """Return the charts of a period in the order of the page; `found` are its notices to `role`."""
    today, least = metrics.day_of(now), settings.figures_least
    postcards, funnel = figures.postcards(period), figures_ways.funnel(period)
    worst = destinations.worst(period, role=role, least=least)
    earlier = destinations.tallies_of([one.domain for one in worst], period.before(), role=role)
    # Days to delivery of a single day say little: a week is the finest.
    weekly = Period(period.since, period.until, Grain.WEEK if period.grain is Grain.DAY else period.grain)
    back = figures_ways.postcard_returns(period, now, settings.postcard_presumed_days)
    whole, before = (figures.delivery_days_together(span) for span in (period, period.before()))
    return [
        dashboard_charts.bounce_rate(found, role, settings.alarm_bounce_percent / 100, least),
        dashboard_charts.volume(found, role, today, least),
        dashboard_charts.failures(found, role),
        dashboard_charts.reasons(found, role, period),
        dashboard_charts.destinations(worst, earlier, role, period, found.sum.total, least),
        dashboard_ways.funnel(funnel, period),
        dashboard_ways.cohorts(funnel, today, least),
        dashboard_ways.postcards(postcards, today, least),
        dashboard_ways.causes(postcards, period),
        dashboard_ways.postcard_returns(back, settings.postcard_presumed_days, least),
        dashboard_ways.cards(figures_now.card_ages(now)),
        dashboard_ways.delivery_days(figures.delivery_days(weekly), whole, before, today),
        dashboard_ways.prefectures(*figures_ways.prefectures(period, least), period, least),
    ]
