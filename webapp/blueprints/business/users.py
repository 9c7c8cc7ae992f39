"""A business's own users: its administrator invites them, gives them roles, disables them."""

from dataclasses import dataclass, field

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_babel import gettext
from flask_login import current_user

from db.models import Account
from webapp.domain.accounts import business_users, first_access
from webapp.domain.accounts.accounts import BusinessRole
from webapp.domain.accounts.business_users import NotPossible, User
from webapp.domain.core.language import N_
from webapp.web.clock import now
from webapp.web.recent_authentication import recent_authentication
from webapp.web.rendering import render, see_other

blueprint = Blueprint("business_users", __name__)

ROLES = {BusinessRole.ADMINISTRATOR: N_("管理者"), BusinessRole.VIEWER: N_("閲覧者")}


@dataclass(frozen=True)
class UsersPage:
    """The users, and the form that invites one more; `me` is whose own row has no buttons."""

    users: list[User]
    me: int
    roles: dict[BusinessRole, str]
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/business/users")
def index():
    return _page()


@blueprint.post("/business/users")
@recent_authentication
def invite():
    typed = {n: request.form.get(n, "").strip()[:254] for n in ("user_name", "display_name", "email", "role")}
    role = _role(typed["role"])
    try:
        business_users.invite(
            current_user.account, typed["user_name"], typed["display_name"], typed["email"], role, now()
        )
    except (NotPossible, first_access.Refused) as error:
        return _page(typed, {error.field: error.sentence}, 422)
    flash(gettext("招待のメールを送ります。利用者がパスワードを設定すると、使えるようになります。"), "good")
    return see_other(url_for("business_users.index"))


@blueprint.post("/business/users/<oid:user>/invite-again")
def invite_again(user: int):
    if business_users.invite_again(current_user.account, _user(user), now()):
        flash(gettext("招待のメールをもう一度送ります。"), "good")
    else:
        flash(gettext("今日はこれ以上送れません。明日もう一度お試しください。"), "bad")
    return see_other(url_for("business_users.index"))


@blueprint.post("/business/users/<oid:user>/role")
@recent_authentication
def set_role(user: int):
    account, role = _user(user), _role(request.form.get("role", ""))
    return _change(lambda: business_users.set_role(current_user.account, account, role, now()))


@blueprint.post("/business/users/<oid:user>/disable")
def disable(user: int):
    account = _user(user)
    return _change(lambda: business_users.set_active(current_user.account, account, False, now()))


@blueprint.post("/business/users/<oid:user>/enable")
@recent_authentication
def enable(user: int):
    account = _user(user)
    return _change(lambda: business_users.set_active(current_user.account, account, True, now()))


def _change(change) -> Response:
    try:
        change()
    except NotPossible as error:
        return _page(errors={"users": error.sentence}, status=422)
    flash(gettext("利用者の設定を変更しました。"), "good")
    return see_other(url_for("business_users.index"))


def _user(user_id: int) -> Account:
    return business_users.user_for(current_user.account, user_id) or abort(404)


def _role(text: str) -> BusinessRole:
    return BusinessRole(text) if text in set(BusinessRole) else abort(400)


def _page(typed=None, errors=None, status: int = 200) -> Response:
    users = business_users.users_of(current_user.account.business_id)
    page = UsersPage(users, current_user.account.id, ROLES, typed or {}, errors or {})
    return render("business/users/index.html", page, status=status)
