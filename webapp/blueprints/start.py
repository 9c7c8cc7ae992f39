"""The first page and the choice of a language, both open to everybody."""

from dataclasses import dataclass

from flask import Blueprint, abort, request

from webapp.domain.language import LANGUAGES
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


def own_path(address: str) -> str:
    """Return a path of this site, or the first page for anything that might lead elsewhere."""
    plain = address.isascii() and address.isprintable() and not set(address) & set("\\?#")
    return address if plain and address.startswith("/") and not address.startswith("//") else "/"
