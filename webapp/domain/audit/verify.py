"""Does a log still say what it said when it was sealed? Names each row that was changed, removed or put in."""

import datetime as dt
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from pathlib import Path

from db.fields import dump_json, to_microseconds
from db.models import AuditDetail, AuditRow, Seal
from db.rows import values_of
from webapp.domain.audit.seals import GENESIS, STREAMS, horizon_of, read_out, row_digest, rows_after, seal_hash, unpack
from webapp.domain.core.events import EventName

# The worker seals each minute; what is older and unsealed means that it does not.
_SEALED_WITHIN = dt.timedelta(minutes=10)


class FindingKind(StrEnum):
    """What is wrong."""

    ROW_CHANGED = "row_changed"
    ROW_REMOVED = "row_removed"
    ROW_INSERTED = "row_inserted"
    WORDS_CHANGED = "words_changed"  # the personal part of an audit row
    WORDS_REMOVED = "words_removed"  # and not by retention
    SEAL_CHANGED = "seal_changed"
    SEAL_REMOVED = "seal_removed"
    SEAL_RETIRED = "seal_retired"  # marked as retired, but retention says nothing of it
    UNSEALED = "unsealed"  # the worker has not sealed for long
    FILE = "file"  # the file outside the database knows another seal


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: in which log, and the id of the row or the number of the seal."""

    kind: FindingKind
    stream: str
    number: int
    note: str = ""


@dataclass(frozen=True, slots=True)
class Verified:
    """What was looked at and what was found; `sound` when nothing was."""

    seals: int
    rows: int
    retired: int  # rows that retention has removed, under seals that still chain
    unsealed: int  # rows of the last minutes
    findings: tuple[Finding, ...]

    @property
    def sound(self) -> bool:
        return not self.findings


def verify(now: dt.datetime, path: Path | None = None) -> Verified:
    """Check every seal, every sealed row, the personal part beside it, the tail, and the file of seals.

    Reads the whole of both logs once, in the order of ids; memory grows with the seals, 40 bytes a row.
    """
    findings: list[Finding] = []
    seals = rows = retired = unsealed = 0
    removed = removed_until()
    for stream in STREAMS:
        leaves: dict[int, bytes] = {}
        for chained in check_chain(stream, removed, findings):
            seals += 1
            if chained.leaves is None:
                retired += chained.count
            else:
                leaves.update((leaf.id, leaf.digest) for leaf in unpack(chained.leaves))
        counted, loose = _rows(stream, leaves, now, findings)
        rows += counted
        unsealed += loose
    findings += check_words(removed.get("audit_detail", 0))
    if path is not None:
        findings += check_file(path)
    return Verified(seals, rows, retired, unsealed, tuple(findings))


def removed_until() -> dict[str, int]:
    """Return up to which moment (microseconds) retention has removed what, by its own audit rows."""
    rows = AuditRow.select(AuditRow.subject_kind, AuditRow.subject_id).where(
        AuditRow.action == EventName.RETENTION_RULE_REMOVED
    )
    until: dict[str, int] = {}
    for table, moment in rows.tuples():
        until[table] = max(until.get(table, 0), moment or 0)
    return until


def check_chain(
    stream: str,
    removed_until: dict[str, int],
    findings: list[Finding],
    after: Seal | None = None,
    most: int | None = None,
) -> Iterator[Seal]:
    """Return the seals of a log from behind one of them, at most so many; what is wrong with them joins `findings`."""
    expected, previous = (after.n + 1, after.hash) if after else (1, GENESIS)
    seals = Seal.select().where((Seal.stream == stream) & (Seal.n >= expected)).order_by(Seal.n).limit(most)
    for row in seals.iterator():
        for missing in range(expected, row.n):
            findings.append(Finding(FindingKind.SEAL_REMOVED, stream, missing))
        broken = row.n == expected and row.previous_hash != previous
        if row.leaves is not None:
            broken |= hashlib.sha256(row.leaves).hexdigest() != row.leaves_digest
        if broken or seal_hash(row) != row.hash:
            findings.append(Finding(FindingKind.SEAL_CHANGED, stream, row.n))
        if row.leaves is None and (
            row.retired_at is None or to_microseconds(row.newest_at) >= removed_until.get(stream, 0)
        ):
            findings.append(Finding(FindingKind.SEAL_RETIRED, stream, row.n))
        expected, previous = row.n + 1, row.hash
        yield row


def _rows(stream: str, leaves: dict[int, bytes], now: dt.datetime, findings: list[Finding]) -> tuple[int, int]:
    """Compare each row with its leaf; return how many rows are sealed and how many are still to be."""
    horizon, late = horizon_of(stream), to_microseconds(now - _SEALED_WITHIN)
    counted = loose = 0
    for values in rows_after(stream, 0):
        digest = leaves.pop(values[0], None)
        if digest is None:
            if values[0] <= horizon:
                findings.append(Finding(FindingKind.ROW_INSERTED, stream, values[0]))
            else:
                loose += 1
                if values[1] < late:
                    findings.append(Finding(FindingKind.UNSEALED, stream, values[0]))
            continue
        counted += 1
        if digest != row_digest(stream, values):
            findings.append(Finding(FindingKind.ROW_CHANGED, stream, values[0]))
    findings += [Finding(FindingKind.ROW_REMOVED, stream, row_id) for row_id in leaves]
    return counted, loose


def check_words(removed_until: int, first: int = 0, last: int | None = None) -> Iterator[Finding]:
    """Check the personal parts of audit rows, of all or within ids, against the digests in the rows."""
    sql = (
        "SELECT a.id, a.at, a.detail_digest, d.salt, d.content FROM audit_row a"
        " LEFT JOIN audit_detail d ON d.audit_id = a.id WHERE a.id > ? ORDER BY a.id LIMIT 5000"
    )
    before = first - 1
    while rows := values_of(sql, before):
        for row_id, at, digest, salt, content in rows:
            if last is not None and row_id > last:
                return
            if content is None:
                if digest and at >= removed_until:
                    yield Finding(FindingKind.WORDS_REMOVED, "audit_row", row_id)
            elif hashlib.sha256((salt + _spelling(content)).encode()).hexdigest() != digest:
                yield Finding(FindingKind.WORDS_CHANGED, "audit_row", row_id)
        before = rows[-1][0]


def _spelling(content: str) -> str:
    try:
        return dump_json(AuditDetail.content.python_value(content))
    except ValueError:  # no JSON any more: certainly not what was digested
        return content


def check_file(path: Path) -> Iterator[Finding]:
    """Check the seals that were written out against those in the database."""
    try:
        lines = read_out(path)
    except ValueError as error:
        yield Finding(FindingKind.FILE, "", 0, str(error))
        return
    if not lines and any(True for _ in islice(Seal.select().limit(1), 1)):
        yield Finding(FindingKind.FILE, "", 0, "the file of seals is empty or missing")
    for line in lines:
        row = Seal.get_or_none((Seal.stream == line["stream"]) & (Seal.n == line["n"]))
        if row is None or row.hash != line["hash"]:
            yield Finding(FindingKind.FILE, line["stream"], line["n"], f"written out on {line['day']}")
