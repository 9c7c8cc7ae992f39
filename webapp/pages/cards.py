"""Cards in words and shapes, for every page that shows one: chips, steps, sentences in the reader's language."""

from dataclasses import dataclass

from webapp.domain.cards import queries
from webapp.domain.cards.labels import CHIPS, STEP_WORDS, Audience, Shape, StepState, steps_of, words_for
from webapp.domain.cards.queries import CardView
from webapp.domain.cards.states import CardState, CardStatus
from webapp.web.language import say
from webapp.web.rendering import day

KINDS = {
    Shape.WAITING: "off",
    Shape.MOVING: "busy",
    Shape.KEPT: "wait",
    Shape.ARRIVED: "good",
    Shape.BACK: "bad",
    Shape.ASKING: "off",
}


@dataclass(frozen=True)
class CardInWords:
    """What the macro `card_words` of parts/card_steps.html shows."""

    chip: tuple[str, str]
    steps: list[tuple[str, StepState]]
    step_words: dict[StepState, str]
    sentences: list[str]


@dataclass(frozen=True)
class Panel:
    """A card on the page of its registration, as `ops/cards/_panel.html` shows it."""

    card: CardView
    words: CardInWords
    lines: list[list[tuple[str, str]]]


def card_panel(registration_id: int) -> list[Panel]:
    """Return the cards of a registration for the operators' page about it; put them into `page.cards`."""
    return [panel_of(card) for card in queries.card_panel(registration_id)]


def panel_of(card: CardView) -> Panel:
    """Return one card with its state in words and the chip of each report."""
    lines = [[chip_of(line.state) for line in shipment.lines] for shipment in card.shipments]
    return Panel(card, in_words(card.standing, Audience.TECHNICIAN), lines)


def chip_of(state: CardState) -> tuple[str, str]:
    """Return a state as (words in the reader's language, kind of chip)."""
    shape, words = CHIPS[state]
    return say(words), KINDS[shape]


def in_words(standing: CardStatus, audience: Audience) -> CardInWords:
    """Return how a card stands in the reader's language: what happened, what it means, what to do."""
    words, parameters = words_for(standing, audience)
    shown = {name: day(value) for name, value in parameters.items()}
    sentences = [say(text, shown) for text in (words.happened, words.means, words.do) if text]
    return CardInWords(chip_of(standing.state), steps_of(standing), STEP_WORDS, sentences)
