"""The demo's past: counters that agree with every row and event, a rhythm, and nothing outside the demo."""

import datetime as dt
import random
from collections import Counter

import pytest

from db.models import Message, Registration
from webapp.domain import figures, metrics, recount
from webapp.domain.calendar import WorkingCalendar
from webapp.domain.demo import build, year
from webapp.domain.demo.build import NotTheDemo
from webapp.domain.periods import last_days


def test_the_counters_of_the_past_agree_with_its_rows(database, now):
    build.build("test", now, random.Random(1), count=15, large=0)
    parts = list(year.write_year("test", now, random.Random(2), 200, 1500))
    assert 1490 <= parts[-1] <= 1500
    assert {checked.figure: checked.differences for checked in recount.check()} == {
        figure: {} for figure in metrics.Figure
    }
    found = figures.notices(last_days(200, now), now)
    assert found.sum.counted > 2000 and 0.005 < found.sum.rate() < 0.05
    days = Counter(metrics.day_of(at).weekday() for (at,) in Registration.select(Registration.completed_at).tuples())
    assert days[2] > 3 * days[5] > 0
    assert not Message.select().where(Message.sent_at > now).exists()


def test_year_end_and_holidays_are_quiet():
    calendar = WorkingCalendar()
    assert year.weight(dt.date(2026, 12, 31), calendar) < year.weight(dt.date(2026, 11, 23), calendar) < 0.1
    assert year.weight(dt.date(2026, 11, 24), calendar) == 1.0  # a Tuesday


def test_nobody_is_invented_in_production(sqlite, now):
    with pytest.raises(NotTheDemo):
        list(year.write_year("production", now, random.Random(1), 10, 10))
