"""What kept a posted card from its receiver, and to which prefecture it went: figures by shipment, not by card.

A card that is posted again is another shipment; that the first one came back stays true.
"""

from collections.abc import Sequence
from enum import StrEnum
from functools import lru_cache

from webapp.domain.cards.states import CardEvent, Report
from webapp.domain.postcard import towns
from webapp.domain.postcard.towns import fold_key


class Missed(StrEnum):
    """The worst that the post reported of a shipment; nothing while it is on its way, or handed over at once."""

    NOTHING = ""
    ABSENT = "absent"  # nobody was there, and it was handed over later without being kept
    KEPT = "kept"  # it was kept at the post office
    RETURNED = "returned"  # it came back to us


_WORST_FIRST = (
    (CardEvent.RETURNED, Missed.RETURNED),
    (CardEvent.KEPT, Missed.KEPT),
    (CardEvent.ABSENT, Missed.ABSENT),
)


def missed(history: Sequence[Report]) -> Missed:
    """Return the worst that a shipment's history tells."""
    events = {report.event for report in history}
    return next((misfortune for event, misfortune in _WORST_FIRST if event in events), Missed.NOTHING)


@lru_cache(maxsize=4096)
def prefecture(postal_code: str, address: str) -> str:
    """Return the prefecture that an address begins with, else that of its postal code, else ""."""
    named = fold_key(address[:8])
    for candidate in towns.PREFECTURES:
        if named.startswith(fold_key(candidate)):
            return candidate
    _kind, places = towns.look_up(postal_code)
    return places[0].prefecture if places else ""
