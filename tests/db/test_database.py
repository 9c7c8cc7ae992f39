"""The planner's statistics are kept up to date on the engine that does not do so itself."""

from db.database import refresh_statistics
from db.models import Counter


def test_statistics_are_taken_from_what_the_tables_hold(sqlite):
    rows = [
        {"day": f"2026-01-{n + 1:02}", "figure": "cards", "a": "made", "b": "", "c": "", "shard": 0, "n": 1}
        for n in range(28)
    ]
    Counter.insert_many(rows).execute()
    refresh_statistics()
    found = sqlite.execute_sql("SELECT stat FROM sqlite_stat1 WHERE tbl = 'counter'").fetchall()
    assert found and all(stat.startswith("28 ") for (stat,) in found)


def test_an_engine_that_does_it_itself_is_left_alone(database):
    refresh_statistics()
