"""A browser in which somebody has signed in before has tries of its own, which no stranger can use up.

It holds a token that lets nobody in: it says that this account was signed in to there, and is dead with the password
that was used (so that a thief's browsers do not multiply the tries against the next one). An operator can make a token
for an hour, for somebody who is locked out in a new browser.
"""

import datetime as dt
import hmac
import secrets
from dataclasses import dataclass

from db.fields import to_microseconds
from db.ids import LENGTH, decode, encode
from db.models import Account
from webapp.domain.core import secret_box

LIFETIME = dt.timedelta(days=180)
PASS_LIFETIME = dt.timedelta(hours=1)
# So many people of one computer have tries of their own.
MOST = 5
_PURPOSE = "known-browser"
_UNTIL, _NONCE, _MAC = 8, 16, 32  # in hexadecimal digits


@dataclass(frozen=True)
class Browser:
    """What a browser that asks to be let in brings along, and the product's secret by which it is read."""

    secret: str
    tokens: tuple[str, ...] = ()

    def known_as(self, account: Account | None, now: dt.datetime) -> str | None:
        """Return a name for this browser if the account was signed in to in it, None for a stranger's."""
        mine = (token for token in self.tokens if account is not None and is_for(token, account, self.secret, now))
        return next((token[:-_MAC] for token in mine), None)

    def with_account(self, account: Account, now: dt.datetime) -> tuple[str, ...]:
        """Return the tokens that the browser holds after signing in, the newest first."""
        return self.with_token(token_for(account, self.secret, now))

    def with_token(self, token: str) -> tuple[str, ...]:
        """Return the tokens that the browser holds with one more, in place of an older one for the same account."""
        remaining = [kept for kept in self.tokens if account_id_of(kept) not in (None, account_id_of(token))]
        return (token, *remaining[: MOST - 1])


def token_for(account: Account, secret: str, now: dt.datetime, lasts: dt.timedelta = LIFETIME) -> str:
    """Return a new token of a browser for an account."""
    text = f"{encode(account.id)}{int((now + lasts).timestamp()):08x}{secrets.token_hex(_NONCE // 2)}"
    return text + _mac(text, account, secret)


def account_of(token: str, secret: str, now: dt.datetime) -> Account | None:
    """Return the active account that a token is good for now."""
    account_id = account_id_of(token)
    account = Account.get_or_none((Account.id == account_id) & Account.active) if account_id else None
    return account if account is not None and is_for(token, account, secret, now) else None


def account_id_of(token: str) -> int | None:
    """Return for which account a token says that it is; it may not be true."""
    try:
        return decode(token[:LENGTH]) if len(token) == LENGTH + _UNTIL + _NONCE + _MAC else None
    except ValueError:
        return None


def is_for(token: str, account: Account, secret: str, now: dt.datetime) -> bool:
    """Return whether a token is good now, for this account and its password."""
    if account_id_of(token) != account.id:
        return False
    text, mac = token[:-_MAC], token[-_MAC:]
    if not hmac.compare_digest(mac.encode(), _mac(text, account, secret).encode()):
        return False
    return int(text[LENGTH : LENGTH + _UNTIL], 16) > now.timestamp()


def _mac(text: str, account: Account, secret: str) -> str:
    changed = account.password_changed_at
    password = to_microseconds(changed) if changed else 0
    return secret_box.keyed(secret, _PURPOSE, f"{text}:{password}").hex()[:_MAC]
