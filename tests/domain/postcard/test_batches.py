"""Batches: what goes in, what is held, and that a worker killed anywhere makes neither two cards nor none."""

import contextlib
import datetime as dt
import os
import shutil
from dataclasses import replace
from hashlib import sha256

import pytest

from db import database as db
from db.models import ActivationCode, Event, Postcard, PostcardBatch, PostcardFile, PostcardPrint, Technician, WorkItem
from tests.domain.postcard import desk
from webapp.domain.core.errors import StepNotAllowed, TakenOver
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.postcard import activation_codes, batches, code_text, marking, production
from webapp.domain.postcard.batches import AlreadyGathering, NothingQueued
from webapp.domain.postcard.production import Production, SecretChanged
from webapp.domain.postcard.sheet import SheetError
from webapp.domain.postcard.states import BatchState, BatchStep, HoldReason, PostcardState


@pytest.fixture
def shop(tmp_path):
    return desk.office(tmp_path)


def test_a_batch_takes_in_what_is_queued_in_its_order_with_numbers_codes_and_cost(database, shop, now):
    cards = desk.queued(now, 5)
    batch = desk.made(shop, now)
    assert (batch.number, batch.cards, batch.cost, batch.typeset) == ("2026-11-18-1", 5, 600, 5)
    prints = list(PostcardPrint.select().order_by(PostcardPrint.position))
    assert [row.postcard_id for row in prints] == [card.id for card in cards]
    assert [row.position for row in prints] == [1, 2, 3, 4, 5]
    assert len({row.management_number for row in prints}) == 5
    codes = list(ActivationCode.select())
    assert len(codes) == 5 and all(code.valid_from is None for code in codes)
    for card in Postcard.select():
        assert (card.state, card.batch_id, card.print_number) == (PostcardState.BATCHED, batch.id, 1)
        assert desk.events_of(card) == ["postcard:fallback:queued", "postcard:worker:batched"]
    assert desk.entered() == {"queued": 5, "batched": 5}


def test_batches_of_a_day_are_counted_and_one_whose_cards_are_all_held_says_that_it_is_empty(database, shop, now):
    desk.queued(now)
    first = desk.made(shop, now)
    desk.queued(now, name="佐藤☺")
    second = desk.made(shop, now)
    assert [first.number, second.number] == ["2026-11-18-1", "2026-11-18-2"]
    assert (second.state, second.cards) == (BatchState.EMPTY, 0)


def test_without_a_waiting_card_no_number_is_used_up(database, shop, now):
    with pytest.raises(NothingQueued):
        batches.begin(shop, now)
    assert not PostcardBatch.select().exists()


def test_while_one_is_gathered_there_is_no_second(database, shop, now):
    desk.queued(now)
    batches.begin(shop, now)
    with pytest.raises(AlreadyGathering):
        batches.begin(shop, now)


def test_a_sender_that_cannot_be_printed_stops_the_batch_before_it_begins(database, shop, now):
    with pytest.raises(SheetError):
        batches.begin(replace(shop, sender=replace(shop.sender, name="長" * 200)), now)
    assert not PostcardBatch.select().exists()


@pytest.mark.parametrize(
    ("person", "reason"),
    [
        ({"postal_code": "12"}, HoldReason.NO_USABLE_ADDRESS),
        ({"address": "大阪府大阪市北区梅田9-9"}, HoldReason.CODE_ADDRESS_DISAGREE),
        ({"name": "佐藤☺"}, HoldReason.MISSING_GLYPH),
        ({"name": "長" * 120}, HoldReason.TEXT_OVERFLOW),
    ],
)
def test_what_cannot_be_printed_goes_on_hold_with_work_and_the_rest_is_printed(database, shop, now, person, reason):
    (good,), (bad,) = desk.queued(now), desk.queued(now, **person)
    assert batches.dry_run(shop, now) == batches.DryRun(1, 120, {reason: 1}, 2, 2)
    batch = desk.made(shop, now)
    assert (batch.cards, batch.held) == (1, 1)
    assert Postcard.get_by_id(good.id).state == PostcardState.BATCHED
    bad = Postcard.get_by_id(bad.id)
    assert (bad.state, bad.hold_reason, bad.print_number) == (PostcardState.ON_HOLD, reason, 0)
    item = WorkItem.get()
    assert (item.kind, item.subject_id, item.reason) == (WorkItemKind.POSTCARD_ON_HOLD, bad.registration_id, reason)
    if reason is HoldReason.MISSING_GLYPH:
        assert item.data["signs"] == ["☺"]


def test_what_is_queued_after_the_batch_began_waits_for_the_next(database, shop, now):
    desk.queued(now)
    batch = batches.begin(shop, now)
    (late,) = desk.queued(now + dt.timedelta(seconds=1))
    desk.produce(shop, now + dt.timedelta(seconds=2))
    assert PostcardBatch.get_by_id(batch.id).cards == 1
    assert Postcard.get_by_id(late.id).state == PostcardState.QUEUED


def test_a_person_who_changes_between_check_and_batch_is_checked_again(database, shop, now, monkeypatch):
    (card,) = desk.queued(now)
    looked = []

    def change(checked, inspect=batches.inspect):
        found = inspect(checked)
        if not looked:
            Technician.update(name="佐藤☺", version=2).where(Technician.id == card.technician_id).execute()
        looked.append(checked.name)
        return found

    monkeypatch.setattr(batches, "inspect", change)
    desk.made(shop, now)
    assert looked == ["佐藤 健一", "佐藤☺"]
    assert Postcard.get_by_id(card.id).hold_reason == HoldReason.MISSING_GLYPH


def test_printing_and_mailing_move_all_cards_and_start_the_codes(database, shop, now):
    cards = desk.queued(now, 3)
    batch = desk.made(shop, now)
    with pytest.raises(StepNotAllowed):
        marking.advance(batch, BatchStep.MAIL, shop, now, None)
    assert marking.advance(batch, BatchStep.PRINT, shop, now, None) == 3
    assert not ActivationCode.select().where(ActivationCode.valid_from.is_null(False)).exists()
    later = now + dt.timedelta(hours=1)
    assert marking.advance(batch, BatchStep.MAIL, shop, later, None) == 3
    card = Postcard.get_by_id(cards[0].id)
    assert (card.state, card.mailed_at) == (PostcardState.MAILED, later)
    assert desk.entered() == {"queued": 3, "batched": 3, "printed": 3, "mailed": 3}
    living = activation_codes.living(ActivationCode.technician == card.technician_id, later)
    assert [code.expires_at for code in living] == [later + dt.timedelta(days=60)]
    assert not activation_codes.living(ActivationCode.technician == card.technician_id, now)


def test_the_files_belong_to_their_owner_alone_and_are_as_noted(database, shop, now):
    desk.queued(now, 3)
    desk.made(shop, now)
    files = list(PostcardFile.select().order_by(PostcardFile.id))
    assert [file.name.removeprefix("2026-11-18-1-") for file in files] == [
        "001.pdf", "002.pdf", "manifest.xlsx", "manifest.csv", "cover.pdf",
    ]  # fmt: skip
    assert [file.cards for file in files] == [2, 1, 3, 3, 3]
    assert shop.folder.stat().st_mode & 0o777 == 0o700
    for file in files:
        path = shop.folder / file.name
        assert path.stat().st_mode & 0o777 == 0o600
        assert path.stat().st_size == file.size
    assert {path.name for path in shop.folder.iterdir()} == {file.name for file in files}


def test_what_is_printed_is_the_code_whose_hash_is_stored(database, shop, now):
    (card,) = desk.queued(now)
    batch = batches.begin(shop, now)
    seen = []
    desk.produce(shop, now, render=lambda cards, sender, marks: seen.extend(cards) or b"%PDF")
    row = ActivationCode.get()
    assert code_text.matches(desk.SECRET.encode(), row.card_id, seen[0].activation_code, row.code_hash)
    assert seen[0].technician_id == card.technician.technician_id and seen[0].sign_in_url == shop.sign_in_url
    assert batch.number.startswith("2026")


def test_with_another_secret_nothing_is_printed(database, shop, now):
    desk.queued(now)
    batch = batches.begin(shop, now)
    first = Production(shop, lambda: now, desk.stand_in, 2)
    assert first.step() and first.step()  # gathered and closed
    other = Production(
        replace(shop, secret="another secret, long enough too"), lambda: now + batches.LEASE, desk.stand_in
    )
    with pytest.raises(SecretChanged):
        other.step()
    batch = PostcardBatch.get_by_id(batch.id)
    assert (batch.state, batch.failure) == (BatchState.MAKING, "SecretChanged")
    assert list(shop.folder.iterdir()) == []


def test_the_daily_time_makes_one_batch_a_day_if_cards_wait(database, shop, now):
    shop = replace(shop, daily_at=dt.time(16, 30, tzinfo=dt.timezone(dt.timedelta(hours=9))))
    assert batches.begin_daily(shop, now) is None
    due = now.replace(hour=7, minute=30, second=0)  # 16:30 in Japan
    assert batches.begin_daily(shop, due) is None  # nothing waits
    desk.queued(now)
    assert batches.begin_daily(shop, due - dt.timedelta(seconds=1)) is None
    assert batches.begin_daily(shop, due).number == "2026-11-18-1"
    desk.produce(shop, due)
    desk.queued(due)
    assert batches.begin_daily(shop, due + dt.timedelta(hours=1)) is None
    assert batches.begin_daily(shop, due + dt.timedelta(days=1)).number == "2026-11-19-1"


class Killed(BaseException):
    """The process is gone at this point."""


def kill_at(monkeypatch, point: int) -> None:
    """Raise Killed at the nth thing that reaches the disk or the database."""
    count = iter(range(10_000))

    def deadly(function):
        def step(*args, **kwargs):
            if next(count) == point:
                raise Killed
            return function(*args, **kwargs)

        return step

    def deadly_after(function):
        def step(*args, **kwargs):
            found = function(*args, **kwargs)
            if next(count) == point:
                raise Killed
            return found

        return step

    monkeypatch.setattr(os, "replace", deadly(deadly_after(os.replace)))
    monkeypatch.setattr(production, "_settle", deadly(deadly_after(production._settle)))
    monkeypatch.setattr(production, "write_xlsx", deadly(deadly_after(production.write_xlsx)))
    monkeypatch.setattr(type(db.database.obj), "execute_sql", deadly(db.database.obj.__class__.execute_sql))
    monkeypatch.setattr(batches, "write_rows", deadly(deadly_after(batches.write_rows)))
    # A killed process does not tidy up either.
    monkeypatch.setattr(production.Path, "unlink", lambda self, missing_ok=False: None)


def outcome(shop) -> tuple:
    """What must not depend on where a worker was killed."""
    batch = PostcardBatch.get()
    prints = [
        (row.position, row.postcard_id, row.print_number, row.name)
        for row in PostcardPrint.select().order_by(PostcardPrint.position)
    ]
    events = sorted(row.name for row in Event.select().where(Event.name.contains("batch")))
    files = [(row.name, row.cards, row.sha256) for row in PostcardFile.select().order_by(PostcardFile.name)]
    states = [(row.id, row.state, row.batch_id, row.print_number) for row in Postcard.select().order_by(Postcard.id)]
    codes = ActivationCode.select().where(ActivationCode.ended_at.is_null()).count()
    return (batch.state, batch.cards, batch.cost), prints, events, files, states, codes, desk.entered()


def test_a_worker_killed_anywhere_makes_neither_two_cards_nor_none(sqlite, sqlite_url, tmp_path, now):
    """Every point at which something reaches disk or database is tried once, and the next worker finishes."""
    shop = desk.office(tmp_path)
    desk.queued(now, 4)
    desk.queued(now, 1, name="佐藤☺")
    batches.begin(shop, now)
    db.database.execute_sql("PRAGMA wal_checkpoint(TRUNCATE)")
    start = tmp_path / "start.db"
    path = tmp_path / "test.db"
    db.database.close()
    db.database.close_all()
    shutil.copy(path, start)

    def again():
        db.database.close()
        db.database.close_all()
        for old in tmp_path.glob("test.db*"):
            old.unlink()
        shutil.copy(start, path)
        shutil.rmtree(shop.folder, ignore_errors=True)
        db.database.connect()

    def content():
        return {name: sha256((shop.folder / name).read_bytes()).hexdigest() for name, *_ in whole[3]}

    again()
    desk.produce(shop, now)
    whole = outcome(shop)
    kills = 0
    for point in range(10_000):
        again()
        with pytest.MonkeyPatch.context() as patch:
            kill_at(patch, point)
            try:
                desk.produce(shop, now)
                break
            except Killed:
                kills += 1
        desk.produce(shop, now + batches.LEASE)
        later = outcome(shop)
        assert later == whole, f"killed at point {point}"
        assert content() == {name: digest for name, _, digest in whole[3]}
    assert kills > 60


def test_a_worker_that_was_away_too_long_writes_nothing_more(database, shop, now):
    desk.queued(now, 3)
    batches.begin(shop, now)
    slow, quick = (Production(shop, clock, desk.stand_in, 2) for clock in (lambda: now, lambda: now + batches.LEASE))
    assert slow.step()
    assert quick.step()
    while quick.step():
        pass
    assert slow.step()  # finds out
    assert not slow.step()
    assert PostcardPrint.select().count() == 3
    assert PostcardBatch.get().state == BatchState.READY
    batch = PostcardBatch.get()
    batch.fence -= 1
    with pytest.raises(TakenOver), db.transaction():
        batches.keep(batch, now)


def stopped(shop, at):
    """A batch on which every worker fails, until it is stopped; return it and when."""
    failing = replace(shop, secret="another secret, long enough too") if PostcardBatch.get().closed_at else None
    while PostcardBatch.get().state != BatchState.STOPPED:
        if failing is None:
            batches.claim(at)  # and dies
        else:
            with contextlib.suppress(SecretChanged):
                Production(failing, lambda at=at: at, desk.stand_in, 2).step()
        at += batches.LEASE
    return PostcardBatch.get(), at


def test_a_batch_that_was_stopped_goes_on_where_it_was_when_a_person_says_so(database, shop, now):
    desk.queued(now, 3)
    batches.begin(shop, now)
    first = Production(shop, lambda: now, desk.stand_in, 2)
    assert first.step() and first.step()  # gathered and closed
    batch, later = stopped(shop, now + batches.LEASE)
    assert (batch.cards, batch.failure) == (3, "SecretChanged")
    desk.produce(shop, later)
    assert PostcardBatch.get().state == BatchState.STOPPED  # nobody takes it by himself
    batches.resume(batch, later)
    desk.produce(shop, later)
    batch = PostcardBatch.get()
    assert (batch.state, batch.failure, PostcardPrint.select().count()) == (BatchState.READY, None, 3)
    with pytest.raises(StepNotAllowed):
        batches.resume(batch, later)


def test_a_batch_that_was_stopped_while_it_gathered_keeps_nobody_from_making_another(database, shop, now):
    desk.queued(now, 3)
    batches.begin(shop, now)
    batch, later = stopped(shop, now)
    other = batches.begin(shop, later)
    with pytest.raises(AlreadyGathering):
        batches.resume(batch, later)
    desk.produce(shop, later)
    assert PostcardBatch.get_by_id(other.id).cards == 3
    batches.resume(PostcardBatch.get_by_id(batch.id), later)
    desk.produce(shop, later)
    assert PostcardBatch.get_by_id(batch.id).state == BatchState.EMPTY


def test_two_who_let_it_go_on_do_so_once(database, shop, now):
    desk.queued(now)
    batches.begin(shop, now)
    batch, later = stopped(shop, now)
    again = PostcardBatch.get_by_id(batch.id)
    batches.resume(batch, later)
    with pytest.raises(StepNotAllowed):
        batches.resume(again, later)
