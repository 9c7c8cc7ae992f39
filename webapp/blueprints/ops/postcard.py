"""One postcard: where it stands, its pictures, and what an operator may do: print it again, cancel it, end a return."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, Response, abort, current_app, flash, request, url_for
from flask_babel import gettext

from db.ids import encode
from db.models import Postcard, PostcardBatch, PostcardPrint
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.language import N_
from webapp.domain.disclosure.operator_views import Via
from webapp.domain.notices import labels
from webapp.domain.postcard import batches, cancelling, delivery, page_words, returns
from webapp.domain.postcard.delivery import ReprintReason
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.sheet import SIDES, PrintedCard, check, preview
from webapp.domain.postcard.states import STEPS, PostcardState, PostcardStep
from webapp.pages.lists import Chip
from webapp.pages.records import note_look, record_address
from webapp.web.access import get_postcard_for, viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, moment, render, see_other, stale

blueprint = Blueprint("ops_postcard", __name__)

# side: (words, width and height on the page); the pictures are twice as fine.
PICTURES = {
    "address": (N_("宛名面"), 283, 419),
    "outside": (N_("外面（左: 裏、右: 宛名）"), 584, 436),
    "inside": (N_("中面"), 584, 436),
}
PPI = 144.0


@dataclass(frozen=True)
class PrintRow:
    """One print of the card."""

    n: int
    address: str
    batch: str
    position: int
    number: str
    reason: str


@dataclass(frozen=True)
class CardPage:
    """A postcard as operators see it; an empty address of a form: it may not be done."""

    number: str
    name: str
    record: str
    chip: Chip
    hold: str
    cause: str
    queued_at: dt.datetime
    prints: list[PrintRow]
    mend: str
    cancel: str
    reprint: str
    reasons: list[tuple[str, str]]
    returned: str
    asked_at: str
    note: str
    pictures: list[tuple[str, str, int, int]]
    changed: bool = False
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/postcards/<oid:postcard>")
def show(postcard: int):
    row = get_postcard_for(viewer(), postcard)
    note_look(row.registration, Via.POSTCARDS)
    return render("ops/postcards/card.html", _page(row))


@blueprint.get("/ops/postcards/<oid:postcard>/picture")
def picture(postcard: int):
    row = get_postcard_for(viewer(), postcard)
    side = request.args.get("side", "address")
    if side not in SIDES:
        abort(404)
    card = card_to_show(row, _office())
    if check(card):
        abort(404)
    note_look(row.registration, Via.POSTCARDS)
    return Response(preview(card, _office().sender, side, ppi=PPI), mimetype="image/png")


@blueprint.post("/ops/postcards/<oid:postcard>/reprint")
def reprint(postcard: int):
    row = get_postcard_for(viewer(), postcard, change=True)
    reason, note = request.form.get("reason", ""), request.form.get("reprint_note", "").strip()[:500]
    if reason not in page_words.CHOSEN_REPRINTS:
        return invalid("ops/postcards/card.html", _page(row, {"reason": N_("理由を選んでください。")}))
    try:
        delivery.reprint(row, ReprintReason(reason), now(), viewer().account_id, note)
    except StepNotAllowed:
        return stale("ops/postcards/card.html", _page(get_postcard_for(viewer(), postcard), changed=True))
    flash(gettext("もう一度印刷します。前のはがきの確認コードは使えなくなりました。"), "good")
    return see_other(url_for("ops_postcard.show", postcard=row.id))


@blueprint.post("/ops/postcards/<oid:postcard>/cancel")
def cancel(postcard: int):
    row = get_postcard_for(viewer(), postcard, change=True)
    note = request.form.get("cancel_note", "").strip()[:500]
    if not note:
        return invalid("ops/postcards/card.html", _page(row, {"cancel_note": N_("取り消す理由を書いてください。")}))
    try:
        cancelling.cancel(row, now(), viewer().account_id, note)
    except StepNotAllowed:
        return stale("ops/postcards/card.html", _page(get_postcard_for(viewer(), postcard), changed=True))
    flash(gettext("はがきを取り消しました。"), "good")
    return see_other(url_for("ops_postcard.show", postcard=row.id))


@blueprint.post("/ops/postcards/<oid:postcard>/returned")
def returned(postcard: int):
    row = get_postcard_for(viewer(), postcard, change=True)
    decision, note, account_id = (
        request.form.get("what", ""),
        request.form.get("note", "").strip()[:500],
        viewer().account_id,
    )
    if decision == "close" and not note:
        return invalid("ops/postcards/card.html", _page(row, {"note": N_("終わりにする理由を書いてください。")}))
    try:
        if decision == "send-again":
            returns.send_again(row, now(), account_id)
            words = gettext("もう一度送ります。次の発送ロットに入ります。")
        elif decision == "ask":
            returns.ask_business(row, now(), account_id, note)
            words = gettext("所属事業者に確認を頼んだことを記録しました。")
        elif decision == "close":
            returns.close(row, now(), account_id, note)
            words = gettext("返送の対応を終わりにしました。")
        else:
            abort(400)
    except StepNotAllowed:
        return stale("ops/postcards/card.html", _page(get_postcard_for(viewer(), postcard), changed=True))
    flash(words, "good")
    return see_other(url_for("ops_postcard.show", postcard=row.id))


def _office() -> PrintOffice:
    return PrintOffice.of(current_app.extensions["settings"])


def card_to_show(row: Postcard, office: PrintOffice) -> PrintedCard:
    """Return the card as it was printed last, or as it would be printed now; never with a real code."""
    newest = PostcardPrint.get_or_none(
        (PostcardPrint.postcard == row.id)
        & (PostcardPrint.print_number == row.print_number)
        & (PostcardPrint.batch == row.batch_id)
    )
    return batches.preview_card(row, newest, office)


def _page(row: Postcard, errors: dict[str, str] | None = None, *, changed: bool = False) -> CardPage:
    acts = viewer().may_act
    item = returns.work_of(row) if row.state == PostcardState.RETURNED else None
    asked = (item.data or {}).get("asked_at") if item else None
    may = {step for state, step in STEPS if state == row.state} if acts else set()
    to = {"postcard": row.id}
    return CardPage(
        number=row.registration.application_number,
        name=row.technician.name,
        record=record_address(row.registration_id, Via.POSTCARDS),
        chip=Chip(*labels.POSTCARD_STATES[row.state]),
        hold=page_words.HOLDS.get(row.hold_reason or "", ""),
        cause=labels.CAUSES.get(row.cause, row.cause),
        queued_at=row.queued_at,
        prints=_prints(row),
        mend=url_for("ops_holds.form", **to) if acts and row.state in ("queued", "on_hold", "returned") else "",
        cancel=url_for("ops_postcard.cancel", **to) if PostcardStep.CANCEL in may else "",
        # What came back is sent again by its own form.
        reprint=url_for("ops_postcard.reprint", **to) if PostcardStep.REPRINT in may and item is None else "",
        reasons=[("", gettext("選んでください"))]
        + [(reason, say(page_words.REPRINTS[reason])) for reason in page_words.CHOSEN_REPRINTS],
        returned=url_for("ops_postcard.returned", **to) if acts and item else "",
        asked_at=moment(dt.datetime.fromisoformat(asked)) if asked else "",
        note=(item.note or "") if item else "",
        pictures=_pictures(row),
        changed=changed,
        errors=errors or {},
    )


def _prints(row: Postcard) -> list[PrintRow]:
    query = (
        PostcardPrint.select(PostcardPrint, PostcardBatch)
        .join(PostcardBatch)
        .where(PostcardPrint.postcard == row.id)
        .order_by(PostcardPrint.print_number)
    )
    return [
        PrintRow(
            n=postcard_print.print_number,
            address=url_for("ops_batches.show", batch=postcard_print.batch_id),
            batch=postcard_print.batch.number,
            position=postcard_print.position,
            number=postcard_print.management_number,
            reason=page_words.REPRINTS.get(postcard_print.reason or "", ""),
        )
        for postcard_print in query
    ]


def _pictures(row: Postcard) -> list[tuple[str, str, int, int]]:
    if check(card_to_show(row, _office())):
        return []
    # The version keeps the browser from showing a picture of before a change.
    return [
        (url_for("ops_postcard.picture", postcard=row.id, side=side, v=f"{row.version}-{encode(row.id)[-4:]}"), *shown)
        for side, shown in PICTURES.items()
    ]
