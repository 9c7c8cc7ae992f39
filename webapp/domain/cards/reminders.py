"""Who is told of a card that waits at the post office or came back: the person and the employer, and nobody else."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from db.database import exclusive, transaction
from db.ids import new_id
from db.locks import Lock
from db.models import Affiliation, Business, Card, CardReminder, EmailAddress, Message, Shipment, Technician, WorkItem
from db.rows import insert_row, values_of
from webapp.domain.cards.states import LAST_REMINDER_DAYS, CardState, reminder_days
from webapp.domain.cards.tracking.number import TrackingNumber
from webapp.domain.core.calendar import jst_day
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, close_item, open_item
from webapp.domain.email_addresses.versions import AddressState, OwnerKind
from webapp.domain.notices.messages import MessageKind, Role, new_message

BUSINESS_LANGUAGE = "ja"
AT_ONCE = 500  # cards in one transaction
# Another end of the keeping time is another keeping only when it is this far from the one that was told: a report that
# comes late may move the end by a day or two, a forwarded card is kept anew.
SAME_KEEPING = dt.timedelta(days=3)


class ReminderKind(StrEnum):
    """What the reminder is about."""

    KEPT = "kept"
    LAST = "last"
    RETURNED = "returned"
    ASKED = "asked"  # operators asked the employer for the right address


class ReminderOutcome(StrEnum):
    """What became of it."""

    QUEUED = "queued"
    NO_ADDRESS = "no_address"
    SAME_ADDRESS = "same_address"  # the employer's address is the person's: one mail is enough


class AskOutcome(StrEnum):
    """What asking the employer for the right address would do."""

    ASKS = "asks"
    ASKED_TODAY = "asked_today"
    NO_EMPLOYER = "no_employer"
    NO_ADDRESS = "no_address"
    NOT_RETURNED = "not_returned"


ASK_WORDS = {
    AskOutcome.ASKS: N_("所属事業者にメールで尋ねる"),
    AskOutcome.ASKED_TODAY: N_("尋ねない（今日はもう尋ねました）"),
    AskOutcome.NO_EMPLOYER: N_("尋ねない（所属事業者がありません）"),
    AskOutcome.NO_ADDRESS: N_("尋ねない（所属事業者に届くメールアドレスがありません。電話で尋ねてください）"),
    AskOutcome.NOT_RETURNED: N_("尋ねない（返送された状態ではありません）"),
}


@dataclass(frozen=True)
class _Due:
    card: Card
    kind: ReminderKind
    about: str


@dataclass(frozen=True)
class _People:
    """Whom the cards of one lot concern: their working addresses, employers and tracking numbers."""

    own: dict[int, EmailAddress]  # by technician
    employers: dict[int, Business]  # by technician
    offices: dict[int, EmailAddress]  # by business
    numbers: dict[int, str]  # by shipment


def remind(now: dt.datetime, limit: int = 2000) -> int:
    """Queue the reminders that are due and return how many mails; whoever calls it how often, each is queued once.

    It stops behind the lot of cards in which `limit` mails were reached; the next call goes on there.
    """
    queued, behind = 0, 0
    while queued < limit:
        with exclusive(Lock.CARD_REMINDERS):
            waiting = _waiting(now, behind)
            queued += _remind(waiting, now)
        if len(waiting) < AT_ONCE:
            break
        behind = waiting[-1].id
    _close_settled(now)
    return queued


def _remind(waiting: list[Card], now: dt.datetime) -> int:
    reminders: dict[int, list[CardReminder]] = defaultdict(list)
    for row in CardReminder.select().where(CardReminder.shipment_id.in_([c.shipment_id for c in waiting])):
        reminders[row.shipment_id].append(row)
    due = [reminder for card in waiting if (reminder := _due(card, reminders[card.shipment_id], now))]
    people = _people([reminder.card for reminder in due])
    return sum(_tell(reminder, people, now) for reminder in due)


# Cards of which not all is told yet. What the dates of reminders say of a keeping that moved a little, `_due` knows.
_WAITING = """
SELECT id FROM card
WHERE (kept_until IS NOT NULL OR known = 'returned') AND shipment_id IS NOT NULL AND id > ?
AND CASE WHEN known = 'returned'
    THEN NOT EXISTS (SELECT 1 FROM card_reminder r WHERE r.shipment_id = card.shipment_id AND r.kind = 'returned')
    ELSE kept_until >= ? AND (
        NOT EXISTS (SELECT 1 FROM card_reminder r
            WHERE r.shipment_id = card.shipment_id AND r.kind = 'kept' AND r.about = card.kept_until)
        OR kept_until <= ? AND NOT EXISTS (SELECT 1 FROM card_reminder r
            WHERE r.shipment_id = card.shipment_id AND r.kind = 'last' AND r.about = card.kept_until))
    END
ORDER BY id LIMIT ?
"""


def _waiting(now: dt.datetime, behind: int) -> list[Card]:
    today = jst_day(now)
    last = today + dt.timedelta(days=LAST_REMINDER_DAYS)
    ids = [row[0] for row in values_of(_WAITING, behind, today.isoformat(), last.isoformat(), AT_ONCE)]
    query = Card.select(Card, Technician).join(Technician, on=(Card.technician == Technician.id))
    return list(query.where(Card.id.in_(ids)).order_by(Card.id)) if ids else []


def _people(cards: Sequence[Card]) -> _People:
    persons = [card.technician_id for card in cards]
    affiliations = (
        Affiliation.select(Affiliation, Business)
        .join(Business, on=(Affiliation.business == Business.id))
        .where(Affiliation.technician.in_(persons) & Affiliation.current)
    )
    employers = {affiliation.technician_id: affiliation.business for affiliation in affiliations}
    shipments = Shipment.select(Shipment.id, Shipment.number).where(Shipment.id.in_([c.shipment_id for c in cards]))
    return _People(
        _working(OwnerKind.TECHNICIAN, persons),
        employers,
        _working(OwnerKind.BUSINESS, [employer.id for employer in employers.values()]),
        {row.id: str(TrackingNumber(row.number)) for row in shipments},
    )


def _working(kind: OwnerKind, owners: list[int]) -> dict[int, EmailAddress]:
    """The newest address of each owner, unless it is known not to work."""
    mine = (EmailAddress.owner_kind == kind) & EmailAddress.owner_id.in_(owners) & EmailAddress.valid_to.is_null()
    newest = {row.owner_id: row for row in EmailAddress.select().where(mine).order_by(EmailAddress.version)}
    return {owner: row for owner, row in newest.items() if row.state != AddressState.INVALID}


def _due(card: Card, reminders: list[CardReminder], now: dt.datetime) -> _Due | None:
    today = jst_day(now)
    if card.known == CardState.RETURNED:
        done = any(row.kind == ReminderKind.RETURNED for row in reminders)
        return None if done else _Due(card, ReminderKind.RETURNED, "")
    until: dt.date = card.kept_until
    same = [row for row in reminders if row.about and abs(dt.date.fromisoformat(row.about) - until) <= SAME_KEEPING]
    first = min((jst_day(row.at) for row in same if row.kind == ReminderKind.KEPT), default=None)
    if first is None:
        return _Due(card, ReminderKind.KEPT, until.isoformat())
    days = reminder_days(until, first)
    last_told = any(row.kind == ReminderKind.LAST for row in same)
    if len(days) > 1 and today >= days[1] and not last_told:
        return _Due(card, ReminderKind.LAST, until.isoformat())
    return None


def _tell(due: _Due, people: _People, now: dt.datetime) -> int:
    card = due.card
    person = card.technician
    mine = people.own.get(person.id)
    employer = people.employers.get(person.id)
    theirs = people.offices.get(employer.id) if employer else None
    content = _content(due, people.numbers[card.shipment_id])
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


def _content(due: _Due, number: str) -> dict[str, str]:
    """What the text needs beyond names and numbers of the registration; dates in a form both languages read."""
    content = {"tracking_number": number}
    if due.kind in (ReminderKind.RETURNED, ReminderKind.ASKED):
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
    account_id: int | None = None,
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
    _event(EventName.CARD_REMINDER_QUEUED, due, now, {"kind": due.kind, "role": role}, account_id)
    return message


def _remember(due: _Due, role: Role, outcome: ReminderOutcome, message: Message | None, now: dt.datetime) -> None:
    insert_row(
        CardReminder,
        id=new_id(),
        card=due.card,
        shipment_id=due.card.shipment_id,
        kind=due.kind,
        role=role,
        about=due.about,
        outcome=outcome,
        message=message,
        at=now,
    )


def could_be_asked(cards: Sequence[Card], now: dt.datetime) -> dict[int, AskOutcome]:
    """Return by card what asking its employer for the right address would do."""
    people, today = _people(cards), jst_day(now).isoformat()
    mine = CardReminder.shipment_id.in_([card.shipment_id for card in cards if card.shipment_id])
    asked_today = (CardReminder.kind == ReminderKind.ASKED) & (CardReminder.about == today)
    asked = {row[0] for row in CardReminder.select(CardReminder.shipment_id).where(mine & asked_today).tuples()}
    return {card.id: _ask_outcome(card, people, card.shipment_id in asked) for card in cards}


def _ask_outcome(card: Card, people: _People, asked_today: bool) -> AskOutcome:
    employer = people.employers.get(card.technician_id)
    if card.known != CardState.RETURNED or card.shipment_id is None:
        return AskOutcome.NOT_RETURNED
    if employer is None:
        return AskOutcome.NO_EMPLOYER
    if employer.id not in people.offices:
        return AskOutcome.NO_ADDRESS
    return AskOutcome.ASKED_TODAY if asked_today else AskOutcome.ASKS


def ask_employers(card_ids: Iterable[int], now: dt.datetime, account_id: int) -> int:
    """Ask the current employers of returned cards for the right address, once a day a card; return how many mails."""
    with exclusive(Lock.CARD_REMINDERS):
        cards = list(Card.select().where(Card.id.in_(list(card_ids))).order_by(Card.id))
        people, outcomes = _people(cards), could_be_asked(cards, now)
        asked = [card for card in cards if outcomes[card.id] is AskOutcome.ASKS]
        for card in asked:
            due = _Due(card, ReminderKind.ASKED, jst_day(now).isoformat())
            employer = people.employers[card.technician_id]
            content = _content(due, people.numbers[card.shipment_id])
            address = people.offices[employer.id]
            message = _queue(due, Role.BUSINESS, address, BUSINESS_LANGUAGE, content, now, employer, account_id)
            _remember(due, Role.BUSINESS, ReminderOutcome.QUEUED, message, now)
        return len(asked)


def _event(name: EventName, due: _Due, now: dt.datetime, data: dict, account_id: int | None = None) -> None:
    card = due.card
    record(
        name,
        now,
        registration_id=card.registration_id,
        technician_id=card.technician_id,
        subject_id=card.id,
        account_id=account_id,
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
                close_item(item, WorkItemState.DISMISSED, "settled", now, None)
