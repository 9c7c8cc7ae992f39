"""Small acts on a registration's mail, each with a page that says what will happen before it does."""

from dataclasses import dataclass

from flask import Blueprint, Response, abort, flash, request, url_for
from flask_babel import gettext

from db.models import Message
from webapp.domain.core.errors import Stale
from webapp.domain.core.language import N_
from webapp.domain.disclosure.operator_views import Via
from webapp.domain.email_addresses import versions
from webapp.domain.notices import corrections, labels
from webapp.domain.notices.messages import MessageKind, Role
from webapp.pages.records import ask_at_record, note_look
from webapp.web.access import get_message_for, get_registration_for, viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import render, see_other, stale

blueprint = Blueprint("ops_actions", __name__)


@dataclass(frozen=True)
class ConfirmPage:
    """What will be done, to whom, and the button that does it; `changed`: it is no longer as it was seen."""

    title: str
    explanation: str
    facts: list[tuple[str, str]]
    action: str
    button: str
    back: str
    seen: str
    changed: bool = False


AGAIN = (
    N_("そのまま再送"),
    N_("同じアドレスに、お知らせをもう一度送ります。前回と同じ理由で届かないことがあります。"),
    N_("再送する"),
)
CANCEL = (
    N_("送信の取り消し"),
    N_("まだ送っていないお知らせを取り消します。あとから再送に回せます。"),
    N_("取り消す"),
)
POSTCARD = (
    N_("はがきを送る"),
    N_("メールの代わりに、登録された住所へ圧着ハガキを送ります。はがきは1つの登録に1通だけです。"),
    N_("はがきの作成に回す"),
)


@blueprint.get("/ops/messages/<oid:message>/again")
def again_form(message: int):
    return _asked(message, AGAIN, "ops_actions.again")


@blueprint.post("/ops/messages/<oid:message>/again")
def again(message: int):
    row = _message(message)
    try:
        corrections.send_again(row, request.form.get("seen", ""), now(), viewer().account_id)
    except Stale:
        return stale("ops/confirm.html", _of_message(row, AGAIN, "ops_actions.again", changed=True))
    flash(gettext("再送に回しました。"), "good")
    return see_other(_record_of(row))


@blueprint.get("/ops/messages/<oid:message>/cancel")
def cancel_form(message: int):
    return _asked(message, CANCEL, "ops_actions.cancel")


@blueprint.post("/ops/messages/<oid:message>/cancel")
def cancel(message: int):
    row = _message(message)
    try:
        corrections.cancel(row, request.form.get("seen", ""), now(), viewer().account_id)
    except Stale:
        return stale("ops/confirm.html", _of_message(_message(message), CANCEL, "ops_actions.cancel", changed=True))
    flash(gettext("お知らせを取り消しました。"), "good")
    return see_other(_record_of(row))


@blueprint.get("/ops/registrations/<oid:registration>/postcard")
def postcard_form(registration: int):
    row = get_registration_for(viewer(), registration, change=True)
    return ask_at_record(row) or render("ops/confirm.html", _of_postcard(registration))


@blueprint.post("/ops/registrations/<oid:registration>/postcard")
def postcard(registration: int):
    row = get_registration_for(viewer(), registration, change=True)
    try:
        made = corrections.send_postcard(row, now(), viewer().account_id)
    except Stale:
        return stale("ops/confirm.html", _of_postcard(registration, changed=True))
    if made.hold_reason:
        flash(gettext("はがきは保留になりました。対応事項を確かめてください。"), "warn")
    else:
        flash(gettext("はがきを作成待ちにしました。"), "good")
    return see_other(url_for("ops_record.show", registration=row.id))


def _asked(number: int, words: tuple, endpoint: str) -> Response:
    row = _message(number)
    note_look(row.registration, Via.MESSAGES)
    return render("ops/confirm.html", _of_message(row, words, endpoint))


def _message(number: int) -> Message:
    """The ID notice of a registration; other kinds of mail have their own ways of being repeated."""
    row = get_message_for(viewer(), number, change=True)
    if row.kind != MessageKind.ID_NOTICE or row.registration_id is None:
        abort(404)
    return row


def _record_of(row: Message) -> str:
    return url_for("ops_record.show", registration=row.registration_id)


def _of_message(row: Message, words: tuple, endpoint: str, *, changed: bool = False) -> ConfirmPage:
    title, explanation, button = words
    address = versions.current(*corrections.owner_of_message(row))
    state, _ = labels.state_of(row.state, row.reason)
    facts = [
        (N_("宛先"), f"{say(labels.ROLES[row.role])} {address.value if address else ''}"),
        (N_("状態"), say(state)),
    ]
    if row.reason in labels.REASONS:
        facts.append((N_("理由"), say(labels.REASONS[row.reason])))
    action = url_for(endpoint, message=row.id)
    return ConfirmPage(title, explanation, facts, action, button, _record_of(row), corrections.seen(row), changed)


def _of_postcard(registration: int, *, changed: bool = False) -> ConfirmPage:
    row = get_registration_for(viewer(), registration, change=True)
    person, notice = row.technician, corrections.notice_of(row, Role.TECHNICIAN)
    title, explanation, button = POSTCARD
    facts = [(N_("氏名"), person.name), (N_("住所"), f"{person.postal_code} {person.address}".strip())]
    if notice is not None and notice.reason in labels.REASONS:
        facts.append((N_("理由"), say(labels.REASONS[notice.reason])))
    back = url_for("ops_record.show", registration=row.id)
    action = url_for("ops_actions.postcard", registration=row.id)
    return ConfirmPage(title, explanation, facts, action, button, back, "", changed)
