"""A person is told by mail of every change to how they sign in, so that a stranger's change does not stay unseen.

Such a mail carries no link and no code: whoever reads it can do nothing with it but call or sign in as always.
"""

import datetime as dt

from db.models import Account, EmailAddress, Message, Technician
from webapp.domain.accounts import sign_in_links
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.core.calendar import written_moment
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind
from webapp.domain.email_addresses.ways_in import reachable
from webapp.domain.notices.messages import MessageKind, Role, new_message

# The sections of the `confirm` texts that tell of a change, each with the moment at which it happened.
PASSWORD_CHANGED = "password_changed_on"
APP_ADDED = "app_added_on"
PASSKEY_ADDED = "passkey_added_on"
FACTOR_REMOVED = "factor_removed_on"
CODES_MADE = "codes_made_on"
CODE_USED = "code_used_on"
LOST_UNTIL = "factor_lost_until"
LOST_ASKED = "factor_lost_asked_on"  # an administrator's, which waits for a second one
# To the other administrators, with the name of the `colleague`.
COLLEAGUE_LOST_ASKED = "colleague_lost_asked_on"
COLLEAGUE_LOST_UNTIL = "colleague_lost_until"
TRIES_USED_UP = "tries_used_up_on"  # somebody has tried passwords
CODES_USED_UP = "codes_used_up_on"  # somebody who knows the password has tried codes of the second factor
CHANGES = frozenset(
    {PASSWORD_CHANGED, APP_ADDED, PASSKEY_ADDED, FACTOR_REMOVED, CODES_MADE, CODE_USED, TRIES_USED_UP, CODES_USED_UP}
)
# To technicians only: somebody who knows the birth date has tried codes; a postcard that was asked for is not sent.
CODE_DEAD = "code_dead_on"
POSTCARD_NOT_SENT = "postcard_not_sent_on"

_ROLES = {
    AccountKind.TECHNICIAN: Role.TECHNICIAN,
    AccountKind.BUSINESS_USER: Role.BUSINESS,
    AccountKind.OPERATOR: Role.OPERATOR,
}


def tell_change(account: Account, change: str, now: dt.datetime) -> list[Message]:
    """Queue the mail about one of CHANGES in the running transaction; empty without a working address.

    Raises ValueError for another word.
    """
    if change not in CHANGES:
        raise ValueError(f"{change!r} is no change that a mail tells of")
    return tell(account, {change: written_moment(now)}, now)


def tell(account: Account, content: dict[str, str], now: dt.datetime) -> list[Message]:
    """Queue the mails that tell somebody of a change to their sign-in, in the running transaction.

    `content` fills the sections of the `confirm` texts. A change is told even to an address that somebody else may
    read, and to the one that a technician has confirmed if that is another: empty when there is none that works.
    """
    if account.kind != AccountKind.TECHNICIAN:
        content = content | {"user_name": account.login_key.rpartition(":")[2]}
    concerns = {"technician": account.technician_id, "business": account.business_id, "account": account}
    role = _ROLES[AccountKind(account.kind)]
    return [
        new_message(MessageKind.CONFIRM, role, address, account.language, now, content=content, **concerns)
        for address in _addresses_of(account, now)
    ]


def tell_technician(person: Technician, content: dict[str, str], now: dt.datetime) -> list[Message]:
    """Queue the mails that tell a technician, who may never have signed in, in the running transaction."""
    concerns = {"technician": person, "content": content}
    return [
        new_message(MessageKind.CONFIRM, Role.TECHNICIAN, address, person.language, now, **concerns)
        for address in reachable(person.id)
    ]


def address_of_user(account: Account, now: dt.datetime) -> EmailAddress | None:
    """Return where a user of a business gets mail; None if nowhere."""
    own = versions.current(OwnerKind.ACCOUNT, account.id)
    if own is not None:
        return own if own.state != AddressState.INVALID else None
    registered = versions.current(OwnerKind.BUSINESS, account.business_id)
    return registered if registered is not None and sign_in_links.is_settled(registered, now) else None


def _addresses_of(account: Account, now: dt.datetime) -> list[EmailAddress]:
    if account.kind == AccountKind.TECHNICIAN:
        return reachable(account.technician_id)
    if account.kind == AccountKind.BUSINESS_USER:
        address = address_of_user(account, now)
    else:
        address = versions.current(OwnerKind.ACCOUNT, account.id)
    return [address] if address is not None and address.state != AddressState.INVALID else []
