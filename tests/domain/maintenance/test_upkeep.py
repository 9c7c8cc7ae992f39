"""The worker's round: logs sealed and written out, changes of many keys finished, what is over removed."""

import datetime as dt

from db.models import Affiliation, Throttle
from tests import cast
from tests.domain.disclosure.test_keys import administrator
from webapp.domain.audit import log, seals
from webapp.domain.audit.verify import verify
from webapp.domain.core.events import EventName
from webapp.domain.disclosure import bulk
from webapp.domain.maintenance import upkeep
from webapp.domain.maintenance.retention import RULES


def test_a_round_seals_finishes_and_removes(sqlite, now, tmp_path):
    employer = cast.business(now)
    for _ in range(3):
        cast.affiliate(cast.technician(now), employer, now)
    begun = bulk.begin_bulk(administrator(employer, now), None, 1, True, now)
    upkeep.go_on_with_bulk_changes(now)
    assert bulk.running() == []
    assert [row.business_keys for row in Affiliation.select()] == [1, 1, 1]
    assert begun.total == 3

    log.audit(EventName.SWITCH_OPS_CHANGED, now, 1, "switch")
    upkeep.seal_logs(tmp_path, now)
    assert verify(now, tmp_path / upkeep.SEAL_FILE).sound
    assert len(seals.read_out(tmp_path / upkeep.SEAL_FILE)) == 1

    Throttle.create(key="old", window_start=now, expires_at=now - dt.timedelta(days=1))
    kept = {rule.setting: 100 for rule in RULES if rule.setting}
    settings = type("Settings", (), {"state_dir": tmp_path, **kept})
    upkeep.remove_expired(settings, now)
    assert Throttle.select().count() == 0
