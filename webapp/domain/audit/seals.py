"""Seals over the append-only logs: each minute the worker closes what was written under a hash that chains.

A seal keeps the id and the digest of every row that it covers, so that a row that was changed, removed or put in later
can be named, not only noticed. docs/disclosure.md says what is proved and what is not.
"""

import datetime as dt
import hashlib
import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from db.database import exclusive
from db.fields import dump_json, from_microseconds, to_microseconds
from db.ids import new_id
from db.locks import Lock
from db.models import Seal
from db.rows import values_of
from webapp.domain.core.counters import day_of

# What is digested of a row, in this order. The digest of the personal part stands in the audit row.
STREAMS = {
    "audit_row": ("id", "at", "action", "account_id", "subject_kind", "subject_id", "detail_digest"),
    "access_row": (
        "id",
        "at",
        "account_id",
        "business_id",
        "relation",
        "technician_id",
        "affiliation_id",
        "employer_id",
        "kind",
        "groups",
        "technician_keys_version",
        "business_keys_version",
        "context",
    ),
}

_LARGEST = 20_000  # rows in a seal
_LEAF = 40  # 8 bytes of id, 32 of digest
# Ids are ordered in time, but a transaction commits after it made its ids. A row whose id is this much older than the
# newest sealed one is still sealed later; an older one was put in by somebody else. In id units: milliseconds << 22.
LOOK_BACK = int(dt.timedelta(minutes=15).total_seconds() * 1000) << 22

GENESIS = "0" * 64
FILE = "seals.jsonl"  # in the state directory: the newest seals, outside the database


@dataclass(frozen=True, slots=True)
class Leaf:
    """A row as a seal remembers it."""

    id: int
    digest: bytes


def row_digest(stream: str, values: Iterable) -> bytes:
    """Return the digest of a row's stored values, in the order of `STREAMS`."""
    return hashlib.sha256(dump_json([stream, *values]).encode()).digest()


def pack(leaves: Iterable[Leaf]) -> bytes:
    """Return leaves as the bytes of a seal."""
    return b"".join(leaf.id.to_bytes(8, "big") + leaf.digest for leaf in leaves)


def unpack(packed: bytes) -> Iterator[Leaf]:
    """Return the leaves of a seal's bytes; a torn end is left out."""
    for start in range(0, len(packed) - _LEAF + 1, _LEAF):
        yield Leaf(int.from_bytes(packed[start : start + 8], "big"), packed[start + 8 : start + _LEAF])


def seal_hash(seal: Seal) -> str:
    """Return the hash that a seal with these values must have: over its own values and the hash before it."""
    values = [
        seal.stream,
        seal.n,
        to_microseconds(seal.at),
        seal.first_id,
        seal.last_id,
        to_microseconds(seal.newest_at),
        seal.count,
        seal.leaves_digest,
        seal.previous_hash,
    ]
    return hashlib.sha256(dump_json(values).encode()).hexdigest()


def seal(now: dt.datetime) -> int:
    """Seal what the logs have gained since the last time; return how many rows. Called by the worker each minute.

    One process at a time seals; a row that another transaction commits late is sealed the next time.
    """
    sealed = 0
    with exclusive(Lock.SEALS):
        for stream in STREAMS:
            while count := _seal_some(stream, now):
                sealed += count
    return sealed


def _seal_some(stream: str, now: dt.datetime) -> int:
    last = Seal.select().where(Seal.stream == stream).order_by(Seal.n.desc()).first()
    horizon = horizon_of(stream)
    known = {
        leaf.id
        for recent in Seal.select(Seal.leaves).where((Seal.stream == stream) & (Seal.last_id > horizon))
        if recent.leaves is not None
        for leaf in unpack(recent.leaves)
    }
    leaves, newest_at = [], 0
    for values in rows_after(stream, horizon):
        if values[0] not in known:
            leaves.append(Leaf(values[0], row_digest(stream, values)))
            newest_at = max(newest_at, values[1])
            if len(leaves) == _LARGEST:
                break
    if not leaves:
        return 0
    packed = pack(leaves)
    row = Seal(
        id=new_id(),
        stream=stream,
        n=last.n + 1 if last else 1,
        at=now,
        first_id=leaves[0].id,
        last_id=leaves[-1].id,
        newest_at=from_microseconds(newest_at),
        count=len(leaves),
        leaves=packed,
        leaves_digest=hashlib.sha256(packed).hexdigest(),
        previous_hash=last.hash if last else GENESIS,
    )
    row.hash = seal_hash(row)
    row.save(force_insert=True)
    return len(leaves)


def horizon_of(stream: str) -> int:
    """Return the id after which a row may still be unsealed."""
    newest = Seal.select(Seal.last_id).where(Seal.stream == stream).order_by(Seal.last_id.desc()).limit(1).scalar() or 0
    return max(0, newest - LOOK_BACK)


def rows_after(stream: str, row_id: int) -> Iterator[tuple]:
    """Return the stored values of a log's rows after an id, in the order of ids."""
    columns = ", ".join(STREAMS[stream])
    size = 5000
    while True:
        rows = values_of(f"SELECT {columns} FROM {stream} WHERE id > ? ORDER BY id LIMIT {size}", row_id)
        yield from rows
        if len(rows) < size:
            return
        row_id = rows[-1][0]


def newest() -> dict[str, Seal]:
    """Return the newest seal of each log that has one."""
    found = {}
    for stream in STREAMS:
        if row := Seal.select().where(Seal.stream == stream).order_by(Seal.n.desc()).first():
            found[stream] = row
    return found


def write_out(path: Path, now: dt.datetime) -> bool:
    """Append the newest seals to a file outside the database, once a day in Japan; return whether it was done.

    Whoever can rewrite the whole database cannot rewrite this file, if it lies on another machine or is copied there.
    """
    lines = read_out(path)
    today = day_of(now).isoformat()
    if lines and lines[-1]["day"] >= today:
        return False
    rows = [
        {"day": today, "stream": stream, "n": row.n, "hash": row.hash, "count": row.count, "at": row.at.isoformat()}
        for stream, row in newest().items()
    ]
    if not rows:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        file.write("".join(json.dumps(row) + "\n" for row in rows))
        file.flush()
        os.fsync(file.fileno())
    return True


def read_out(path: Path) -> list[dict]:
    """Return the lines of the file of seals; ValueError when a line is no line of ours."""
    if not path.exists():
        return []
    lines = []
    for number, line in enumerate(path.read_text("utf-8").splitlines(), 1):
        try:
            row = json.loads(line)
            lines.append({"day": str(row["day"]), "stream": row["stream"], "n": int(row["n"]), "hash": row["hash"]})
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"line {number} of the file of seals cannot be read") from error
    return lines
