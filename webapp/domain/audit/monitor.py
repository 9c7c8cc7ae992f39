"""The worker's own look at the seals: a part of the logs at a time, round and round, and an alarm at the first finding.

`todoke verify-log` reads all of both logs at once. This reads so many rows a look that nobody notices, goes on behind
the last seal that it looked at, and begins again at the end. What it finds stays an alarm until a whole round has
found nothing.
"""

import datetime as dt
import json
from pathlib import Path

from db.database import snapshot, transaction
from db.models import Fact, Seal
from webapp.domain.audit.seals import STREAMS, horizon_of, row_digest, rows_after, unpack
from webapp.domain.audit.verify import Finding, FindingKind, check_chain, check_file, check_words, removed_until
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm

_FACT = "seal_watch"
_LOGS = tuple(STREAMS)
_MOST_SEALS = 200
_MOST_ROWS = 20_000


def watch(path: Path, now: dt.datetime, most_rows: int = _MOST_ROWS) -> int:
    """Check the next part and return how many findings it has; open an alarm a log, close it after a clean round."""
    place = _place()
    log, found = _LOGS[place["log"]], place["found"]
    with snapshot():
        findings, last = _look(log, place["n"], most_rows)
        if last is None and place["log"] == len(_LOGS) - 1 and path.exists():
            findings += check_file(path)
    for finding in findings:
        subject = finding.stream or "file"
        found[subject] = found.get(subject, 0) + 1
        data = {"what": finding.kind, "number": finding.number, "found": found[subject]}
        open_alarm(AlarmKind.SEAL_BROKEN, subject, now, data)
    if last is not None:
        _keep(place | {"n": last})
    elif place["log"] < len(_LOGS) - 1:
        _keep(place | {"log": place["log"] + 1, "n": 0})
    else:
        for subject in {*_LOGS, "file"} - found.keys():
            close_alarm(AlarmKind.SEAL_BROKEN, subject, now)
        _keep({"log": 0, "n": 0, "found": {}})
    return len(findings)


def _look(log: str, after: int, most_rows: int) -> tuple[list[Finding], int | None]:
    """Check the seals behind one of them and their rows; return the findings and the last seal, None at the end."""
    findings: list[Finding] = []
    removed = removed_until()
    before = Seal.get_or_none((Seal.stream == log) & (Seal.n == after)) if after else None
    seals: list[Seal] = []
    rows = 0
    for seal in check_chain(log, removed, findings, before, _MOST_SEALS):
        seals.append(seal)
        rows += seal.count
        if rows >= most_rows:
            break
    if not seals:
        return findings, None
    kept = [seal for seal in seals if seal.leaves is not None]
    if kept:
        # What lies before the first seal, or between two of them, was put in later.
        first = min([seal.first_id for seal in kept] + [before.last_id + 1 if before else 0])
        last = max(seal.last_id for seal in kept)
        findings += _rows(log, kept, first, last)
        if log == "audit_row":
            findings += check_words(removed.get("audit_detail", 0), first, last)
    return findings, seals[-1].n


def _rows(log: str, seals: list[Seal], first: int, last: int) -> list[Finding]:
    leaves = {leaf.id: leaf.digest for seal in seals for leaf in unpack(seal.leaves)}
    # A transaction may commit its rows late: they stand under a seal before or after these.
    near = (Seal.stream == log) & (Seal.last_id >= first) & (Seal.first_id <= last)
    covered = {
        leaf.id
        for seal in Seal.select(Seal.leaves).where(near & Seal.n.not_in([seal.n for seal in seals]))
        if seal.leaves is not None
        for leaf in unpack(seal.leaves)
    }
    horizon = horizon_of(log)
    found = []
    for values in rows_after(log, first - 1):
        if values[0] > last:
            break
        digest = leaves.pop(values[0], None)
        if digest is not None:
            if digest != row_digest(log, values):
                found.append(Finding(FindingKind.ROW_CHANGED, log, values[0]))
        elif values[0] not in covered and values[0] <= horizon:
            found.append(Finding(FindingKind.ROW_INSERTED, log, values[0]))
    return found + [Finding(FindingKind.ROW_REMOVED, log, row_id) for row_id in leaves]


def _place() -> dict:
    row = Fact.get_or_none(Fact.name == _FACT)
    return json.loads(row.value) if row else {"log": 0, "n": 0, "found": {}}


def _keep(place: dict) -> None:
    with transaction():
        changed = Fact.update(value=json.dumps(place)).where(Fact.name == _FACT).execute()
        if not changed:
            Fact.insert(name=_FACT, value=json.dumps(place)).on_conflict_ignore().execute()
