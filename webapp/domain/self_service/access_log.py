"""Who looked at a technician, as the technician reads it: with the settings of both sides at that moment, in words."""

import datetime as dt
from dataclasses import dataclass

from db.models import AccessRow, Event
from webapp.domain.core.events import EventName
from webapp.domain.disclosure import access_log
from webapp.domain.disclosure.access_log import Looked
from webapp.domain.disclosure.policy import Group, Side, groups_of

# Which events say what a side's keys were from a version on.
_SIDES = {
    EventName.DISCLOSURE_TECHNICIAN_OPENED: Side.TECHNICIAN,
    EventName.DISCLOSURE_TECHNICIAN_CLOSED: Side.TECHNICIAN,
    EventName.DISCLOSURE_BUSINESS_OPENED: Side.BUSINESS,
    EventName.DISCLOSURE_BUSINESS_CLOSED: Side.BUSINESS,
    EventName.DISCLOSURE_BUSINESS_UNDONE: Side.BUSINESS,
}


@dataclass(frozen=True)
class OwnLook:
    """A look and the keys that were open then; None for a side whose setting is not known any more."""

    look: Looked
    mine: tuple[Group, ...] | None
    theirs: tuple[Group, ...] | None


def looks_at(
    technician_id: int,
    since: dt.datetime | None = None,
    until: dt.datetime | None = None,
    *,
    limit: int = 50,
    before: int | None = None,
) -> list[OwnLook]:
    """Return who looked, newest first, as `access_log.of_technician`, with both sides' keys of that moment."""
    looks = access_log.of_technician(technician_id, since, until, limit=limit, before=before)
    if not looks:
        return []
    rows = AccessRow.select(AccessRow.id, AccessRow.affiliation_id)
    affiliations: dict[int, int | None] = dict(rows.where(AccessRow.id.in_([look.id for look in looks])).tuples())
    keys = _keys(technician_id)
    return [
        OwnLook(
            look,
            _open(keys, affiliations[look.id], Side.TECHNICIAN, look.technician_keys_version),
            _open(keys, affiliations[look.id], Side.BUSINESS, look.business_keys_version),
        )
        for look in looks
    ]


def _keys(technician_id: int) -> dict[tuple[int, Side, int], int]:
    """What each version of each side's keys opened; one query over the few events of a person."""
    events = Event.select(Event.name, Event.subject_id, Event.data).where(
        (Event.technician_id == technician_id) & Event.name.in_(list(_SIDES))
    )
    return {
        (event.subject_id, _SIDES[EventName(event.name)], event.data["version"]): event.data["after"]
        for event in events
        if event.data and "version" in event.data and "after" in event.data
    }


def _open(keys: dict, affiliation_id: int | None, side: Side, version: int | None) -> tuple[Group, ...] | None:
    if affiliation_id is None or version is None:
        return None
    if version == 0:
        return ()  # keys begin closed
    bits = keys.get((affiliation_id, side, version))
    return None if bits is None else groups_of(bits)
