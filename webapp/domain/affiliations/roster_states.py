"""How notices and cards of a business's technicians stand: for the rows of a page at once, and as filters of the list.

The newest notice to the person and the newest card count, in the row and in the filter alike, so that a count is the
number of rows behind it.
"""

import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from peewee import SQL, fn

from db.models import Account, Affiliation, Card, Message
from webapp.domain.cards.states import CardState
from webapp.domain.core.language import N_
from webapp.domain.notices.messages import MessageState


class NoticeFilter(StrEnum):
    """How the newest notice to the person went."""

    UNDELIVERED = "undelivered"
    WAITING = "waiting"
    SENT = "sent"
    NONE = "none"


NOTICE_WORDS = {
    NoticeFilter.UNDELIVERED: N_("メール不達"),
    NoticeFilter.WAITING: N_("送信待ち・再送待ち"),
    NoticeFilter.SENT: N_("送信済み・到着"),
    NoticeFilter.NONE: N_("メールなし"),
}
_NOTICE_STATES = {
    NoticeFilter.UNDELIVERED: (MessageState.FAILED,),
    NoticeFilter.WAITING: (
        MessageState.QUEUED,
        MessageState.SENDING,
        MessageState.WAITING_RETRY,
        MessageState.RECONCILIATION,
    ),
    NoticeFilter.SENT: (MessageState.SENT, MessageState.DELIVERED),
}


class CardFilter(StrEnum):
    """Where the newest card is."""

    KEPT = "kept"
    BACK = "back"
    MOVING = "moving"
    MAKING = "making"
    DELIVERED = "delivered"


CARD_WORDS = {
    CardFilter.KEPT: N_("不在・保管中"),
    CardFilter.BACK: N_("返送・紛失"),
    CardFilter.MOVING: N_("発送済み・配達中"),
    CardFilter.MAKING: N_("作成・発送待ち"),
    CardFilter.DELIVERED: N_("配達済み"),
}
_CARD_STATES = {
    CardFilter.KEPT: (CardState.ABSENT, CardState.KEPT),
    CardFilter.BACK: (CardState.RETURNED, CardState.LOST),
    CardFilter.MOVING: (CardState.POSTED, CardState.OUT_FOR_DELIVERY, CardState.UNKNOWN),
    CardFilter.MAKING: (CardState.ORDERED, CardState.MADE),
    CardFilter.DELIVERED: (CardState.DELIVERED,),
}

# Few stand so: small indexes name them, before the newest notice or card of a person is looked up.
_ASTRAY = (CardFilter.KEPT, CardFilter.BACK)

# Written with literals, exactly as in the indexes of 0001_first.py: a parameter would hide the index.
_TO_THE_PERSON = SQL("kind = 'id_notice' AND role = 'technician'")
_UNDELIVERED = SQL("kind = 'id_notice' AND role = 'technician' AND state = 'failed'")
_IS_ASTRAY = SQL("state IN ('absent', 'kept', 'returned', 'lost')")


@dataclass(frozen=True, slots=True)
class States:
    """What a row shows beside the keys; None where there is no notice or card."""

    notice: str | None = None
    notice_reason: str | None = None
    card: str | None = None
    kept_until: dt.date | None = None
    signed_in: bool = False


NO_STATES = States()


def states_of(technician_ids: Collection[int]) -> dict[int, States]:
    """Return the states of some technicians by row id: three queries, however many they are."""
    ids = list(technician_ids)
    if not ids:
        return {}
    notices = (
        Message.select(Message.technician, Message.state, Message.reason)
        .where(Message.technician.in_(ids) & _TO_THE_PERSON)
        .order_by(Message.id)
        .tuples()
    )
    cards = (
        Card.select(Card.technician, Card.state, Card.kept_until)
        .where(Card.technician.in_(ids))
        .order_by(Card.id)
        .tuples()
    )
    accounts = Account.select(Account.technician).where(
        Account.technician.in_(ids) & Account.last_sign_in_at.is_null(False)
    )
    # The last one wins: ids are ordered in time.
    notice = {row[0]: row[1:] for row in notices}
    card = {row[0]: row[1:] for row in cards}
    signed_in = {row[0] for row in accounts.tuples()}
    return {
        affiliation_id: States(
            *notice.get(affiliation_id, (None, None)),
            *card.get(affiliation_id, (None, None)),
            affiliation_id in signed_in,
        )
        for affiliation_id in ids
    }


def notice_is(wanted: NoticeFilter):
    """Return the condition over `Affiliation` that the newest notice to the person stands so."""
    # One look into one index a person: technician, id and state stand in `message_person`.
    newest = (
        Message.select(Message.state)
        .where((Message.technician == Affiliation.technician) & _TO_THE_PERSON)
        .order_by(Message.id.desc())
        .limit(1)
    )
    if wanted is NoticeFilter.NONE:
        return fn.COALESCE(newest, "") == ""
    condition = _in(newest, _NOTICE_STATES[wanted])
    if wanted is NoticeFilter.UNDELIVERED:
        failed = Message.select(SQL("1")).where((Message.technician == Affiliation.technician) & _UNDELIVERED)
        condition = fn.EXISTS(failed) & condition
    return condition


def card_is(wanted: CardFilter):
    """Return the condition over `Affiliation` that the newest card stands so."""
    newest = Card.select(Card.state).where(Card.technician == Affiliation.technician).order_by(Card.id.desc()).limit(1)
    condition = _in(newest, _CARD_STATES[wanted])
    if wanted in _ASTRAY:
        astray = Card.select(SQL("1")).where((Card.technician == Affiliation.technician) & _IS_ASTRAY)
        condition = fn.EXISTS(astray) & condition
    return condition


def not_signed_in():
    """Return the condition over `Affiliation` that the person has never signed in."""
    signed_in = Account.select(SQL("1")).where(
        (Account.technician == Affiliation.technician) & Account.last_sign_in_at.is_null(False)
    )
    return ~fn.EXISTS(signed_in)


def _in(newest, states: tuple):
    return fn.COALESCE(newest, "").in_(states)
