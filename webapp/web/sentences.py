"""Lines of the domain in the reader's language: sentence and parameters come together here."""

import datetime as dt

from flask_babel import gettext

from webapp.domain.core.sentences import Line
from webapp.web.rendering import day, moment


def spoken(line: Line | str) -> str:
    """Return a line translated and filled in; lines in it are said, days and moments written as in Japan."""
    if isinstance(line, str):
        return gettext(line) if line else ""
    params = {name: _part(value) for name, value in line.params.items()}
    if not line.sentence:
        return ""
    return gettext(line.sentence, **params) if params else gettext(line.sentence)


def _part(value) -> str:
    if isinstance(value, Line):
        return spoken(value)
    if isinstance(value, dt.datetime):
        return moment(value)
    if isinstance(value, dt.date):
        return day(value)
    return "" if value is None else str(value)
