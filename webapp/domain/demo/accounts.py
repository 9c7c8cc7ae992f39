"""The demo's sign-ins: one a role, with random passwords made with the database."""

import datetime as dt
import secrets

from db.models import Account
from webapp.domain import accounts
from webapp.domain.accounts import OperatorRole
from webapp.domain.demo.build import Cast

OPERATORS = {
    OperatorRole.VIEWER: ("viewer", "閲覧 花子", "運営（閲覧のみ）"),
    OperatorRole.OPERATOR: ("operator", "運用 太郎", "運営（担当者）"),
    OperatorRole.ADMINISTRATOR: ("admin", "管理 恵子", "運営（管理者）"),
}
_ROLE_NAMES = {
    OperatorRole.VIEWER: "ops_viewer",
    OperatorRole.OPERATOR: "ops_operator",
    OperatorRole.ADMINISTRATOR: "ops_admin",
}


def password() -> str:
    """Return a random password that can be typed."""
    return "-".join(secrets.token_hex(2) for _ in range(4))


def make(cast: Cast, now: dt.datetime) -> list[dict]:
    """Make the accounts in the running transaction and return their sign-ins."""
    made = []
    for role, (login, name, label) in OPERATORS.items():
        word = password()
        accounts.create_operator(login, name, role, word, now)
        made.append(_sign_in(role, login, word, label))
    return made


def renew(now: dt.datetime) -> list[dict]:
    """Give the accounts new passwords, when the file with the old ones is gone."""
    made = []
    for role, (login, _, label) in OPERATORS.items():
        word = password()
        key = accounts.login_key(accounts.AccountKind.OPERATOR, login)
        Account.update(password_hash=accounts.hash_password(word), password_changed_at=now).where(
            Account.login_key == key
        ).execute()
        made.append(_sign_in(role, login, word, label))
    return made


def _sign_in(role: OperatorRole, login: str, word: str, label: str) -> dict:
    return {
        "role": _ROLE_NAMES[role],
        "sign_in": "/sign-in",
        "fields": {"name": login},
        "password": word,
        "totp_secret": None,
        "start": "/ops",
        "label": label,
    }
