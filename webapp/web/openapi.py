"""The OpenAPI document of the API: what docs/api.md says, for programs."""

from functools import cache

from webapp.domain.intake.api_rows import RegistrationIn

_PROBLEM = {
    "type": "object",
    "required": ["type", "title", "status", "detail", "request_id"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "request_id": {"type": "string"},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Said"}},
        "results": {"type": "array", "items": {"$ref": "#/components/schemas/Result"}},
    },
}
_SAID = {
    "type": "object",
    "required": ["pointer", "message"],
    "properties": {"pointer": {"type": "string", "format": "json-pointer"}, "message": {"type": "string"}},
}
_RESULT = {
    "type": "object",
    "required": ["status", "application_number", "registration", "technician_id", "errors", "warnings"],
    "properties": {
        "status": {"enum": ["accepted", "updated", "unchanged", "rejected"]},
        "application_number": {"type": "string"},
        "registration": {"type": ["string", "null"]},
        "technician_id": {"type": ["string", "null"]},
        "errors": {"type": "array", "items": {"$ref": "#/components/schemas/Said"}},
        "warnings": {"type": "array", "items": {"$ref": "#/components/schemas/Said"}},
    },
}


def _list_of(properties: dict) -> dict:
    return {"type": "array", "items": {"type": "object", "properties": properties, "required": list(properties)}}


_STATE = {
    "type": "object",
    "required": [
        "registration",
        "application_number",
        "technician_id",
        "completed_at",
        "notices",
        "postcards",
        "cards",
    ],
    "properties": {
        "registration": {"type": "string"},
        "application_number": {"type": "string"},
        "technician_id": {"type": "string"},
        "completed_at": {"type": "string", "format": "date-time"},
        "first": {"type": "boolean"},
        "notices": _list_of(
            {"role": {"type": "string"}, "state": {"type": "string"}, "reason": {"type": ["string", "null"]}}
        ),
        "postcards": _list_of({"state": {"type": "string"}, "cause": {"type": "string"}}),
        "cards": _list_of({"state": {"type": "string"}}),
    },
}


def _answers(good: dict, *statuses: int) -> dict:
    words = {
        400: "Not JSON, or a bad Idempotency-Key",
        401: "No key, or a revoked one",
        404: "No such registration",
        409: "A request with this Idempotency-Key is still at work",
        413: "The body is too large",
        422: "No item was accepted, or the Idempotency-Key was used for another body",
        429: "Too many requests in this minute; Retry-After says how long to wait",
        503: "The database is out of reach",
    }
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {"200": good} | {str(s): {"description": words[s], "content": problem} for s in statuses}


@cache
def document() -> dict:
    """Return the document; the same for everybody."""
    item = {"$ref": "#/components/schemas/Registration"}
    many = {"type": "array", "items": item, "minItems": 1, "maxItems": 1000}
    results = {"type": "array", "items": {"$ref": "#/components/schemas/Result"}}
    posted = {"type": "object", "required": ["results"], "properties": {"results": results}}
    state = {"$ref": "#/components/schemas/State"}
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
            "schemas": {
                "Registration": RegistrationIn.model_json_schema(),
                "Problem": _PROBLEM,
                "Said": _SAID,
                "Result": _RESULT,
                "State": _STATE,
            },
        },
    }
