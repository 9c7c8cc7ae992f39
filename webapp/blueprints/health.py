"""For the machines that watch: is the process alive, and which part of it is not ready."""

from flask import Blueprint, current_app

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive():
    return {"status": "ok"}


@blueprint.get("/readyz")
def ready():
    """Answer 200 or 503 with the parts that are not ready; a check returns None or a word for what is wrong."""
    checks = current_app.extensions["ready_checks"]
    wrong = {part: word for part, check in checks.items() if (word := check()) is not None}
    return {"status": "not ready" if wrong else "ready", "not_ready": wrong}, 503 if wrong else 200
