"""Whom an open item is about: the registration whose page tells of it, and the people whom its page shows."""

from db.models import Affiliation, EmailAddress, Postcard, Registration, WorkItem
from db.models.base import Rows
from webapp.domain.core import paging
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.notices import corrections


def registration_of(row: WorkItem) -> int | None:
    """Return the registration whose page tells of the item's person: its own, or the person's newest."""
    if row.subject_kind == "registration":
        return row.subject_id
    person = row.subject_id if row.subject_kind == "technician" else None
    if row.subject_kind == "affiliation":
        person = Affiliation.get_by_id(row.subject_id).technician_id
    newest = Registration.newest().where(Registration.technician == person).first() if person else None
    return newest.id if newest else None


def held_on_page(row: WorkItem) -> "Rows[Postcard]":
    """Return the first postcards that wait for an item of addresses that are the same."""
    return corrections.held_for(row).limit(paging.A_PAGE)


def people_of(row: WorkItem) -> list[tuple[int, int | None]]:
    """Return whom the item's page shows: person and registration."""
    if row.kind == WorkItemKind.SAME_ADDRESS:
        return [(card.technician_id, card.registration_id) for card in held_on_page(row)]
    if (registration := registration_of(row)) is not None:
        return [(Registration.get_by_id(registration).technician_id, registration)]
    if row.subject_kind == "email_address":
        person = (EmailAddress.id == row.subject_id) & (EmailAddress.owner_kind == OwnerKind.TECHNICIAN)
        return [(address.owner_id, None) for address in EmailAddress.select().where(person)]
    return [(row.subject_id, None)] if row.subject_kind == "technician" else []
