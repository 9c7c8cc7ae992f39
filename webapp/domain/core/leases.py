"""Work that waits in a table and that one worker at a time holds: its lease, its fence, its count of tries.

A worker holds a row until `lease_until`, and what it writes to it goes through `hold`, with the number of its claim
(`fence`). One that is killed loses the row when the lease has ended; one that only stalled, and wakes up, finds
another's number and changes nothing. `tries` counts the claims since the work last got on: work on which every worker
dies is given up with an alarm, not taken for ever.

Mail has its own claim (`mail/outbox.py`), since a hundred messages are taken in one statement: the same lease and
fence, and the days of its retries in place of the tries.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from peewee import SQL, Expression

from db.database import skip_locked, transaction
from db.models.base import Rows, Work
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.domain.core.errors import TakenOver

# What was claimed so often, and never got on, stops every worker.
MOST_CLAIMS = 10

W = TypeVar("W", bound=Work)


@dataclass(frozen=True)
class Queue(Generic[W]):
    """A table of work.

    `states` are those in which there is something to do, `order` says what comes first, `waits` narrows down what a
    worker may take. `give_up` writes how a row ends that was claimed `most` times; `name` is the subject of its alarm.
    """

    name: str
    model: type[W]
    states: tuple[str, ...]
    give_up: Callable[[W, dt.datetime], object]
    order: Any = None
    waits: Expression | None = None
    most: int = MOST_CLAIMS

    def free(self, now: dt.datetime) -> "Rows[W]":
        """Return a select of what nobody holds, in the order in which it is taken."""
        model = self.model
        # As the condition of an index would be written: SQLite compares the two word for word.
        listed = ", ".join(f"'{state}'" for state in self.states)
        free = SQL(f"state IN ({listed})") & (model.lease_until.is_null() | (model.lease_until <= now))
        query = model.select().where(free if self.waits is None else free & self.waits)
        return query.order_by(model.id if self.order is None else self.order)


def claim(queue: Queue[W], now: dt.datetime, lease: dt.timedelta, **values: object) -> W | None:
    """Take the first row that nobody holds, with `values` written in the claim; None when there is none.

    Rows that were claimed too often are given up on the way.
    """
    while queue.free(now).exists():  # looked at without a lock: workers ask several times a second
        with transaction():
            row = skip_locked(queue.free(now).limit(1)).first()
            if row is None:
                return None
            if row.tries < queue.most:
                take(row, now + lease, **values)
                return row
            give_up(queue, row, now)
    return None


def take(row: Work, lease_until: dt.datetime | None, **values: object) -> None:
    """Claim this very row in the running transaction; TakenOver when somebody has claimed or changed it since."""
    hold(row, **{"fence": row.fence + 1, "tries": row.tries + 1, "lease_until": lease_until, **values})


def hold(row: Work, **values: object) -> None:
    """Write these columns of a claimed row, and no others; TakenOver when it is another's, or in another state, now.

    `lease_until` among them holds it longer; `tries=0` says that the work got on, for good.
    """
    model = type(row)
    mine = (model.id == row.id) & (model.fence == row.fence) & (model.state == row.state)
    if not model.update(values).where(mine).execute():
        raise TakenOver(f"{model.__name__} {row.id} is no longer held by claim {row.fence}")
    for name, value in values.items():
        setattr(row, name, value)


def give_up(queue: Queue[W], row: W, now: dt.datetime) -> None:
    """End a row that was tried too often, as its queue does, and raise the queue's alarm, in one transaction."""
    with transaction():
        queue.give_up(row, now)
        open_alarm(AlarmKind.WORK_GIVEN_UP, queue.name, now)
