"""The users of a business: the first invited at its registered address, the others by its administrator."""

import datetime as dt
from dataclasses import dataclass

from db.database import is_sqlite, skip_locked, transaction
from db.models import Account, Business, Message
from webapp.domain.accounts import access_requests, accounts, first_access, sign_in_links
from webapp.domain.accounts.accounts import AccountKind, BusinessRole
from webapp.domain.accounts.sign_in_links import Purpose
from webapp.domain.audit.log import audit
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import GivenBy, OwnerKind
from webapp.domain.notices.messages import MessageKind, Role, new_message
from webapp.domain.parsing.contact import parse_email
from webapp.domain.parsing.problems import CellError

BAD_EMAIL = N_("メールアドレスを確かめてください。「名前@example.jp」の形で1つだけ入力します。")
LAST_ADMINISTRATOR = N_("管理者が1人もいなくなるため、変更できません。先にほかの利用者を管理者にしてください。")
MOST_USERS = 500
TOO_MANY = N_("利用者の数が上限に達しています。使わない利用者を停止してください。")


class NotPossible(ValueError):
    """A change that a business may not make; `field` and `sentence` say why."""

    def __init__(self, field: str, sentence: str):
        super().__init__(sentence)
        self.field, self.sentence = field, sentence


@dataclass(frozen=True)
class User:
    """A user of a business as its administrator sees it."""

    id: int
    user_name: str
    display_name: str
    role: BusinessRole
    active: bool
    invited: bool  # has not been here yet
    second_factor: bool
    last_sign_in_at: dt.datetime | None


def invite_business(business: Business, now: dt.datetime) -> Message | None:
    """Invite a business once, at its registered address; None without one that works: ops then issue a letter code."""
    with transaction():
        fresh = (Business.id == business.id) & Business.invited_at.is_null()
        if not Business.update(invited_at=now).where(fresh).execute():
            return None
        address = versions.current(OwnerKind.BUSINESS, business.id)
        if address is None or not sign_in_links.is_settled(address, now):
            return None
        message = new_message(MessageKind.INVITATION, Role.BUSINESS, address, "ja", now, business=business)
        sign_in_links.make(Purpose.INVITATION, now, message=message, business=business, address=address)
        record(EventName.ACCOUNT_BUSINESS_INVITED, now, business_id=business.id, subject_id=message.id)
        return message


def invite_waiting(now: dt.datetime, limit: int = 100) -> int:
    """Invite businesses that were imported and not invited yet, in the order of their import; return how many."""
    with transaction():
        query = Business.select().where(Business.invited_at.is_null()).order_by(Business.id).limit(limit)
        waiting = list(skip_locked(query))
        for business in waiting:
            invite_business(business, now)
        return len(waiting)


def users_of(business_id: int) -> list[User]:
    """Return the users of a business by name, closed ones last."""
    rows = Account.select().where(_of(business_id)).order_by(Account.active.desc(), Account.login_key)
    return [
        User(
            id=row.id,
            user_name=row.login_key.rpartition(":")[2],
            display_name=row.display_name,
            role=BusinessRole(row.role),
            active=row.active,
            invited=row.password_hash is None,
            second_factor=row.second_factor,
            last_sign_in_at=row.last_sign_in_at,
        )
        for row in rows
    ]


def user_for(administrator: Account, user_id: int) -> Account | None:
    """Return a user of the administrator's own business; None for everybody else's."""
    return Account.get_or_none(_of(administrator.business_id) & (Account.id == user_id))


def invite(
    administrator: Account, user_name: str, display_name: str, email: str, role: BusinessRole, now: dt.datetime
) -> Account:
    """Make a user and mail the invitation. NotPossible or `first_access.Refused` say what is wrong with which field."""
    try:
        value = parse_email(email.strip())
    except CellError:
        raise NotPossible("email", BAD_EMAIL) from None
    with transaction():
        if Account.select().where(_of(administrator.business_id) & Account.active).count() >= MOST_USERS:
            raise NotPossible("user_name", TOO_MANY)
        account = first_access.new_business_user(administrator.business, user_name, display_name, role, now)
        versions.give(OwnerKind.ACCOUNT, account.id, value, GivenBy.BUSINESS, now)
        access_requests.mail_user(account, MessageKind.INVITATION, Purpose.INVITATION, now)
        _note(EventName.ACCOUNT_BUSINESS_USER_INVITED, administrator, account, {"role": role}, now)
        return account


def invite_again(administrator: Account, account: Account, now: dt.datetime) -> bool:
    """Mail the invitation once more to somebody who has not come yet; False if they have, or for today enough."""
    with transaction():
        if account.password_hash is not None or not account.active:
            return False
        return access_requests.mail_user(account, MessageKind.INVITATION, Purpose.INVITATION, now) is not None


def set_role(administrator: Account, account: Account, role: BusinessRole, now: dt.datetime) -> None:
    """Give a user another role; NotPossible for the last administrator."""
    with transaction():
        if role != BusinessRole.ADMINISTRATOR:
            _keep_an_administrator(account)
        account.role = role
        account.save(only=[Account.role])
        _note(EventName.ACCOUNT_BUSINESS_USER_CHANGED, administrator, account, {"role": role}, now)


def set_active(administrator: Account, account: Account, active: bool, now: dt.datetime) -> None:
    """Disable a user, whose sessions end at once, or let them in again; NotPossible for the last administrator."""
    with transaction():
        if not active:
            _keep_an_administrator(account)
        accounts.set_active(account, active)
        _note(EventName.ACCOUNT_BUSINESS_USER_CHANGED, administrator, account, {"active": active}, now)


def _keep_an_administrator(account: Account) -> None:
    """Raise NotPossible if nobody else could manage the users afterwards."""
    administrators = (
        _of(account.business_id)
        & Account.active
        & (Account.role == BusinessRole.ADMINISTRATOR)
        & Account.password_hash.is_null(False)
    )
    query = Account.select(Account.id).where(administrators).order_by(Account.id)
    # Two administrators who disable each other at once: PostgreSQL takes the rows for us, SQLite has one writer.
    ids = [row.id for row in (query if is_sqlite() else query.for_update())]
    if ids == [account.id]:
        raise NotPossible("role", LAST_ADMINISTRATOR)


def _note(name: EventName, by: Account, account: Account, data: dict, now: dt.datetime) -> None:
    record(name, now, business_id=account.business_id, subject_id=account.id, account_id=by.id, data=data)
    audit(name, now, by.id, "account", account.id, data)


def _of(business_id: int):
    return (Account.kind == AccountKind.BUSINESS_USER) & (Account.business == business_id)
