"""A replay opens what the live rule would have opened: both are driven over the same invented past and compared."""

import datetime as dt
from dataclasses import dataclass

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st

from db.database import transaction
from db.ids import new_id
from db.models import Alarm, Attempt, Counter, EmailAddress, Event, Message, Postcard, Registration, ReturnedMail
from tests import cast
from tests.domain.monitoring.test_rules import Settings
from tests.web.ops import story
from webapp.domain.core import counters
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.counters import Figure
from webapp.domain.core.events import EventName, record
from webapp.domain.monitoring import replay, rules

BEGIN = dt.datetime(2026, 11, 18, 0, 0, tzinfo=dt.UTC)
MINUTE, HOUR = dt.timedelta(minutes=1), dt.timedelta(hours=1)
MIDNIGHT = 15  # of Japan, in hours from BEGIN
SETTINGS = Settings(alarm_window=8, alarm_least=3, alarm_bounce_percent=40, alarm_destination_percent=60)
on_one_database = settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink],
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass(frozen=True)
class Mail:
    """An attempt at a minute, and at which minute it came back (None: never), hard or not, or both one after other."""

    minute: int
    domain: str
    after: int | None
    hard: bool
    harder_after: int | None


mails = st.lists(
    st.builds(
        Mail,
        st.integers(0, 30),
        st.sampled_from(["a.example", "b.example"]),
        st.none() | st.integers(0, 20),
        st.booleans(),
        st.none() | st.integers(1, 20),
    ),
    max_size=30,
).map(lambda rows: sorted(rows, key=lambda row: row.minute))


def look(at: dt.datetime, *kinds: AlarmKind, chosen=SETTINGS) -> None:
    for kind in kinds:
        rules.look(rules.rule_of(kind), at, chosen)


def lived(kind: AlarmKind) -> list[tuple]:
    """What the worker has opened and closed."""
    rows = Alarm.select().where(Alarm.kind == kind).order_by(Alarm.opened_at, Alarm.subject)
    return [(row.subject, row.opened_at, row.closed_at) for row in rows]


def replayed(kind: AlarmKind, until: dt.datetime, chosen=SETTINGS) -> list[tuple]:
    rule = rules.rule_of(kind)
    bounds = rule.bounds(chosen)
    found = replay.episodes(rule.past(BEGIN - HOUR, until, bounds), bounds)
    return sorted(((one.subject, one.began, one.ended) for one in found), key=lambda one: (one[1], one[0]))


def clear(*models) -> None:
    for model in models:
        model.delete().execute()


@on_one_database
@given(mails)
def test_failures_among_attempts_open_the_same_episodes(sqlite, mails):
    clear(Alarm, Event, ReturnedMail, Attempt, Message, Postcard, Registration, EmailAddress)
    person = cast.technician(BEGIN)
    address, application = cast.email(person, "x@a.example", BEGIN), cast.registration(person, BEGIN)
    until = BEGIN + 60 * MINUTE
    sent, back = {}, {}
    for number, mail in enumerate(mails):
        sent.setdefault(mail.minute, []).append((number, mail))
        if mail.after is not None:
            first = mail.minute + mail.after
            back.setdefault(first, []).append((number, mail.hard))
            if not mail.hard and mail.harder_after is not None:
                back.setdefault(first + mail.harder_after, []).append((number, True))
    attempts = {}
    for minute in range(61):
        at = BEGIN + minute * MINUTE
        for number, mail in sent.get(minute, []):
            message, attempts[number] = cast.sent_notice(application, address, at)
            Message.update(destination=mail.domain).where(Message.id == message.id).execute()
        for number, hard in back.get(minute, []):
            attempt = Attempt.get_by_id(attempts[number].id)
            reason = "userunknown" if hard else "mailboxfull"
            Attempt.update(reason=reason, hard=hard).where(Attempt.id == attempt.id).execute()
            came_back(attempt, at, reason, hard)
        look(at, AlarmKind.BOUNCE_RATE, AlarmKind.DESTINATION_FAILING)
    for kind in (AlarmKind.BOUNCE_RATE, AlarmKind.DESTINATION_FAILING):
        assert replayed(kind, until) == lived(kind)


def came_back(attempt: Attempt, at: dt.datetime, reason: str, hard: bool) -> None:
    values = {"source": "lmtp", "size": 1, "recipient": "", "kind": "bounce", "token_state": "valid", "judgement": {}}
    ReturnedMail.create(
        received_at=at, digest=str(new_id()), state="applied", attempt=attempt, reason=reason, hard=hard, **values
    )


@on_one_database
@given(st.lists(st.tuples(st.integers(0, 200), st.none() | st.integers(0, 200)), max_size=8))
def test_waits_for_a_first_attempt_open_the_same_episodes(sqlite, waits):
    clear(Alarm, Event, ReturnedMail, Attempt, Message, Postcard, Registration, EmailAddress)
    person = cast.technician(BEGIN)
    address, application = cast.email(person, "x@a.example", BEGIN), cast.registration(person, BEGIN)
    chosen, ids = Settings(alarm_queue_minutes=30), {}
    for minute in range(0, 300):
        at = BEGIN + minute * MINUTE
        for number, (queued, wait) in enumerate(waits):
            if queued == minute:
                message, attempt = cast.sent_notice(application, address, at)
                Attempt.delete().where(Attempt.id == attempt.id).execute()
                changes = {"state": "queued", "due_at": at, "queued_at": at, "first_attempt_at": None}
                Message.update(**changes).where(Message.id == message.id).execute()
                ids[number] = message.id
            if wait is not None and queued + wait == minute:
                changes = {"state": "sent", "due_at": None, "first_attempt_at": at}
                Message.update(**changes).where(Message.id == ids[number]).execute()
        if any(minute in (q, q + 30, q + (w or 0)) for q, w in waits):
            look(at, AlarmKind.QUEUE_AGE, chosen=chosen)
    until = BEGIN + 299 * MINUTE
    assert replayed(AlarmKind.QUEUE_AGE, until, chosen) == lived(AlarmKind.QUEUE_AGE)


# hour, postcard, step; a postcard that is handed in is never queued again without a reprint
steps = st.lists(
    st.tuples(st.integers(0, 24 * 12), st.integers(1, 3), st.sampled_from(["hold", "release", "mail", "reprint"])),
    max_size=14,
).map(sorted)
NAMES = {
    "hold": (EventName.POSTCARD_FALLBACK_HELD, "on_hold"),
    "release": (EventName.POSTCARD_OPS_RELEASED, "queued"),
    "mail": (EventName.POSTCARD_OPS_MAILED, "mailed"),
    "reprint": (EventName.POSTCARD_OPS_REPRINTED, "queued"),
}


@on_one_database
@given(steps)
@example([(0, 1, "hold"), (0, 2, "hold"), (1, 3, "reprint")])  # printed anew while it waits
def test_postcards_that_wait_open_the_same_episodes(sqlite, steps):
    clear(Alarm, Event, ReturnedMail, Attempt, Message, Postcard, Registration, EmailAddress)
    application, kind = cast.registration(cast.technician(BEGIN), BEGIN), AlarmKind.POSTCARDS_NOT_MAILED
    cards = {}
    for n in (1, 2, 3):
        cards[n] = Postcard.create(
            registration=application, technician=application.technician, n=n, state="queued", cause="userunknown",
            queued_at=BEGIN, changed_at=BEGIN,
        )  # fmt: skip
        note(EventName.POSTCARD_FALLBACK_QUEUED, BEGIN, cards[n])
    for hour in range(24 * 12):
        at = BEGIN + hour * HOUR
        for _, n, step in (one for one in steps if one[0] == hour):
            name, state = NAMES[step]
            changes = {"state": state} | ({"queued_at": at} if step == "reprint" else {})
            Postcard.update(**changes).where(Postcard.id == cards[n].id).execute()
            note(name, at, cards[n])
        if hour % 24 == MIDNIGHT or hour in {one[0] for one in steps}:
            look(at, kind)
    until = BEGIN + (24 * 12 - 1) * HOUR
    assert replayed(kind, until) == lived(kind)


def note(name: EventName, at: dt.datetime, card: Postcard) -> None:
    with transaction():
        record(name, at, subject_id=card.id, data={"cause": card.cause})


@on_one_database
@given(
    st.lists(st.tuples(st.integers(0, 24 * 10), st.sampled_from(["delivered", "returned"])), max_size=40).map(sorted)
)
def test_cards_that_come_back_open_the_same_episodes(sqlite, ends):
    clear(Alarm, Event, Counter)
    kind = AlarmKind.CARD_RETURN_RATE
    chosen = Settings(alarm_returned_least=3, alarm_returned_percent=50, alarm_returned_days=3)
    for hour in range(24 * 13):
        at = BEGIN + hour * HOUR
        for _, state in (one for one in ends if one[0] == hour):
            with transaction():
                data = {"from": "out_for_delivery", "to": state, "cause": "tracking"}
                record(EventName.CARD_POST_MOVED, at, subject_id=new_id(), data=data)
                counters.add({counters.key(Figure.CARDS, counters.day_of(at), state): 1})
        if hour % 24 == MIDNIGHT or hour in {one[0] for one in ends}:
            look(at, kind, chosen=chosen)
    until = BEGIN + (24 * 13 - 1) * HOUR
    assert replayed(kind, until, chosen) == lived(kind)


@on_one_database
@given(st.lists(st.integers(0, 300), max_size=12).map(sorted))
def test_mail_that_matches_nothing_opens_the_same_episodes(sqlite, minutes):
    clear(Alarm, Event, ReturnedMail)
    chosen = Settings(alarm_unmatched_hours=1, alarm_unmatched_mails=3)
    for minute in range(400):
        at = BEGIN + minute * MINUTE
        for _ in range(minutes.count(minute)):
            values = {"source": "lmtp", "size": 1, "kind": "none", "token_state": "forged", "judgement": {}}
            ReturnedMail.create(received_at=at, digest=str(new_id()), state="unmatched", **values)
        if minute in minutes or minute - 60 in minutes:
            look(at, AlarmKind.UNMATCHED_RISING, chosen=chosen)
    until = BEGIN + 399 * MINUTE
    assert replayed(AlarmKind.UNMATCHED_RISING, until, chosen) == lived(AlarmKind.UNMATCHED_RISING)


def test_a_replay_runs_on_both_engines(database, now):
    story.bounced(now)
    for rule in rules.RULES:
        if rule.past:
            bounds = rule.bounds(Settings(alarm_least=1), threshold=1)
            found = replay.episodes(rule.past(now - 90 * 24 * HOUR, now + 9 * 24 * HOUR, bounds), bounds)
            fires = (AlarmKind.BOUNCE_RATE, AlarmKind.DESTINATION_FAILING, AlarmKind.POSTCARDS_NOT_MAILED)
            assert bool(found) is (rule.kind in fires), rule.kind


@pytest.mark.parametrize("ended, kept", [(BEGIN - HOUR, False), (BEGIN + HOUR, True)])
def test_what_was_over_before_the_first_day_is_left_out_and_what_reached_into_it_is_not(ended, kept):
    bounds = rules.rule_of(AlarmKind.QUEUE_AGE).bounds(Settings())
    looks = [
        replay.Moment(BEGIN - 5 * HOUR, {"notices": replay.age(BEGIN - 9 * HOUR, BEGIN - 5 * HOUR)}),
        replay.Moment(ended, {"notices": replay.age(None, ended)}),
    ]
    found = replay.episodes(looks, bounds, since=BEGIN)
    assert [one.ended for one in found] == ([ended] if kept else [])
