"""What operators decide about cards: made, lost and found, given back to be posted again, exported to be made."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass

from db.database import transaction
from db.models import Card, Registration, Shipment, Technician
from db.rows import in_parts
from webapp.domain.audit.log import audit
from webapp.domain.cards.projection import folding, refold
from webapp.domain.cards.states import CardEvent, CardState, step
from webapp.domain.core.events import EventName, record

MOST_EXPORTED = 20_000


@dataclass(frozen=True)
class Delivery:
    """Where a card goes: postal code, address and name as they came; the name may be empty (the person's own)."""

    postal_code: str
    address: str
    name: str = ""


def delivery_of(card: Card, registration: Registration, person: Technician) -> Delivery:
    """Return where a card goes: the corrected address, else the delivery address, else the current one.

    CCUS internet application guide for technicians, section 7: to the delivery address if postal code and address are
    both given, else to the current address.
    """
    if card.delivery_postal_code and card.delivery_address:
        return Delivery(card.delivery_postal_code, card.delivery_address, card.delivery_name or person.name)
    if registration.delivery_postal_code and registration.delivery_address:
        name = registration.delivery_name or person.name
        return Delivery(registration.delivery_postal_code, registration.delivery_address, name)
    return Delivery(person.postal_code, person.address, person.name)


def mark_made(card_ids: Iterable[int], now: dt.datetime, account_id: int | None) -> int:
    """Mark ordered cards as made; cards in any other state stay as they are. Return how many."""
    with folding():
        cards = [card for card in _cards(card_ids) if card.state == CardState.ORDERED]
        for card in cards:
            Card.update(made_at=now).where(Card.id == card.id).execute()
            _note(EventName.CARD_OPS_MADE, card, now, account_id)
        refold([card.id for card in cards], now, "made", account_id)
        return len(cards)


def declare_lost(card_ids: Iterable[int], now: dt.datetime, account_id: int | None) -> int:
    """Declare cards in the post lost. StepNotAllowed if one of them cannot be: nothing is changed then."""
    with folding():
        cards = _cards(card_ids)
        for card in cards:
            step(CardState(card.known), CardEvent.DECLARED_LOST)
            Shipment.update(lost_at=now).where(Shipment.id == card.shipment_id).execute()
            _note(EventName.CARD_OPS_LOST, card, now, account_id)
        refold([card.id for card in cards], now, "lost", account_id)
        return len(cards)


def take_back_lost(card_ids: Iterable[int], now: dt.datetime, account_id: int | None) -> int:
    """Take back the declaration: the card stands again as the post reports. Cards that are not lost stay."""
    with folding():
        cards = [card for card in _cards(card_ids) if card.known == CardState.LOST]
        for card in cards:
            Shipment.update(lost_at=None).where(Shipment.id == card.shipment_id).execute()
            _note(EventName.CARD_OPS_FOUND, card, now, account_id)
        refold([card.id for card in cards], now, "found", account_id, undo=True)
        return len(cards)


class NotReopenable(ValueError):
    """Only a returned or lost card can be posted again."""


def reopen(
    card_id: int, now: dt.datetime, account_id: int | None, note: str = "", delivery: Delivery | None = None
) -> None:
    """Give a returned or lost card back to be posted again under a new number; its history stays.

    A returned card is there and waits to be posted; a lost one has to be made again. `delivery` is the corrected
    address, kept with an audit row. NotReopenable for a card in any other state.
    """
    with folding():
        card = Card.get_by_id(card_id)
        if card.known not in (CardState.RETURNED, CardState.LOST):
            raise NotReopenable(card.known)
        Shipment.update(closed_at=now, close_reason=card.known).where(Shipment.id == card.shipment_id).execute()
        changes: dict[str, object] = {"reopened_at": now}
        changes |= {"made_at": None, "exported_at": None} if card.known == CardState.LOST else {"made_at": now}
        if delivery is not None:
            changes |= {
                "delivery_postal_code": delivery.postal_code,
                "delivery_address": delivery.address,
                "delivery_name": delivery.name or None,
            }
        Card.update(changes).where(Card.id == card.id).execute()
        _note(EventName.CARD_OPS_REOPENED, card, now, account_id, {"from": card.known, "corrected": bool(delivery)})
        detail = {"note": note}
        if delivery is not None:
            detail |= {"postal_code": delivery.postal_code, "address": delivery.address, "name": delivery.name}
        audit(EventName.CARD_OPS_REOPENED, now, account_id, "card", card.id, detail)
        refold([card.id], now, "reopened", account_id)


@dataclass(frozen=True)
class ToMake:
    """A line of the manifest: what is printed on the card, and where it goes."""

    card_id: int
    person_id: int
    registration_id: int
    application_number: str
    technician_id: str
    name: str
    name_kana: str
    delivery: Delivery


def to_make(limit: int = MOST_EXPORTED, *, again: bool = False) -> list[ToMake]:
    """Return the ordered cards that no manifest has held yet (with `again`: all ordered ones), oldest order first."""
    query = (
        Card.select(Card, Registration, Technician)
        .join(Registration, on=(Card.registration == Registration.id))
        .switch(Card)
        .join(Technician, on=(Card.technician == Technician.id))
        .where(Card.state == CardState.ORDERED)
        .order_by(Card.changed_at, Card.id)
        .limit(limit)
    )
    if not again:
        query = query.where(Card.exported_at.is_null())
    return [
        ToMake(
            card.id,
            card.technician_id,
            card.registration_id,
            card.registration.application_number,
            card.technician.technician_id,
            card.technician.name,
            card.technician.name_kana,
            delivery_of(card, card.registration, card.technician),
        )
        for card in query
    ]


def note_exported(rows: list[ToMake], now: dt.datetime, account_id: int | None) -> None:
    """Remember which cards a manifest held, and that somebody took the file away."""
    with transaction():
        for ids in in_parts(row.card_id for row in rows):
            Card.update(exported_at=now).where(Card.id.in_(ids)).execute()
        record(EventName.CARD_OPS_EXPORTED, now, account_id=account_id, data={"cards": len(rows)})
        audit(EventName.CARD_OPS_EXPORTED, now, account_id, "card", detail={"cards": len(rows)})


def _cards(card_ids: Iterable[int]) -> list[Card]:
    ids = sorted(set(card_ids))
    return [card for part in in_parts(ids) for card in Card.select().where(Card.id.in_(part))]


def _note(name: EventName, card: Card, now: dt.datetime, account_id: int | None, data: dict | None = None) -> None:
    record(
        name,
        now,
        registration_id=card.registration_id,
        technician_id=card.technician_id,
        subject_id=card.id,
        account_id=account_id,
        data=data,
    )
