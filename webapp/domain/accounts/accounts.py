"""People who sign in: their passwords and their sessions."""

import datetime as dt
import hashlib
import re
import secrets
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from db.database import transaction
from db.models import Account, SignInSession
from webapp.domain.accounts import limits, passwords
from webapp.domain.accounts.known_browsers import Browser
from webapp.domain.accounts.limits import Budget
from webapp.domain.accounts.passwords import PasswordError
from webapp.domain.accounts.sign_in_requests import UsedUp, note_used_up

__all__ = ["PasswordError"]


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


class BusinessRole(StrEnum):
    """What a user of a business may do: set disclosure and invite (管理者), or look (閲覧者)."""

    ADMINISTRATOR = "administrator"
    VIEWER = "viewer"


class SignInStage(StrEnum):
    """How far a sign-in is; only a full session opens pages."""

    SECOND_FACTOR = "second_factor"  # the password was right
    FULL = "full"


@dataclass(frozen=True)
class Limits:
    """How long a session lives without a request, and at most."""

    idle: dt.timedelta
    longest: dt.timedelta


# Operators see everybody: short. A technician looks in from an own phone; an office works through its day.
LIMITS = {
    AccountKind.OPERATOR: Limits(dt.timedelta(minutes=30), dt.timedelta(hours=12)),
    AccountKind.BUSINESS_USER: Limits(dt.timedelta(hours=1), dt.timedelta(hours=12)),
    AccountKind.TECHNICIAN: Limits(dt.timedelta(hours=2), dt.timedelta(hours=24)),
}
IDLE, LONGEST = LIMITS[AccountKind.OPERATOR].idle, LIMITS[AccountKind.OPERATOR].longest
# How long a second factor may take, and how long after a proof of identity dangerous things may be done.
SECOND_FACTOR_WITHIN = dt.timedelta(minutes=10)
RECENT = dt.timedelta(minutes=15)
# Last sight is written at most this often: a click must not always be a write.
_SEEN_EVERY = dt.timedelta(minutes=1)

# Wrong passwords in a quarter of an hour: for an account from browsers that are not known, and from a network address;
# beside these for each browser that is known, and for each session that proves again who is there.
LIMIT_ACCOUNT = 10
LIMIT_ADDRESS = 50
LIMIT_KNOWN = 10

_hasher = PasswordHasher()
# Checked when there is no such account, so that the answer takes the same time.
_nobody = _hasher.hash(secrets.token_urlsafe(16))


@dataclass(frozen=True)
class SignedIn:
    """An account and the token of its new session; the token is told to the browser and kept nowhere else."""

    account: Account
    token: str
    stage: SignInStage = SignInStage.FULL


def login_key(kind: AccountKind, *parts: str) -> str:
    """Return the unique name of an account: its kind and what the person types, without regard to case."""
    return ":".join([kind, *(part.strip().casefold() for part in parts)])


def business_key(business_id: str, user_name: str) -> str:
    """Return the sign-in key of a user of a business; the ID's blanks and hyphens do not matter."""
    return login_key(AccountKind.BUSINESS_USER, digits(business_id), user_name)


def digits(text: str) -> str:
    """Return the ID that somebody typed: full width folded, blanks and hyphens left out."""
    return re.sub(r"[\s　‐‑‒–—―−－-]", "", unicodedata.normalize("NFKC", text))


def check_password(password: str, about: Iterable[str] = ()) -> None:
    """Raise PasswordError for a password that is short, common, or made of what is known `about` the person."""
    passwords.check(password, tuple(about))


def about(account: Account) -> tuple[str, ...]:
    """Return what a password of this account may not be made of."""
    known = [*account.login_key.split(":")[1:], account.display_name]
    person, business = account.technician, account.business
    if person is not None:
        known += [person.name, person.name_kana, f"{person.birth_date:%Y%m%d}", person.telephone]
    if business is not None:
        known += [business.name, business.telephone]
    return tuple(word for word in known if word)


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password."""
    return _hasher.hash(password)


def is_user_name(text: str) -> bool:
    """Return whether a text can be the sign-in name of an operator or a user of a business."""
    return re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,39}", text) is not None


def create_operator(login: str, display_name: str, role: OperatorRole, password: str, now: dt.datetime) -> Account:
    """Create an operator who signs in with a name and a password.

    ValueError for a name that is taken or has other characters than a-z 0-9 . _ -; PasswordError for the password.
    """
    if not is_user_name(login):
        raise ValueError("a sign-in name has 2 to 40 characters of a-z, 0-9, dot, underscore and hyphen")
    check_password(password, (login, display_name))
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


def sign_in(
    key: str, password: str, now: dt.datetime, network_address: str, user_agent: str, browser: Browser
) -> SignedIn | None:
    """Check a password and open a session; None when it is wrong, whoever it was for.

    With a second factor the session's stage is SECOND_FACTOR: `complete` follows. TooManyTries while the budgets of
    `sign_in_budgets` are used up. An account that does not exist takes the same time and counts the same tries.
    """
    account = Account.get_or_none(Account.login_key == key)
    budgets = sign_in_budgets(key, account, network_address, browser, now)
    last = limits.take(budgets, now)
    known = right_password(account, password)
    with transaction():
        if not known or account is None or account.password_hash is None:
            if last:
                note_used_up(UsedUp.PASSWORD, key, browser.secret, now)
            return None
        if _hasher.check_needs_rehash(account.password_hash):
            account.password_hash = hash_password(password)
            account.save(only=[Account.password_hash])
        limits.forget(budgets[0])
        limits.give_back(budgets[1:], now)
        return begin(account, now, network_address, user_agent)


def prove_password(session: SignInSession, password: str, secret: str, now: dt.datetime) -> bool:
    """Return whether this is the password of whoever is signed in, who is asked for it again.

    TooManyTries after ten wrong ones in this session: neither a stranger nor another device can use these tries up.
    """
    budget = limits.Budget("password:session", str(session.id), LIMIT_KNOWN)
    last = limits.take([budget], now)
    known = right_password(session.account, password)
    with transaction():
        if known:
            limits.give_back([budget], now)
        elif last:
            note_used_up(UsedUp.PASSWORD, session.account.login_key, secret, now)
        return known


def right_password(account: Account | None, password: str) -> bool:
    """Return whether this is the password of an active account; as long for no account as for a wrong password."""
    stored = account.password_hash if account is not None and account.active else None
    try:
        _hasher.verify(_nobody if stored is None else stored, password[: passwords.LONGEST])
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def begin(account: Account, now: dt.datetime, network_address: str, user_agent: str) -> SignedIn:
    """Open the session of somebody who has shown one proof, in the running transaction."""
    stage = SignInStage.SECOND_FACTOR if account.second_factor else SignInStage.FULL
    return SignedIn(account, open_session(account, now, network_address, user_agent, stage), stage)


def complete(session: SignInSession, now: dt.datetime) -> SignedIn:
    """Open the full session after the second factor, in the running transaction; the half one ends."""
    SignInSession.delete().where(SignInSession.id == session.id).execute()
    token = open_session(session.account, now, session.network_address, session.user_agent)
    return SignedIn(session.account, token)


def open_session(
    account: Account, now: dt.datetime, network_address: str, user_agent: str, stage: SignInStage = SignInStage.FULL
) -> str:
    """Open a session in the running transaction and return its token."""
    token = secrets.token_urlsafe(32)
    longest = LIMITS[AccountKind(account.kind)].longest if stage == SignInStage.FULL else SECOND_FACTOR_WITHIN
    SignInSession.create(
        account=account,
        token_hash=_digest(token),
        created_at=now,
        seen_at=now,
        expires_at=now + longest,
        reauthenticated_at=now,
        network_address=network_address,
        user_agent=user_agent[:200],
        stage=stage,
    )
    if stage == SignInStage.FULL:
        Account.update(last_sign_in_at=now).where(Account.id == account.id).execute()
    return token


def session_of(
    token: str, now: dt.datetime, stage: SignInStage = SignInStage.FULL, *, used: bool = True
) -> SignInSession | None:
    """Return the living session of a token, with its account; None when it ended, was idle or its account is closed.

    `used` is False for what a page asks by itself: a page that is left open does not keep its session alive.
    """
    session = (
        SignInSession.select(SignInSession, Account)
        .join(Account)
        .where(
            (SignInSession.token_hash == _digest(token))
            & (SignInSession.stage == stage)
            & (SignInSession.expires_at > now)
            & Account.active
        )
        .get_or_none()
    )
    if session is None or session.seen_at <= now - LIMITS[AccountKind(session.account.kind)].idle:
        return None
    if used and now - session.seen_at >= _SEEN_EVERY:
        SignInSession.update(seen_at=now).where(SignInSession.id == session.id).execute()
    return session


def account_of_ended(token: str) -> int | None:
    """Return whose session a token was, although it may have ended; None when nothing is known of it."""
    row = SignInSession.get_or_none(SignInSession.token_hash == _digest(token))
    return row.account_id if row else None


def sessions_of(account: Account, now: dt.datetime) -> list[SignInSession]:
    """Return the living sessions of an account, the one used last first."""
    idle = LIMITS[AccountKind(account.kind)].idle
    return list(
        SignInSession.select()
        .where(
            (SignInSession.account == account)
            & (SignInSession.stage == SignInStage.FULL)
            & (SignInSession.expires_at > now)
            & (SignInSession.seen_at > now - idle)
        )
        .order_by(SignInSession.seen_at.desc(), SignInSession.id.desc())
    )


def end_session(account: Account, session_id: int) -> bool:
    """End one of an account's own sessions; False if it has none of that id."""
    mine = (SignInSession.account == account) & (SignInSession.id == session_id)
    return bool(SignInSession.delete().where(mine).execute())


def end_sessions(account: Account, but: int | None = None) -> int:
    """End all sessions of an account, except one; return how many ended."""
    query = SignInSession.delete().where(SignInSession.account == account)
    return (query.where(SignInSession.id != but) if but is not None else query).execute()


def is_recent(session: SignInSession, now: dt.datetime) -> bool:
    """Return whether this session's person has proved who they are a short while ago."""
    return session.reauthenticated_at is not None and now - session.reauthenticated_at < RECENT


def prove_again(session: SignInSession, now: dt.datetime) -> None:
    """Note that the person has proved again who they are."""
    SignInSession.update(reauthenticated_at=now).where(SignInSession.id == session.id).execute()


def set_password(account: Account, password: str, now: dt.datetime, but: int | None = None) -> None:
    """Give an account a new password in the running transaction; its other sessions end, its waiting time too."""
    check_password(password, about(account))
    account.password_hash, account.password_changed_at = hash_password(password), now
    account.save(only=[Account.password_hash, Account.password_changed_at])
    end_sessions(account, but)
    limits.forget(of_strangers(account.login_key))


def may_change(account: Account, by: Account) -> bool:
    """Return whether an operator may change how somebody signs in: never the own, an operator's as administrator."""
    if by.kind != AccountKind.OPERATOR or by.role == OperatorRole.VIEWER or by.id == account.id or not by.active:
        return False
    return account.kind != AccountKind.OPERATOR or by.role == OperatorRole.ADMINISTRATOR


def set_active(account: Account, active: bool) -> None:
    """Let somebody sign in or not; who may not is signed out at once."""
    with transaction():
        account.active = active
        account.save(only=[Account.active])
        if not active:
            end_sessions(account)


def close_session(token: str) -> None:
    """End a session; nothing happens when it has ended already."""
    SignInSession.delete().where(SignInSession.token_hash == _digest(token)).execute()


def sign_in_budgets(
    key: str, account: Account | None, network_address: str, browser: Browser, now: dt.datetime
) -> list[Budget]:
    """Return whose tries a password uses up: the known browser's own; else those of the account and of the address.

    Who has no known browser shares the tries with every stranger, who needs no more than an ID to use them up.
    """
    known_as = browser.known_as(account, now)
    if known_as is not None:
        return [Budget("sign-in:browser", known_as, LIMIT_KNOWN)]
    return [of_strangers(key), Budget("sign-in:address", network_address, LIMIT_ADDRESS)]


def of_strangers(key: str) -> Budget:
    """Return the tries of an account from browsers that nobody has signed in with before."""
    return Budget("sign-in:account", key, LIMIT_ACCOUNT)


def is_waiting(account: Account, now: dt.datetime) -> bool:
    """Return whether an account has to wait where its browser is not known."""
    return limits.is_used_up(of_strangers(account.login_key), now)


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
