"""Daily counters, written in the transaction of the event that they count, and the days that they stand for."""

import datetime as dt
import os
from collections.abc import Mapping
from enum import StrEnum

from db.database import is_sqlite
from db.rows import change_rows, in_parts, marks
from webapp.domain.core.calendar import JST

# Writers of one row wait for each other on PostgreSQL until commit; each process adds to a shard of its own instead.
_SHARDS = 16


class Figure(StrEnum):
    """What is counted; the three dimensions a, b, c of each."""

    REGISTRATIONS = "registrations"  # day of import · a: affiliated or alone
    # c: failure class/reason of the failed, how delivery is known, or whether a relay has accepted it, or ""
    NOTICES = "notices"  # cohort day (first attempt) · a: kind/role · b: state · c: see above
    # c: failure class of the failed, else the state, with /accepted where a relay has accepted it before
    NOTICES_BY_DESTINATION = "notices_by_destination"  # cohort day · a: kind/role · b: domain · c: see above
    SENT_AFTER = "sent_after"  # cohort day · a: kind/role · b: class of minutes from completion to first acceptance
    POSTCARDS = "postcards"  # day of the change · a: state entered · b: cause
    CARDS = "cards"  # day of the change · a: state entered
    CARD_DAYS = "card_days"  # day of delivery · a: days from acceptance to delivery
    POSTCARD_RETURNS = "postcard_returns"  # day of mailing · a: days until it came back
    SHIPMENTS = "shipments"  # day of acceptance by the post · a: prefecture · b: what was missed (cards/outcomes.py)
    FUNNEL = "funnel"  # day of completion · a: how far a registration has come (core/progress.py)


Key = tuple[str, str, str, str, str]  # figure, day (YYYY-MM-DD, JST), a, b, c


def day_of(moment: dt.datetime) -> dt.date:
    """Return the day in Japan on which a moment falls."""
    return moment.astimezone(JST).date()


def key(figure: Figure, day: dt.date, a: str = "", b: str = "", c: str = "") -> Key:
    """Return the key of one counter."""
    return (figure.value, day.isoformat(), a, b, c)


def add(deltas: Mapping[Key, int]) -> None:
    """Add to counters in the running transaction; one statement for many keys.

    Keys are written in order, so that two writers cannot wait for each other in a circle.
    """
    rows = sorted((k, n) for k, n in deltas.items() if n)
    if not rows:
        return
    shard = 0 if is_sqlite() else os.getpid() % _SHARDS
    for part in in_parts(rows):
        change_rows(
            f"INSERT INTO counter (figure, day, a, b, c, shard, n) VALUES {marks(7, len(part))}"
            " ON CONFLICT (figure, day, a, b, c, shard) DO UPDATE SET n = counter.n + excluded.n",
            *(value for k, n in part for value in (*k, shard, n)),
        )
