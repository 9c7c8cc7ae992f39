"""What the dashboard shows of a period, as chart values: for the page, for plotly, and for who takes it away."""

import datetime as dt

from webapp import dashboard_charts
from webapp.charts import Chart
from webapp.domain import figures, figures_now
from webapp.domain.figures import Notices
from webapp.domain.periods import Period


def charts_of(period: Period, role: str, found: Notices, now: dt.datetime, settings) -> list[Chart]:
    """Return the charts of a period in the order of the page; `found` are its notices to `role`."""
    sent = figures.postcards(period)
    worst = figures.destinations(period, role=role, least=settings.figures_least)
    return [
        dashboard_charts.bounce_rate(found, role, settings.alarm_bounce_percent / 100, settings.figures_least),
        dashboard_charts.volume(found, role),
        dashboard_charts.failures(found, role),
        dashboard_charts.reasons(found, role, period),
        dashboard_charts.destinations(worst, role, period, settings.figures_least),
        dashboard_charts.postcards(sent),
        dashboard_charts.causes(sent, period),
        dashboard_charts.cards(figures_now.card_ages(now)),
        dashboard_charts.delivery_days(period),
    ]
