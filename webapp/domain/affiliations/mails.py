"""Both sides of an affiliation are told by mail when it begins, ends or is disputed.

The mails are of the kind `confirm`: they hold no link and no code, so that they may go to an address that an employer
registered for a worker, too. A message keeps the affiliation's id only; names are read when it is sent. The business
is told at its registered address. A dispute of an affiliation that is over is told to the technician alone: a past
employer is another business by now.
"""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum

from db.ids import LENGTH, decode, encode
from db.models import Affiliation, Message
from webapp.domain.core.calendar import written_moment
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind
from webapp.domain.notices.messages import MessageKind, Role, new_message

_REFERENCE = "affiliation"


class Change(StrEnum):
    """What happened to the affiliation; each is a section of the `confirm` texts."""

    JOINED = "joined_on"
    LEFT = "left_on"  # by the technician
    ENDED = "ended_on"  # by the business
    ANNULLED = "annulled_on"  # by operators, after a dispute
    DISPUTED = "disputed_on"


ROLES = frozenset({Role.TECHNICIAN, Role.BUSINESS})


def tell_both(affiliation_id: int, change: Change, now: dt.datetime, roles: frozenset[Role] = ROLES) -> list[Message]:
    """Queue the mails about a change in the running transaction; a side without a working address gets none."""
    row = Affiliation.get_by_id(affiliation_id)
    content = {_REFERENCE: encode(affiliation_id), str(change): written_moment(now)}
    sides = (
        (Role.TECHNICIAN, OwnerKind.TECHNICIAN, row.technician_id, row.technician.language),
        (Role.BUSINESS, OwnerKind.BUSINESS, row.business_id, "ja"),
    )
    queued = []
    for role, owner_kind, owner_id, language in sides:
        address = versions.current(owner_kind, owner_id)
        if role not in roles or address is None or address.state == AddressState.INVALID:
            continue
        # Each message belongs to its own side only: mail of the business is sent again when its address is corrected.
        owner = {str(owner_kind): owner_id}
        queued.append(new_message(MessageKind.CONFIRM, role, address, language, now, content=content, **owner))
    return queued


def give_names(messages: Sequence) -> None:
    """Put the names into the values of mails about an affiliation, at the moment of sending; others are left alone."""
    for message in messages:
        reference = message.values.get(_REFERENCE, "")
        if message.kind != MessageKind.CONFIRM or len(reference) != LENGTH:
            continue
        row = Affiliation.get_by_id(decode(reference))
        message.values.setdefault("business_name", row.business.name)
        if message.role == Role.BUSINESS:
            message.values.update(name=row.technician.name, technician_id=row.technician.technician_id)
