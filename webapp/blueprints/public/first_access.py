"""The first access and the forgotten password: by link, by code, by asking for either."""

from dataclasses import dataclass, field

from flask import Blueprint, Response, request, url_for

from webapp.domain.accounts import access_requests, first_access, sign_in_links
from webapp.domain.accounts.limits import TooManyTries
from webapp.domain.accounts.passwords import PasswordError
from webapp.domain.core.language import N_
from webapp.web import session
from webapp.web.clock import now
from webapp.web.rendering import invalid, render, see_other
from webapp.web.secret import secret_key

blueprint = Blueprint("first_access", __name__)

TOO_MANY = N_("短い時間に多くの操作がありました。1時間ほど待ってから、もう一度お試しください。")
MISSING = N_("入力してください。")


@dataclass(frozen=True)
class CodePage:
    """A code that came on paper: to a technician or to a business."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LinkPage:
    """A link that came by mail. `whose`: technician, user (of a business), business (its first user), operator."""

    link: str
    whose: str
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AskPage:
    """Asking for a link or a postcard."""

    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/first-access")
def form():
    token = request.args.get("link", "")
    if not token:
        return render("public/first_access/code.html", CodePage())
    return _link_page(token)


@blueprint.post("/first-access/link")
def by_link():
    token = request.form.get("link", "")
    typed = _typed("proof", "user_name", "display_name")
    return _redeem(
        lambda: first_access.by_link(
            token,
            password=request.form.get("password", ""),
            secret=secret_key(),
            now=now(),
            **typed,
            **session.where_from(),
        ),
        lambda errors, status: _link_page(token, typed, errors, status),
    )


@blueprint.post("/first-access")
def by_code():
    typed = _typed("technician_id", "code", "birth_date")
    return _redeem(
        lambda: first_access.by_code(
            *typed.values(), request.form.get("password", ""), secret_key(), now(), **session.where_from()
        ),
        lambda errors, status: render("public/first_access/code.html", CodePage(typed, errors), status=status),
    )


@blueprint.get("/first-access/business")
def form_business():
    return render("public/first_access/letter.html", CodePage())


@blueprint.post("/first-access/business")
def by_letter():
    typed = _typed("business_id", "code", "user_name", "display_name")
    return _redeem(
        lambda: first_access.by_letter(
            *typed.values(), request.form.get("password", ""), secret_key(), now(), **session.where_from()
        ),
        lambda errors, status: render("public/first_access/letter.html", CodePage(typed, errors), status=status),
    )


@blueprint.get("/first-access/postcard")
def form_postcard():
    return render("public/first_access/postcard.html", AskPage())


@blueprint.post("/first-access/postcard")
def ask_postcard():
    return _ask("public/first_access/postcard.html", "postcard", "technician_id", "birth_date")


@blueprint.get("/forgotten")
def form_forgotten():
    return render("public/first_access/forgotten.html", AskPage())


@blueprint.post("/forgotten")
def ask_mail():
    return _ask("public/first_access/forgotten.html", "mail", "technician_id", "birth_date")


@blueprint.get("/forgotten/business")
def form_forgotten_business():
    return render("public/first_access/forgotten_business.html", AskPage())


@blueprint.post("/forgotten/business")
def ask_mail_business():
    return _ask("public/first_access/forgotten_business.html", "mail", "business_id", "user_name")


@blueprint.get("/forgotten/received")
def received():
    return render("public/first_access/received.html")


@blueprint.get("/first-access/postcard/received")
def postcard_received():
    return render("public/first_access/postcard_received.html")


def _link_page(token: str, typed=None, errors=None, status: int = 200) -> Response:
    link = sign_in_links.find(token, secret_key(), now())
    if link is None:
        return render("public/first_access/dead_link.html", status=410)
    owner = "technician" if link.technician_id else "business" if link.business_id else "user"
    if link.account_id and link.account.business_id is None:
        owner = "operator"
    return render("public/first_access/link.html", LinkPage(token, owner, typed or {}, errors or {}), status=status)


def _redeem(redeem, again) -> Response:
    try:
        signed_in = redeem()
    except TooManyTries:
        return again({"password": TOO_MANY}, 429)
    except PasswordError as error:
        return again({"password": error.sentence}, 422)
    except first_access.Refused as error:
        return again({error.field: error.sentence}, 422)
    return session.go_on(signed_in, "/")


def _ask(template: str, way: str, *names: str) -> Response:
    """Take a request down: the same answer, whoever is meant and whether there is such a person."""
    typed = _typed(*names)
    errors = {name: MISSING for name, value in typed.items() if not value}
    if errors:
        return invalid(template, AskPage(typed, errors))
    try:
        access_requests.ask({"way": way} | typed, secret_key(), now(), request.remote_addr or "")
    except TooManyTries:
        return render(template, AskPage(typed, {names[0]: TOO_MANY}), status=429)
    answer = "first_access.postcard_received" if way == "postcard" else "first_access.received"
    return see_other(url_for(answer))


def _typed(*names: str) -> dict[str, str]:
    return {name: request.form.get(name, "").strip()[:100] for name in names}
