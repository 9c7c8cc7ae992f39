"""The ways to a registration's record: links that prove from where an operator comes, and the look that is written."""

from flask import Response, request, url_for

from db.models import Registration
from webapp.domain.disclosure import operator_views
from webapp.domain.disclosure.operator_views import Via, ViewOrigin
from webapp.web.access import looker, viewer
from webapp.web.clock import now
from webapp.web.rendering import see_other
from webapp.web.secret import secret_key


def record_address(registration_id: int, via: Via, of: int | None = None) -> str:
    """Return the address of a record with the proof that its reader came from this page; `of` is the row's id."""
    came_from = ViewOrigin(via, of)
    token = operator_views.token_of(came_from, viewer().account_id, registration_id, secret_key(), now())
    return url_for("ops_record.show", registration=registration_id, via=token)


def origin(registration: Registration) -> ViewOrigin | None:
    """Return from where the request at hand proves to come."""
    token = request.args.get("via", "")[:200]
    return operator_views.origin(token, viewer().account_id, registration.id, secret_key(), now())


def note_look(registration: Registration | None, via: Via, of: int | None = None) -> None:
    """Write a look at a registration's person, on a page whose work is the reason; without a registration, none."""
    if registration is None:
        return
    operator_views.note_look(looker(), registration, ViewOrigin(via, of), now())


def ask_at_record(registration: Registration) -> Response | None:
    """Write a look on a page that belongs to a record; who has not opened the record goes there, and is asked why."""
    if operator_views.note_look(looker(), registration, None, now()):
        return None
    return see_other(url_for("ops_record.show", registration=registration.id))
