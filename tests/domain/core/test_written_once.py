"""Alarms, work items, counters, events and audit rows: each written once, in the transaction that caused it."""

import datetime as dt
import hashlib

import pytest

from db import database as db
from db.fields import dump_json
from db.models import Alarm, AuditDetail, AuditRow, Counter, Event, WorkItem
from webapp.domain.accounts import accounts
from webapp.domain.audit import log
from webapp.domain.core import alarms, counters, work_items
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.counters import Figure
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind, WorkItemState


def test_event_names_stand_in_alphabetical_order_and_form():
    names = [name.value for name in EventName]
    assert names == sorted(names)
    assert all(len(name.split(":")) == 3 for name in names)


def test_an_alarm_that_goes_on_is_one_row_and_one_that_comes_again_is_a_new_episode(database, now):
    first = alarms.open_alarm(AlarmKind.RELAY_DOWN, "relay", now)
    again = alarms.open_alarm(AlarmKind.RELAY_DOWN, "relay", now + dt.timedelta(minutes=1))
    assert (first.id, again.count, again.episode) == (again.id, 2, 1)
    assert alarms.close_alarm(AlarmKind.RELAY_DOWN, "relay", now)
    assert not alarms.close_alarm(AlarmKind.RELAY_DOWN, "relay", now)
    assert alarms.open_alarm(AlarmKind.RELAY_DOWN, "relay", now).episode == 2
    assert Event.select().where(Event.name == EventName.ALARM_RULE_OPENED).count() == 2


def test_an_alarm_is_acknowledged_by_the_first_person_only(database, now):
    people = [accounts.create_operator(name, "", "operator", "long enough", now).id for name in ("aoki", "baba")]
    alarm = alarms.open_alarm(AlarmKind.RELAY_DOWN, "relay", now)
    assert alarms.acknowledge(alarm, now, people[0], "見ました")
    assert not alarms.acknowledge(alarm, now, people[1], "私も")
    assert Alarm.get_by_id(alarm.id).note == "見ました"


def test_the_same_work_is_open_once_and_can_open_again_when_it_is_closed(database, now):
    kind = WorkItemKind.SEND_POSTCARD
    first = work_items.open_item(kind, "registration", 5, "blocked", now)
    assert first and work_items.open_item(kind, "registration", 5, "blocked", now) is None
    item = WorkItem.get_by_id(first)
    assert work_items.close_item(item, WorkItemState.DONE, "sent", now, None)
    assert not work_items.close_item(item, WorkItemState.DISMISSED, "no", now, None)
    assert WorkItem.get_by_id(first).resolution == "sent"
    assert work_items.open_item(kind, "registration", 5, "blocked", now)


def test_counters_add_up_and_vanish_with_their_transaction(database, now):
    key = counters.key(Figure.CARDS, counters.day_of(now), "ordered")
    with db.transaction():
        counters.add({key: 2})
        counters.add({key: 3})
    with pytest.raises(RuntimeError), db.transaction():
        counters.add({key: 10})
        raise RuntimeError
    assert sum(counter.n for counter in Counter.select()) == 5


def test_a_day_begins_at_midnight_in_japan():
    assert counters.day_of(dt.datetime(2026, 11, 17, 15, 0, tzinfo=dt.UTC)) == dt.date(2026, 11, 18)
    assert counters.day_of(dt.datetime(2026, 11, 17, 14, 59, tzinfo=dt.UTC)) == dt.date(2026, 11, 17)


def test_an_audit_row_proves_its_detail_and_outlives_it(database, now):
    detail = {"氏名": "佐藤 健一"}
    row = AuditRow.get_by_id(log.audit(EventName.ADDRESS_OPS_CORRECTED, now, 1, "technician", 2, detail))
    beside = AuditDetail.get(AuditDetail.audit == row)
    assert row.detail_digest == hashlib.sha256((beside.salt + dump_json(detail)).encode()).hexdigest()
    beside.delete_instance()
    assert AuditRow.get_by_id(row.id).detail_digest
