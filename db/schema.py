"""Migrations: numbered files, applied once, in order, under a lock, with a checksum of each."""

import hashlib
import secrets
from pathlib import Path

from peewee import Database
from playhouse.migrations import MigrationError, Runner

from db.database import database, exclusive, is_sqlite
from db.locks import Lock
from db.rows import change_rows

FIRST = "0001_first"
_BEFORE_THE_FIRST = "0001_begin"  # until 0.1.0 each change of a table was a migration of its own
DIRECTORY = Path(__file__).parent / "migrations"


class SchemaError(RuntimeError):
    """The database cannot be used as it is; the message says why and what to do."""


def execute_script(db: Database, script: str) -> None:
    """Run the statements of a migration, written once for both engines.

    `{id}` is the primary key of an id made by the application, `{blob}` the type of bytes, `{ordered}` stands behind
    TEXT that is compared by code point. Statements end with `;` at the end of a line.
    """
    # On SQLite, INTEGER PRIMARY KEY is the row itself; any other type would add a second tree to every table.
    words = {
        "id": "INTEGER PRIMARY KEY" if is_sqlite() else "BIGINT PRIMARY KEY",
        "blob": "BLOB" if is_sqlite() else "BYTEA",
        "ordered": "" if is_sqlite() else ' COLLATE "C"',
    }
    for statement in script.format(**words).split(";\n"):
        if statement.strip():
            db.execute_sql(statement)


def migrate(mode: str) -> list[str]:
    """Apply what is pending and write the mode into a new database; return the names applied.

    SchemaError when an applied file has changed or is missing, or the database belongs to another mode.
    """
    with exclusive(Lock.MIGRATION):
        runner = Runner(database, str(DIRECTORY))
        _check_history(runner)
        names: list[str] = runner.up()
        for name in names:
            _remember(name)
        if FIRST in names:
            change_rows("INSERT INTO fact VALUES (?, ?)", "mode", mode)
            # Shared by all backups of this database, so that a worker knows an older one when it meets it.
            change_rows("INSERT INTO fact VALUES (?, ?)", "database_id", secrets.token_hex(8))
        _check_mode(mode)
        return names


def revert() -> list[str]:
    """Take back the newest migration; SchemaError if it has no way back."""
    with exclusive(Lock.MIGRATION):
        runner = Runner(database, str(DIRECTORY))
        _check_history(runner)
        try:
            names: list[str] = runner.down()
        except MigrationError as error:
            raise SchemaError(str(error)) from error
        for name in names:
            change_rows("DELETE FROM migration_checksum WHERE name = ?", name)
        return names


def pending() -> list[str]:
    """Return the names of migrations that this database still lacks."""
    runner = Runner(database, str(DIRECTORY))
    return [m.name for m in runner.status() if m.applied is None]


def check(mode: str) -> None:
    """Raise SchemaError unless the database is migrated and belongs to this mode."""
    if names := pending():
        raise SchemaError(f"the database lacks {len(names)} migration(s) ({names[0]} …): run `todoke migrate`")
    _check_mode(mode)


def _check_mode(mode: str) -> None:
    row = database.execute_sql("SELECT value FROM fact WHERE name = 'mode'").fetchone()
    if row is None or row[0] != mode:
        found = row[0] if row else "no"
        raise SchemaError(
            f"this database belongs to {found} mode, the process runs in {mode} mode: nothing was touched"
        )


def _check_history(runner: Runner) -> None:
    database.execute_sql("CREATE TABLE IF NOT EXISTS migration_checksum (name TEXT PRIMARY KEY, sha256 TEXT NOT NULL)")
    known = dict(database.execute_sql("SELECT name, sha256 FROM migration_checksum").fetchall())
    for migration in runner.status():
        if migration.applied is None:
            continue
        if migration.name == _BEFORE_THE_FIRST:
            raise SchemaError(
                "this database was made before version 0.1.0: make a new one by `todoke migrate` under another"
                " TODOKE_DATABASE_URL and import the registrations again"
            )
        if migration.path is None:
            raise SchemaError(f"migration {migration.name} was applied, but its file is gone: use the newer release")
        if known.get(migration.name) != _checksum(migration.name):
            raise SchemaError(f"migration {migration.name} has changed since it was applied: restore its file")


def _checksum(name: str) -> str:
    # Text with one kind of line end, so that a checkout on another system has the same sum.
    return hashlib.sha256((DIRECTORY / f"{name}.py").read_text("utf-8").encode()).hexdigest()


def _remember(name: str) -> None:
    change_rows("INSERT INTO migration_checksum VALUES (?, ?)", name, _checksum(name))
