"""Signing in and out: three ways in, one for each kind of person, and the second factor behind them."""

from dataclasses import dataclass, field

from flask import Blueprint, Response, current_app, flash, request, session, url_for
from flask_babel import gettext
from flask_login import current_user

from webapp.domain.accounts import accounts, known_browsers, passkeys, second_factor
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.accounts.limits import TooManyTries
from webapp.domain.core.language import N_
from webapp.web.clock import now
from webapp.web.guards import own_path
from webapp.web.rendering import invalid, render, see_other
from webapp.web.secret import secret_key
from webapp.web.session import browser, end, first_page, go_on, half, remember_browser, where_from

blueprint = Blueprint("sign_in", __name__)

TOO_MANY = N_("失敗が続いたため、一時的に受付を止めています。15分ほど待ってから、もう一度お試しください。")
# Whoever signs in here may have a browser with tries of its own, or a way that needs nobody's patience.
_BY_MAIL = N_(
    "失敗が続いたため、一時的に受付を止めています。前にサインインした端末を使うか、リンクをメールで受け取るか、"
    "15分ほど待ってから、もう一度お試しください。"
)
TOO_LONG = {
    AccountKind.TECHNICIAN: _BY_MAIL,
    AccountKind.BUSINESS_USER: _BY_MAIL,
    AccountKind.OPERATOR: N_(
        "失敗が続いたため、一時的に受付を止めています。前にサインインした端末を使うか、ほかの担当者に"
        "「サインインの支援」の画面でリンクを作ってもらうか、15分ほど待ってから、もう一度お試しください。"
    ),
}
WRONG = {
    AccountKind.TECHNICIAN: N_("技能者IDまたはパスワードが違います。入力し直してください。"),
    AccountKind.BUSINESS_USER: N_("事業者ID、利用者名、パスワードのどれかが違います。入力し直してください。"),
    AccountKind.OPERATOR: N_("利用者名またはパスワードが違います。入力し直してください。"),
}
GOOD_PASS = N_("このブラウザーから、別枠でサインインを試せます。1時間以内に、パスワードを入力してください。")
DEAD_PASS = N_("このリンクは使えません。もう一度リンクを作ってもらってください。")
WRONG_CODE = N_("確認コードが違うか、すでに使われています。アプリに表示されている新しいコードを入力してください。")
WRONG_PASSKEY = N_("パスキーを確認できませんでした。もう一度お試しください。")


@dataclass(frozen=True)
class SignInPage:
    """The form: which way, what was typed (never the password), where it leads, what was wrong with it."""

    kind: AccountKind
    typed: dict[str, str] = field(default_factory=dict)
    next: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SecondPage:
    """The second step: by code, and by passkey where there is one; `options` is what the browser needs for it."""

    by_code: bool
    options: str
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/sign-in")
def form():
    return _form(AccountKind.TECHNICIAN)


@blueprint.get("/sign-in/business")
def form_business():
    return _form(AccountKind.BUSINESS_USER)


@blueprint.get("/sign-in/operators")
def form_operators():
    return _form(AccountKind.OPERATOR)


@blueprint.post("/sign-in")
def submit():
    typed = _typed("technician_id")
    key = accounts.login_key(AccountKind.TECHNICIAN, accounts.digits(typed["technician_id"]))
    return _submit(AccountKind.TECHNICIAN, key, typed)


@blueprint.post("/sign-in/business")
def submit_business():
    typed = _typed("business_id", "user_name")
    return _submit(AccountKind.BUSINESS_USER, accounts.business_key(*typed.values()), typed)


@blueprint.post("/sign-in/operators")
def submit_operators():
    typed = _typed("name")
    return _submit(AccountKind.OPERATOR, accounts.login_key(AccountKind.OPERATOR, typed["name"]), typed)


@blueprint.get("/sign-in/second-factor")
def second():
    waiting = half()
    return _second(waiting) if waiting else see_other(url_for("sign_in.form"))


@blueprint.post("/sign-in/second-factor")
def submit_second():
    waiting = half()
    if waiting is None:
        return see_other(url_for("sign_in.form"))
    target = session.get("next", "")
    try:
        signed_in = second_factor.finish(waiting, request.form.get("code", ""), browser(), now())
    except TooManyTries:
        return _second(waiting, {"code": TOO_MANY}, 429)
    return go_on(signed_in, target) if signed_in else _second(waiting, {"code": WRONG_CODE}, 422)


@blueprint.post("/sign-in/passkey")
def submit_passkey():
    waiting, site = half(), passkeys.Site.of(current_app.extensions["settings"])
    if waiting is None or site is None:
        return see_other(url_for("sign_in.form"))
    target = session.get("next", "")
    if not passkeys.check(waiting.account, waiting, request.form.get("credential", ""), site, secret_key(), now()):
        return _second(waiting, {"passkey": WRONG_PASSKEY}, 422)
    return go_on(accounts.complete(waiting, now()), target)


@blueprint.post("/sign-out")
def out():
    end()
    response = see_other(url_for("sign_in.form"))
    # What a shared computer keeps of the pages of whoever has just left; cookies stay, for the choice of a language.
    response.headers["Clear-Site-Data"] = '"cache", "storage"'
    return response


def _form(kind: AccountKind) -> Response:
    target = own_path(request.args.get("next", ""))
    if token := request.args.get("known", ""):
        return _take_pass(token)
    if current_user.is_authenticated:
        return see_other(target if target != "/" else first_page(current_user.kind))
    return render("public/sign_in/form.html", SignInPage(kind, next=target))


def _take_pass(token: str) -> Response:
    """Let the browser keep a token that an operator has made: it brings tries of its own, and lets nobody in."""
    account = known_browsers.account_of(token, browser().secret, now())
    if account is None:
        flash(gettext(DEAD_PASS), "bad")
    else:
        remember_browser(browser().with_token(token))
        flash(gettext(GOOD_PASS), "good")
    return see_other(url_for(request.endpoint or "sign_in.form"))


def _typed(*names: str) -> dict[str, str]:
    return {name: request.form.get(name, "").strip()[:100] for name in names}


def _submit(kind: AccountKind, key: str, typed: dict[str, str]) -> Response:
    target, first = own_path(request.form.get("next", "")), next(iter(typed))
    try:
        password = request.form.get("password", "")
        signed_in = accounts.sign_in(key, password, now(), **where_from(), browser=browser())
    except TooManyTries:
        return render("public/sign_in/form.html", SignInPage(kind, typed, target, {first: TOO_LONG[kind]}), status=429)
    if signed_in is None:
        return invalid("public/sign_in/form.html", SignInPage(kind, typed, target, {first: WRONG[kind]}))
    return go_on(signed_in, target)


def _second(waiting, errors: dict[str, str] | None = None, status: int = 200) -> Response:
    kinds = {factor.kind for factor in second_factor.factors_of(waiting.account)}
    site = passkeys.Site.of(current_app.extensions["settings"])
    options = ""
    if site and second_factor.FactorKind.PASSKEY in kinds:
        options = passkeys.request_options(waiting.account, waiting, site, secret_key())
    # Recovery codes are typed into the same field, so there is always one.
    page = SecondPage(second_factor.FactorKind.TOTP in kinds, options, errors or {})
    return render("public/sign_in/second.html", page, status=status)
