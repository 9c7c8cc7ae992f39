"""The worker as it is run: killed, stopped, failing, restored under - and nothing is lost or sent blindly."""

import datetime as dt
import random
import re
import signal
import socket
import threading
from collections import Counter as Tally
from datetime import UTC, datetime, timedelta

import pytest

from db import database as db
from db.models import Alarm, Attempt, Event, Message, ReturnedMail, ReturnedMailSource, WorkerBeat
from tests.domain.mail.sending import queued_notices
from tests.domain.notices.test_messages import real_counts, stored_counts
from tests.processes.worker import environment, start
from tests.servers.postfix import free_port
from tests.servers.smtp_sink import SmtpSink
from webapp import settings
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.events import EventName
from webapp.domain.mail import outbox_results, sending_switch
from webapp.domain.notices.messages import MessageKind
from webapp.worker.worker import Worker

LEASE_SECONDS = 1.5
_MESSAGE_ID = re.compile(rb"^Message-ID: <([^>]+)>", re.M)


@pytest.fixture(autouse=True)
def no_nightly_recount(monkeypatch):
    """These rows are made by hand, without counters: at 03:00 in Japan the recount would rightly find a difference."""
    monkeypatch.setattr("webapp.domain.reporting.reconcile.watch", lambda now: 0)


def load(database_url, tmp_path, port, **more):
    return settings.load(environment(database_url, tmp_path / "state", port, **more), dotenv=None)


def received_ids(sink: SmtpSink) -> Tally:
    return Tally(_MESSAGE_ID.search(mail.data).group(1).decode() for mail in sink.received)


def kill_while_sending(database_url: str, tmp_path, count: int, kills: int, seed: int) -> tuple[int, int]:
    """Kill real workers at random while `count` notices go out; return how many were lost and how many repeated."""
    chance = random.Random(seed)
    # At each mark the server holds its answers, so that the workers are caught with mails answered but not committed
    # (MAIL of the next one) or not answered (end of the data).
    marks = [
        (mark, chance.choice(["MAIL", "end_of_data"])) for mark in sorted(chance.sample(range(count * 9 // 10), kills))
    ]
    reached, going = threading.Event(), threading.Event()
    going.set()
    with SmtpSink(("PIPELINING",)) as sink:

        def script(step, _argument):
            if marks and step == marks[0][1] and sink.count >= marks[0][0]:
                going.clear()
                reached.set()
            going.wait(60)

        sink.script = script
        env = environment(database_url, tmp_path / "state", sink.port)
        with db.connected():
            queued_notices(count, datetime.now(UTC))
        workers = [start(env, LEASE_SECONDS) for _ in range(2)]
        try:
            for _ in range(kills):
                assert reached.wait(60), "the workers send nothing any more"
                victim = workers.pop(chance.randrange(len(workers)))
                victim.send_signal(signal.SIGKILL)
                victim.communicate()
                marks.pop(0)
                reached.clear()
                going.set()
                workers.append(start(env, LEASE_SECONDS))
            wait_until_nothing_is_due(workers)
            for worker in workers:
                worker.send_signal(signal.SIGTERM)
            for worker in workers:
                _, errors = worker.communicate(timeout=30)
                assert worker.returncode == 0, errors
        finally:
            going.set()
            for worker in workers:
                worker.kill()
                worker.communicate()
        ids = received_ids(sink)
    with db.connected():
        refs = {attempt.message_ref: attempt.state for attempt in Attempt.select()}
        # Every notice has one attempt, was accepted, and stands as sent with its event; every repeat has its ID.
        assert len(refs) == count and set(refs.values()) == {"accepted"}
        assert {message.state for message in Message.select()} == {"sent"}
        assert Event.select().where(Event.name == EventName.NOTICE_EMAIL_SENT).count() == count
        assert stored_counts() == real_counts()
    assert set(ids) <= set(refs)
    return count - len(ids), sum(ids.values()) - len(ids)


def wait_until_nothing_is_due(workers) -> None:
    pause, waited = threading.Event(), 0.0
    while True:
        with db.connected():
            left = Message.select().where(Message.due_at.is_null(False)).count()
        if not left:
            return
        assert waited < 90 and all(worker.poll() is None for worker in workers), f"{left} notices are left"
        pause.wait(0.1)
        waited += 0.1


def test_killed_workers_lose_nothing_and_repeat_under_the_same_message_id(database, database_url, tmp_path):
    lost, repeated = kill_while_sending(database_url, tmp_path, 300, 3, seed=1)
    print(f"300 notices, 3 kills: {lost} lost, {repeated} repeated under the same Message-ID")
    assert lost == 0 and repeated <= 3 * (outbox_results.GROUP + 1)


@pytest.mark.soak
@pytest.mark.timeout(600)
def test_two_thousand_notices_survive_thirty_kills(database, database_url, tmp_path):
    lost, repeated = kill_while_sending(database_url, tmp_path, 2000, 30, seed=2)
    print(f"2,000 notices, 30 kills: {lost} lost, {repeated} repeated under the same Message-ID")
    assert lost == 0 and repeated <= 30 * (outbox_results.GROUP + 1)


def test_once_sends_what_is_due_and_ends(database, database_url, tmp_path, now):
    queued_notices(30, now)
    with SmtpSink() as sink:
        worker = Worker(load(database_url, tmp_path, sink.port))
        assert (worker.once(), sink.count, worker.once()) == (30, 30, 30)
    assert {message.state for message in Message.select()} == {"sent"}


def test_a_stopped_kind_is_left_alone_until_it_is_started(sqlite, sqlite_url, tmp_path, now):
    queued_notices(3, now)
    with SmtpSink() as sink:
        worker = Worker(load(sqlite_url, tmp_path, sink.port))
        sending_switch.stop(MessageKind.ID_NOTICE, None, now)
        assert worker.once() == 0
        sending_switch.start(MessageKind.ID_NOTICE, None, now)
        assert worker.once() == 3


def test_without_a_relay_messages_wait_and_an_alarm_opens(sqlite, sqlite_url, tmp_path):
    queued_notices(30, dt.datetime.now(dt.UTC))
    worker = Worker(load(sqlite_url, tmp_path, free_port()))
    assert worker.once() == 0
    assert [alarm.kind for alarm in Alarm.open()] == [AlarmKind.RELAY_DOWN]
    # One found out; the others were given back, untouched.
    assert Message.select().where(Message.state == "waiting_retry").count() == 1
    assert Message.select().where(Message.due_at.is_null()).count() == 0


def test_a_part_that_fails_opens_an_alarm_and_the_others_go_on(sqlite, sqlite_url, tmp_path, now, monkeypatch):
    queued_notices(2, now)
    closed = threading.Event()
    with SmtpSink() as sink:
        worker = Worker(load(sqlite_url, tmp_path, sink.port), listen=False)
        fails = iter([True])

        def presume(_now):
            if next(fails, False):
                raise RuntimeError("as told")
            closed.set()

        next(job for job in worker.jobs if job.name == "presume").do = presume
        monkeypatch.setattr("webapp.worker.worker._FIRST_REST", 0.01)
        running = threading.Thread(target=worker.run)
        running.start()
        try:
            assert closed.wait(20)
        finally:
            worker.stop()
            running.join()
        assert sink.count == 2
    alarm = Alarm.get(Alarm.kind == AlarmKind.WORKER_FAILED)
    assert (alarm.subject, alarm.data) == ("periodic", {"error": "RuntimeError"})
    assert alarm.closed_at is not None and not WorkerBeat.select().exists()


def test_returned_mail_is_kept_as_long_as_the_settings_say_whatever_comes_round(sqlite, sqlite_url, tmp_path, now):
    kept = {"TODOKE_KEEP_RETURNED_MAIL_DAYS": "3650", "TODOKE_KEEP_UNMATCHED_DAYS": "3650"}
    worker = Worker(load(sqlite_url, tmp_path, free_port(), **kept), listen=False, clock=lambda: now)
    for days in (40, 100):
        for state in ("unmatched", "applied"):
            mail = ReturnedMail.create(
                received_at=now - timedelta(days=days), source="lmtp", digest="x", size=1, state=state, kind="x",
                token_state="x", judgement={},
            )  # fmt: skip
            ReturnedMailSource.create(returned_mail=mail, content=b"x")
    for job in worker.jobs:
        job.do(now)
    assert (ReturnedMail.select().count(), ReturnedMailSource.select().count()) == (4, 4)


def test_after_a_restore_nothing_is_sent_until_a_person_has_decided(database, database_url, tmp_path, now):
    from db.models import Fact

    queued_notices(3, now)
    with SmtpSink() as sink:
        Worker(load(database_url, tmp_path, sink.port)).once()
        assert sink.count == 3
        # What a restore does: the database is as it was before, the file beside the worker is not.
        Message.update(state="queued", due_at=now, sent_at=None).execute()
        Fact.update(value="0").where(Fact.name == "tick").execute()
        worker = Worker(load(database_url, tmp_path, sink.port))
        assert worker.once() == 0 and sink.count == 3
    assert {message.state for message in Message.select()} == {"reconciliation"}
    assert [alarm.kind for alarm in Alarm.open()] == [AlarmKind.RESTORED]


def wait_until_it_listens(port: int) -> None:
    """Sending and listening begin in threads of their own, in any order."""
    pause = threading.Event()
    for _ in range(200):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        pause.wait(0.1)
    raise AssertionError("the worker does not listen")


def test_a_worker_listens_sends_and_leaves_when_told(sqlite, sqlite_url, tmp_path, now):
    from smtplib import LMTP

    [message] = queued_notices(1, now)
    port, arrived = free_port(), threading.Event()
    with SmtpSink(script=lambda step, _: arrived.set() if step == "QUIT" else None) as sink:
        worker = Worker(load(sqlite_url, tmp_path, sink.port, TODOKE_LMTP_PORT=str(port)))
        running = threading.Thread(target=worker.run)
        running.start()
        try:
            assert arrived.wait(20)  # the session ends when nothing more is due
            wait_until_it_listens(port)
            sender = sink.received[0].mail.split(">")[0].lstrip("<")
            with LMTP("127.0.0.1", port) as client:
                client.sendmail(
                    "", [sender], b"Subject: Undelivered Mail\r\n\r\n<p0@mail.example>: 550 5.1.1 User unknown\r\n"
                )
        finally:  # its threads must not outlive the database
            worker.stop()
            running.join()
    assert Message.get_by_id(message.id).state in ("failed", "waiting_retry", "sent")
    from db.models import ReturnedMail

    assert ReturnedMail.get().token_state == "valid"


def test_the_share_of_the_pace_follows_the_living_workers(sqlite, sqlite_url, tmp_path, now):
    chosen = load(sqlite_url, tmp_path, free_port())
    workers = [Worker(chosen, clock=lambda: now) for _ in range(4)]
    for worker in workers:
        worker._note_beat(now)
    workers[0]._note_beat(now)
    assert workers[0].sending.pacer.share == 1 / 4
    workers[0]._note_beat(now + timedelta(minutes=1))
    assert workers[0].sending.pacer.share == 1
