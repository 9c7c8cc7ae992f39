"""A technician's own new e-mail address: it counts once a code that was mailed there has been typed in.

A code instead of a link: it is typed where the person is signed in already, on whatever device, a scanner that opens
links cannot use it, and whoever finds it in a wrong mailbox cannot either. It is made from the product's secret and
stored nowhere. Until then the address belongs to the change, not to the person. The address before is told.
"""

import datetime as dt
import hmac

from db.database import transaction
from db.ids import ALPHABET, LENGTH, decode, encode, new_id
from db.models import EmailAddress, EmailChange, Technician
from webapp.domain.audit.log import audit
from webapp.domain.core import secret_box
from webapp.domain.core.daily_limits import take
from webapp.domain.core.events import EventName, record
from webapp.domain.disclosure.policy import Viewer
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, GivenBy, OwnerKind, SameAddress
from webapp.domain.notices import address_changes
from webapp.domain.notices.address_changes import AddressChange
from webapp.domain.notices.messages import MessageKind, Role, new_message
from webapp.domain.postcard.cancelling import CancelReason, cancel_for

LASTS = dt.timedelta(hours=24)
KEPT_FOR = dt.timedelta(days=30)  # as long as a returned mail is believed
TRIES = 5
PER_DAY = 5
_CODE = 8
_PURPOSE = "email-change"


class WrongCode(ValueError):
    """Not the code, or nothing is open any more; `left` says how many tries are."""

    def __init__(self, left: int):
        super().__init__("not the code of an open change")
        self.left = left


def ask(viewer: Viewer, value: str, now: dt.datetime) -> EmailChange:
    """Mail a code to a new address (as `parse_email` returned it); an earlier open change ends.

    SameAddress when it is the address already and works; LimitReached after five in a day.
    """
    with transaction():
        person = Technician.get_by_id(viewer.technician_id)
        before = versions.current(OwnerKind.TECHNICIAN, person.id)
        if before is not None and before.value == value and before.state != AddressState.INVALID:
            raise SameAddress
        take(f"email-change:{encode(person.id)}", 1, PER_DAY, now)
        _end(person.id, now)
        change_id = new_id()
        address = EmailAddress.create(
            owner_kind=OwnerKind.CHANGE,
            owner_id=change_id,
            value=value,
            value_key=versions.value_key(value),
            version=1,
            state=AddressState.VALID,
            given_by=GivenBy.PERSON,
            valid_from=now,
            valid_to=now,  # nobody's current address
        )
        change = EmailChange.create(
            id=change_id,
            technician=person,
            account=viewer.account_id,
            address=address,
            asked_at=now,
            expires_at=now + LASTS,
        )
        content = {"email_change": encode(change_id)}
        _mail(person, address, content, now)
        record(EventName.ADDRESS_TECHNICIAN_ASKED, now, technician_id=person.id, account_id=viewer.account_id)
        return change


def pending(technician_id: int, now: dt.datetime) -> str:
    """Return the address that waits for its code, "" for none."""
    change = EmailChange.open(technician_id).where(EmailChange.expires_at > now).first()
    return change.address.value if change else ""


def confirm(viewer: Viewer, code: str, secret: str, now: dt.datetime) -> EmailAddress:
    """Make the new address the person's own, as confirmed by them; the address before is told. WrongCode."""
    with transaction():
        change = EmailChange.open(viewer.technician_id).where(EmailChange.expires_at > now).first()
        if change is None or change.account_id != viewer.account_id:
            raise WrongCode(0)
        right = change.tries < TRIES and hmac.compare_digest(code_of(change.id, secret), folded(code))
        if right:
            return _give(change, viewer, now)
        EmailChange.update(tries=EmailChange.tries + 1).where(EmailChange.id == change.id).execute()
        left = TRIES - change.tries - 1
        if left <= 0:
            _end(viewer.technician_id, now)
    raise WrongCode(max(left, 0))


def give_up(viewer: Viewer, now: dt.datetime) -> None:
    """End an open change; nothing happens without one."""
    with transaction():
        _end(viewer.technician_id, now)


def forget(older: dt.datetime, limit: int = 500) -> int:
    """Remove changes that were over by `older`, and what was typed in them; return how many. A rule of retention.

    The address rows stay without their value: mails refer to them.
    """
    with transaction():
        over = EmailChange.select(EmailChange.id, EmailChange.address).where(EmailChange.expires_at <= older)
        rows = list(over.limit(limit).tuples())
        EmailAddress.update(value="", value_key="").where(EmailAddress.id.in_([row[1] for row in rows])).execute()
        return EmailChange.delete().where(EmailChange.id.in_([row[0] for row in rows])).execute()


def code_of(change_id: int, secret: str, purpose: str = _PURPOSE) -> str:
    """Return the code of a change, or for another purpose of another row.

    Eight characters of Crockford base32: 40 bits that only the secret can make.
    """
    number = int.from_bytes(secret_box.keyed(secret, purpose, str(change_id))[:5], "big")
    return "".join(ALPHABET[number >> 5 * place & 31] for place in reversed(range(_CODE)))


def give_code(values: dict[str, str], secret: str) -> None:
    """Put the code into the values of a mail about a change, at the moment of sending; others are left alone."""
    token = values.get("email_change", "")
    if len(token) == LENGTH:
        code = code_of(decode(token), secret)
        values["confirm_code"] = f"{code[:4]}-{code[4:]}"


def folded(text: str) -> str:
    """Return a typed code as codes are compared: capitals, without signs between, O I L read as digits."""
    plain = "".join(mark for mark in text.upper() if mark.isascii() and mark.isalnum())
    return plain.translate(str.maketrans("OIL", "011"))


def _give(change: EmailChange, viewer: Viewer, now: dt.datetime) -> EmailAddress:
    person, new = change.technician, change.address
    EmailChange.update(confirmed_at=now).where(EmailChange.id == change.id).execute()
    before = versions.current(OwnerKind.TECHNICIAN, person.id)
    try:
        address = versions.give(OwnerKind.TECHNICIAN, person.id, new.value, GivenBy.PERSON, now)
    except SameAddress:  # an operator was quicker; it is confirmed now
        address = before
    known = (person.id, address_changes.CHANGED_BY_PERSON, person.language, before.id if before else None)
    address_changes.tell([AddressChange(*known, new.value_key)], now)  # also to the one confirmed before this
    EmailAddress.update(confirmed_at=now).where(EmailAddress.id == address.id).execute()
    cancel_for(person.id, CancelReason.ADDRESS_CONFIRMED, now)  # mail reaches them again
    name = EventName.ADDRESS_TECHNICIAN_CONFIRMED
    data = {"version": address.version}
    record(name, now, technician_id=person.id, subject_id=address.id, account_id=viewer.account_id, data=data)
    detail = {"before": before.value if before else None, "after": new.value}
    audit(name, now, viewer.account_id, "technician", person.id, detail)
    return address


def _mail(person: Technician, address: EmailAddress, content: dict, now: dt.datetime) -> None:
    new_message(MessageKind.CONFIRM, Role.TECHNICIAN, address, person.language, now, technician=person, content=content)


def _end(technician_id: int, now: dt.datetime) -> None:
    mine = (EmailChange.technician == technician_id) & EmailChange.confirmed_at.is_null()
    EmailChange.update(ended_at=now).where(mine & EmailChange.ended_at.is_null()).execute()
