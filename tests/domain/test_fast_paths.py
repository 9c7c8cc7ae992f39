"""What is written for many rows at once is what the single functions of `messages` write for each."""

import datetime as dt

from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db import database as db
from db.models import Attempt, Counter, EmailAddress, Event, Message
from tests import cast
from tests.domain.mail.sending import DOMAIN, LEASE, POLICY, reply
from tests.examples import examples
from webapp.domain.core.counters import add, day_of
from webapp.domain.core.events import EventName
from webapp.domain.mail import outbox, outbox_results
from webapp.domain.mail.outbox_results import SendResult
from webapp.domain.notices.messages import (
    MessageKind,
    MessageState,
    MessageStep,
    Role,
    counter_deltas,
    move,
    note,
    presume,
)

NOW = dt.datetime(2026, 11, 18, 1, 2, 3, tzinfo=dt.UTC)
OWN = {Event: ("id",), Attempt: ("id", "message_ref")}  # made anew each time

messages = st.lists(
    st.tuples(
        st.sampled_from([MessageKind.ID_NOTICE, MessageKind.CARD_REMINDER, MessageKind.SIGN_IN]),
        st.sampled_from(list(Role)),
        st.sampled_from(["a.example", "b.example"]),
        st.integers(0, 100),  # hours since it was sent, or became due
    ),
    max_size=6,
)


class Undo(Exception):
    """Ends a transaction without a trace."""


def written() -> dict:
    """Everything that a path may have written, in an order that does not depend on it."""
    found = {}
    for model in (Message, Attempt, EmailAddress, Event, Counter):
        rows = [
            tuple((name, repr(value)) for name, value in row.items() if name not in OWN.get(model, ()))
            for row in model.select().dicts()
        ]
        found[model.__name__] = sorted(rows)
    return found


def outcome_of(path) -> dict:
    """What a path writes; it is undone, so that another one finds the same."""
    found = {}
    try:
        with db.transaction():
            path()
            found = written()
            raise Undo
    except Undo:
        return found


def make(drawn, state: MessageState) -> None:
    for model in (Attempt, Message, Event, Counter, EmailAddress):
        model.delete().execute()
    person = cast.technician(NOW)
    for n, (kind, role, domain, hours) in enumerate(drawn):
        at = NOW - dt.timedelta(hours=hours)
        owner = person if n == 0 else cast.technician(NOW)
        message = Message.create(
            kind=kind, role=role, technician=owner, registration=cast.registration(owner, NOW),
            address=cast.email(owner, f"p{n}@{domain}", NOW), language="ja", destination=domain, state=state,
            queued_at=at,
        )  # fmt: skip
        if state == MessageState.QUEUED:
            message.due_at = at
        else:
            message.first_attempt_at = message.sent_at = at
            message.cohort_day, message.attempts = day_of(at), 1
        message.save()
        add(counter_deltas(message, 1))


@examples(20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=messages)
def test_many_are_presumed_as_each_would_be(sqlite_url, drawn):
    def one_by_one():
        for message in Message.select():
            if message.sent_at <= NOW - POLICY.presumed_after:
                move(message, MessageStep.PRESUME, reason="presumed", settled_at=NOW)
                note(EventName.NOTICE_EMAIL_PRESUMED, message, NOW)

    db.configure(sqlite_url)
    with db.connected():
        make(drawn, MessageState.SENT)
        expected = sum(hours >= 72 for *_, hours in drawn)
        assert outcome_of(lambda: presume(POLICY, NOW)) == outcome_of(one_by_one)
        assert presume(POLICY, NOW, limit=100) == expected
    db.database.close_all()


@examples(20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=messages)
def test_many_are_claimed_and_accepted_as_each_would_be(sqlite_url, drawn):
    said = reply()

    def together():
        claimed = outbox.claim(NOW, LEASE, POLICY, DOMAIN).messages
        assert len(claimed) == len(drawn)
        outbox_results.finish([SendResult(one, NOW, said) for one in claimed], POLICY, NOW)

    def one_by_one():
        for message in Message.select():
            move(message, MessageStep.CLAIM, due_at=NOW + LEASE, first_attempt_at=NOW, cohort_day=day_of(NOW))
            message.fence, message.attempts = 1, 1
            message.save()
            Attempt.create(
                message=message, n=1, address=message.address_id, message_ref=f"{message.id}@{DOMAIN}",
                state="accepted", tries=1, started_at=NOW, replied_at=NOW, relay=said.relay, stage=said.stage,
                reply_code=said.code, reply_status=said.enhanced, reply_text=said.text,
            )  # fmt: skip
            move(message, MessageStep.ACCEPT, sent_at=NOW, reason=None, failure_class=None)
            note(EventName.NOTICE_EMAIL_SENT, message, NOW, {"attempt": 1, "relay": said.relay})

    def without_zeros(found: dict) -> dict:
        # A counter that went up and down again in one statement was never written.
        counters = [row for row in found["Counter"] if ("n", "0") not in row]
        return found | {"Counter": counters}

    db.configure(sqlite_url)
    with db.connected():
        make(drawn, MessageState.QUEUED)
        assert without_zeros(outcome_of(together)) == without_zeros(outcome_of(one_by_one))
    db.database.close_all()
