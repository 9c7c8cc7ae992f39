"""The dashboard over 90 days among eleven million events, beside its SQL run bare, and its figures over the events.

`python -m bench.dashboard [people]`. What is measured are the statements that the page itself sends.
"""

import datetime as dt
import sys
from collections.abc import Iterator

from bench import register
from bench.measuring import MOST, Statement, application, bare, beside, measure, on_each, operator, recorded
from bench.register import NOW, Register
from db import database as db
from db.fields import to_microseconds
from db.models import Counter, Event
from webapp.domain.core.calendar import JST
from webapp.domain.reporting.periods import last_days

DAYS = 90
_DAY = "(at + 32400000000) / 86400000000"


def _over_events() -> list[Statement]:
    """The figures of a period counted over what happened, one statement a topic."""
    period = last_days(DAYS, NOW)
    since, until = period.since.isoformat(), period.until.isoformat()
    begins = to_microseconds(dt.datetime.combine(period.since, dt.time(), JST))
    counted = [
        (f"SELECT {_DAY}, COUNT(*) FROM event WHERE name = ? AND at >= ? GROUP BY 1",
         ("registration:import:completed", begins)),
        ("SELECT cohort_day, role, state, failure_class, reason, COUNT(*) FROM message"
         " WHERE kind = 'id_notice' AND cohort_day BETWEEN ? AND ? GROUP BY 1, 2, 3, 4, 5", (since, until)),
        ("SELECT destination, state, failure_class, COUNT(*) FROM message"
         " WHERE kind = 'id_notice' AND cohort_day BETWEEN ? AND ? GROUP BY 1, 2, 3", (since, until)),
        ("SELECT (event.at + 32400000000) / 86400000000, name, cause, COUNT(*) FROM event"
         " JOIN postcard ON postcard.id = event.subject_id"
         " WHERE name >= 'postcard:' AND name < 'postcard;' AND event.at >= ? GROUP BY 1, 2, 3", (begins,)),
        (f"SELECT {_DAY}, data, COUNT(*) FROM event WHERE name = ? AND at >= ? GROUP BY 1, 2",
         ("card:post:moved", begins)),
        ("SELECT since_on, posted_on, COUNT(*) FROM card WHERE state = 'delivered' AND since_on >= ? GROUP BY 1, 2",
         (since,)),
        ("SELECT state, since_on, COUNT(*) FROM card WHERE state <> 'delivered' GROUP BY 1, 2", ()),
    ]  # fmt: skip
    return counted if db.is_sqlite() else [(sql.replace("?", "%s"), values) for sql, values in counted]


def _measured(one: Register, most: int) -> Iterator[dict[str, object]]:
    with application(one) as app:
        client, address = operator(app), f"/ops/dashboard?length={DAYS}"
        client.get(address)
        # All that the page asks: its figures, and who is looking.
        with recorded() as statements:
            client.get(address)
        sizes = {"events": Event.select().count(), "counters": Counter.select().count()}
        yield {
            "figure": f"all figures of the page, {DAYS} days, database time",
            **measure(lambda: bare(statements), most),
            "statements": len(statements),
            **sizes,
        }
        over = _over_events()
        yield {"figure": "figures of the same topics over the events", **measure(lambda: bare(over), min(3, most))}
        yield {"figure": "the whole page over HTTP", **beside(lambda: client.get(address), most)}
        htmx = {"HX-Request": "true"}
        refresh = beside(lambda: client.get(address, headers=htmx), most)
        yield {"figure": "the refresh of the tiles over HTTP", **refresh}


def run(
    people: int = register.PEOPLE, engines: tuple[str, ...] = register.ENGINES, most: int = MOST
) -> list[dict[str, object]]:
    """Measure `most` calls of each on each engine; return rows: figure, median and 99th percentile in ms, and of
    the bare SQL.
    """
    return on_each(engines, people, lambda one: _measured(one, most))


if __name__ == "__main__":
    for row in run(int(sys.argv[1]) if len(sys.argv) > 1 else register.PEOPLE):
        print("  ".join(f"{key}={value}" for key, value in row.items()))
