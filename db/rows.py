"""Rows read, written and changed by plain SQL: the one place that knows how an engine writes a parameter.

The query builder takes 0.2 to 0.4 ms a statement, which is most of what a returned mail costs. For single rows the text
is made once for each table and set of columns: conditions are equalities (None: the column is empty), values are field
values, as models take them. Statements of ours are written with `?` for each stored value.
"""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Any, TypeVar

from peewee import ForeignKeyField, Model

from db.database import database, is_sqlite

M = TypeVar("M", bound=Model)
T = TypeVar("T")

# Rows or values in one statement, well within what either engine takes.
AT_ONCE = 500


def insert_row(model: type[Model], **values: Any) -> None:
    """Insert a row in the running transaction; what is not given has the column's default of the model."""
    defaults = model._meta.get_default_dict()
    values = {**defaults, **values} if defaults else values
    database.execute_sql(_insert(model, tuple(values), is_sqlite()), _stored(model, values))


def update_rows(model: type[Model], changes: dict[str, Any], where: dict[str, Any]) -> int:
    """Change the rows for which each name of `where` has its value; return how many."""
    empty = frozenset(name for name, value in where.items() if value is None)
    sql = _update(model, tuple(changes), tuple(where), empty, is_sqlite())
    held = {name: value for name, value in where.items() if name not in empty}
    changed: int = database.execute_sql(sql, _stored(model, changes) + _stored(model, held)).rowcount
    return changed


def read_row(model: type[M], lock: bool = False, **where: Any) -> M | None:
    """Return the first row for which each name has its value, or None; `lock`: nobody else changes it meanwhile."""
    empty = frozenset(name for name, value in where.items() if value is None)
    sql = _select(model, tuple(where), empty, lock and not is_sqlite(), is_sqlite())
    found = database.execute_sql(sql, _stored(model, {n: v for n, v in where.items() if n not in empty})).fetchone()
    if found is None:
        return None
    fields = model._meta.sorted_fields
    values = {field.name: field.python_value(value) for field, value in zip(fields, found, strict=True)}
    return model(__no_default__=True, **values)


def require_row(model: type[M], lock: bool = False, **where: Any) -> M:
    """Return the row as `read_row` does; LookupError when there is none, as where a foreign key says that there is."""
    row = read_row(model, lock, **where)
    if row is None:
        raise LookupError(f"no {model.__name__} with these values")
    return row


def in_parts(values: Iterable[T], size: int = AT_ONCE) -> Iterator[list[T]]:
    """Give values some hundred at a time, for statements that name each of them."""
    left = iter(values)
    while part := list(islice(left, size)):
        yield part


def marks(columns: int, rows: int = 1) -> str:
    """Return `(?, …)` for so many values, once or for each of many rows."""
    row = f"({', '.join('?' * columns)})"
    return row if rows == 1 else ", ".join([row] * rows)


def values_of(sql: str, *values: Any) -> list[tuple[Any, ...]]:
    """Return the rows of a statement of ours in which `?` stands for a stored value."""
    rows: list[tuple[Any, ...]] = database.execute_sql(_of_engine(sql), values).fetchall()
    return rows


def change_rows(sql: str, *values: Any) -> int:
    """Run a statement of ours in which `?` stands for a stored value; return how many rows it changed."""
    changed: int = database.execute_sql(_of_engine(sql), values).rowcount
    return changed


def change_many(sql: str, rows: Sequence[Sequence[Any]]) -> None:
    """Run one statement of ours for many rows, in the running transaction; each row has a value for each `?`."""
    if rows:
        database.cursor().executemany(_of_engine(sql), rows)


def write_rows(table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
    """Insert many rows; call it inside a transaction.

    `rows` are sequences of stored values (not field values) in the order of `columns`, all of which are names from our
    own code. One statement for some hundred rows lets go of the interpreter once, where `executemany` does so for each:
    a thread that writes beside another one that sends then costs both of them little.
    """
    if rows and not database.in_transaction():
        raise RuntimeError("many rows are written inside a transaction")
    for part in in_parts(rows):
        sql = _insert_many(table, tuple(columns), len(part), is_sqlite())
        database.cursor().execute(sql, [value for row in part for value in row])


def _of_engine(sql: str) -> str:
    return sql if is_sqlite() else sql.replace("?", "%s")


@lru_cache(maxsize=64)
def _insert_many(table: str, columns: tuple[str, ...], rows: int, question_marks: bool) -> str:
    sql = f"INSERT INTO {table} ({', '.join(columns)}) VALUES {marks(len(columns), rows)}"
    return sql if question_marks else sql.replace("?", "%s")


def _stored(model: type[Model], values: dict[str, Any]) -> list[Any]:
    fields = model._meta.combined
    stored = []
    for name, value in values.items():
        field = fields[name]
        if isinstance(value, Model):
            value = value.get_id()
        elif not isinstance(field, ForeignKeyField):
            value = field.db_value(value)
        stored.append(value)
    return stored


@lru_cache(maxsize=256)
def _insert(model: type[Model], names: tuple[str, ...], question_marks: bool) -> str:
    columns = ", ".join(_column(model, name) for name in names)
    marks = ", ".join([_mark(question_marks)] * len(names))
    return f"INSERT INTO {model._meta.table_name} ({columns}) VALUES ({marks})"


@lru_cache(maxsize=256)
def _update(
    model: type[Model], changes: tuple[str, ...], where: tuple[str, ...], empty: frozenset[str], question_marks: bool
) -> str:
    mark = _mark(question_marks)
    changed = ", ".join(f"{_column(model, name)} = {mark}" for name in changes)
    return f"UPDATE {model._meta.table_name} SET {changed}{_where(model, where, empty, mark)}"


@lru_cache(maxsize=256)
def _select(model: type[Model], where: tuple[str, ...], empty: frozenset[str], lock: bool, question_marks: bool) -> str:
    columns = ", ".join(field.column_name for field in model._meta.sorted_fields)
    held = _where(model, where, empty, _mark(question_marks))
    return f"SELECT {columns} FROM {model._meta.table_name}{held} LIMIT 1{' FOR UPDATE' if lock else ''}"


def _where(model: type[Model], names: tuple[str, ...], empty: frozenset[str], mark: str) -> str:
    said = (f"{_column(model, name)} {'IS NULL' if name in empty else f'= {mark}'}" for name in names)
    return " WHERE " + " AND ".join(said)


def _column(model: type[Model], name: str) -> str:
    column: str = model._meta.combined[name].column_name
    return column


def _mark(question_marks: bool) -> str:
    return "?" if question_marks else "%s"
