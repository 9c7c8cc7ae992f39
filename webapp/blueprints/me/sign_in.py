"""One's own sign-in: where one is signed in, and the password."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_babel import gettext
from flask_login import current_user

from webapp.domain.accounts import accounts
from webapp.domain.accounts.limits import TooManyTries
from webapp.domain.accounts.password_change import change_password
from webapp.domain.accounts.passwords import PasswordError
from webapp.domain.core.language import N_
from webapp.web.clock import now
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import invalid, render, see_other
from webapp.web.secret import secret_key
from webapp.web.session import browser, remember_browser

blueprint = Blueprint("me_sign_in", __name__)

WRONG_PASSWORD = N_("いまのパスワードが違います。入力し直してください。")
TOO_MANY = N_("失敗が続いたため、一時的に受付を止めています。15分ほど待ってから、もう一度お試しください。")


@dataclass(frozen=True)
class Session:
    """A browser in which somebody is signed in."""

    id: int
    here: bool
    began_at: dt.datetime
    seen_at: dt.datetime
    network_address: str
    user_agent: str


@dataclass(frozen=True)
class SessionsPage:
    """All of them, the one used last first."""

    sessions: list[Session]
    second_factor: bool
    password_at: dt.datetime | None  # when it was set: who has no mail sees here that it was not they
    tries_used_up_at: dt.datetime | None  # as above: somebody has tried passwords or codes


@dataclass(frozen=True)
class PasswordPage:
    """Changing the password; `name` is for the browser's password list."""

    name: str
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/me/sessions")
def sessions():
    account, session_id = current_user.account, current_user.session.id
    rows = [
        Session(row.id, row.id == session_id, row.created_at, row.seen_at, row.network_address, row.user_agent)
        for row in accounts.sessions_of(account, now())
    ]
    page = SessionsPage(rows, account.second_factor, account.password_changed_at, account.tries_used_up_at)
    return render("me/sign_in/sessions.html", page)


@blueprint.post("/me/sessions/<oid:session>/end")
def end(session: int):
    if session == current_user.session.id or not accounts.end_session(current_user.account, session):
        abort(404)
    flash(gettext("選んだ端末をサインアウトしました。"), "good")
    return see_other(url_for("me_sign_in.sessions"))


@blueprint.post("/me/sessions/end-others")
def end_others():
    accounts.end_sessions(current_user.account, but=current_user.session.id)
    flash(gettext("ほかの端末をすべてサインアウトしました。"), "good")
    return see_other(url_for("me_sign_in.sessions"))


@blueprint.get("/me/password")
@recent_authentication
def password():
    return render("me/sign_in/password.html", PasswordPage(_name()))


@blueprint.post("/me/password")
@recent_authentication
def password_submit() -> Response:
    account, template = current_user.account, "me/sign_in/password.html"
    secret = secret_key()
    try:
        if not accounts.prove_password(current_user.session, request.form.get("old_password", ""), secret, now()):
            return invalid(template, PasswordPage(_name(), {"old_password": WRONG_PASSWORD}))
        change_password(account, request.form.get("password", ""), now(), but=current_user.session.id)
        remember_browser(browser().with_account(account, now()))  # what it kept is dead with the old password
    except TooManyTries:
        return render(template, PasswordPage(_name(), {"old_password": TOO_MANY}), status=429)
    except PasswordError as error:
        return invalid(template, PasswordPage(_name(), {"password": error.sentence}))
    flash(gettext("パスワードを変更しました。ほかの端末はサインアウトしました。"), "good")
    return see_other(url_for("me_sign_in.sessions"))


def _name() -> str:
    return current_user.account.login_key.rpartition(":")[2]
