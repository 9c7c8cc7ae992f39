"""Tracking and dispatches as they come in: each import is a row that shows its progress and can be undone as one."""

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from hashlib import sha256

from peewee import fn

from db.database import transaction
from db.ids import new_ids
from db.models import (
    Shipment,
    TrackingEvent,
    TrackingImport,
    TrackingLabel,
    TrackingSighting,
    TrackingSource,
)
from db.rows import in_parts, write_rows
from webapp.domain.cards import dispatches
from webapp.domain.cards.projection import UNDONE, cards_of_numbers, folding, moment_text, refold
from webapp.domain.cards.states import CardEvent, Receiver
from webapp.domain.cards.tracking.files import UnreadableFile, read_file
from webapp.domain.cards.tracking.labels import LABEL_EVENTS, Meaning, fold, shipped_labels
from webapp.domain.cards.tracking.reader import TrackedItem, read_sources
from webapp.domain.core import leases
from webapp.domain.core.errors import TakenOver
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_

# What is read within the request that brings it; larger files wait for the worker.
READ_AT_ONCE = 300_000
MOST_PROBLEMS = 200
NOTHING_READ = N_("読み取れる行がありませんでした。お問い合わせ番号と、日付と状態のある行を入れてください。")
NO_CARD = N_("お問い合わせ番号 %(number)s のカードがありません。発送の取り込みが済むと、自動で結び付きます。")
DIED_TOO_OFTEN = N_("取り込みが何度も途中で止まりました。ファイルを分けて、もう一度取り込んでください。")
LEASE = dt.timedelta(minutes=5)

Clock = Callable[[], dt.datetime]


class ImportKind(StrEnum):
    """What an import holds."""

    TRACKING = "tracking"
    DISPATCHES = "dispatches"


class ImportState(StrEnum):
    """Where an import stands."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    UNDONE = "undone"


@dataclass
class ReportTally:
    """What an import has brought so far; the columns of its row have the same names."""

    done: int = 0
    total: int = 0
    events: int = 0
    added: int = 0
    changed: int = 0
    unmatched: int = 0
    rejected: int = 0
    warned: int = 0


class NotUndoable(ValueError):
    """An import that is not finished, or is undone already."""


def create(
    kind: ImportKind, file_name: str, content: bytes, now: dt.datetime, account_id: int | None = None
) -> TrackingImport:
    """Keep a file or a pasted text and queue its reading."""
    with transaction():
        run = TrackingImport.create(
            kind=kind,
            state=ImportState.QUEUED,
            file_name=file_name.replace("\\", "/").rpartition("/")[2][:200],
            digest=sha256(content).hexdigest(),
            size=len(content),
            account=account_id,
            created_at=now,
        )
        TrackingSource.create(import_run=run, content=content)
        return run


def take_one(clock: Clock) -> bool:
    """Read the oldest import that waits, or whose reader has died; False when there is none. For the worker."""
    run = claim(clock())
    if run is None:
        return False
    with contextlib.suppress(TakenOver):  # another worker has it, because this one was away for longer than the lease
        for _ in proceed(run, clock):
            pass
    return True


def claim(now: dt.datetime) -> TrackingImport | None:
    """Take the oldest import that nobody reads; None when there is none. Read it with `proceed`."""
    return leases.claim(QUEUE, now, LEASE, state=ImportState.RUNNING)


def read_now(run: TrackingImport, clock: Clock) -> TrackingImport:
    """Read a new import here and return it as it is afterwards; a worker that was quicker goes on with it."""
    with contextlib.suppress(TakenOver):
        for _ in read_here(run, clock):
            pass
    return TrackingImport.get_by_id(run.id)


def read_here(run: TrackingImport, clock: Clock) -> Iterator[tuple[int, int]]:
    """Read a new import here, yielding (done, total) after each part: for whoever shows its progress.

    TakenOver when a worker was quicker, or took it over.
    """
    leases.take(run, clock() + LEASE, state=ImportState.RUNNING)
    yield from proceed(run, clock)


def proceed(run: TrackingImport, clock: Clock) -> Iterator[tuple[int, int]]:
    """Read a claimed import to its end, yielding (done, total) after each part; it is DONE or FAILED then.

    A reader that takes over after a death begins at the start: what is there already changes nothing. TakenOver when
    somebody else has claimed it, with nothing more written.
    """
    content = bytes(_source(run).content)
    problems: list[tuple[str, Mapping[str, str]]] = []
    tally = ReportTally()
    try:
        sources = read_file(content, run.file_name)
    except UnreadableFile as problem:
        _finish(run, tally, [(problem.sentence, problem.parameters)], clock(), failed=True)
        return
    steps = _tracking if run.kind == ImportKind.TRACKING else _dispatches
    for _ in steps(run, sources, tally, problems, clock):
        yield tally.done, tally.total
    if not tally.total:
        problems.append((NOTHING_READ, {}))
    _finish(run, tally, problems, clock(), failed=not tally.total)


def _source(run: TrackingImport) -> TrackingSource:
    """Return the bytes of a claimed import; who has them no more came too late: they go when it ends."""
    found = TrackingSource.get_or_none(TrackingSource.import_run == run)
    if found is None:
        raise TakenOver(f"import {run.id} has been read by another")
    return found


def _advance(run: TrackingImport, tally: ReportTally, now: dt.datetime) -> None:
    """Write how far it is, in the transaction of the part that was read, and hold it longer."""
    leases.hold(run, lease_until=now + LEASE, **asdict(tally))


def _give_up(run: TrackingImport, now: dt.datetime) -> None:
    tally = ReportTally(**{name: getattr(run, name) for name in asdict(ReportTally())})
    _finish(run, tally, [(DIED_TOO_OFTEN, {})], now, failed=True)


QUEUE = leases.Queue(
    "tracking",
    TrackingImport,
    (ImportState.QUEUED, ImportState.RUNNING),
    _give_up,
    order=TrackingImport.created_at,
)


def _finish(run: TrackingImport, tally: ReportTally, problems: list, now: dt.datetime, *, failed: bool) -> None:
    state = ImportState.FAILED if failed else ImportState.DONE
    shown = [[sentence, dict(parameters)] for sentence, parameters in problems[:MOST_PROBLEMS]] or None
    with transaction():
        leases.hold(run, state=state, problems=shown, finished_at=now, lease_until=None, **asdict(tally))
        TrackingSource.delete().where(TrackingSource.import_run == run).execute()
        data = {"kind": run.kind, "total": run.total, "changed": run.changed, "rejected": run.rejected}
        record(EventName.TRACKING_IMPORT_DONE, now, subject_id=run.id, account_id=run.account_id, data=data)


# Tracking -------------------------------------------------------------------------------------------------------------


def mapped_labels() -> dict[str, Meaning]:
    """Return what operators say that words of the post mean."""
    return {row.label: Meaning(CardEvent(row.event), Receiver(row.receiver)) for row in TrackingLabel.select()}


def _tracking(
    run: TrackingImport, sources: Sequence, tally: ReportTally, problems: list, clock: Clock
) -> Iterator[None]:
    mapped = mapped_labels()
    reading = read_sources(sources, clock(), mapped)
    by_key = {fold(label): meaning for label, meaning in mapped.items()}
    problems.extend((problem.sentence, problem.parameters) for problem in reading.problems)
    items = [item for item in reading.items if item.events]
    tally.rejected, tally.total = len(reading.problems), len(items)
    for part in in_parts(items):
        with folding():
            tally.added += _write_events(run, part, by_key)
            cards = cards_of_numbers({item.number.digits for item in part})
            tally.changed += len(refold(cards, clock(), "tracking", run.account_id))
            known = _known_numbers(part)
            for item in part:
                tally.events += len(item.events)
                if item.number.warning:
                    tally.warned += 1
                    problems.append(item.number.warning)
                if item.number.digits not in known:
                    tally.unmatched += 1
                    problems.append((NO_CARD, {"number": str(item.number)}))
            tally.done += len(part)
            _advance(run, tally, clock())
        yield


def _known_numbers(items: Sequence[TrackedItem]) -> set[str]:
    numbers = [item.number.digits for item in items]
    return {row[0] for row in Shipment.select(Shipment.number).where(Shipment.number.in_(numbers)).tuples()}


def _write_events(run: TrackingImport, items: Sequence[TrackedItem], by_key: Mapping[str, Meaning]) -> int:
    """Write the reports that are not there yet, and that this import told of all of them; return how many are new."""
    numbers = sorted({item.number.digits for item in items})
    columns = (
        TrackingEvent.number,
        TrackingEvent.at,
        TrackingEvent.label,
        TrackingEvent.office,
        TrackingEvent.event,
        TrackingEvent.receiver,
    )
    stored = {
        tuple(row[1:]): row[0]
        for row in TrackingEvent.select(TrackingEvent.id, *columns).where(TrackingEvent.number.in_(numbers)).tuples()
    }
    reported: dict[tuple, None] = {}
    for item in items:
        for report in item.events:
            event, receiver = report.event, report.receiver
            if event is CardEvent.UNKNOWN and (meaning := by_key.get(fold(report.label))):
                event, receiver = meaning.event, meaning.receiver
            at = moment_text(report.at)
            reported[item.number.digits, at, report.label, report.office, event.value, receiver.value] = None
    fresh = [key for key in reported if key not in stored]
    for key, number in zip(fresh, new_ids(len(fresh)) if fresh else (), strict=True):
        stored[key] = number
    names = ("id", "number", "at", "label", "label_key", "office", "event", "receiver")
    write_rows(
        "tracking_event",
        names,
        [(stored[key], key[0], key[1], key[2], fold(key[2]), *key[3:]) for key in fresh],
    )
    seen = {
        row[0]
        for part in in_parts([stored[key] for key in reported])
        for row in TrackingSighting.select(TrackingSighting.event)
        .where((TrackingSighting.import_run == run) & TrackingSighting.event.in_(part))
        .tuples()
    }
    sightings = [(stored[key], run.id) for key in reported if stored[key] not in seen]
    write_rows("tracking_sighting", ("event_id", "import_id"), sightings)
    return len(fresh)


# Dispatches -----------------------------------------------------------------------------------------------------------


def _dispatches(
    run: TrackingImport, sources: Sequence, tally: ReportTally, problems: list, clock: Clock
) -> Iterator[None]:
    rows = dispatches.read_dispatches(sources, clock())
    tally.total = len(rows)
    for part in in_parts(rows):
        with folding():
            outcome = dispatches.post(part, run, clock())
            tally.added += outcome.posted
            tally.changed += outcome.changed
            tally.rejected += outcome.rejected
            tally.warned += outcome.warned
            tally.done += len(part)
            problems.extend(outcome.problems)
            _advance(run, tally, clock())
        yield


# Undo -----------------------------------------------------------------------------------------------------------------


def undo(run: TrackingImport, now: dt.datetime, account_id: int | None) -> int:
    """Take back an import as one: what no other import has told goes, cards are folded anew; return how many changed.

    NotUndoable unless it is done. Mails that have gone out stay in the history.
    """
    with folding():
        taken = (
            TrackingImport.update(state=ImportState.UNDONE, undone_at=now, undone_by=account_id)
            .where((TrackingImport.id == run.id) & (TrackingImport.state == ImportState.DONE))
            .execute()
        )
        if not taken:
            raise NotUndoable
        cards = _forget_tracking(run) if run.kind == ImportKind.TRACKING else dispatches.forget(run)
        changed = refold(cards, now, UNDONE, account_id, undo=True)
        data = {"kind": run.kind, "changed": len(changed)}
        record(EventName.TRACKING_OPS_UNDONE, now, subject_id=run.id, account_id=account_id, data=data)
        return len(changed)


def _forget_tracking(run: TrackingImport) -> list[int]:
    mine = TrackingSighting.select(TrackingSighting.event).where(TrackingSighting.import_run == run)
    events = list(
        TrackingEvent.select(TrackingEvent.id, TrackingEvent.number).where(TrackingEvent.id.in_(mine)).tuples()
    )
    TrackingSighting.delete().where(TrackingSighting.import_run == run).execute()
    for part in in_parts([row[0] for row in events]):
        sightings = TrackingSighting.select(TrackingSighting.event).where(TrackingSighting.event == TrackingEvent.id)
        TrackingEvent.delete().where(TrackingEvent.id.in_(part) & ~fn.EXISTS(sightings)).execute()
    return cards_of_numbers({row[1] for row in events})


# Words of the post that nobody has mapped -----------------------------------------------------------------------------


def unknown_labels(limit: int = 200) -> list[tuple[str, int]]:
    """Return labels that no table knows, with how many reports have them, the most frequent first."""
    count = fn.COUNT(TrackingEvent.id)
    return list(
        TrackingEvent.select(fn.MIN(TrackingEvent.label), count)
        .where(TrackingEvent.event == CardEvent.UNKNOWN)
        .group_by(TrackingEvent.label_key)
        .order_by(count.desc())
        .limit(limit)
        .tuples()
    )


def map_label(label: str, event: CardEvent, receiver: Receiver, now: dt.datetime, account_id: int | None) -> int:
    """Say what a word of the post means, for what was reported and for what will be; return how many cards changed.

    Saying it again replaces what was said. ValueError for an empty label, one that the product knows by itself, or an
    event that the post cannot report.
    """
    key = fold(label)
    if not key or event not in LABEL_EVENTS - {CardEvent.UNKNOWN}:
        raise ValueError("the post cannot report this")
    if shipped_labels().meaning(label).event is not CardEvent.UNKNOWN:
        raise ValueError("this label has its meaning already")
    if event is not CardEvent.DELIVERED:
        receiver = Receiver.UNKNOWN
    with folding():
        before = TrackingLabel.get_or_none(TrackingLabel.label_key == key)
        values = {"label": label, "event": event, "receiver": receiver, "account": account_id, "created_at": now}
        if before is None:
            TrackingLabel.create(label_key=key, **values)
        else:
            TrackingLabel.update(values).where(TrackingLabel.id == before.id).execute()
        of_label = TrackingEvent.label_key == key
        # What the shipped table knows keeps its meaning: only what was unknown, or was mapped before, is changed.
        old = (TrackingEvent.event == CardEvent.UNKNOWN) | (
            (TrackingEvent.event == (before.event if before else ""))
            & (TrackingEvent.receiver == (before.receiver if before else ""))
        )
        numbers = [row[0] for row in TrackingEvent.select(TrackingEvent.number).where(of_label & old).tuples()]
        TrackingEvent.update(event=event, receiver=receiver).where(of_label & old).execute()
        changed = refold(cards_of_numbers(numbers), now, "mapping", account_id)
        data = {"event": event, "reports": len(numbers), "changed": len(changed)}
        record(EventName.TRACKING_OPS_MAPPED, now, account_id=account_id, data=data)
        return len(changed)
