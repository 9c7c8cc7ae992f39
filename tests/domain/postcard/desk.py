"""Postcards in the store for the tests of batches: an office of its own folder, and cards that wait."""

import datetime as dt
import json
from collections import Counter
from dataclasses import replace
from pathlib import Path

from db.database import transaction
from db.models import Counter as Count
from db.models import Event, Postcard
from tests import cast
from tests.domain.postcard.cast import SENDER
from webapp.domain.core.counters import Figure
from webapp.domain.postcard import batches, fallback, marking
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.production import Production
from webapp.domain.postcard.states import BatchState, BatchStep

SECRET = "a secret of the tests, long enough"


def office(folder: Path, **changes) -> PrintOffice:
    """Return an office whose files stand in `folder`."""
    found = PrintOffice(
        sender=SENDER,
        sign_in_url="https://todoke.example/sign-in",
        secret=SECRET,
        folder=folder / "print-files",
        marks=False,
        card_cost=120,
        daily_at=None,
        presumed_after=dt.timedelta(days=10),
        codes_last=dt.timedelta(days=60),
    )
    return replace(found, **changes)


def queued(now: dt.datetime, count: int = 1, **person) -> list[Postcard]:
    """Return postcards that wait for a batch, each of a person of its own."""
    with transaction():
        return [
            fallback.queue(cast.registration(cast.technician(now, **person), now), fallback.NO_EMAIL, now)
            for _ in range(count)
        ]


def stand_in(cards, sender, marks) -> bytes:
    """Typeset nothing: bytes that say which cards a part holds, the same for the same cards."""
    return json.dumps([[card.management_number, card.activation_code, card.name] for card in cards]).encode()


def produce(shop: PrintOffice, now: dt.datetime, size: int = 2, render=stand_in) -> None:
    """Do everything that a worker has to do for batches."""
    production = Production(shop, lambda: now, render, size)
    while production.step():
        pass


def made(shop: PrintOffice, now: dt.datetime, account_id: int | None = None, **more):
    """Return a batch of what is queued, with its files."""
    batch = batches.begin(shop, now, account_id)
    produce(shop, now, **more)
    batch = type(batch).get_by_id(batch.id)
    assert batch.state in (BatchState.READY, BatchState.EMPTY)
    return batch


def mailed(shop: PrintOffice, now: dt.datetime):
    """Return a batch of what is queued that has been mailed."""
    batch = made(shop, now)
    marking.advance(batch, BatchStep.PRINT, shop, now, None)
    marking.advance(batch, BatchStep.MAIL, shop, now, None)
    return batch


def entered() -> Counter:
    """Return how often each state was entered, by the daily counters."""
    counts: Counter = Counter()
    for row in Count.select().where(Count.figure == Figure.POSTCARDS):
        counts[row.a] += row.n
    return Counter({state: n for state, n in counts.items() if n})


def events_of(postcard: Postcard) -> list[str]:
    """Return the names of what happened to a postcard, in order."""
    query = Event.select(Event.name).where(Event.subject_id == postcard.id).order_by(Event.id)
    return [row[0] for row in query.tuples()]
