"""After a restore nothing goes out until a person has decided, and every decision leaves the counts right."""

import json

import pytest

from db.models import Alarm, Attempt, Event, Fact, Message, WorkItem
from tests.domain.mail.sending import DOMAIN, LEASE, POLICY, queued_notices, reply
from tests.domain.notices.test_messages import real_counts, stored_counts
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.mail import outbox, outbox_results, restore
from webapp.domain.mail.outbox_results import SendResult
from webapp.domain.mail.restore import FILE, TickFileError
from webapp.domain.mail.smtp_client import SendOutcome, Stage


def claim(now, limit=100):
    return outbox.claim(now, LEASE, POLICY, DOMAIN, limit=limit).messages


@pytest.fixture
def in_flight(database, now):
    """One message of each kind of flight: queued, being sent, waiting after a 4xx - and one that was sent."""
    queued_notices(4, now)
    sent, waits = claim(now, 2)
    said = reply(SendOutcome.TEMPORARY, Stage.RCPT, 451, "later")
    outbox_results.finish([SendResult(sent, now, reply()), SendResult(waits, now, said)], POLICY, now)
    claim(now, 1)
    return sent


def test_a_tick_that_rises_is_no_restore(database, tmp_path, now):
    assert [restore.tick(tmp_path, now) for _ in range(3)] == [False] * 3
    assert json.loads((tmp_path / FILE).read_text()) == {restore.database_id(): 3}
    assert Fact.get_by_id("tick").value == "3"


def test_an_older_database_is_noticed_once_and_everything_in_flight_held(in_flight, tmp_path, now):
    for _ in range(5):
        restore.tick(tmp_path, now)
    Fact.update(value="2").where(Fact.name == "tick").execute()
    assert restore.tick(tmp_path, now) and not restore.tick(tmp_path, now)
    states = {message.id: message.state for message in Message.select()}
    assert states.pop(in_flight.id) == "sent" and set(states.values()) == {"reconciliation"}
    assert claim(now + LEASE * 100) == []
    assert Event.select().where(Event.name == EventName.NOTICE_RESTORE_HELD).count() == 3
    item = WorkItem.open().get()
    assert (item.kind, item.data) == (WorkItemKind.RECONCILIATION, {"held": 3})
    assert [alarm.kind for alarm in Alarm.open()] == [AlarmKind.RESTORED]
    assert stored_counts() == real_counts()


def test_another_database_with_the_same_file_is_no_restore(database, tmp_path, now):
    restore.tick(tmp_path, now)
    Fact.update(value="other").where(Fact.name == "database_id").execute()
    Fact.update(value="0").where(Fact.name == "tick").execute()
    assert not restore.tick(tmp_path, now)


@pytest.mark.parametrize("content", ["", "[]", '{"x": "y"}', "\0"])
def test_a_file_of_no_use_stops_the_worker_instead_of_hiding_a_restore(database, tmp_path, now, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(TickFileError, match="restore would go unnoticed"):
        restore.tick(tmp_path, now)


def test_each_held_message_is_decided_and_then_the_alarm_closes(in_flight, now):
    restore.recover(now, "by_hand")
    first, *rest = restore.held_messages()
    assert restore.was_sent([first], now, None) == 1
    assert Alarm.open().exists() and stored_counts() == real_counts()
    pending = {a.message_id: a.message_ref for a in Attempt.select().where(Attempt.state == "pending")}
    assert restore.send_again(rest, now, None) == 2
    assert not Alarm.open().exists() and not WorkItem.open().exists()
    assert Message.get_by_id(first.id).state == "sent"
    again = {one.id: one.message_ref for one in claim(now)}
    assert set(again) == {message.id for message in rest}
    # What may have gone already goes under the Message-ID that it had.
    assert all(again[message_id] == ref for message_id, ref in pending.items() if message_id in again)
    assert stored_counts() == real_counts()


def test_a_relays_answer_that_comes_late_is_noted_for_the_decision(in_flight, now):
    [one] = claim(now)
    restore.recover(now, "by_hand")
    outbox_results.finish([SendResult(one, now, reply())], POLICY, now)
    assert Message.get_by_id(one.id).state == "reconciliation"
    assert Attempt.get_by_id(one.attempt_id).state == "accepted"
