"""How far a registration has come, from its completion to the card in somebody's hands, counted by day of completion.

Each step says how a registration stands now: a mail that comes back late takes its step back, as a returned postcard
and a returned card do. A person may have been told both by mail and by postcard.
"""

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping
from enum import StrEnum

from db.database import database
from db.fields import from_microseconds
from db.rows import in_parts, marks, values_of
from webapp.domain.core import counters
from webapp.domain.core.counters import Figure, Key

# A postcard in one of these has told its person, as far as anybody knows.
TOLD_BY_POSTCARD = ("mailed", "presumed_delivered")


class Reached(StrEnum):
    """The steps, in their order."""

    REGISTERED = "registered"
    BY_MAIL = "by_mail"  # the technician's ID notice was delivered
    BY_POSTCARD = "by_postcard"  # a postcard is in the post or presumed delivered
    CARD_POSTED = "card_posted"  # the card is in the post or was delivered; one given back to be posted again is not
    CARD_DELIVERED = "card_delivered"


Changes = Mapping[tuple[int, Reached], int]  # registration and step: how many more


def completed(registration_ids: Iterable[int]) -> dict[int, dt.datetime]:
    """Return when registrations were completed."""
    found: dict[int, dt.datetime] = {}
    ids = sorted(set(registration_ids))
    for part in in_parts(ids):
        rows = values_of(f"SELECT id, completed_at FROM registration WHERE id IN {marks(len(part))}", *part)
        found.update((number, from_microseconds(at)) for number, at in rows)
    return found


def deltas(changes: Changes) -> Counter[Key]:
    """Return what changes of registrations add to the counters."""
    changes = {reached: n for reached, n in changes.items() if n}
    days = {number: counters.day_of(at) for number, at in completed(number for number, _ in changes).items()}
    found: Counter[Key] = Counter()
    for (registration, reached), n in changes.items():
        found[counters.key(Figure.FUNNEL, days[registration], reached)] += n
    return found


def postcards_moved(moved: Iterable[tuple[int, int]], n: int) -> Counter[Key]:
    """Return what postcards (id, registration) that have just come to tell (`n` 1), or no longer do (-1), change.

    A registration counts once, whatever other postcards it has.
    """
    moved = list(moved)
    registrations = {registration for _, registration in moved}
    if not registrations:
        return Counter()
    ids, listed = ", ".join(str(card) for card, _ in moved), ", ".join(map(str, sorted(registrations)))
    states = ", ".join(f"'{state}'" for state in TOLD_BY_POSTCARD)
    by_other_postcards = database.execute_sql(
        f"SELECT DISTINCT registration_id FROM postcard WHERE registration_id IN ({listed})"
        f" AND state IN ({states}) AND id NOT IN ({ids})"
    ).fetchall()
    already_told = {registration for (registration,) in by_other_postcards}
    return deltas({(registration, Reached.BY_POSTCARD): n for registration in registrations - already_told})
