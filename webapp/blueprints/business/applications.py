"""代行した申請: for a proxy applicant, how the notices and cards of its applications stand."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, request, url_for

from webapp.domain.accounts import saved_searches
from webapp.domain.affiliations.by_proxy import FiledApplication, applications
from webapp.domain.notices.messages import Role
from webapp.pages import lists
from webapp.pages.business import Chip, MenuItem, card_chip, menu, notice_chip
from webapp.pages.business_access import viewer
from webapp.web.clock import now
from webapp.web.rendering import render, see_other

blueprint = Blueprint("business_applications", __name__)

PAGE = "business_applications"


@dataclass(frozen=True)
class ApplicationRow:
    """An application: its number, when it was complete, how the notices to each side and the card stand."""

    number: str
    completed_at: dt.datetime
    technician: Chip | None
    business: Chip | None
    proxy: Chip | None
    card: Chip | None


@dataclass(frozen=True)
class ApplicationsPage:
    """The list, and the search by number."""

    menu: list[MenuItem]
    rows: list[ApplicationRow]
    before: str
    after: str
    term: str
    over: bool


@blueprint.get("/business/applications")
def index():
    token = request.args.get("s", "")
    terms = saved_searches.terms_of(token, viewer().account_id, PAGE, now()) if token else {}
    term = (terms or {}).get("term", "")
    found = applications(viewer(), lists.cursor(), term)
    before, after = lists.around("business_applications.index", found, s=token)
    rows = [_row(application) for application in found.rows]
    return render("business/applications.html", ApplicationsPage(menu(), rows, before, after, term, over=terms is None))


@blueprint.post("/business/applications/search")
def search():
    term = request.form.get("term", "").strip()[: saved_searches.LONGEST_TERM]
    token = saved_searches.keep(viewer().account_id, PAGE, {"term": term}, now(), event=None) if term else None
    return see_other(url_for("business_applications.index", s=token))


def _row(application: FiledApplication) -> ApplicationRow:
    chips = {role: notice_chip(*application.notices.get(role, (None, None))) for role in Role}
    return ApplicationRow(
        number=application.number,
        completed_at=application.completed_at,
        technician=chips[Role.TECHNICIAN],
        business=chips[Role.BUSINESS],
        proxy=chips[Role.PROXY],
        card=card_chip(application.card, application.kept_until),
    )
