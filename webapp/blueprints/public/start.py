"""The first page and the choice of a language, both open to everybody."""

from dataclasses import dataclass

from flask import Blueprint, abort, request

from webapp.domain.core.language import LANGUAGES
from webapp.web.guards import own_path
from webapp.web.language import remember
from webapp.web.rendering import render, see_other

blueprint = Blueprint("start", __name__)


@dataclass(frozen=True)
class Start:
    """The first page says what the service does and where to sign in."""


@blueprint.get("/")
def index():
    return render("public/start/index.html", Start())


@blueprint.post("/language")
def language():
    choice = request.form.get("language")
    if choice not in LANGUAGES:
        abort(400)
    return remember(see_other(own_path(request.form.get("back", ""))), choice)
