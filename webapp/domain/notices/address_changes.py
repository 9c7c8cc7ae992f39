"""A technician is told where mail still reaches them when somebody changes the e-mail or the postal address.

The mail goes to the address that stood before and to the one that the person confirmed. To a confirmed one it brings a
link that stops the change (accounts/objections.py); an unconfirmed one may be a stranger's, who is told no more than
that it is used no longer.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from db.models import EmailAddress, Message
from webapp.domain.core.calendar import written_moment
from webapp.domain.email_addresses.versions import AddressState
from webapp.domain.email_addresses.ways_in import ways_in
from webapp.domain.notices.messages import MessageKind, Role, new_message

# Sections of the `confirm` text, each with the moment.
CHANGED_BY_PERSON = "email_changed_on"
GIVEN_BY_APPLICATION = "email_given_on"
CORRECTED_BY_OPERATOR = "email_corrected_on"
POSTAL_ADDRESS = "postal_changed_on"
POSTCARD_ASKED = "postcard_asked_on"
SECTIONS = frozenset({CHANGED_BY_PERSON, GIVEN_BY_APPLICATION, CORRECTED_BY_OPERATOR, POSTAL_ADDRESS, POSTCARD_ASKED})


@dataclass(frozen=True)
class AddressChange:
    """What has changed for a technician (row id): the section that says so, and which e-mail address stood before.

    `after` is the value key of the new e-mail address: whoever reads that mailbox is not told of it as of another.
    """

    technician_id: int
    section: str
    language: str
    before_id: int | None = None
    after: str = ""


def tell(changes: Sequence[AddressChange], now: dt.datetime) -> list[Message]:
    """Queue the mails about these changes in the running transaction; two statements, and one or two a mail."""
    if not changes:
        return []
    confirmed = ways_in({change.technician_id for change in changes})
    numbers = [change.before_id for change in changes if change.before_id]
    before = {row.id: row for row in EmailAddress.select().where(EmailAddress.id.in_(numbers))} if numbers else {}
    queued = []
    for change in changes:
        addresses = (before.get(change.before_id), confirmed.get(change.technician_id))
        living = (address for address in addresses if address is not None and address.state != AddressState.INVALID)
        for address in {row.value_key: row for row in living if row.value_key != change.after}.values():
            content = {change.section: written_moment(now)}
            concerns = {"technician": change.technician_id, "content": content}
            queued.append(new_message(MessageKind.CONFIRM, Role.TECHNICIAN, address, change.language, now, **concerns))
    return queued
