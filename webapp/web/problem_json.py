"""Errors for programs: application/problem+json (RFC 9457), never a page and never a redirect."""

import json
from http import HTTPStatus

from flask import Response, g, request
from pydantic import BaseModel

from webapp.domain.intake.api_answers import ItemAnswer, ItemFinding
from webapp.web.language import say

TYPE = "application/problem+json"


class ProblemAnswer(BaseModel):
    """What went wrong (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str
    request_id: str
    errors: list[ItemFinding] = []
    results: list[ItemAnswer] = []


def is_api() -> bool:
    """Return whether the request at hand is a program's."""
    return request.path.startswith("/api/")


def as_bytes(value: object) -> bytes:
    """Return a model or plain values as JSON text.

    Half a surrogate pair, which JSON can spell and UTF-8 cannot, stays escaped.
    """
    if isinstance(value, BaseModel):
        value = value.model_dump(exclude_unset=True)
    try:
        return json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:
        return json.dumps(value, separators=(",", ":")).encode()


def problem(status: int, detail: str, parameters: dict | None = None, **more: list) -> Response:
    """Return a problem: `detail` is a marked Japanese sentence, told in the language that the program accepts.

    `more` are `errors` and `results` of ProblemAnswer.
    """
    try:
        title = HTTPStatus(status).phrase
    except ValueError:
        title = "Error"
    # Not checked: a value of the body that is told may hold what pydantic takes for no text (half a surrogate pair).
    members = {"type": "about:blank", "title": title, "status": status, "detail": say(detail, parameters)}
    body = ProblemAnswer.model_construct(None, **members, **more, request_id=g.get("request_id", "-"))
    return Response(as_bytes(body), status, content_type=TYPE)
