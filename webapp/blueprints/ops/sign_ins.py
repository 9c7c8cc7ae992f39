"""Operators help people in: find a sign-in, begin or stop the way back without a second factor, issue letter codes."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, Response, abort, current_app, flash, request, url_for
from flask_babel import gettext
from flask_login import current_user

from db.models import Account, ActivationCode, Business
from webapp.domain.accounts import accounts, known_browsers, lost_factor
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.audit.log import audit
from webapp.domain.core.errors import NotAllowed
from webapp.domain.core.events import EventName
from webapp.domain.core.language import N_
from webapp.domain.disclosure import operator_views
from webapp.domain.disclosure.operator_views import Via, ViewOrigin
from webapp.domain.postcard import activation_codes, code_text
from webapp.web.access import looker
from webapp.web.clock import now
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import invalid, render, see_other
from webapp.web.secret import secret_key

blueprint = Blueprint("ops_sign_ins", __name__)

WAYS = {
    AccountKind.TECHNICIAN: "sign_in.form",
    AccountKind.BUSINESS_USER: "sign_in.form_business",
    AccountKind.OPERATOR: "sign_in.form_operators",
}
NOT_FOUND = N_("見つかりませんでした。IDと利用者名を確かめてください。")
NO_NOTE = N_("本人確認の方法と結果を入力してください。")
BEGUN = N_("受け付けました。本人に知らせ、1日たつとパスワードだけでサインインできるようになります。")
BEGUN_BY_ONE = N_("受け付けました。別の管理者が承認し、1日たつとパスワードだけでサインインできるようになります。")
NOT_NOW = N_("この利用者には、いまこの操作はできません。")


@dataclass(frozen=True)
class FindPage:
    """Finding somebody's sign-in by what they type themselves; nothing of it stands in an address."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SignInPage:
    """How somebody's sign-in stands."""

    id: int
    kind: AccountKind
    name: str
    active: bool
    has_password: bool
    second_factor: bool
    sessions: int
    last_sign_in_at: dt.datetime | None
    lost: bool
    lost_until: dt.datetime | None  # none: it waits for a second administrator
    may_approve: bool
    may_act: bool
    may_change: bool  # this one: an operator's sign-in is changed by administrators, nobody changes the own
    waits: bool
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PassPage:
    """A link by which somebody who is locked out tries to sign in without waiting; shown this once."""

    account: int
    link: str
    until: dt.datetime


@dataclass(frozen=True)
class LetterPage:
    """A letter with a code to a business, for printing."""

    name: str
    postal_code: str
    address: str
    business_id: str
    code: str
    address_of_page: str
    until: dt.datetime


@blueprint.get("/ops/sign-ins")
def index():
    return render("ops/sign_ins/index.html", FindPage())


@blueprint.post("/ops/sign-ins")
def find():
    typed = {name: request.form.get(name, "").strip()[:60] for name in ("id", "user_name")}
    number = accounts.digits(typed["id"])
    if typed["user_name"] and number:
        key = accounts.business_key(number, typed["user_name"])
    elif typed["user_name"]:
        key = accounts.login_key(AccountKind.OPERATOR, typed["user_name"])
    else:
        key = accounts.login_key(AccountKind.TECHNICIAN, number)
    account = Account.get_or_none(Account.login_key == key)
    if account is None:
        return invalid("ops/sign_ins/index.html", FindPage(typed, {"id": NOT_FOUND}))
    return see_other(url_for("ops_sign_ins.show", account=account.id))


@blueprint.get("/ops/sign-ins/<oid:account>")
def show(account: int):
    found = _account(account)
    audit(EventName.ACCOUNT_OPS_LOOKED, now(), current_user.account.id, "account", found.id)
    if found.technician_id is not None:
        operator_views.note_person(looker(), found.technician_id, ViewOrigin(Via.SIGN_INS), now())
    return _show(found)


@blueprint.post("/ops/sign-ins/<oid:account>/lost-factor")
@recent_authentication
def open_lost(account: int):
    found, text = _account(account), request.form.get("note", "")
    if not text.strip():
        return _show(found, {"note": NO_NOTE}, 422)
    try:
        row = lost_factor.begin(found, current_user.account, text[:2000], now())
    except NotAllowed:
        return _show(found, {"note": NOT_NOW}, 422)
    flash(gettext(BEGUN if row.effective_at else BEGUN_BY_ONE), "good")
    return see_other(url_for("ops_sign_ins.show", account=found.id))


@blueprint.post("/ops/sign-ins/<oid:account>/approve-lost-factor")
@recent_authentication
def approve_lost(account: int):
    """Say as the second administrator that a colleague has lost the phone."""
    found = _account(account)
    try:
        lost_factor.approve(found, current_user.account, now())
    except NotAllowed:
        return _show(found, {"note": NOT_NOW}, 422)
    flash(gettext("承認しました。1日たつとパスワードだけでサインインできるようになります。"), "good")
    return see_other(url_for("ops_sign_ins.show", account=found.id))


@blueprint.post("/ops/sign-ins/<oid:account>/stop-lost-factor")
def stop_lost(account: int):
    found = _account(account)
    if lost_factor.stop(found, current_user.account, now()):
        flash(gettext("2段階認証の解除を止めました。"), "good")
    return see_other(url_for("ops_sign_ins.show", account=found.id))


@blueprint.post("/ops/sign-ins/<oid:account>/pass")
@recent_authentication
def make_pass(account: int):
    """Show a link that gives a browser tries of its own for an hour; it lets nobody in."""
    found = _account(account)
    if not found.active or found.password_hash is None:
        return _show(found, {"note": NOT_NOW}, 422)
    token = known_browsers.token_for(found, secret_key(), now(), known_browsers.PASS_LIFETIME)
    audit(EventName.ACCOUNT_PASS_MADE, now(), current_user.account.id, "account", found.id)
    way = url_for(WAYS[AccountKind(found.kind)], known=token)
    link = current_app.extensions["settings"].public_url + way
    return render("ops/sign_ins/pass.html", PassPage(found.id, link, now() + known_browsers.PASS_LIFETIME))


@blueprint.post("/ops/sign-ins/<oid:account>/disable")
def disable(account: int):
    return _set_active(_account(account), False)


@blueprint.post("/ops/sign-ins/<oid:account>/enable")
@recent_authentication
def enable(account: int):
    return _set_active(_account(account), True)


@blueprint.get("/ops/letter-codes")
def letter_form():
    return render("ops/sign_ins/letters.html", FindPage())


@blueprint.post("/ops/letter-codes")
@recent_authentication
def issue_letter():
    typed = {"business_id": request.form.get("business_id", "").strip()[:60]}
    business = Business.get_or_none(Business.business_id == accounts.digits(typed["business_id"]))
    if business is None or not business.address:
        return invalid("ops/sign_ins/letters.html", FindPage(typed, {"business_id": NOT_FOUND}))
    row = activation_codes.issue_letter(business, current_user.account, secret_key(), now())
    return see_other(url_for("ops_sign_ins.letter", code=row.id))


@blueprint.get("/ops/letter-codes/<oid:code>")
@recent_authentication
def letter(code: int):
    """Show the letter to who issued it, until the day is over: afterwards a new code is issued."""
    row = ActivationCode.get_or_none((ActivationCode.id == code) & ActivationCode.business.is_null(False))
    mine = row is not None and row.issued_by_id == current_user.account.id
    if not mine or row.used_at or row.ended_at or row.issued_at < now() - dt.timedelta(days=1):
        abort(404)
    audit(EventName.ACCOUNT_LETTER_CODE_ISSUED, now(), current_user.account.id, "activation_code", row.id)
    firm = row.business
    page = LetterPage(
        firm.name,
        firm.postal_code,
        firm.address,
        firm.business_id,
        code_text.show_code(activation_codes.code_of(row, secret_key())),
        current_app.extensions["settings"].public_url + "/first-access/business",
        row.expires_at,
    )
    return render("ops/sign_ins/letter.html", page)


def _set_active(account: Account, active: bool) -> Response:
    if not accounts.may_change(account, current_user.account):
        return _show(account, {"note": NOT_NOW}, 422)
    accounts.set_active(account, active)
    audit(EventName.ACCOUNT_OPS_CHANGED, now(), current_user.account.id, "account", account.id, {"active": active})
    flash(gettext("サインインの設定を変更しました。"), "good")
    return see_other(url_for("ops_sign_ins.show", account=account.id))


def _account(account_id: int) -> Account:
    return Account.get_or_none(Account.id == account_id) or abort(404)


def _show(account: Account, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    lost = lost_factor.current(account)
    page = SignInPage(
        account.id,
        AccountKind(account.kind),
        account.display_name,
        account.active,
        account.password_hash is not None,
        account.second_factor,
        len(accounts.sessions_of(account, now())),
        account.last_sign_in_at,
        lost is not None,
        lost.effective_at if lost else None,
        lost is not None and lost.effective_at is None and lost_factor.may_approve(lost, account, current_user.account),
        current_user.role != accounts.OperatorRole.VIEWER,
        accounts.may_change(account, current_user.account),
        accounts.is_waiting(account, now()),
        errors or {},
    )
    return render("ops/sign_ins/show.html", page, status=status)
