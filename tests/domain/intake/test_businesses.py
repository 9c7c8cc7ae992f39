"""Businesses of a file: new, changed with what stood before, or unchanged."""

import datetime as dt

import pytest

from db.database import transaction
from db.fields import dump_json
from db.models import AuditDetail, AuditRow, Business, EmailAddress, Event, RecordVersion
from webapp.domain.audit import log
from webapp.domain.core.events import EventName
from webapp.domain.email_addresses.versions import current, mark_invalid
from webapp.domain.intake.businesses import KnownBusinesses, register_businesses
from webapp.domain.intake.outcomes import RowOrigin, RowOutcome
from webapp.domain.intake.rows import clean_business

CELLS = {
    "事業者ID": "10000000000001",
    "名称": "株式会社\ufa11建設",
    "名称カナ": "カブシキガイシャサキケンセツ",
    "メールアドレス": "office@saki.example",
    "郵便番号": "100-0001",
    "住所": "東京都千代田区千代田1-1",
    "電話番号": "03-1111-2222",
}


def take(now, *rows, **more):
    cleaned = [clean_business(line, CELLS | cells) for line, cells in enumerate(rows, start=2)]
    with transaction():
        return [result.outcome for result in register_businesses(cleaned, now, **more)]


def test_a_new_business_is_registered_and_again_unchanged(database, now):
    assert take(now, {}) == [RowOutcome.ACCEPTED]
    business = Business.get()
    assert (business.name, business.version, business.created_at) == ("株式会社\ufa11建設", 1, now)
    assert current("business", business.id).value == "office@saki.example"
    assert take(now, {}, {}) == [RowOutcome.UNCHANGED] * 2
    assert [e.name for e in Event.select().order_by(Event.id)] == ["business:import:registered", "address:import:given"]


def test_a_change_keeps_what_stood_before_and_says_who_did_it(database, now):
    take(now, {})
    later = now + dt.timedelta(days=1)
    changes = {"名称": "新しい名前", "メールアドレス": "new@saki.example", "電話番号": ""}
    assert take(later, changes, origin=RowOrigin(account_id=7)) == [RowOutcome.UPDATED]
    business = Business.get()
    assert (business.name, business.telephone, business.version) == ("新しい名前", "03-1111-2222", 2)
    assert (business.created_at, business.updated_at) == (now, later)
    before = RecordVersion.get()
    assert (before.subject_id, before.version, before.content) == (business.id, 1, {"name": "株式会社\ufa11建設"})
    versions = EmailAddress.select().order_by(EmailAddress.version)
    assert [(v.value, v.valid_to) for v in versions] == [("office@saki.example", later), ("new@saki.example", None)]
    row = AuditRow.get()
    assert (row.action, row.account_id, row.subject_id) == (EventName.BUSINESS_IMPORT_CHANGED, 7, business.id)


def test_an_audit_row_has_the_columns_and_digest_of_a_single_one(database, now, monkeypatch):
    take(now, {})
    take(now, {"名称": "新しい名前"})
    row, detail = AuditRow.get(), AuditDetail.get()
    monkeypatch.setattr(log.secrets, "token_hex", lambda _: detail.salt)
    twin = log.audit(EventName.BUSINESS_IMPORT_CHANGED, now, None, "business", row.subject_id, detail.content)
    single = AuditRow.get_by_id(twin)
    assert row.__data__ | {"id": 0} == single.__data__ | {"id": 0}
    assert dump_json(detail.content) == dump_json(AuditDetail.get(AuditDetail.audit == twin).content)


def test_a_dead_address_is_not_revived_by_the_same_file(database, now):
    take(now, {})
    mark_invalid(EmailAddress.get(), "hostunknown", now)
    assert take(now, {}, {"メールアドレス": "Office@saki.example"}) == [RowOutcome.UNCHANGED] * 2
    assert take(now, {"メールアドレス": "new@saki.example"}) == [RowOutcome.UPDATED]


@pytest.mark.parametrize("size", [1, 2, 5])
def test_rows_of_one_business_are_decided_one_after_another(database, now, size):
    rows = [
        {},
        {"名称": "二"},
        {"名称": "二"},
        {"名称": "三", "メールアドレス": "c@saki.example"},
        {"メールアドレス": ""},
    ]
    known = KnownBusinesses()
    expected = [RowOutcome.ACCEPTED, RowOutcome.UPDATED, RowOutcome.UNCHANGED, RowOutcome.UPDATED, RowOutcome.UPDATED]
    checked, written = [], []
    for at in range(0, len(rows), size):
        checked += take(now, *rows[at : at + size], known=known, check=True)
    assert checked == expected and not Business.select().exists()
    for at in range(0, len(rows), size):
        written += take(now, *rows[at : at + size])
    assert written == expected
    business = Business.get()
    assert (business.name, business.version) == ("株式会社\ufa11建設", 4)
    assert [v.content for v in RecordVersion.select().order_by(RecordVersion.version)] == [
        {"name": "株式会社\ufa11建設"},
        {"name": "二"},
        {"name": "三"},
    ]
    assert EmailAddress.select().count() == 2
