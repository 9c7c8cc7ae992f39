"""The demo's three technicians stand where their stories say, and each can sign in."""

import random

import pytest

from db.database import transaction
from db.models import AccessRow, Account, Card, EmailAddress, Postcard, Technician
from webapp.demo import accounts, cards, disclosure, technicians
from webapp.demo.build import build
from webapp.domain.cards.states import CardState
from webapp.domain.disclosure.policy import viewer_of
from webapp.domain.disclosure.states import DisclosureState
from webapp.domain.self_service import home


@pytest.mark.parametrize("seed", [1, 2])
def test_the_three_have_three_different_stories(sqlite, now, seed):
    chance = random.Random(seed)
    cast = build("test", now, chance, count=30, large=3)
    with transaction():
        made = accounts.make(cast, "secret " * 5, now)
    disclosure.stories(cast, now, chance)
    told = technicians.stories(cast, now, chance)
    cards.stories(now, chance)
    signs_in = [row["fields"]["technician_id"] for row in made if row["role"] == "technician"]
    people = {name: Technician.get_by_id(number) for name, number in told.items()}
    assert list(people) == ["disclosed", "postcard", "card kept"] and len(set(told.values())) == 3
    assert sorted(signs_in) == sorted(person.technician_id for person in people.values())
    homes = {
        name: home.home_of(viewer_of(Account.get(Account.technician == person)), "mail.example", now)
        for name, person in people.items()
    }
    assert homes["disclosed"].disclosure_state is DisclosureState.OPEN
    assert homes["disclosed"].card.state is CardState.DELIVERED
    assert AccessRow.select().where(AccessRow.technician_id == people["disclosed"].id).exists()
    assert not EmailAddress.select().where(EmailAddress.owner_id == people["postcard"].id).exists()
    assert Postcard.get(Postcard.technician == people["postcard"]).state == "queued" and homes["postcard"].postcard
    assert homes["card kept"].card.state is CardState.KEPT
    assert Card.get(Card.technician == people["card kept"]).kept_until >= now.date()
