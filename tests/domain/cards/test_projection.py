"""Cards in the database: what was reported decides, whatever the order, the repetition and what is taken back."""

import datetime as dt
import itertools
import random

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db.models import Card, Counter, Event, Shipment, TrackingEvent, TrackingSighting, WorkItem
from tests import cast
from tests.examples import examples
from webapp.domain.cards import actions
from webapp.domain.cards.imports import (
    ImportKind,
    ImportState,
    NotUndoable,
    create,
    map_label,
    read_now,
    take_one,
    undo,
    unknown_labels,
)
from webapp.domain.cards.projection import standing_now
from webapp.domain.cards.states import CardEvent, CardState, Receiver
from webapp.domain.core.counters import Figure
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind

NUMBER = "123-45-67890-5"
DAY = dt.timedelta(days=1)


def card_of(now, **values) -> Card:
    person = cast.technician(now)
    return Card.create(
        registration=cast.registration(person, now),
        technician=person,
        state="ordered",
        ordered_at=now,
        changed_at=now,
        **values,
    )


def take(text: str, now, kind=ImportKind.TRACKING, name="x.txt"):
    return read_now(create(kind, name, text.encode(), now), lambda: now)


def post(card: Card, now, number=NUMBER, day="2026-11-18"):
    number_of_application = card.registration.application_number
    run = take(
        f"申請番号\tお問い合わせ番号\t引受日\n{number_of_application}\t{number}\t{day}", now, ImportKind.DISPATCHES
    )
    assert run.state == ImportState.DONE, run.problems
    return run


def report(lines, now, number=NUMBER):
    return take(f"お問い合わせ番号\t{number}\n" + "\n".join(lines), now)


def state(card: Card) -> tuple[str, str]:
    card = Card.get_by_id(card.id)
    return card.state, card.known


def counted(figure: Figure) -> dict[tuple[str, str], int]:
    found: dict[tuple[str, str], int] = {}
    for row in Counter.select().where(Counter.figure == figure):
        found[row.day.isoformat(), row.a] = found.get((row.day.isoformat(), row.a), 0) + row.n
    return {key: n for key, n in found.items() if n}


ABSENT = ["2026/11/18 13:05\t引受\t新宿郵便局", "2026/11/20 11:00\tご不在のため持ち戻り\t長野南郵便局"]
DELIVERED = ["2026/11/22 10:05\tお届け先にお届け済み\t長野南郵便局"]
RETURNED = ["2026/11/28 09:00\t差出人に返送\t長野南郵便局"]


def test_a_card_goes_its_way_with_events_and_counters_in_the_same_step(database, now):
    card = card_of(now)
    assert actions.mark_made([card.id], now, None) == 1
    run = post(card, now)
    assert (run.total, run.added, run.rejected) == (1, 1, 0)
    assert state(card) == ("posted", "posted")
    assert report([*ABSENT], now).changed == 1
    there = Card.get_by_id(card.id)
    assert (there.state, there.kept_until, there.posted_on) == ("absent", dt.date(2026, 11, 27), dt.date(2026, 11, 18))
    assert report([*ABSENT, *DELIVERED], now + 4 * DAY).added == 1
    assert state(card) == ("delivered", "delivered")
    moves = [e.data["to"] for e in Event.select().where(Event.name == EventName.CARD_POST_MOVED).order_by(Event.id)]
    assert moves == ["made", "posted", "absent", "delivered"]
    assert counted(Figure.CARDS) == {("2026-11-18", s): 1 for s in ("made", "posted", "absent")} | {
        ("2026-11-22", "delivered"): 1
    }
    assert counted(Figure.CARD_DAYS) == {("2026-11-22", "4"): 1}


def test_the_same_report_twice_is_one_row_and_undoing_one_import_leaves_it_to_the_other(database, now):
    card = card_of(now)
    post(card, now)
    first, second = report(ABSENT, now), report([*ABSENT, *DELIVERED], now)
    assert (first.added, second.added, TrackingEvent.select().count()) == (2, 1, 3)
    assert undo(second, now, None) == 1
    assert state(card) == ("absent", "absent")
    assert TrackingEvent.select().count() == 2
    assert undo(first, now, None) == 1
    assert state(card) == ("posted", "posted")
    assert TrackingEvent.select().count() == TrackingSighting.select().count() == 0
    assert counted(Figure.CARDS) == {("2026-11-18", "posted"): 1}
    assert counted(Figure.CARD_DAYS) == {}
    with pytest.raises(NotUndoable):
        undo(first, now, None)


def test_undoing_the_list_of_what_was_posted_takes_the_cards_back_and_keeps_the_reports(database, now):
    card = card_of(now)
    run = post(card, now)
    report(ABSENT, now)
    assert undo(run, now, None) == 1
    assert state(card) == ("ordered", "ordered")
    post(card, now)
    assert state(card) == ("absent", "absent"), "what was reported meanwhile finds its card again"


def test_reports_that_come_before_the_list_of_what_was_posted_find_their_card(database, now):
    card = card_of(now)
    early = report(ABSENT, now)
    assert (early.unmatched, early.changed) == (1, 0)
    assert "123-45-67890-5" in str(early.problems)
    post(card, now)
    assert state(card) == ("absent", "absent")


_numbers = itertools.count(40_000_000_000)  # the database stays from example to example
LINES = [
    *ABSENT,
    "2026/11/20 09:00\t持ち出し中\t長野南郵便局",
    "2026/11/20 18:00\t保管\t長野南郵便局",
    "2026/11/19 08:00\t中継\t新東京郵便局",
    "2026/11/21 08:00\tふしぎな状態\t長野南郵便局",
    *DELIVERED,
]


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.lists(st.sampled_from(LINES), min_size=1, max_size=5), min_size=1, max_size=4), st.randoms())
def test_any_order_repetition_and_undoing_end_in_the_same_state(database, now, imports, chance):
    """A card's columns are a function of what stands, not of the way there; on both engines."""
    outcomes = []
    for kept in (imports, chance.sample(imports, len(imports))):
        card, number = card_of(now), str(next(_numbers))
        first = chance.random() < 0.5
        if first:
            post(card, now, number)
        runs = []
        for lines in kept:
            runs.append(report(chance.sample(lines, len(lines)), now, number))
            if chance.random() < 0.3:
                runs.append(report(lines, now, number))
        wrong = report(RETURNED, now, number)
        undo(wrong, now, None)
        if not first:
            post(card, now, number)
        there = Card.get_by_id(card.id)
        outcomes.append(
            [getattr(there, name) for name in ("state", "known", "kept_until", "since_on", "unknown_labels")]
        )
        open_items = WorkItem.open().where(WorkItem.subject_id == card.registration_id).count()
        assert open_items == (there.known == "returned")
        delivered = "2026/11/22 10:05\tお届け先にお届け済み\t長野南郵便局" in itertools.chain(*kept)
        assert (there.known == "delivered") == delivered
    assert outcomes[0] == outcomes[1]


def test_a_returned_card_is_work_is_posted_again_under_a_new_number_and_keeps_its_history(database, now):
    card = card_of(now)
    post(card, now)
    report([*ABSENT, *RETURNED], now + 10 * DAY)
    items = WorkItem.open().where(WorkItem.kind == WorkItemKind.CARD_RETURNED)
    assert state(card) == ("returned", "returned") and items.count() == 1
    actions.reopen(card.id, now + 11 * DAY, None, "転居", actions.Delivery("1000013", "東京都千代田区霞が関1-3-2"))
    assert state(card) == ("made", "made") and items.count() == 0
    there = Card.get_by_id(card.id)
    delivery = actions.delivery_of(there, there.registration, there.technician)
    assert delivery.address == "東京都千代田区霞が関1-3-2"
    post(card, now + 12 * DAY, "123-45-67891-6", "2026-11-30")
    assert state(card) == ("posted", "posted")
    assert [s.n for s in Shipment.select().order_by(Shipment.n)] == [1, 2]
    report(["2026/12/01 10:00\tお届け先にお届け済み\t新宿郵便局"], now + 13 * DAY, NUMBER)
    assert state(card) == ("posted", "posted"), "what the old number gets is the sender's"


def test_a_returned_card_in_the_list_of_what_was_posted_needs_no_further_step(database, now):
    card = card_of(now)
    post(card, now)
    report(RETURNED, now + 10 * DAY)
    post(card, now + 12 * DAY, "123-45-67891-6", "2026-11-29")
    assert state(card) == ("posted", "posted")
    assert not WorkItem.open().exists()


def test_lost_is_declared_taken_back_and_made_again(database, now):
    card = card_of(now)
    with pytest.raises(StepNotAllowed):
        actions.declare_lost([card.id], now, None)
    post(card, now)
    actions.declare_lost([card.id], now + 5 * DAY, None)
    assert state(card) == ("lost", "lost")
    assert actions.take_back_lost([card.id], now + 6 * DAY, None) == 1
    assert state(card) == ("posted", "posted")
    actions.declare_lost([card.id], now + 7 * DAY, None)
    actions.reopen(card.id, now + 8 * DAY, None)
    assert state(card) == ("ordered", "ordered"), "a lost card is made again"
    assert [row.card_id for row in actions.to_make()] == [card.id]


def test_a_word_that_operators_map_is_understood_before_and_after(database, now):
    card = card_of(now)
    post(card, now)
    odd = "2026/11/21 10:00\t配達局で留置中\t長野南郵便局"
    report([*ABSENT, odd], now)
    assert state(card) == ("unknown", "absent")
    assert unknown_labels() == [("配達局で留置中", 1)]
    assert map_label("配達局で留置中", CardEvent.KEPT, Receiver.UNKNOWN, now, None) == 1
    assert state(card) == ("kept", "kept")
    other = card_of(now)
    post(other, now, "123-45-67891-6")
    report([odd], now, "123-45-67891-6")
    assert state(other) == ("kept", "kept")
    map_label("配達局で留置中", CardEvent.IN_TRANSIT, Receiver.UNKNOWN, now, None)
    assert state(card) == state(other) == ("posted", "posted")


@pytest.mark.parametrize("label, event", [("", CardEvent.KEPT), ("X", CardEvent.MADE), ("保管", CardEvent.DELIVERED)])
def test_what_the_post_cannot_say_or_is_known_is_not_mapped(sqlite, now, label, event):
    with pytest.raises(ValueError):
        map_label(label, event, Receiver.UNKNOWN, now, None)


def test_rows_of_dispatches_are_refused_one_by_one_with_their_reason(database, now):
    card, other = card_of(now), card_of(now)
    post(other, now, "111-11-11111-5")
    heading = "技能者ID,お問い合わせ番号,引受日"
    tid, busy = card.technician.technician_id, other.technician.technician_id
    rows = [
        f"{tid},1234567890,2026/11/18",
        f"{tid},123-45-67890-5,2026/11/19",
        f"{tid},123-45-67890-5,",
        ",123-45-67890-5,2026/11/18",
        "99999999999999,123-45-67890-5,2026/11/18",
        f"{busy},222-22-22222-2,2026/11/18",
        f"{tid},111-11-11111-5,2026/11/18",
        f"{tid},123-45-67890-4,令和8年11月18日",
    ]
    text = "\n".join([heading, *rows])
    run = take(text, now, ImportKind.DISPATCHES, "d.csv")
    assert (run.total, run.added, run.rejected, run.warned) == (8, 1, 7, 1), run.problems
    assert state(card) == ("posted", "posted")
    assert "最後の数字" in run.problems[-1][0]
    assert take(text, now, ImportKind.DISPATCHES, "d.csv").added == 0, "the same list twice posts nothing"


def test_a_row_without_number_and_date_says_that_the_card_is_made(database, now):
    card = card_of(now)
    take(
        f"申請番号,お問い合わせ番号,引受日\n{card.registration.application_number},,",
        now,
        ImportKind.DISPATCHES,
        "d.csv",
    )
    assert state(card) == ("made", "made")


def test_a_file_that_says_nothing_fails_with_a_sentence(database, now):
    for content, name in ((b"\x00\x01", "x.csv"), ("こんにちは".encode(), "x.txt"), (b"a,b,c\n1,2,3", "d.csv")):
        run = create(ImportKind.TRACKING, name, content, now)
        assert take_one(lambda: now)
        run = type(run).get_by_id(run.id)
        assert run.state == ImportState.FAILED and run.problems
    assert not take_one(lambda: now)


def test_a_number_that_is_used_again_years_later_is_another_card(database, now):
    old, new = card_of(now), card_of(now)
    post(old, now, NUMBER, "2022-03-01")
    report(["2022/03/03 10:00\tお届け先にお届け済み\t新宿郵便局"], now)
    post(new, now)
    report(ABSENT, now)
    assert (state(old)[0], state(new)[0]) == ("delivered", "absent")


def test_an_import_is_taken_over_when_its_reader_died(database, now):
    card = card_of(now)
    post(card, now)
    run = create(ImportKind.TRACKING, "x.txt", ("123-45-67890-5\n" + "\n".join(ABSENT)).encode(), now)
    run.state, run.lease_until = ImportState.RUNNING, now
    run.save()
    assert take_one(lambda: now + dt.timedelta(minutes=1))
    assert state(card) == ("absent", "absent")


def test_the_columns_say_what_the_history_says(database, now):
    chance = random.Random(4)
    for n in range(12):
        card, number = card_of(now), f"{30_000_000_000 + n}"
        post(card, now, number)
        report(chance.sample(LINES, chance.randrange(1, 6)), now, number)
        there = Card.get_by_id(card.id)
        stands = standing_now(there)
        assert (there.state, there.known, there.kept_until) == (stands.state, stands.known, stands.kept_until)
        assert CardState(there.state)
