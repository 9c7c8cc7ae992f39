"""Looking up other businesses' technicians: each row is logged before the answer, within the day's limits."""

from dataclasses import dataclass, field

from flask import Blueprint, current_app, request, url_for

from db import ids
from webapp.domain.accounts import saved_searches
from webapp.domain.affiliations import roster
from webapp.domain.core.daily_limits import Allowance, LimitReached
from webapp.domain.core.language import N_
from webapp.domain.disclosure import look_up
from webapp.domain.disclosure.look_up import Allowances, Criteria, LookUpLimits
from webapp.domain.disclosure.policy import NOT_FOUND
from webapp.domain.disclosure.record import Record
from webapp.pages.business import MenuItem, groups_in_words, menu
from webapp.pages.business_access import viewer
from webapp.pages.lists import cursor
from webapp.web.clock import now
from webapp.web.rendering import invalid, render, see_other

blueprint = Blueprint("look_up", __name__)

PAGE = "look_up"
FIELDS = ("technician_id", "name", "kana", "qualification")
NOTHING_ASKED = N_("技能者ID、氏名、カナ、資格のどれかを入力してください。")


@dataclass(frozen=True)
class FoundRow:
    """Somebody whom the search found: 本人 and the names of the groups that can be opened."""

    address: str
    name: str
    kana: str
    number: str
    level: int | None
    groups: str


@dataclass(frozen=True)
class LookUpPage:
    """The form, what it found, and how much of today's limits is left."""

    menu: list[MenuItem]
    typed: dict[str, str]
    rows: list[FoundRow]
    after: str
    asked: bool
    over: bool
    user: Allowance
    business: Allowance
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LimitPage:
    """Today's limit is used up, in numbers."""

    menu: list[MenuItem]
    used: int
    limit: int


@dataclass(frozen=True)
class RecordPage:
    """The open groups of a record; None for unknown and undisclosed alike."""

    menu: list[MenuItem]
    record: Record | None
    not_found: str
    user: Allowance
    business: Allowance


@blueprint.get("/look-up")
def index():
    token = request.args.get("s", "")
    terms = saved_searches.terms_of(token, viewer().account_id, PAGE, now()) if token else {}
    if not terms:
        return render("business/look_up/index.html", _page({}, over=terms is None))
    try:
        found = look_up.search(viewer(), Criteria(**terms), _limits(), now(), cursor().after)
    except LimitReached as reached:
        return _limit(reached)
    rows = [
        FoundRow(
            address=url_for("look_up.show", technician=row.id),
            name=row.name,
            kana=row.name_kana,
            number=row.technician_id,
            level=row.level,
            groups=groups_in_words(row.groups),
        )
        for row in found.rows
    ]
    after = url_for("look_up.index", s=token, after=ids.encode(found.after)) if found.after is not None else ""
    return render(
        "business/look_up/index.html", _page(terms, rows=rows, after=after, asked=True, room=found.allowances)
    )


@blueprint.post("/look-up")
def search():
    terms = {name: request.form.get(name, "").strip()[: saved_searches.LONGEST_TERM] for name in FIELDS}
    if not Criteria(**terms).asked:
        return invalid("business/look_up/index.html", _page(terms, errors={"technician_id": NOTHING_ASKED}))
    token = saved_searches.keep(viewer().account_id, PAGE, terms, now(), event=None)
    return see_other(url_for("look_up.index", s=token))


@blueprint.get("/look-up/<oid:technician>")
def show(technician: int):
    user = viewer()
    if roster.member_of(user, technician) is not None:
        return see_other(url_for("business_person.show", technician=technician))
    try:
        record = look_up.open_record(user, technician, _limits(), now())
    except LimitReached as reached:
        return _limit(reached)
    room = look_up.allowances(user, _limits(), now())
    page = RecordPage(menu(), record, NOT_FOUND, room.user, room.business)
    return render("business/look_up/record.html", page, status=404 if record is None else 200)


def _page(
    typed: dict[str, str],
    *,
    rows: list[FoundRow] | None = None,
    after: str = "",
    asked: bool = False,
    over: bool = False,
    room: Allowances | None = None,
    errors: dict[str, str] | None = None,
) -> LookUpPage:
    room = room or look_up.allowances(viewer(), _limits(), now())
    return LookUpPage(menu(), typed, rows or [], after, asked, over, room.user, room.business, errors or {})


def _limit(reached: LimitReached):
    page = LimitPage(menu(), reached.allowance.used, reached.allowance.limit)
    return render("business/look_up/limit.html", page, status=429)


def _limits() -> LookUpLimits:
    return LookUpLimits.of(current_app.extensions["settings"])
