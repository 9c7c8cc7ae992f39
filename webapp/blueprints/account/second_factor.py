"""One's own second factors: an app, passkeys, recovery codes, and stopping a way back that one did not ask for."""

import datetime as dt
from dataclasses import dataclass, field

import segno
from flask import Blueprint, Response, abort, current_app, flash, request, session, url_for
from flask_babel import gettext
from flask_login import current_user

from webapp.domain.accounts import lost_factor, passkeys, second_factor
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.accounts.second_factor import FactorKind
from webapp.domain.core.errors import NotAllowed
from webapp.domain.core.language import N_
from webapp.web.clock import now
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import render, see_other
from webapp.web.secret import secret_key

blueprint = Blueprint("second_factor", __name__)

# In the browser's session: the sealed secret of an app that is being set up.
SETTING_UP = "setting_up"
WRONG_CODE = N_("確認コードが違います。アプリに表示されている6桁の数字を入力してください。")
WRONG_PASSKEY = N_("パスキーを登録できませんでした。もう一度お試しください。")


@dataclass(frozen=True)
class Factor:
    """A factor in the list."""

    id: int
    kind: FactorKind
    name: str
    created_at: dt.datetime
    last_used_at: dt.datetime | None


@dataclass(frozen=True)
class FactorsPage:
    """What somebody has, and what they may add; `must`: an administrator cannot go on without."""

    factors: list[Factor]
    codes_left: int
    must: bool
    passkeys: bool
    lost: bool
    lost_until: dt.datetime | None  # none: it waits for a second administrator
    refused: bool = False


@dataclass(frozen=True)
class AppPage:
    """Setting up an app: a picture to scan, or the secret to type."""

    picture: str
    secret: str
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class PasskeyPage:
    """Setting up a passkey; `options` is what the browser needs."""

    options: str
    name: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CodesPage:
    """Ten recovery codes, shown this once."""

    codes: list[str]


@blueprint.get("/me/second-factor")
def show():
    return _show()


@blueprint.get("/me/second-factor/app")
@recent_authentication
def app_form():
    return _app_form()


@blueprint.post("/me/second-factor/app")
@recent_authentication
def app_submit():
    kept, code = session.get(SETTING_UP, ""), request.form.get("code", "")
    codes = second_factor.confirm_totp(current_user.account, kept, code, secret_key(), now())
    if codes is not None:
        session.pop(SETTING_UP, None)
    return _app_form({"code": WRONG_CODE}, 422) if codes is None else _done(codes)


@blueprint.get("/me/second-factor/passkey")
@recent_authentication
def passkey_form():
    return _passkey_form()


@blueprint.post("/me/second-factor/passkey")
@recent_authentication
def passkey_submit():
    name = request.form.get("name", "")
    answer = request.form.get("credential", "")
    codes = passkeys.register(current_user.account, current_user.session, answer, name, _site(), secret_key(), now())
    return _passkey_form(name, {"passkey": WRONG_PASSKEY}, 422) if codes is None else _done(codes)


@blueprint.post("/me/second-factor/codes")
@recent_authentication
def new_codes():
    if not current_user.account.second_factor:
        abort(404)
    return _done(second_factor.new_recovery_codes(current_user.account, secret_key(), now()))


@blueprint.post("/me/second-factor/<oid:factor>/remove")
@recent_authentication
def remove(factor: int):
    try:
        if not second_factor.remove(current_user.account, factor, now()):
            abort(404)
    except NotAllowed:
        return _show(refused=True, status=422)
    flash(gettext("2段階認証の方法を1つ削除しました。"), "good")
    return see_other(url_for("second_factor.show"))


@blueprint.post("/me/second-factor/keep")
def stop_lost():
    if lost_factor.stop(current_user.account, current_user.account, now()):
        flash(gettext("2段階認証の解除を止めました。パスワードを変更することをおすすめします。"), "good")
    return see_other(url_for("second_factor.show"))


def _show(refused: bool = False, status: int = 200) -> Response:
    account = current_user.account
    factors = [
        Factor(row.id, FactorKind(row.kind), row.name, row.created_at, row.last_used_at)
        for row in second_factor.factors_of(account)
    ]
    lost = lost_factor.current(account)
    page = FactorsPage(
        factors,
        second_factor.codes_left(account),
        second_factor.must_have(account),
        account.kind == AccountKind.OPERATOR and passkeys.Site.of(current_app.extensions["settings"]) is not None,
        lost is not None,
        lost.effective_at if lost else None,
        refused,
    )
    return render("account/second_factor/show.html", page, status=status)


def _app_form(errors: dict[str, str] | None = None, status: int = 200) -> Response:
    settings = current_app.extensions["settings"]
    kept = session.get(SETTING_UP, "")
    enrolment = second_factor.begin_totp(current_user.account, secret_key(), settings.service_name, kept)
    session[SETTING_UP] = enrolment.sealed
    picture = segno.make(enrolment.address, error="m").png_data_uri(scale=5, border=4)
    return render("account/second_factor/app.html", AppPage(picture, enrolment.secret, errors or {}), status=status)


def _passkey_form(name: str = "", errors: dict[str, str] | None = None, status: int = 200) -> Response:
    options = passkeys.registration_options(current_user.account, current_user.session, _site(), secret_key())
    return render("account/second_factor/passkey.html", PasskeyPage(options, name, errors or {}), status=status)


def _done(codes: list[str]) -> Response:
    if codes:
        return render("account/second_factor/codes.html", CodesPage(codes))
    flash(gettext("2段階認証の方法を登録しました。"), "good")
    return see_other(url_for("second_factor.show"))


def _site() -> passkeys.Site:
    site = passkeys.Site.of(current_app.extensions["settings"])
    if site is None or current_user.kind != AccountKind.OPERATOR:
        abort(404)
    return site
