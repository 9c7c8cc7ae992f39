"""What is written for many cards at once is what is written when each is taken by itself."""

import datetime as dt

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db import database as db
from db.models import Card, Counter, Event, Shipment, TrackingEvent, WorkItem
from tests import cast
from tests.examples import examples
from webapp.domain.cards import projection, states
from webapp.domain.cards.states import CardEvent, Receiver
from webapp.domain.core import work_items
from webapp.domain.core.calendar import JST
from webapp.domain.core.work_items import WorkItemKind, WorkItemState

NOW = dt.datetime(2026, 11, 28, 1, 2, 3, tzinfo=dt.UTC)
FIRST = dt.datetime(2026, 11, 18, 9, tzinfo=JST)
OWN = {Event: ("id", "subject_id"), WorkItem: ("id",)}  # made anew each time

kinds = st.sampled_from([kind for kind in CardEvent if kind not in (CardEvent.ORDERED, CardEvent.MADE)])
labels = st.sampled_from(["引受", "到着", "保管", "ふしぎ"])
moments = st.integers(0, 200).map(lambda hours: FIRST + dt.timedelta(hours=hours))
reports = st.builds(
    states.Report,
    at=moments,
    event=kinds,
    label=labels,
    office=st.sampled_from(["", "長野南郵便局"]),
    receiver=st.sampled_from(list(Receiver)),
)
cards = st.lists(st.tuples(st.lists(reports, max_size=4), st.booleans()), min_size=1, max_size=4)


class Undo(Exception):
    """Ends a transaction without a trace."""


def outcome_of(path) -> dict:
    """What a path leaves in the tables, in an order that does not depend on it; it is undone afterwards."""
    try:
        with db.transaction():
            path()
            found = {
                model.__name__: sorted(
                    tuple((name, repr(value)) for name, value in row.items() if name not in OWN.get(model, ()))
                    for row in model.select().dicts()
                )
                for model in (Card, WorkItem, Event, Counter)
            }
            raise Undo
    except Undo:
        # A counter that went up and down again in one statement was never written.
        return found | {"Counter": [row for row in found["Counter"] if ("n", "0") not in row]}


def make(drawn) -> list[int]:
    """Cards in the post with what was reported of them, not folded yet; some of them returned before."""
    for model in (WorkItem, TrackingEvent, Shipment, Card, Event, Counter):
        model.delete().execute()
    made = []
    for n, (told, was_returned) in enumerate(drawn):
        person, number = cast.technician(NOW), f"{50_000_000_000 + n}"
        state = "returned" if was_returned else "posted"
        row = Card.create(
            registration=cast.registration(person, NOW), technician=person, state=state, known=state, ordered_at=NOW,
            changed_at=NOW,
        )  # fmt: skip
        Shipment.create(card=row, n=1, number=number, accepted_on=FIRST.date(), created_at=NOW)
        for each in set(told):
            TrackingEvent.create(
                number=number, at=each.at.isoformat(), label=each.label, label_key=each.label, office=each.office,
                event=each.event, receiver=each.receiver,
            )  # fmt: skip
        if was_returned:
            work_items.open_item(WorkItemKind.CARD_RETURNED, "registration", row.registration_id, "returned", NOW)
        made.append(row.id)
    return made


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=cards)
def test_many_cards_are_folded_as_each_would_be(sqlite_url, drawn):
    db.configure(sqlite_url)
    with db.connected():
        ids = make(drawn)

        def one_by_one():
            for number in ids:
                projection.refold([number], NOW, "tracking")

        assert outcome_of(lambda: projection.refold(ids, NOW, "tracking")) == outcome_of(one_by_one)
    db.database.close_all()


def test_many_items_are_opened_and_closed_as_each_would_be(database, now):
    people = [cast.technician(now) for _ in range(4)]
    subjects = [cast.registration(person, now).id for person in people]
    kind, about = WorkItemKind.CARD_RETURNED, "registration"
    work_items.open_item(kind, about, subjects[0], "earlier", now)

    def each():
        for subject in subjects:
            work_items.open_item(kind, about, subject, "returned", now)

    def together():
        opened = work_items.open_items(kind, about, [(subject, "returned") for subject in subjects], now)
        assert list(opened) == subjects[1:], "the one that is open stays the only one"

    assert outcome_of(together) == outcome_of(each)
    each()

    def close_each():
        for item in WorkItem.open().where(WorkItem.subject_id.in_(subjects[:3])):
            work_items.close_item(item, WorkItemState.DONE, "tracking", now, None)

    def close_together():
        assert work_items.close_items(kind, about, subjects[:3], WorkItemState.DONE, "tracking", now, None) == 3
        assert work_items.close_items(kind, about, subjects[:3], WorkItemState.DONE, "tracking", now, None) == 0

    # A note that was not given is nothing in both.
    assert outcome_of(close_together) == outcome_of(close_each)


@examples(300)
@given(st.lists(reports, max_size=6))
def test_reports_that_need_no_weighing_stand_where_weighing_puts_them(told):
    assert states.in_order(told) == states._placed(set(told))
