"""What other pages of the operators show of postcards: a registration's panel, and holds counted by reason."""

from dataclasses import dataclass

from flask import url_for
from peewee import JOIN, fn

from db.models import Postcard, PostcardBatch, PostcardPrint
from webapp.domain.notices import labels
from webapp.domain.postcard import page_words
from webapp.domain.postcard.states import PostcardState
from webapp.pages.lists import Chip, Option


@dataclass(frozen=True)
class PanelCard:
    """One postcard of a registration."""

    address: str
    chip: Chip
    batch: str
    position: int


@dataclass(frozen=True)
class PostcardPanel:
    """A registration's postcards, the newest first, with the picture of the newest; for `ops/postcards/_panel.html`."""

    cards: list[PanelCard]
    picture: str


def postcard_panel(registration_id: int) -> PostcardPanel:
    """Return the panel of a registration; include `ops/postcards/_panel.html` with it as `panel`."""
    newest = (PostcardPrint.postcard == Postcard.id) & (PostcardPrint.print_number == Postcard.print_number)
    rows = (
        Postcard.select(Postcard.id, Postcard.state, PostcardBatch.number, PostcardPrint.position)
        .join(PostcardPrint, JOIN.LEFT_OUTER, on=newest)
        .join(PostcardBatch, JOIN.LEFT_OUTER, on=(PostcardPrint.batch == PostcardBatch.id))
        .where(Postcard.registration == registration_id)
        .order_by(Postcard.n.desc())
        .tuples()
    )
    cards = [
        PanelCard(
            address=url_for("ops_postcard.show", postcard=number),
            chip=Chip(*labels.POSTCARD_STATES[state]),
            batch=batch or "",
            position=position or 0,
        )
        for number, state, batch, position in rows
    ]
    shown = [row for row in rows if row[1] not in (PostcardState.ON_HOLD, PostcardState.CANCELLED)]
    return PostcardPanel(cards, url_for("ops_postcard.picture", postcard=shown[0][0], side="address") if shown else "")


def hold_options(chosen: str = "") -> list[Option]:
    """Return how many postcards are on hold for each reason, each leading to its list."""
    held = Postcard.state == PostcardState.ON_HOLD
    counts = dict(
        Postcard.select(Postcard.hold_reason, fn.COUNT(Postcard.id)).where(held).group_by(Postcard.hold_reason).tuples()
    )
    return [
        Option(url_for("ops_holds.index", reason=reason), words, f"{counts.get(reason, 0):,}", reason == chosen)
        for reason, words in page_words.HOLDS.items()
    ]
