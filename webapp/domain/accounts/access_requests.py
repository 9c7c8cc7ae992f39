"""Somebody asks for a link or a postcard: taken down at once whoever they are, answered by the worker.

The page does the same work for an ID that exists and for one that does not, so that neither its words nor its time tell
them apart. Who is meant is looked up only later, where nobody waits.
"""

import datetime as dt
from typing import Any

from db.database import skip_locked, transaction
from db.ids import encode
from db.models import Account, Message, Postcard, Registration, SignInRequest, Technician
from webapp.domain.accounts import accounts, first_access, limits, mails, sign_in_links, sign_in_requests
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.accounts.limits import Budget, TooManyTries
from webapp.domain.accounts.sign_in_links import Purpose
from webapp.domain.accounts.sign_in_requests import UsedUp
from webapp.domain.core.calendar import written_moment
from webapp.domain.core.events import EventName, record
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.email_addresses.ways_in import way_in
from webapp.domain.notices import address_changes
from webapp.domain.notices.address_changes import AddressChange
from webapp.domain.notices.messages import MessageKind, Role, new_message
from webapp.domain.postcard import activation_codes, fallback
from webapp.domain.postcard.fallback import PostcardState

LIMIT_ADDRESS = 20  # requests an hour from one network address
ADDRESS_WINDOW = dt.timedelta(hours=1)
LIMIT_MAILS = 3  # mails a day to one person
MAIL_WINDOW = dt.timedelta(days=1)
POSTCARD_EVERY = dt.timedelta(days=30)
MOST_POSTCARDS = 3  # in that time, when the codes of the ones before died of wrong tries


def ask(wanted: dict[str, str], secret: str, now: dt.datetime, network_address: str) -> None:
    """Take down what somebody asks for; TooManyTries when this network address has asked too often.

    `wanted`, as typed: {"way": "mail" | "postcard", "technician_id", "birth_date"} or {"way": "mail", "business_id",
    "user_name"}.
    """
    limits.take([Budget("sign-in-request:address", network_address, LIMIT_ADDRESS, ADDRESS_WINDOW)], now)
    with transaction():
        sign_in_requests.take_down(wanted, secret, now)


def answer_requests(secret: str, now: dt.datetime, limit: int = 100) -> int:
    """Answer what was asked for, oldest first, and forget it; return how many requests there were."""
    with transaction():
        query = SignInRequest.select().order_by(SignInRequest.id).limit(limit)
        rows = list(skip_locked(query))
        for row in rows:
            if row.expires_at > now:
                _answer(sign_in_requests.read(row, secret), now)
        SignInRequest.delete().where(SignInRequest.id.in_([row.id for row in rows])).execute()
        return len(rows)


def _answer(wanted: dict[str, str], now: dt.datetime) -> None:
    if wanted["way"] == "used_up":
        _tell_used_up(UsedUp(wanted["kind"]), wanted["login_key"], now)
        return
    if "business_id" in wanted:
        _mail_user(wanted, now)
        return
    person = Technician.get_or_none(Technician.technician_id == accounts.digits(wanted["technician_id"]))
    if person is None or person.birth_date != first_access.read_birth_date(wanted["birth_date"]):
        return
    account = sign_in_links.account_of_technician(person)
    if account is not None and not account.active:
        return
    if wanted["way"] == "postcard":
        queue_postcard(person, now)
    else:
        mail_technician(person, now)


def mail_technician(person: Technician, now: dt.datetime) -> Message | None:
    """Queue a mail with a link in the running transaction; None if no address of theirs may, or not so soon."""
    address = way_in(person.id) or versions.current(OwnerKind.TECHNICIAN, person.id)
    if address is None or not sign_in_links.may_hold_link(address, person.id, now):
        return None
    if not _may_mail(f"technician:{person.id}", now):
        return None
    message = new_message(MessageKind.SIGN_IN, Role.TECHNICIAN, address, person.language, now, technician=person)
    sign_in_links.make(Purpose.FORGOTTEN, now, message=message, technician=person, address=address)
    record(EventName.ACCOUNT_LINK_ASKED, now, technician_id=person.id, subject_id=message.id)
    return message


def _tell_used_up(kind: UsedUp, login_key: str, now: dt.datetime) -> None:
    """Tell somebody that the tries of their sign-in were used up: each kind once a day, so that no stranger floods."""
    account = Account.get_or_none(Account.login_key == login_key)
    if account is None or not account.active:
        return
    Account.update(tries_used_up_at=now).where(Account.id == account.id).execute()
    ids = {"technician_id": account.technician_id, "business_id": account.business_id}
    record(EventName.ACCOUNT_TRIES_USED_UP, now, subject_id=account.id, data={"of": kind}, **ids)
    if _first_today(f"{kind}:{account.id}", now):
        mails.tell_change(account, mails.TRIES_USED_UP if kind is UsedUp.PASSWORD else mails.CODES_USED_UP, now)


def _first_today(subject: str, now: dt.datetime) -> bool:
    try:
        limits.take([Budget("told", subject, 1, MAIL_WINDOW)], now)
    except TooManyTries:
        return False
    return True


def queue_postcard(person: Technician, now: dt.datetime) -> Postcard | None:
    """Queue a postcard with a code in the running transaction; None if one was queued within 30 days.

    One whose code died of wrong tries does not stand in the way, up to three in 30 days: else whoever tried the code
    would decide when its owner gets another. Who gets none is told, once a day. The code is made with the print
    (`activation_codes.issue`) and counts from the mailing of its batch.
    """
    lately = (
        (Postcard.technician == person)
        & (Postcard.state != PostcardState.CANCELLED)
        & (Postcard.queued_at > now - POSTCARD_EVERY)
    )
    newest = Registration.newest().where(Registration.technician == person).first()
    cards = {encode(card.id) for card in Postcard.select(Postcard.id).where(lately)}
    enough = len(cards) >= MOST_POSTCARDS or bool(cards - activation_codes.died_of_tries(cards))
    if newest is None or enough:
        if newest is not None and _first_today(f"postcard:{person.id}", now):
            mails.tell_technician(person, {mails.POSTCARD_NOT_SENT: written_moment(now)}, now)
        return None
    postcard = fallback.queue(newest, fallback.REQUESTED, now, again=True)
    ids: dict[str, Any] = {"technician_id": person.id, "registration_id": newest.id}
    record(EventName.ACCOUNT_POSTCARD_ASKED, now, subject_id=postcard.id, **ids)
    address_changes.tell([AddressChange(person.id, address_changes.POSTCARD_ASKED, person.language)], now)
    return postcard


def _mail_user(wanted: dict[str, str], now: dt.datetime) -> None:
    key = accounts.business_key(wanted["business_id"], wanted["user_name"])
    account = Account.get_or_none((Account.login_key == key) & (Account.kind == AccountKind.BUSINESS_USER))
    if account is not None and account.active:
        mail_user(account, MessageKind.SIGN_IN, Purpose.FORGOTTEN, now)


def mail_user(account: Account, kind: MessageKind, purpose: Purpose, now: dt.datetime) -> Message | None:
    """Queue a mail with a link to a user of a business, at the user's address, else the business's registered one."""
    address = mails.address_of_user(account, now)
    if address is None or not _may_mail(f"account:{account.id}", now):
        return None
    content = {"user_name": account.login_key.rpartition(":")[2]}
    concerns = {"business": account.business, "account": account, "content": content}
    message = new_message(kind, Role.BUSINESS, address, account.language, now, **concerns)
    sign_in_links.make(purpose, now, message=message, account=account, address=address)
    record(EventName.ACCOUNT_LINK_ASKED, now, business_id=account.business_id, subject_id=message.id)
    return message


def _may_mail(recipient: str, now: dt.datetime) -> bool:
    try:
        limits.take([Budget("sign-in-mail", recipient, LIMIT_MAILS, MAIL_WINDOW)], now)
    except TooManyTries:
        return False
    return True
