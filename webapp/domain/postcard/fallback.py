"""From a failed notice to a queued postcard: once a registration, and never to an address that cannot be one."""

import datetime as dt
from enum import StrEnum

from db.models import EmailAddress, Message, Postcard, Registration, WorkItem
from webapp.domain import metrics
from webapp.domain.addresses import OwnerKind
from webapp.domain.events import EventName, record
from webapp.domain.metrics import Figure
from webapp.domain.work_items import WorkItemKind, open_item


class PostcardState(StrEnum):
    """The first states of a postcard; the batch adds the others."""

    QUEUED = "queued"
    ON_HOLD = "on_hold"
    CANCELLED = "cancelled"


class HoldReason(StrEnum):
    """Why a postcard waits for a person."""

    NO_USABLE_ADDRESS = "no_usable_address"
    SAME_ADDRESS = "same_address"  # many people on one dead e-mail address: a mistake of somebody else?


NO_EMAIL = "no_email"  # cause of a postcard: there was no e-mail address at all
REQUESTED = "requested"  # cause: the person asked for an activation code


def queue(
    registration: Registration, cause: str, now: dt.datetime, message: Message | None = None, *, again: bool = False
) -> Postcard | None:
    """Queue the postcard of a registration in the running transaction; None if it has one already.

    `cause` is the reason of the failure, NO_EMAIL or REQUESTED. Without a usable postal address it is on hold from the
    start. `again`: the person asks for a code, whatever was sent before.
    """
    of_registration = Postcard.registration == registration
    if not again and Postcard.select().where(of_registration & (Postcard.state != PostcardState.CANCELLED)).exists():
        return None
    person = registration.technician
    postcard = Postcard.create(
        registration=registration,
        technician=person,
        message=message,
        n=Postcard.select().where(of_registration).count() + 1,
        state=PostcardState.QUEUED,
        cause=cause,
        queued_at=now,
        changed_at=now,
    )
    count_state(postcard, now)
    _record(EventName.POSTCARD_FALLBACK_QUEUED, postcard, now, {"cause": cause})
    if not (person.postal_code and person.address):
        hold(postcard, HoldReason.NO_USABLE_ADDRESS, now)
    elif _waits_for_a_look(person.id):
        hold(postcard, HoldReason.SAME_ADDRESS, now)
    return postcard


def hold(postcard: Postcard, reason: HoldReason, now: dt.datetime) -> None:
    """Put a queued postcard on hold in the running transaction, with the work that it needs."""
    postcard.state, postcard.hold_reason, postcard.changed_at = PostcardState.ON_HOLD, reason, now
    postcard.version += 1
    postcard.save()
    count_state(postcard, now)
    _record(EventName.POSTCARD_FALLBACK_HELD, postcard, now, {"reason": reason})
    if reason != HoldReason.SAME_ADDRESS:  # there, one work item stands for all of them
        open_item(WorkItemKind.POSTCARD_ON_HOLD, "registration", postcard.registration_id, reason, now)


def hold_for_same_address(address: EmailAddress, now: dt.datetime) -> None:
    """Hold the queued postcards of everybody on this dead e-mail address until a person has looked."""
    owners = EmailAddress.select(EmailAddress.owner_id).where(
        (EmailAddress.value_key == address.value_key)
        & (EmailAddress.owner_kind == OwnerKind.TECHNICIAN)
        & EmailAddress.valid_to.is_null()
    )
    for postcard in Postcard.select().where((Postcard.state == PostcardState.QUEUED) & Postcard.technician.in_(owners)):
        hold(postcard, HoldReason.SAME_ADDRESS, now)


def _waits_for_a_look(technician_id: int) -> bool:
    mine = EmailAddress.current(OwnerKind.TECHNICIAN, technician_id).get_or_none()
    if mine is None:
        return False
    same = EmailAddress.select(EmailAddress.id).where(EmailAddress.value_key == mine.value_key)
    return WorkItem.open().where((WorkItem.kind == WorkItemKind.SAME_ADDRESS) & WorkItem.subject_id.in_(same)).exists()


def count_state(postcard: Postcard, now: dt.datetime) -> None:
    """Count that a postcard entered its state today."""
    metrics.add({metrics.key(Figure.POSTCARDS, metrics.day_of(now), postcard.state, postcard.cause): 1})


def _record(name: EventName, postcard: Postcard, now: dt.datetime, data: dict) -> None:
    record(
        name,
        now,
        registration_id=postcard.registration_id,
        technician_id=postcard.technician_id,
        subject_id=postcard.id,
        data=data,
    )
