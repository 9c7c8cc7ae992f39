"""A connection of the pool for each request that needs one."""

from flask import Flask, g, request
from peewee import InterfaceError, OperationalError

from db.database import configure, connected, database

# What must answer while the database is down.
WITHOUT_DATABASE = {"health.alive", "health.ready"}


def connect() -> None:
    """Take a connection, as one of the guards; the error page for 503 answers when there is none."""
    if request.endpoint is not None and request.endpoint not in WITHOUT_DATABASE:
        g.connection_opened = database.connect(reuse_if_open=True)


def give_back(error: BaseException | None) -> None:
    """Return the connection to the pool, also after an error."""
    if g.pop("connection_opened", False):
        database.close()


def check() -> str | None:
    """Say whether the database answers, for /readyz."""
    try:
        with connected():
            database.execute_sql("SELECT 1")
    except (OperationalError, InterfaceError):
        return "unreachable"
    return None


def init_app(app: Flask) -> None:
    """Point the database at the settings' address and give each request's connection back."""
    settings = app.extensions["settings"]
    configure(settings.database_url, settings.database_connections)
    app.teardown_request(give_back)
