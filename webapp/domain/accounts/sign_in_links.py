"""Links in mails by which somebody gets in: who may hold one, what it says, when it dies.

Employers and proxies often register their own address for workers; a link sent there would hand them the technician's
key. So a technician's link goes to a personal address only, and opening it changes nothing: mail scanners fetch links.
A form on its page does, and asks for something that no mail says.
"""

import datetime as dt
import hmac
from collections.abc import Sequence
from enum import StrEnum

from db.database import transaction
from db.fields import to_microseconds
from db.ids import LARGEST, LENGTH, decode, encode, new_id
from db.models import Account, EmailAddress, Message, SignInLink
from db.rows import write_rows
from webapp.domain.accounts.accounts import AccountKind, login_key
from webapp.domain.core import secret_box
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, GivenBy
from webapp.domain.email_addresses.ways_in import way_in, ways_in
from webapp.domain.notices import address_changes
from webapp.domain.notices.messages import MessageKind, Role


class Purpose(StrEnum):
    """What a link is for."""

    FIRST_ACCESS = "first_access"  # in a technician's own notice; dead once there is a password
    FORGOTTEN = "forgotten"  # asked for on the sign-in pages
    INVITATION = "invitation"  # to a business's registered address, or to a new user of it
    NOT_MINE = "not_mine"  # "that was not I": in the mail that tells of a change; lets nobody in


LIFETIME = {
    Purpose.FIRST_ACCESS: dt.timedelta(days=30),
    Purpose.FORGOTTEN: dt.timedelta(hours=1),
    Purpose.INVITATION: dt.timedelta(days=14),
    Purpose.NOT_MINE: dt.timedelta(days=30),
}
TRIES = 5
# After a letter to the registered postal address told of a new e-mail address, who did not give it has had time to say.
LETTER_WAIT = dt.timedelta(days=7)
_TOKEN = "sign-in-link"
_TOKEN_LENGTH = 3 * LENGTH
_CHANGED = (
    (EmailAddress.owner_kind == versions.OwnerKind.TECHNICIAN)
    & EmailAddress.given_by.in_([GivenBy.BUSINESS, GivenBy.OPERATOR])
    & EmailAddress.valid_to.is_null()
    & EmailAddress.confirmed_at.is_null()
)


def is_settled(address: EmailAddress, now: dt.datetime) -> bool:
    """Return whether an address is in use and was not put there by somebody else without the owner's knowing.

    What a business gave or an operator changed counts once the owner confirmed it, or seven days after a letter to the
    registered postal address told of it.
    """
    if address.valid_to is not None or address.state == AddressState.INVALID:
        return False
    given_by_other = address.given_by in (GivenBy.BUSINESS, GivenBy.OPERATOR)
    if address.owner_kind == versions.OwnerKind.ACCOUNT or not given_by_other or address.confirmed_at is not None:
        return True  # a business answers for the addresses of its own users
    return address.letter_at is not None and address.letter_at <= now - LETTER_WAIT


def may_hold_link(address: EmailAddress, technician_id: int, now: dt.datetime) -> bool:
    """Return whether a technician's link or code may go to this e-mail address.

    It is the one that the person confirmed last or, of somebody who has confirmed none, a settled one; and nobody
    else's.
    """
    mine = address.owner_kind == versions.OwnerKind.TECHNICIAN and address.owner_id == technician_id
    if not mine or not versions.is_personal(address.value, technician_id):
        return False
    return _is_way_in(address, way_in(technician_id), now)


def _is_way_in(address: EmailAddress, confirmed: EmailAddress | None, now: dt.datetime) -> bool:
    if confirmed is None:
        return is_settled(address, now)
    return address.value_key == confirmed.value_key and address.state != AddressState.INVALID


def note_letter(address: EmailAddress, now: dt.datetime) -> None:
    """Note that a letter to the registered postal address tells of this e-mail address."""
    fresh = (EmailAddress.id == address.id) & EmailAddress.letter_at.is_null()
    EmailAddress.update(letter_at=now).where(fresh).execute()


def without_letter(limit: int) -> list[EmailAddress]:
    """Return technicians' addresses that somebody else has changed and no letter has told of yet, oldest first."""
    query = EmailAddress.select().where(_CHANGED & EmailAddress.letter_at.is_null())
    return list(query.order_by(EmailAddress.id).limit(limit))


def changed_by_others(address_id: int) -> EmailAddress | None:
    """Return a technician's current, unconfirmed address if somebody else has put it there."""
    return EmailAddress.get_or_none(_CHANGED & (EmailAddress.id == address_id))


def links_for(messages: Sequence, secret: str, now: dt.datetime) -> dict[int, str]:
    """Return {message id: token} for those of the messages that carry a link, in a few statements for all of them.

    Messages have id, kind, role, technician_id and address_id, as rows and claims of the outbox have. A technician's
    id_notice gets its link here, at the moment of sending; the same message sent again to the same address has the same
    one, sent to a corrected address another, and the first is dead. Messages of other kinds have theirs from when they
    were queued. The page of a token is `/first-access?link=<token>`.
    """
    with transaction():
        ids = [message.id for message in messages]
        links = {link.message_id: link for link in SignInLink.select().where(SignInLink.message.in_(ids))}
        notices = [
            message
            for message in messages
            if message.kind == MessageKind.ID_NOTICE and message.role == Role.TECHNICIAN and message.address_id
        ]
        alive = {message_id: link for message_id, link in links.items() if why_dead(link, now) is None}
        found = _of_notices(notices, links, alive, now)
        objectionable = [message for message in messages if message.id not in links and may_object(message)]
        theirs = _confirmed({message.address_id for message in objectionable})
        for message in objectionable:
            if message.address_id in theirs:
                concerns = {"message": message.id, "technician": message.technician_id, "address": message.address_id}
                alive[message.id] = make(Purpose.NOT_MINE, now, **concerns)
        other_messages = {message.id for message in messages if message.kind != MessageKind.ID_NOTICE}
        found |= {message_id: link for message_id, link in alive.items() if message_id in other_messages}
        return {message_id: token_of(link, secret) for message_id, link in found.items()}


def may_object(message) -> bool:
    """Return whether a message tells of a change by which somebody might take over a technician's way in."""
    if message.kind != MessageKind.CONFIRM or message.role != Role.TECHNICIAN:
        return False
    content = message.content if isinstance(message, Message) else message.values
    return not address_changes.SECTIONS.isdisjoint(content or {})


def _confirmed(address_ids: set[int]) -> set[int]:
    if not address_ids:
        return set()
    confirmed = EmailAddress.id.in_(list(address_ids)) & EmailAddress.confirmed_at.is_null(False)
    return {number for (number,) in EmailAddress.select(EmailAddress.id).where(confirmed).tuples()}


def _of_notices(messages: list, links: dict, alive: dict, now: dt.datetime) -> dict[int, SignInLink]:
    rows = EmailAddress.select().where(EmailAddress.id.in_([message.address_id for message in messages]))
    by_id = {row.id: row for row in rows}
    holders = versions.holders_of([row.value_key for row in by_id.values()])
    people = {message.technician_id for message in messages}
    inside = Account.select(Account.technician).where(
        Account.technician.in_(list(people)) & Account.password_hash.is_null(False)
    )
    have_password = {number for (number,) in inside.tuples()}
    confirmed = ways_in(people)
    found, made = {}, []
    for message in messages:
        address, link = by_id[message.address_id], links.get(message.id)
        person = message.technician_id
        if person in have_password or not _is_personal(address, person, confirmed.get(person), holders, now):
            continue
        if link is not None and link.address_id == address.id:
            if message.id in alive:
                found[message.id] = link
            continue
        if link is not None:  # the notice goes to a corrected address now
            SignInLink.update(message=None, ended_at=now).where(SignInLink.id == link.id).execute()
        link = SignInLink(
            id=new_id(),
            purpose=Purpose.FIRST_ACCESS,
            message=message.id,
            technician=message.technician_id,
            address=address.id,
            created_at=now,
            expires_at=now + LIFETIME[Purpose.FIRST_ACCESS],
        )
        found[message.id] = link
        made.append(link)
    moments = (to_microseconds(now), to_microseconds(now + LIFETIME[Purpose.FIRST_ACCESS]))
    names = ("id", "purpose", "message_id", "technician_id", "address_id", "created_at", "expires_at", "tries")
    write_rows(
        "sign_in_link",
        names,
        [(link.id, link.purpose, link.message_id, link.technician_id, link.address_id, *moments, 0) for link in made],
    )
    return found


def _is_personal(
    address: EmailAddress,
    technician_id: int,
    confirmed: EmailAddress | None,
    holders: dict[str, set],
    now: dt.datetime,
) -> bool:
    me = (versions.OwnerKind.TECHNICIAN, technician_id)
    mine = (address.owner_kind, address.owner_id) == me
    return mine and _is_way_in(address, confirmed, now) and holders.get(address.value_key, set()) <= {me}


def make(purpose: Purpose, now: dt.datetime, *, lasts: dt.timedelta | None = None, **concerns) -> SignInLink:
    """Write a link in the running transaction; `concerns` are message, technician, business, account, address."""
    return SignInLink.create(purpose=purpose, created_at=now, expires_at=now + (lasts or LIFETIME[purpose]), **concerns)


def token_of(link: SignInLink, secret: str) -> str:
    """Return the token of a link: its id and 126 bits that only the secret can make of it."""
    number = int.from_bytes(secret_box.keyed(secret, _TOKEN, str(link.id))[:16], "big")
    return encode(link.id) + encode(number >> 63 & LARGEST) + encode(number & LARGEST)


def find(token: str, secret: str, now: dt.datetime, *, objecting: bool = False) -> SignInLink | None:
    """Return the link of a token if it can still be used; it is not used by being looked at.

    A link that lets somebody in, or with `objecting` one that stops a change; neither is taken for the other.
    """
    try:
        if len(token) != _TOKEN_LENGTH:
            return None
        link = SignInLink.get_or_none(SignInLink.id == decode(token[:LENGTH]))
    except ValueError:
        return None
    if link is None or not hmac.compare_digest(token_of(link, secret).encode(), token.encode()):
        return None
    if (link.purpose == Purpose.NOT_MINE) is not objecting:
        return None
    return link if why_dead(link, now) is None else None


def why_dead(link: SignInLink, now: dt.datetime) -> str | None:
    """Return why a link cannot be used any more (for tests and logs), None if it can."""
    if link.used_at is not None or link.ended_at is not None:
        return "used"
    if link.expires_at <= now:
        return "expired"
    if link.tries >= TRIES:
        return "tries"
    if link.purpose == Purpose.NOT_MINE:
        return None  # it lets nobody in, so it counts whatever has become of its address
    if link.technician_id is not None:
        if link.address_id is None or not may_hold_link(link.address, link.technician_id, now):
            return "address"
        if link.purpose == Purpose.FIRST_ACCESS and has_password(link.technician_id):
            return "password"
    elif link.address_id is not None and not is_settled(link.address, now):
        return "address"
    if link.account_id is not None and not link.account.active:
        return "account"
    return None


def has_password(technician_id: int) -> bool:
    """Return whether a technician has signed in before."""
    mine = (Account.technician == technician_id) & (Account.kind == AccountKind.TECHNICIAN)
    return Account.select().where(mine & Account.password_hash.is_null(False)).exists()


def account_of_technician(technician) -> Account | None:
    """Return the account of a technician, if there is one yet."""
    key = login_key(AccountKind.TECHNICIAN, technician.technician_id)
    return Account.get_or_none(Account.login_key == key)


def count_wrong(link: SignInLink) -> None:
    """Count a wrong proof, in the running transaction: after five the link is dead."""
    SignInLink.update(tries=SignInLink.tries + 1).where(SignInLink.id == link.id).execute()


def use(link: SignInLink, now: dt.datetime) -> bool:
    """Use a link up in the running transaction; False if somebody was quicker."""
    fresh = (SignInLink.id == link.id) & SignInLink.used_at.is_null() & SignInLink.ended_at.is_null()
    return bool(SignInLink.update(used_at=now).where(fresh & (SignInLink.tries < TRIES)).execute())


def end_of(account: Account, now: dt.datetime) -> None:
    """End every other link of somebody who has just got in, in the running transaction."""
    of_owner = SignInLink.account == account
    if account.technician_id is not None:
        of_owner |= SignInLink.technician == account.technician_id
    open_links = SignInLink.used_at.is_null() & SignInLink.ended_at.is_null() & (SignInLink.purpose != Purpose.NOT_MINE)
    SignInLink.update(ended_at=now).where(of_owner & open_links).execute()
