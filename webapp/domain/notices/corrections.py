"""What operators do to a registration's mail: correct and send again, send again, cancel, send a postcard instead.

Each refuses with `Stale` when the thing is no longer as the operator saw it.
"""

import datetime as dt

from db.database import transaction
from db.models import EmailAddress, Message, Postcard, Registration, WorkItem
from webapp.domain.audit.log import audit
from webapp.domain.core.errors import Stale, StepNotAllowed
from webapp.domain.core.events import EventName, record
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, close_item
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind
from webapp.domain.notices import address_changes, messages
from webapp.domain.notices.address_changes import AddressChange
from webapp.domain.notices.messages import STEPS, MessageKind, MessageState, MessageStep, Role
from webapp.domain.postcard import fallback
from webapp.domain.postcard.fallback import HoldReason, PostcardState

MOST_AT_ONCE = 500
REQUEUEABLE = frozenset(state for state, step in STEPS if step is MessageStep.REQUEUE)
CANCELLABLE = frozenset(state for state, step in STEPS if step is MessageStep.CANCEL)


def seen(message: Message) -> str:
    """Return what a form keeps of a message to notice that it has moved on."""
    return f"{message.state}.{message.attempts}.{message.address_id}"


def owner_of(role: Role, registration: Registration) -> tuple[OwnerKind, int] | None:
    """Return whose address a role's notice goes to; None when the registration has no such business."""
    if role == Role.TECHNICIAN:
        return OwnerKind.TECHNICIAN, registration.technician_id
    business = registration.proxy_business_id if role == Role.PROXY else registration.affiliated_business_id
    return (OwnerKind.BUSINESS, business) if business else None


def notice_of(registration: Registration, role: Role) -> Message | None:
    """Return the ID notice of a registration in a role."""
    return (
        Message.select()
        .where(
            (Message.registration == registration.id) & (Message.kind == MessageKind.ID_NOTICE) & (Message.role == role)
        )
        .order_by(Message.id.desc())
        .first()
    )


def correct_and_send(
    registration: Registration, role: Role, value: str, version: int, now: dt.datetime, account_id: int
) -> Message | None:
    """Give the role's owner a new address and queue the notice to it; return the notice if it was queued.

    `version` is that of the address as the operator saw it, 0 for none. Stale when it is another one now;
    SameAddress when nothing would change. A notice that is under way or has arrived is not sent twice.
    """
    owner = owner_of(role, registration)
    if owner is None:
        raise Stale
    with transaction():
        before = versions.current(*owner)
        if (before.version if before else 0) != version:
            raise Stale
        address = versions.correct(*owner, value, now, account_id)
        if role == Role.TECHNICIAN:
            number, language = registration.technician_id, registration.language
            known = (number, address_changes.CORRECTED_BY_OPERATOR, language, before.id if before else None)
            address_changes.tell([AddressChange(*known, address.value_key)], now)
        message = notice_of(registration, role)
        if message is None:
            if role != Role.TECHNICIAN:
                return None
            return messages.new_message(
                MessageKind.ID_NOTICE,
                role,
                address,
                registration.language,
                now,
                registration=registration,
                technician=registration.technician_id,
            )
        return message if _send(message, address, now, account_id) else None


def _send(message: Message, address: EmailAddress, now: dt.datetime, account_id: int) -> bool:
    if message.state == MessageState.QUEUED:
        # Not begun yet: it only has to know where to go.
        changes = {"address": address, "destination": versions.destination(address.value)}
        Message.update(changes).where((Message.id == message.id) & (Message.state == MessageState.QUEUED)).execute()
        return True
    if message.state not in REQUEUEABLE:
        return False
    _requeue(message, address, now, account_id)
    return True


def _requeue(message: Message, address: EmailAddress, now: dt.datetime, account_id: int) -> None:
    try:
        messages.requeue(message, address, now, account_id)
    except StepNotAllowed as error:
        raise Stale from error


def send_again(message: Message, as_seen: str, now: dt.datetime, account_id: int) -> None:
    """Queue a notice again to the owner's address as it is now. Stale when it may not or has moved on."""
    with transaction():
        address = versions.current(*owner_of_message(message))
        if seen(message) != as_seen or address is None or address.state == AddressState.INVALID:
            raise Stale
        if message.state not in REQUEUEABLE:
            raise Stale
        _requeue(message, address, now, account_id)


def owner_of_message(message: Message) -> tuple[OwnerKind, int]:
    """Return whose address a message goes to."""
    if message.role == Role.TECHNICIAN:
        return OwnerKind.TECHNICIAN, message.technician_id
    return OwnerKind.BUSINESS, message.business_id


def cancel(message: Message, as_seen: str, now: dt.datetime, account_id: int) -> None:
    """Take a waiting notice back before it goes out. Stale when it may not or has moved on."""
    with transaction():
        if seen(message) != as_seen:
            raise Stale
        try:
            messages.move(message, MessageStep.CANCEL, settled_at=now)
        except StepNotAllowed as error:
            raise Stale from error
        messages.note(EventName.NOTICE_EMAIL_CANCELLED, message, now, account_id=account_id)
        audit(EventName.NOTICE_EMAIL_CANCELLED, now, account_id, "message", message.id)


def may_have_postcard(registration: Registration, notice: Message | None) -> bool:
    """Return whether an operator may send a postcard: the notice has failed, and none is on its way."""
    if notice is not None and notice.state != MessageState.FAILED:
        return False
    living = (Postcard.registration == registration.id) & (Postcard.state != PostcardState.CANCELLED)
    return not Postcard.select().where(living).exists()


def send_postcard(registration: Registration, now: dt.datetime, account_id: int) -> Postcard:
    """Queue a postcard by an operator's decision and close the work that asked for it. Stale when it may not."""
    with transaction():
        notice = notice_of(registration, Role.TECHNICIAN)
        if not may_have_postcard(registration, notice):
            raise Stale
        cause = notice.reason if notice is not None else fallback.NO_EMAIL
        postcard = fallback.queue(registration, cause, now, notice)
        if postcard is None:
            raise Stale
        audit(EventName.POSTCARD_FALLBACK_QUEUED, now, account_id, "registration", registration.id)
        asked = (WorkItem.kind == WorkItemKind.SEND_POSTCARD) & (WorkItem.subject_id == registration.id)
        for item in list(WorkItem.open().where(asked)):
            close_item(item, WorkItemState.DONE, "postcard", now, account_id)
        return postcard


def correct_business(
    item: WorkItem, value: str, version: int, now: dt.datetime, account_id: int
) -> tuple[EmailAddress, int, bool]:
    """Correct a business's address and queue its failed notices again; (address, how many, whether more are left).

    The work item is closed when none is left; with the value that stands already the rest is sent. Stale as above.
    """
    business_id = item.subject_id
    with transaction():
        before = versions.current(OwnerKind.BUSINESS, business_id)
        if item.state != WorkItemState.OPEN or (before.version if before else 0) != version:
            raise Stale
        if before is not None and before.value == value and before.state != AddressState.INVALID:
            address = before
        else:
            address = versions.correct(OwnerKind.BUSINESS, business_id, value, now, account_id)
        sent, more = _send_all(business_id, address, now, account_id)
        if not more:
            close_item(item, WorkItemState.DONE, "corrected", now, account_id)
        return address, sent, more


def _send_all(business_id: int, address: EmailAddress, now: dt.datetime, account_id: int) -> tuple[int, bool]:
    failed = (Message.business == business_id) & (Message.state == MessageState.FAILED)
    rows = list(Message.select().where(failed).order_by(Message.id).limit(MOST_AT_ONCE + 1))
    for message in rows[:MOST_AT_ONCE]:
        _requeue(message, address, now, account_id)
    return min(len(rows), MOST_AT_ONCE), len(rows) > MOST_AT_ONCE


def held_for(item: WorkItem):
    """Return a select of the postcards that wait for a SAME_ADDRESS item."""
    address = EmailAddress.get_by_id(item.subject_id)
    owners = EmailAddress.select(EmailAddress.owner_id).where(
        (EmailAddress.value_key == address.value_key) & (EmailAddress.owner_kind == OwnerKind.TECHNICIAN)
    )
    held = (Postcard.state == PostcardState.ON_HOLD) & (Postcard.hold_reason == HoldReason.SAME_ADDRESS)
    return Postcard.select().where(held & Postcard.technician.in_(owners))


def release_postcards(item: WorkItem, now: dt.datetime, account_id: int, note: str) -> int:
    """Let the postcards of a SAME_ADDRESS item be made, and close it; return how many. Stale when it is closed."""
    with transaction():
        if not close_item(item, WorkItemState.DONE, "released", now, account_id, note):
            raise Stale
        released = 0
        for postcard in list(held_for(item)):
            released += _release(postcard, now, account_id)
        audit(EventName.POSTCARD_OPS_RELEASED, now, account_id, "work_item", item.id, {"postcards": released})
        return released


def _release(postcard: Postcard, now: dt.datetime, account_id: int) -> int:
    changes = {"state": PostcardState.QUEUED, "hold_reason": None, "changed_at": now, "version": postcard.version + 1}
    as_read = (Postcard.id == postcard.id) & (Postcard.version == postcard.version)
    if not Postcard.update(changes).where(as_read).execute():
        return 0
    postcard.state = PostcardState.QUEUED
    fallback.count_state(postcard, now)
    record(
        EventName.POSTCARD_OPS_RELEASED,
        now,
        registration_id=postcard.registration_id,
        technician_id=postcard.technician_id,
        subject_id=postcard.id,
        account_id=account_id,
    )
    return 1
