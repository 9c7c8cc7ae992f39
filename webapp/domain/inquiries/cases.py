"""Cases of the contact centre: who called, how it was made sure who they are, what was said, how it ended."""

import datetime as dt
import re
import secrets
from collections.abc import Mapping
from enum import StrEnum

from peewee import IntegrityError

from db.database import transaction
from db.models import Affiliation, Business, EmailAddress, Inquiry, InquiryEntry, Message, Registration
from webapp.domain.audit.log import audit
from webapp.domain.core.calendar import JST
from webapp.domain.core.errors import Stale, StepNotAllowed
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind
from webapp.domain.notices.messages import MessageKind, Role, new_message

MOST_PARAGRAPHS = 4
LONGEST_TEXT = 2000
_PARAGRAPH = 600


class InquiryState(StrEnum):
    """Where a case stands: `waiting` is for the caller or somebody else to do something."""

    OPEN = "open"
    WAITING = "waiting"
    CLOSED = "closed"


class InquiryStep(StrEnum):
    """What can happen to a case."""

    ANSWER = "answer"
    WAIT = "wait"
    CALL = "call"
    CLOSE = "close"
    REOPEN = "reopen"


_S = InquiryState
STEPS: dict[tuple[InquiryState, InquiryStep], InquiryState] = {
    (_S.OPEN, InquiryStep.ANSWER): _S.WAITING,
    (_S.OPEN, InquiryStep.WAIT): _S.WAITING,
    (_S.OPEN, InquiryStep.CALL): _S.OPEN,
    (_S.OPEN, InquiryStep.CLOSE): _S.CLOSED,
    (_S.WAITING, InquiryStep.ANSWER): _S.WAITING,
    (_S.WAITING, InquiryStep.CALL): _S.OPEN,  # they called again
    (_S.WAITING, InquiryStep.CLOSE): _S.CLOSED,
    (_S.WAITING, InquiryStep.REOPEN): _S.OPEN,
    (_S.CLOSED, InquiryStep.REOPEN): _S.OPEN,
}


class Topic(StrEnum):
    """What a case is about."""

    CARD = "card"
    NOTICE = "notice"
    POSTCARD = "postcard"
    RECORD = "record"
    DISCLOSURE = "disclosure"
    OTHER = "other"


class Channel(StrEnum):
    """How it came."""

    PHONE = "phone"
    MAIL = "mail"
    WEB = "web"


class Caller(StrEnum):
    """Who asks."""

    SELF = "self"
    FAMILY = "family"
    BUSINESS = "business"
    OTHER = "other"
    UNKNOWN = "unknown"


class IdentityCheck(StrEnum):
    """How it was made sure who asks. What may be told depends on it (docs/operation.md)."""

    NONE = "none"
    NUMBER_AND_BIRTH = "number_and_birth"
    CALLED_BACK = "called_back"
    SIGNED_IN = "signed_in"


class CloseReason(StrEnum):
    """How a case ended."""

    ANSWERED = "answered"
    CARD_ARRIVED = "card_arrived"
    POSTED_AGAIN = "posted_again"
    NO_REPLY = "no_reply"
    DUPLICATE = "duplicate"
    NOT_OURS = "not_ours"


class EntryKind(StrEnum):
    """What a line of the history is."""

    OPENED = "opened"
    CALL = "call"
    NOTE = "note"
    ANSWER = "answer"
    LINKED = "linked"
    WAITING = "waiting"
    CLOSED = "closed"
    REOPENED = "reopened"


STATE_WORDS = {_S.OPEN: N_("受付中"), _S.WAITING: N_("返事待ち"), _S.CLOSED: N_("完了")}
TOPIC_WORDS = {
    Topic.CARD: N_("カードが届かない"),
    Topic.NOTICE: N_("お知らせのメールが届かない"),
    Topic.POSTCARD: N_("圧着ハガキのこと"),
    Topic.RECORD: N_("登録した情報のこと"),
    Topic.DISCLOSURE: N_("開示設定のこと"),
    Topic.OTHER: N_("そのほか"),
}
CHANNEL_WORDS = {Channel.PHONE: N_("電話"), Channel.MAIL: N_("メール"), Channel.WEB: N_("このサイト")}
CALLER_WORDS = {
    Caller.SELF: N_("技能者本人"),
    Caller.FAMILY: N_("家族"),
    Caller.BUSINESS: N_("事業者"),
    Caller.OTHER: N_("そのほかの人"),
    Caller.UNKNOWN: N_("分からない"),
}
CHECK_WORDS = {
    IdentityCheck.NONE: N_("確認していない"),
    IdentityCheck.NUMBER_AND_BIRTH: N_("申請番号と生年月日"),
    IdentityCheck.CALLED_BACK: N_("登録された電話番号への折り返し"),
    IdentityCheck.SIGNED_IN: N_("サインインした画面"),
}
CLOSE_WORDS = {
    CloseReason.ANSWERED: N_("回答した"),
    CloseReason.CARD_ARRIVED: N_("カードが届いた"),
    CloseReason.POSTED_AGAIN: N_("カードを発送し直した"),
    CloseReason.NO_REPLY: N_("返事がない"),
    CloseReason.DUPLICATE: N_("同じ問い合わせがある"),
    CloseReason.NOT_OURS: N_("窓口が違う"),
}
ENTRY_WORDS = {
    EntryKind.OPENED: N_("受付"),
    EntryKind.CALL: N_("電話"),
    EntryKind.NOTE: N_("メモ"),
    EntryKind.ANSWER: N_("メールで回答"),
    EntryKind.LINKED: N_("登録と結び付け"),
    EntryKind.WAITING: N_("返事待ち"),
    EntryKind.CLOSED: N_("完了"),
    EntryKind.REOPENED: N_("再開"),
}

# What an operator may write in braces in an answer, and what it stands for.
VARIABLES = {
    "number": N_("受付番号"),
    "application_number": N_("申請番号"),
    "kept_until": N_("カードの保管期限"),
    "telephone": N_("問い合わせ先の電話番号"),
}
_BRACES = re.compile(r"\{([^{}]*)\}")

EMPTY = N_("回答を入れてください。")
TOO_LONG = N_("回答が長すぎます。%(bound)s文字までの段落を、%(paragraphs)sつまでにしてください。")
UNKNOWN_VARIABLE = N_("「{%(name)s}」という差し込みはありません。使えるものから選んでください。")
NO_VALUE = N_("「{%(name)s}」に入る値がありません。文を直してください。")
STRAY_BRACE = N_("{ と } は、差し込みだけに使ってください。")
NO_CONTACT = N_("登録された連絡先に、届くメールアドレスがありません。電話で回答してください。")
NOT_LINKED = N_("登録と結び付いていません。申請番号を確かめて結び付けてから、メールで回答してください。")


class AnswerError(ValueError):
    """An answer that cannot be sent; `sentence` and `parameters` say why."""

    def __init__(self, sentence: str, **parameters: object) -> None:
        super().__init__(sentence % parameters if parameters else sentence)
        self.sentence = sentence
        self.parameters = parameters


def open_inquiry(
    topic: Topic,
    channel: Channel,
    caller: Caller,
    check: IdentityCheck,
    now: dt.datetime,
    *,
    registration_id: int | None = None,
    text: str = "",
    language: str = "ja",
    account_id: int | None = None,
) -> Inquiry:
    """Open a case; its number is the day and four random digits, to be read out on the telephone.

    RuntimeError when twenty numbers of the day in a row are taken.
    """
    for _ in range(20):
        try:
            with transaction():
                inquiry = Inquiry.create(
                    number=f"{now.astimezone(JST):%y%m%d}-{secrets.randbelow(9000) + 1000}",
                    state=InquiryState.OPEN,
                    topic=topic,
                    channel=channel,
                    caller=caller,
                    identity_check=check,
                    registration=registration_id,
                    language=language,
                    opened_at=now,
                    changed_at=now,
                )
                kind = EntryKind.CALL if channel == Channel.PHONE else EntryKind.OPENED
                _enter(inquiry, kind, now, account_id, text)
                by_ops = account_id is not None
                name = EventName.INQUIRY_OPS_OPENED if by_ops else EventName.INQUIRY_WEB_OPENED
                _event(name, inquiry, now, account_id, {"topic": topic, "channel": channel})
                return inquiry
        except IntegrityError:
            continue  # the number is taken: draw again
    raise RuntimeError("no free inquiry number today")


def open_inquiry_of(registration_id: int) -> Inquiry | None:
    """Return a case about this registration's card that is not closed."""
    mine = (Inquiry.registration == registration_id) & (Inquiry.topic == Topic.CARD)
    return Inquiry.get_or_none(mine & (Inquiry.state != InquiryState.CLOSED))


def note(inquiry: Inquiry, kind: EntryKind, text: str, now: dt.datetime, account_id: int) -> None:
    """Note a remark."""
    with transaction():
        _enter(inquiry, kind, now, account_id, text)
        _event(EventName.INQUIRY_OPS_NOTED, inquiry, now, account_id, {"kind": kind})


def call(inquiry: Inquiry, caller: Caller, check: IdentityCheck, text: str, now: dt.datetime, account_id: int) -> None:
    """Note a call, who called, and how it was made sure who they are; a waiting case is open again by it."""
    with transaction():
        _step(inquiry, InquiryStep.CALL, now, caller=caller, identity_check=check)
        _enter(inquiry, EntryKind.CALL, now, account_id, text)
        data = {"kind": EntryKind.CALL, "caller": caller, "check": check}
        _event(EventName.INQUIRY_OPS_NOTED, inquiry, now, account_id, data)


def wait(inquiry: Inquiry, text: str, now: dt.datetime, account_id: int) -> None:
    """Leave a case to wait for somebody else, with a remark for whom."""
    with transaction():
        _step(inquiry, InquiryStep.WAIT, now)
        _enter(inquiry, EntryKind.WAITING, now, account_id, text)


def link(inquiry: Inquiry, registration: Registration, check: IdentityCheck, now: dt.datetime, account_id: int) -> None:
    """Tie a case to a registration, and keep how it was made sure that the caller may speak of it."""
    with transaction():
        _change(inquiry, now, registration=registration, identity_check=check)
        _enter(inquiry, EntryKind.LINKED, now, account_id)
        _event(EventName.INQUIRY_OPS_LINKED, inquiry, now, account_id, {"check": check})
        detail = {"registration": registration.application_number, "check": check}
        audit(EventName.INQUIRY_OPS_LINKED, now, account_id, "inquiry", inquiry.id, detail)


def paragraphs_of(text: str, values: Mapping[str, str]) -> list[str]:
    """Return the paragraphs of an answer with its variables filled in; AnswerError when something is wrong with it."""
    for name in _BRACES.findall(text):
        if name not in VARIABLES:
            raise AnswerError(UNKNOWN_VARIABLE, name=name)
        if not values.get(name):
            raise AnswerError(NO_VALUE, name=name)
    if re.search(r"[{}]", _BRACES.sub("", text)):
        raise AnswerError(STRAY_BRACE)
    filled = _BRACES.sub(lambda found: values[found[1]], text)
    paragraphs = [" ".join(part.split()) for part in re.split(r"\r?\n\s*\r?\n", filled) if part.strip()]
    if not paragraphs:
        raise AnswerError(EMPTY)
    if len(paragraphs) > MOST_PARAGRAPHS or any(len(part) > _PARAGRAPH for part in paragraphs):
        raise AnswerError(TOO_LONG, bound=_PARAGRAPH, paragraphs=MOST_PARAGRAPHS)
    return paragraphs


def answer(
    inquiry: Inquiry, role: Role, text: str, values: Mapping[str, str], now: dt.datetime, account_id: int
) -> Message:
    """Answer by mail to the registered contact of the linked registration and to no other address.

    `role` is TECHNICIAN or BUSINESS (the current employer). AnswerError when it cannot be sent.
    """
    paragraphs = paragraphs_of(text, values)
    if inquiry.registration is None:
        raise AnswerError(NOT_LINKED)
    registration = inquiry.registration
    address, employer = contact_of(registration, role)
    if address is None:
        raise AnswerError(NO_CONTACT)
    with transaction():
        _step(inquiry, InquiryStep.ANSWER, now)
        content = {f"answer_{letter}": part for letter, part in zip("abcd", paragraphs, strict=False)}
        message = new_message(
            MessageKind.INQUIRY,
            role,
            address,
            registration.technician.language if role is Role.TECHNICIAN else "ja",
            now,
            registration=registration,
            technician=registration.technician,
            business=employer,
            content=content | {"inquiry_number": inquiry.number},
        )
        _enter(inquiry, EntryKind.ANSWER, now, account_id, "\n\n".join(paragraphs), message)
        _event(EventName.INQUIRY_OPS_ANSWERED, inquiry, now, account_id, {"role": role})
        return message


def contact_of(registration: Registration, role: Role) -> tuple[EmailAddress | None, Business | None]:
    """Return the registered address that an answer may go to, if it works, and the current employer for BUSINESS."""
    employer = None
    if role is Role.TECHNICIAN:
        address = versions.current(OwnerKind.TECHNICIAN, registration.technician_id)
    else:
        mine = (Affiliation.technician == registration.technician_id) & Affiliation.current
        affiliation = Affiliation.get_or_none(mine)
        employer = affiliation.business if affiliation else None
        address = versions.current(OwnerKind.BUSINESS, employer.id) if employer else None
    works = address is not None and address.state != AddressState.INVALID
    return (address if works else None), employer


def close(inquiry: Inquiry, reason: CloseReason, text: str, now: dt.datetime, account_id: int) -> None:
    """Close a case with its reason."""
    with transaction():
        _step(inquiry, InquiryStep.CLOSE, now, closed_at=now, close_reason=reason)
        _enter(inquiry, EntryKind.CLOSED, now, account_id, text)
        _event(EventName.INQUIRY_OPS_CLOSED, inquiry, now, account_id, {"reason": reason})


def reopen(inquiry: Inquiry, text: str, now: dt.datetime, account_id: int) -> None:
    """Open a waiting or closed case again."""
    with transaction():
        _step(inquiry, InquiryStep.REOPEN, now, closed_at=None, close_reason=None)
        _enter(inquiry, EntryKind.REOPENED, now, account_id, text)
        _event(EventName.INQUIRY_OPS_REOPENED, inquiry, now, account_id)


def _step(inquiry: Inquiry, step: InquiryStep, now: dt.datetime, **changes) -> None:
    after = STEPS.get((InquiryState(inquiry.state), step))
    if after is None:
        raise StepNotAllowed(f"a case that is {inquiry.state} cannot {step}")
    _change(inquiry, now, state=after, **changes)


def _change(inquiry: Inquiry, now: dt.datetime, **changes) -> None:
    """Write changes unless somebody was quicker (Stale)."""
    version = inquiry.version
    values = {"changed_at": now, "version": version + 1, **changes}
    if not Inquiry.update(values).where((Inquiry.id == inquiry.id) & (Inquiry.version == version)).execute():
        raise Stale
    for name, value in values.items():
        setattr(inquiry, name, value)


def _enter(
    inquiry: Inquiry,
    kind: EntryKind,
    now: dt.datetime,
    account_id: int | None,
    text: str = "",
    message: Message | None = None,
) -> None:
    text = text.strip()[:LONGEST_TEXT]
    InquiryEntry.create(inquiry=inquiry, at=now, kind=kind, account=account_id, text=text, message=message)


def _event(
    name: EventName, inquiry: Inquiry, now: dt.datetime, account_id: int | None, data: dict | None = None
) -> None:
    record(name, now, registration_id=inquiry.registration_id, subject_id=inquiry.id, account_id=account_id, data=data)
