"""The demo's past: counters that agree with every row and event, a rhythm, and nothing outside the demo."""

import datetime as dt
import random
from collections import Counter

import pytest

from db.models import Card, Message, Registration, Shipment
from webapp.demo import build, year
from webapp.demo.build import NotTheDemo
from webapp.domain.cards import projection
from webapp.domain.core import counters
from webapp.domain.core.calendar import WorkingCalendar
from webapp.domain.reporting import figures, reconcile
from webapp.domain.reporting.periods import last_days


def test_the_counters_of_the_past_agree_with_its_rows(database, now):
    build.build("test", now, random.Random(1), count=15, large=0)
    parts = list(year.write_year("test", now, random.Random(2), 200, 1500))
    assert 1490 <= parts[-1] <= 1500
    assert {checked.figure: checked.differences for checked in reconcile.check()} == {
        figure: {} for figure in counters.Figure
    }
    found = figures.notices(last_days(200, now), now)
    assert found.sum.counted > 2000 and 0.005 < found.sum.rate() < 0.05
    days = Counter(counters.day_of(at).weekday() for (at,) in Registration.select(Registration.completed_at).tuples())
    assert days[2] > 3 * days[5] > 0
    assert not Message.select().where(Message.sent_at > now).exists()


def test_cards_folded_anew_from_what_the_post_has_told_stand_as_they_stood(sqlite, now):
    build.build("test", now, random.Random(1), count=5, large=0)
    list(year.write_year("test", now, random.Random(3), 60, 400))
    # Those of the demo's own file were ordered a moment ago and never folded.
    folded = Card.select(Card.id, Card.version).where(Card.since_on.is_null(False)).order_by(Card.id).tuples()
    before = list(folded)
    assert projection.refold([card for card, _ in before], now, "tracking") == []
    assert list(folded.clone()) == before and len(before) == 400
    assert len({card.state for card in Card.select()}) >= 6 and Shipment.select().where(Shipment.n == 2).exists()


def test_year_end_and_holidays_are_quiet():
    calendar = WorkingCalendar()
    assert year.weight(dt.date(2026, 12, 31), calendar) < year.weight(dt.date(2026, 11, 23), calendar) < 0.1
    assert year.weight(dt.date(2026, 11, 24), calendar) == 1.0  # a Tuesday


def test_nobody_is_invented_in_production(sqlite, now):
    with pytest.raises(NotTheDemo):
        list(year.write_year("production", now, random.Random(1), 10, 10))
