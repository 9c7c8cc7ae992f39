"""The address by which a technician gets in: the last that the person confirmed, whatever somebody else gave since.

Employer and proxy know a worker's ID, name and birth date, and file applications with whatever e-mail address they
like. So notices go to the newest address; a link, a code or word of a sign-in goes to the confirmed one until the
person confirms another.
"""

from collections.abc import Collection

from db.models import EmailAddress
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind


def way_in(technician_id: int) -> EmailAddress | None:
    """Return the version that a technician confirmed last, also when it is dead or replaced; None without any."""
    return ways_in([technician_id]).get(technician_id)


def ways_in(technician_ids: Collection[int]) -> dict[int, EmailAddress]:
    """Return {technician's row id: version confirmed last}, in one statement; without those who confirmed none."""
    confirmed = (
        EmailAddress.select()
        .where(
            (EmailAddress.owner_kind == OwnerKind.TECHNICIAN)
            & EmailAddress.owner_id.in_(list(technician_ids))
            & EmailAddress.confirmed_at.is_null(False)
        )
        .order_by(EmailAddress.confirmed_at, EmailAddress.version)
    )
    return {address.owner_id: address for address in confirmed}


def reachable(technician_id: int) -> list[EmailAddress]:
    """Return where a technician is told of a change to the sign-in: the current and the confirmed address, if alive."""
    addresses = [versions.current(OwnerKind.TECHNICIAN, technician_id), way_in(technician_id)]
    living = [address for address in addresses if address is not None and address.state != AddressState.INVALID]
    return list({address.value_key: address for address in living}.values())
