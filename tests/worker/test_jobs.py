"""The worker's timetable: logs sealed and written out, changes of many keys finished, what is over removed."""

import datetime as dt

from db.models import Affiliation, Throttle
from tests import cast
from tests.domain.disclosure.test_keys import administrator
from webapp.domain.audit import log, seals
from webapp.domain.audit.verify import verify
from webapp.domain.core.events import EventName
from webapp.domain.disclosure import bulk
from webapp.domain.maintenance.retention import RULES
from webapp.worker import jobs


def test_a_round_seals_finishes_and_removes(sqlite, now, tmp_path):
    kept = {rule.setting: 100 for rule in RULES if rule.setting}
    settings = type("Settings", (), {"state_dir": tmp_path, **kept})
    work = jobs.Work(settings, lambda: now, lambda: False, lambda at: None)
    employer = cast.business(now)
    for _ in range(3):
        cast.affiliate(cast.technician(now), employer, now)
    begun = bulk.begin_bulk(administrator(employer, now), None, 1, True, now)
    jobs.go_on_with_bulk_changes(work, now)
    assert bulk.running() == []
    assert [row.business_keys for row in Affiliation.select()] == [1, 1, 1]
    assert begun.total == 3

    log.audit(EventName.SWITCH_OPS_CHANGED, now, 1, "switch")
    jobs.seal_logs(work, now)
    assert verify(now, tmp_path / seals.FILE).sound
    assert len(seals.read_out(tmp_path / seals.FILE)) == 1

    Throttle.create(key="old", window_start=now, expires_at=now - dt.timedelta(days=1))
    jobs.remove_expired(work, now)
    assert Throttle.select().count() == 0


def test_the_counters_are_checked_in_one_hour_of_the_night_in_japan(now, monkeypatch):
    checked = []
    monkeypatch.setattr("webapp.domain.reporting.reconcile.watch", checked.append)
    work = jobs.Work(None, lambda: now, lambda: False, lambda at: None)
    day = [dt.datetime(2026, 11, 18, hour, 30, tzinfo=dt.UTC) for hour in range(24)]
    for at in day:
        jobs.recount_at_night(work, at)
    assert checked == [day[18]]  # 03:30 of the 19th in Japan


def test_a_job_that_has_more_to_do_ends_when_the_worker_is_told_to(now, monkeypatch):
    read = []
    monkeypatch.setattr("webapp.domain.cards.imports.take_one", lambda clock: read.append(1) or True)
    work = jobs.Work(None, lambda: now, lambda: len(read) == 3, lambda at: None)
    next(job for job in jobs.JOBS if job.name == "card imports").do(work, now)
    assert len(read) == 3


def test_every_job_has_a_name_of_its_own():
    names = [job.name for job in jobs.JOBS]
    assert len(set(names)) == len(names)
