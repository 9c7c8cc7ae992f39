"""The connection: SQLite or PostgreSQL, chosen by the address, and the few things in which they differ."""

import contextlib
import re
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TypeVar

from peewee import DatabaseProxy, Select
from playhouse.pool import PooledSqliteDatabase
from playhouse.postgres_ext import PooledPsycopg3Database

_Q = TypeVar("_Q", bound=Select)

database = DatabaseProxy()

# A writer that finds SQLite busy waits this long before it gives up, in seconds.
BUSY_SECONDS = 20
# Rows of each index that the planner's statistics are taken from: the number that SQLite's documentation advises.
_SAMPLE = 1000


class AddressError(ValueError):
    """A database address that is neither SQLite nor PostgreSQL."""


def configure(url: str, connections: int = 32) -> None:
    """Point `database` at an address; nothing is opened yet.

    `sqlite:///relative/path.db`, `sqlite:////absolute/path.db` or `postgresql://user:password@host:port/name`.
    `connections` bounds the pool of this process. AddressError for anything else.
    """
    if match := re.fullmatch(r"sqlite:///(.+)", url):
        path = Path(match[1])
        path.parent.mkdir(parents=True, exist_ok=True)
        database.initialize(
            PooledSqliteDatabase(
                str(path),
                max_connections=connections,
                timeout=BUSY_SECONDS,
                autoconnect=False,
                # The pool hands a connection to one thread after another, never to two at once.
                check_same_thread=False,
                # A transaction that reads first and writes later would fail at once when another writer came between.
                lock_type="IMMEDIATE",
                # FULL: an acknowledged commit survives a power cut. A lost "sent" would be a second mail.
                pragmas={
                    "journal_mode": "wal",
                    "synchronous": "full",
                    "foreign_keys": 1,
                    "cache_size": -32_000,
                    "temp_store": "memory",
                },
            )
        )
    elif re.match(r"postgres(ql)?://", url):
        # autocommit and unprepared statements: a pooler between us and the server may hand each transaction another
        # server connection.
        database.initialize(
            PooledPsycopg3Database(
                url, max_connections=connections, autoconnect=False, prepare_threshold=None, stale_timeout=300
            )
        )
    else:
        raise AddressError("a database address begins with sqlite:/// or postgresql://")


def is_sqlite() -> bool:
    """Return whether the configured engine is SQLite."""
    return isinstance(database.obj, PooledSqliteDatabase)


@contextlib.contextmanager
def connected() -> Iterator[None]:
    """Hold a connection of the pool for a block, unless this thread holds one already."""
    opened = database.connect(reuse_if_open=True)
    try:
        yield
    finally:
        if opened:
            database.close()


def refresh_statistics() -> None:
    """Let SQLite look at a sample of each table; without, it guesses how to walk one that has grown.

    Milliseconds however large the tables are: so many rows of each index are read, no more. PostgreSQL does it itself.
    """
    if is_sqlite():
        database.execute_sql(f"PRAGMA analysis_limit = {_SAMPLE}")
        database.execute_sql("ANALYZE")


def transaction() -> AbstractContextManager[object]:
    """Return a context in which all writes happen or none; nested ones are savepoints."""
    return database.atomic()


def skip_locked(query: _Q) -> _Q:
    """Return a select that takes its rows for this transaction and passes over those another worker has taken.

    SQLite has one writer at a time, so an IMMEDIATE transaction is already alone.
    """
    return query if is_sqlite() else query.for_update(skip_locked=True)


@contextlib.contextmanager
def snapshot() -> Iterator[None]:
    """Read everything as of one moment, without keeping writers from their work."""
    if is_sqlite():
        with database.atomic("DEFERRED"):
            yield
        return
    with database.atomic():
        database.execute_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
        yield


@contextlib.contextmanager
def exclusive(name: int) -> Iterator[None]:
    """Hold a lock over all processes of this database for a transaction: migrations and scheduled work.

    `name` is a number that stands for the work. SQLite: the IMMEDIATE transaction itself is the lock.
    """
    with database.atomic():
        if not is_sqlite():
            database.execute_sql("SELECT pg_advisory_xact_lock(%s)", (name,))
        yield
