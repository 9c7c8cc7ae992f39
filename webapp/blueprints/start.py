"""The first page and the choice of a language, both open to everybody."""

from dataclasses import dataclass

from flask import Blueprint, abort, request

from webapp.domain.language import LANGUAGES
from webapp.guards import own_path
from webapp.language import remember
from webapp.rendering import render, see_other

blueprint = Blueprint("start", __name__)


@dataclass(frozen=True)
class Start:
    """The first page says what the service does and where to sign in."""


@blueprint.get("/")
def index():
    return render("start/index.html", Start())


@blueprint.post("/language")
def language():
    choice = request.form.get("language")
    if choice not in LANGUAGES:
        abort(400)
    return remember(see_other(own_path(request.form.get("back", ""))), choice)
