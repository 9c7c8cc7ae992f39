"""Operators' own e-mail addresses, for alarms: an administrator gives one, its operator confirms it with a mailed code.

Until then nothing but the code goes there: a mistyped address must not tell a stranger what is wrong here.
"""

import datetime as dt
import hmac

from db.database import transaction
from db.ids import LENGTH, decode, encode
from db.models import Account, EmailAddress
from webapp.domain.audit.log import audit
from webapp.domain.core.daily_limits import LimitReached, take
from webapp.domain.core.events import EventName, record
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, GivenBy, OwnerKind
from webapp.domain.notices.messages import MessageKind, Role, new_message
from webapp.domain.self_service import email_change
from webapp.domain.self_service.email_change import WrongCode

LASTS = dt.timedelta(days=7)
TRIES = 10  # a day
PER_DAY = 5  # mails with a code to one operator, whoever asks for them
_PURPOSE = "operator-email"

__all__ = ["LimitReached", "WrongCode"]


def give(account: Account, value: str, now: dt.datetime, by: int | None, *, confirmed: bool = False) -> EmailAddress:
    """Give an operator an address (as `parse_email` returned it) and mail a code there; SameAddress if it is the same.

    `confirmed`: somebody who runs the machine vouches for it, and no code is asked for. LimitReached after five codes
    to this operator in a day.
    """
    with transaction():
        before = versions.current(OwnerKind.ACCOUNT, account.id)
        address = versions.give(OwnerKind.ACCOUNT, account.id, value, GivenBy.OPERATOR, now)
        if confirmed:
            EmailAddress.update(confirmed_at=now).where(EmailAddress.id == address.id).execute()
        else:
            _mail(account, address, now)
        _note(EventName.ACCOUNT_EMAIL_GIVEN, account, now, by, before, value)
        return address


def mail_again(account: Account, now: dt.datetime) -> bool:
    """Mail the code once more, which also gives it another week; False when no address waits for it.

    LimitReached after five codes in a day.
    """
    with transaction():
        address = versions.current(OwnerKind.ACCOUNT, account.id)
        if address is None or not waits(address):
            return False
        EmailAddress.update(valid_from=now).where(EmailAddress.id == address.id).execute()
        _mail(account, address, now)
        _note(EventName.ACCOUNT_EMAIL_MAILED_AGAIN, account, now, account.id, address, address.value)
        return True


def remove(account: Account, now: dt.datetime, by: int | None) -> bool:
    """Take an operator's address away; False if there was none."""
    with transaction():
        before = versions.current(OwnerKind.ACCOUNT, account.id)
        if before is None:
            return False
        EmailAddress.update(valid_to=now).where(EmailAddress.id == before.id).execute()
        _note(EventName.ACCOUNT_EMAIL_REMOVED, account, now, by, before, None)
        return True


def confirm(account: Account, code: str, secret: str, now: dt.datetime) -> EmailAddress:
    """Note that the operator reads this address. WrongCode; LimitReached after ten tries in a day."""
    with transaction():
        take(f"operator-email:{encode(account.id)}", 1, TRIES, now)
    with transaction():
        address = versions.current(OwnerKind.ACCOUNT, account.id)
        if address is None or address.confirmed_at is not None or address.valid_from <= now - LASTS:
            raise WrongCode(TRIES)
        if not hmac.compare_digest(_code(address.id, secret), email_change.folded(code)):
            raise WrongCode(TRIES)
        EmailAddress.update(confirmed_at=now).where(EmailAddress.id == address.id).execute()
        _note(EventName.ACCOUNT_EMAIL_CONFIRMED, account, now, account.id, None, address.value)
        return address


def usable(address: EmailAddress | None) -> bool:
    """Return whether alarms may be mailed to an operator's address."""
    return address is not None and address.confirmed_at is not None and address.state != AddressState.INVALID


def waits(address: EmailAddress | None) -> bool:
    """Return whether an operator's address is still to be confirmed."""
    return address is not None and address.confirmed_at is None and address.state != AddressState.INVALID


def give_code(values: dict[str, str], secret: str) -> None:
    """Put the code into the values of a mail that confirms an address, at the moment of sending."""
    token = values.get("operator_address", "")
    if len(token) == LENGTH:
        code = _code(decode(token), secret)
        values["confirm_code"] = f"{code[:4]}-{code[4:]}"


def _code(address_id: int, secret: str) -> str:
    return email_change.code_of(address_id, secret, _PURPOSE)


def _mail(account: Account, address: EmailAddress, now: dt.datetime) -> None:
    take(f"operator-email-mail:{encode(account.id)}", 1, PER_DAY, now)
    content = {"user_name": account.login_key.rpartition(":")[2], "operator_address": encode(address.id)}
    new_message(MessageKind.CONFIRM, Role.OPERATOR, address, account.language, now, account=account.id, content=content)


def _note(
    name: EventName, account: Account, now: dt.datetime, by: int | None, before: EmailAddress | None, after: str | None
) -> None:
    record(name, now, subject_id=account.id, account_id=by)
    audit(name, now, by, "account", account.id, {"before": before.value if before else None, "after": after})
