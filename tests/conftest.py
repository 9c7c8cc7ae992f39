"""What all tests share: the two databases, the clock's reading, and the account of what was left out."""

import datetime as dt
import itertools
import os
import shutil

import pytest
from argon2 import PasswordHasher

from db import database as db
from db import schema
from tests.servers import postgres
from webapp.domain.accounts import accounts

NOW = dt.datetime(2026, 11, 18, 1, 2, 3, tzinfo=dt.UTC)

_names = itertools.count(1)


def pytest_addoption(parser):
    parser.addoption("--soak", action="store_true", help="also run what takes long: kills, large batches")


def pytest_collection_modifyitems(config, items):
    if not config.getoption("--soak"):
        chosen = [item for item in items if "soak" not in item.keywords]
        config.hook.pytest_deselected(items=[item for item in items if "soak" in item.keywords])
        items[:] = chosen


def pytest_terminal_summary(terminalreporter):
    """Say in one visible line what this machine could not test."""
    reasons = {}
    for report in terminalreporter.stats.get("skipped", []):
        reason = report.longrepr[2].removeprefix("Skipped: ") if isinstance(report.longrepr, tuple) else "?"
        reasons[reason] = reasons.get(reason, 0) + 1
    if reasons:
        listed = "; ".join(f"{count} × {reason}" for reason, count in sorted(reasons.items()))
        terminalreporter.write_line(f"NOT TESTED HERE: {listed}", yellow=True)


@pytest.fixture(scope="session", autouse=True)
def cheap_passwords():
    """Hash passwords with the least work: the tests prove rules, not argon2."""
    accounts._hasher = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1)
    accounts._nobody = accounts._hasher.hash("nobody")


@pytest.fixture(autouse=True)
def own_umask():
    """Undo what a command called in this process does to its umask, for the servers that later tests start."""
    mask = os.umask(0o022)
    os.umask(mask)
    yield
    os.umask(mask)


@pytest.fixture
def now() -> dt.datetime:
    """A moment in Tokyo's office hours: 2026-11-18 10:02:03 JST, a Wednesday."""
    return NOW


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory):
    """A migrated SQLite file to copy: a test's own database costs a file copy."""
    path = tmp_path_factory.mktemp("template") / "template.db"
    db.configure(f"sqlite:///{path}")
    with db.connected():
        schema.migrate("test")
        db.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    db.database.close_all()
    return path


@pytest.fixture(scope="session")
def postgresql_template():
    """A migrated PostgreSQL database in a private cluster, used as template for each test's own."""
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.cluster() as address:
        db.configure(address)
        with db.connected():
            db.database.execute_sql("CREATE DATABASE template_todoke")
        db.database.close_all()
        db.configure(address.replace("/postgres?", "/template_todoke?"))
        with db.connected():
            schema.migrate("test")
        db.database.close_all()
        yield address


def _postgresql_database(address: str) -> str:
    name = f"test_{next(_names)}"
    db.configure(address)
    with db.connected():
        db.database.execute_sql(f"CREATE DATABASE {name} TEMPLATE template_todoke STRATEGY FILE_COPY")
    db.database.close_all()
    return address.replace("/postgres?", f"/{name}?")


@pytest.fixture
def sqlite_url(sqlite_template, tmp_path) -> str:
    """The address of a fresh, migrated SQLite database."""
    path = tmp_path / "test.db"
    shutil.copy(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request) -> str:
    """The address of a fresh, migrated database: every test that takes it runs on both engines."""
    if request.param == "sqlite":
        return request.getfixturevalue("sqlite_url")
    return _postgresql_database(request.getfixturevalue("postgresql_template"))


@pytest.fixture
def database(database_url):
    """A connection to a fresh database, on either engine."""
    db.configure(database_url)
    with db.connected():
        yield db.database
    db.database.close_all()


@pytest.fixture
def sqlite(sqlite_url):
    """A connection to a fresh SQLite database, for tests in which the engine plays no part."""
    db.configure(sqlite_url)
    with db.connected():
        yield db.database
    db.database.close_all()
