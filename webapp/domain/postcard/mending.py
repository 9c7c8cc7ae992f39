"""What an operator does about a postcard on hold: mend the address or the printed name, then it may go out.

The mended address becomes a new version of the person's data; how a name is printed concerns the postcard alone, since
a registered name stays as it came.
"""

import datetime as dt
from dataclasses import dataclass

from db.database import transaction
from db.models import Postcard, RecordVersion, Registration, Technician
from webapp.domain.audit.log import audit
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName, record
from webapp.domain.postcard import batches, fallback
from webapp.domain.postcard.address import PostalAddress, normalise_postal_code, parse_address
from webapp.domain.postcard.cancelling import close_hold
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.reconciling import close_when_done
from webapp.domain.postcard.sheet import Hold, inspect
from webapp.domain.postcard.states import HoldReason, PostcardState, PostcardStep

KEPT = (
    *("name", "name_kana", "birth_date", "postal_code", "address", "telephone", "language", "days_worked"),
    *("social_insurance", "retirement_scheme", "level"),
)
_CAUSE = "ops"


@dataclass(frozen=True)
class Mended:
    """What an operator typed."""

    postal_code: str
    address: str
    print_name: str


class StillHeld(ValueError):
    """With these data the card cannot be printed either; nothing was changed."""

    def __init__(self, holds: tuple[Hold, ...]):
        super().__init__(", ".join(hold.reason for hold in holds))
        self.holds = holds


def holds_with(postcard: Postcard, mended: Mended, office: PrintOffice) -> tuple[PostalAddress, tuple[Hold, ...]]:
    """Return the address as it would be read, and what would keep the card from being printed."""
    changed = Postcard(registration=postcard.registration, print_name=mended.print_name)
    person = postcard.technician
    changed.technician = Technician(
        name=person.name,
        technician_id=person.technician_id,
        postal_code=mended.postal_code,
        address=mended.address,
    )
    return inspect(batches.card_of(changed, office))


def mend(
    postcard: Postcard, mended: Mended, version: int, office: PrintOffice, now: dt.datetime, account_id: int
) -> None:
    """Change what is printed and, if the card was on hold, let it go out.

    `version` is that of the person's data as the operator saw them. StillHeld when it would not print; StepNotAllowed
    when somebody was faster. A card held for many people on one address waits on for its own decision.
    """
    _, holds = holds_with(postcard, mended, office)
    if holds:
        raise StillHeld(holds)
    with transaction():
        _change_person(postcard.technician_id, mended, version, now, account_id)
        held = postcard.state == PostcardState.ON_HOLD and postcard.hold_reason != HoldReason.SAME_ADDRESS
        if held:
            fallback.move(postcard, PostcardStep.RELEASE, now, hold_reason=None, print_name=mended.print_name)
            fallback.note(EventName.POSTCARD_OPS_RELEASED, postcard, now, None, account_id)
            close_hold(postcard, "mended", now, account_id)
            close_when_done(now, account_id)
            return
        unchanged = (Postcard.id == postcard.id) & (Postcard.version == postcard.version)
        changed = {"print_name": mended.print_name, "version": postcard.version + 1}
        if not Postcard.update(changed).where(unchanged).execute():
            raise StepNotAllowed("the postcard has moved on meanwhile")
        postcard.print_name, postcard.version = mended.print_name, postcard.version + 1
        fallback.note(EventName.POSTCARD_OPS_MENDED, postcard, now, None, account_id)


def _change_person(technician_id: int, mended: Mended, version: int, now: dt.datetime, account_id: int) -> None:
    person = Technician.get_by_id(technician_id)
    if person.version != version:
        raise StepNotAllowed("the person's data have changed meanwhile")
    code = normalise_postal_code(mended.postal_code)
    if (person.postal_code, person.address) == (code, mended.address):
        return
    before = {name: _plain(getattr(person, name)) for name in KEPT}
    RecordVersion.create(
        subject_kind="technician",
        subject_id=person.id,
        version=person.version,
        replaced_at=now,
        cause=_CAUSE,
        content=before,
    )
    unchanged = (Technician.id == person.id) & (Technician.version == version)
    values = {"postal_code": code, "address": mended.address, "version": version + 1, "updated_at": now}
    if not Technician.update(values).where(unchanged).execute():
        raise StepNotAllowed("the person's data have changed meanwhile")
    data = {"version": version + 1}
    record(EventName.TECHNICIAN_OPS_CHANGED, now, technician_id=person.id, account_id=account_id, data=data)
    detail = {
        "before": {"postal_code": person.postal_code, "address": person.address},
        "after": {"postal_code": code, "address": mended.address},
    }
    audit(EventName.TECHNICIAN_OPS_CHANGED, now, account_id, "technician", person.id, detail)


def _plain(value):
    return value.isoformat() if isinstance(value, dt.date) else value


def disagreeing(most: int = 50, after: int = 0) -> list[tuple[Postcard, PostalAddress]]:
    """Return waiting postcards whose postal code deserves a look, with the address as read; at most `most`."""
    waiting = Postcard.state.in_([PostcardState.QUEUED, PostcardState.ON_HOLD]) & (Postcard.id > after)
    query = (
        Postcard.select(Postcard, Technician, Registration)
        .join(Technician)
        .switch(Postcard)
        .join(Registration)
        .where(waiting)
        .order_by(Postcard.id)
    )
    found = []
    for postcard in query.limit(20 * most).iterator():
        address = parse_address(postcard.technician.postal_code, postcard.technician.address)
        if address.findings:
            found.append((postcard, address))
            if len(found) == most:
                break
    return found
