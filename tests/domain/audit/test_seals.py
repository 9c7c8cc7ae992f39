"""Seals prove the logs: whatever is done to a row or a seal afterwards is found and named; retention breaks nothing."""

import datetime as dt
import hashlib

import pytest

from db import database as db
from db.models import AccessRow, AuditDetail, AuditRow, ReturnedMail, ReturnedMailSource, Seal, SearchRequest, Throttle
from tests import cast
from tests.domain.disclosure.test_policy import business_user
from webapp.domain.accounts import accounts
from webapp.domain.audit import log, seals
from webapp.domain.audit.verify import FindingKind, verify
from webapp.domain.core.events import EventName
from webapp.domain.disclosure.access_log import Look, ViewKind, looked
from webapp.domain.disclosure.policy import facts_of
from webapp.domain.maintenance import retention
from webapp.domain.maintenance.retention import remove_expired
from webapp.settings import load

MINUTE = dt.timedelta(minutes=1)


def look(now, times=1):
    employer = cast.business(now)
    someone = cast.technician(now)
    cast.affiliate(someone, employer, now, technician_keys=31, business_keys=31)
    facts = facts_of([someone.id])[someone.id]
    with db.transaction():
        for _ in range(times):
            looked(business_user(cast.business(now).id), [Look(facts, 31)], ViewKind.RECORD, now)


def note(now, words="佐藤 健一"):
    return log.audit(EventName.ADDRESS_OPS_CORRECTED, now, 1, "technician", 2, {"氏名": words})


@pytest.fixture
def sealed(database, now, tmp_path):
    """Three minutes of both logs, each minute sealed; the newest seals written out. Returns the file."""
    for n in range(3):
        look(now + n * MINUTE, 2)
        note(now + n * MINUTE)
        note(now + n * MINUTE)
        assert seals.seal(now + n * MINUTE) == 4
    path = tmp_path / "seals.jsonl"
    assert seals.write_out(path, now)
    return path


def findings(now, path=None):
    return [(one.kind, one.stream, one.number) for one in verify(now, path).findings]


def test_untouched_logs_are_sound(sealed, now):
    result = verify(now, sealed)
    assert result.sound
    assert (result.seals, result.rows, result.retired, result.unsealed) == (6, 12, 0, 0)
    assert seals.seal(now) == 0


def test_rows_since_the_last_seal_are_counted_and_reported_only_when_the_worker_is_late(sealed, now):
    row = note(now)
    assert (verify(now + MINUTE, sealed).sound, verify(now + MINUTE, sealed).unsealed) == (True, 1)
    assert findings(now + 11 * MINUTE) == [(FindingKind.UNSEALED, "audit_row", row)]


CHANGES = [
    (AccessRow, {"technician_id": 5}),
    (AccessRow, {"account_id": 5}),
    (AccessRow, {"business_id": None}),
    (AccessRow, {"relation": "employer"}),
    (AccessRow, {"affiliation_id": None}),
    (AccessRow, {"employer_id": 5}),
    (AccessRow, {"kind": "list"}),
    (AccessRow, {"groups": 1}),
    (AccessRow, {"technician_keys_version": 9}),
    (AccessRow, {"business_keys_version": 9}),
    (AccessRow, {"context": "work_item"}),
    (AccessRow, {"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}),
    (AuditRow, {"action": "address:ops:restored"}),
    (AuditRow, {"account_id": 7}),
    (AuditRow, {"subject_kind": "business"}),
    (AuditRow, {"subject_id": 7}),
    (AuditRow, {"detail_digest": "0" * 64}),
    (AuditRow, {"at": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}),
]


def test_every_changed_column_of_a_row_is_named(sealed, now):
    for model, change in CHANGES:
        with db.transaction() as undo:
            row = model.select().order_by(model.id)[2]
            model.update(change).where(model.id == row.id).execute()
            found = [one for one in findings(now) if one[0] is not FindingKind.WORDS_CHANGED]
            assert found == [(FindingKind.ROW_CHANGED, model._meta.table_name, row.id)]
            undo.rollback()
    assert {(model, column) for model, change in CHANGES for column in change} == {
        (model, column) for model in (AccessRow, AuditRow) for column in model._meta.columns
    } - {(AccessRow, "id"), (AuditRow, "id")}


def test_all_columns_of_the_logs_are_under_seal():
    for model in (AccessRow, AuditRow):
        assert set(seals.STREAMS[model._meta.table_name]) == set(model._meta.columns)


def test_a_removed_row_is_named_wherever_it_stood(sealed, now):
    for model in (AccessRow, AuditRow):
        for place in (0, 3, -1):
            with db.transaction() as undo:
                row = list(model.select().order_by(model.id))[place]
                AuditDetail.delete().where(AuditDetail.audit == row.id).execute()
                model.delete().where(model.id == row.id).execute()
                assert findings(now) == [(FindingKind.ROW_REMOVED, model._meta.table_name, row.id)]
                undo.rollback()


def test_a_row_put_in_later_is_named(sealed, now):
    row = AccessRow.select().order_by(AccessRow.id).get()
    AccessRow.insert({**row.__data__, "id": row.id - seals.LOOK_BACK - 5}).execute()
    assert findings(now) == [(FindingKind.ROW_INSERTED, "access_row", row.id - seals.LOOK_BACK - 5)]


def test_a_row_whose_transaction_ends_late_is_sealed_the_next_time(sealed, now):
    early = AccessRow.select().order_by(AccessRow.id).get()
    AccessRow.insert({**early.__data__, "id": early.id - 7}).execute()
    assert verify(now).sound
    assert seals.seal(now + MINUTE) == 1
    assert verify(now + 60 * MINUTE).sound


def test_changed_and_removed_words_are_named(sealed, now):
    first, second = AuditDetail.select().order_by(AuditDetail.id)[:2]
    AuditDetail.update(content={"氏名": "別人"}).where(AuditDetail.id == first.id).execute()
    AuditDetail.delete().where(AuditDetail.id == second.id).execute()
    assert findings(now) == [
        (FindingKind.WORDS_CHANGED, "audit_row", first.audit_id),
        (FindingKind.WORDS_REMOVED, "audit_row", second.audit_id),
    ]


def test_a_changed_row_with_its_seal_mended_breaks_the_next_seal(sealed, now):
    row = AccessRow.select().order_by(AccessRow.id).get()
    AccessRow.update(groups=1).where(AccessRow.id == row.id).execute()
    seal = Seal.get((Seal.stream == "access_row") & (Seal.n == 1))
    columns = ", ".join(seals.STREAMS["access_row"])
    values = db.database.execute_sql(f"SELECT {columns} FROM access_row ORDER BY id").fetchone()
    leaves = list(seals.unpack(seal.leaves))
    leaves[0] = seals.Leaf(row.id, seals.row_digest("access_row", values))
    seal.leaves = seals.pack(leaves)
    seal.leaves_digest = hashlib.sha256(seal.leaves).hexdigest()
    seal.hash = seals.seal_hash(seal)
    seal.save()
    assert findings(now) == [(FindingKind.SEAL_CHANGED, "access_row", 2)]
    # ... and whoever mends all of them meets the file outside.
    for n in (2, 3):
        later = Seal.get((Seal.stream == "access_row") & (Seal.n == n))
        later.previous_hash = seal.hash
        later.hash = seals.seal_hash(later)
        later.save()
        seal = later
    assert findings(now) == []
    assert findings(now, sealed) == [(FindingKind.FILE, "access_row", 3)]


@pytest.mark.parametrize(
    "change", [{"count": 9}, {"hash": "0" * 64}, {"previous_hash": "1" * 64}, {"first_id": 1}, {"leaves": b""}]
)
def test_a_changed_seal_is_named(sealed, now, change):
    Seal.update(change).where((Seal.stream == "audit_row") & (Seal.n == 2)).execute()
    found = findings(now)
    assert (FindingKind.SEAL_CHANGED, "audit_row", 2) in found
    assert {number for kind, _, number in found if kind is FindingKind.SEAL_CHANGED} <= {2, 3}


def test_a_removed_seal_is_named_and_a_cut_off_end_is_found_by_the_file(sealed, now):
    Seal.delete().where((Seal.stream == "audit_row") & (Seal.n == 1)).execute()
    assert (FindingKind.SEAL_REMOVED, "audit_row", 1) in findings(now)
    newest = Seal.get((Seal.stream == "access_row") & (Seal.n == 3))
    ids = [leaf.id for leaf in seals.unpack(newest.leaves)]
    newest.delete_instance()
    AccessRow.delete().where(AccessRow.id.in_(ids)).execute()
    assert ("access_row", 3) in [(stream, n) for kind, stream, n in findings(now, sealed) if kind is FindingKind.FILE]


def test_the_file_has_a_line_a_log_and_day_and_a_spoilt_one_is_reported(sealed, now):
    assert len(seals.read_out(sealed)) == 2
    assert not seals.write_out(sealed, now + MINUTE)
    note(now)
    seals.seal(now)
    assert seals.write_out(sealed, now + dt.timedelta(days=1))
    assert [line["n"] for line in seals.read_out(sealed)] == [3, 3, 4, 3]
    assert verify(now, sealed).sound
    sealed.write_text(sealed.read_text() + "{}\n")
    assert findings(now, sealed) == [(FindingKind.FILE, "", 0)]
    sealed.unlink()
    assert findings(now, sealed) == [(FindingKind.FILE, "", 0)]


@pytest.fixture
def settings(tmp_path):
    keys = {"TODOKE_MODE": "test", "TODOKE_DATABASE_URL": "sqlite:///x", "TODOKE_SECRET_KEY": "s" * 40}
    return load({**keys, "TODOKE_RETURN_KEYS": "a:" + "k" * 40, "TODOKE_KEEP_AUDIT_WORDS_DAYS": "400",
                 "TODOKE_STATE_DIR": str(tmp_path)}, None)  # fmt: skip


def test_what_retention_removes_leaves_the_proof_whole(sealed, now, settings):
    later = now + dt.timedelta(days=401)
    assert remove_expired(settings, later)["audit_detail"] == 6
    seals.seal(later)
    assert verify(later, sealed).sound

    later = now + dt.timedelta(days=1828)
    note(later)
    assert remove_expired(settings, later)["access_row"] == 6
    assert AccessRow.select().count() == 0
    seals.seal(later)
    result = verify(later, sealed)
    assert (result.findings, result.retired) == ((), 6)

    later = now + dt.timedelta(days=3654)
    assert remove_expired(settings, later)["audit_row"] == 6
    seals.seal(later)
    result = verify(later, sealed)
    assert (result.findings, result.retired) == ((), 12)


def test_rows_removed_by_hand_and_marked_as_retired_are_found(sealed, now):
    AccessRow.delete().execute()
    Seal.update(leaves=None, retired_at=now).where(Seal.stream == "access_row").execute()
    assert findings(now, sealed) == [(FindingKind.SEAL_RETIRED, "access_row", n) for n in (1, 2, 3)]


def test_each_table_loses_what_is_over_and_keeps_the_rest(database, now, settings):
    account = accounts.create_operator("aoki", "", "operator", "long enough", now)
    old, young = now - dt.timedelta(days=31), now - dt.timedelta(days=29)
    for moment in (old, young, now - dt.timedelta(days=91)):
        for state in ("unmatched", "applied"):
            mail = ReturnedMail.create(
                received_at=moment, source="lmtp", digest="x", size=1, state=state, kind="x", token_state="x",
                judgement={},
            )  # fmt: skip
            ReturnedMailSource.create(returned_mail=mail, content=b"x")
    for moment in (now - MINUTE, now + MINUTE):
        Throttle.create(key=str(moment), window_start=now, expires_at=moment)
        SearchRequest.create(token_hash=str(moment), account=account, page="x", terms={}, expires_at=moment)
    removed = {name: count for name, count in remove_expired(settings, now).items() if count}
    assert removed == {
        "returned_mail_source": 2,
        "unmatched_mail": 2,
        "throttle": 1,
        "search_request": 1,
    }
    states = [row.state for row in ReturnedMail.select().order_by(ReturnedMail.received_at)]
    assert sorted(states) == ["applied", "applied", "applied", "unmatched"]
    assert ReturnedMailSource.select().count() == 3


def test_every_rule_reads_a_setting_that_exists(settings):
    for rule in retention.RULES:
        assert rule.setting is None or isinstance(getattr(settings, rule.setting), int)
