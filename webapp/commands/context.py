"""What every command does first: read the settings, open the database, and end in one sentence when it cannot."""

import contextlib
import datetime as dt
import errno
import socket
from collections.abc import Iterator

import click
from peewee import OperationalError

from db import database as db
from db import schema
from webapp.settings import Settings, SettingsError, load


class Refused(click.ClickException):
    """A command cannot go on; one clear sentence, exit 2."""

    exit_code = 2


def now() -> dt.datetime:
    """Return the clock's time: commands stand at the edge, where the clock is read."""
    return dt.datetime.now(dt.UTC)


def load_settings() -> Settings:
    """Return the settings; exit 2 with the sentence that says which one is wrong."""
    try:
        return load()
    except SettingsError as error:
        raise Refused(str(error)) from None


def why_not_listen(host: str, port: int) -> str | None:
    """Return why nobody can begin to listen there, as half a sentence; None when it is free.

    The web server listens beside whoever listens there already (SO_REUSEPORT), and both would answer by turns: two
    releases, or two databases. So it is tried before, in the way that does not share.
    """
    try:
        family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, kind) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # what closed a moment ago is no obstacle
            probe.bind(address)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return f"port {port} is taken"
        return f"{host} port {port} cannot be listened on ({error.strerror})"
    return None


@contextlib.contextmanager
def opened(settings: Settings, *, migrated: bool = True) -> Iterator[None]:
    """Hold a connection to the settings' database; exit 2 when it is out of reach, not migrated or of another mode."""
    db.configure(settings.database_url, settings.database_connections)
    try:
        with db.connected():
            if migrated:
                schema.check(settings.mode)
            yield
    except schema.SchemaError as error:
        raise Refused(str(error)) from None
    except OperationalError as error:
        raise Refused(f"the database does not answer: {str(error).strip().splitlines()[0]}") from None
    finally:
        db.database.close_all()
