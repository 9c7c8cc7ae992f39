"""Flask-Login: which account stands behind a session cookie.

The cookie holds the token of a row in the table of sessions, so that ending the row ends the session at once, here and
on every other machine.
"""

from flask import Flask, Response, after_this_request, current_app, request, session, url_for
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from db.database import transaction
from db.models import SignInSession
from webapp.domain.accounts import accounts, lost_factor, second_factor
from webapp.domain.accounts.accounts import AccountKind, SignInStage
from webapp.domain.accounts.known_browsers import LIFETIME, MOST, Browser
from webapp.domain.postcard.cancelling import CancelReason, cancel_for
from webapp.web.clock import now
from webapp.web.guards import own_path
from webapp.web.rendering import see_other
from webapp.web.secret import secret_key

login_manager = LoginManager()

# Where somebody arrives who asked for no page in particular, as far as the page exists.
FIRST_PAGES = {
    AccountKind.OPERATOR: "/ops",
    AccountKind.BUSINESS_USER: "/business/technicians",
    AccountKind.TECHNICIAN: "/me",
}


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

    @property
    def must_set_up(self) -> bool:
        """Whether a second factor has to be set up before anything else."""
        return second_factor.must_have(self.account) and not self.account.second_factor


@login_manager.user_loader
def load(token: str) -> Visitor | None:
    """Return the visitor behind a session's token, or None when the session has ended."""
    # Our pages say so when they ask by themselves; who says it falsely ends only their own session sooner.
    row = accounts.session_of(token, now(), used="Poll" not in request.headers)
    return Visitor(row, token) if row else None


def go_on(signed_in: accounts.SignedIn, target: str) -> Response:
    """Answer a right password, link or code: to the page that was asked for, or first to the second factor."""
    target = own_path(target)
    if signed_in.stage == SignInStage.SECOND_FACTOR:
        if lost_factor.take(signed_in.account, now()):
            signed_in = accounts.complete(accounts.session_of(signed_in.token, now(), SignInStage.SECOND_FACTOR), now())
        else:
            kept = session.get("kept")
            session.clear()
            session.update(half=signed_in.token, next=target, **({"kept": kept} if kept else {}))
            return see_other(url_for("sign_in.second"))
    begin(signed_in)
    if current_user.must_set_up:
        return see_other(url_for("second_factor.show"))
    return see_other(target if target != "/" else first_page(current_user.kind))


def half() -> SignInSession | None:
    """Return the session that waits for its second factor in this browser."""
    return accounts.session_of(session.get("half", ""), now(), SignInStage.SECOND_FACTOR)


def first_page(kind: AccountKind) -> str:
    """Return where somebody of this kind begins."""
    path = FIRST_PAGES[kind]
    return path if any(rule.rule == path for rule in current_app.url_map.iter_rules()) else "/"


def begin(signed_in: accounts.SignedIn) -> None:
    """Let the browser hold a new session: nothing of the old one goes over, neither its id nor its CSRF token.

    Only the token of a kept form does; it opens for its own account alone. A technician who is here needs no postcard.
    """
    row = accounts.session_of(signed_in.token, now())
    if row.account.kind == AccountKind.TECHNICIAN:
        with transaction():
            cancel_for(row.account.technician_id, CancelReason.SIGNED_IN, now())
    remember_browser(browser().with_account(signed_in.account, now()))
    kept = session.get("kept")
    session.clear()
    if kept:
        session["kept"] = kept
    login_user(Visitor(row, signed_in.token))
    for needless in ("_id", "_fresh"):  # Flask-Login's own, which nobody asks for: they would go up with every click
        session.pop(needless, None)


def end() -> None:
    """End the session here and in the table."""
    if current_user.is_authenticated:
        accounts.close_session(current_user.get_id())
    logout_user()
    session.clear()


def browser() -> Browser:
    """Return what this browser has kept of earlier sign-ins; its cookie comes with the pages of signing in only."""
    kept = request.cookies.get(_known_cookie(), "")
    return Browser(secret_key(), tuple(kept.split(".")[:MOST]))


def remember_browser(tokens: tuple[str, ...]) -> None:
    """Let the browser keep these tokens, by a cookie of the answer at hand."""

    @after_this_request
    def keep(response: Response) -> Response:
        secure = current_app.config["SESSION_COOKIE_SECURE"]
        response.set_cookie(
            _known_cookie(),
            ".".join(tokens),
            max_age=LIFETIME,
            path="/sign-in",
            secure=secure,
            httponly=True,
            samesite="Lax",
        )
        return response


def _known_cookie() -> str:
    return "__Secure-known" if current_app.config["SESSION_COOKIE_SECURE"] else "known"


def where_from() -> dict[str, str]:
    """Return from where and by what a request comes, as sessions and limits note it."""
    return {"network_address": request.remote_addr or "", "user_agent": request.user_agent.string}


def init_app(app: Flask) -> None:
    """Let Flask-Login ask us; it sets no remember-me cookie and shows no page of its own."""
    login_manager.session_protection = None  # a phone changes its address all day
    # Its context processor would ask the table of sessions for every template, also for the page that says why a
    # request was refused before it had a connection. Who is signed in reaches a template with the frame.
    login_manager.init_app(app, add_context_processor=False)
