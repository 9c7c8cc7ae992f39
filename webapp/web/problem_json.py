"""Errors for programs: application/problem+json (RFC 9457), never a page and never a redirect."""

import json
from http import HTTPStatus

from flask import Response, g, request

from webapp.web.language import say

TYPE = "application/problem+json"


def is_api() -> bool:
    """Return whether the request at hand is a program's."""
    return request.path.startswith("/api/")


def as_bytes(value: object) -> bytes:
    """Return JSON text; half a surrogate pair, which JSON can spell and UTF-8 cannot, stays escaped."""
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def problem(status: int, detail: str, parameters: dict | None = None, **more: object) -> Response:
    """Return a problem: `detail` is a marked Japanese sentence, told in the language that the program accepts.

    `more` are extension members: `errors` is a list of {"pointer", "message"}, the pointer into the body (RFC 6901).
    """
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    body = {"type": "about:blank", "title": title, "status": status, "detail": say(detail, parameters), **more}
    body["request_id"] = g.get("request_id", "-")
    return Response(as_bytes(body), status, content_type=TYPE)
