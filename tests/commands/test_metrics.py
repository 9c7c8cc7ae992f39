"""`todoke metrics`: says which counter is wrong, mends it, and says so by its exit code."""

from click.testing import CliRunner

from db.models import Counter
from tests.web.ops import story
from webapp.cli import main
from webapp.domain.core import counters
from webapp.domain.core.counters import Figure


def test_a_wrong_counter_is_found_and_mended(sqlite, sqlite_url, now, monkeypatch):
    values = {
        "MODE": "test",
        "DATABASE_URL": sqlite_url,
        "SECRET_KEY": "test " * 8,
        "RETURN_KEYS": "a:" + "test " * 8,
    }
    for name, value in values.items():
        monkeypatch.setenv(f"TODOKE_{name}", value)
    story.bounced(now)
    before = {(row.figure, row.a, row.b, row.c): row.n for row in Counter.select()}
    counters.add(
        {counters.key(Figure.NOTICES, counters.day_of(now), "id_notice/technician", "failed", "dead/userunknown"): 3}
    )
    sqlite.close()
    run = CliRunner().invoke
    found = run(main, ["metrics", "check"])
    assert found.exit_code == 1 and "failed dead/userunknown\t-3" in found.output
    assert run(main, ["metrics", "rebuild"]).exit_code == 0
    sqlite.connect(reuse_if_open=True)
    stands = {(row.figure, row.a, row.b, row.c): row.n for row in Counter.select() if row.n}
    assert {key: n for key, n in before.items() if n and key[0] == Figure.NOTICES}.items() <= stands.items()
