"""Pages of a long list by the keys of its rows: page 400 costs what page 1 costs, and no row is skipped or repeated."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from peewee import Field, Model, ModelSelect, Tuple

A_PAGE = 50
# Counting further than this costs more than the number is worth; a page then says "at least".
MOST_COUNTED = 10_000


@dataclass(frozen=True)
class Order:
    """How a list is ordered: fields, all rising or all falling, the last of them the unique id of `of`.

    The place of a page is named by the id of a row alone, so that no value of a person stands in an address.
    """

    of: type[Model]
    fields: tuple[Field, ...]
    falling: bool = True
    joins: tuple[type[Model], ...] = ()  # tables beside `of` from which fields come


@dataclass(frozen=True)
class Cursor:
    """Where a page begins: the rows after that id, or those before it; neither is the first page."""

    after: int | None = None
    before: int | None = None


@dataclass(frozen=True)
class Slice:
    """A page of rows; `before` and `after` are the ids that lead to its neighbours, None at an end."""

    rows: Sequence[Any]
    before: int | None = None
    after: int | None = None


def read(
    query: "ModelSelect[Any]",
    order: Order,
    cursor: Cursor,
    key: Callable[[Any], int] = lambda row: row.id,
    size: int = A_PAGE,
) -> Slice:
    """Return a page of `query`; `key` gives the id of `order.of` of a row. An unknown id leads to the first page."""
    backwards = cursor.before is not None
    at = cursor.before if backwards else cursor.after
    values = None
    if at is not None:
        place = order.of.select(*order.fields)
        for table in order.joins:
            place = place.join(table)
        values = place.where(order.of._meta.primary_key == at).tuples().first()
    if values is None:
        backwards = False
    else:
        # A row comparison is one range of the index; a chain of OR is not.
        row_key, cursor_key = (
            Tuple(*order.fields),
            Tuple(*(_stored(f, v) for f, v in zip(order.fields, values, strict=True))),
        )
        query = query.where(row_key < cursor_key if order.falling is not backwards else row_key > cursor_key)
    falling = order.falling is not backwards
    rows = list(query.order_by(*(f.desc() if falling else f.asc() for f in order.fields)).limit(size + 1))
    more, rows = len(rows) > size, rows[:size]
    if backwards:
        rows.reverse()
    if not rows:
        return Slice(rows)
    before = key(rows[0]) if (more if backwards else values is not None) else None
    after = key(rows[-1]) if (True if backwards else more) else None
    return Slice(rows, before, after)


def _stored(field: Field, value: Any) -> Any:
    return field.db_value(value)


def count(query: "ModelSelect[Any]", most: int = MOST_COUNTED) -> int:
    """Return how many rows a list has, counted no further than `most` + 1."""
    return query.order_by().limit(most + 1).count()
