"""The demo's postcards: one in each state, each with its whole history."""

import random
from collections import Counter

import pytest

from db.models import Event, Postcard, PostcardBatch, Technician
from tests.domain.postcard import desk
from webapp.demo.build import build
from webapp.demo.postcards import STORIES, stories
from webapp.domain.accounts import accounts
from webapp.domain.postcard import mending
from webapp.domain.postcard.states import PostcardState


@pytest.mark.parametrize("seed", [1, 7])
def test_what_the_demo_holds_is_held_whoever_the_people_are(sqlite, now, tmp_path, seed):
    # Everybody lives where the demo used to put a wrong postal code.
    build("test", now, random.Random(seed), count=30, large=0)
    Technician.update(postal_code="5300001", address="大阪府大阪市北区梅田9-9").execute()
    ops = accounts.create_operator("ops", "運営", accounts.OperatorRole.OPERATOR, "a long enough password", now).id
    told = stories(now, random.Random(seed), desk.office(tmp_path), ops)
    held = {name: Postcard.get(Postcard.registration == number).hold_reason for name, number in told.items()}
    assert {name: reason for name, reason in held.items() if reason} == {
        "on hold: code and address disagree": "code_address_disagree",
        "on hold: a sign that does not print": "missing_glyph",
        "on hold: no postal code": "no_usable_address",
    }
    flagged = {card.registration_id for card, _ in mending.disagreeing()}
    assert told["queued: a withdrawn code"] in flagged


def test_there_is_a_postcard_in_each_state_and_counters_agree(sqlite, now, tmp_path):
    build("test", now, random.Random(1), count=30, large=0)
    ops = accounts.create_operator("ops", "運営", accounts.OperatorRole.OPERATOR, "a long enough password", now).id
    told = stories(now, random.Random(2), desk.office(tmp_path), ops)
    assert set(told) == set(STORIES)
    assert {card.state for card in Postcard.select()} == set(PostcardState)
    states = {name: Postcard.get(Postcard.registration == number).state for name, number in told.items()}
    assert states["presumed delivered"] == "presumed_delivered" and states["returned"] == "returned"
    assert states["mended"] == "queued" and states["returned, sent again"] in ("queued", "batched")
    assert PostcardBatch.select().count() == 4
    events = Counter(row.name for row in Event.select().where(Event.name.startswith("postcard:")))
    assert desk.entered()["mailed"] == events["postcard:ops:mailed"]
    moments = [row.at for row in Event.select() if row.name.startswith("postcard")]
    assert max(moments) <= now
