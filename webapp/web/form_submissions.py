"""One click, one act: the same form sent twice is carried out once, and both get the same answer.

A doubled click, a browser that sends again on a bad line, a reload of an answer: all carry the token of one page. What
was refused (4xx) or failed (5xx) did nothing and may be sent again.
"""

import json
import logging
import time
from collections.abc import Iterator

from flask import Flask, Response, abort, g, request, session
from peewee import PeeweeException

from webapp.domain.accounts import form_submissions
from webapp.domain.core import secret_box
from webapp.web import csrf
from webapp.web.clock import now
from webapp.web.secret import secret_key

_PURPOSE = "form-answer"
# A larger answer is no form's: its form acts again.
_LARGEST = 64 * 1024
# How long a second sending waits for the first, in seconds.
_PATIENCE = 10.0
_PAUSE = 0.1
_HEADERS = ("Location", "HX-Redirect", "HX-Refresh", "Vary")

logger = logging.getLogger(__name__)


def first_answer() -> Response | None:
    """Return what the first sending of this form was answered; None if this is the first. 503 if that takes long."""
    digest = form_submissions.digest_of(_parts())
    end = time.monotonic() + _PATIENCE
    while (begun := form_submissions.begin(digest, now())) is None:
        if time.monotonic() > end:
            abort(503)  # try again later: the page still has the form
        time.sleep(_PAUSE)
    if not isinstance(begun, str):
        g.form_submission, g.session_before = begun, _lasting()
        return None
    kept = json.loads(secret_box.unseal(secret_key(), _PURPOSE, begun))
    if kept["notices"]:
        session["_flashes"] = [tuple(notice) for notice in kept["notices"]]
    g.style_inlined = kept["style"]
    logger.info("form sent twice", extra={"route": request.endpoint})
    return Response(kept["body"], kept["status"], headers=kept["headers"], content_type=kept["type"])


def _parts() -> Iterator[str]:
    """Give what makes a sending this one: the page's token, the address, the fields, the files by name and size."""
    yield request.form.get(csrf.FIELD) or request.headers.get("X-CSRFToken", "")
    yield request.full_path
    yield request.headers.get("HX-Request", "")
    for field, values in request.form.lists():
        yield from (field, *values)
    for field, files in request.files.lists():
        for file in files:
            size = file.stream.seek(0, 2)
            file.stream.seek(0)
            yield from (field, file.filename or "", str(size))


def keep_answer(response: Response) -> Response:
    """Keep the answer to a first sending for the second; a refusal or a failure is forgotten."""
    begun = g.pop("form_submission", None)
    if begun is None:
        return response
    try:
        if kept := _content(response):
            form_submissions.finish(begun, secret_box.seal(secret_key(), _PURPOSE, kept))
        else:
            form_submissions.forget(begun)
    except PeeweeException:  # the act is done, or has failed with this answer; only a second sending is not known
        logger.warning("answer not kept", extra={"route": request.endpoint})
    return response


def _lasting() -> dict:
    return {name: value for name, value in session.items() if name != "_flashes"}


def _content(response: Response) -> str | None:
    # Who signs in or chooses a language needs the cookie of the answer that they get: both sendings act.
    if "Set-Cookie" in response.headers or _lasting() != g.session_before:
        return None
    shown = response.mimetype == "text/html" and not response.is_streamed and not response.direct_passthrough
    if response.status_code >= 400 or not shown:
        return None
    body = response.get_data(as_text=True)
    if len(body) > _LARGEST:
        return None
    headers = {name: response.headers[name] for name in _HEADERS if name in response.headers}
    content = {"status": response.status_code, "headers": headers, "type": response.content_type, "body": body}
    # The policy of a page names the style that stands in it.
    return json.dumps(content | {"notices": session.get("_flashes", []), "style": g.get("style_inlined", False)})


def init_app(app: Flask) -> None:
    """Keep answers before they are compressed: handlers that were registered last run first."""
    app.after_request(keep_answer)
