"""The cards behind the figures of shipments: what was posted when, to which prefecture, and what was missed."""

import datetime as dt
from dataclasses import dataclass

from db.models import Card, Registration, Shipment, Technician
from webapp.domain.cards.outcomes import Missed
from webapp.domain.core.paging import Order

ORDER = Order(Shipment, (Shipment.accepted_on, Shipment.id))
# A prefecture that no address names is asked for by this word.
UNKNOWN = "-"


@dataclass(frozen=True)
class ShipmentFilters:
    """Shipments accepted by the post within days of Japan; empty: whatever the prefecture, whatever was missed."""

    since: dt.date | None = None
    until: dt.date | None = None
    prefecture: str = ""
    missed: str = ""


def listing(filters: ShipmentFilters):
    """Return a select of shipments."""
    query = Shipment.select()
    if filters.since:
        query = query.where(Shipment.accepted_on >= filters.since)
    if filters.until:
        query = query.where(Shipment.accepted_on <= filters.until)
    if filters.prefecture:
        query = query.where(Shipment.prefecture == ("" if filters.prefecture == UNKNOWN else filters.prefecture))
    if filters.missed:
        query = query.where(Shipment.missed == Missed(filters.missed))
    return query


@dataclass(frozen=True)
class Posted:
    """A shipment of a page, with whose it is and how the card stands now."""

    registration_id: int
    application_number: str
    name: str
    accepted_on: dt.date
    prefecture: str
    missed: Missed
    state: str


def posted(shipments) -> list[Posted]:
    """Return what a page shows of shipments, in their order."""
    ids = [shipment.id for shipment in shipments] or [0]
    columns = (Registration.id, Registration.application_number, Technician.name, Card.state)
    rows = (
        Shipment.select(Shipment.id, *columns)
        .join(Card)
        .join(Registration)
        .join(Technician)
        .where(Shipment.id.in_(ids))
        .tuples()
    )
    people = {row[0]: row[1:] for row in rows}
    return [
        Posted(*people[s.id][:3], s.accepted_on, s.prefecture, Missed(s.missed), people[s.id][3]) for s in shipments
    ]
