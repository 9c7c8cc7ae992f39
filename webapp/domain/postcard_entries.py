"""Which postcards entered a state on which day: the events behind the daily counters, as a list."""

import datetime as dt
from dataclasses import dataclass

from peewee import SQL, fn

from db.models import Event, Postcard
from webapp.domain.calendar import utc_start_of
from webapp.domain.keyset import Order

# state entered: the events that say so. Names are written out: some belong to steps that come with the batches.
ENTRIES: dict[str, tuple[str, ...]] = {
    "queued": ("postcard:fallback:queued", "postcard:ops:released", "postcard:ops:reprinted"),
    "on_hold": ("postcard:fallback:held",),
    "cancelled": ("postcard:ops:cancelled", "postcard:overruled:cancelled", "postcard:rule:cancelled"),
    "batched": ("postcard:worker:batched",),
    "printed": ("postcard:ops:printed",),
    "mailed": ("postcard:ops:mailed",),
    "presumed_delivered": ("postcard:rule:presumed",),
    "returned": ("postcard:ops:returned",),
}
STATE_OF = {name: state for state, names in ENTRIES.items() for name in names}
UNDONE = "postcard:ops:return-undone"
ORDER = Order(Event, (Event.id,))


@dataclass(frozen=True)
class EntryFilters:
    """Postcards that entered `state` within days of Japan, of one cause or of all."""

    state: str
    since: dt.date | None = None
    until: dt.date | None = None
    cause: str = ""


def listing(filters: EntryFilters):
    """Return a select of events, each an entry; one that was taken back again is none."""
    query = Event.select().where(Event.name.in_(ENTRIES[filters.state]))
    # Said as in the index of 0040_dashboard.py, which holds the events of postcards alone.
    query = query.where(SQL("t1.name >= 'postcard:' AND t1.name < 'postcard;'"))
    if filters.since:
        query = query.where(Event.at >= utc_start_of(filters.since))
    if filters.until:
        query = query.where(Event.at < utc_start_of(filters.until + dt.timedelta(days=1)))
    if filters.cause:
        of_cause = Postcard.select(1).where((Postcard.id == Event.subject_id) & (Postcard.cause == filters.cause))
        query = query.where(fn.EXISTS(of_cause))
    if filters.state == "returned":
        later, between = Event.alias("later"), Event.alias("between_them")
        same = (between.registration_id == Event.registration_id) & (between.subject_id == Event.subject_id)
        again = between.select(1).where(
            same & (between.name.in_(ENTRIES["returned"])) & (between.id > Event.id) & (between.id < later.id)
        )
        undone = later.select(1).where(
            (later.registration_id == Event.registration_id)
            & (later.subject_id == Event.subject_id)
            & (later.name == UNDONE)
            & (later.id > Event.id)
            & ~fn.EXISTS(again)
        )
        query = query.where(~fn.EXISTS(undone))
    return query
