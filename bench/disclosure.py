"""How quick disclosure is among as many technicians as there are, each figure beside the same SQL run bare.

`python -m bench.disclosure [technicians] [database address]`; by default 1.7 million in a temporary SQLite file. One
business has 23,000 of them, the others six each. Times are milliseconds; the first calls warm up and do not count.
"""

import contextlib
import datetime as dt
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator

from db import database as db
from db import schema
from db.fields import to_microseconds
from db.ids import new_ids
from db.models import Affiliation
from webapp.domain import look_up, roster
from webapp.domain.access_log import Look, ViewKind, looked
from webapp.domain.accounts import AccountKind
from webapp.domain.disclosure import Group, Viewer, decide, facts_of
from webapp.domain.look_up import Criteria, LookUpLimits

TECHNICIANS = 1_700_000
LARGE = 23_000
NOW = dt.datetime(2026, 11, 18, 1, 0, tzinfo=dt.UTC)

_FAMILY = ["アオキ", "イトウ", "ウエノ", "カトウ", "キムラ", "コバヤシ", "サトウ", "スズキ", "タカハシ", "ナカムラ",
           "ハヤシ", "マツモト", "ヤマダ", "ヨシダ", "ワタナベ"]  # fmt: skip
_GIVEN = ["アキラ", "イチロウ", "カズオ", "ケンイチ", "サトシ", "シンジ", "タケシ", "ナオミ", "ヒロシ", "ミノル"]
_KEYS = [0, 0, 0, 1, 7, 31, 31]


def fill(technicians: int) -> tuple[int, list[int]]:
    """Write the people in transactions of 100,000; return the large business and all technicians' ids."""
    chance, at = random.Random(5), to_microseconds(NOW)
    businesses = new_ids(1 + max(1, (technicians - LARGE) // 6))
    columns = ("id", "business_id", "name", "name_kana", "postal_code", "address", "telephone", "search_key",
               "kana_key", "version", "created_at", "updated_at")  # fmt: skip
    with db.transaction():
        db.write_rows(
            "business",
            columns,
            [
                (i, f"{n:014}", f"事業者{n}", "", "", "", "", f"事業者{n}", "", 1, at, at)
                for n, i in enumerate(businesses)
            ],
        )
    people = []
    for start in range(0, technicians, 100_000):
        count = min(100_000, technicians - start)
        ids, affiliations, persons, bound = new_ids(count), new_ids(count), [], []
        for n, (row, affiliation) in enumerate(zip(ids, affiliations, strict=True), start):
            kana = f"{chance.choice(_FAMILY)}{chance.choice(_GIVEN)}{chance.randrange(1000)}"
            persons.append((row, f"{n:014}", kana, kana, "1985-04-01", "", "", "", "ja", 10, "", "", 2, kana, kana, 1,
                            at, at))  # fmt: skip
            # The large business's people are spread over the whole table, as they are in life.
            large = n % max(1, technicians // LARGE) == 0
            business = businesses[0] if large else businesses[1 + n % (len(businesses) - 1)]
            bound.append((affiliation, row, business, True, at, chance.choice(_KEYS), 1, chance.choice(_KEYS), 1, kana))
        with db.transaction():
            db.write_rows(
                "technician",
                ("id", "technician_id", "name", "name_kana", "birth_date", "postal_code", "address", "telephone",
                 "language", "days_worked", "social_insurance", "retirement_scheme", "level", "search_key", "kana_key",
                 "version", "created_at", "updated_at"),
                persons,
            )  # fmt: skip
            db.write_rows(
                "affiliation",
                ("id", "technician_id", "business_id", "current", "started_at", "technician_keys",
                 "technician_keys_version", "business_keys", "business_keys_version", "sort_key"),
                bound,
            )  # fmt: skip
        people += ids
    db.database.execute_sql("ANALYZE")
    return businesses[0], people


def measure(work: Callable[[], object], times: int) -> dict[str, float]:
    """Return the median and the 99th percentile of a call, in ms."""
    for _ in range(5):
        work()
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append((time.perf_counter() - began) * 1000)
    return {
        "p50_ms": round(statistics.median(taken), 3),
        "p99_ms": round(statistics.quantiles(taken, n=100)[98], 3),
    }


def _bare(query) -> Callable[[], object]:
    sql, params = query.sql()
    return lambda: db.database.execute_sql(sql, params).fetchall()


@contextlib.contextmanager
def _filled(technicians: int, url: str | None) -> Iterator[tuple[int, list[int]]]:
    with tempfile.TemporaryDirectory() as directory:
        db.configure(url or f"sqlite:///{directory}/bench.db")
        with db.connected():
            schema.migrate("test")
            yield fill(technicians)
        db.database.close_all()


def rows(technicians: int = TECHNICIANS, url: str | None = None, times: int = 300) -> list[dict]:
    """Measure and return one dict a figure: name, p50_ms, p99_ms, and the same of the bare SQL (`bare_…`).

    `url` is an empty database that may be filled; by default a temporary SQLite file.
    """
    chance, found = random.Random(7), []
    with _filled(technicians, url) as (large, people):
        own = Viewer(AccountKind.BUSINESS_USER, 1, True, "administrator", business_id=large)
        other = Viewer(AccountKind.BUSINESS_USER, 2, True, "viewer", business_id=1)
        size = roster.count(own)

        def add(name: str, work, bare) -> None:
            plain = {f"bare_{key}": value for key, value in measure(bare, times).items()}
            found.append({"name": name, **measure(work, times), **plain, "technicians": technicians})

        deep = roster._select(own, None, None, None).offset(size // 2).limit(1).tuples().get()[1]
        add(
            f"list page, first 50 of {size}",
            lambda: roster.page(own),
            _bare(roster._select(own, None, None, None).limit(51)),
        )
        add(
            "list page, 50 from the middle",
            lambda: roster.page(own, after=deep),
            _bare(roster._select(own, None, deep, None).limit(51)),
        )
        waiting = roster.Filter(state=roster.State.WAITS_FOR_BUSINESS)
        add(
            "list page, 50 that wait for the business",
            lambda: roster.page(own, waiting),
            _bare(roster._select(own, waiting, None, None).limit(51)),
        )
        keys = Affiliation.technician_keys, Affiliation.business_keys
        counted = Affiliation.select(*keys, roster.fn.COUNT(roster.SQL("*"))).group_by(*keys)
        add(
            "people by state, counted",
            lambda: roster.counts_by_state(own),
            _bare(counted.where(Affiliation.current & (Affiliation.business == large))),
        )

        def some(n: int) -> list[int]:
            return chance.sample(people, n)

        def decided(n: int):
            return [decide(other, facts, Group.PERSON) for facts in facts_of(some(n)).values()]

        mark = "?" if db.is_sqlite() else "%s"
        select = "SELECT technician_id, technician_keys, business_keys FROM affiliation WHERE current AND technician_id"
        for n in (1, 100):
            sql = f"{select} IN ({', '.join([mark] * n)})"
            add(f"decide for {n}", lambda n=n: decided(n),
                lambda sql=sql, n=n: db.database.execute_sql(sql, some(n)).fetchall())  # fmt: skip

        insert = ("INSERT INTO access_row (id, at, account_id, relation, technician_id, kind, groups, context)"
                  f" VALUES ({', '.join([mark] * 8)})")  # fmt: skip

        def logged():
            with db.transaction():
                (facts,) = facts_of(some(1)).values()
                if decide(other, facts, Group.PERSON).allowed:
                    pass
                looked(other, [Look(facts, 1)], ViewKind.RECORD, NOW)

        def bare_logged():
            with db.transaction():
                (row,) = some(1)
                db.database.execute_sql(f"{select} = {mark}", (row,)).fetchall()
                values = (new_ids(1)[0], 0, 2, "other_business", row, "record", 1, "")
                db.database.execute_sql(insert, values)

        add("decide + log, committed", logged, bare_logged)

        plenty, kana = LookUpLimits(10**9, 10**9), Criteria(kana="サトウ")
        add("search by kana, 20 logged and counted", lambda: look_up.search(other, kana, plenty, NOW),
            _bare(look_up._matches(other, kana, None).limit(21)))  # fmt: skip
    return found


if __name__ == "__main__":
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else TECHNICIANS
    for row in rows(wanted, sys.argv[2] if len(sys.argv) > 2 else None):
        print("  ".join(f"{key}={value}" for key, value in row.items()))
