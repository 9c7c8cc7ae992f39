"""A register as large as the real one, made by the database itself and kept for the next run.

1.75 million technicians of 300,000 businesses, one of which has 23,000 of them, registered over two years with their
notices, postcards, cards and the events of all that: more than ten million. Everything is invented, and the same on
SQLite and PostgreSQL: chance is arithmetic on a person's number, so that both engines draw the same lots.

`python -m bench.register [people]` makes it; the benches do so themselves. It stands in `var/bench/` (or in the
directory that BENCH_DIR names) and is made anew when the schema, the counters or this file have changed.
"""

import contextlib
import datetime as dt
import hashlib
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bench import register_sql
from db import database as db
from db import schema
from db.fields import to_microseconds
from db.models import Account, Affiliation, Business
from tests.servers import postgres
from webapp.demo import year
from webapp.domain.core import counters
from webapp.domain.core.calendar import JST, WorkingCalendar
from webapp.domain.reporting import reconcile

ROOT = Path(__file__).parent.parent
NOW = dt.datetime(2026, 11, 20, 3, tzinfo=dt.UTC)
PEOPLE = 1_750_000
DAYS = 730
ENGINES = ("sqlite", "postgresql")
PEOPLE_A_BUSINESS = 5.8
_SERVER = (
    "-c shared_buffers=1GB -c maintenance_work_mem=512MB -c work_mem=32MB -c max_wal_size=16GB -c wal_level=minimal"
    " -c max_wal_senders=0 -c checkpoint_timeout=1h -c autovacuum=off"
)


@dataclass(frozen=True)
class Register:
    """An open register: its engine and address, and the businesses that are looked at."""

    engine: str
    url: str
    people: int
    large: int
    small: int  # of three people, or of as few as there are


@contextlib.contextmanager
def opened(engine: str, people: int = PEOPLE, say=print) -> Iterator[Register]:
    """Connect to the register of an engine, which is made first if it is not there."""
    home = Path(os.environ.get("BENCH_DIR", ROOT / "var" / "bench"))
    kept = home / f"{engine}-{people}-{_digest(people)}"
    if not (kept / "made").exists():
        for old in home.glob(f"{engine}-{people}-*"):
            shutil.rmtree(old)
        kept.mkdir(parents=True)
    with _server(engine, kept) as url:
        db.configure(url)
        try:
            with db.connected():
                if not (kept / "made").exists():
                    make(people, say)
                    (kept / "made").touch()
                yield Register(engine, url, people, *_businesses())
        finally:
            db.database.close_all()


@contextlib.contextmanager
def _server(engine: str, kept: Path) -> Iterator[str]:
    if engine == "sqlite":
        yield f"sqlite:///{kept}/register.db"
        return
    with postgres.cluster(kept / "cluster", _SERVER) as url:
        yield url


def _digest(people: int) -> str:
    files = [*sorted((ROOT / "db" / "migrations").glob("*.py")), Path(__file__), Path(register_sql.__file__)]
    found = hashlib.sha256(b"\0".join(path.read_bytes() for path in files))
    found.update(repr((people, sorted(counters.Figure), reconcile._COUNTS.keys())).encode())
    return found.hexdigest()[:12]


def make(people: int, say=print) -> None:
    """Fill the empty database of this connection: tables without their indexes, then these, then the counters."""
    began = time.perf_counter()

    def done(what: str) -> None:
        say(f"  {time.perf_counter() - began:6.1f} s  {what}")

    schema.migrate("test")
    register_sql.loosen()
    indexes = register_sql.without_indexes()
    register_sql.tables_of_chance(_days(people), _firms(people), NOW)
    done("lots")
    for table, statement in register_sql.statements(people, _firms(people), NOW):
        with db.transaction():
            done(f"{register_sql.run(statement):,} rows of {table}")
    for _, statement in indexes:
        register_sql.run(statement)
    register_sql.tighten()
    done("indexes and statistics")
    for checked in reconcile.rebuild():
        done(f"{checked.keys:,} counters of {checked.figure}")


def _firms(people: int) -> int:
    return max(4, round(people / PEOPLE_A_BUSINESS))


def _days(people: int) -> list[tuple]:
    """Return what SQL needs to know of each day: how many registered, and when what follows was done."""
    calendar, today = WorkingCalendar(), counters.day_of(NOW)
    days = [today + dt.timedelta(days=n) for n in range(1 - DAYS, 90)]
    weights = [year.weight(day, calendar) if day <= today else 0 for day in days]
    total, rows, first, so_far = sum(weights), [], 0, 0.0

    def at(day: dt.date, hour: int) -> int:
        return to_microseconds(dt.datetime.combine(day, dt.time(hour), JST))

    for day, share in zip(days, weights, strict=True):
        so_far += share
        last = round(people * so_far / total)
        made = calendar.add_working_days(day, 3)
        posted = calendar.add_working_days(made, 1)
        batched = calendar.add_working_days(day, 1)
        mailed = calendar.add_working_days(batched, 1)
        rows.append(((day - dt.date(1970, 1, 1)).days, day.isoformat(), first, last - first, at(day, 9), at(made, 14),
                     at(posted, 17), at(batched, 10), at(batched, 15), at(mailed, 16)))  # fmt: skip
        first = last
    return rows


def _businesses() -> tuple[int, int]:
    counted = "SELECT business_id, COUNT(*) AS n FROM affiliation WHERE current GROUP BY business_id"
    (large,) = db.database.execute_sql("SELECT id FROM business ORDER BY id LIMIT 1").fetchone()
    few = db.database.execute_sql(f"{counted} HAVING COUNT(*) <= 3 ORDER BY n DESC, business_id LIMIT 1").fetchone()
    return large, few[0]


if __name__ == "__main__":
    for name in ENGINES:
        print(name)
        with opened(name, int(sys.argv[1]) if len(sys.argv) > 1 else PEOPLE) as one:
            print(f"  {Affiliation.select().count():,} affiliations of {Business.select().count():,} businesses,"
                  f" {Account.select().count():,} accounts; {one.url}")  # fmt: skip
