"""Column types that mean the same on SQLite and PostgreSQL."""

import datetime as dt
import json
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Literal, TypeVar, overload

from peewee import BigIntegerField, TextField

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_encode = json.JSONEncoder(ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode
_MICROSECOND = dt.timedelta(microseconds=1)
_V = TypeVar("_V")


def to_microseconds(moment: dt.datetime) -> int:
    """Return microseconds since 1970 UTC; ValueError for a time without a zone, which could be any moment."""
    if moment.tzinfo is None:
        raise ValueError("a time in the store needs a zone")
    return (moment - _EPOCH) // _MICROSECOND


def from_microseconds(number: int) -> dt.datetime:
    """Return the UTC time of a stored number."""
    return _EPOCH + dt.timedelta(microseconds=number)


if TYPE_CHECKING:
    from peewee import BigIntegerField as _Number
    from peewee import TextField as _Text
else:
    # Peewee's fields take the type of their value in brackets in its stubs only.
    class _Number(BigIntegerField):
        __class_getitem__ = classmethod(GenericAlias)

    class _Text(TextField):
        __class_getitem__ = classmethod(GenericAlias)


# What peewee adds beside a foreign key is annotated with these: `technician` has `technician_id: Id`, and `IdOrNone`
# where it may be empty. At run time the annotation does nothing.
Id = _Number[int]
IdOrNone = _Number[int | None]


class MomentField(_Number[_V]):
    """A moment in UTC, stored as microseconds since 1970: sorts, compares and travels alike on both engines."""

    if TYPE_CHECKING:

        @overload
        def __new__(cls, *, null: Literal[True], **options: Any) -> "MomentField[dt.datetime | None]": ...
        @overload
        def __new__(cls, *, null: Literal[False] = ..., **options: Any) -> "MomentField[dt.datetime]": ...
        def __new__(cls, **options: Any) -> Any: ...

    def db_value(self, value: Any) -> Any:
        return to_microseconds(value) if isinstance(value, dt.datetime) else value

    def python_value(self, value: int | None) -> dt.datetime | None:
        return None if value is None else from_microseconds(value)


class DayField(_Text[_V]):
    """A calendar day, stored as `YYYY-MM-DD`."""

    if TYPE_CHECKING:

        @overload
        def __new__(cls, *, null: Literal[True], **options: Any) -> "DayField[dt.date | None]": ...
        @overload
        def __new__(cls, *, null: Literal[False] = ..., **options: Any) -> "DayField[dt.date]": ...
        def __new__(cls, **options: Any) -> Any: ...

    def db_value(self, value: Any) -> Any:
        return value.isoformat() if isinstance(value, dt.date) else value

    def python_value(self, value: str | None) -> dt.date | None:
        return None if value is None else dt.date.fromisoformat(value)


class JsonField(_Text[Any]):
    """A small JSON value as text; never searched by the database."""

    if TYPE_CHECKING:

        def __new__(cls, *, null: bool = ..., **options: Any) -> "JsonField": ...

    def db_value(self, value: Any) -> str | None:
        return None if value is None else dump_json(value)

    def python_value(self, value: str | None) -> Any:
        return None if value is None else json.loads(value)


def dump_json(value: Any) -> str:
    """Return the one spelling of a JSON value that is stored and digested: sorted keys, no blanks."""
    return _encode(value)
