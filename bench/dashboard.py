"""Database time of all figures of the dashboard over a year, beside the same figures counted over the rows."""

import datetime as dt
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from peewee import fn

from db import database as db
from db import schema
from db.models import Counter, Event, Message
from webapp.domain import figures, figures_now
from webapp.domain.calendar import WorkingCalendar
from webapp.domain.card_alarms import AlarmLimits
from webapp.domain.card_watch import Watch
from webapp.domain.demo import build, year
from webapp.domain.periods import last_days

NOW = dt.datetime(2026, 11, 20, 3, tzinfo=dt.UTC)
REGISTRATIONS = 40_000
DAYS = 90
ROUNDS = 15


def run(registrations: int = REGISTRATIONS) -> list[dict[str, object]]:
    """Write a year into a fresh SQLite file and measure; return plain rows: figure, median and worst in ms."""
    with tempfile.TemporaryDirectory() as folder:
        db.configure(f"sqlite:///{Path(folder) / 'bench.db'}")
        with db.connected():
            schema.migrate("test")
            build.build("test", NOW, random.Random(1), count=20, large=0)
            for _ in year.write_year("test", NOW, random.Random(7), 365, registrations):
                pass
            rows = _measure()
        db.database.close_all()
    return rows


def _measure() -> list[dict[str, object]]:
    period, watch = last_days(DAYS, NOW), Watch(AlarmLimits(), WorkingCalendar())
    looks: dict[str, Callable[[], object]] = {
        "notices by cohort, class, reason": lambda: figures.notices(period, NOW),
        "destinations": lambda: figures.destinations(period),
        "postcards by day, state, cause": lambda: figures.postcards(period),
        "days to delivery": lambda: figures.delivery_days(period),
        "tiles": lambda: figures_now.open_now(NOW, watch),
        "cards by state and age": lambda: figures_now.card_ages(NOW),
    }
    sizes = {
        "events": Event.select().count(),
        "notices": Message.select().count(),
        "counters": Counter.select().count(),
    }
    results, total = [], 0.0
    for name, look in looks.items():
        times = _times(look)
        total += times[len(times) // 2]
        results.append({"figure": name, "median_ms": _ms(times[len(times) // 2]), "worst_ms": _ms(times[-1]), **sizes})
    results.append({"figure": f"all figures of the page, {DAYS} days", "median_ms": _ms(total), **sizes})
    over = _times(lambda: _over_rows(period))
    results.append(
        {"figure": "the first one over the notices themselves", "median_ms": _ms(over[len(over) // 2]), **sizes}
    )
    return results


def _over_rows(period) -> list[tuple]:
    columns = (Message.cohort_day, Message.state, Message.failure_class, Message.reason)
    rows = Message.select(*columns, fn.COUNT(Message.id)).where(Message.cohort_day.between(period.since, period.until))
    return list(rows.group_by(*columns).tuples())


def _times(look: Callable[[], object]) -> list[float]:
    times = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        look()
        times.append(time.perf_counter() - begun)
    return sorted(times)


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 2)


if __name__ == "__main__":
    for result in run():
        print(result)
