"""What the operators' lists share: filters and places read from an address, and the addresses of neighbours."""

import datetime as dt
from dataclasses import dataclass

from flask import request, url_for

from db import ids
from webapp.domain.core import paging
from webapp.domain.core.paging import Cursor, Slice
from webapp.web.values import day_of


@dataclass(frozen=True)
class Chip:
    """A state in a word and a shape."""

    words: str
    kind: str


@dataclass(frozen=True)
class Option:
    """One choice of a filter: how many there are, and whether it is the one at hand."""

    address: str
    words: str
    number: str
    chosen: bool


def cursor() -> Cursor:
    """Return the place in the list that the address names; what is no id is the first page."""
    return Cursor(_id("after"), _id("before"))


def _id(name: str) -> int | None:
    try:
        return ids.decode(request.args.get(name, ""))
    except ValueError:
        return None


def choice(name: str, allowed, otherwise: str = "") -> str:
    """Return a filter of the address if it is one of `allowed`."""
    value = request.args.get(name, "")
    return value if value in {str(a) for a in allowed} else otherwise


def day(name: str) -> dt.date | None:
    """Return a day of the address; None for what is none."""
    return day_of(request.args, name)


def span() -> tuple[dt.date | None, dt.date | None]:
    """Return the days of the address from which and until which: `day` for a single one, else `since` and `until`."""
    single = day("day")
    return (single, single) if single else (day("since"), day("until"))


def around(endpoint: str, page: Slice, **filters) -> tuple[str, str]:
    """Return the addresses of the page before and the page after, "" at an end."""
    kept = {name: value for name, value in filters.items() if value}
    before = url_for(endpoint, **kept, before=ids.encode(page.before)) if page.before is not None else ""
    after = url_for(endpoint, **kept, after=ids.encode(page.after)) if page.after is not None else ""
    return before, after


def counted(query) -> str:
    """Return the number of rows of a list; a + behind it says that there are more than were counted."""
    number = paging.count(query)
    return f"{paging.MOST_COUNTED:,}+" if number > paging.MOST_COUNTED else f"{number:,}"
