"""The columns of a list, each said once: its heading on the page, the label beside its cell on a phone, its file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from webapp.domain.exports.tables import Cell, Sheet
from webapp.pages import exports
from webapp.web.language import say


@dataclass(frozen=True)
class Column:
    """A column of a list. `cell` gives what a file holds of a row; without it the column stands on the page alone."""

    name: str  # how the template calls it
    label: str  # marked with N_()
    cell: Callable[[Any], Cell] | None = None
    on_page: bool = True


class Columns:
    """The columns of one list, in their order."""

    def __init__(self, *columns: Column) -> None:
        self._columns = columns

    def shown(self) -> dict[str, str]:
        """Return name and label of each column of the page, in the reader's language."""
        return {column.name: say(column.label) for column in self._columns if column.on_page}

    def sheet(self, endpoint: str, rows: Iterable[Any]) -> Sheet:
        """Return the list as the table of a file; `rows` are those of the page."""
        return exports.sheet(endpoint, [column.label for column in self._columns if column.cell], self.lines(rows))

    def lines(self, rows: Iterable[Any]) -> Iterator[tuple[Cell, ...]]:
        """Give the cells of a file for each row."""
        cells = [column.cell for column in self._columns if column.cell]
        for row in rows:
            yield tuple(cell(row) for cell in cells)


def value(name: str) -> Callable[[Any], Cell]:
    """Return what gives a row's value as it is."""
    return attrgetter(name)


def words(name: str) -> Callable[[Any], Cell]:
    """Return what gives a row's sentence, marked with N_(), in the reader's language; nothing if there is none."""
    get = attrgetter(name)
    return lambda row: say(get(row)) if get(row) else ""


def moment(name: str) -> Callable[[Any], Cell]:
    """Return what gives a row's time as a table holds it."""
    get = attrgetter(name)
    return lambda row: exports.at(get(row))


def day(name: str) -> Callable[[Any], Cell]:
    """Return what gives a row's day as a table holds it; nothing if there is none."""
    get = attrgetter(name)
    return lambda row: get(row).isoformat() if get(row) else ""
