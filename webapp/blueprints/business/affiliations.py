"""Inviting technicians, and the list of those who left."""

from dataclasses import dataclass, field

from flask import Blueprint, current_app, flash, request, url_for

from webapp.domain.affiliations import history, membership
from webapp.domain.affiliations.history import Ended
from webapp.domain.core.daily_limits import LimitReached
from webapp.domain.core.language import N_
from webapp.domain.core.search_key import fold_search_key
from webapp.pages import lists
from webapp.pages.business import MenuItem, menu
from webapp.pages.business_access import viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, render, see_other
from webapp.web.values import day_of

blueprint = Blueprint("business_affiliations", __name__)

NOT_AN_ID = N_("技能者IDは14桁の数字です。カードか本人のお知らせで確かめて、入力し直してください。")
NOT_A_DAY = N_("生年月日を年・月・日で入力してください。")
NO_MORE = N_("今日の招待の上限に達しました。明日もう一度お試しください。")


@dataclass(frozen=True)
class AffiliationsPage:
    """The form that invites, and those who left."""

    menu: list[MenuItem]
    per_day: int
    may_change: bool
    rows: list[Ended]
    before: str
    after: str
    typed: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/business/affiliations")
def index():
    return render("business/affiliations.html", _page())


@blueprint.post("/business/affiliations")
def invite():
    typed = {name: request.form.get(name, "").strip()[:30] for name in ("technician_id", "birth_date")}
    number, errors = fold_search_key(typed["technician_id"]), {}
    if not (number.isascii() and number.isdigit() and len(number) == 14):
        errors["technician_id"] = NOT_AN_ID
    if (born := day_of(typed, "birth_date")) is None:
        errors["birth_date"] = NOT_A_DAY
    if errors:
        return invalid("business/affiliations.html", _page(typed, errors))
    try:
        said = membership.invite(viewer(), number, born, _per_day(), now())
    except LimitReached:
        return render("business/affiliations.html", _page(typed, {"technician_id": NO_MORE}), status=429)
    flash(say(said), "good")
    return see_other(url_for("business_affiliations.index"))


def _page(typed: dict | None = None, errors: dict | None = None) -> AffiliationsPage:
    found = history.ended(viewer(), lists.cursor())
    before, after = lists.around("business_affiliations.index", found)
    return AffiliationsPage(
        menu(), _per_day(), viewer().may_change, list(found.rows), before, after, typed or {}, errors or {}
    )


def _per_day() -> int:
    return current_app.extensions["settings"].invitations_per_day
