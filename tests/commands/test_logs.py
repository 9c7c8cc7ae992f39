"""`todoke verify-log` exits 1 with the row's name; `todoke retention` says what went."""

import datetime as dt
import json

from db import database as db
from db.models import AuditRow, Throttle
from tests.conftest import NOW
from webapp.domain.audit import log, seals
from webapp.domain.core.events import EventName


def written(environment):
    """A sealed audit row, from now, in the commands' own database; return its id."""
    db.configure(environment["TODOKE_DATABASE_URL"])
    with db.connected():
        now = dt.datetime.now(dt.UTC)
        row = log.audit(EventName.SWITCH_OPS_CHANGED, now, 1, "switch", 1, {"to": 1})
        seals.seal(now)
    db.database.close_all()
    return row


def test_a_sound_log_exits_0_and_a_changed_row_is_named(todoke, environment, tmp_path):
    todoke("migrate")
    row = written(environment)
    missing = todoke("verify-log")
    assert missing.exit_code == 1 and "empty or missing" in missing.output
    db.configure(environment["TODOKE_DATABASE_URL"])
    with db.connected():
        seals.write_out(tmp_path / "var" / "seals.jsonl", NOW)
    db.database.close_all()
    sound = todoke("verify-log")
    assert (sound.exit_code, sound.output) == (0, "1 seals, 1 sealed rows, 0 retired, 0 not sealed yet: sound\n")
    with db.connected():
        AuditRow.update(account_id=2).execute()
    db.database.close_all()
    broken = todoke("verify-log")
    assert broken.exit_code == 1
    assert broken.output.startswith(f"row_changed\taudit_row\t{row}\n")
    assert json.loads(todoke("verify-log", "--json").output)["findings"][0]["number"] == row


def test_retention_removes_until_nothing_is_left_to_remove(todoke, environment):
    todoke("migrate")
    db.configure(environment["TODOKE_DATABASE_URL"])
    with db.connected():
        for n in range(3):
            Throttle.create(key=str(n), window_start=NOW, expires_at=dt.datetime(2020, 1, 1, tzinfo=dt.UTC))
    db.database.close_all()
    assert todoke("retention").output == "throttle\t3\nnothing more to remove\n"
    assert todoke("retention").output == "nothing more to remove\n"


def test_without_a_database_the_answer_is_one_sentence(todoke):
    for command in ("verify-log", "retention"):
        result = todoke(command)
        assert result.exit_code == 2
        assert "run `todoke migrate`" in result.output
