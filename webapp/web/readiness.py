"""What /readyz asks: the database and its migrations, static files; and beside the pages the worker and the disk.

Each check returns None, or a word for what is wrong: never a detail, since anybody may ask.
"""

import datetime as dt
import os
import shutil
from pathlib import Path

from flask import Flask
from peewee import InterfaceError, OperationalError, fn

from db import schema
from db.database import connected
from db.models import WorkerBeat
from webapp.web import database
from webapp.web.static_files import SOURCE

DIRECTORY = SOURCE / "dist"
LEAST_FREE_BYTES = 200_000_000


def init_app(app: Flask) -> None:
    """Register the checks."""
    settings, files = app.extensions["settings"], app.extensions["static_files"]
    app.extensions["ready_checks"] = {
        "database": database.check,
        "migrations": lambda: _migrations(settings.mode),
        "static_files": lambda: _static_files(files),
    }
    app.extensions["beside_checks"] = {
        "worker": lambda: _worker(app.extensions["clock"](), dt.timedelta(minutes=settings.alarm_worker_minutes)),
        "disk": lambda: _disk(Path(settings.state_dir)),
    }


def _migrations(mode: str) -> str | None:
    try:
        with connected():
            schema.check(mode)
    except schema.SchemaError:
        return "pending"
    except (OperationalError, InterfaceError):
        return "unknown"
    return None


def _static_files(files) -> str | None:
    return None if all((DIRECTORY / name).is_file() for name in files.names.values()) else "missing"


def _worker(now: dt.datetime, patience: dt.timedelta) -> str | None:
    try:
        with connected():
            seen = WorkerBeat.select(fn.MAX(WorkerBeat.seen_at)).scalar()
    except (OperationalError, InterfaceError):
        return "unknown"
    return "silent" if seen is None or now - seen > patience else None


def _disk(directory: Path) -> str | None:
    while not directory.exists() and directory != directory.parent:
        directory = directory.parent
    if not os.access(directory, os.W_OK):
        return "not writable"
    return "nearly full" if shutil.disk_usage(directory).free < LEAST_FREE_BYTES else None
