"""What follows from a failed notice, by class and role; and that counters always equal the messages."""

import datetime as dt
from collections import Counter as Tally

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db import database as db
from db.models import Alarm, Attempt, Counter, EmailAddress, Event, Message, Postcard, WorkItem
from tests import cast
from tests.examples import examples
from webapp.domain.bounce.model import REASON_CLASS, Reason, ReasonClass
from webapp.domain.core import counters
from webapp.domain.core.counters import Figure
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.notices import messages
from webapp.domain.notices.messages import STEPS, MessageState, MessageStep, Policy, Role, Verdict

POLICY = Policy(
    postcard_classes=frozenset({ReasonClass.DEAD, ReasonClass.REFUSED, ReasonClass.TEMPORARY}),
    retry_for=dt.timedelta(days=3),
    ours_for=dt.timedelta(days=5),
    presumed_after=dt.timedelta(hours=72),
    same_address_limit=3,
)


def verdict(reason: Reason) -> Verdict:
    return Verdict(reason, REASON_CLASS[reason])


@pytest.fixture
def notice(database, now):
    person = cast.technician(now)
    return cast.sent_notice(cast.registration(person, now), cast.email(person, "k-sato@mail.example", now), now)


def fail(message, attempt, reason, now, policy=POLICY):
    with db.transaction():
        messages.fail(message, attempt, verdict(reason), policy, now)


def next_attempt(message, now):
    """What a worker does: claim, send, be accepted."""
    with db.transaction():
        messages.move(message, MessageStep.CLAIM, due_at=now)
        message.attempts += 1
        message.save(only=[Message.attempts])
        attempt = Attempt.create(
            message=message,
            n=message.attempts,
            address=message.address_id,
            message_ref=f"{message.id}-{message.attempts}",
            state="accepted",
            started_at=now,
        )
        messages.move(message, MessageStep.ACCEPT, sent_at=now)
    return attempt


def test_a_dead_address_is_marked_and_a_postcard_queued_in_the_same_transaction(notice, now):
    message, attempt = notice
    fail(message, attempt, Reason.USERUNKNOWN, now)
    address = EmailAddress.get_by_id(attempt.address_id)
    postcard = Postcard.get(Postcard.registration == message.registration)
    assert (address.state, address.reason) == ("invalid", "userunknown")
    assert (postcard.state, postcard.cause) == ("queued", "userunknown")
    assert (message.state, message.failure_class) == ("failed", "dead")
    names = {event.name for event in Event.select().where(Event.registration_id == message.registration_id)}
    assert {EventName.NOTICE_BOUNCE_FAILED, EventName.POSTCARD_FALLBACK_QUEUED} <= names


@pytest.mark.parametrize("reason", [r for r in Reason if REASON_CLASS[r] in ("refused", "temporary")])
def test_refused_and_temporary_are_tried_over_three_days_and_then_become_a_postcard(sqlite, now, reason):
    person = cast.technician(now)
    message, attempt = cast.sent_notice(
        cast.registration(person, now), cast.email(person, "k-sato@mail.example", now), now
    )
    moment, tries = now, 1
    fail(message, attempt, reason, moment)
    while message.state == MessageState.WAITING_RETRY:
        assert moment < message.due_at <= now + POLICY.retry_for
        assert not Postcard.select().exists()
        moment, tries = message.due_at, tries + 1
        fail(message, next_attempt(message, moment), reason, moment)
    assert tries >= 4
    assert message.state == MessageState.FAILED
    assert Postcard.get().cause == reason
    assert EmailAddress.get_by_id(attempt.address_id).state == "valid"


@pytest.mark.parametrize("reason", [r for r in Reason if REASON_CLASS[r] == "ours"])
def test_our_own_failures_never_mark_the_address_and_end_in_a_question_to_ops(sqlite, now, reason):
    person = cast.technician(now)
    message, attempt = cast.sent_notice(
        cast.registration(person, now), cast.email(person, "k-sato@mail.example", now), now
    )
    moment = now
    fail(message, attempt, reason, moment)
    while message.state == MessageState.WAITING_RETRY:
        moment = message.due_at
        fail(message, next_attempt(message, moment), reason, moment)
    assert moment > now + dt.timedelta(days=4)
    assert Alarm.open().get().subject == "mail.example"
    assert WorkItem.open().get().kind == WorkItemKind.SEND_POSTCARD
    assert not Postcard.select().exists()
    assert EmailAddress.get_by_id(attempt.address_id).state == "valid"


@pytest.mark.parametrize("role", [Role.BUSINESS, Role.PROXY])
def test_a_business_gets_no_postcard_but_becomes_work(database, now, role):
    person, employer = cast.technician(now), cast.business(now)
    message, attempt = cast.sent_notice(
        cast.registration(person, now), cast.email(employer, "info@corp.example", now), now, role, business=employer
    )
    fail(message, attempt, Reason.USERUNKNOWN, now)
    assert not Postcard.select().exists()
    item = WorkItem.open().get()
    assert (item.kind, item.subject_id) == (WorkItemKind.BUSINESS_ADDRESS, employer.id)


def test_a_registration_gets_one_postcard_however_often_its_notice_fails(notice, now):
    message, attempt = notice
    fail(message, attempt, Reason.USERUNKNOWN, now)
    messages.requeue(message, EmailAddress.get_by_id(attempt.address_id), now, None)
    fail(message, next_attempt(message, now), Reason.USERUNKNOWN, now)
    assert Postcard.select().count() == 1


def test_a_late_returned_mail_still_wins_over_a_presumed_delivery(notice, now):
    message, attempt = notice
    later = now + dt.timedelta(hours=73)
    assert messages.presume(POLICY, later) == 1
    message = Message.get_by_id(message.id)
    assert (message.state, message.reason) == ("delivered", "presumed")
    fail(message, attempt, Reason.USERUNKNOWN, later)
    assert Postcard.select().count() == 1
    assert Event.select().where(Event.name == EventName.NOTICE_BOUNCE_LATE).count() == 1


def test_other_people_on_a_dead_address_become_suspect_but_fall_on_their_own_failure(notice, now):
    _, attempt = notice
    other = cast.email(cast.technician(now), "K-Sato@mail.example", now)
    fail(*notice, Reason.USERUNKNOWN, now)
    other = EmailAddress.get_by_id(other.id)
    assert other.state == "suspect"
    assert EmailAddress.get_by_id(attempt.address_id).state == "invalid"


def test_many_people_on_one_dead_address_hold_their_postcards_until_somebody_looks(database, now):
    for n in range(POLICY.same_address_limit + 2):
        person = cast.technician(now)
        application = cast.registration(person, now)
        fail(*cast.sent_notice(application, cast.email(person, "all@corp.example", now), now), Reason.USERUNKNOWN, now)
        states = {postcard.state for postcard in Postcard.select()}
        assert states == ({"queued"} if n < POLICY.same_address_limit else {"on_hold"})
    assert [item.kind for item in WorkItem.open()] == [WorkItemKind.SAME_ADDRESS]


def test_without_a_postal_address_the_postcard_waits_and_says_what_it_needs(database, now):
    person = cast.technician(now, postal_code="", address="")
    application = cast.registration(person, now)
    fail(*cast.sent_notice(application, cast.email(person, "a@mail.example", now), now), Reason.USERUNKNOWN, now)
    assert (Postcard.get().state, Postcard.get().hold_reason) == ("on_hold", "no_usable_address")
    assert WorkItem.open().get().kind == WorkItemKind.POSTCARD_ON_HOLD


@pytest.mark.parametrize("state", list(MessageState))
@pytest.mark.parametrize("step", list(MessageStep))
def test_a_step_that_is_not_in_the_table_raises_and_changes_nothing(sqlite, now, state, step):
    person = cast.technician(now)
    message, _ = cast.sent_notice(
        cast.registration(person, now), cast.email(person, "a@mail.example", now), now, state=state
    )
    if (state, step) in STEPS:
        messages.move(message, step)
        assert Message.get_by_id(message.id).state == STEPS[state, step]
    else:
        with pytest.raises(StepNotAllowed):
            messages.move(message, step)
        assert Message.get_by_id(message.id).state == state


def test_who_comes_second_is_refused(notice, now):
    message, _ = notice
    stale = Message.get_by_id(message.id)
    messages.move(message, MessageStep.PRESUME)
    stale.state = MessageState.SENT
    with pytest.raises(StepNotAllowed):
        messages.move(stale, MessageStep.PRESUME)


def stored_counts() -> Tally:
    found = Tally()
    for row in Counter.select().where(Counter.figure == Figure.NOTICES):
        found[row.day.isoformat(), row.a, row.b, row.c] += row.n
    return Tally({key: n for key, n in found.items() if n})


def real_counts() -> Tally:
    return Tally(
        (m.cohort_day.isoformat(), f"{m.kind}/{m.role}", m.state, messages.outcome(m))
        for m in Message.select().where(Message.cohort_day.is_null(False))
    )


# The database is emptied by the test itself.
@examples(25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(st.tuples(st.sampled_from(list(Reason)), st.integers(0, 6)), max_size=8))
def test_counters_equal_the_messages_after_any_history(sqlite_url, steps):
    now = dt.datetime(2026, 11, 18, 1, tzinfo=dt.UTC)
    db.configure(sqlite_url)
    with db.connected():
        for model in (Postcard, WorkItem, Attempt, Message, Counter):
            model.delete().execute()
        person = cast.technician(now)
        application = cast.registration(person, now)
        message, attempt = cast.sent_notice(application, cast.email(person, f"{message_name()}@m.example", now), now)
        with db.transaction():
            counters.add(messages.counter_deltas(message, 1))
        for reason, days in steps:
            now += dt.timedelta(days=days)
            messages.presume(POLICY, now)
            message = Message.get_by_id(message.id)
            if message.state in (MessageState.SENT, MessageState.DELIVERED):
                fail(message, attempt, reason, now)
            elif message.state == MessageState.WAITING_RETRY and message.due_at <= now:
                attempt = next_attempt(message, now)
            assert stored_counts() == real_counts()
    db.database.close_all()


def message_name() -> str:
    return f"p{next(cast._numbers)}"
