"""The worker's look at the seals finds what `verify-log` finds, a part at a time, and closes after a clean round."""

import datetime as dt

import pytest

from db.models import AccessRow, Alarm, AuditDetail, AuditRow, Seal
from tests.domain.audit.test_seals import look, note
from webapp.domain.audit import monitor, seals
from webapp.domain.audit.seals import LOOK_BACK
from webapp.domain.audit.verify import verify
from webapp.domain.core.alarms import AlarmKind

MINUTE = dt.timedelta(minutes=1)


@pytest.fixture
def sealed(database, now, tmp_path):
    """Six minutes of both logs, a seal each."""
    for n in range(6):
        look(now + n * MINUTE, 2)
        note(now + n * MINUTE)
        seals.seal(now + n * MINUTE)
    path = tmp_path / "seals.jsonl"
    seals.write_out(path, now)
    return path


def a_round(path, now, most_rows=4) -> int:
    """Look until both logs and the file were gone through once, from wherever the last round ended."""
    found = monitor.watch(path, now, most_rows)
    for _ in range(50):
        if monitor._place() == {"log": 0, "n": 0, "found": {}}:
            return found
        found += monitor.watch(path, now, most_rows)
    raise AssertionError("a round has an end")


def subjects() -> set[str]:
    return {alarm.subject for alarm in Alarm.open().where(Alarm.kind == AlarmKind.SEAL_BROKEN)}


def change_a_row():
    AccessRow.update(business_id=None).where(AccessRow.id == AccessRow.select().order_by(AccessRow.id)[5].id).execute()


def remove_a_row():
    AccessRow.delete().where(AccessRow.id == AccessRow.select().order_by(AccessRow.id)[7].id).execute()


def put_in_a_row():
    values = AccessRow.select().get().__data__ | {"id": AccessRow.select().order_by(AccessRow.id)[0].id - 2 * LOOK_BACK}
    AccessRow.insert(**values).execute()


def change_the_words():
    AuditDetail.update(content={"氏名": "別人"}).where(AuditDetail.id == AuditDetail.get().id).execute()


def remove_an_audit_row():
    row = AuditRow.select().order_by(AuditRow.id)[2]
    AuditDetail.delete().where(AuditDetail.audit == row).execute()
    row.delete_instance()


def change_a_seal():
    Seal.update(count=9).where((Seal.stream == "audit_row") & (Seal.n == 3)).execute()


def remove_a_seal():
    Seal.delete().where((Seal.stream == "access_row") & (Seal.n == 3)).execute()


DAMAGE = {
    change_a_row: "access_row",
    remove_a_row: "access_row",
    put_in_a_row: "access_row",
    remove_a_seal: "access_row",
    change_the_words: "audit_row",
    remove_an_audit_row: "audit_row",
    change_a_seal: "audit_row",
}


@pytest.mark.parametrize("most_rows", [1, 4, 1000])
def test_untouched_logs_raise_nothing_however_small_the_part(sealed, now, most_rows):
    assert a_round(sealed, now, most_rows) == 0 and a_round(sealed, now, most_rows) == 0
    look(now + 9 * MINUTE)  # not sealed yet
    assert a_round(sealed, now, most_rows) == 0 and subjects() == set()


@pytest.mark.parametrize("damage", DAMAGE, ids=lambda damage: damage.__name__)
@pytest.mark.parametrize("most_rows", [1, 1000])
def test_damage_is_an_alarm_within_a_round(sealed, now, damage, most_rows):
    damage()
    assert not verify(now + 7 * MINUTE, sealed).sound
    assert a_round(sealed, now, most_rows)
    assert DAMAGE[damage] in subjects()
    a_round(sealed, now, most_rows)
    assert Alarm.select().where(Alarm.subject == DAMAGE[damage]).count() == 1, "one episode, however many rounds"


def test_the_alarm_closes_after_a_whole_round_without_a_finding(sealed, now):
    row = AccessRow.select().order_by(AccessRow.id)[5]
    before = row.business_id
    change_a_row()
    a_round(sealed, now)
    AccessRow.update(business_id=before).where(AccessRow.id == row.id).execute()
    monitor.watch(sealed, now, 1)
    assert subjects() == {"access_row"}, "a part of a round says nothing of the rest"
    a_round(sealed, now)
    assert subjects() == set()


def test_a_seal_that_was_written_out_and_is_another_one_now_is_found(sealed, now):
    sealed.write_text(sealed.read_text().replace('"n": 6, "hash": "', '"n": 6, "hash": "0'))
    a_round(sealed, now)
    assert subjects() == {"access_row", "audit_row"}
