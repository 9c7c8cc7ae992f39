"""Everything that happened to a registration in one list: events, replies, returned mail, work; oldest first."""

import datetime as dt
import re
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

from peewee import Select

from db.models import (
    Account,
    ApiKey,
    Attempt,
    EmailAddress,
    Event,
    ImportRun,
    Inquiry,
    Message,
    Registration,
    ReturnedMail,
    WorkItem,
)
from webapp.domain.cards.labels import CHIPS, Shape
from webapp.domain.cards.queries import HistoryLine, card_panel
from webapp.domain.cards.states import CardState
from webapp.domain.core.attention_labels import item_words
from webapp.domain.core.calendar import jst_day
from webapp.domain.core.event_labels import NOT_SHOWN, event_words
from webapp.domain.core.events import EventName
from webapp.domain.core.language import N_
from webapp.domain.core.sentences import Line
from webapp.domain.notices import labels
from webapp.domain.postcard.page_words import REPRINTS

LONGEST = 500
Show = Callable[[str], str]

_RETURNED: dict[str, tuple[str, str]] = {
    "applied": (N_("戻りメール"), "bad"),
    "evidence": (N_("戻りメール（記録のみ）"), "off"),
    "conflict": (N_("戻りメール（宛先が違うため確認待ち）"), "wait"),
    "unmatched": (N_("戻りメール（照合できません）"), "off"),
    "overruled": (N_("戻りメール（判定を変更しました）"), "off"),
}
_CARD_KINDS = {Shape.WAITING: "off", Shape.MOVING: "busy", Shape.KEPT: "wait", Shape.ARRIVED: "good"}
# The operators' own events say the same of these.
_SAID_OTHERWISE = ("made", "lost", "reopened")
_REPLY = N_("応答: %(code)s %(status)s %(text)s（%(stage)s）")
_NO_STAGE = N_("段階は不明")


@dataclass(frozen=True)
class Entry:
    """One thing that happened; `judgement` holds the sentences of 判定の理由, `returned_mail` its mail's id."""

    at: dt.datetime
    id: int
    sentence: Line
    kind: str
    details: tuple[Line, ...] = ()
    judgement: tuple[Line, ...] = ()
    returned_mail: int | None = None


@dataclass(frozen=True)
class Timeline:
    """The entries; `cut` says that there are older ones than these."""

    entries: tuple[Entry, ...]
    cut: bool


def mask(address: str) -> str:
    """Return an address as those see it who need not know it: k…@docomo.ne.jp."""
    local, at, domain = address.rpartition("@")
    return f"{local[:1]}…{at}{domain}" if at else address


_IN_TEXT = re.compile(r"""[^\s<>"'():;,@]+@(?=[A-Za-z0-9-])""")


def mask_in(text: str) -> str:
    """Return a server's reply with every address in it masked."""
    return _IN_TEXT.sub(lambda found: f"{found[0][:1]}…@", text)


class _Facts:
    """What the events of one registration refer to, read with one query a table."""

    def __init__(self, registration: Registration, events: list[Event], reveals: bool) -> None:
        self.registration = registration
        self.show: Show = (lambda text: text) if reveals else mask_in
        of_registration = Message.registration == registration.id
        self.messages = {m.id: m for m in Message.select().where(of_registration)}
        attempts = list(Attempt.select().where(Attempt.message.in_(list(self.messages)))) if self.messages else []
        self.attempts = {(a.message_id, a.n): a for a in attempts}
        self.by_id = {a.id: a for a in attempts}
        subjects = {e.subject_id for e in events if e.name.startswith("address:") and e.subject_id}
        mailed = {a.address_id for a in attempts} | {m.address_id for m in self.messages.values()}
        self.addresses = _by_id(EmailAddress, subjects | mailed)
        self.accounts = _by_id(Account, {e.account_id for e in events})
        self.items = _by_id(WorkItem, {e.subject_id for e in events if e.name.startswith("work-item:")})
        self.inquiries = _by_id(Inquiry, {e.subject_id for e in events if e.name.startswith("inquiry:")})
        moved = any(e.name == EventName.CARD_POST_MOVED for e in events)
        self.cards = {card.id: card for card in card_panel(registration.id)} if moved else {}

    def report(self, event: Event) -> HistoryLine | None:
        """Return what the post said that made a card what it became, as far as it is still kept."""
        card, became = self.cards.get(event.subject_id or 0), (event.data or {}).get("to")
        lines = [line for shipment in card.shipments for line in shipment.lines if line.state == became] if card else []
        # Reports come later than they happened: of several the last one before the event.
        heard = [(_day(line.at), line) for line in lines if line.at is not None]
        before = [(day, line) for day, line in heard if day <= jst_day(event.at)]
        return max(before, key=itemgetter(0))[1] if before else None

    def address(self, address_id: int | None) -> str:
        row = self.addresses.get(address_id)
        return self.show(row.value) if row else ""


def _day(at: dt.datetime | dt.date) -> dt.date:
    return jst_day(at) if isinstance(at, dt.datetime) else at


def _by_id(model, ids: set) -> dict:
    ids.discard(None)
    return {row.id: row for row in model.select().where(model.id.in_(list(ids)))} if ids else {}


def timeline(registration: Registration, reveals: bool) -> Timeline:
    """Return what happened; `reveals` says whether the reader sees e-mail addresses whole."""
    events = _events(registration)
    cut = len(events) > LONGEST
    events = [e for e in events[:LONGEST] if e.name not in NOT_SHOWN and not _said_otherwise(e)]
    facts = _Facts(registration, events, reveals)
    entries = [_entry(event, facts) for event in events] + list(_returned(facts))
    return Timeline(tuple(sorted(entries, key=lambda e: (e.at, e.id))), cut)


def _said_otherwise(event: Event) -> bool:
    return event.name == EventName.CARD_POST_MOVED and (event.data or {}).get("cause") in _SAID_OTHERWISE


def _events(registration: Registration) -> list[Event]:
    """Events of the registration, and those of the person that belong to no registration (an address, a record)."""
    newest = Event.id.desc()
    mine: Select = Event.select().where(Event.registration_id == registration.id).order_by(newest).limit(LONGEST + 1)
    person = (Event.technician_id == registration.technician_id) & Event.registration_id.is_null()
    theirs = Event.select().where(person).order_by(newest).limit(LONGEST + 1)
    return sorted([*mine, *theirs], key=lambda e: e.id, reverse=True)


def _entry(event: Event, facts: _Facts) -> Entry:
    words, kind = event_words(event.name)
    sentence = Line(words)
    if event.name == EventName.CARD_POST_MOVED and (became := (event.data or {}).get("to")) in set(CardState):
        shape, words = CHIPS[CardState(became)]
        sentence, kind = Line(N_("カード: %(state)s"), {"state": Line(words)}), _CARD_KINDS.get(shape, "bad")
    details = list(_details(event, event.data or {}, facts))
    if event.account_id in facts.accounts:
        details.append(Line(N_("操作: %(who)s"), {"who": facts.accounts[event.account_id].display_name}))
    return Entry(event.at, event.id, sentence, kind, tuple(details))


def _details(event: Event, data: dict, facts: _Facts):
    topic = event.name.partition(":")[0]
    if event.name == EventName.REGISTRATION_IMPORT_COMPLETED:
        yield _origin(facts.registration)
    elif topic == "notice":
        yield from _of_notice(event, data, facts)
    elif event.name == EventName.CARD_POST_MOVED:
        if report := facts.report(event):
            words = f"{report.label} {report.office}".strip()
            yield Line(N_("郵便局の記録: %(words)s（%(at)s）"), {"words": words, "at": report.at})
    elif event.name == EventName.CARD_REMINDER_QUEUED:
        yield Line(N_("宛先: %(role)s"), {"role": Line(labels.ROLES.get(data.get("role", ""), ""))})
    elif topic == "inquiry":
        if inquiry := facts.inquiries.get(event.subject_id):
            yield Line(N_("受付番号 %(number)s"), {"number": inquiry.number})
    elif topic == "address":
        yield Line("%(text)s", {"text": facts.address(event.subject_id)})
        yield from _reason(data)
    elif topic == "postcard":
        if cause := data.get("cause"):
            yield Line(N_("理由: %(reason)s"), {"reason": Line(labels.CAUSES.get(cause, cause))})
        if hold := labels.HOLDS.get(data.get("reason", "")):
            yield Line(N_("理由: %(reason)s"), {"reason": Line(hold)})
        yield from _of_print(data)
    elif event.name == EventName.RETURNED_MAIL_OPS_OVERRULED:
        yield from _reason({"reason": data.get("after")})
    elif topic == "work-item":
        yield Line(item_words(data.get("kind", "")).title)
        item = facts.items.get(event.subject_id)
        if event.name == EventName.WORK_ITEM_OPS_CLOSED and item and item.note:
            yield Line(N_("メモ: %(note)s"), {"note": facts.show(item.note)})


def _of_print(data: dict):
    if batch := data.get("batch"):
        if place := data.get("position"):
            yield Line(N_("発送ロット %(number)s の%(position)s通目"), {"number": batch, "position": str(place)})
        else:
            yield Line(N_("発送ロット %(number)s"), {"number": batch})
    if why := REPRINTS.get(data.get("reprint", "")):
        yield Line(N_("理由: %(reason)s"), {"reason": Line(why)})


def _of_notice(event: Event, data: dict, facts: _Facts):
    message = facts.messages.get(event.subject_id or 0)
    attempt = facts.attempts.get((event.subject_id or 0, data.get("attempt", 0)))
    address_id = attempt.address_id if attempt else message.address_id if message else None
    role = Line(labels.ROLES.get(data.get("role", ""), ""))
    if event.name in (EventName.NOTICE_EMAIL_QUEUED, EventName.NOTICE_EMAIL_SENT, EventName.NOTICE_OPS_REQUEUED):
        yield Line(N_("宛先: %(role)s %(address)s"), {"role": role, "address": facts.address(address_id)})
    else:
        yield Line(N_("宛先: %(role)s"), {"role": role})
    if attempt and event.name in (EventName.NOTICE_EMAIL_REFUSED, EventName.NOTICE_EMAIL_RETRY):
        yield _reply(attempt.reply_code, attempt.reply_status, attempt.reply_text, attempt.stage, facts.show)
    yield from _reason(data)
    if again := data.get("again_at"):
        yield Line(N_("次の送信: %(at)s"), {"at": dt.datetime.fromisoformat(again)})


def _reason(data: dict):
    if reason := data.get("reason"):
        yield Line(N_("理由: %(reason)s"), {"reason": Line(labels.REASONS.get(reason, reason))})


def _reply(code, status, text, stage, show: Show) -> Line:
    params = {"code": str(code or ""), "status": status or "", "text": show(_once(text or "", code, status))}
    return Line(_REPLY, params | {"stage": Line(labels.STAGES.get(stage or "", _NO_STAGE))})


def _once(text: str, code, status) -> str:
    """Return a reply's text without the codes that stand before it already."""
    for part in (str(code or ""), status or ""):
        text = text.removeprefix(part).lstrip(" -") if part else text
    return text


def _origin(registration: Registration) -> Line:
    if registration.import_run_id:
        run = ImportRun.get_by_id(registration.import_run_id)
        params = {"file": run.file_name, "line": str(registration.import_line or "?")}
        return Line(N_("ファイル取込「%(file)s」の%(line)s行目"), params)
    if registration.api_key_id:
        return Line(N_("API「%(name)s」"), {"name": ApiKey.get_by_id(registration.api_key_id).name})
    return Line(N_("取り込みの記録はありません"))


def _returned(facts: _Facts):
    if not facts.by_id:
        return
    for mail in ReturnedMail.select().where(ReturnedMail.attempt.in_(list(facts.by_id))):
        sentence, kind = _RETURNED.get(mail.state, _RETURNED["evidence"])
        if mail.kind == "delivered":
            sentence, kind = N_("到着の通知を受信"), "good"
        details = [said for failure in failures_of(mail)[:1] for said in [_said(failure, facts.show)]]
        if not details and mail.reason:
            details = list(_reason({"reason": mail.reason}))
        if mail.overruled_note:
            details.append(Line(N_("メモ: %(note)s"), {"note": facts.show(mail.overruled_note)}))
        steps = tuple(steps_of(mail, facts.show))
        yield Entry(mail.received_at, mail.id, Line(sentence), kind, tuple(details), steps, mail.id)


def failures_of(mail: ReturnedMail) -> list[dict]:
    """Return the failures that a stored judgement holds."""
    found = (mail.judgement or {}).get("failures") or []
    return [failure for failure in found if isinstance(failure, dict)]


def _said(failure: dict, show: Show) -> Line:
    text, code = failure.get("diagnostic", ""), failure.get("reply_code", "")
    return _reply(code, failure.get("status", ""), text, failure.get("stage"), show)


def steps_of(mail: ReturnedMail, show: Show):
    """Yield the sentences of a stored judgement: what was recognised, which rule decided."""
    for step in (mail.judgement or {}).get("steps") or []:
        sentence, params = (
            (step.get("sentence", ""), step.get("params") or {}) if isinstance(step, dict) else (step[0], step[1])
        )
        if sentence:
            yield Line(sentence, {name: show(str(value)) for name, value in params.items()})
