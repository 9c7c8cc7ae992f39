"""Column types that mean the same on SQLite and PostgreSQL."""

import datetime as dt
import json

from peewee import BigIntegerField, TextField

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_MICROSECOND = dt.timedelta(microseconds=1)


def to_microseconds(moment: dt.datetime) -> int:
    """Return microseconds since 1970 UTC; ValueError for a time without a zone, which could be any moment."""
    if moment.tzinfo is None:
        raise ValueError("a time in the store needs a zone")
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(number: int) -> dt.datetime:
    """Return the UTC time of a stored number."""
    return _EPOCH + dt.timedelta(microseconds=number)


class MomentField(BigIntegerField):
    """A moment in UTC, stored as microseconds since 1970: sorts, compares and travels alike on both engines."""

    def db_value(self, value):
        return to_microseconds(value) if isinstance(value, dt.datetime) else value

    def python_value(self, value):
        return None if value is None else from_microseconds(value)


class DayField(TextField):
    """A calendar day, stored as `YYYY-MM-DD`."""

    def db_value(self, value):
        return value.isoformat() if isinstance(value, dt.date) else value

    def python_value(self, value):
        return None if value is None else dt.date.fromisoformat(value)


class JsonField(TextField):
    """A small JSON value as text; never searched by the database."""

    def db_value(self, value):
        return None if value is None else dump_json(value)

    def python_value(self, value):
        return None if value is None else json.loads(value)


def dump_json(value) -> str:
    """Return the one spelling of a JSON value that is stored and digested: sorted keys, no blanks."""
    return _encode(value)
