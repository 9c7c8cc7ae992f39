"""The operators' list of registrations: search, filters, and the one index that each combination of them walks."""

import datetime as dt
import re
from dataclasses import dataclass
from enum import StrEnum

from peewee import JOIN, Field, fn

from db.models import Card, Message, Postcard, Registration, Technician
from webapp.domain.cards.states import CardState
from webapp.domain.core.calendar import JST
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Order
from webapp.domain.core.progress import TOLD_BY_POSTCARD, Reached
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.notices.messages import MessageKind, MessageState, Role

_KANA = re.compile(r"[\u30a0-\u30ff]+")
LAST = "\U0010ffff"
SHORTEST = 2


class SearchField(StrEnum):
    """What a search term is compared with; each is one range of one index."""

    TECHNICIAN_ID = "technician_id"
    APPLICATION = "application"
    KANA = "kana"
    NAME = "name"


FIELDS = {
    SearchField.TECHNICIAN_ID: N_("技能者ID"),
    SearchField.APPLICATION: N_("申請番号"),
    SearchField.KANA: N_("カナ"),
    SearchField.NAME: N_("氏名"),
}


class TermTooShort(ValueError):
    """A term that half of the register begins with."""


@dataclass(frozen=True)
class RegistrationFilters:
    """What a list is narrowed to; empty means all. `term` comes from the kept search, the others from the address."""

    term: str = ""
    field: str = ""
    notice: str = ""
    failure: str = ""
    postcard: str = ""  # a state, or "any" or "none"
    card: str = ""
    reached: str = ""  # a step of the funnel
    since: dt.date | None = None
    until: dt.date | None = None


@dataclass(frozen=True)
class Listing:
    """A select of id, application_number, completed_at, name, name_kana, technician_id, key; and its order."""

    query: object
    order: Order


def field_of(term: str) -> SearchField:
    """Guess what somebody typed: digits are an ID, letters with digits a number, kana a reading, else a name."""
    folded = fold_search_key(term)
    if folded.isascii() and folded.isdigit():
        return SearchField.TECHNICIAN_ID
    if folded.isascii() and any(c.isdigit() for c in folded):
        return SearchField.APPLICATION
    return SearchField.KANA if _KANA.fullmatch(folded) else SearchField.NAME


def listing(filters: RegistrationFilters) -> Listing:
    """Return the list for some filters; TermTooShort for a term of one character.

    The most selective filter gives the order and is walked by its index; the others are asked of each row.
    """
    columns = (Registration.id, Registration.application_number, Registration.completed_at)
    people = (Technician.name, Technician.name_kana, Technician.technician_id)
    query = Registration.select(*columns, *people).join(Technician)
    if filters.term:
        query, order = _searched(query, filters)
        rest = {"notice", "postcard", "card", "days", "reached"}
    elif filters.reached:
        # The days of completion are the range; each row is then asked how far it has come.
        order = Order(Registration, (Registration.completed_at, Registration.id))
        rest = {"notice", "postcard", "card", "days", "reached"}
    elif filters.postcard not in ("", "none"):
        query = query.switch(Registration).join(Postcard, JOIN.INNER, on=(Postcard.registration == Registration.id))
        query, order = query.where(_postcard(filters.postcard)), _order_of(Postcard, Postcard.queued_at, filters)
        rest = {"notice", "card", "days"}
    elif filters.card:
        query = query.switch(Registration).join(Card, JOIN.INNER, on=(Card.registration == Registration.id))
        query, order = query.where(Card.state == filters.card), Order(Card, (Card.changed_at, Card.id))
        rest = {"notice", "postcard", "days"}
    elif filters.notice:
        query = query.switch(Registration).join(Message, JOIN.INNER, on=(Message.registration == Registration.id))
        query, order = query.where(_notice(filters)), Order(Message, (Message.id,))
        rest = {"postcard", "card", "days"}
    else:
        order = Order(Registration, (Registration.completed_at, Registration.id))
        rest = {"postcard", "days"}
    for condition in _conditions(filters, rest):
        query = query.where(condition)
    return Listing(query.select_extend(order.of._meta.primary_key.alias("key")).namedtuples(), order)


def _order_of(model, field: Field, filters: RegistrationFilters) -> Order:
    # One state is a range of (state, queued_at, id); all of them only the table itself has in an order.
    return Order(model, (model.id,) if filters.postcard == "any" else (field, model.id))


def _searched(query, filters: RegistrationFilters):
    field = SearchField(filters.field) if filters.field else field_of(filters.term)
    if field is SearchField.APPLICATION:
        term = filters.term.strip()
        if len(term) < SHORTEST:
            raise TermTooShort
        column, order = Registration.application_number, (Registration.application_number, Registration.id)
        return query.where(begins(column, term)), Order(Registration, order, falling=False)
    term = fold_search_key(filters.term)
    if len(term) < SHORTEST:
        raise TermTooShort
    column = {
        SearchField.TECHNICIAN_ID: Technician.technician_id,
        SearchField.KANA: Technician.kana_key,
        SearchField.NAME: Technician.search_key,
    }[field]
    # A person may have several registrations: the last key is the registration's.
    order = Order(Registration, (column, Technician.id, Registration.id), falling=False, joins=(Technician,))
    return query.where(begins(column, term)), order


def begins(column: Field, term: str):
    """Return the condition that a column begins with a term."""
    # A range, not LIKE: it is what the index of the column can answer on both engines.
    return (column >= term) & (column < term + LAST)


def _notice(filters: RegistrationFilters):
    condition = (
        (Message.kind == MessageKind.ID_NOTICE) & (Message.role == Role.TECHNICIAN) & (Message.state == filters.notice)
    )
    return condition & (Message.failure_class == filters.failure) if filters.failure else condition


def _postcard(wanted: str):
    return Postcard.state != "cancelled" if wanted == "any" else Postcard.state == wanted


def _conditions(filters: RegistrationFilters, rest: set[str]):
    if "days" in rest:
        if filters.since:
            yield Registration.completed_at >= midnight(filters.since)
        if filters.until:
            yield Registration.completed_at < midnight(filters.until + dt.timedelta(days=1))
    if "notice" in rest and filters.notice:
        mine = Message.select(1).where((Message.registration == Registration.id) & _notice(filters))
        yield fn.EXISTS(mine)
    if "card" in rest and filters.card:
        yield fn.EXISTS(Card.select(1).where((Card.registration == Registration.id) & (Card.state == filters.card)))
    if "postcard" in rest and filters.postcard:
        none = filters.postcard == "none"
        wanted = _postcard("any" if none else filters.postcard)
        found = fn.EXISTS(Postcard.select(1).where((Postcard.registration == Registration.id) & wanted))
        yield ~found if none else found
    if "reached" in rest and filters.reached:
        yield from reached(filters.reached)


def reached(step: str):
    """Yield what is asked of a registration that has come so far."""
    if step == Reached.BY_MAIL:
        yield fn.EXISTS(
            Message.select(1).where(
                (Message.registration == Registration.id) & _notice(RegistrationFilters(notice=MessageState.DELIVERED))
            )
        )
    if step == Reached.BY_POSTCARD:
        printed = Postcard.state.in_(TOLD_BY_POSTCARD)
        yield fn.EXISTS(Postcard.select(1).where((Postcard.registration == Registration.id) & printed))
    if step == Reached.CARD_POSTED:
        posted = Card.posted_on.is_null(False)
        yield fn.EXISTS(Card.select(1).where((Card.registration == Registration.id) & posted))
    if step == Reached.CARD_DELIVERED:
        delivered = Card.state == CardState.DELIVERED
        yield fn.EXISTS(Card.select(1).where((Card.registration == Registration.id) & delivered))


def midnight(day: dt.date) -> dt.datetime:
    """Return the beginning of a day in Japan."""
    return dt.datetime.combine(day, dt.time(), JST)
