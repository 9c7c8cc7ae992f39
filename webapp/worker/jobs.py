"""The worker's timetable: what comes round, how often, and what is done then. One line a job."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from db.database import refresh_statistics
from webapp.domain.accounts import access_requests, business_users
from webapp.domain.audit import monitor as seal_monitor
from webapp.domain.audit import seals
from webapp.domain.cards import imports, monitor
from webapp.domain.core.calendar import JST
from webapp.domain.disclosure import bulk
from webapp.domain.inquiries import public_form
from webapp.domain.mail import restore
from webapp.domain.maintenance import retention
from webapp.domain.monitoring import alarm_mail, rules
from webapp.domain.notices import messages
from webapp.domain.postcard import batches, delivery
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.reporting import reconcile
from webapp.settings import Settings
from webapp.translations import speaker

log = structlog.get_logger("worker")

BEAT_SECONDS = 10.0
_RECOUNT_HOUR = 3  # in Japan
# So many at a time that a worker which is told to stop ends soon.
_AT_ONCE = 1000
_MOST_ROUNDS = 50


@dataclass(frozen=True)
class Work:
    """What the jobs have of their worker: its settings, its clock, whether it is to stop, its sign of life."""

    settings: Settings
    clock: Callable[[], dt.datetime]
    stopping: Callable[[], bool]
    note_beat: Callable[[dt.datetime], object]


@dataclass(frozen=True)
class Job:
    """Something that comes round: every so many seconds, beginning at once."""

    name: str
    every: float
    do: Callable[[Work, dt.datetime], object]


def note_tick(work: Work, now: dt.datetime) -> None:
    """Note how far the database is, and hold everything when an older one was restored."""
    if restore.tick(work.settings.state_dir, now):
        log.warning("an older database was restored: nothing is sent until a person has decided")


def seal_logs(work: Work, now: dt.datetime) -> None:
    """Seal what the logs have gained, and once a day write the newest seals out."""
    seals.seal(now)
    seals.write_out(_seal_file(work), now)


def go_on_with_bulk_changes(work: Work, now: dt.datetime) -> None:
    """Do all that is left of changes of many keys."""
    for bulk_id in bulk.running():
        while not bulk.run_bulk(bulk_id, now).finished:
            pass


def remove_expired(work: Work, now: dt.datetime) -> None:
    """Apply the rules of retention until nothing is left, at most so many rounds."""
    for _ in range(_MOST_ROUNDS):
        if not any(retention.remove_expired(work.settings, now).values()):
            return


def recount_at_night(work: Work, now: dt.datetime) -> None:
    """Check the counters once a night, in the hour when the fewest are at work."""
    if now.astimezone(JST).hour == _RECOUNT_HOUR:
        reconcile.watch(now)


def mail_alarms(work: Work, now: dt.datetime) -> None:
    """Queue the mails about new alarms."""
    alarm_mail.mail_new(now, work.settings.ops_mailbox, work.settings.public_url, speaker)


def _seal_file(work: Work) -> Path:
    return Path(work.settings.state_dir) / seals.FILE


def _presume_notices(work: Work, now: dt.datetime) -> None:
    policy = messages.Policy.of(work.settings)
    while messages.presume(policy, now) == _AT_ONCE and not work.stopping():
        pass


def _read_card_imports(work: Work, now: dt.datetime) -> None:
    while imports.take_one(work.clock) and not work.stopping():
        pass


def _follow_postcards(work: Work, now: dt.datetime) -> None:
    office = PrintOffice.of(work.settings)
    if batch := batches.begin_daily(office, now):
        log.info("batch of the day", batch=batch.number)
    while delivery.presume(office, now) == _AT_ONCE and not work.stopping():
        pass


JOBS = (
    Job("beat", every=BEAT_SECONDS, do=lambda work, now: work.note_beat(now)),
    Job("tick", every=60, do=note_tick),
    Job("presume", every=60, do=_presume_notices),
    Job("cards", every=60, do=lambda work, now: monitor.watch(now, monitor.Thresholds.of(work.settings))),
    Job("contact", every=20, do=lambda work, now: public_form.follow_up(now, work.settings.card_wrong_pairs)),
    Job("card imports", every=2, do=_read_card_imports),
    Job("seal", every=60, do=seal_logs),
    Job("seal watch", every=600, do=lambda work, now: seal_monitor.watch(_seal_file(work), now)),
    Job("requests", every=2, do=lambda work, now: access_requests.answer_requests(work.settings.secret_key, now)),
    Job("invite", every=30, do=lambda work, now: business_users.invite_waiting(now)),
    Job("bulk", every=2, do=go_on_with_bulk_changes),
    Job("alarm rules", every=60, do=lambda work, now: rules.watch(now, work.settings)),
    Job("alarm mail", every=20, do=mail_alarms),
    Job("recount", every=3600, do=recount_at_night),
    Job("statistics", every=3600, do=lambda work, now: refresh_statistics()),
    Job("retention", every=600, do=remove_expired),
    Job("postcards", every=60, do=_follow_postcards),
    Job("old exports", every=10, do=lambda work, now: retention.apply("export_request", work.settings, now)),
)
