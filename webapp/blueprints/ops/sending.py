"""Stopping and starting the sending by kind, and deciding what became of mail after a restore."""

from dataclasses import dataclass

from flask import Blueprint, abort, flash, request, url_for
from flask_babel import gettext, ngettext
from flask_login import current_user

from db import ids
from db.models import Message
from webapp.domain.core import paging
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.language import N_
from webapp.domain.mail import restore, sending_switch
from webapp.domain.notices import labels, listing
from webapp.domain.notices.listing import MessageFilters
from webapp.domain.notices.messages import MessageKind, MessageState
from webapp.web.access import viewer
from webapp.web.clock import now
from webapp.web.rendering import invalid, render, see_other

blueprint = Blueprint("ops_sending", __name__)

# What one press decides at most: it is one transaction.
MOST_AT_ONCE = 2_000


@dataclass(frozen=True)
class Kind:
    """A kind of message: whether it is sent, and how many wait."""

    value: str
    words: str
    stopped: bool
    waiting: str


@dataclass(frozen=True)
class SendingPage:
    """The switches of all kinds."""

    kinds: list[Kind]
    may_act: bool
    errors: dict[str, str]


@blueprint.get("/ops/messages/sending")
def index():
    return render("ops/sending.html", _page())


@blueprint.post("/ops/messages/sending")
def switch():
    kind, turn = request.form.get("kind", ""), request.form.get("turn", "")
    note = request.form.get(f"note-{kind}", "").strip()[:500]
    if kind not in set(MessageKind) or turn not in ("stop", "start"):
        abort(400)
    if turn == "stop" and not note:
        return invalid("ops/sending.html", _page({f"note-{kind}": N_("止める理由を書いてください。")}))
    turned = (sending_switch.stop if turn == "stop" else sending_switch.start)(
        MessageKind(kind), current_user.account, now(), note
    )
    if not turned:
        flash(gettext("すでにその状態です。"), "warn")
    elif turn == "stop":
        flash(gettext("送信を止めました。待っているメールは失われません。"), "good")
    else:
        flash(gettext("送信を再開しました。待っていたメールから送ります。"), "good")
    return see_other(url_for("ops_sending.index"))


@blueprint.post("/ops/messages/reconcile")
def reconcile():
    decision = {"was_sent": restore.was_sent, "send_again": restore.send_again}.get(request.form.get("decision", ""))
    if decision is None:
        abort(400)
    kind = request.form.get("kind", "")
    chosen = _all_of(kind) if request.form.get("which") == "all" else _named(request.form.getlist("message"))
    back = url_for("ops_messages.index", state=MessageState.RECONCILIATION, kind=kind or None)
    if not chosen:
        flash(gettext("メールが選ばれていません。一覧で選んでください。"), "warn")
        return see_other(back)
    try:
        done = decision(chosen, now(), viewer().account_id)
    except StepNotAllowed:
        abort(409)
    flash(ngettext("%(num)s件を決めました。", "%(num)s件を決めました。", done), "good")
    return see_other(back)


def _all_of(kind: str) -> list[Message]:
    if kind not in set(MessageKind):
        abort(400)
    held = listing.listing(MessageFilters(kind=kind, state=MessageState.RECONCILIATION))
    return list(held.order_by(Message.id).limit(MOST_AT_ONCE))


def _named(values: list[str]) -> list[Message]:
    try:
        wanted = [ids.decode(value) for value in values[: paging.A_PAGE]]
    except ValueError:
        abort(400)
    return list(Message.select().where(Message.id.in_(wanted)).order_by(Message.id)) if wanted else []


def _page(errors: dict | None = None) -> SendingPage:
    stopped = sending_switch.stopped_kinds()
    waiting = {kind: paging.count(_waiting(kind)) for kind in MessageKind}
    kinds = [
        Kind(kind, words, kind in stopped, f"{waiting[kind]:,}{'+' if waiting[kind] > paging.MOST_COUNTED else ''}")
        for kind, words in labels.KINDS.items()
    ]
    return SendingPage(kinds, viewer().may_act, errors or {})


def _waiting(kind: str):
    return Message.select().where((Message.kind == kind) & Message.due_at.is_null(False))
