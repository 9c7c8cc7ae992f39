"""The monthly report: made for paper, and for whoever has to know the month without looking every day."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, current_app, request

from webapp.dashboard import monthly_report, period
from webapp.dashboard.chart import Chart, Picture, picture_of
from webapp.dashboard.monthly_report import Topic
from webapp.domain.core import counters
from webapp.domain.reporting import figures
from webapp.domain.reporting.monthly import figures_of
from webapp.domain.reporting.periods import Grain, Month, month_of
from webapp.web.clock import now
from webapp.web.rendering import render

blueprint = Blueprint("ops_report", __name__)

# What stands at this moment is no figure of a month.
NOT_OF_A_MONTH = {"cards"}


@dataclass(frozen=True)
class Drawn:
    """A chart by day with its picture, and the same by week as a table."""

    chart: Chart
    picture: Picture
    table: Chart
    address: str = ""


@dataclass(frozen=True)
class ReportPage:
    """A month: as of when, how much of it, in words, lines and charts."""

    name: str
    before: str
    at: dt.datetime
    until: dt.date | None  # the month is not over
    provisional: bool
    topics: list[Topic]
    charts: list[Drawn]
    month: str
    months: list[tuple[str, str]]
    dashboard: str


@blueprint.get("/ops/dashboard/report")
def show():
    today, settings = counters.day_of(now()), current_app.extensions["settings"]
    months = monthly_report.months(today)
    # The last month that is over, unless another one is asked for.
    asked = request.args.get("month", "")
    chosen = asked if asked in dict(months) else months[1][0]
    month = month_of(dt.date.fromisoformat(f"{chosen}-01"), today)
    found = figures.notices(month, now(), settings.presumed_hours)
    shown, before = figures_of(month, found.sum), figures_of(month.before(), found.before)
    page = ReportPage(
        name=monthly_report.name_of(month.since),
        before=monthly_report.name_of(month.before().since),
        at=now(),
        until=month.until if month.until == today else None,
        provisional=any(cohort.provisional for cohort in found.cohorts),
        topics=monthly_report.topics(shown, before, settings.figures_least),
        charts=_charts(month, found, settings),
        month=chosen,
        months=months,
        dashboard=monthly_report.dashboard(month),
    )
    return render("ops/dashboard/report.html", page)


def _charts(month: Month, found: figures.Notices, settings) -> list[Drawn]:
    weeks = Month(month.since, month.until, Grain.WEEK)
    by_week = figures.notices(weeks, now(), settings.presumed_hours)
    tables = {chart.id: chart for chart in period.charts_of(weeks, "", by_week, now(), settings)}
    return [
        Drawn(chart, picture_of(chart), tables[chart.id])
        for chart in period.charts_of(month, "", found, now(), settings)
        if chart.id not in NOT_OF_A_MONTH
    ]
