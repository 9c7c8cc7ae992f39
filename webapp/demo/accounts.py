"""The demo's sign-ins: one a role, with random passwords made with the database."""

import datetime as dt
import secrets
from dataclasses import dataclass

import pyotp

from db.models import Account, SecondFactor
from webapp.demo.build import Cast
from webapp.demo.technicians import three
from webapp.domain.accounts import accounts, first_access, second_factor
from webapp.domain.accounts.accounts import AccountKind, BusinessRole, OperatorRole


@dataclass(frozen=True)
class Part:
    """A role of the demo: who signs in, where, and where it is worth beginning."""

    role: str
    label: str
    start: str


OPERATORS = {
    "viewer": (OperatorRole.VIEWER, "閲覧 花子", Part("ops_viewer", "運営（閲覧のみ）", "/ops")),
    "operator": (OperatorRole.OPERATOR, "運用 太郎", Part("ops_operator", "運営（担当者）", "/ops")),
    "admin": (OperatorRole.ADMINISTRATOR, "管理 恵子", Part("ops_admin", "運営（管理者）", "/ops")),
}
TECHNICIAN = Part("technician", "技能者", "/me")
# User name: (business of the cast, role, name, part).
USERS = {
    "kanri": (
        "employer",
        BusinessRole.ADMINISTRATOR,
        "田中 管理",
        Part("business_admin", "所属事業者（管理者）", "/business/technicians"),
    ),
    "etsuran": (
        "employer",
        BusinessRole.VIEWER,
        "鈴木 閲覧",
        Part("business_viewer", "所属事業者（閲覧者）", "/business/technicians"),
    ),
    "ooki": (
        "large_employer",
        BusinessRole.ADMINISTRATOR,
        "大木 管理",
        Part("business_admin", "大きな所属事業者（管理者）", "/business/technicians"),
    ),
    "hoka": (
        "other_business",
        BusinessRole.ADMINISTRATOR,
        "外山 管理",
        Part("other_business", "その他の事業者", "/look-up"),
    ),
    "daikou": (
        "proxy",
        BusinessRole.ADMINISTRATOR,
        "代田 管理",
        Part("proxy", "代行申請事業者", "/business/applications"),
    ),
}


def password() -> str:
    """Return a random password that can be typed."""
    return "-".join(secrets.token_hex(2) for _ in range(4))


def make(cast: Cast, secret_key: str, now: dt.datetime) -> list[dict]:
    """Make the accounts in the running transaction and return their sign-ins."""
    for login, (role, name, _) in OPERATORS.items():
        accounts.create_operator(login, name, role, password(), now)
    for login, (firm, role, name, _) in USERS.items():
        first_access.new_business_user(getattr(cast, firm), login, name, role, now)
    for person in three(cast):
        first_access.technician_account(person, now)
    return renew(secret_key, now)


def renew(secret_key: str, now: dt.datetime) -> list[dict]:
    """Give the accounts new passwords and second factors, also when the file with the old ones is gone."""
    made = []
    for account in Account.select().order_by(Account.id):
        known = _part_and_fields(account)
        if known is None:
            continue
        part, path, fields = known
        word = password()
        account.password_hash, account.password_changed_at = accounts.hash_password(word), now
        account.save(only=[Account.password_hash, Account.password_changed_at])
        made.append(
            {
                "role": part.role,
                "sign_in": path,
                "fields": fields,
                "password": word,
                "totp_secret": _app(account, secret_key, now) if second_factor.must_have(account) else None,
                "start": part.start,
                "label": part.label,
            }
        )
    return made


def _part_and_fields(account: Account) -> tuple[Part, str, dict[str, str]] | None:
    kind, _, name = account.login_key.partition(":")
    if kind == AccountKind.OPERATOR and name in OPERATORS:
        return OPERATORS[name][-1], "/sign-in/operators", {"name": name}
    if kind == AccountKind.BUSINESS_USER:
        number, _, user_name = name.partition(":")
        if user_name in USERS:
            return USERS[user_name][-1], "/sign-in/business", {"business_id": number, "user_name": user_name}
    if kind == AccountKind.TECHNICIAN:
        return TECHNICIAN, "/sign-in", {"technician_id": name}
    return None


def _app(account: Account, secret_key: str, now: dt.datetime) -> str:
    """Set up an authenticator app as its owner would, an hour ago, and return its secret."""
    SecondFactor.delete().where(SecondFactor.account == account).execute()
    then = now - dt.timedelta(hours=1)
    app = second_factor.begin_totp(account, secret_key, "とどけ")
    secret = app.secret
    second_factor.confirm_totp(account, app.sealed, pyotp.TOTP(secret).at(then), secret_key, then)
    return secret
