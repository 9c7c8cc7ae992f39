"""A returned mail: only a valid token acts, on its own attempt, as strongly as it says, and once."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db import database as db
from db.models import (
    Alarm,
    Attempt,
    EmailAddress,
    Event,
    Message,
    Postcard,
    ReturnedMail,
    ReturnedMailSource,
    WorkItem,
)
from tests.domain.mail.sending import DOMAIN, KEYS, LEASE, POLICY, RETURN_DOMAIN, queued_notice, reply
from tests.domain.notices.test_messages import real_counts, stored_counts
from tests.examples import examples
from webapp.domain.bounce import Reason
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.mail import inbound, outbox, outbox_results, restore
from webapp.domain.mail.inbound import InboundSettings, ReturnedState, TokenState
from webapp.domain.mail.outbox_results import SendResult
from webapp.domain.mail.return_path import ReturnPathKeys, make_return_path
from webapp.domain.mail.smtp_client import SendOutcome, Stage
from webapp.domain.maintenance import retention
from webapp.domain.monitoring import rules

DESK = InboundSettings(KEYS, POLICY, 100_000, 5)


def report(
    action="failed", final="k-sato@mail.example", original="", status="5.1.1", says="550 5.1.1 User unknown", note=""
) -> bytes:
    """A report as RFC 3464 describes it."""
    fields = [f"Original-Recipient: rfc822;{original}"] if original else []
    fields += [f"Final-Recipient: rfc822;{final}", f"Action: {action}", f"Status: {status}"]
    fields += [f"Diagnostic-Code: smtp; {says}"] if says else []
    lines = [
        "From: MAILER-DAEMON@relay.example",
        "Subject: Delivery Status Notification",
        "MIME-Version: 1.0",
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"',
        *("", "--b", "Content-Type: text/plain", "", f"This is the mail system. {note}", "", "--b"),
        *(
            "Content-Type: message/delivery-status",
            "",
            "Reporting-MTA: dns; relay.example",
            "",
            *fields,
            "",
            "--b--",
            "",
        ),
    ]
    return "\r\n".join(lines).encode("utf-8", "replace")


@pytest.fixture
def sent(database, now):
    """A notice that the relay has accepted, and the return path of its attempt."""
    return send(queued_notice(now), now)


def send(message: Message, now, said=None) -> tuple[Message, str]:
    [one] = outbox.claim(now, LEASE, POLICY, DOMAIN).messages
    assert one.id == message.id
    outbox_results.finish([SendResult(one, now, said or reply())], POLICY, now)
    return Message.get_by_id(message.id), path_of(one.attempt_id, now)


def path_of(attempt_id: int, now) -> str:
    return make_return_path(attempt_id, now, KEYS, RETURN_DOMAIN)


def take(path: str, data: bytes, now, desk=DESK):
    taken = inbound.take(path, data, "lmtp", now, desk)
    assert stored_counts() == real_counts()
    return taken


def reloaded(message: Message) -> Message:
    return Message.get_by_id(message.id)


def test_a_dead_address_becomes_a_postcard_in_the_same_transaction(sent, now):
    message, path = sent
    assert take(path.upper(), report(), now).state == ReturnedState.APPLIED
    message = reloaded(message)
    assert (message.state, message.reason, message.failure_class) == ("failed", "userunknown", "dead")
    assert message.address.state == "invalid" and Postcard.get().cause == "userunknown"
    row = ReturnedMail.get()
    assert (row.token_state, row.hard, row.attempt.message_id) == (TokenState.VALID, True, message.id)
    assert bytes(ReturnedMailSource.get().content) == report()
    assert row.judgement["failures"][0]["recipient"] == "k-sato@mail.example"
    assert all(len(step) == 2 for step in row.judgement["steps"]) and row.judgement["steps"]


def test_the_same_mail_again_is_one(sent, now):
    _, path = sent
    first, second = take(path, report(), now), take(path.upper(), report(), now)
    assert (second.id, second.again) == (first.id, True)
    assert ReturnedMail.select().count() == Postcard.select().count() == 1


@pytest.mark.parametrize(
    ("path", "state"),
    [
        ("", TokenState.NOT_A_RETURN_PATH),
        (f"info@{RETURN_DOMAIN}", TokenState.NOT_A_RETURN_PATH),
        ("forged", TokenState.FORGED),
        ("unknown", TokenState.UNKNOWN_KEY),
        ("other attempt", TokenState.UNKNOWN_ATTEMPT),
    ],
)
def test_without_a_valid_token_nothing_happens(sent, now, path, state):
    message, genuine = sent
    attempt = Attempt.get()
    forged = {
        "forged": ReturnPathKeys.from_pairs([("a", "x" * 40)]),
        "unknown": ReturnPathKeys.from_pairs([("b", "k" * 40)]),
    }
    if path in forged:
        path = make_return_path(attempt.id, now, forged[path], RETURN_DOMAIN)
    elif path == "other attempt":
        path = path_of(12345, now)
    assert take(path, report(), now).state == ReturnedState.UNMATCHED
    assert ReturnedMail.get().token_state == state
    assert reloaded(message).state == "sent" and not Postcard.select().exists()
    assert genuine


def test_after_thirty_days_it_is_evidence_only(sent, now):
    message, path = sent
    assert take(path, report(), now + dt.timedelta(days=31)).state == ReturnedState.EVIDENCE
    assert reloaded(message).state == "sent"
    assert Event.select().where(Event.name == EventName.RETURNED_MAIL_LMTP_EVIDENCE).count() == 1


def test_a_full_mailbox_is_tried_again_with_a_new_attempt(sent, now):
    message, path = sent
    take(path, report(status="5.2.2", says="552 5.2.2 Mailbox full"), now)
    message = reloaded(message)
    assert (message.state, message.failure_class) == ("waiting_retry", "refused")
    assert message.address.state == "valid"
    message, second = send(message, message.due_at)
    assert message.state == "sent" and second != path and message.attempts == 2


def test_an_older_attempt_does_not_change_the_notice_but_its_address_is_dead(sent, now):
    message, path = sent
    take(path, report(status="5.2.2", says="552 5.2.2 Mailbox full"), now)
    message, _ = send(reloaded(message), reloaded(message).due_at)
    take(path, report(), now)
    assert reloaded(message).state == "sent"
    assert EmailAddress.get().state == "invalid"


def test_an_attempt_with_a_verdict_takes_only_a_stronger_one(sent, now):
    message, path = sent
    take(path, report(status="5.2.2", says="552 5.2.2 Mailbox full"), now)
    due = reloaded(message).due_at
    assert take(path, report(status="4.4.7", says="451 4.4.1 timed out"), now).state == ReturnedState.EVIDENCE
    assert reloaded(message).due_at == due
    assert take(path, report(), now).state == ReturnedState.APPLIED
    assert reloaded(message).state == "failed" and Postcard.select().count() == 1
    assert take(path, report(status="5.2.2", says="552 Mailbox full again"), now).state == ReturnedState.EVIDENCE
    assert reloaded(message).reason == "userunknown"


def test_a_report_on_another_recipient_is_for_a_person(sent, now):
    message, path = sent
    data = report(final="old@private.example", original="k-sato@mail.example")
    assert take(path, data, now).state == ReturnedState.CONFLICT
    assert reloaded(message).state == "sent" and EmailAddress.get().state == "valid"
    item = WorkItem.open().get()
    assert (item.kind, item.subject_id) == (WorkItemKind.CONFLICTING_REPORT, ReturnedMail.get().id)


@pytest.mark.parametrize(
    ("mailed", "reported"),
    [
        ("K-Sato@Mail.example", "k-sato@mail.EXAMPLE"),
        ("a..b@docomo.ne.jp", '"a..b"@docomo.ne.jp'),
        ("sato@日本.example", "sato@xn--wgv71a.example"),
    ],
)
def test_spellings_of_one_address_are_the_same(sqlite, now, mailed, reported):
    _, path = send(queued_notice(now, mailed), now)
    assert take(path, report(final=reported), now).state == ReturnedState.APPLIED


def test_only_delivered_confirms(sent, now):
    message, path = sent
    for action in ("relayed", "expanded"):
        assert take(path, report(action, status="2.0.0", says=""), now).state == ReturnedState.EVIDENCE
        assert reloaded(message).state == "sent"
    assert take(path, report("delivered", status="2.0.0", says=""), now).state == ReturnedState.APPLIED
    message = reloaded(message)
    assert (message.state, message.reason) == ("delivered", "confirmed")
    # A late failure still wins.
    assert take(path, report(), now).state == ReturnedState.APPLIED
    assert reloaded(message).state == "failed"


@pytest.mark.parametrize(
    "data",
    [
        report("delayed", status="4.4.7", says="451 4.4.1 timed out"),
        b"From: sato@mail.example\r\nAuto-Submitted: auto-replied\r\nSubject: Out of office\r\n\r\nI am away.\r\n",
        b"Subject: hello\r\n\r\nWho are you?\r\n",
    ],
)
def test_what_is_no_failure_is_evidence(sent, now, data):
    message, path = sent
    assert take(path, data, now).state == ReturnedState.EVIDENCE
    assert reloaded(message).state == "sent"
    event = Event.get(Event.name == EventName.RETURNED_MAIL_LMTP_EVIDENCE)
    assert event.registration_id == message.registration_id


@pytest.mark.parametrize("data", [report(), report("delivered", status="2.0.0", says="")])
def test_a_mail_that_is_back_before_the_acceptance_is_committed(database, now, data):
    message = queued_notice(now)
    [one] = outbox.claim(now, LEASE, POLICY, DOMAIN).messages
    assert take(path_of(one.attempt_id, now), data, now).state == ReturnedState.APPLIED
    state = reloaded(message).state
    outbox_results.finish([SendResult(one, now, reply())], POLICY, now)
    assert reloaded(message).state == state in ("failed", "delivered")
    attempt = Attempt.get()
    assert (attempt.state, attempt.reply_code) == ("accepted", 250)
    assert stored_counts() == real_counts()


def test_an_unknown_outcome_that_came_back_is_not_repeated_as_the_same_attempt(database, now):
    message, path = send(queued_notice(now), now, reply(SendOutcome.UNKNOWN, Stage.END_OF_DATA, None, "lost"))
    assert message.state == "waiting_retry"
    take(path, report(status="5.2.2", says="552 5.2.2 Mailbox full"), now)
    [again] = outbox.claim(reloaded(message).due_at, LEASE, POLICY, DOMAIN).messages
    assert again.attempts == 2


def test_what_comes_back_of_a_held_message_shows_that_it_was_sent(sent, now):
    message, path = sent
    Message.update(state="queued", due_at=now).execute()
    restore.recover(now, "by_hand")
    inbound.take(path, report(), "lmtp", now, DESK)
    assert reloaded(message).state == "failed" and Postcard.select().count() == 1


def test_our_failure_that_turns_out_dead_becomes_a_postcard(sent, now):
    message, path = sent
    later = now + dt.timedelta(days=6)
    take(path, report(status="5.7.1", says="550 5.7.1 Blocked: your IP is listed"), later)
    assert (reloaded(message).state, reloaded(message).failure_class) == ("failed", "ours")
    take(path, report(), later)
    assert (reloaded(message).failure_class, Postcard.get().cause) == ("dead", "userunknown")


def test_unmatched_mail_is_bounded_and_goes_after_thirty_days(sqlite, now, tmp_path):
    for n in range(7):
        taken = inbound.take("nobody@else.example", report(note=str(n)), "lmtp", now, DESK)
        assert taken.state == (ReturnedState.UNMATCHED if n < 5 else ReturnedState.DROPPED)
    assert ReturnedMail.select().count() == 5
    assert [alarm.kind for alarm in Alarm.open()] == [AlarmKind.UNMATCHED_MAIL]

    class Settings:
        keep_unmatched_days, state_dir = 30, tmp_path

    def a_round(at):
        retention.apply("unmatched_mail", Settings, at)
        rules.close_quiet(at, 5)

    a_round(now + dt.timedelta(days=29))
    assert ReturnedMail.select().count() == 5 and Alarm.open().exists()
    a_round(now + dt.timedelta(days=30))
    assert not ReturnedMail.select().exists() and not ReturnedMailSource.select().exists()
    assert not Alarm.open().exists()


def test_a_mail_is_cut_at_its_bound(sent, now):
    _, path = sent
    take(path, report() + b"x" * 200_000, now)
    assert ReturnedMail.get().size == DESK.most_bytes == len(bytes(ReturnedMailSource.get().content))


anything = st.one_of(
    st.binary(max_size=2000),
    st.builds(
        report,
        action=st.sampled_from(["failed", "delivered", "delayed", "relayed", ""]),
        final=st.one_of(st.just("k-sato@mail.example"), st.text(max_size=40)),
        status=st.text(max_size=8),
        says=st.text(max_size=200),
    ),
)


@examples(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=anything, recipient=st.one_of(st.none(), st.text(max_size=80)))
def test_any_bytes_for_any_recipient_end_in_one_whole_row(sqlite_url, data, recipient):
    now = dt.datetime(2026, 11, 18, 1, tzinfo=dt.UTC)
    db.configure(sqlite_url)
    with db.connected():
        for model in (Postcard, WorkItem, ReturnedMailSource, ReturnedMail, Attempt, Message, EmailAddress):
            model.delete().execute()
        db.database.execute_sql("DELETE FROM counter")
        message, path = send(queued_notice(now), now)
        taken = take(path if recipient is None else recipient, data, now)
        row = ReturnedMail.get()
        assert row.id == taken.id and bytes(ReturnedMailSource.get().content) == data
        assert row.state in set(ReturnedState) and row.reason in {None, *Reason}
        if recipient is not None:
            assert reloaded(message).state == "sent"
        elif row.state != ReturnedState.APPLIED:
            assert reloaded(message).state == "sent" and not Postcard.select().exists()
    db.database.close_all()


def test_of_mails_taken_together_one_that_fails_undoes_none_of_the_others(database, now, monkeypatch):
    sent = [send(queued_notice(now, f"p{n}@mail.example"), now) for n in range(3)]
    mails = [(path, report(final=f"p{n}@mail.example")) for n, (_, path) in enumerate(sent)]
    invalidate = inbound.messages.invalidate

    def fails(address, *rest):
        if address.value == "p1@mail.example":
            raise RuntimeError("as told")
        invalidate(address, *rest)

    monkeypatch.setattr(inbound.messages, "invalidate", fails)
    first, second, third = inbound.take_all(mails, "lmtp", now, DESK)
    assert (first.state, third.state) == (ReturnedState.APPLIED, ReturnedState.APPLIED)
    assert isinstance(second, RuntimeError)
    assert [reloaded(message).state for message, _ in sent] == ["failed", "sent", "failed"]
    assert ReturnedMail.select().count() == Postcard.select().count() == 2
    assert stored_counts() == real_counts()
    monkeypatch.undo()
    again = inbound.take_all(mails, "lmtp", now, DESK)
    assert [taken.again for taken in again] == [True, False, True] and Postcard.select().count() == 3
