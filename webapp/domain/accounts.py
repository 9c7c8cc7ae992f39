"""People who sign in: their passwords and their sessions."""

import datetime as dt
import hashlib
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from db.database import transaction
from db.ids import new_id
from db.models import Account, SignInSession, Throttle
from webapp.domain.language import N_


class AccountKind(StrEnum):
    """Which side of the product somebody signs in to."""

    OPERATOR = "operator"
    TECHNICIAN = "technician"
    BUSINESS_USER = "business_user"


class OperatorRole(StrEnum):
    """What an operator may do: look, act, or also set up."""

    VIEWER = "viewer"
    OPERATOR = "operator"
    ADMINISTRATOR = "administrator"


# How long a session lives without a request, and at most (a working day for an operator).
IDLE = dt.timedelta(minutes=30)
LONGEST = dt.timedelta(hours=12)
# Last sight is written at most this often: a click must not always be a write.
_SEEN_EVERY = dt.timedelta(minutes=1)

# Wrong passwords in a window, for an account and for a network address, before further tries wait for its end.
WINDOW = dt.timedelta(minutes=15)
LIMIT_ACCOUNT = 10
LIMIT_ADDRESS = 50

SHORTEST_PASSWORD = 8

_hasher = PasswordHasher()
# Checked when there is no such account, so that the answer takes the same time.
_nobody = _hasher.hash(secrets.token_urlsafe(16))


class PasswordError(ValueError):
    """A password that is refused; `sentence` says why."""

    def __init__(self, sentence: str):
        super().__init__(sentence)
        self.sentence = sentence


class TooManyTries(Exception):
    """The account or the network address has to wait until the window ends."""


@dataclass(frozen=True)
class SignedIn:
    """An account and the token of its new session; the token is told to the browser and kept nowhere else."""

    account: Account
    token: str


def login_key(kind: AccountKind, *parts: str) -> str:
    """Return the unique name of an account: its kind and what the person types, without regard to case."""
    return ":".join([kind, *(part.strip().casefold() for part in parts)])


def check_password(password: str) -> None:
    """Raise PasswordError for a password that is too short."""
    if len(password) < SHORTEST_PASSWORD:
        raise PasswordError(N_("パスワードは8文字以上にしてください。15文字以上をおすすめします。"))


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return _hasher.hash(password)


def create_operator(login: str, display_name: str, role: OperatorRole, password: str, now: dt.datetime) -> Account:
    """Create an operator who signs in with a name and a password.

    ValueError for a name that is taken or has other characters than a-z 0-9 . _ -; PasswordError for the password.
    """
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,39}", login):
        raise ValueError("a sign-in name has 2 to 40 characters of a-z, 0-9, dot, underscore and hyphen")
    check_password(password)
    key = login_key(AccountKind.OPERATOR, login)
    with transaction():
        if Account.select().where(Account.login_key == key).exists():
            raise ValueError(f"there is an operator {login!r} already")
        return Account.create(
            kind=AccountKind.OPERATOR,
            login_key=key,
            display_name=display_name or login,
            role=role,
            password_hash=hash_password(password),
            password_changed_at=now,
            created_at=now,
        )


def sign_in(key: str, password: str, now: dt.datetime, network_address: str, user_agent: str) -> SignedIn | None:
    """Check a password and open a session; None when it is wrong, whoever it was for.

    TooManyTries while the account or the network address has used up its tries. An account that does not exist takes
    the same time and counts the same tries.
    """
    limits = [
        (_throttle_key("account", key), LIMIT_ACCOUNT),
        (_throttle_key("address", network_address), LIMIT_ADDRESS),
    ]
    if any(_count(name, now) >= limit for name, limit in limits):
        raise TooManyTries
    account = Account.get_or_none(Account.login_key == key)
    known = account is not None and account.active and account.password_hash is not None
    try:
        _hasher.verify(account.password_hash if known else _nobody, password)
    except (VerificationError, InvalidHashError):
        known = False
    with transaction():
        if not known:
            for name, _ in limits:
                _add(name, now)
            return None
        if _hasher.check_needs_rehash(account.password_hash):
            account.password_hash = hash_password(password)
        account.last_sign_in_at = now
        account.save()
        Throttle.delete().where(Throttle.key == limits[0][0]).execute()
        return SignedIn(account, open_session(account, now, network_address, user_agent))


def open_session(account: Account, now: dt.datetime, network_address: str, user_agent: str) -> str:
    """Open a session in the running transaction and return its token."""
    token = secrets.token_urlsafe(32)
    SignInSession.create(
        account=account,
        token_hash=_digest(token),
        created_at=now,
        seen_at=now,
        expires_at=now + LONGEST,
        reauthenticated_at=now,
        network_address=network_address,
        user_agent=user_agent[:200],
    )
    return token


def session_of(token: str, now: dt.datetime) -> SignInSession | None:
    """Return the living session of a token, with its account; None when it ended, was idle or its account is closed."""
    session = (
        SignInSession.select(SignInSession, Account)
        .join(Account)
        .where(
            (SignInSession.token_hash == _digest(token))
            & (SignInSession.expires_at > now)
            & (SignInSession.seen_at > now - IDLE)
            & Account.active
        )
        .get_or_none()
    )
    if session and now - session.seen_at >= _SEEN_EVERY:
        SignInSession.update(seen_at=now).where(SignInSession.id == session.id).execute()
    return session


def close_session(token: str) -> None:
    """End a session; nothing happens when it has ended already."""
    SignInSession.delete().where(SignInSession.token_hash == _digest(token)).execute()


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _throttle_key(what: str, value: str) -> str:
    return f"sign-in:{what}:{_digest(value)[:32]}"


def _window(now: dt.datetime) -> dt.datetime:
    seconds = WINDOW.total_seconds()
    return dt.datetime.fromtimestamp(now.timestamp() // seconds * seconds, dt.UTC)


def _count(name: str, now: dt.datetime) -> int:
    row = Throttle.get_or_none((Throttle.key == name) & (Throttle.window_start == _window(now)))
    return row.count if row else 0


def _add(name: str, now: dt.datetime) -> None:
    start = _window(now)
    Throttle.insert(id=new_id(), key=name, window_start=start, count=1, expires_at=start + 2 * WINDOW).on_conflict(
        conflict_target=[Throttle.key, Throttle.window_start], update={Throttle.count: Throttle.count + 1}
    ).execute()
