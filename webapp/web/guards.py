"""The guards every request passes, in this order and in no other file:

1. size: a body that is larger than its route takes is refused before it is read (413)
2. request id: each answer and each log line about it carry the same one
3. whole: a body that broke off (400), or does not say how long it is (411), is not carried out
4. route: an unknown address answers 404, a wrong method 405, before anything is looked up
5. cross-site: an unsafe method from another site's page is refused (400)
6. CSRF: an unsafe method carries the session's masked token (400), except where an API key takes its place
7. rate: what one address may ask of this process in a minute (429); limits that protect accounts are tables
8. connection: from here on the database may be asked (503)
9. access: who is signed in, against the one table of routes; no entry means no (303 to sign-in, 404 or 403)
10. once: a form that was sent before from the same page gets the answer of the first sending
11. the view, which fetches its objects through `webapp.web.access`: what is not the viewer's does not exist (404)
"""

import logging
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from flask import Flask, Response, abort, current_app, flash, g, request, session, url_for
from flask_babel import gettext
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address
from flask_login import current_user
from flask_wtf.csrf import CSRFError

from webapp import log
from webapp.domain.core.language import N_
from webapp.web import csrf, database, form_submissions, saved_forms
from webapp.web.rendering import see_other, wants_partial
from webapp.web.rsgi import BODY_FAULT
from webapp.web.security import bound_body


@dataclass(frozen=True)
class Rule:
    """Who may use a route; `allows` and `knows` get the signed-in user."""

    name: str
    allows: Callable[[Any], bool]
    # Somebody who may know that the page exists is told 403; to everybody else it does not exist.
    knows: Callable[[Any], bool] = lambda user: False
    signed_in: bool = True
    # An API key is no cookie: a foreign page cannot send it, so no CSRF token is asked for.
    by_key: bool = False
    # An administrator without a second factor sets one up first; only these routes are open until then.
    before_set_up: bool = False


ANYONE = Rule("anyone", allows=lambda user: True, signed_in=False)
SIGNED_IN = Rule("signed in", allows=lambda user: True)
SET_UP = Rule("signed in, set up or not", allows=lambda user: True, before_set_up=True)
API_KEY = Rule("API key", allows=lambda user: True, signed_in=False, by_key=True)
NO_ROUTE = Rule("no route", allows=lambda user: False, signed_in=False, by_key=True)

# Generous: a whole site office may stand behind one address. Dearer routes have their own limits beside them.
PAGES_A_MINUTE = "600 per minute"

# Where people of a part of the site sign in; everybody else begins as a technician.
WAYS = {"ops": "sign_in.form_operators", "business": "sign_in.form_business", "look-up": "sign_in.form_business"}

logger = logging.getLogger(__name__)
limiter = Limiter(get_remote_address, default_limits=[PAGES_A_MINUTE], storage_uri="memory://")


class UnlistedRoute(RuntimeError):
    """A route without an entry in the access table, or an entry without a route."""


def give_request_id() -> None:
    """Name this request; what a proxy or a visitor sent is not believed."""
    g.request_id = secrets.token_hex(8)
    log.begin()


def refuse_part_of_a_body() -> None:
    """Refuse a request whose body did not arrive whole, as far as the server could tell."""
    if fault := request.environ.get(BODY_FAULT):
        logger.warning("body refused", extra={"route": request.endpoint, "fault": fault.name.lower()})
        abort(fault)


def refuse_cross_site() -> None:
    """Refuse an unsafe method that a browser says another site's page has caused."""
    if request.method in csrf.SAFE_METHODS or rule().by_key:
        return
    if request.headers.get("Sec-Fetch-Site", "none") not in ("same-origin", "none"):
        abort(400)
    origin = request.headers.get("Origin")
    if origin is not None and origin != request.host_url.rstrip("/"):
        abort(400)


def check_csrf() -> Response | None:
    """Ask an unsafe method for the token.

    A form that was opened before its sender signed out and in again has the token of the session before. It is not
    carried out, but what was typed stands in the page again; only where the browser says that the page was ours: a
    foreign one could fill in our forms this way.
    """
    if rule().by_key:
        return None
    try:
        csrf.protect.protect()
    except CSRFError:
        if is_from_our_page() and "_user_id" in session:
            database.connect()
            if current_user.is_authenticated and (page := saved_forms.keep()) and "kept" in session:
                return see_other(page)
        raise
    return None


def is_from_our_page() -> bool:
    """Return whether the browser says that a page of ours sent this; a browser that says nothing is not enough."""
    own_origin = request.headers.get("Origin") == request.host_url.rstrip("/")
    return request.headers.get("Sec-Fetch-Site") == "same-origin" or own_origin


def ask_access_table() -> Response | None:
    """Let in whom the table names; send others to sign in, or tell them nothing."""
    asked = rule()
    if not asked.signed_in:
        return None
    if not current_user.is_authenticated:
        return to_sign_in()
    if current_user.must_set_up and not asked.before_set_up:
        return see_other(url_for("second_factor.show"))
    if asked.allows(current_user):
        saved_forms.restore()
        return None
    abort(403 if asked.knows(current_user) else 404)


def answer_second_sending() -> Response | None:
    """Carry out a form once, however often it is sent; an API has its own key for that."""
    if request.method in csrf.SAFE_METHODS or rule().by_key:
        return None
    return form_submissions.first_answer()


SESSION_ENDED = N_("サインアウトされています。もう一度サインインしてください。")
FORM_KEPT = N_("サインアウトされています。入力した内容は、サインインすると元に戻ります。")


def to_sign_in() -> Response:
    """Send somebody who is not signed in to their sign-in page, and back afterwards; a form is kept meanwhile."""
    back = request.path if request.method == "GET" and not wants_partial() else None
    if request.method == "POST":
        back = saved_forms.keep()
    if "_user_id" in session:  # somebody who was signed in, and is to know why they are asked again
        flash(gettext(FORM_KEPT if request.method == "POST" and "kept" in session else SESSION_ENDED), "warn")
    way = WAYS.get(request.path.split("/")[1], "sign_in.form")
    return see_other(url_for(way, next=back))


def own_path(address: str) -> str:
    """Return a path of this site, or the first page for anything that might lead elsewhere."""
    plain = address.isascii() and address.isprintable() and not set(address) & set("\\?#")
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"


# Flask-Limiter puts its own check where it is initialised.
GUARDS = (
    bound_body,
    give_request_id,
    refuse_part_of_a_body,
    refuse_cross_site,
    check_csrf,
    limiter.init_app,
    database.connect,
    ask_access_table,
    answer_second_sending,
)


def rule() -> Rule:
    """Return the rule of the route at hand; without a route Flask answers 404 or 405 after the guards."""
    if request.endpoint is None or request.routing_exception is not None:
        return NO_ROUTE
    return current_app.extensions["access_table"][request.endpoint]


def check_table(app: Flask, table: Mapping[str, Rule]) -> None:
    """Fail the start when a route has no entry or an entry no route: UnlistedRoute names them."""
    routes = {rule.endpoint for rule in app.url_map.iter_rules()}
    if unlisted := sorted(routes - table.keys()):
        raise UnlistedRoute(f"routes without an entry in the access table: {', '.join(unlisted)}")
    if vanished := sorted(table.keys() - routes):
        raise UnlistedRoute(f"entries of the access table without a route: {', '.join(vanished)}")


def init_app(app: Flask, table: Mapping[str, Rule]) -> None:
    """Put the guards before every view; call it after all blueprints are registered."""
    check_table(app, table)
    app.extensions["access_table"] = dict(table)
    app.config.setdefault("RATELIMIT_ENABLED", not app.testing)
    for guard in GUARDS:
        if guard == limiter.init_app:
            limiter.init_app(app)
        else:
            app.before_request(guard)
