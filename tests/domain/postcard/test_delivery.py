"""After the batch: cancelled, presumed, printed again, returned, mended; counters always equal what happened."""

import datetime as dt
from collections import Counter

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db import database as db
from db.ids import encode
from db.models import (
    Account,
    ActivationCode,
    Alarm,
    AuditRow,
    Event,
    Postcard,
    PostcardBatch,
    PostcardFile,
    PostcardPrint,
    PostcardReturn,
    RecordVersion,
    Technician,
    WorkItem,
)
from db.models import Counter as Count
from tests.domain.postcard import desk
from tests.examples import examples
from webapp.domain.accounts import accounts
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.mail import restore
from webapp.domain.postcard import (
    activation_codes,
    batches,
    cancelling,
    delivery,
    fallback,
    marking,
    mending,
    reconciling,
    returns,
)
from webapp.domain.postcard.cancelling import CancelReason
from webapp.domain.postcard.delivery import ReprintReason
from webapp.domain.postcard.mending import Mended, StillHeld
from webapp.domain.postcard.returns import ReturnOutcome
from webapp.domain.postcard.states import (
    STEPS,
    BatchState,
    BatchStep,
    HoldReason,
    PostcardState,
    PostcardStep,
    next_state,
)


@pytest.fixture
def shop(tmp_path):
    return desk.office(tmp_path)


@pytest.fixture
def ops(now, request) -> int:
    request.getfixturevalue("database" if "database" in request.fixturenames else "sqlite")
    return accounts.create_operator("ops", "運営", accounts.OperatorRole.OPERATOR, "a long enough password", now).id


def number_of(postcard: Postcard) -> str:
    here = (PostcardPrint.postcard == postcard.id) & (PostcardPrint.print_number == postcard.print_number)
    return PostcardPrint.get(here).management_number


def living(postcard: Postcard, now) -> list[int]:
    rows = activation_codes.living(ActivationCode.technician == postcard.technician_id, now)
    return [row.print_number for row in rows]


def reread(postcard: Postcard) -> Postcard:
    return Postcard.get_by_id(postcard.id)


@pytest.mark.parametrize("state", list(PostcardState))
@pytest.mark.parametrize("step", list(PostcardStep))
def test_a_step_outside_the_table_raises(state, step):
    if (state, step) in STEPS:
        assert next_state(state, step) == STEPS[state, step]
    else:
        with pytest.raises(StepNotAllowed):
            next_state(state, step)


def test_a_waiting_card_is_cancelled_when_the_person_has_signed_in(database, shop, now):
    (card,), (held,) = desk.queued(now), desk.queued(now, postal_code="")
    with db.transaction():
        assert cancelling.cancel_for(card.technician_id, CancelReason.SIGNED_IN, now) == 1
        assert cancelling.cancel_for(held.technician_id, CancelReason.ADDRESS_CONFIRMED, now) == 1
        assert cancelling.cancel_for(card.technician_id, CancelReason.SIGNED_IN, now) == 0
    assert [row.state for row in Postcard.select()] == [PostcardState.CANCELLED] * 2
    assert not WorkItem.open().exists() and not batches.queued(now).exists()


def test_a_card_in_a_batch_is_not_cancelled_any_more(database, shop, now):
    (card,) = desk.queued(now)
    desk.made(shop, now)
    with db.transaction():
        assert cancelling.cancel_for(card.technician_id, CancelReason.SIGNED_IN, now) == 0
    assert reread(card).state == PostcardState.BATCHED


def test_ten_days_without_a_return_are_presumed_a_delivery(database, shop, now):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    nearly = now + dt.timedelta(days=10) - dt.timedelta(seconds=1)
    assert delivery.presume(shop, nearly) == 0
    assert delivery.presume(shop, nearly + dt.timedelta(seconds=1)) == 1
    assert reread(card).state == PostcardState.PRESUMED_DELIVERED
    assert desk.entered()["presumed_delivered"] == 1


def test_a_reprint_kills_the_old_code_at_once_and_gets_a_new_number_and_code(database, shop, now, ops):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    card = reread(card)
    old = number_of(card)
    assert living(card, now) == [1]
    delivery.reprint(card, ReprintReason.NOT_ARRIVED, now, ops, "電話")
    assert living(card, now) == []
    assert reread(card).state == PostcardState.QUEUED
    second = desk.mailed(shop, now + dt.timedelta(hours=1))
    card = reread(card)
    assert (card.print_number, card.batch_id, card.reprint_reason) == (2, second.id, None)
    assert number_of(card) != old
    assert PostcardPrint.get(PostcardPrint.print_number == 2).reason == ReprintReason.NOT_ARRIVED
    assert living(card, now + dt.timedelta(hours=1)) == [2]


def test_a_reprint_needs_a_reason_and_a_printed_card(database, shop, now, ops):
    (card,) = desk.queued(now)
    with pytest.raises(StepNotAllowed):
        delivery.reprint(card, ReprintReason.LOST, now, ops)
    desk.mailed(shop, now)
    with pytest.raises(ValueError, match="because"):
        delivery.reprint(reread(card), "because", now, ops)


def test_a_card_taken_out_of_a_printed_batch_is_not_mailed_with_it(database, shop, now, ops):
    first, second = desk.queued(now, 2)
    batch = desk.made(shop, now)
    marking.advance(batch, BatchStep.PRINT, shop, now, ops)
    delivery.reprint(reread(first), ReprintReason.DAMAGED, now, ops)
    assert marking.advance(batch, BatchStep.MAIL, shop, now, ops) == 1
    assert [reread(card).state for card in (first, second)] == [PostcardState.QUEUED, PostcardState.MAILED]


def test_files_go_after_their_days_and_the_record_of_them_stays(database, shop, now):
    desk.queued(now)
    desk.mailed(shop, now)
    due = now + dt.timedelta(days=14)
    assert delivery.remove_files(shop.folder, now - dt.timedelta(seconds=1), due) == 0
    assert delivery.remove_files(shop.folder, now, due) == 4
    assert list(shop.folder.iterdir()) == []
    assert PostcardFile.select().count() == 4
    assert PostcardBatch.get().files_removed_at == due
    assert delivery.remove_files(shop.folder, now, due) == 0


def test_a_scan_finds_the_card_in_any_spelling_ends_its_code_and_opens_work(database, shop, now, ops):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    number = number_of(reread(card))
    assert returns.scan(f" {number.lower().replace('-', '')} ", now, ops).outcome == ReturnOutcome.RETURNED
    card = reread(card)
    assert card.state == PostcardState.RETURNED and living(card, now) == []
    assert WorkItem.open().get().kind == WorkItemKind.POSTCARD_RETURNED
    assert returns.scan(number, now, ops).outcome == ReturnOutcome.REPEATED
    assert returns.scan("00000-0000Z", now, ops).outcome == ReturnOutcome.UNKNOWN
    assert returns.scan("?", now, ops).outcome == ReturnOutcome.UNKNOWN
    assert WorkItem.select().count() == 1
    assert [row.outcome for row in returns.latest(ops)] == ["unknown", "unknown", "repeated", "returned"]


def test_a_card_that_is_not_mailed_or_was_printed_again_is_not_returned(database, shop, now, ops):
    (card,) = desk.queued(now)
    desk.made(shop, now)
    number = number_of(reread(card))
    assert returns.scan(number, now, ops).outcome == ReturnOutcome.NOT_MAILED
    batch = PostcardBatch.get()
    marking.advance(batch, BatchStep.PRINT, shop, now, ops)
    marking.advance(batch, BatchStep.MAIL, shop, now, ops)
    delivery.reprint(reread(card), ReprintReason.LOST, now, ops)
    assert returns.scan(number, now, ops).outcome == ReturnOutcome.OLD_PRINT
    assert not WorkItem.select().exists()


def test_a_scan_can_be_taken_back_with_code_work_and_count(database, shop, now, ops):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    before = desk.entered()
    row = returns.scan(number_of(reread(card)), now, ops)
    returns.undo(row, now, ops)
    assert reread(card).state == PostcardState.MAILED
    assert living(card, now) == [1]
    assert not WorkItem.open().exists()
    assert desk.entered() == before
    with pytest.raises(StepNotAllowed):
        returns.undo(row, now, ops)
    assert returns.latest(ops) == []


def test_a_scan_is_not_taken_back_after_the_work_was_done(database, shop, now, ops):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    row = returns.scan(number_of(reread(card)), now, ops)
    returns.close(reread(card), now, ops, "転居先不明")
    with pytest.raises(StepNotAllowed):
        returns.undo(row, now, ops)
    assert reread(card).state == PostcardState.RETURNED
    assert PostcardReturn.get().undone_at is None


def test_many_are_taken_from_a_file_of_any_columns(database, shop, now, ops):
    cards = desk.queued(now, 3)
    desk.mailed(shop, now)
    numbers = [number_of(reread(card)) for card in cards]
    text = f'\ufeff"{numbers[0]}",2026-11-18\r\n{numbers[1]};x\n\n{numbers[2]}\t9\n{numbers[0]}\n'
    tally = returns.scan_many(returns.numbers_in(text), now, ops)
    assert tally.found == {ReturnOutcome.RETURNED: 3, ReturnOutcome.REPEATED: 1} and tally.left_over == 0


def test_a_returned_card_goes_out_again_to_the_mended_address(database, shop, now, ops):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    returns.scan(number_of(reread(card)), now, ops)
    mended = Mended("263-0023", "千葉県千葉市稲毛区緑町1丁目99-8", "")
    mending.mend(reread(card), mended, 1, shop, now, ops)
    returns.send_again(reread(card), now, ops)
    assert not WorkItem.open().exists()
    desk.made(shop, now)
    newest = PostcardPrint.get(PostcardPrint.print_number == 2)
    assert (newest.postal_code, newest.address, newest.reason) == ("2630023", mended.address, "returned")


def test_asking_the_business_leaves_the_work_open_and_says_so(database, shop, now, ops):
    (card,) = desk.queued(now)
    desk.mailed(shop, now)
    returns.scan(number_of(reread(card)), now, ops)
    returns.ask_business(reread(card), now, ops, "電話した")
    item = WorkItem.open().get()
    assert item.data["asked_at"] == now.isoformat() and item.note == "電話した"


def test_a_mended_address_is_a_new_version_and_lets_the_card_go(database, shop, now, ops):
    (card,) = desk.queued(now, address="大阪府大阪市北区梅田9-9")
    desk.made(shop, now)
    with pytest.raises(StillHeld) as refused:
        mending.mend(reread(card), Mended("1000013", "大阪府大阪市北区梅田9-9", ""), 1, shop, now, ops)
    assert [hold.reason for hold in refused.value.holds] == [HoldReason.CODE_ADDRESS_DISAGREE]
    mending.mend(reread(card), Mended("100-0013", "東京都千代田区霞が関1-3-2", ""), 1, shop, now, ops)
    person = Technician.get()
    assert (person.postal_code, person.address, person.version) == ("1000013", "東京都千代田区霞が関1-3-2", 2)
    assert RecordVersion.get().content["address"] == "大阪府大阪市北区梅田9-9"
    assert reread(card).state == PostcardState.QUEUED and not WorkItem.open().exists()
    assert AuditRow.select().where(AuditRow.action == "technician:ops:changed").exists()
    with pytest.raises(StepNotAllowed):
        mending.mend(reread(card), Mended("1000013", "東京都千代田区霞が関9-9-9", ""), 1, shop, now, ops)


def test_a_name_that_cannot_be_printed_gets_another_spelling_on_paper_only(database, shop, now, ops):
    (card,) = desk.queued(now, name="佐藤☺")
    desk.made(shop, now)
    mending.mend(reread(card), Mended("1000013", "東京都千代田区霞が関1-3-2", "佐藤"), 1, shop, now, ops)
    desk.made(shop, now)
    assert PostcardPrint.get().name == "佐藤"
    assert Technician.get().name == "佐藤☺"


def test_an_alarmed_address_waits_for_its_own_decision(database, shop, now, ops):
    (card,) = desk.queued(now)
    with db.transaction():
        fallback.hold(card, HoldReason.SAME_ADDRESS, now)
    mending.mend(reread(card), Mended("1000013", "東京都千代田区霞が関1-3-2", "佐藤"), 1, shop, now, ops)
    assert reread(card).state == PostcardState.ON_HOLD


ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["queue", "make", "print", "mail", "presume", "cancel", "reprint", "scan", "undo", "mend"]),
        st.integers(0, 3),
    ),
    max_size=25,
)


@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=ACTIONS)
def test_whatever_happens_counters_equal_events_and_no_card_has_two_living_codes(sqlite, shop, now, ops, actions):
    """Random histories: states follow the table, counters follow what was entered, one code at most opens a door."""
    for model in (PostcardReturn, PostcardFile, PostcardPrint, ActivationCode, WorkItem, Event, Count):
        model.delete().execute()
    Postcard.delete().execute()
    PostcardBatch.delete().execute()
    moment = now
    expected: Counter = Counter()
    states: dict[int, str] = {}

    def pick(place, *allowed):
        cards = [card for card in Postcard.select().order_by(Postcard.id) if card.state in allowed]
        return cards[place % len(cards)] if cards else None

    for name, place in actions:
        moment += dt.timedelta(hours=1)
        undone = 0
        if name == "queue":
            desk.queued(moment, 1, **({"name": "佐藤☺"} if place == 0 else {}))
        elif name == "make" and batches.queued(moment).exists():
            desk.made(shop, moment)
        elif name in ("print", "mail"):
            batch = PostcardBatch.get_or_none(
                PostcardBatch.state == (BatchState.READY if name == "print" else BatchState.PRINTED)
            )
            if batch:
                marking.advance(batch, BatchStep(name), shop, moment, ops)
        elif name == "presume":
            moment += dt.timedelta(days=4)
            delivery.presume(shop, moment)
        elif name == "cancel" and (card := pick(place, "queued", "on_hold")):
            with db.transaction():
                cancelling.cancel_for(card.technician_id, CancelReason.SIGNED_IN, moment)
        elif name == "reprint" and (card := pick(place, "printed", "mailed", "presumed_delivered", "returned")):
            delivery.reprint(card, ReprintReason.LOST, moment, ops)
        elif name == "scan" and (card := pick(place, "printed", "mailed", "presumed_delivered", "returned")):
            returns.scan(number_of(card), moment, ops)
        elif name == "undo" and (row := next(iter(returns.latest(ops)), None)):
            try:
                returns.undo(row, moment, ops)
                undone = row.outcome == ReturnOutcome.RETURNED
            except StepNotAllowed:
                pass
        elif name == "mend" and (card := pick(place, "on_hold")):
            person = card.technician
            mended = Mended(person.postal_code, person.address, "佐藤")
            mending.mend(card, mended, person.version, shop, moment, ops)
        if undone:
            expected["returned"] -= 1
    names = Counter(row.name for row in Event.select().where(Event.name.startswith("postcard:")))
    expected["queued"] += sum(
        names[f"postcard:{event}"] for event in ("fallback:queued", "ops:released", "ops:reprinted")
    )
    for state, event in (
        *(("on_hold", "fallback:held"), ("batched", "worker:batched"), ("printed", "ops:printed")),
        *(("mailed", "ops:mailed"), ("presumed_delivered", "rule:presumed"), ("returned", "ops:returned")),
        ("cancelled", "rule:cancelled"),
    ):
        expected[state] += names[f"postcard:{event}"]
    assert desk.entered() == Counter({state: n for state, n in expected.items() if n})
    for card in Postcard.select():
        states[card.id] = card.state
        codes = living(card, moment)
        assert codes == ([card.print_number] if card.state in ("mailed", "presumed_delivered") else []) or (
            card.state in ("mailed", "presumed_delivered") and codes == []  # its sixty days are over
        )
        open_codes = ActivationCode.select().where(
            (ActivationCode.card_id == encode(card.id)) & ActivationCode.ended_at.is_null()
        )
        assert open_codes.count() <= 1
    prints = [(row.postcard_id, row.print_number) for row in PostcardPrint.select()]
    assert len(prints) == len(set(prints))
    assert Account.select().count() == 1


def test_after_a_restore_queued_cards_wait_until_a_person_has_decided(database, shop, now, ops):
    mailed_since, other = desk.queued(now, 2)
    restore.recover(now, "by_hand", ops)
    assert {card.hold_reason for card in Postcard.select()} == {HoldReason.RESTORED}
    assert not batches.queued(now).exists()
    cancelling.cancel(reread(mailed_since), now, ops, "控えで差出を確認")
    assert WorkItem.open().where(WorkItem.subject_kind == "postcards").exists()
    assert reconciling.release_postcards(now, ops, "") == 1
    assert reread(other).state == PostcardState.QUEUED
    assert not WorkItem.open().exists() and not Alarm.open().exists()
