"""Each bench over the large register runs at a small size, so that it does not rot until somebody measures again."""

import os
import tempfile

import pytest

from bench import dashboard, portals, register
from db.models import Affiliation, Event
from tests.servers import postgres
from webapp.domain.reporting import reconcile

ENGINES = ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)]
PEOPLE = 3_000


@pytest.fixture(scope="module")
def directory():
    """Where registers are kept: the server, which runs as another user, must reach it."""
    with tempfile.TemporaryDirectory(prefix="todoke-bench-") as path:
        os.chmod(path, 0o711)
        yield path


@pytest.fixture
def engine(request, directory, monkeypatch):
    if request.param == "postgresql" and postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    monkeypatch.setenv("BENCH_DIR", directory)
    return request.param


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_register_is_true_to_its_counters_and_is_kept(engine):
    said = []
    with register.opened(engine, PEOPLE, said.append) as one:
        assert all(not checked.differences for checked in reconcile.check())
        assert Event.select().count() > 6 * PEOPLE
        largest = Affiliation.select().where(Affiliation.business == one.large).count()
        assert largest == -(-PEOPLE // 76)
        assert 0 < Affiliation.select().where(Affiliation.business == one.small).count() <= 3
    assert said
    with register.opened(engine, PEOPLE, said.clear):
        pass
    assert said  # nothing was made again


@pytest.mark.parametrize("engine", ENGINES, indirect=True)
def test_the_benches_over_it_measure_every_figure_beside_bare_sql(engine):
    rows = portals.run(PEOPLE, (engine,), most=2)
    assert {"50 of 40: page 400", "decide for 100", "the whole page over HTTP, 40 people"} <= {r["name"] for r in rows}
    assert all(row["p50_ms"] <= row["p99_ms"] and "bare_p50_ms" in row for row in rows)
    figures = dashboard.run(PEOPLE, (engine,), most=2)
    assert len(figures) == 4 and figures[0]["statements"] > 5 and figures[0]["events"] > 6 * PEOPLE
