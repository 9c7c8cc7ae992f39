"""The three technicians of the demo who sign in, and their stories: disclosed, postcard on its way, card kept."""

import datetime as dt
import random

from db.models import Affiliation, Card, Postcard, Registration, Technician
from webapp.demo import cards
from webapp.demo.build import STORIES, Cast
from webapp.demo.disclosure import administrator
from webapp.domain.accounts.sign_in_links import account_of_technician
from webapp.domain.cards.states import CardState
from webapp.domain.disclosure.keys import set_key
from webapp.domain.disclosure.look_up import LookUpLimits, open_record
from webapp.domain.disclosure.policy import ALL_GROUPS, Side, viewer_of
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.postcard import batches, marking
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.production import Production
from webapp.domain.postcard.states import BatchStep

HOUR = dt.timedelta(hours=1)
_UNBOUND = LookUpLimits(per_user=10_000, per_business=10_000)


def three(cast: Cast) -> list[Technician]:
    """Return the three, in the order of their stories: mail confirmed, no mail address, card at the post office."""
    mine = (Affiliation.business == cast.employer) & Affiliation.current
    people = list(Technician.select().join(Affiliation).where(mine).order_by(Technician.id))
    chosen: list[Technician] = []
    for domain in STORIES:
        left = [person for person in people if person not in chosen]
        chosen += ([person for person in left if _domain(person) == domain] or left)[:1]
    return chosen


def stories(
    cast: Cast,
    now: dt.datetime,
    chance: random.Random,
    office: PrintOffice | None = None,
    account_id: int | None = None,
) -> dict[str, int]:
    """Tell the three stories and return the technician of each (row id).

    Call it after the demo's accounts and the stories of disclosure, and before those of cards and postcards. The mails
    themselves go out when the demo's worker runs. Without `office` the postcard waits to be made.
    """
    people = dict(zip(("disclosed", "postcard", "card kept"), three(cast), strict=False))
    if "disclosed" in people:
        _disclose(people["disclosed"], cast, now)
        _card("delivered", people["disclosed"], now, chance)
    if "postcard" in people and office is not None:
        _mail_postcard(people["postcard"], office, now, account_id)
    if "card kept" in people:
        _card("kept, soon to go back", people["card kept"], now, chance)
    return {name: person.id for name, person in people.items()}


def _domain(person: Technician) -> str | None:
    address = versions.current(OwnerKind.TECHNICIAN, person.id)
    return versions.destination(address.value) if address else None


def _disclose(person: Technician, cast: Cast, now: dt.datetime) -> None:
    """Both open everything, and another business looks a little later."""
    row = Affiliation.get((Affiliation.technician == person) & Affiliation.current)
    me, boss = viewer_of(account_of_technician(person)), administrator(cast.employer)
    set_key(Side.BUSINESS, row.id, ALL_GROUPS, True, boss, now - 30 * HOUR, row.business_keys_version)
    set_key(Side.TECHNICIAN, row.id, ALL_GROUPS, True, me, now - 26 * HOUR, row.technician_keys_version)
    open_record(administrator(cast.other_business), person.id, _UNBOUND, now - 3 * HOUR)


def _card(name: str, person: Technician, now: dt.datetime, chance: random.Random) -> None:
    card = Card.get_or_none((Card.technician == person) & (Card.state == CardState.ORDERED))
    if card is not None:
        cards.tell(name, card, now, chance)


def _mail_postcard(person: Technician, office: PrintOffice, now: dt.datetime, account_id: int | None) -> None:
    """Let the postcard, which the import has queued, be made and handed in, with whatever else was queued then."""
    card = Postcard.get_or_none((Postcard.technician == person) & (Postcard.state == "queued"))
    if card is None:
        return
    at = now - 70 * HOUR
    Registration.update(completed_at=at, created_at=at).where(Registration.id == card.registration_id).execute()
    Postcard.update(queued_at=at).where(Postcard.id == card.id).execute()
    batch = batches.begin(office, at + HOUR, account_id)
    production = Production(office, lambda: at + HOUR)
    while production.step():
        pass
    batch = type(batch).get_by_id(batch.id)
    marking.advance(batch, BatchStep.PRINT, office, at + 20 * HOUR, account_id)
    marking.advance(batch, BatchStep.MAIL, office, at + 26 * HOUR, account_id)
