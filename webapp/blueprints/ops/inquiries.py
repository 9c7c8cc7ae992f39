"""The operators' inquiries: one case, and what is done about it."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, field

from flask import Blueprint, abort, current_app, flash, request, url_for
from flask_babel import force_locale, gettext
from flask_login import current_user

from db.models import Inquiry, InquiryEntry, Registration
from webapp.domain.cards.labels import Audience
from webapp.domain.cards.queries import standing_of_registration
from webapp.domain.core.errors import Stale, StepNotAllowed
from webapp.domain.core.language import N_
from webapp.domain.disclosure.operator_views import Via
from webapp.domain.inquiries import cases
from webapp.domain.inquiries.cases import (
    CALLER_WORDS,
    CHANNEL_WORDS,
    CHECK_WORDS,
    CLOSE_WORDS,
    ENTRY_WORDS,
    TOPIC_WORDS,
    VARIABLES,
    AnswerError,
    Caller,
    Channel,
    CloseReason,
    EntryKind,
    IdentityCheck,
    InquiryState,
    Topic,
)
from webapp.domain.notices.messages import Role
from webapp.domain.parsing.cells import fold
from webapp.pages import cards
from webapp.pages.cards import CardInWords
from webapp.pages.inquiries import Row, row_of
from webapp.pages.records import note_look, record_address
from webapp.web.access import viewer
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import invalid, render, see_other, stale

blueprint = Blueprint("ops_inquiries", __name__)

NO_TEXT = N_("内容を入れてください。")
NO_REGISTRATION = N_("この申請番号の登録はありません。番号を確かめてください。")
KIND_OF_ENTRY = {EntryKind.ANSWER: "busy", EntryKind.CLOSED: "good"}

Options = list[tuple[str, str]]


@dataclass(frozen=True)
class NewPage:
    """The form for a call."""

    topics: Options
    channels: Options
    callers: Options
    checks: Options
    form: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Entry:
    """A line of the history, as `lists.timeline` shows it."""

    at: dt.datetime
    title: str
    detail: str
    kind: str


@dataclass(frozen=True)
class InquiryPage:
    """One case: who asked, its registration's card, its history, the forms."""

    row: Row
    facts: list[tuple[str, str]]
    record: str  # the page of its registration, "" while there is none
    card: CardInWords | None
    history: list[Entry]
    version: int
    open: bool
    may_act: bool
    callers: Options
    checks: Options
    reasons: Options
    variables: list[tuple[str, str, str]]
    contacts: Options
    form: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    changed: bool = False


def _options(words: dict) -> Options:
    return [(key.value, say(text)) for key, text in words.items()]


@blueprint.get("/ops/inquiries/new")
def form():
    return render("ops/inquiries/new.html", _new({}))


def _new(form: dict[str, str], errors: dict[str, str] | None = None) -> NewPage:
    words = (TOPIC_WORDS, CHANNEL_WORDS, CALLER_WORDS, CHECK_WORDS)
    return NewPage(*(_options(choices) for choices in words), form, errors or {})


@blueprint.post("/ops/inquiries")
def create():
    form = {
        name: request.form.get(name, "").strip()
        for name in ("topic", "channel", "caller", "check", "text", "application_number")
    }
    try:
        topic, channel = Topic(form["topic"]), Channel(form["channel"])
        caller, check = Caller(form["caller"]), IdentityCheck(form["check"])
    except ValueError:
        abort(400)
    registration = _registration(form["application_number"])
    errors = {} if form["text"] else {"text": NO_TEXT}
    if form["application_number"] and registration is None:
        errors["application_number"] = NO_REGISTRATION
    if errors:
        return invalid("ops/inquiries/new.html", _new(form, errors))
    inquiry = cases.open_inquiry(
        topic,
        channel,
        caller,
        check,
        now(),
        registration_id=registration.id if registration else None,
        text=form["text"],
        language=registration.technician.language if registration else "ja",
        account_id=current_user.account.id,
    )
    flash(gettext("受付番号 %(number)s で受け付けました。", number=inquiry.number), "good")
    return see_other(url_for("ops_inquiries.show", inquiry=inquiry.id))


def _registration(number: str) -> Registration | None:
    return Registration.get_or_none(Registration.application_number == fold(number).strip()) if number else None


@blueprint.get("/ops/inquiries/<oid:inquiry>")
def show(inquiry: int):
    row = _get(inquiry)
    note_look(row.registration, Via.INQUIRY, row.id)
    return render("ops/inquiries/show.html", _page(row))


def _get(number: int) -> Inquiry:
    return Inquiry.get_or_none(Inquiry.id == number) or abort(404)


def _page(row: Inquiry, form: dict[str, str] | None = None, **more) -> InquiryPage:
    standing = standing_of_registration(row.registration_id) if row.registration_id else None
    contacts = []
    if row.registration is not None:
        for role, words in ((Role.TECHNICIAN, N_("技能者本人")), (Role.BUSINESS, N_("所属事業者"))):
            if cases.contact_of(row.registration, role)[0] is not None:
                contacts.append((role.value, say(words)))
    values = _values(row)
    number = row.registration.application_number if row.registration else gettext("結び付いていません")
    return InquiryPage(
        row=row_of(row),
        facts=[
            (gettext("受け付け方"), say(CHANNEL_WORDS[Channel(row.channel)])),
            (gettext("問い合わせた人"), say(CALLER_WORDS[Caller(row.caller)])),
            (gettext("本人確認"), say(CHECK_WORDS[IdentityCheck(row.identity_check)])),
            (gettext("登録"), number),
        ],
        record=record_address(row.registration_id, Via.INQUIRY, row.id) if row.registration_id else "",
        card=cards.in_words(standing, Audience.TECHNICIAN) if standing else None,
        history=[_entry(entry) for entry in row.entries.order_by(InquiryEntry.id)],
        version=row.version,
        open=row.state != InquiryState.CLOSED,
        may_act=viewer().may_act,
        callers=_options(CALLER_WORDS),
        checks=_options(CHECK_WORDS),
        reasons=_options(CLOSE_WORDS),
        variables=[("{" + name + "}", say(words), values[name]) for name, words in VARIABLES.items()],
        contacts=contacts,
        form={"check": row.identity_check, "caller": row.caller, "caller_check": row.identity_check}
        | (form or {"answer": _draft(row)}),
        **more,
    )


def _entry(entry: InquiryEntry) -> Entry:
    kind = EntryKind(entry.kind)
    author = entry.account.display_name if entry.account else ""
    title = f"{say(ENTRY_WORDS[kind])} {author}".strip()
    return Entry(entry.at, title, entry.text, KIND_OF_ENTRY.get(kind, ""))


def _draft(row: Inquiry) -> str:
    """The card's state and what to do, in the language of the person who will read it."""
    standing = standing_of_registration(row.registration_id) if row.registration_id else None
    if standing is None or row.topic != Topic.CARD:
        return ""
    with force_locale(row.registration.technician.language):
        return "\n\n".join(cards.in_words(standing, Audience.TECHNICIAN).sentences)


def _values(row: Inquiry) -> dict[str, str]:
    standing = standing_of_registration(row.registration_id) if row.registration_id else None
    until = standing.kept_until if standing else None
    return {
        "number": row.number,
        "application_number": row.registration.application_number if row.registration else "",
        "kept_until": f"{until:%Y/%m/%d}" if until else "",
        "telephone": current_app.extensions["settings"].contact_telephone,
    }


def _do(number: int, act: Callable[[Inquiry], None], done: str):
    """Do something with a case as it was seen; 409 when somebody else was first."""
    row = _get(number)
    seen = request.form.get("version", "")
    row.version = int(seen) if seen.isascii() and seen.isdecimal() and len(seen) < 10 else 0
    try:
        act(row)
    except (Stale, StepNotAllowed):
        return stale("ops/inquiries/show.html", _page(_get(number), changed=True))
    flash(done, "good")
    return see_other(url_for("ops_inquiries.show", inquiry=number))


@blueprint.post("/ops/inquiries/<oid:inquiry>/notes")
def note(inquiry: int):
    text, kind = request.form.get("text", "").strip(), request.form.get("kind", "")
    if kind not in ("call", "note", "waiting"):
        abort(400)
    if not text:
        kept = {name: request.form.get(name, "") for name in ("caller", "caller_check")}
        page = _page(_get(inquiry), {"answer": "", "kind": kind, **kept}, errors={"text": NO_TEXT})
        return invalid("ops/inquiries/show.html", page)
    account_id = current_user.account.id
    if kind == "waiting":
        return _do(inquiry, lambda row: cases.wait(row, text, now(), account_id), gettext("返事待ちにしました。"))
    if kind == "call":
        return _do(inquiry, lambda row: _call(row, text, account_id), gettext("書き留めました。"))
    return _do(
        inquiry, lambda row: cases.note(row, EntryKind(kind), text, now(), account_id), gettext("書き留めました。")
    )


def _call(row: Inquiry, text: str, account_id: int) -> None:
    try:
        caller = Caller(request.form.get("caller", row.caller))
        check = IdentityCheck(request.form.get("caller_check", row.identity_check))
    except ValueError:
        abort(400)
    said = f"{say(CALLER_WORDS[caller])}・{say(CHECK_WORDS[check])}: {text}"
    cases.call(row, caller, check, said, now(), account_id)


@blueprint.post("/ops/inquiries/<oid:inquiry>/link")
def link(inquiry: int):
    number, check = request.form.get("application_number", "").strip(), request.form.get("check", "")
    if check not in set(IdentityCheck):
        abort(400)
    registration = _registration(number)
    if registration is None:
        wrong = {"application_number": NO_REGISTRATION}
        form = {"answer": "", "application_number": number, "check": check}
        return invalid("ops/inquiries/show.html", _page(_get(inquiry), form, errors=wrong))
    account_id = current_user.account.id
    return _do(
        inquiry,
        lambda row: cases.link(row, registration, IdentityCheck(check), now(), account_id),
        gettext("登録と結び付けました。"),
    )


@blueprint.post("/ops/inquiries/<oid:inquiry>/answer")
def answer(inquiry: int):
    text, role = request.form.get("answer", ""), request.form.get("role", Role.TECHNICIAN)
    if role not in (Role.TECHNICIAN, Role.BUSINESS):
        abort(400)
    try:
        return _do(
            inquiry,
            lambda row: cases.answer(row, Role(role), text, _values(row), now(), current_user.account.id) and None,
            gettext("メールで回答しました。"),
        )
    except AnswerError as wrong:
        row, form = _get(inquiry), {"answer": text, "role": role}
        errors = {"answer": say(wrong.sentence, wrong.parameters)}
        return invalid("ops/inquiries/show.html", _page(row, form, errors=errors))


@blueprint.post("/ops/inquiries/<oid:inquiry>/close")
def close(inquiry: int):
    reason, text = request.form.get("reason", ""), request.form.get("closing", "")
    if reason not in set(CloseReason):
        abort(400)
    account_id = current_user.account.id
    return _do(
        inquiry, lambda row: cases.close(row, CloseReason(reason), text, now(), account_id), gettext("完了にしました。")
    )


@blueprint.post("/ops/inquiries/<oid:inquiry>/reopen")
def reopen(inquiry: int):
    account_id = current_user.account.id
    return _do(inquiry, lambda row: cases.reopen(row, "", now(), account_id), gettext("受付中に戻しました。"))
