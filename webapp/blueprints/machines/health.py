"""For the machines that watch: is the process alive, and which part of it is not ready."""

from flask import Blueprint, current_app

blueprint = Blueprint("health", __name__)


@blueprint.get("/healthz")
def alive():
    return {"status": "ok"}


@blueprint.get("/readyz")
def ready():
    """Answer 200 or 503 with the parts that are not ready; a check returns None or a word for what is wrong.

    What is wrong beside the pages, and would be wrong behind any other web process too, is named and answers 200:
    a load balancer must not close the pages because no worker runs.
    """
    wrong = _wrong("ready_checks")
    beside = {} if "database" in wrong else _wrong("beside_checks")
    status = "not ready" if wrong else "degraded" if beside else "ready"
    return {"status": status, "not_ready": wrong, "degraded": beside}, 503 if wrong else 200


def _wrong(checks: str) -> dict[str, str]:
    return {part: word for part, check in current_app.extensions[checks].items() if (word := check()) is not None}
