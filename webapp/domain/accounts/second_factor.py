"""Second factors: codes of an authenticator app (RFC 6238), passkeys, and recovery codes."""

import datetime as dt
import hmac
import re
import secrets
import unicodedata
from dataclasses import dataclass
from enum import StrEnum

import pyotp

from db.database import transaction
from db.ids import ALPHABET
from db.models import Account, RecoveryCode, SecondFactor, SignInSession
from db.rows import require_row
from webapp.domain.accounts import accounts, limits, mails
from webapp.domain.accounts.accounts import AccountKind, OperatorRole, SignedIn
from webapp.domain.accounts.known_browsers import Browser
from webapp.domain.accounts.limits import Budget
from webapp.domain.accounts.sign_in_requests import UsedUp, note_used_up
from webapp.domain.core import secret_box
from webapp.domain.core.errors import NotAllowed
from webapp.domain.core.events import EventName, record


class FactorKind(StrEnum):
    """What somebody has besides the password."""

    TOTP = "totp"
    PASSKEY = "passkey"


_ADDED = {FactorKind.TOTP: mails.APP_ADDED, FactorKind.PASSKEY: mails.PASSKEY_ADDED}
# A phone's clock may be half a minute off either way.
_STEP = 30
_DRIFT = (-1, 0, 1)
RECOVERY_CODES = 10
_CODE_LENGTH = 10
LIMIT_CODES = 10
_PURPOSE, _SETTING_UP, _RECOVERY = "second-factor", "second-factor-setup", "recovery-code"


@dataclass(frozen=True)
class Enrolment:
    """What an authenticator app needs: the secret in base32 and as an otpauth address."""

    secret: str
    address: str
    sealed: str  # the secret for the browser to keep until it is confirmed


def must_have(account: Account) -> bool:
    """Return whether this account may not go without: an administrator of ours can do everything."""
    return account.kind == AccountKind.OPERATOR and account.role == OperatorRole.ADMINISTRATOR


def begin_totp(account: Account, secret_key: str, issuer: str, kept: str = "") -> Enrolment:
    """Return the secret of an app that is being set up: the one that the browser has `kept`, else a new one.

    Nothing is written: a page that is only looked at leaves no row. The browser keeps `sealed` until it is confirmed.
    """
    plain = _kept_secret(account, kept, secret_key) or pyotp.random_base32()
    name = account.login_key.split(":", 1)[1].replace(":", " ")
    address = pyotp.TOTP(plain).provisioning_uri(name=name, issuer_name=issuer)
    return Enrolment(plain, address, secret_box.seal(secret_key, _SETTING_UP, f"{account.id} {plain}"))


def confirm_totp(account: Account, sealed: str, code: str, secret_key: str, now: dt.datetime) -> list[str] | None:
    """Take the app into use when its code is right, in place of an older one; None when it is wrong.

    `sealed` is what `begin_totp` gave. Return ten new recovery codes, to be shown this once, or [] when the account has
    some already.
    """
    plain = _kept_secret(account, sealed, secret_key)
    step = _step_of(plain, code, now) if plain else None
    if plain is None or step is None:
        return None
    with transaction():
        require_row(Account, lock=True, id=account.id)  # of two at once one app remains
        SecondFactor.delete().where(_of(account, FactorKind.TOTP)).execute()
        row = SecondFactor.create(
            account=account,
            kind=FactorKind.TOTP,
            secret=secret_box.seal(secret_key, _PURPOSE, plain),
            created_at=now,
            last_step=step,
            last_used_at=now,
        )
        return _confirm(account, row, secret_key, now)


def _kept_secret(account: Account, sealed: str, secret_key: str) -> str | None:
    try:
        owner, _, plain = secret_box.unseal(secret_key, _SETTING_UP, sealed).partition(" ")
    except secret_box.NotSealed:
        return None
    return plain if owner == str(account.id) else None


def confirm_passkey(account: Account, row: SecondFactor, secret_key: str, now: dt.datetime) -> list[str]:
    """Take a verified passkey into use; return recovery codes as `confirm_totp` does."""
    with transaction():
        return _confirm(account, row, secret_key, now)


def _confirm(account: Account, row: SecondFactor, secret_key: str, now: dt.datetime) -> list[str]:
    SecondFactor.update(confirmed_at=now).where(SecondFactor.id == row.id).execute()
    account.second_factor = True
    account.save(only=[Account.second_factor])
    note(EventName.ACCOUNT_SECOND_FACTOR_SET, account, now, account.id, {"kind": row.kind})
    mails.tell_change(account, _ADDED[FactorKind(row.kind)], now)
    return [] if codes_left(account) else _make_codes(account, secret_key, now)


def new_recovery_codes(account: Account, secret_key: str, now: dt.datetime) -> list[str]:
    """Make ten codes in place of the old ones, tell the person, and return them; they are kept as keyed hashes only."""
    with transaction():
        mails.tell_change(account, mails.CODES_MADE, now)
        return _make_codes(account, secret_key, now)


def _make_codes(account: Account, secret_key: str, now: dt.datetime) -> list[str]:
    codes = ["".join(secrets.choice(ALPHABET) for _ in range(_CODE_LENGTH)) for _ in range(RECOVERY_CODES)]
    with transaction():
        RecoveryCode.delete().where(RecoveryCode.account == account).execute()
        for code in codes:
            RecoveryCode.create(account=account, code_hash=_code_hash(account, code, secret_key), created_at=now)
        note(EventName.ACCOUNT_RECOVERY_CODES_MADE, account, now, account.id)
    return codes


def codes_left(account: Account) -> int:
    """Return how many recovery codes have not been used."""
    return RecoveryCode.select().where((RecoveryCode.account == account) & RecoveryCode.used_at.is_null()).count()


def factors_of(account: Account) -> list[SecondFactor]:
    """Return the confirmed factors of an account, oldest first."""
    query = SecondFactor.select().where((SecondFactor.account == account) & SecondFactor.confirmed_at.is_null(False))
    return list(query.order_by(SecondFactor.id))


def remove(account: Account, factor_id: int, now: dt.datetime) -> bool:
    """Take one factor away; NotAllowed for the last one of somebody who must have one; False if there is none."""
    with transaction():
        rows = factors_of(account)
        if factor_id not in [row.id for row in rows]:
            return False
        if len(rows) == 1 and must_have(account):
            raise NotAllowed
        SecondFactor.delete().where(SecondFactor.id == factor_id).execute()
        if len(rows) == 1:
            _without(account)
        note(EventName.ACCOUNT_SECOND_FACTOR_REMOVED, account, now, account.id)
        mails.tell_change(account, mails.FACTOR_REMOVED, now)
        return True


def check(account: Account, code: str, secret_key: str, now: dt.datetime, budget: Budget | None = None) -> bool:
    """Return whether a code of the app or a recovery code is right, and use it up; TooManyTries after too many.

    A code of the app is taken once: who looks over a shoulder cannot use it again within its half minute. `budget` is
    whose tries it uses up, `of_session` or `of_browser`; else those that everybody has who knows the password.
    """
    budget = budget or Budget("second-factor", str(account.id), LIMIT_CODES)
    with transaction():
        last = limits.take([budget], now)
        taken = any(
            _take_code(row, code, secret_key, now) for row in factors_of(account) if row.kind == FactorKind.TOTP
        ) or _take_recovery_code(account, code, secret_key, now)
        if taken:
            limits.give_back([budget], now)
        elif last:
            note_used_up(UsedUp.CODE, account.login_key, secret_key, now)
        return taken


def of_session(session: SignInSession) -> Budget:
    """Return the tries of a session whose person proves again who they are."""
    return Budget("second-factor:session", str(session.id), LIMIT_CODES)


def of_browser(account: Account, browser: Browser, now: dt.datetime) -> Budget | None:
    """Return the tries of a browser in which this account was signed in to before; None for another browser."""
    known_as = browser.known_as(account, now)
    return Budget("second-factor:browser", known_as, LIMIT_CODES) if known_as is not None else None


def finish(session: SignInSession, code: str, browser: Browser, now: dt.datetime) -> SignedIn | None:
    """Open the full session of a half one when the code is right; None when it is not, TooManyTries as `check`."""
    budget = of_browser(session.account, browser, now)
    with transaction():
        right = check(session.account, code, browser.secret, now, budget)
        return accounts.complete(session, now) if right else None


def _take_code(row: SecondFactor, typed: str, secret_key: str, now: dt.datetime) -> bool:
    step = _step_of(secret_box.unseal(secret_key, _PURPOSE, row.secret), typed, now)
    if step is None:
        return False
    # One statement decides between two requests with the same code.
    fresh = (SecondFactor.id == row.id) & (SecondFactor.last_step < step)
    return bool(SecondFactor.update(last_step=step, last_used_at=now).where(fresh).execute())


def _step_of(plain: str, typed: str, now: dt.datetime) -> int | None:
    """Return the newest half minute near now of which this is the code; None if it is of none."""
    code = re.sub(r"\D", "", unicodedata.normalize("NFKC", typed))
    if len(code) != 6:
        return None
    totp, step = pyotp.TOTP(plain), int(now.timestamp()) // _STEP
    matching = [step + drift for drift in _DRIFT if hmac.compare_digest(totp.generate_otp(step + drift), code)]
    return max(matching, default=None)


def _take_recovery_code(account: Account, typed: str, secret_key: str, now: dt.datetime) -> bool:
    code = re.sub(r"[\s-]", "", unicodedata.normalize("NFKC", typed)).upper().translate(str.maketrans("OIL", "011"))
    mine = (RecoveryCode.account == account) & (RecoveryCode.code_hash == _code_hash(account, code, secret_key))
    used = RecoveryCode.update(used_at=now).where(mine & RecoveryCode.used_at.is_null()).execute()
    if used:
        note(EventName.ACCOUNT_RECOVERY_CODE_USED, account, now, account.id)
        mails.tell_change(account, mails.CODE_USED, now)
    return bool(used)


def _code_hash(account: Account, code: str, secret_key: str) -> str:
    return secret_box.keyed(secret_key, _RECOVERY, f"{account.id}:{code}").hex()


def remove_all(account: Account, now: dt.datetime) -> None:
    """Take every factor of an account away, in the running transaction: phone and codes are lost."""
    SecondFactor.delete().where(SecondFactor.account == account).execute()
    _without(account)
    note(EventName.ACCOUNT_SECOND_FACTOR_REMOVED, account, now, None, {"lost": True})
    mails.tell_change(account, mails.FACTOR_REMOVED, now)


def _without(account: Account) -> None:
    RecoveryCode.delete().where(RecoveryCode.account == account).execute()
    account.second_factor = False
    account.save(only=[Account.second_factor])


def note(name: EventName, account: Account, now: dt.datetime, by: int | None, data: dict | None = None) -> None:
    """Write an event about an account in the running transaction."""
    record(
        name,
        now,
        technician_id=account.technician_id,
        business_id=account.business_id,
        subject_id=account.id,
        account_id=by,
        data=data,
    )


def _of(account: Account, kind: FactorKind):
    return (SecondFactor.account == account) & (SecondFactor.kind == kind)
