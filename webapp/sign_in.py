"""Flask-Login: which account stands behind a session cookie.

The cookie holds the token of a row in the table of sessions, so that ending the row ends the session at once, here and
on every other machine.
"""

from flask import Flask, session
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from db.models import SignInSession
from webapp.clock import now
from webapp.domain import accounts

login_manager = LoginManager()


class Visitor(UserMixin):
    """Who is signed in, as pages and rules may ask: `kind`, `role`, `display_name`, `account`, `session`."""

    def __init__(self, row: SignInSession, token: str):
        self.session = row
        self.account = row.account
        self.kind = accounts.AccountKind(row.account.kind)
        self.role = row.account.role
        self.display_name = row.account.display_name
        self._token = token

    def get_id(self) -> str:
        return self._token


@login_manager.user_loader
def load(token: str) -> Visitor | None:
    """Return the visitor behind a session's token, or None when the session has ended."""
    row = accounts.session_of(token, now())
    return Visitor(row, token) if row else None


def begin(signed_in: accounts.SignedIn) -> None:
    """Let the browser hold a new session: nothing of the old one goes over, neither its id nor its CSRF token."""
    row = accounts.session_of(signed_in.token, now())
    session.clear()
    login_user(Visitor(row, signed_in.token))


def end() -> None:
    """End the session here and in the table."""
    if current_user.is_authenticated:
        accounts.close_session(current_user.get_id())
    logout_user()
    session.clear()


def init_app(app: Flask) -> None:
    """Let Flask-Login ask us; it sets no remember-me cookie and shows no page of its own."""
    login_manager.session_protection = None  # a phone changes its address all day
    login_manager.init_app(app)
