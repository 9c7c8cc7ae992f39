"""技能者情報: the technician's whole record, a correction, the affiliation, and invitations of businesses."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_babel import gettext

from webapp.domain.affiliations import membership
from webapp.domain.affiliations.membership import AffiliatedElsewhere, Invitation, NotTheirs, OverAlready
from webapp.domain.core.daily_limits import LimitReached
from webapp.domain.core.language import N_
from webapp.domain.disclosure.record import Employer, Record, record_for
from webapp.domain.self_service import requests
from webapp.domain.self_service.requests import RecordPart
from webapp.web.access import looker
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, render, see_other, stale

blueprint = Blueprint("me_record", __name__)

NO_PART = N_("訂正したい項目を選んでください。")
NO_WORDS = N_("どこが違うか、正しくは何かを書いてください。")
TOO_MANY = N_("申し出が続いたため、今日はこれ以上受け付けられません。お急ぎのときはお電話ください。")


@dataclass(frozen=True)
class RecordPage:
    """The record and what can be done with it; `changed` says why nothing was done."""

    record: Record
    invitations: list[Invitation]
    requests: list[tuple[dt.datetime, str]]
    changed: str = ""


@dataclass(frozen=True)
class CorrectionPage:
    """The form that asks for a correction; `now_says` is the postal address as it is registered."""

    parts: list[tuple[str, str]]
    part: str
    words: str
    now_says: str
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class AffiliationPage:
    """What leaving or disputing an affiliation means, before it is done."""

    action: str
    employer: Employer
    disputes: bool
    words: str = ""


@blueprint.get("/me/record")
def show():
    return render("me/record.html", _page())


@blueprint.get("/me/record/correction")
def correction():
    part = request.args.get("part", "")
    return render("me/correction.html", _correction(part if part in set(RecordPart) else "", ""))


@blueprint.post("/me/record/correction")
def ask_correction() -> Response:
    part, words = request.form.get("part", ""), request.form.get("words", "").strip()[: requests.LONGEST]
    errors = ({} if part in set(RecordPart) else {"part": NO_PART}) | ({} if words else {"words": NO_WORDS})
    if errors:
        return invalid("me/correction.html", _correction(part, words, errors))
    try:
        requests.ask_correction(looker(), RecordPart(part), words, now())
    except LimitReached:
        return render("me/correction.html", _correction(part, words, {"words": TOO_MANY}), status=429)
    flash(gettext("訂正の申し出を受け付けました。確認のうえ、登録された連絡先に答えます。"), "good")
    return see_other(url_for("me_record.show"))


@blueprint.get("/me/affiliations/<oid:number>/leave")
def leave_form(number: int):
    employer = _own(number)
    if employer.ended_at is not None:
        return stale("me/record.html", _page(OverAlready.sentence))
    return render("me/affiliation.html", AffiliationPage(url_for("me_record.leave", number=number), employer, False))


@blueprint.post("/me/affiliations/<oid:number>/leave")
def leave(number: int):
    return _step(
        lambda: membership.leave(looker(), number, now()),
        gettext("所属を終えました。他の事業者への開示も終わりました。"),
    )


@blueprint.get("/me/affiliations/<oid:number>/dispute")
def dispute_form(number: int):
    page = AffiliationPage(url_for("me_record.dispute", number=number), _own(number), True)
    return render("me/affiliation.html", page)


@blueprint.post("/me/affiliations/<oid:number>/dispute")
def dispute(number: int):
    words = request.form.get("words", "").strip()[: requests.LONGEST]
    return _step(
        lambda: membership.dispute(looker(), number, now(), words),
        gettext("申し立てを受け付けました。確認のうえ、登録された連絡先に答えます。"),
    )


@blueprint.post("/me/invitations/<oid:number>/accept")
def accept(number: int):
    return _step(
        lambda: membership.accept(looker(), number, now()),
        gettext("所属しました。開示はすべて閉じた状態から始まります。"),
    )


@blueprint.post("/me/invitations/<oid:number>/decline")
def decline(number: int):
    return _step(lambda: membership.decline(looker(), number, now()), gettext("招待を断りました。"))


def _step(do, words: str) -> Response:
    try:
        do()
    except NotTheirs:
        abort(404)
    except (OverAlready, AffiliatedElsewhere) as error:
        return stale("me/record.html", _page(error.sentence))
    flash(words, "good")
    return see_other(url_for("me_record.show"))


def _own(number: int) -> Employer:
    """Return one's own affiliation, current or past; 404 for anybody else's."""
    record = _record()
    for employer in (record.employer, *record.past_employers):
        if employer is not None and employer.affiliation_id == number:
            return employer
    abort(404)


def _record() -> Record:
    viewer = looker()
    return record_for(viewer, viewer.technician_id)


def _page(changed: str = "") -> RecordPage:
    viewer = looker()
    open_requests = requests.open_requests(viewer.technician_id)
    return RecordPage(_record(), membership.invitations(viewer, now()), open_requests, changed)


def _correction(part: str, words: str, errors: dict | None = None) -> CorrectionPage:
    contact = _record().contact
    address = f"〒{contact.postal_code[:3]}-{contact.postal_code[3:]} {contact.address}" if contact.address else ""
    parts = [("", say(N_("選んでください"))), *((key, say(words)) for key, words in requests.PARTS.items())]
    return CorrectionPage(parts, part, words, address, errors or {})
