"""The web's clock: the domain has none and gets `now` as an argument."""

import datetime as dt

from flask import current_app


def utc_now() -> dt.datetime:
    """Return the present moment, aware, in UTC."""
    return dt.datetime.now(dt.UTC)


def now() -> dt.datetime:
    """Return the moment of the request at hand; a test gives the application another clock."""
    return current_app.extensions["clock"]()
