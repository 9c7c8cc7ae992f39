"""What pages show of cards: the operators' list, and everything about the cards of one registration."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from peewee import JOIN, fn

from db.models import Card, CardReminder, Message, Registration, Shipment, Technician
from webapp.domain.cards.actions import Delivery, delivery_of
from webapp.domain.cards.monitor import Thresholds, condition
from webapp.domain.cards.overdue import Attention
from webapp.domain.cards.projection import history_of, reports_of, standing
from webapp.domain.cards.states import CardState, CardStatus, Receiver, Report, running_states
from webapp.domain.cards.tracking.number import TrackingNumber
from webapp.domain.core import paging
from webapp.domain.core.calendar import jst_day, utc_start_of
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Cursor, Order
from webapp.domain.notices import labels

ORDER = Order(Card, (Card.changed_at, Card.id), falling=False)
AGES = (3, 7, 14, 30)
OPEN_STATES = tuple(state for state in CardState if state is not CardState.DELIVERED)

NEEDS_WORDS = {
    Attention.NOT_POSTED: N_("発送が遅れている"),
    Attention.SILENT: N_("追跡が更新されない"),
    Attention.KEPT_NEAR_END: N_("保管の期限が近い"),
    Attention.KEPT_OVER: N_("保管の期限が過ぎた"),
    Attention.RETURNED: N_("返送された"),
    Attention.UNKNOWN_LABEL: N_("分からない状態がある"),
    Attention.CONTRADICTORY: N_("記録が食い違う"),
}


@dataclass(frozen=True)
class CardFilters:
    """What the list shows: a state, what needs a person, how many days in its state at least and less than (0: all)."""

    state: CardState | None = None
    needs: Attention | None = None
    age: int = 0
    under: int = 0
    # Delivered within these days after it was posted; both or none.
    since: dt.date | None = None
    until: dt.date | None = None


@dataclass(frozen=True)
class CardRow:
    """A card in the list."""

    id: int
    registration_id: int
    application_number: str
    technician_id: str
    name: str
    state: CardState
    since: dt.date
    number: str
    posted_on: dt.date | None
    kept_until: dt.date | None


@dataclass(frozen=True)
class CardList:
    """A page of cards, longest in their state first, with the ids that lead to its neighbours (None at an end)."""

    rows: list[CardRow]
    before: int | None
    after: int | None


def listing(
    filters: CardFilters, now: dt.datetime, watch: Thresholds, cursor: Cursor | None = None, size: int = paging.A_PAGE
) -> CardList:
    """Return a page of cards."""
    query = filtered(
        Card.select(
            Card,
            Registration.application_number,
            Technician.technician_id.alias("person_id"),
            Technician.name,
            Shipment.number,
        ),
        filters,
        now,
        watch,
    )
    query = query.join(Technician, on=(Card.technician == Technician.id)).switch(Card)
    query = query.join(Shipment, JOIN.LEFT_OUTER, on=(Shipment.id == Card.shipment_id))
    found = paging.read(query.objects(), ORDER, cursor or Cursor(), size=size)
    rows = [
        CardRow(
            row.id,
            row.registration_id,
            row.application_number,
            row.person_id,
            row.name,
            CardState(row.state),
            row.since_on or jst_day(row.changed_at),
            str(TrackingNumber(row.number)) if row.number else "",
            row.posted_on,
            row.kept_until,
        )
        for row in found.rows
    ]
    return CardList(rows, found.before, found.after)


def filtered(query, filters: CardFilters, now: dt.datetime, watch: Thresholds):
    """Return a query over Card, joined with Registration, under the filters."""
    query = query.join(Registration, on=(Card.registration == Registration.id)).switch(Card)
    if filters.state is not None:
        query = query.where(Card.state == filters.state)
    elif filters.needs is None and not filters.since:
        query = query.where(Card.state.in_([state.value for state in OPEN_STATES]))
    if filters.needs is not None:
        query = query.where(condition(filters.needs, now, watch))
    if filters.age:
        latest = jst_day(now) - dt.timedelta(days=filters.age)
        unfolded = Card.since_on.is_null() & (Card.changed_at < utc_start_of(latest + dt.timedelta(days=1)))
        query = query.where((Card.since_on <= latest) | unfolded)
    if filters.under:
        first = jst_day(now) - dt.timedelta(days=filters.under - 1)
        unfolded = Card.since_on.is_null() & (Card.changed_at >= utc_start_of(first))
        query = query.where((Card.since_on >= first) | unfolded)
    if filters.since and filters.until:
        delivered = (Card.state == CardState.DELIVERED) & Card.posted_on.is_null(False)
        query = query.where(delivered & Card.since_on.between(filters.since, filters.until))
    return query


def state_counts() -> dict[CardState, int]:
    """Return how many cards are in each open state; delivered ones, which only grow, are not counted here."""
    rows = (
        Card.select(Card.state, fn.COUNT(Card.id))
        .where(Card.state.in_([state.value for state in OPEN_STATES]))
        .group_by(Card.state)
        .tuples()
    )
    return {CardState(state): n for state, n in rows}


@dataclass(frozen=True)
class HistoryLine:
    """A report of the post."""

    at: dt.datetime | dt.date | None
    label: str
    office: str
    state: CardState
    receiver: Receiver


@dataclass(frozen=True)
class ShipmentView:
    """A shipment with its history, oldest first."""

    number: str
    accepted_on: dt.date
    current: bool
    lost_at: dt.datetime | None
    lines: list[HistoryLine]


@dataclass(frozen=True)
class ReminderView:
    """Who was told when, or could not be."""

    at: dt.datetime
    kind: str
    role: str
    outcome: str
    # How its mail stands by now and why, in words; empty for one that was not mailed.
    mail: str = ""
    reason: str = ""


@dataclass(frozen=True)
class CardView:
    """One card with all that operators may see of it."""

    id: int
    registration_id: int
    version: int
    ordered_at: dt.datetime
    made_at: dt.datetime | None
    exported_at: dt.datetime | None
    standing: CardStatus
    shipments: list[ShipmentView]
    reminders: list[ReminderView]
    delivery: Delivery


def card_panel(registration_id: int) -> list[CardView]:
    """Return the cards of a registration, newest first, for the operators' pages (`ops/cards/_panel.html`)."""
    cards = Card.select().where(Card.registration == registration_id).order_by(Card.id.desc())
    return [card_view(card) for card in cards]


def standing_of_registration(registration_id: int) -> CardStatus | None:
    """Return how the newest card of a registration stands, for the pages of the person and of businesses."""
    card = Card.select().where(Card.registration == registration_id).order_by(Card.id.desc()).first()
    if card is None:
        return None
    return CardStatus(
        CardState(card.state),
        CardState(card.known),
        since=card.since_on or jst_day(card.changed_at),
        accepted_on=card.posted_on,
        kept_until=card.kept_until,
        receiver=Receiver(card.receiver),
        last_word_on=card.last_word_on,
    )


def card_view(card: Card) -> CardView:
    """Return one card with its history."""
    shipments = list(Shipment.select().where(Shipment.card == card).order_by(Shipment.n.desc()))
    numbers = {shipment.number for shipment in shipments}
    same: dict[str, list[Shipment]] = defaultdict(list)
    for shipment in Shipment.select().where(Shipment.number.in_(list(numbers) or [""])):
        same[shipment.number].append(shipment)
    reports = reports_of(numbers)
    views: list[ShipmentView] = []
    current: tuple[Shipment | None, tuple[Report, ...]] = (None, ())
    for place, shipment in enumerate(shipments):
        history = history_of(shipment, same[shipment.number], reports.get(shipment.number, ()))
        if place == 0:
            current = (shipment, history)
        states = running_states(history, CardState.MADE)
        lines = [
            HistoryLine(report.at, report.label, report.office, shown, report.receiver)
            for report, (shown, _) in zip(history, states, strict=True)
        ]
        is_current = place == 0 and shipment.closed_at is None
        views.append(
            ShipmentView(
                str(TrackingNumber(shipment.number)), shipment.accepted_on, is_current, shipment.lost_at, lines
            )
        )
    query = CardReminder.select(CardReminder, Message).join(Message, JOIN.LEFT_OUTER).where(CardReminder.card == card)
    reminders = [_reminder_view(row) for row in query.order_by(CardReminder.id)]
    return CardView(
        card.id,
        card.registration_id,
        card.version,
        card.ordered_at,
        card.made_at,
        card.exported_at,
        standing(card, *current),
        views,
        reminders,
        delivery_of(card, card.registration, card.technician),
    )


def _reminder_view(row: CardReminder) -> ReminderView:
    if row.message is None:
        return ReminderView(row.at, row.kind, row.role, row.outcome)
    message = row.message
    words, _ = labels.state_of(message.state, message.reason)
    reason = labels.REASONS.get(message.reason or "", "")
    return ReminderView(row.at, row.kind, row.role, row.outcome, words, reason)
