"""Which postcards entered a state on which day: the events behind the daily counters, as a list."""

import datetime as dt
from dataclasses import dataclass

from peewee import SQL, fn

from db.models import Event, Postcard
from webapp.domain.core.calendar import utc_start_of
from webapp.domain.core.paging import Order

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
# Said as in the index of 0001_first.py, which holds the events of postcards alone; for selects of Event.
OF_POSTCARDS = SQL("t1.name >= 'postcard:' AND t1.name < 'postcard;'")


@dataclass(frozen=True)
class EntryFilters:
    """Postcards that entered `state` within days of Japan, of one cause or of all."""

    state: str
    since: dt.date | None = None
    until: dt.date | None = None
    cause: str = ""
    came_back: bool = False  # of those that were mailed: only what came back, by the day of mailing


def listing(filters: EntryFilters):
    """Return a select of events, each an entry; one that was taken back again is none."""
    query = Event.select().where(Event.name.in_(ENTRIES[filters.state])).where(OF_POSTCARDS)
    if filters.since:
        query = query.where(Event.at >= utc_start_of(filters.since))
    if filters.until:
        query = query.where(Event.at < utc_start_of(filters.until + dt.timedelta(days=1)))
    if filters.cause:
        of_cause = Postcard.select(1).where((Postcard.id == Event.subject_id) & (Postcard.cause == filters.cause))
        query = query.where(fn.EXISTS(of_cause))
    if filters.state == "returned":
        query = query.where(~fn.EXISTS(_undone(Event)))
    if filters.state == "mailed" and filters.came_back:
        query = query.where(fn.EXISTS(_return_of_it()))
    return query


def _later(event, names: tuple[str, ...], earlier):
    """A condition: `event` is one of these names, of the same postcard as `earlier`, and came after it."""
    same = (event.registration_id == earlier.registration_id) & (event.subject_id == earlier.subject_id)
    return same & event.name.in_(names) & (event.id > earlier.id)


def _undone(returned):
    """The taking back of this return: no other return stands between them."""
    later, between = Event.alias("later"), Event.alias("between_them")
    again = between.select(1).where(_later(between, ENTRIES["returned"], returned) & (between.id < later.id))
    return later.select(1).where(_later(later, (UNDONE,), returned) & ~fn.EXISTS(again))


def _return_of_it():
    """The return, not taken back, of what was mailed; not one of a later mailing of the same postcard."""
    returned, remailed = Event.alias("returned"), Event.alias("remailed")
    again = remailed.select(1).where(_later(remailed, ENTRIES["mailed"], Event) & (remailed.id < returned.id))
    mine = _later(returned, ENTRIES["returned"], Event) & ~fn.EXISTS(again)
    return returned.select(1).where(mine & ~fn.EXISTS(_undone(returned)))
