"""Returned and lost cards taken together: what each step would do to each, before it is done; and doing it."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from db.models import Card, Registration, Technician
from db.rows import in_parts
from webapp.domain.cards import reminders
from webapp.domain.cards.actions import Delivery, delivery_of, reopen
from webapp.domain.cards.projection import folding
from webapp.domain.cards.reminders import AskOutcome
from webapp.domain.cards.states import CardState
from webapp.domain.core.language import N_
from webapp.domain.postcard.address import SENTENCES, parse_address

BACK = (CardState.RETURNED, CardState.LOST)


class AgainOutcome(StrEnum):
    """What posting again would do to a card."""

    GOES = "goes"
    DOUBTFUL = "doubtful"  # the address has to be looked at by itself
    NOT_BACK = "not_back"  # it is not, or no longer, returned or lost


AGAIN_WORDS = {
    AgainOutcome.GOES: N_("発送待ちに戻す"),
    AgainOutcome.DOUBTFUL: N_("戻さない（カードの画面で住所を直してください）"),
    AgainOutcome.NOT_BACK: N_("戻さない（返送や紛失の状態ではありません）"),
}


@dataclass(frozen=True)
class Prospect:
    """A card, the address to which it would go, what is wrong with that, and what each step would do."""

    card_id: int
    technician_id: int
    registration_id: int
    application_number: str
    name: str
    state: CardState
    delivery: Delivery
    remarks: tuple[str, ...]  # sentences about the address; none: it reads well
    again: AgainOutcome
    ask: AskOutcome


def prospects(card_ids: Iterable[int], now: dt.datetime) -> list[Prospect]:
    """Return what would become of cards, in the order of their ids; nothing is changed."""
    found = []
    for part in in_parts(sorted(set(card_ids))):
        query = (
            Card.select(Card, Registration, Technician)
            .join(Registration, on=(Card.registration == Registration.id))
            .switch(Card)
            .join(Technician, on=(Card.technician == Technician.id))
        )
        cards = list(query.where(Card.id.in_(part)).order_by(Card.id))
        asked = reminders.could_be_asked(cards, now)
        found += [_prospect(card, asked[card.id]) for card in cards]
    return found


def _prospect(card: Card, ask: AskOutcome) -> Prospect:
    delivery = delivery_of(card, card.registration, card.technician)
    checked = parse_address(delivery.postal_code, delivery.address)
    remarks = tuple(SENTENCES[rule] for rule in (*checked.errors, *checked.warnings))
    again = AgainOutcome.DOUBTFUL if remarks else AgainOutcome.GOES
    return Prospect(
        card.id,
        card.technician_id,
        card.registration_id,
        card.registration.application_number,
        card.technician.name,
        CardState(card.state),
        delivery,
        remarks,
        again if card.known in BACK else AgainOutcome.NOT_BACK,
        ask,
    )


def post_again(card_ids: Sequence[int], now: dt.datetime, account_id: int, note: str = "") -> int:
    """Give back to be posted those whose address reads well; the others stay as they are. Return how many."""
    with folding():
        going = [prospect.card_id for prospect in prospects(card_ids, now) if prospect.again is AgainOutcome.GOES]
        for number in going:
            reopen(number, now, account_id, note)
        return len(going)
