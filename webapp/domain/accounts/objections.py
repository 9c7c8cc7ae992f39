"""「心当たりがない」: the person stops a change of an address that somebody else made, by the link in its mail.

It lets nobody in and asks for nothing: whoever reads the confirmed mailbox may close the door. The confirmed address
stands again, every session ends, links and codes of the time in between are dead, postcards that wait are cancelled,
and operators have work: to find out who it was.
"""

import datetime as dt
from dataclasses import dataclass

from db.database import transaction
from db.models import EmailAddress, Message, Registration, SignInLink
from webapp.domain.accounts import accounts, sign_in_links
from webapp.domain.audit.log import audit
from webapp.domain.core.events import EventName, record
from webapp.domain.core.work_items import WorkItemKind, open_item
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import GivenBy, OwnerKind
from webapp.domain.notices import address_changes
from webapp.domain.postcard import activation_codes
from webapp.domain.postcard.cancelling import CancelReason, cancel_for


@dataclass(frozen=True)
class Objectionable:
    """A change that can still be stopped: the sections of the mail that told of it, and when that was queued."""

    link: SignInLink
    sections: tuple[str, ...]
    told_at: dt.datetime


def find(token: str, secret: str, now: dt.datetime) -> Objectionable | None:
    """Return what the link of a mail can stop; None for a link that is used, over, or none."""
    link = sign_in_links.find(token, secret, now, objecting=True)
    if link is None:
        return None
    message = Message.get_by_id(link.message_id)
    sections = sorted(address_changes.SECTIONS.intersection(message.content or {}))
    return Objectionable(link, tuple(sections), message.queued_at)


def object_to(change: Objectionable, now: dt.datetime) -> bool:
    """Stop a change; False if the link was used meanwhile."""
    link = change.link
    person, confirmed = link.technician, link.address
    with transaction():
        if person is None or confirmed is None or not sign_in_links.use(link, now):
            return False
        current = versions.current(OwnerKind.TECHNICIAN, person.id)
        if current is None or current.value_key != confirmed.value_key:
            current = versions.give(OwnerKind.TECHNICIAN, person.id, confirmed.value, GivenBy.PERSON, now)
        EmailAddress.update(confirmed_at=now).where(EmailAddress.id == current.id).execute()
        account = sign_in_links.account_of_technician(person)
        if account is not None:
            accounts.end_sessions(account)
            sign_in_links.end_of(account, now)
        activation_codes.end_of_technician(person.id, now, "objected")
        cancel_for(person.id, CancelReason.OBJECTED, now)
        newest = Registration.newest().where(Registration.technician == person).first()
        if newest is not None:
            data = {"sections": list(change.sections)}
            open_item(WorkItemKind.CHANGE_OBJECTED, "registration", newest.id, change.sections[0], now, data)
        name = EventName.ADDRESS_TECHNICIAN_OBJECTED
        ids = {"technician_id": person.id, "registration_id": newest.id if newest else None}
        record(name, now, subject_id=current.id, data={"sections": list(change.sections)}, **ids)
        audit(name, now, account.id if account else None, "technician", person.id, {"sections": list(change.sections)})
        return True
