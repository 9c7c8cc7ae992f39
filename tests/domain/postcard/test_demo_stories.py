"""The demo's postcards: one in each state, each with its whole history."""

import random
from collections import Counter

from db.models import Event, Postcard, PostcardBatch
from tests.domain.postcard import desk
from webapp.domain import accounts
from webapp.domain.demo.build import build
from webapp.domain.demo.postcards import STORIES, stories
from webapp.domain.postcard.states import PostcardState


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
