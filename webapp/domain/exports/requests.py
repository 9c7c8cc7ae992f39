"""書き出し: a list asked for as a file, written by the worker, fetched by its asker alone, gone after some days.

The file is written aside and renamed before the row says that it is there. A worker holds a row by a lease, and what it
writes carries the number of its claim: one that is killed loses nothing, since the next one begins anew when the lease
has ended, and one that comes late doubles nothing, since its number is no longer that of the row.
"""

import contextlib
import datetime as dt
import os
import shutil
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from peewee import SQL

from db import ids
from db.database import exclusive, is_sqlite, transaction
from db.locks import Lock
from db.models import ExportRequest
from webapp.domain.audit.log import audit
from webapp.domain.core import leases
from webapp.domain.core.errors import StepNotAllowed, TakenOver
from webapp.domain.core.events import EventName, record

LEASE = dt.timedelta(minutes=2)
# A file that stopped a worker so often stops it every time.
MOST_TRIES = 3
_REST = dt.timedelta(seconds=10)
MOST_WAITING = 5
# How long one still sees that a file was there.
LINE_FOR = dt.timedelta(days=30)


class ExportState(StrEnum):
    """Where an export stands."""

    ASKED = "asked"
    WRITING = "writing"
    READY = "ready"
    FAILED = "failed"
    REMOVED = "removed"


class ExportStep(StrEnum):
    """What may happen to an export."""

    CLAIM = "claim"
    FINISH = "finish"
    GIVE_BACK = "give_back"  # something went wrong: another try
    FAIL = "fail"
    REMOVE = "remove"  # its asker does not want it any more, or its days are over


_S, _P = ExportState, ExportStep
STEPS: dict[tuple[ExportState, ExportStep], ExportState] = {
    (_S.ASKED, _P.CLAIM): _S.WRITING,
    (_S.ASKED, _P.REMOVE): _S.REMOVED,
    (_S.WRITING, _P.CLAIM): _S.WRITING,
    (_S.WRITING, _P.FINISH): _S.READY,
    (_S.WRITING, _P.GIVE_BACK): _S.ASKED,
    (_S.WRITING, _P.FAIL): _S.FAILED,
    (_S.WRITING, _P.REMOVE): _S.REMOVED,
    (_S.READY, _P.REMOVE): _S.REMOVED,
    (_S.FAILED, _P.REMOVE): _S.REMOVED,
}
OPEN = (_S.ASKED, _S.WRITING)


class Format(StrEnum):
    """What kind of file; the first is the one to offer first."""

    XLSX = "xlsx"
    CSV = "csv"


class ExportFailure(StrEnum):
    """Why there is no file."""

    NOT_ALLOWED = "not_allowed"  # the asker may not see the list any more
    SEARCH_OVER = "search_over"  # what was searched for is kept no longer
    BROKEN = "broken"


class TooMany(Exception):
    """The account has as many exports waiting as it may have."""


@dataclass(frozen=True)
class ExportOrder:
    """What is asked for: the list (its endpoint), its page with the filters, and how the file is to be."""

    source: str
    address: str
    format: Format
    language: str


def next_state(state: str, step: ExportStep) -> ExportState:
    """Return the state that a step leads to; StepNotAllowed where the table has none."""
    try:
        return STEPS[ExportState(state), step]
    except KeyError:
        raise StepNotAllowed(f"{state} -> {step}") from None


def ask(account_id: int, order: ExportOrder, logged: str, now: dt.datetime) -> ExportRequest:
    """Note what is to be written and return it; the same that already waits is not written twice.

    `logged` is the address as the audit log may hold it. TooMany when five are waiting.
    """
    mine = (ExportRequest.account == account_id) & SQL("state IN ('asked', 'writing')")
    with exclusive(Lock.EXPORTS):
        waiting = list(ExportRequest.select().where(mine))
        for row in waiting:
            if (row.address, row.format, row.language) == (order.address, order.format, order.language):
                return row
        if len(waiting) >= MOST_WAITING:
            raise TooMany
        row = ExportRequest.create(
            account=account_id,
            source=order.source,
            address=order.address,
            format=order.format,
            language=order.language,
            state=ExportState.ASKED,
            asked_at=now,
        )
        _note(EventName.EXPORT_ACCOUNT_ASKED, row, now)
        detail = {"list": logged, "format": order.format}
        audit(EventName.EXPORT_ACCOUNT_ASKED, now, account_id, "export", row.id, detail)
        return row


def of(account_id: int, limit: int) -> list[ExportRequest]:
    """Return an account's exports, newest first."""
    query = ExportRequest.select().where(ExportRequest.account == account_id)
    return list(query.order_by(ExportRequest.id.desc()).limit(limit))


def claim(now: dt.datetime, lease: dt.timedelta = LEASE) -> ExportRequest | None:
    """Take the oldest export that waits and that nobody works on; None when there is none."""
    return leases.claim(QUEUE, now, lease, state=ExportState.WRITING, done=0, total=None)


def keep(row: ExportRequest, now: dt.datetime, done: int, total: int | None, lease: dt.timedelta = LEASE) -> None:
    """Note how far a claimed export is and hold it longer; TakenOver when it is another's."""
    leases.hold(row, lease_until=now + lease, done=done, total=total)


def finish(row: ExportRequest, path: Path, folder: Path, now: dt.datetime, *, cut: bool, days: int) -> None:
    """Put the written file in its place and say so; TakenOver when the export is another's, whose file counts."""
    name = f"{ids.encode(row.id)}.{row.fence}.{row.format}"
    with path.open("rb+") as written:
        os.fsync(written.fileno())
        size = written.seek(0, os.SEEK_END)
    os.replace(path, folder / name)
    values = {
        "state": next_state(row.state, ExportStep.FINISH),
        "lease_until": None,
        "cut": cut,
        "file": name,
        "size": size,
        "finished_at": now,
        "expires_at": now + dt.timedelta(days=days),
    }
    try:
        with transaction():
            leases.hold(row, **values)
            _note(EventName.EXPORT_WORKER_WRITTEN, row, now)
    except TakenOver:
        (folder / name).unlink(missing_ok=True)
        raise


def give_back(row: ExportRequest, now: dt.datetime) -> None:
    """Let another try have an export that went wrong, or give it up after the last; nothing when it is another's."""
    with contextlib.suppress(TakenOver):
        if row.tries >= MOST_TRIES:
            leases.give_up(QUEUE, row, now)
        else:
            leases.hold(row, state=next_state(row.state, ExportStep.GIVE_BACK), lease_until=now + _REST * row.tries)


def fail(row: ExportRequest, failure: ExportFailure, now: dt.datetime) -> None:
    """Say that there will be no file, and why; nothing when the export is another's."""
    with contextlib.suppress(TakenOver), transaction():
        _end(row, failure, now)


def remove(row: ExportRequest, folder: Path, now: dt.datetime) -> bool:
    """Remove an export because its asker wants so; False, with nothing written, when it is removed already."""
    with exclusive(Lock.EXPORTS):
        gone = _remove(row, now)
        if gone is None:
            return False
        _note(EventName.EXPORT_ACCOUNT_REMOVED, row, now)
        audit(EventName.EXPORT_ACCOUNT_REMOVED, now, row.account_id, "export", row.id)
    _unlink(gone, folder)
    return True


def fetched(row: ExportRequest, now: dt.datetime) -> None:
    """Note that the asker takes the file away, before it is sent."""
    with transaction():
        _note(EventName.EXPORT_ACCOUNT_FETCHED, row, now)
        detail = {"source": row.source, "rows": row.done}
        audit(EventName.EXPORT_ACCOUNT_FETCHED, now, row.account_id, "export", row.id, detail)


def remove_expired(folder: Path, now: dt.datetime) -> int:
    """Remove files whose days are over, then their lines, then what killed workers left; return how many files."""
    gone = 0
    over = ExportRequest.expires_at.is_null(False) & (ExportRequest.expires_at <= now)
    for row in list(ExportRequest.select().where(over).order_by(ExportRequest.expires_at).limit(1000)):
        if row.state == ExportState.REMOVED:
            row.delete_instance()
            continue
        with exclusive(Lock.EXPORTS):
            removed = _remove(row, now)
            if removed is not None:
                _note(EventName.EXPORT_RULE_REMOVED, row, now)
        if removed is not None:
            _unlink(removed, folder)
            gone += 1
    _leftovers(folder)
    return gone


def _give_up(row: ExportRequest, now: dt.datetime) -> None:
    """End what stopped whoever had it, so often that it is no accident."""
    _end(row, ExportFailure.BROKEN, now)


QUEUE = leases.Queue("exports", ExportRequest, OPEN, _give_up, most=MOST_TRIES)


def folder_of(state_dir: str | Path) -> Path:
    """Return the directory of the files, which only this product's own user may enter."""
    folder = Path(state_dir) / "exports"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextlib.contextmanager
def workplace(row: ExportRequest, folder: Path):
    """Give a claimed export a directory of its own to write in, gone afterwards."""
    place = folder / f".{ids.encode(row.id)}.{row.fence}"
    place.mkdir(mode=0o700, exist_ok=True)
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def _end(row: ExportRequest, failure: ExportFailure, now: dt.datetime) -> None:
    state, line = next_state(row.state, ExportStep.FAIL), now + LINE_FOR
    leases.hold(row, state=state, failure=failure, lease_until=None, finished_at=now, expires_at=line)
    record(EventName.EXPORT_WORKER_FAILED, now, subject_id=row.id, account_id=row.account_id, data={"why": failure})


def _remove(row: ExportRequest, now: dt.datetime) -> ExportRequest | None:
    """Take the step from the state that the row has now, not when it was read: the row, or None if it is taken."""
    same = ExportRequest.select().where(ExportRequest.id == row.id)
    current = (same if is_sqlite() else same.for_update()).first()
    if current is None or current.state == ExportState.REMOVED:
        return None
    current.state = next_state(current.state, ExportStep.REMOVE)
    current.lease_until, current.finished_at = None, current.finished_at or now
    current.expires_at = now + LINE_FOR
    current.save()
    return current


def _unlink(row: ExportRequest, folder: Path) -> None:
    if row.file:
        (folder / row.file).unlink(missing_ok=True)


def _leftovers(folder: Path) -> None:
    # Seen first, asked about later: what a worker begins in between is not among them.
    entries = [path for path in folder.iterdir() if path.name.lstrip(".").count(".") in (1, 2)]
    known = {row.file for row in ExportRequest.select().where(ExportRequest.state == ExportState.READY)}
    writing = {
        f"{ids.encode(row.id)}.{row.fence}"
        for row in ExportRequest.select().where(ExportRequest.state == ExportState.WRITING)
    }
    for path in entries:
        claim_of = ".".join(path.name.lstrip(".").split(".")[:2])
        if path.name in known or claim_of in writing:
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _note(name: EventName, row: ExportRequest, now: dt.datetime) -> None:
    data = {"source": row.source, "format": row.format}
    record(name, now, subject_id=row.id, account_id=row.account_id, data=data)
