"""How often something may happen in a day in Japan: counted in the database, so that it holds across processes."""

import datetime as dt
from dataclasses import dataclass

from db.ids import new_id
from db.models import Throttle
from webapp.domain.core.calendar import JST


@dataclass(frozen=True, slots=True)
class Allowance:
    """How much of a day's limit is used and left, told to people as numbers."""

    used: int
    limit: int

    @property
    def left(self) -> int:
        return max(0, self.limit - self.used)


class LimitReached(Exception):
    """The day's limit is used up; `allowance` says how far, `key` whose it is."""

    def __init__(self, key: str, allowance: Allowance):
        super().__init__("the day's limit is used up")
        self.key, self.allowance = key, allowance


def day_start(now: dt.datetime) -> dt.datetime:
    """Return the beginning of the day in Japan, as UTC."""
    return now.astimezone(JST).replace(hour=0, minute=0, second=0, microsecond=0).astimezone(dt.UTC)


def used_today(key: str, limit: int, now: dt.datetime) -> Allowance:
    """Return how much of a day's limit is used."""
    row = Throttle.get_or_none((Throttle.key == key) & (Throttle.window_start == day_start(now)))
    return Allowance(row.count if row else 0, limit)


def take(key: str, n: int, limit: int, now: dt.datetime) -> Allowance:
    """Count `n` uses in the running transaction; LimitReached (undo the transaction) when they exceed the limit."""
    start = day_start(now)
    counted = (
        Throttle.insert(id=new_id(), key=key, window_start=start, count=n, expires_at=start + dt.timedelta(days=2))
        .on_conflict(conflict_target=[Throttle.key, Throttle.window_start], update={Throttle.count: Throttle.count + n})
        .returning(Throttle.count)
        .tuples()
        .execute()
    )
    ((used,),) = list(counted)
    if used > limit:
        raise LimitReached(key, Allowance(used - n, limit))
    return Allowance(used, limit)
