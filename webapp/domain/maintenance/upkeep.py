"""What the worker does for disclosure as time goes by: seals, changes of many keys, the end of what is kept."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path

from webapp.domain.audit import monitor, seals
from webapp.domain.core import counters
from webapp.domain.disclosure import bulk
from webapp.domain.maintenance import retention
from webapp.domain.monitoring import alarm_mail
from webapp.domain.reporting import reconcile

SEAL_FILE = "seals.jsonl"
_RECOUNT_HOUR = 3  # in Japan


def seal_logs(state_dir: str | Path, now: dt.datetime) -> None:
    """Seal what the logs have gained, and once a day write the newest seals out; each minute."""
    seals.seal(now)
    seals.write_out(Path(state_dir) / SEAL_FILE, now)


def watch_seals(state_dir: str | Path, now: dt.datetime) -> None:
    """Check the next part of the seals; every ten minutes."""
    monitor.watch(Path(state_dir) / SEAL_FILE, now)


def mail_alarms(settings, now: dt.datetime, speaker: Callable[[str], Callable[[str], str]]) -> None:
    """Queue the mails about new alarms; every twenty seconds. `speaker` returns what says a sentence in a language."""
    alarm_mail.mail_new(now, settings.ops_mailbox, settings.public_url, speaker)


def recount_at_night(now: dt.datetime) -> None:
    """Check the counters once a night, in the hour when the fewest are at work; the job comes round each hour."""
    if now.astimezone(counters.JST).hour == _RECOUNT_HOUR:
        reconcile.watch(now)


def go_on_with_bulk_changes(now: dt.datetime) -> None:
    """Do all that is left of changes of many keys; every few seconds."""
    for bulk_id in bulk.running():
        while not bulk.run_bulk(bulk_id, now).finished:
            pass


def remove_expired(settings, now: dt.datetime, rounds: int = 50) -> None:
    """Apply the rules of retention until nothing is left, at most so many rounds; every ten minutes."""
    for _ in range(rounds):
        if not any(retention.remove_expired(settings, now).values()):
            return
