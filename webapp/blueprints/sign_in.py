"""Signing in and out."""

from dataclasses import dataclass, field

from flask import Blueprint, request, url_for
from flask_login import current_user

from webapp import sign_in
from webapp.clock import now
from webapp.domain import accounts
from webapp.domain.language import N_
from webapp.guards import own_path
from webapp.rendering import invalid, render, see_other

blueprint = Blueprint("sign_in", __name__)


@dataclass(frozen=True)
class SignInPage:
    """The form: what was typed (never the password), where it leads, what was wrong with it."""

    name: str = ""
    next: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/sign-in")
def form():
    if current_user.is_authenticated:
        return see_other(own_path(request.args.get("next", "")))
    return render("sign_in/form.html", SignInPage(next=own_path(request.args.get("next", ""))))


@blueprint.post("/sign-in")
def submit():
    name, target = request.form.get("name", "").strip(), own_path(request.form.get("next", ""))
    key = accounts.login_key(accounts.AccountKind.OPERATOR, name)
    try:
        signed_in = accounts.sign_in(
            key, request.form.get("password", ""), now(), request.remote_addr or "", request.user_agent.string
        )
    except accounts.TooManyTries:
        wrong = {
            "name": N_("失敗が続いたため、一時的に受付を止めています。15分ほど待ってから、もう一度お試しください。")
        }
        return render("sign_in/form.html", SignInPage(name, target, wrong), status=429)
    if signed_in is None:
        wrong = {"name": N_("利用者名またはパスワードが違います。入力し直してください。")}
        return invalid("sign_in/form.html", SignInPage(name, target, wrong))
    sign_in.begin(signed_in)
    return see_other(target)


@blueprint.post("/sign-out")
def out():
    sign_in.end()
    return see_other(url_for("sign_in.form"))
