"""The outbox holds its promises: one holder at a time, no late finisher, nothing forgotten, every count right."""

import datetime as dt
import itertools
import threading

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db import database as db
from db.models import Alarm, Attempt, Counter, EmailAddress, Event, Message, Postcard, WorkItem
from tests import cast
from tests.domain.mail.sending import DOMAIN, LEASE, OFFICE, POLICY, queued_notice, queued_notices, reply
from tests.domain.notices.test_messages import real_counts, stored_counts
from tests.examples import examples
from webapp.domain.bounce import Reason, ReasonClass
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.mail import outbox, outbox_results, sending_switch
from webapp.domain.mail.outbox import Pacer
from webapp.domain.mail.outbox_results import SendResult
from webapp.domain.mail.return_path import read_return_path
from webapp.domain.mail.smtp_client import Envelope, SendOutcome, Stage
from webapp.domain.notices.messages import MessageKind, Role, Verdict, new_message
from webapp.worker.envelopes import envelope_of


def claim(now, **options):
    return outbox.claim(now, LEASE, POLICY, DOMAIN, **options).messages


def finish(results, now):
    return outbox_results.finish(results, POLICY, now, chance=lambda: 0.5)


def stored(message_id):
    return Message.get_by_id(message_id)


def test_a_claimed_message_is_nobody_elses_until_its_lease_ends(database, now):
    message = queued_notice(now)
    [mine] = claim(now)
    assert (mine.id, mine.fence, mine.tries) == (message.id, 1, 1)
    assert claim(now + LEASE - dt.timedelta(seconds=1)) == []
    [again] = claim(now + LEASE)
    # A crashed worker's attempt is repeated, not begun anew.
    assert (again.fence, again.tries) == (2, 2)
    assert (again.attempt_id, again.message_ref) == (mine.attempt_id, mine.message_ref)
    envelopes = [envelope_of(one, OFFICE, now) for one in (mine, again)]
    assert envelopes[0] == envelopes[1]
    assert read_return_path(envelopes[0].mail_from, now, OFFICE.keys).attempt_id == mine.attempt_id
    assert stored_counts() == real_counts()


def test_a_late_finisher_with_an_older_fence_changes_nothing(database, now):
    queued_notice(now)
    [late] = claim(now)
    [holder] = claim(now + LEASE)
    before = (stored(late.id), Attempt.get(), Event.select().count())
    assert finish([SendResult(late, now, reply())], now + LEASE) == 1
    assert (stored(late.id).__data__, Attempt.get().__data__) == (before[0].__data__, before[1].__data__)
    assert Event.select().count() == before[2]
    assert finish([SendResult(holder, now, reply())], now + LEASE) == 0
    assert stored(late.id).state == "sent"


def test_what_the_relay_accepted_is_sent_with_its_counts_and_events(database, now):
    queued_notices(7, now)
    claimed = claim(now)
    assert {row.state for row in Message.select()} == {"sending"} and stored_counts() == real_counts()
    finish([SendResult(one, now, reply()) for one in claimed], now)
    for message in Message.select():
        assert (message.state, message.due_at, message.sent_at) == ("sent", None, now)
        attempt = Attempt.get(Attempt.message == message)
        assert (attempt.state, attempt.reply_code, attempt.stage) == ("accepted", 250, "end_of_data")
        names = [event.name for event in Event.select().where(Event.subject_id == message.id).order_by(Event.id)]
        assert names == [EventName.NOTICE_EMAIL_QUEUED, EventName.NOTICE_EMAIL_SENT]
    assert stored_counts() == real_counts()


@pytest.mark.parametrize("outcome", [SendOutcome.TEMPORARY, SendOutcome.NOT_SENT, SendOutcome.UNKNOWN])
def test_what_did_not_go_is_repeated_as_the_same_attempt_with_growing_waits(database, now, outcome):
    queued_notice(now)
    moment, seen, waits = now, set(), []
    for _ in range(4):
        [one] = claim(moment)
        seen.add((one.attempt_id, one.message_ref))
        finish([SendResult(one, moment, reply(outcome, Stage.RCPT, 451, "4.2.0 later"))], moment)
        row = stored(one.id)
        assert row.state == "waiting_retry"
        waits.append(row.due_at - moment)
        moment = row.due_at
    assert len(seen) == 1 and waits == sorted(waits) and waits[0] == dt.timedelta(minutes=5)
    assert Attempt.get().tries == 4
    assert stored_counts() == real_counts()


def test_a_temporary_refusal_is_given_up_after_its_days_and_becomes_a_postcard(database, now):
    queued_notice(now)
    moment = now
    while claimed := claim(moment):
        finish([SendResult(claimed[0], moment, reply(SendOutcome.TEMPORARY, Stage.RCPT, 451, "4.2.0 later"))], moment)
        moment = stored(claimed[0].id).due_at or moment
    message = Message.get()
    assert (message.state, message.failure_class) == ("failed", "temporary")
    assert moment == now + POLICY.retry_for and Postcard.get().state == "queued"
    assert EmailAddress.get().state == "valid"


def test_a_relay_that_is_away_for_days_is_our_failure_and_makes_no_postcard(database, now):
    queued_notice(now)
    moment = now
    while claimed := claim(moment):
        finish([SendResult(claimed[0], moment, reply(SendOutcome.NOT_SENT, Stage.CONNECT, None, "refused"))], moment)
        moment = stored(claimed[0].id).due_at or moment
    assert (Message.get().state, Message.get().failure_class) == ("failed", "ours")
    assert not Postcard.select().exists() and WorkItem.open().get().kind == WorkItemKind.SEND_POSTCARD
    assert Alarm.open().where(Alarm.kind == AlarmKind.RELAY_DOWN).count() == 1


def test_the_alarm_of_a_relay_closes_when_one_answers_again(database, now):
    queued_notice(now)
    [one] = claim(now)
    finish([SendResult(one, now, reply(SendOutcome.NOT_SENT, Stage.CONNECT, None, "refused"))], now)
    assert [alarm.kind for alarm in Alarm.open()] == [AlarmKind.RELAY_DOWN]
    later = stored(one.id).due_at
    [one] = claim(later)
    finish([SendResult(one, later, reply())], later)
    assert not Alarm.open().exists()


def test_a_relays_own_refusal_is_ours_unless_it_verifies_recipients(database, now):
    first, second = queued_notice(now), queued_notice(now)
    words = "5.1.1 <k-sato@mail.example>: Recipient address rejected: User unknown"
    about = {first.id: False, second.id: True}
    finish(
        [SendResult(one, now, reply(SendOutcome.REFUSED, Stage.RCPT, 550, words, about[one.id])) for one in claim(now)],
        now,
    )
    first, second = stored(first.id), stored(second.id)
    assert (first.state, first.failure_class) == ("waiting_retry", "ours")
    assert (second.state, second.failure_class) == ("failed", "dead")
    assert EmailAddress.get_by_id(first.address_id).state != "invalid"
    assert EmailAddress.get_by_id(second.address_id).state == "invalid"
    assert Postcard.get().message_id == second.id
    later = first.due_at
    [again] = claim(later)
    assert (again.id, again.attempts, again.tries) == (first.id, 2, 1)


def test_an_address_that_died_meanwhile_is_not_mailed_and_its_notice_becomes_a_postcard(database, now):
    message = queued_notice(now)
    EmailAddress.update(state="invalid", reason="hostunknown").execute()
    assert claim(now) == []
    message = stored(message.id)
    assert (message.state, message.reason, message.due_at) == ("failed", "hostunknown", None)
    assert Postcard.get().cause == "hostunknown" and not Attempt.select().exists()


def test_a_message_that_cannot_be_written_holds_up_nobody(database, now):
    person = cast.technician(now)
    address = cast.email(person, "k-sato@mail.example", now)
    broken = new_message(MessageKind.ID_NOTICE, Role.BUSINESS, address, "ja", now, technician=person)
    fine = queued_notice(now)
    by_id = {one.id: envelope_of(one, OFFICE, now) for one in claim(now)}
    assert by_id[broken.id] == Verdict(Reason.CONTENTERROR, ReasonClass.OURS)
    assert isinstance(by_id[fine.id], Envelope)


def test_an_address_that_can_be_no_recipient_is_dead(database, now):
    queued_notice(now, "two words@mail.example")
    [one] = claim(now)
    fault = envelope_of(one, OFFICE, now)
    finish([SendResult(one, now, None, fault)], now)
    assert (Message.get().state, Postcard.get().cause) == ("failed", "notaccept")


def test_a_correction_makes_the_next_try_a_new_attempt(database, now):
    message = queued_notice(now)
    [one] = claim(now)
    finish([SendResult(one, now, reply(SendOutcome.TEMPORARY, Stage.RCPT, 451, "later"))], now)
    other = cast.email(message.technician, "new@other.example", now)
    Message.update(address=other).execute()
    [again] = claim(stored(one.id).due_at)
    assert again.recipient == "new@other.example" and again.attempts == 2 and again.message_ref != one.message_ref
    assert {attempt.n: attempt.state for attempt in Attempt.select()} == {1: "abandoned", 2: "pending"}


def test_a_stopped_kind_waits_and_loses_nothing(database, now):
    message = queued_notice(now)
    assert sending_switch.stop(MessageKind.ID_NOTICE, None, now) and not sending_switch.stop(
        MessageKind.ID_NOTICE, None, now
    )
    assert claim(now, stopped=sending_switch.stopped_kinds()) == []
    assert [alarm.subject for alarm in Alarm.open()] == ["id_notice"]
    assert sending_switch.start(MessageKind.ID_NOTICE, None, now) and not sending_switch.stopped_kinds()
    assert [one.id for one in claim(now, stopped=sending_switch.stopped_kinds())] == [message.id]
    assert not Alarm.open().exists()
    assert Event.select().where(Event.name == EventName.SWITCH_OPS_CHANGED).count() == 2


def test_who_waits_before_a_screen_goes_first(database, now):
    queued_notices(3, now)
    person = cast.technician(now)
    later = now + dt.timedelta(seconds=1)
    address = cast.email(person, "k@mail.example", later)
    urgent = new_message(MessageKind.SIGN_IN, Role.TECHNICIAN, address, "ja", later, technician=person)
    assert claim(later, limit=2)[0].id == urgent.id


def test_a_domain_over_its_pace_does_not_block_the_others(database, now):
    queued_notices(20, now, "slow.example")
    quick = queued_notices(5, now, "quick.example")
    pacer = Pacer(per_second=2, burst=5)
    taken = claim(now, limit=100, pacer=pacer)
    by_domain = {d: [one for one in taken if one.destination == d] for d in ("slow.example", "quick.example")}
    assert len(by_domain["slow.example"]) == 5
    assert {one.id for one in by_domain["quick.example"]} == {message.id for message in quick}
    # What was put off comes due two a second, each once.
    finish([SendResult(one, now, reply()) for one in taken], now)
    sent = []
    for second in range(1, 20):
        moment = now + dt.timedelta(seconds=second)
        taken = claim(moment, pacer=pacer)
        finish([SendResult(one, moment, reply()) for one in taken], moment)
        sent.append(len(taken))
    assert sum(sent) == 15 and max(sent) <= 3


def test_two_workers_never_hold_the_same_message(database, database_url, now):
    count = 120
    queued_notices(count, now)
    held, failures = [], []
    ready = threading.Barrier(4)

    def work():
        try:
            with db.connected():
                ready.wait()
                while taken := claim(now, limit=7):
                    held.extend(one.id for one in taken)
        except BaseException as error:  # shown by the assertion below, since a thread's error is lost otherwise
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    # On PostgreSQL a worker may see nothing while the last rows are locked by another, so that all are held once.
    held.extend(one.id for one in claim(now, limit=count))
    assert len(held) == len(set(held)) == count
    assert stored_counts() == real_counts()


OUTCOMES = [
    reply(),
    reply(SendOutcome.TEMPORARY, Stage.RCPT, 450, "4.2.1 later"),
    reply(SendOutcome.NOT_SENT, Stage.CONNECT, None, "connection refused"),
    reply(SendOutcome.UNKNOWN, Stage.END_OF_DATA, None, "connection lost"),
    reply(SendOutcome.REFUSED, Stage.RCPT, 550, "5.1.1 User unknown", True),
    reply(SendOutcome.REFUSED, Stage.END_OF_DATA, 554, "5.7.1 blocked"),
    reply(SendOutcome.TEMPORARY, Stage.RCPT, 450, "bytes that no database takes: \0\udcff"),
    None,
]


@examples(20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(history=st.lists(st.tuples(st.sampled_from(OUTCOMES), st.booleans(), st.integers(0, 30)), max_size=12))
def test_after_any_history_counters_fences_and_attempts_agree(sqlite_url, history):
    now = dt.datetime(2026, 11, 18, 1, tzinfo=dt.UTC)
    db.configure(sqlite_url)
    with db.connected():
        for model in (Postcard, WorkItem, Attempt, Message, Counter, EmailAddress):
            model.delete().execute()
        queued_notices(3, now)
        fences = dict.fromkeys([m.id for m in Message.select()], 0)
        late = []
        for said, crashes, hours in history:
            now += dt.timedelta(hours=hours)
            claimed = claim(now, limit=2)
            for one in claimed:
                assert one.fence > fences[one.id]
                fences[one.id] = one.fence
            fault = Verdict(Reason.CONTENTERROR, ReasonClass.OURS) if said is None else None
            results = [SendResult(one, now, said, fault) for one in claimed]
            if crashes:
                late.extend(results)
                now += LEASE
            else:
                finish(results, now)
            finish([r for r in late if r.message.fence < fences[r.message.id]], now)
            assert stored_counts() == real_counts()
            for message in Message.select():
                attempts = [a.n for a in Attempt.select().where(Attempt.message == message).order_by(Attempt.n)]
                assert attempts == list(range(1, message.attempts + 1))
                assert (message.due_at is not None) == (message.state in ("queued", "sending", "waiting_retry"))
                pending = Attempt.select().where((Attempt.message == message) & (Attempt.state == "pending")).count()
                assert pending <= 1
    db.database.close_all()


def test_message_ids_are_ascii_and_their_own(database, now):
    refs = {outbox.message_ref(n, DOMAIN) for n in itertools.chain(range(50), [2**63 - 1])}
    assert len(refs) == 51 and all(ref.isascii() and ref == ref.lower() for ref in refs)
