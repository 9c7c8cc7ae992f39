"""Which lists can be taken away, and how each is read: beside the page of a list stands what its file holds.

The worker reads a list as its page does: under a request of the asker for the same address, so that filters, words and
rights are those of the page (`webapp/worker/export_writer.py`).
"""

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from flask import current_app, g
from peewee import ModelSelect

from webapp.domain.core.paging import Order
from webapp.domain.exports.tables import Cell, Sheet
from webapp.web.language import say
from webapp.web.rendering import in_japan

CHUNK = 500


@dataclass(frozen=True)
class Source:
    """A list that can be taken away."""

    endpoint: str
    title: str
    name: str  # how its files are called
    sheets: Callable[[], Iterable[Sheet]]
    term_page: str = ""  # under which name the page keeps what was searched
    single: bool = True  # one table; several only fit in a workbook


SOURCES: dict[str, Source] = {}


class SearchOver(Exception):
    """What was searched for is kept no longer: without it the list would be another one."""


def source(endpoint: str, title: str, name: str, *, term_page: str = "", single: bool = True):
    """Name the function below as what gives the sheets of a list; `title` is marked with N_()."""

    def register(sheets: Callable[[], Iterable[Sheet]]):
        SOURCES[endpoint] = Source(endpoint, title, name, sheets, term_page, single)
        return sheets

    return register


def sheet(endpoint: str, heading: Sequence[str], rows: Iterable[Sequence[Cell]]) -> Sheet:
    """Return the one table of a list; the heading's words are marked with N_()."""
    return Sheet(say(SOURCES[endpoint].title), [say(words) for words in heading], rows)


def most_rows() -> int:
    """Return how many rows a file takes at most."""
    return current_app.extensions["settings"].export_rows


def known(total: int) -> None:
    """Say how many rows there will be, as soon as that is known."""
    g.export_total = min(total, most_rows())


def walk(query: ModelSelect, order: Order, key: Callable[[Any], int] = lambda row: row.id) -> Iterator[list]:
    """Give the rows of a list in its order, some hundred at a time, each once.

    Which rows the list has is fixed in one statement; a row that has left the list before it is read is left out.
    """
    unique = order.of._meta.primary_key
    fields = [field.desc() if order.falling else field.asc() for field in order.fields]
    keys = [row[0] for row in query.select(unique).order_by(*fields).limit(most_rows() + 1).tuples()]
    known(len(keys))
    for begin in range(0, len(keys), CHUNK):
        part = keys[begin : begin + CHUNK]
        rows = {key(row): row for row in query.where(unique.in_(part))}
        yield [rows[row_key] for row_key in part if row_key in rows]


def pages(read: Callable[[Any], tuple[Sequence, Any]]) -> Iterator[Sequence]:
    """Give the pages of a list whose rows carry their own place: `read(place)` gives rows and the next place."""
    place = None
    while True:
        rows, place = read(place)
        yield rows
        if not place:
            return


def at(moment: dt.datetime | None) -> str:
    """Return a time as a table holds it, in Japan: 2026-11-23 14:05:09, so that it sorts."""
    return f"{in_japan(moment):%Y-%m-%d %H:%M:%S}" if moment else ""


def lines(chunks: Iterable[Sequence], as_cells: Callable[[Sequence], Iterable[Sequence[Cell]]]) -> Iterator:
    """Give the cells of each row; `as_cells` gets some rows at once, so that it asks once for what belongs to them."""
    for rows in chunks:
        yield from as_cells(rows)


def limited(rows: Iterable[Sequence[Cell]], most: int) -> Iterator[Sequence[Cell]]:
    """Give at most so many rows, and note when there are more: of this table, and of the file."""
    rows = iter(rows)
    yield from islice(rows, most)
    if next(rows, None) is not None:
        g.export_over = g.export_cut = True
