"""A person is told by mail of every change to how they sign in, so that a stranger's change does not stay unseen.

Such a mail carries no link and no code: whoever reads it can do nothing with it but call or sign in as always.
"""

import datetime as dt

from db.models import Account, EmailAddress, Message
from webapp.domain.accounts import sign_in_links
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.core.calendar import written_moment
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind
from webapp.domain.notices.messages import MessageKind, Role, new_message

# The sections of the `confirm` texts that tell of a change, each with the moment at which it happened.
PASSWORD_CHANGED = "password_changed_on"
APP_ADDED = "app_added_on"
PASSKEY_ADDED = "passkey_added_on"
FACTOR_REMOVED = "factor_removed_on"
CODES_MADE = "codes_made_on"
CODE_USED = "code_used_on"
LOST_UNTIL = "factor_lost_until"
CHANGES = frozenset({PASSWORD_CHANGED, APP_ADDED, PASSKEY_ADDED, FACTOR_REMOVED, CODES_MADE, CODE_USED})

_ROLES = {
    AccountKind.TECHNICIAN: Role.TECHNICIAN,
    AccountKind.BUSINESS_USER: Role.BUSINESS,
    AccountKind.OPERATOR: Role.OPERATOR,
}


def tell_change(account: Account, change: str, now: dt.datetime) -> Message | None:
    """Queue the mail about one of CHANGES in the running transaction; None without a working address."""
    return tell(account, {change: written_moment(now)}, now)


def tell(account: Account, content: dict[str, str], now: dt.datetime) -> Message | None:
    """Queue a mail that tells somebody of a change to their sign-in, in the running transaction; None without address.

    `content` fills the sections of the `confirm` texts. A change is told even to an address that somebody else may
    read: it is the one that is known.
    """
    address = _address_of(account, now)
    if address is None:
        return None
    if account.kind != AccountKind.TECHNICIAN:
        content = content | {"user_name": account.login_key.rpartition(":")[2]}
    concerns = {"technician": account.technician_id, "business": account.business_id, "account": account}
    role = _ROLES[AccountKind(account.kind)]
    return new_message(MessageKind.CONFIRM, role, address, account.language, now, content=content, **concerns)


def address_of_user(account: Account, now: dt.datetime) -> EmailAddress | None:
    """Return where a user of a business gets mail; None if nowhere."""
    own = versions.current(OwnerKind.ACCOUNT, account.id)
    if own is not None:
        return own if own.state != AddressState.INVALID else None
    registered = versions.current(OwnerKind.BUSINESS, account.business_id)
    return registered if registered is not None and sign_in_links.is_settled(registered, now) else None


def _address_of(account: Account, now: dt.datetime) -> EmailAddress | None:
    if account.kind == AccountKind.BUSINESS_USER:
        return address_of_user(account, now)
    owner = (OwnerKind.TECHNICIAN, account.technician_id)
    if account.kind == AccountKind.OPERATOR:
        owner = (OwnerKind.ACCOUNT, account.id)
    address = versions.current(*owner)
    return address if address is not None and address.state != AddressState.INVALID else None
