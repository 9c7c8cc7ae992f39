"""The OpenAPI document of the API: what docs/api.md says, for programs."""

from functools import cache
from typing import Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from webapp.domain.intake.api_answers import ItemsAnswer, RegistrationAnswer
from webapp.domain.intake.api_rows import RegistrationIn
from webapp.web.problem_json import ProblemAnswer

_MODELS: tuple[tuple[type[BaseModel], Literal["validation", "serialization"]], ...] = (
    (RegistrationIn, "validation"),
    (ProblemAnswer, "serialization"),
    (ItemsAnswer, "serialization"),
    (RegistrationAnswer, "serialization"),
)


def _schemas() -> dict:
    """Return the schema of each model: bodies as they are read, answers as they are written."""
    _, found = models_json_schema(_MODELS, ref_template="#/components/schemas/{model}")
    return found["$defs"]


def _answers(good: dict, *statuses: int) -> dict:
    words = {
        400: "Not JSON, or a bad Idempotency-Key",
        401: "No key, or a revoked one",
        404: "No such registration",
        409: "A request with this Idempotency-Key is still at work",
        413: "The body is too large",
        422: "No item was accepted, or the Idempotency-Key was used for another body",
        429: "Too many requests in this minute, or too many without a good key; Retry-After says how long to wait",
        503: "The database is out of reach",
    }
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}}}
    return {"200": good} | {str(s): {"description": words[s], "content": problem} for s in statuses}


@cache
def document() -> dict:
    """Return the document; the same for everybody."""
    item = {"$ref": "#/components/schemas/RegistrationIn"}
    many = {"type": "array", "items": item, "minItems": 1, "maxItems": 1000}
    posted = {"$ref": "#/components/schemas/ItemsAnswer"}
    state = {"$ref": "#/components/schemas/RegistrationAnswer"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Todoke", "version": "1"},
        "security": [{"key": []}],
        "paths": {
            "/api/v1/registrations": {
                "post": {
                    "operationId": "register",
                    "summary": "Hand in one completed registration, or up to 1,000",
                    "parameters": [
                        {
                            "name": "Idempotency-Key",
                            "in": "header",
                            "required": False,
                            "description": "A repeat within 24 hours is answered as the first request was",
                            "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
                        }
                    ],
                    "requestBody": {
                        "required": True,
                        "content": {"application/json": {"schema": {"anyOf": [item, many]}}},
                    },
                    "responses": _answers(
                        {
                            "description": "At least one item is in; a result for each, in order",
                            "content": {"application/json": {"schema": posted}},
                        },
                        *(400, 401, 409, 413, 422, 429, 503),
                    ),
                }
            },
            "/api/v1/registrations/{application_number}": {
                "get": {
                    "operationId": "show",
                    "summary": "How far a registration's notices, postcard and card are",
                    "parameters": [
                        {
                            "name": "application_number",
                            "in": "path",
                            "required": True,
                            "schema": {"type": "string", "pattern": "^[A-Za-z0-9-]{1,64}$"},
                        }
                    ],
                    "responses": _answers(
                        {"description": "Found", "content": {"application/json": {"schema": state}}},
                        *(401, 404, 429, 503),
                    ),
                }
            },
        },
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": _schemas(),
        },
    }
