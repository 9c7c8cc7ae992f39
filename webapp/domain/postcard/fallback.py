"""From a failed notice to a queued postcard: once a registration, and never to an address that cannot be one."""

import contextlib
import datetime as dt

from db.models import EmailAddress, Message, Postcard, Registration, Technician
from db.rows import insert_row, require_row, values_of
from webapp.domain.core import counters, progress
from webapp.domain.core.counters import Figure
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName, record
from webapp.domain.core.work_items import WorkItemKind, open_item
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.postcard.states import HoldReason, PostcardState, PostcardStep, next_state

_STATES_OF = "SELECT state FROM postcard WHERE registration_id = ?"
# Somebody is to look at the value of this owner's newest address.
_LOOKED_AT = """
SELECT 1 FROM email_address e JOIN email_address mine ON mine.value_key = e.value_key
 JOIN work_item w ON w.subject_id = e.id
WHERE mine.id = (SELECT id FROM email_address WHERE owner_kind = ? AND owner_id = ? AND valid_to IS NULL
 ORDER BY version DESC LIMIT 1)
 AND w.kind = ? AND w.state = 'open' LIMIT 1
"""

NO_EMAIL = "no_email"  # cause of a postcard: there was no e-mail address at all
REQUESTED = "requested"  # cause: the person asked for an activation code


def queue(
    registration: Registration, cause: str, now: dt.datetime, message: Message | None = None, *, again: bool = False
) -> Postcard | None:
    """Queue the postcard of a registration in the running transaction; None if it has one already.

    `cause` is the reason of the failure, NO_EMAIL or REQUESTED. Without a usable postal address it is on hold from the
    start. `again`: the person asks for a code, whatever was sent before.
    """
    states = [state for (state,) in values_of(_STATES_OF, registration.id)]
    if not again and any(state != PostcardState.CANCELLED for state in states):
        return None
    person = require_row(Technician, id=registration.technician_id)
    postcard = Postcard(
        registration=registration,
        technician=person,
        message=message,
        n=len(states) + 1,
        state=PostcardState.QUEUED,
        cause=cause,
        queued_at=now,
        changed_at=now,
    )
    insert_row(Postcard, **postcard.__data__)
    count_state(postcard, now)
    note(EventName.POSTCARD_FALLBACK_QUEUED, postcard, now, {"cause": cause})
    if not (person.postal_code and person.address):
        hold(postcard, HoldReason.NO_USABLE_ADDRESS, now)
    elif _waits_for_a_look(person.id):
        hold(postcard, HoldReason.SAME_ADDRESS, now)
    return postcard


def move(postcard: Postcard, step: PostcardStep, now: dt.datetime, **changes) -> None:
    """Make a step with a postcard in the running transaction and count it.

    StepNotAllowed when the table has no such step, or when the row is no longer as it was read.
    """
    before, state = postcard.state, next_state(postcard.state, step)
    values = {"state": state, "changed_at": now, "version": postcard.version + 1, **changes}
    as_read = (Postcard.id == postcard.id) & (Postcard.version == postcard.version)
    if not Postcard.update(values).where(as_read).execute():
        raise StepNotAllowed("the postcard has moved on meanwhile")
    for name, value in values.items():
        setattr(postcard, name, value)
    if step is not PostcardStep.UNDO_RETURN:  # it only takes a count back
        count_state(postcard, now)
    if change := (state in progress.TOLD_BY_POSTCARD) - (before in progress.TOLD_BY_POSTCARD):
        counters.add(progress.postcards_moved([(postcard.id, postcard.registration_id)], change))


def hold(postcard: Postcard, reason: HoldReason, now: dt.datetime, part: str = "", signs: tuple[str, ...] = ()) -> None:
    """Put a queued postcard on hold in the running transaction, with the work that it needs.

    `part` says which text it concerns (name, address), `signs` which signs do not print.
    """
    move(postcard, PostcardStep.HOLD, now, hold_reason=reason)
    note(EventName.POSTCARD_FALLBACK_HELD, postcard, now, {"reason": reason})
    if reason != HoldReason.SAME_ADDRESS:  # there, one work item stands for all of them
        data = {"part": part, "signs": list(signs)} if part else None
        open_item(WorkItemKind.POSTCARD_ON_HOLD, "registration", postcard.registration_id, reason, now, data)


def hold_for_same_address(address: EmailAddress, now: dt.datetime) -> None:
    """Hold the queued postcards of everybody on this dead e-mail address until a person has looked."""
    owners = EmailAddress.select(EmailAddress.owner_id).where(
        (EmailAddress.value_key == address.value_key)
        & (EmailAddress.owner_kind == OwnerKind.TECHNICIAN)
        & EmailAddress.valid_to.is_null()
    )
    for postcard in Postcard.select().where((Postcard.state == PostcardState.QUEUED) & Postcard.technician.in_(owners)):
        with contextlib.suppress(StepNotAllowed):  # a batch has taken it in at this moment
            hold(postcard, HoldReason.SAME_ADDRESS, now)


def _waits_for_a_look(technician_id: int) -> bool:
    return bool(values_of(_LOOKED_AT, OwnerKind.TECHNICIAN, technician_id, WorkItemKind.SAME_ADDRESS))


def count_state(postcard: Postcard, now: dt.datetime) -> None:
    """Count that a postcard entered its state today."""
    counters.add({counters.key(Figure.POSTCARDS, counters.day_of(now), postcard.state, postcard.cause): 1})


def note(
    name: EventName, postcard: Postcard, now: dt.datetime, data: dict | None = None, account_id: int | None = None
) -> None:
    """Write an event about a postcard in the running transaction."""
    record(
        name,
        now,
        registration_id=postcard.registration_id,
        technician_id=postcard.technician_id,
        subject_id=postcard.id,
        account_id=account_id,
        data=data,
    )
