"""Who is told of a card that waits at the post office or came back: the person and the employer, and nobody else."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass
from enum import StrEnum

from db.database import exclusive, transaction
from db.models import Affiliation, Business, Card, CardReminder, EmailAddress, Message, Shipment, WorkItem
from webapp.domain import addresses
from webapp.domain.addresses import AddressState, OwnerKind
from webapp.domain.calendar import jst_day
from webapp.domain.card import CardState, reminder_days
from webapp.domain.card_fold import LOCK, chunks
from webapp.domain.events import EventName, record
from webapp.domain.metrics import day_of
from webapp.domain.notices import MessageKind, Role, new_message
from webapp.domain.tracking.number import TrackingNumber
from webapp.domain.work_items import State, WorkItemKind, close_item, open_item

BUSINESS_LANGUAGE = "ja"
# Another end of the keeping time is another keeping only when it is this far from the one that was told: a report that
# comes late may move the end by a day or two, a forwarded card is kept anew.
SAME_KEEPING = dt.timedelta(days=3)


class ReminderKind(StrEnum):
    """What the reminder is about."""

    KEPT = "kept"
    LAST = "last"
    RETURNED = "returned"


class ReminderOutcome(StrEnum):
    """What became of it."""

    QUEUED = "queued"
    NO_ADDRESS = "no_address"
    SAME_ADDRESS = "same_address"  # the employer's address is the person's: one mail is enough


@dataclass(frozen=True)
class _Due:
    card: Card
    kind: ReminderKind
    about: str


def remind(now: dt.datetime, limit: int = 2000) -> int:
    """Queue the reminders that are due and return how many mails; whoever calls it how often, each is queued once."""
    queued = 0
    with exclusive(LOCK + 1):
        for part in chunks(_waiting(now, limit)):
            told: dict[int, list[CardReminder]] = defaultdict(list)
            for row in CardReminder.select().where(CardReminder.shipment_id.in_([c.shipment_id for c in part])):
                told[row.shipment_id].append(row)
            for card in part:
                due = _due(card, told[card.shipment_id], now)
                if due is not None:
                    queued += _tell(due, now)
        _close_settled(now)
    return queued


def _waiting(now: dt.datetime, limit: int) -> list[Card]:
    kept = Card.kept_until >= day_of(now)
    back = Card.known == CardState.RETURNED
    return list(
        Card.select()
        .where((kept | back) & Card.shipment_id.is_null(False))
        .order_by(Card.kept_until, Card.id)
        .limit(limit)
    )


def _due(card: Card, told: list[CardReminder], now: dt.datetime) -> _Due | None:
    today = jst_day(now)
    if card.known == CardState.RETURNED:
        done = any(row.kind == ReminderKind.RETURNED for row in told)
        return None if done else _Due(card, ReminderKind.RETURNED, "")
    until: dt.date = card.kept_until
    same = [row for row in told if row.about and abs(dt.date.fromisoformat(row.about) - until) <= SAME_KEEPING]
    first = min((jst_day(row.at) for row in same if row.kind == ReminderKind.KEPT), default=None)
    if first is None:
        return _Due(card, ReminderKind.KEPT, until.isoformat())
    days = reminder_days(until, first)
    last_told = any(row.kind == ReminderKind.LAST for row in same)
    if len(days) > 1 and today >= days[1] and not last_told:
        return _Due(card, ReminderKind.LAST, until.isoformat())
    return None


def _tell(due: _Due, now: dt.datetime) -> int:
    card = due.card
    person = card.technician
    mine = _working(addresses.current(OwnerKind.TECHNICIAN, person.id))
    affiliation = Affiliation.get_or_none((Affiliation.technician == person) & Affiliation.current)
    employer: Business | None = affiliation.business if affiliation else None
    theirs = _working(addresses.current(OwnerKind.BUSINESS, employer.id)) if employer else None
    content = _content(due)
    queued = 0
    if mine is not None:
        message = _queue(due, Role.TECHNICIAN, mine, person.language, content, now)
        _remember(due, Role.TECHNICIAN, ReminderOutcome.QUEUED, message, now)
        queued += 1
    else:
        _remember(due, Role.TECHNICIAN, ReminderOutcome.NO_ADDRESS, None, now)
        content["unreachable"] = "1"
        reason = "through_business" if theirs else "nobody"
        open_item(WorkItemKind.CARD_UNREACHABLE, "registration", card.registration_id, reason, now)
        _event(EventName.CARD_REMINDER_UNREACHABLE, due, now, {"reason": reason})
    if employer is None:
        return queued
    if theirs is None:
        _remember(due, Role.BUSINESS, ReminderOutcome.NO_ADDRESS, None, now)
    elif mine is not None and mine.value_key == theirs.value_key:
        _remember(due, Role.BUSINESS, ReminderOutcome.SAME_ADDRESS, None, now)
    else:
        message = _queue(due, Role.BUSINESS, theirs, BUSINESS_LANGUAGE, content, now, employer)
        _remember(due, Role.BUSINESS, ReminderOutcome.QUEUED, message, now)
        queued += 1
    return queued


def _working(address: EmailAddress | None) -> EmailAddress | None:
    return None if address is None or address.state == AddressState.INVALID else address


def _content(due: _Due) -> dict[str, str]:
    """What the text needs beyond names and numbers of the registration; dates in a form both languages read."""
    shipment = Shipment.get_by_id(due.card.shipment_id)
    content = {"tracking_number": str(TrackingNumber(shipment.number))}
    if due.kind is ReminderKind.RETURNED:
        return content | {"returned": "1"}
    content["kept_until"] = due.about.replace("-", "/")
    return content | ({"last": "1"} if due.kind is ReminderKind.LAST else {})


def _queue(
    due: _Due,
    role: Role,
    address: EmailAddress,
    language: str,
    content: dict[str, str],
    now: dt.datetime,
    employer: Business | None = None,
) -> Message:
    message = new_message(
        MessageKind.CARD_REMINDER,
        role,
        address,
        language,
        now,
        registration=due.card.registration_id,
        technician=due.card.technician_id,
        business=employer,
        content=dict(content),
    )
    _event(EventName.CARD_REMINDER_QUEUED, due, now, {"kind": due.kind, "role": role})
    return message


def _remember(due: _Due, role: Role, outcome: ReminderOutcome, message: Message | None, now: dt.datetime) -> None:
    CardReminder.insert(
        card=due.card,
        shipment_id=due.card.shipment_id,
        kind=due.kind,
        role=role,
        about=due.about,
        outcome=outcome,
        message=message,
        at=now,
    ).on_conflict_ignore().execute()


def _event(name: EventName, due: _Due, now: dt.datetime, data: dict) -> None:
    card = due.card
    record(
        name,
        now,
        registration_id=card.registration_id,
        technician_id=card.technician_id,
        subject_id=card.id,
        data=data,
    )


def _close_settled(now: dt.datetime) -> None:
    """Close what asks ops to reach a person whose card does not wait any more."""
    with transaction():
        for item in WorkItem.open().where(WorkItem.kind == WorkItemKind.CARD_UNREACHABLE):
            waits = (Card.registration == item.subject_id) & Card.known.in_(
                [CardState.ABSENT, CardState.KEPT, CardState.RETURNED]
            )
            if not Card.select().where(waits).exists():
                close_item(item, State.DISMISSED, "settled", now, None)
