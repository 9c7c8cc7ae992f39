"""The demo shows a card in each state."""

import random

from db.models import Alarm, Card, Inquiry
from webapp.demo.build import build
from webapp.demo.cards import STORIES, stories
from webapp.domain.cards import monitor
from webapp.domain.cards.monitor import Thresholds
from webapp.domain.cards.overdue import AlarmLimits, Attention
from webapp.domain.cards.states import CardState
from webapp.domain.core.calendar import WorkingCalendar


def test_there_is_a_story_for_each_state_and_each_alarm(database, now):
    build("test", now, random.Random(1), count=30, large=0)
    found = stories(now, random.Random(2))
    assert list(found) == list(STORIES)
    states = {name: Card.get(Card.registration == number).state for name, number in found.items()}
    assert set(states.values()) == {state.value for state in CardState}
    assert (states["kept, soon to go back"], states["posted again"]) == ("kept", "posted")
    counts = monitor.look(now, Thresholds(AlarmLimits(), WorkingCalendar()))
    assert all(counts[kind] for kind in Attention), counts
    assert {alarm.kind for alarm in Alarm.open()} >= {f"card_{kind}" for kind in Attention}
    assert Inquiry.select().count() == 2
