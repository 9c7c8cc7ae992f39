"""A guard for what would do much harm in a stranger's hands: who does it proves again who they are."""

from collections.abc import Callable
from functools import partial, wraps

from flask import request, url_for
from flask_login import current_user

from webapp.domain.accounts import accounts
from webapp.web import saved_forms
from webapp.web.clock import now
from webapp.web.rendering import see_other


def recent_authentication(view: Callable | None = None, *, back: str | None = None) -> Callable:
    """Let a view run only within 15 minutes of a proof of identity; else ask for one and come back.

    Put it below the route: opening disclosure for all, changing an address, exporting, downloading print files. A form
    that was sent comes back filled in afterwards, to be sent again, on the page where it stood or on the page `back`.
    """
    if view is None:
        return partial(recent_authentication, back=back)

    @wraps(view)
    def guarded(*args, **kwargs):
        if accounts.is_recent(current_user.session, now()):
            return view(*args, **kwargs)
        page = saved_forms.keep(back) if request.method != "GET" else request.path
        return see_other(url_for("identity.form", next=page))

    return guarded
