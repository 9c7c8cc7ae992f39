"""Every queue alike: held by one worker at a time, lost by a killed one, closed to one that wakes, given up at last."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from db.models import (
    Account,
    Alarm,
    Attempt,
    Event,
    ExportRequest,
    ImportRun,
    Message,
    PostcardBatch,
    PostcardFile,
    PostcardPrint,
    Registration,
    TrackingEvent,
    TrackingImport,
    TrackingSighting,
)
from tests.domain.intake.sheets import GOOD, as_csv
from tests.domain.mail.sending import DOMAIN, POLICY, queued_notice, reply
from tests.domain.postcard import desk
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.cards import imports, projection
from webapp.domain.core import leases
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.errors import TakenOver
from webapp.domain.core.leases import MOST_CLAIMS
from webapp.domain.exports import requests
from webapp.domain.exports.requests import ExportOrder, Format
from webapp.domain.intake import runs
from webapp.domain.intake.reading import TableKind
from webapp.domain.mail import outbox, outbox_results
from webapp.domain.mail.outbox_results import SendResult
from webapp.domain.postcard import batches
from webapp.domain.postcard.production import Production

# Written by a test's worker after each of its pieces; the first of them leaves work for others.
Work = Iterator[None]


class Clock:
    """A clock of a worker of its own: another one's time goes by while it stalls."""

    def __init__(self, at: dt.datetime) -> None:
        self.at = at

    def __call__(self) -> dt.datetime:
        return self.at


@dataclass
class Line:
    """A queue as these tests need it: what waits, how it is claimed and worked at, what came of it."""

    lease: dt.timedelta
    begin: Callable[[dt.datetime], int]
    claim: Callable[[dt.datetime], object | None]
    work: Callable[[object, Clock], Work]
    row: Callable[[int], dict]
    outcome: Callable[[], tuple[int, ...]]
    expected: Callable[[int], tuple[int, ...]]  # the outcome of so many works
    done: str
    failed: str = ""
    most: int = MOST_CLAIMS
    alarm: str = ""
    identity: Callable[[object], int] = field(default=lambda claimed: claimed.id)


def row_of(model) -> Callable[[int], dict]:
    return lambda number: model.select().where(model.id == number).dicts().get()


def import_runs(folder: Path) -> Line:
    def begin(now):
        n = ImportRun.select().count()
        rows = [GOOD | {"申請番号": f"A-{n}-{each}"} for each in range(3)]
        return runs.create(TableKind.REGISTRATIONS, "x.csv", as_csv(rows).getvalue(), now).id

    def work(run, clock):
        for _ in runs.proceed(run, clock):
            yield

    def outcome():
        return Registration.select().count(), sum(run.done for run in ImportRun.select())

    return Line(
        *(runs.LEASE, begin, runs.take_one, work, row_of(ImportRun), outcome, lambda n: (3 * n, 3 * n)),
        *("done", "failed"),
        alarm="imports",
    )


def tracking(folder: Path) -> Line:
    def begin(now):
        text = "".join(
            f"お問い合わせ番号\t{number}\n2026/11/17 13:05\t引受\t新宿郵便局\n"
            for number in ("123-45-67890-5", "123-45-67891-6", "123-45-67892-0")
        )
        return imports.create(imports.ImportKind.TRACKING, "x.txt", text.encode(), now).id

    def work(run, clock):
        for _ in imports.proceed(run, clock):
            yield

    def outcome():
        return TrackingEvent.select().count(), TrackingSighting.select().count()

    return Line(
        *(imports.LEASE, begin, imports.claim, work, row_of(TrackingImport), outcome, lambda n: (3, 3 * n)),
        *("done", "failed"),
        alarm="tracking",
    )


def exports(folder: Path) -> Line:
    place = requests.folder_of(folder)

    def begin(now):
        n = Account.select().count()
        asker = Account.create(
            kind=AccountKind.OPERATOR, login_key=f"o:{n}", display_name="y", role="operator", created_at=now
        )
        return requests.ask(asker.id, ExportOrder("x", "/x", Format.CSV, "ja"), "/x", now).id

    def work(row, clock):
        with requests.workplace(row, place) as own:
            (own / "table.csv").write_text("x")
            for done in range(3):
                requests.keep(row, clock(), done, 3)
                yield
            requests.finish(row, own / "table.csv", place, clock(), cut=False, days=7)

    def outcome():
        written = Event.select().where(Event.name == "export:worker:written").count()
        return len([path for path in place.iterdir() if not path.name.startswith(".")]), written

    return Line(
        *(requests.LEASE, begin, requests.claim, work, row_of(ExportRequest), outcome, lambda n: (n, n)),
        *("ready", "failed", requests.MOST_TRIES),
        alarm="exports",
    )


def postcard_batches(folder: Path) -> Line:
    shop = desk.office(folder)

    def begin(now):
        desk.queued(now, 3)
        return batches.begin(shop, now).id

    def work(batch, clock):
        production = Production(shop, clock, desk.stand_in, 1)
        production._batch = batch
        while production.step():
            if production._batch is None:
                if row(batch.id)["state"] != "ready" or row(batch.id)["fence"] != batch.fence:
                    raise TakenOver
                return
            yield

    def outcome():
        return PostcardFile.select().count(), PostcardPrint.select().count()

    row = row_of(PostcardBatch)
    return Line(
        *(batches.LEASE, begin, batches.claim, work, row, outcome, lambda n: (6 * n, 3 * n)),
        *("ready", "stopped"),
        alarm="postcards",
    )


def mail(folder: Path) -> Line:
    """Notices are taken by the hundred; what holds of a claim holds of each."""
    lease = dt.timedelta(minutes=5)

    def claim(now):
        claimed = outbox.claim(now, lease, POLICY, DOMAIN, limit=1).messages
        return claimed[0] if claimed else None

    def work(message, clock):
        yield
        if outbox_results.finish([SendResult(message, clock(), reply())], POLICY, clock()):
            raise TakenOver

    def outcome():
        sent = Event.select().where(Event.name == "notice:email:sent").count()
        return sent, Attempt.select().where(Attempt.state == "accepted").count()

    return Line(
        *(lease, lambda now: queued_notice(now).id, claim, work, row_of(Message), outcome, lambda n: (n, n), "sent")
    )


LINES = {
    "imports": import_runs, "tracking": tracking, "exports": exports, "postcards": postcard_batches, "mail": mail
}  # fmt: skip


@pytest.fixture(params=LINES)
def line(request, database, tmp_path, monkeypatch) -> Line:
    # A piece of work is one row, so that a worker can stop between.
    monkeypatch.setattr(runs.chunks, "__defaults__", (0, 1))
    monkeypatch.setattr(projection.in_parts, "__defaults__", (1,))
    return LINES[request.param](tmp_path)


def through(work: Work) -> None:
    for _ in work:
        pass


def test_two_workers_never_hold_the_same(line, now):
    first = line.begin(now)
    held = line.claim(now)
    assert (line.identity(held), line.claim(now)) == (first, None)
    through(line.work(held, Clock(now)))
    assert line.row(first)["state"] == line.done
    second = line.begin(now)
    assert line.identity(line.claim(now)) == second
    assert line.claim(now) is None


def test_what_a_killed_worker_held_is_done_once_by_the_next(line, now):
    line.begin(now)
    through(line.work(line.claim(now), Clock(now)))
    assert line.outcome() == line.expected(1)

    number = line.begin(now)
    killed = line.claim(now)
    next(line.work(killed, Clock(now)))
    assert line.claim(now + line.lease - dt.timedelta(microseconds=1)) is None
    taken = line.claim(now + line.lease)
    assert line.identity(taken) == number and taken.fence == killed.fence + 1
    through(line.work(taken, Clock(now + line.lease)))
    assert line.row(number)["state"] == line.done
    assert line.outcome() == line.expected(2)
    assert line.claim(now + 10 * line.lease) is None


@pytest.mark.parametrize("at_once", [True, False], ids=["the other is done", "the other is at it"])
def test_a_worker_that_stalled_and_wakes_changes_nothing_and_blocks_nothing(line, now, at_once):
    number = line.begin(now)
    clock = Clock(now)
    stalled = line.work(line.claim(now), clock)
    next(stalled)
    clock.at = later = now + line.lease
    work = line.work(line.claim(later), Clock(later))
    next(work)
    if at_once:
        through(work)
    row, outcome = line.row(number), line.outcome()
    with pytest.raises(TakenOver):
        through(stalled)
    assert (line.row(number), line.outcome()) == (row, outcome)
    through(work)
    assert line.row(number)["state"] == line.done
    assert line.outcome() == line.expected(1)
    # The line goes on.
    behind = line.begin(later)
    assert line.identity(line.claim(later)) == behind


@pytest.mark.parametrize("line", ["imports", "tracking", "exports", "postcards"], indirect=True)
def test_work_on_which_every_worker_dies_is_given_up_and_the_next_is_done(line, now):
    number = line.begin(now)
    for n in range(line.most):
        assert line.identity(line.claim(now + n * line.lease)) == number
        assert line.row(number)["tries"] == n + 1
    assert not Alarm.select().exists()
    late = now + line.most * line.lease
    assert line.claim(late) is None
    row = line.row(number)
    assert (row["state"], row["lease_until"]) == (line.failed, None)
    assert [(alarm.kind, alarm.subject) for alarm in Alarm.open()] == [(AlarmKind.WORK_GIVEN_UP, line.alarm)]
    behind = line.begin(late)
    held = line.claim(late)
    assert line.identity(held) == behind
    through(line.work(held, Clock(late)))
    assert line.row(behind)["state"] == line.done


@pytest.mark.parametrize("line", ["mail"], indirect=True)
def test_a_mail_is_taken_again_whoever_died(line, now):
    """Its days are counted instead (`Policy.retry_for`)."""
    number = line.begin(now)
    for n in range(2 * MOST_CLAIMS):
        assert line.identity(line.claim(now + n * line.lease)) == number


@pytest.mark.parametrize("line", ["imports", "postcards"], indirect=True)
def test_work_that_goes_on_where_it_was_is_never_given_up(line, now):
    number, at = line.begin(now), now
    for _ in range(3):
        for _ in range(line.most - 1):
            line.claim(at)
            at += line.lease
        next(line.work(line.claim(at), Clock(at)))
        assert line.row(number)["tries"] == 0
        at += line.lease
    assert not Alarm.select().exists()


@pytest.mark.parametrize("line", ["imports", "tracking", "exports", "postcards"], indirect=True)
def test_a_worker_that_wakes_after_its_work_was_given_up_changes_nothing(line, now):
    number = line.begin(now)
    stalled = line.work(line.claim(now), Clock(now))
    next(stalled)
    at = now
    while line.row(number)["state"] != line.failed:
        at += line.lease
        line.claim(at)
    row, outcome = line.row(number), line.outcome()
    with pytest.raises(TakenOver):
        through(stalled)
    assert (line.row(number), line.outcome()) == (row, outcome)


# The helper itself ----------------------------------------------------------------------------------------------------


def queued_import(now) -> TrackingImport:
    return imports.create(imports.ImportKind.TRACKING, "x.txt", b"x", now)


def test_hold_writes_the_given_columns_and_no_others(database, now):
    queued_import(now)
    held = imports.claim(now)
    TrackingImport.update(file_name="renamed.txt").execute()
    leases.hold(held, done=5)
    row = TrackingImport.get()
    assert (row.file_name, row.done, held.done) == ("renamed.txt", 5, 5)


def test_what_was_taken_back_is_held_no_more(database, now):
    queued_import(now)
    held = imports.claim(now)
    TrackingImport.update(state="undone").execute()
    with pytest.raises(TakenOver):
        leases.hold(held, done=5)
    assert TrackingImport.get().done == 0


def test_a_reader_that_finds_its_import_taken_says_so(database, now):
    run = queued_import(now)
    imports.claim(now)
    with pytest.raises(TakenOver):
        next(imports.read_here(run, lambda: now))
    assert imports.read_now(run, lambda: now).state == "running"
