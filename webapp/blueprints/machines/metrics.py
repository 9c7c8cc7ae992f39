"""Figures for Prometheus: always behind a token, never with anything personal."""

import hmac

from flask import Blueprint, Response, abort, current_app, request

from webapp.domain.monitoring import prometheus
from webapp.web.clock import now

blueprint = Blueprint("metrics", __name__)


@blueprint.get("/metrics")
def show():
    """Answer in Prometheus' text format; 404 unless a token is set and the request brings it."""
    token = current_app.extensions["settings"].metrics_token
    given = request.headers.get("Authorization", "")
    if not token or not hmac.compare_digest(given.encode(), f"Bearer {token}".encode()):
        abort(404)
    from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

    return Response(generate_latest(prometheus.registry(now())), content_type=CONTENT_TYPE_LATEST)
