"""Somebody asks for a link or a postcard: taken down at once whoever they are, answered by the worker.

The page does the same work for an ID that exists and for one that does not, so that neither its words nor its time tell
them apart. Who is meant is looked up only later, where nobody waits.
"""

import datetime as dt
import json
from typing import Any

from db.database import skip_locked, transaction
from db.fields import dump_json
from db.models import Account, Message, Postcard, Registration, SignInRequest, Technician
from webapp.domain.accounts import accounts, first_access, sign_in_links
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.accounts.mails import address_of_user
from webapp.domain.accounts.sign_in_links import Purpose
from webapp.domain.core import secret_box
from webapp.domain.core.events import EventName, record
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.email_addresses.ways_in import way_in
from webapp.domain.notices import address_changes
from webapp.domain.notices.address_changes import AddressChange
from webapp.domain.notices.messages import MessageKind, Role, new_message
from webapp.domain.postcard import fallback
from webapp.domain.postcard.fallback import PostcardState

LIMIT_ADDRESS = 20  # requests an hour from one network address
ADDRESS_WINDOW = dt.timedelta(hours=1)
LIMIT_MAILS = 3  # mails a day to one person
MAIL_WINDOW = dt.timedelta(days=1)
POSTCARD_EVERY = dt.timedelta(days=30)
_KEEP = dt.timedelta(days=1)
_PURPOSE = "sign-in-request"


def ask(wanted: dict[str, str], secret: str, now: dt.datetime, network_address: str) -> None:
    """Take down what somebody asks for; TooManyTries when this network address has asked too often.

    `wanted`, as typed: {"way": "mail" | "postcard", "technician_id", "birth_date"} or {"way": "mail", "business_id",
    "user_name"}.
    """
    limits = [(accounts.throttle_key("sign-in-request:address", network_address), LIMIT_ADDRESS)]
    accounts.check_limits(limits, now, ADDRESS_WINDOW)
    text = dump_json({name: value[:100] for name, value in wanted.items()})
    with transaction():
        accounts.count_tries(limits, now, ADDRESS_WINDOW)
        SignInRequest.create(requested_at=now, content=secret_box.seal(secret, _PURPOSE, text), expires_at=now + _KEEP)


def answer_requests(secret: str, now: dt.datetime, limit: int = 100) -> int:
    """Answer what was asked for, oldest first, and forget it; return how many requests there were."""
    with transaction():
        query = SignInRequest.select().order_by(SignInRequest.id).limit(limit)
        rows = list(skip_locked(query))
        for row in rows:
            if row.expires_at > now:
                _answer(json.loads(secret_box.unseal(secret, _PURPOSE, row.content)), now)
        SignInRequest.delete().where(SignInRequest.id.in_([row.id for row in rows])).execute()
        return len(rows)


def _answer(wanted: dict[str, str], now: dt.datetime) -> None:
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


def queue_postcard(person: Technician, now: dt.datetime) -> Postcard | None:
    """Queue a postcard with a code in the running transaction; None if one was queued within 30 days.

    The code is made with the print (`activation_codes.issue`) and counts from the mailing of its batch.
    """
    lately = (
        (Postcard.technician == person)
        & (Postcard.state != PostcardState.CANCELLED)
        & (Postcard.queued_at > now - POSTCARD_EVERY)
    )
    newest = Registration.newest().where(Registration.technician == person).first()
    if newest is None or Postcard.select().where(lately).exists():
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
    address = address_of_user(account, now)
    if address is None or not _may_mail(f"account:{account.id}", now):
        return None
    content = {"user_name": account.login_key.rpartition(":")[2]}
    concerns = {"business": account.business, "account": account, "content": content}
    message = new_message(kind, Role.BUSINESS, address, account.language, now, **concerns)
    sign_in_links.make(purpose, now, message=message, account=account, address=address)
    record(EventName.ACCOUNT_LINK_ASKED, now, business_id=account.business_id, subject_id=message.id)
    return message


def _may_mail(recipient: str, now: dt.datetime) -> bool:
    limits = [(accounts.throttle_key("sign-in-mail", recipient), LIMIT_MAILS)]
    try:
        accounts.check_limits(limits, now, MAIL_WINDOW)
    except accounts.TooManyTries:
        return False
    accounts.count_tries(limits, now, MAIL_WINDOW)
    return True
