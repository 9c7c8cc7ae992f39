"""E-mail addresses as versions with validity: a correction is a new one, a verdict marks the one mailed."""

import datetime as dt
from collections.abc import Collection
from enum import StrEnum
from typing import Any

from peewee import fn

from db.database import transaction
from db.models import Account, Business, EmailAddress, Technician
from db.rows import update_rows, values_of
from webapp.domain.audit.log import audit
from webapp.domain.core.events import EventName, record
from webapp.domain.email_addresses.syntax import mailbox_of


class OwnerKind(StrEnum):
    """Whose address it is."""

    TECHNICIAN = "technician"
    BUSINESS = "business"
    ACCOUNT = "account"  # an operator, or a user of a business
    MAILBOX = "mailbox"  # the operators' shared one, from the settings
    CHANGE = "change"  # asked for and not confirmed yet: nobody's


class AddressState(StrEnum):
    """What is known of an address."""

    VALID = "valid"
    SUSPECT = "suspect"  # the same value is dead for somebody else; it is mailed, and falls on its own failure
    INVALID = "invalid"


class GivenBy(StrEnum):
    """Who gave it; an address from anybody but the person gets notices, but no link or code until it is confirmed."""

    APPLICATION = "application"
    PERSON = "person"
    BUSINESS = "business"
    OPERATOR = "operator"


class SameAddress(ValueError):
    """A correction to the value that stands already."""


def value_key(value: str) -> str:
    """Return the form in which two spellings of one mailbox are compared."""
    return mailbox_of(value)


def destination(value: str) -> str:
    """Return the domain of an address in lower case: what pacing and figures go by."""
    return mailbox_of(value).rpartition("@")[2]


def current(owner_kind: OwnerKind, owner_id: int) -> EmailAddress | None:
    """Return the newest version of the owner's address, whatever its state; None when there never was one."""
    return EmailAddress.current(owner_kind, owner_id).get_or_none()


def give(owner_kind: OwnerKind, owner_id: int, value: str, given_by: GivenBy, now: dt.datetime) -> EmailAddress:
    """Write a new version of an address in the running transaction and end the one before.

    SameAddress when the current version has the very same value and is not invalid.
    """
    before = current(owner_kind, owner_id)
    if before is not None and before.value == value and before.state != AddressState.INVALID:
        raise SameAddress
    if before is not None:
        EmailAddress.update(valid_to=now).where(EmailAddress.id == before.id).execute()
    return EmailAddress.create(
        owner_kind=owner_kind,
        owner_id=owner_id,
        value=value,
        value_key=value_key(value),
        version=(before.version if before else _last_version(owner_kind, owner_id)) + 1,
        state=AddressState.VALID,
        given_by=given_by,
        valid_from=now,
    )


def _last_version(owner_kind: OwnerKind, owner_id: int) -> int:
    """Return the version of an owner's last address when it was taken away, 0 if there never was one."""
    mine = (EmailAddress.owner_kind == owner_kind) & (EmailAddress.owner_id == owner_id)
    return EmailAddress.select(fn.COALESCE(fn.MAX(EmailAddress.version), 0)).where(mine).scalar()


def correct(owner_kind: OwnerKind, owner_id: int, value: str, now: dt.datetime, account_id: int) -> EmailAddress:
    """Replace an address by an operator's hand; the old version stays, with an event and an audit row.

    SameAddress when nothing would change.
    """
    with transaction():
        before = current(owner_kind, owner_id)
        address = give(owner_kind, owner_id, value, GivenBy.OPERATOR, now)
        record(
            EventName.ADDRESS_OPS_CORRECTED,
            now,
            subject_id=address.id,
            account_id=account_id,
            data={"version": address.version},
            **_concerns(owner_kind, owner_id),
        )
        detail = {"before": before.value if before else None, "after": value}
        audit(EventName.ADDRESS_OPS_CORRECTED, now, account_id, owner_kind, owner_id, detail)
        return address


def mark_invalid(address: EmailAddress, reason: str, now: dt.datetime) -> int:
    """Mark the mailed version invalid in the running transaction; other current rows of the value become suspect.

    Return how many technicians hold this value in an invalid current version, this one included.
    """
    changes = {"state": AddressState.INVALID, "reason": reason, "judged_at": now}
    changed = any(
        update_rows(EmailAddress, changes, {"id": address.id, "state": state})
        for state in AddressState
        if state != AddressState.INVALID
    )
    if changed:
        ids = _concerns(address.owner_kind, address.owner_id)
        record(EventName.ADDRESS_BOUNCE_INVALID, now, subject_id=address.id, data={"reason": reason}, **ids)
    holders = set()
    sql = "SELECT id, owner_kind, owner_id, state FROM email_address WHERE value_key = ? AND valid_to IS NULL"
    for address_id, owner_kind, owner_id, state in values_of(sql, address.value_key):
        if state == AddressState.VALID and address_id != address.id:
            update_rows(EmailAddress, changes | {"state": AddressState.SUSPECT}, {"id": address_id})
            ids = _concerns(owner_kind, owner_id)
            record(EventName.ADDRESS_BOUNCE_SUSPECT, now, subject_id=address_id, data={"reason": reason}, **ids)
        elif state == AddressState.INVALID and owner_kind == OwnerKind.TECHNICIAN:
            holders.add(owner_id)
    return len(holders)


def restore(address: EmailAddress, now: dt.datetime, account_id: int | None, note: str) -> bool:
    """Take back a verdict: the address may be mailed again. False if it was not invalid or suspect."""
    with transaction():
        changed = (
            EmailAddress.update(state=AddressState.VALID, reason=None, judged_at=now)
            .where((EmailAddress.id == address.id) & (EmailAddress.state != AddressState.VALID))
            .execute()
        )
        if changed:
            ids = _concerns(address.owner_kind, address.owner_id)
            record(EventName.ADDRESS_OPS_RESTORED, now, subject_id=address.id, account_id=account_id, **ids)
            audit(EventName.ADDRESS_OPS_RESTORED, now, account_id, address.owner_kind, address.owner_id, {"note": note})
        return bool(changed)


def suppressed():
    """Return a select of the current addresses that are not mailed any more, newest verdict first."""
    return (
        EmailAddress.select()
        .where((EmailAddress.state == AddressState.INVALID) & EmailAddress.valid_to.is_null())
        .order_by(EmailAddress.judged_at.desc(), EmailAddress.id.desc())
    )


def is_personal(value: str, technician_id: int) -> bool:
    """Return whether only this technician uses an address: no business, no business's user, no second technician.

    Employers register their own address for workers; a sign-in link sent there would hand them the worker's key.
    """
    return (
        not EmailAddress.select()
        .where(
            (EmailAddress.value_key == value_key(value))
            & EmailAddress.valid_to.is_null()
            & ~((EmailAddress.owner_kind == OwnerKind.TECHNICIAN) & (EmailAddress.owner_id == technician_id))
        )
        .exists()
    )


def holders_of(value_keys: Collection[str]) -> dict[str, set[tuple[str, int]]]:
    """Return for each of these values who has it as current address, as (owner kind, owner id)."""
    holders: dict[str, set[tuple[str, int]]] = {}
    columns = (EmailAddress.value_key, EmailAddress.owner_kind, EmailAddress.owner_id)
    wanted = EmailAddress.value_key.in_(list(value_keys)) & EmailAddress.valid_to.is_null()
    for value, kind, owner_id in EmailAddress.select(*columns).where(wanted).tuples():
        holders.setdefault(value, set()).add((kind, owner_id))
    return holders


def owner_of(address: EmailAddress) -> Technician | Business | Account:
    """Return the technician, business or user of a business whose address it is."""
    owners = {OwnerKind.TECHNICIAN: Technician, OwnerKind.BUSINESS: Business, OwnerKind.ACCOUNT: Account}
    return owners[OwnerKind(address.owner_kind)].get_by_id(address.owner_id)


def _concerns(owner_kind: str, owner_id: int) -> dict[str, Any]:
    """Return the column of an event that ties it to the owner; a user's address concerns nobody's record."""
    nobody = owner_kind in (OwnerKind.ACCOUNT, OwnerKind.MAILBOX, OwnerKind.CHANGE)
    return {} if nobody else {f"{owner_kind}_id": owner_id}
