"""Tries in a window of time, counted in the database: they hold over all processes, and over requests at once.

A try is taken before it is known whether it is right, and given back when it was. Whoever counts afterwards lets
through as many requests at once as arrive before the first of them is counted.
"""

import datetime as dt
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from db.database import transaction
from db.ids import new_id
from db.models import Throttle

WINDOW = dt.timedelta(minutes=15)


class TooManyTries(Exception):
    """The tries of a budget are used up; there are new ones when its window ends."""


@dataclass(frozen=True)
class Budget:
    """How many tries there are in a window for `value`, which cannot be read in the counter's name."""

    kind: str
    value: str
    limit: int
    window: dt.timedelta = WINDOW

    @property
    def key(self) -> str:
        """The name of the counter."""
        return f"{self.kind}:{hashlib.sha256(self.value.encode()).hexdigest()[:32]}"

    def start(self, now: dt.datetime) -> dt.datetime:
        """Return when the window began."""
        seconds = self.window.total_seconds()
        return dt.datetime.fromtimestamp(now.timestamp() // seconds * seconds, dt.UTC)


def take(budgets: Sequence[Budget], now: dt.datetime) -> bool:
    """Take one try of each budget; return whether the first has none left after it.

    TooManyTries when one of them had none left: then the try counts there, and in none of the others.
    """
    with transaction():
        counts: list[int] = []
        for budget in budgets:
            counts.append(_count(budget, now))
            if counts[-1] > budget.limit:
                give_back(budgets[: len(counts) - 1], now)
                break
    if counts[-1] > budgets[len(counts) - 1].limit:
        raise TooManyTries
    return counts[0] == budgets[0].limit


def give_back(budgets: Sequence[Budget], now: dt.datetime) -> None:
    """Give the try back that was taken at `now`: it was right, or not made."""
    for budget in budgets:
        mine = (Throttle.key == budget.key) & (Throttle.window_start == budget.start(now)) & (Throttle.count > 0)
        Throttle.update(count=Throttle.count - 1).where(mine).execute()


def forget(budget: Budget) -> None:
    """Forget all tries of a budget: its owner has shown who they are."""
    Throttle.delete().where(Throttle.key == budget.key).execute()


def is_used_up(budget: Budget, now: dt.datetime) -> bool:
    """Return whether there is no try left."""
    mine = (Throttle.key == budget.key) & (Throttle.window_start == budget.start(now))
    return Throttle.select().where(mine & (Throttle.count >= budget.limit)).exists()


def seconds_left(budget: Budget, now: dt.datetime) -> int:
    """Return in how many seconds there are new tries: one at least."""
    return max(1, int((budget.start(now) + budget.window - now).total_seconds()) + 1)


def _count(budget: Budget, now: dt.datetime) -> int:
    start = budget.start(now)
    counted = (
        Throttle.insert(id=new_id(), key=budget.key, window_start=start, count=1, expires_at=start + 2 * budget.window)
        .on_conflict(conflict_target=[Throttle.key, Throttle.window_start], update={Throttle.count: Throttle.count + 1})
        .returning(Throttle.count)
        .tuples()
        .execute()
    )
    ((count,),) = list(counted)
    return count
