"""Who is signed in proves it again before something that would do much harm in a stranger's hands."""

from dataclasses import dataclass, field

from flask import Blueprint, Response, current_app, request
from flask_login import current_user

from webapp.domain.accounts import accounts, passkeys, second_factor
from webapp.domain.accounts.limits import TooManyTries
from webapp.domain.core.language import N_
from webapp.web.clock import now
from webapp.web.guards import own_path
from webapp.web.rendering import render, see_other
from webapp.web.secret import secret_key

blueprint = Blueprint("identity", __name__)

TOO_MANY = N_("失敗が続いたため、一時的に受付を止めています。15分ほど待ってから、もう一度お試しください。")
WRONG_PASSWORD = N_("パスワードが違います。入力し直してください。")
WRONG_CODE = N_("確認コードが違うか、すでに使われています。アプリに表示されている新しいコードを入力してください。")
WRONG_PASSKEY = N_("パスキーを確認できませんでした。もう一度お試しください。")


@dataclass(frozen=True)
class IdentityPage:
    """The password, with a code where there is an app; or a passkey in place of both."""

    name: str
    next: str
    by_code: bool
    options: str
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/confirm-identity")
def form():
    return _form(own_path(request.args.get("next", "")))


@blueprint.post("/confirm-identity")
def submit():
    account, target = current_user.account, own_path(request.form.get("next", ""))
    try:
        if not accounts.prove_password(current_user.session, request.form.get("password", ""), secret_key(), now()):
            return _form(target, {"password": WRONG_PASSWORD}, 422)
        if account.second_factor and not _right_code(account):
            return _form(target, {"code": WRONG_CODE}, 422)
    except TooManyTries:
        return _form(target, {"password": TOO_MANY}, 429)
    accounts.prove_again(current_user.session, now())
    return see_other(target)


@blueprint.post("/confirm-identity/passkey")
def submit_passkey():
    target, site = own_path(request.form.get("next", "")), passkeys.Site.of(current_app.extensions["settings"])
    answer = request.form.get("credential", "")
    if site is None or not passkeys.check(
        current_user.account, current_user.session, answer, site, secret_key(), now()
    ):
        return _form(target, {"passkey": WRONG_PASSKEY}, 422)
    accounts.prove_again(current_user.session, now())
    return see_other(target)


def _right_code(account) -> bool:
    tries = second_factor.of_session(current_user.session)
    return second_factor.check(account, request.form.get("code", ""), secret_key(), now(), tries)


def _form(target: str, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    account, site = current_user.account, passkeys.Site.of(current_app.extensions["settings"])
    options = ""
    if site and passkeys.has(account):
        options = passkeys.request_options(account, current_user.session, site, secret_key())
    page = IdentityPage(current_user.display_name, target, account.second_factor, options, errors or {})
    return render("account/identity/form.html", page, status=status)
