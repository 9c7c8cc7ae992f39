"""The operators' list of inquiries: by state, or searched by its number or by whom it is about."""

import re
import unicodedata

from peewee import JOIN, ModelSelect

from db.models import Inquiry, Registration, Technician
from webapp.domain.cards.tracking.number import HYPHENS
from webapp.domain.core.paging import Order
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.inquiries.cases import InquiryState
from webapp.domain.registrations.listing import SHORTEST, SearchField, TermTooShort, begins, field_of

_NUMBER = re.compile(rf"(\d{{6}})\s?[{HYPHENS}]?\s?(\d{{4}})")


def listing(state: InquiryState | None, term: str = "") -> "tuple[ModelSelect[Inquiry], Order]":
    """Return inquiries with their registrations and how they are ordered: the longest waiting first.

    Closed and searched ones come newest first. `term` is an inquiry's number, or the beginning of an application
    number, a technician ID, a name or its kana; TermTooShort for one character.
    """
    query = Inquiry.select(Inquiry, Registration).join(Registration, JOIN.LEFT_OUTER)
    if state is not None:
        query = query.where(Inquiry.state == state)
    if term:
        query = query.join(Technician, JOIN.LEFT_OUTER).switch(Inquiry).where(_about(term))
    closed = state is InquiryState.CLOSED
    return query, Order(
        Inquiry, (Inquiry.changed_at if closed else Inquiry.opened_at, Inquiry.id), closed or bool(term)
    )


def _about(term: str):
    number = _NUMBER.fullmatch(unicodedata.normalize("NFKC", term).strip())
    person = _person(term)
    return person | (Inquiry.number == f"{number[1]}-{number[2]}") if number else person


def _person(term: str):
    field = field_of(term)
    plain = term.strip() if field is SearchField.APPLICATION else fold_search_key(term)
    if len(plain) < SHORTEST:
        raise TermTooShort
    column = {
        SearchField.APPLICATION: Registration.application_number,
        SearchField.TECHNICIAN_ID: Technician.technician_id,
        SearchField.KANA: Technician.kana_key,
        SearchField.NAME: Technician.search_key,
    }[field]
    return begins(column, plain)
