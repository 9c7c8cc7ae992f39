"""What the worker does for disclosure as time goes by: seals, changes of many keys, the end of what is kept."""

import datetime as dt
from pathlib import Path

from webapp.domain import disclosure_bulk, retention, seal_watch, seals

SEAL_FILE = "seals.jsonl"


def seal_logs(state_dir: str | Path, now: dt.datetime) -> None:
    """Seal what the logs have gained, and once a day write the newest seals out; each minute."""
    seals.seal(now)
    seals.write_out(Path(state_dir) / SEAL_FILE, now)


def watch_seals(state_dir: str | Path, now: dt.datetime) -> None:
    """Check the next part of the seals; every ten minutes."""
    seal_watch.watch(Path(state_dir) / SEAL_FILE, now)


def go_on_with_bulk_changes(now: dt.datetime) -> None:
    """Do all that is left of changes of many keys; every few seconds."""
    for bulk_id in disclosure_bulk.running():
        while not disclosure_bulk.run_bulk(bulk_id, now).finished:
            pass


def remove_expired(settings, now: dt.datetime, rounds: int = 50) -> None:
    """Apply the rules of retention until nothing is left, at most so many rounds; each hour."""
    for _ in range(rounds):
        if not any(retention.remove_expired(settings, now).values()):
            return
