"""What all tests share: the two databases, the clock's reading, and the account of what was left out."""

import contextlib
import datetime as dt
import itertools
import os
import shutil
import sqlite3
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from argon2 import PasswordHasher
from psycopg.conninfo import conninfo_to_dict

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


_kept: dict[tuple, str] = {}


@pytest.fixture
def kept(tmp_path_factory):
    """Build what many tests begin with once, and copy it for each: `kept(name, build)` on the test's own database.

    `build` writes into it. Called again with the same name, on the same engine, a copy of what was written takes its
    place. Nothing else may have been written before.
    """

    def fill(name: object, build: Callable[[], object]) -> None:
        on_sqlite = db.is_sqlite()
        address = db.database.database
        known = _kept.get((on_sqlite, name))
        if known is None:
            build()
        db.database.close_all()
        if on_sqlite:
            copy = known or str(tmp_path_factory.mktemp("kept") / "kept.db")
            _copy_sqlite(*((copy, address) if known else (address, copy)))
        else:
            copy = known or f"kept_{next(_names)}"
            own = str(conninfo_to_dict(address)["dbname"])
            _copy_postgresql(*((copy, own) if known else (own, copy)), address)
        _kept[on_sqlite, name] = copy
        db.database.connect()

    return fill


def _copy_sqlite(source: str, target: str) -> None:
    for name in (target, f"{target}-wal", f"{target}-shm"):
        Path(name).unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(source)) as connection:
        connection.execute("VACUUM INTO ?", (target,))
    with contextlib.closing(sqlite3.connect(target)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def _copy_postgresql(source: str, target: str, address: str) -> None:
    info = conninfo_to_dict(address) | {"dbname": "postgres"}
    with psycopg.connect(autocommit=True, **info) as connection:
        connection.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)")
        connection.execute(f"CREATE DATABASE {target} TEMPLATE {source} STRATEGY FILE_COPY")
