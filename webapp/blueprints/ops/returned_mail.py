"""Returned mail for operators: the list by what was made of it, and one mail as safe text."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, abort, current_app, flash, request, url_for
from flask_babel import gettext
from flask_login import current_user

from db.models import Attempt, Message, Registration, ReturnedMail, ReturnedMailSource, Technician
from webapp.domain.audit.log import audit
from webapp.domain.bounce.model import Reason
from webapp.domain.core import paging
from webapp.domain.core.events import EventName
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Order
from webapp.domain.disclosure.operator_views import Via
from webapp.domain.mail import overrides
from webapp.domain.mail.inbound import ReturnedState
from webapp.domain.mail.plain_text import readable
from webapp.domain.notices import labels
from webapp.domain.notices.messages import Policy
from webapp.domain.registrations.timeline import failures_of, mask_in, steps_of
from webapp.pages import exports, lists
from webapp.pages.columns import Column, Columns, moment, value, words
from webapp.pages.exports import source
from webapp.pages.lists import Chip, Option
from webapp.pages.records import note_look, record_address
from webapp.web.access import Operator, get_returned_mail_for, viewer
from webapp.web.clock import now
from webapp.web.rendering import invalid, render, see_other
from webapp.web.sentences import spoken

blueprint = Blueprint("ops_returned_mail", __name__)

ORDER = Order(ReturnedMail, (ReturnedMail.id,))
STATES: dict[str, tuple[str, str]] = {
    ReturnedState.UNMATCHED: (N_("照合できません"), "wait"),
    ReturnedState.CONFLICT: (N_("宛先が違う"), "bad"),
    ReturnedState.EVIDENCE: (N_("記録のみ"), "off"),
    ReturnedState.APPLIED: (N_("反映済み"), "good"),
    ReturnedState.OVERRULED: (N_("判定を変更"), "busy"),
}
KINDS: dict[str, str] = {
    "bounce": N_("不達の通知"),
    "delivered": N_("到着の通知"),
    "delayed": N_("配送の遅れの通知"),
    "feedback": N_("苦情の通知"),
    "vacation": N_("自動応答"),
    "none": N_("通知ではないメール"),
}
TOKENS: dict[str, str] = {
    "valid": N_("当方の送信と照合できました"),
    "expired": N_("30日を過ぎているため、記録だけしました"),
    "forged": N_("返送先の印が正しくありません"),
    "unknown_key": N_("返送先の印の鍵がわかりません"),
    "not_a_return_path": N_("返送先が当方の作ったアドレスではありません"),
    "unknown_attempt": N_("該当する送信がこのデータベースにありません"),
}

COLUMNS = Columns(
    Column("received_at", N_("受信"), moment("received_at")),
    Column("content", N_("内容"), words("kind")),
    Column("reason", N_("理由"), words("reason"), on_page=False),
    Column("state", N_("状態"), words("chip.words")),
    Column("match", N_("照合"), words("token")),
    Column("application", N_("申請番号"), value("number")),
    Column("name", N_("氏名"), value("name"), on_page=False),
)


@dataclass(frozen=True)
class Row:
    """A returned mail in the list."""

    address: str
    received_at: dt.datetime
    chip: Chip
    kind: str
    reason: str
    token: str
    number: str
    name: str


@dataclass(frozen=True)
class ReturnedMailPage:
    """The list with a count for each state."""

    columns = COLUMNS

    rows: list[Row]
    before: str
    after: str
    states: list[Option]


@dataclass(frozen=True)
class MailPage:
    """One returned mail."""

    received_at: dt.datetime
    chip: Chip
    kind: str
    reason: str
    token: str
    size: int
    recipients: list[str]
    judgement: list[str]
    record: str
    number: str
    text: str
    cut: bool
    gone: bool  # the bytes are removed after the time of the setting
    note: str
    overrule: str


@blueprint.get("/ops/returned-mail")
def index():
    state = lists.choice("state", STATES, ReturnedState.UNMATCHED)
    page = paging.read(_listing(state), ORDER, lists.cursor())
    before, after = lists.around("ops_returned_mail.index", page, state=state)
    states = [
        Option(
            url_for("ops_returned_mail.index", state=option), words, lists.counted(_listing(option)), option == state
        )
        for option, (words, _) in STATES.items()
    ]
    return render("ops/returned_mail.html", ReturnedMailPage(_rows(page.rows), before, after, states))


@dataclass(frozen=True)
class OverrulePage:
    """The form in which a person judges a mail otherwise, and says why."""

    action: str
    back: str
    kind: str
    judged: str
    reasons: list[tuple[str, str]]
    reason: str = ""
    note: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/returned-mail/<oid:mail>")
def show(mail: int):
    operator = viewer()
    row = get_returned_mail_for(operator, mail)
    audit(EventName.RECORD_OPS_VIEWED, now(), operator.account_id, "returned_mail", row.id)
    if row.attempt is not None:
        note_look(row.attempt.message.registration, Via.RETURNED_MAIL)
    return render("ops/mail.html", _page(row, operator))


@blueprint.get("/ops/returned-mail/<oid:mail>/overrule")
def overrule_form(mail: int):
    return render("ops/overrule.html", _overrule_page(_overrulable(mail)))


@blueprint.post("/ops/returned-mail/<oid:mail>/overrule")
def overrule(mail: int):
    row = _overrulable(mail)
    reason, note = request.form.get("reason", ""), request.form.get("note", "").strip()[:500]
    wrong = {}
    if reason not in set(Reason):
        wrong["reason"] = N_("正しい理由を選んでください。")
    if not note:
        wrong["note"] = N_("判定を変更する根拠を書いてください。")
    if wrong:
        return invalid("ops/overrule.html", _overrule_page(row, reason, note, wrong))
    policy = Policy.of(current_app.extensions["settings"])
    overrides.overrule(row, Reason(reason), current_user.account, now(), note, policy)
    flash(gettext("判定を変更しました。お知らせとはがきも、新しい判定に合わせました。"), "good")
    return see_other(url_for("ops_returned_mail.show", mail=row.id))


def _overrulable(mail: int) -> ReturnedMail:
    """A mail that belongs to an attempt of ours: a judgement of any other could change nothing."""
    row = get_returned_mail_for(viewer(), mail, change=True)
    if not overrides.may_overrule(row):
        abort(404)
    return row


def _overrule_page(row: ReturnedMail, reason: str = "", note: str = "", errors: dict | None = None) -> OverrulePage:
    judged = row.overruled_reason or row.reason or ""
    return OverrulePage(
        action=url_for("ops_returned_mail.overrule", mail=row.id),
        back=url_for("ops_returned_mail.show", mail=row.id),
        kind=KINDS.get(row.kind, row.kind),
        judged=labels.REASONS.get(judged, ""),
        reasons=list(labels.REASONS.items()),
        reason=reason,
        note=note,
        errors=errors or {},
    )


def _listing(state: str):
    return ReturnedMail.select().where(ReturnedMail.state == state)


def _rows(rows) -> list[Row]:
    people = _people({row.attempt_id for row in rows})
    return [
        Row(
            address=url_for("ops_returned_mail.show", mail=row.id),
            received_at=row.received_at,
            chip=Chip(*STATES[row.state]),
            kind=KINDS.get(row.kind, row.kind),
            reason=labels.REASONS.get(row.reason or "", ""),
            token=TOKENS.get(row.token_state, ""),
            number=people.get(row.attempt_id, (0, "", ""))[1],
            name=people.get(row.attempt_id, (0, "", ""))[2],
        )
        for row in rows
    ]


@source("ops_returned_mail.index", N_("戻りメール"), "returned-mail")
def _whole_list():
    rows = exports.walk(_listing(lists.choice("state", STATES, ReturnedState.UNMATCHED)), ORDER)
    yield COLUMNS.sheet("ops_returned_mail.index", exports.lines(rows, _rows))


def _people(attempts: set) -> dict[int, tuple[int, str, str]]:
    """Registration, application number and name behind attempts."""
    attempts.discard(None)
    if not attempts:
        return {}
    columns = (Attempt.id, Registration.id, Registration.application_number, Technician.name)
    joined = Attempt.select(*columns).join(Message).join(Registration).join(Technician)
    return {row[0]: row[1:] for row in joined.where(Attempt.id.in_(list(attempts))).tuples()}


def _page(row: ReturnedMail, operator: Operator) -> MailPage:
    show = (lambda text: text) if operator.may_act else mask_in
    source = ReturnedMailSource.get_or_none(ReturnedMailSource.returned_mail == row.id)
    text, cut = readable(bytes(source.content)) if source else ("", False)
    registration, number, _ = _people({row.attempt_id}).get(row.attempt_id, (None, "", ""))
    back = record_address(registration, Via.RETURNED_MAIL) if registration else ""
    return MailPage(
        received_at=row.received_at,
        chip=Chip(*STATES.get(row.state, STATES[ReturnedState.EVIDENCE])),
        kind=KINDS.get(row.kind, row.kind),
        reason=labels.REASONS.get(row.overruled_reason or row.reason or "", ""),
        token=TOKENS.get(row.token_state, ""),
        size=row.size,
        recipients=[show(str(failure.get("recipient", ""))) for failure in failures_of(row)],
        judgement=[spoken(line) for line in steps_of(row, show)],
        record=back,
        number=number,
        text=show(text),
        cut=cut,
        gone=source is None,
        note=show(row.overruled_note or ""),
        overrule=url_for("ops_returned_mail.overrule_form", mail=row.id)
        if operator.may_act and overrides.may_overrule(row)
        else "",
    )
