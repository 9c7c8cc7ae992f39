"""A guard for what would do much harm in a stranger's hands: who does it proves again who they are.

docs/sign-in.md names every action behind it; `asks_again` marks the views of those that are always asked.
"""

from collections.abc import Callable
from functools import partial, wraps

from flask import Response, request, url_for
from flask_login import current_user

from webapp.domain.accounts import accounts
from webapp.domain.disclosure import openings
from webapp.web import saved_forms
from webapp.web.clock import now
from webapp.web.rendering import see_other


def recent_authentication(view: Callable | None = None, *, back: str | None = None) -> Callable:
    """Let a view run only within 15 minutes of a proof of identity; else ask for one and come back.

    Put it below the route. A form that was sent comes back filled in afterwards, to be sent again, on the page where it
    stood or on the page `back`.
    """
    if view is None:
        return partial(recent_authentication, back=back)

    @wraps(view)
    def guarded(*args, **kwargs):
        if accounts.is_recent(current_user.session, now()):
            return view(*args, **kwargs)
        return _ask(back)

    vars(guarded)["asks_again"] = True
    return guarded


def ask_before_opening(people: int, back: str | None = None, *, only_looks: bool = False) -> Response | None:
    """Return the question who is there if it is due before so many people are opened to other businesses, or None.

    It is due when the session has opened more than `openings.MOST` since the last proof, these included. `only_looks`:
    the request shows what would be done, and counts nobody.
    """
    if accounts.is_recent(current_user.session, now()):
        return None
    allowed = openings.may_open if only_looks else openings.count
    return None if allowed(current_user.session, people, now()) else _ask(back)


def _ask(back: str | None) -> Response:
    page = saved_forms.keep(back) if request.method != "GET" else request.path
    return see_other(url_for("identity.form", next=page))
