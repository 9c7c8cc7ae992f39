"""Postcards in each state for people of the demo, by way of the same batches, scans and marks that operators use."""

import datetime as dt
import random

from peewee import JOIN

from db.models import Event, Postcard, PostcardPrint, Registration, Technician
from webapp.domain.bounce import Reason
from webapp.domain.postcard import batches, cancelling, delivery, fallback, marking, mending, returns
from webapp.domain.postcard.cancelling import CancelReason
from webapp.domain.postcard.delivery import ReprintReason
from webapp.domain.postcard.mending import Mended
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.production import Production
from webapp.domain.postcard.states import BatchStep

# Each story: how many hours ago the card was queued. The names say where it stands today.
STORIES = {
    "presumed delivered": 500,
    "returned": 500,
    "returned, sent again": 500,
    "returned, business asked": 500,
    "mailed": 140,
    "mailed to be printed again": 140,
    "printed": 60,
    "batched": 30,
    "on hold: code and address disagree": 30,
    "on hold: a sign that does not print": 30,
    "on hold: no postal code": 30,
    "mended": 30,
    "cancelled": 6,
    "queued": 3,
    "queued: a withdrawn code": 3,
}
# How long before the card was queued the registration was complete: a mail had been tried over three days.
_BEFORE = dt.timedelta(days=3, hours=2)
_RARE_NAME = "田中 龘"  # the packaged fonts have no such sign
_WITHDRAWN = {"postal_code": "2280001", "address": "神奈川県座間市相模が丘9-14-2"}


def stories(now: dt.datetime, chance: random.Random, office: PrintOffice, account_id: int) -> dict[str, int]:
    """Give demo registrations a postcard in each state and return the registration of each story.

    Call it after the demo's registrations are there; `account_id` is the operator who did it all. Batches are made
    with their files, so that they can be looked at and downloaded.
    """
    registrations = dict(zip(STORIES, _without_postcard(len(STORIES)), strict=False))
    by_hours: dict[int, list[str]] = {}
    for name in registrations:
        by_hours.setdefault(STORIES[name], []).append(name)
    for hours in sorted(by_hours, reverse=True):
        at = now - dt.timedelta(hours=hours)
        cards = {name: _queue(registrations[name], at, chance) for name in by_hours[hours]}
        _happen(cards, hours, at, now, office, account_id)
    delivery.presume(office, now)
    return {name: registration.id for name, registration in registrations.items()}


def _without_postcard(count: int) -> list[Registration]:
    """Return registrations from the end of the list, where the demo's other stories are not."""
    query = (
        Registration.select()
        .join(Postcard, JOIN.LEFT_OUTER, on=(Postcard.registration == Registration.id))
        .where(Postcard.id.is_null())
        .order_by(Registration.id.desc())
    )
    return list(query.limit(count))


def _queue(registration: Registration, at: dt.datetime, chance: random.Random) -> Postcard:
    _move_back(registration, at - _BEFORE)
    cause = chance.choice((Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.FILTERED))
    return fallback.queue(registration, cause, at, again=True)


def _happen(
    cards: dict[str, Postcard], hours: int, at: dt.datetime, now: dt.datetime, office: PrintOffice, account_id: int
) -> None:
    hour = dt.timedelta(hours=1)
    if "cancelled" in cards:
        cancelling.cancel_for(cards["cancelled"].technician_id, CancelReason.SIGNED_IN, at + hour)
    for name, changes in (
        ("on hold: code and address disagree", {"postal_code": _elsewhere}),
        ("on hold: a sign that does not print", {"name": _RARE_NAME}),
        ("on hold: no postal code", {"postal_code": ""}),
        ("mended", {"postal_code": _elsewhere}),
        ("queued: a withdrawn code", _WITHDRAWN),
    ):
        if name in cards:
            before = cards[name].technician
            values = {key: value(before) if callable(value) else value for key, value in changes.items()}
            Technician.update(values).where(Technician.id == before.id).execute()
    if hours < 24:
        return
    mended_code = cards["mended"].technician.postal_code if "mended" in cards else ""
    batch = _make(office, at + hour, account_id)
    if "mended" in cards:
        card = Postcard.get_by_id(cards["mended"].id)
        mended = Mended(mended_code, card.technician.address, "")
        mending.mend(card, mended, card.technician.version, office, at + 2 * hour, account_id)
    if hours < 48:
        return
    marking.advance(batch, BatchStep.PRINT, office, at + 20 * hour, account_id)
    if hours < 100:
        return
    marking.advance(batch, BatchStep.MAIL, office, at + 26 * hour, account_id)
    for name, card in cards.items():
        card = Postcard.get_by_id(card.id)
        back = at + 200 * hour
        if name.startswith("returned"):
            returns.scan(_number(card), back, account_id)
            card = Postcard.get_by_id(card.id)
        if name == "returned, sent again":
            returns.send_again(card, now - 10 * hour, account_id)
        elif name == "returned, business asked":
            returns.ask_business(card, back + 2 * hour, account_id, "所属事業者に電話。折り返し待ち")
        elif name == "mailed to be printed again":
            delivery.reprint(card, ReprintReason.NOT_ARRIVED, now - 5 * hour, account_id, "本人から電話")


def _elsewhere(person: Technician) -> str:
    """Return a postal code that is not where this person lives."""
    return "5300001" if "大阪" not in person.address else "1000013"


def _make(office: PrintOffice, at: dt.datetime, account_id: int):
    batch = batches.begin(office, at, account_id)
    production = Production(office, lambda: at)
    while production.step():
        pass
    return type(batch).get_by_id(batch.id)


def _number(card: Postcard) -> str:
    newest = (PostcardPrint.postcard == card.id) & (PostcardPrint.print_number == card.print_number)
    return PostcardPrint.get(newest).management_number


def _move_back(registration: Registration, completed: dt.datetime) -> None:
    """Let a registration be as old as its postcard's story."""
    gone = registration.completed_at - completed
    if gone <= dt.timedelta():
        return
    Registration.update(completed_at=completed, created_at=registration.created_at - gone).where(
        Registration.id == registration.id
    ).execute()
    registration.completed_at, registration.created_at = completed, registration.created_at - gone
    of_registration = (Event.registration_id == registration.id) & Event.name.startswith("registration:")
    for event in Event.select().where(of_registration):
        Event.update(at=event.at - gone).where(Event.id == event.id).execute()
