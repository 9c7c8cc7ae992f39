"""A new password: set, written down and told to the person in one transaction."""

import datetime as dt

from db.database import transaction
from db.models import Account
from webapp.domain.accounts import accounts, mails
from webapp.domain.core.events import EventName, record


def change_password(account: Account, password: str, now: dt.datetime, but: int | None = None, **data) -> None:
    """Set a password in place of an older one; other sessions than `but` end, and the person is told by mail.

    `data` goes with the event, such as by which kind of link. PasswordError for a password that is refused.
    """
    with transaction():
        accounts.set_password(account, password, now, but)
        ids = {"technician_id": account.technician_id, "business_id": account.business_id}
        name = EventName.ACCOUNT_PASSWORD_CHANGED
        record(name, now, subject_id=account.id, account_id=account.id, data=data or None, **ids)
        mails.tell_change(account, mails.PASSWORD_CHANGED, now)
