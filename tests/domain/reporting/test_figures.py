"""Random histories, late bounces and second thoughts included: each figure is a brute-force count, and its list's."""

import datetime as dt
import random

import pytest
from peewee import fn

from db.database import transaction
from db.models import Attempt, Card, Counter, Event, Message, Postcard, Registration
from tests.web.ops.story import POLICY, bounced, sent
from webapp.domain.bounce.model import Reason
from webapp.domain.cards import queries
from webapp.domain.cards.monitor import Thresholds
from webapp.domain.cards.queries import CardFilters
from webapp.domain.cards.states import CardState
from webapp.domain.core import counters
from webapp.domain.core.calendar import JST
from webapp.domain.core.counters import Figure
from webapp.domain.notices import listing, messages
from webapp.domain.notices.listing import MessageFilters
from webapp.domain.notices.messages import MessageState, Verdict
from webapp.domain.postcard import history
from webapp.domain.postcard.history import EntryFilters
from webapp.domain.reporting import backlog, destinations, figures, reconcile
from webapp.domain.reporting.periods import Grain, Period, Span, last_days

DAYS = 12
DOMAINS = ("docomo.ne.jp", "ezweb.ne.jp", "yamada.example")
REASONS = (Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.FILTERED, Reason.MAILBOXFULL, Reason.BLOCKED, Reason.EXPIRED)


def lived(seed: int, now: dt.datetime) -> None:
    """Notices of many days, of which some come back at once, some late, some again and again; some are requeued."""
    chance = random.Random(seed)
    for number in range(30):
        at = now - dt.timedelta(days=chance.randrange(DAYS), minutes=number)
        story = sent(at, email=f"p{number}-{seed}@{chance.choice(DOMAINS)}")
        Registration.update(created_at=at).where(Registration.id == story.registration.id).execute()
        counters.add({counters.key(Figure.REGISTRATIONS, counters.day_of(at), "affiliated"): 1})
        counters.add({counters.key(Figure.CARDS, counters.day_of(at), "ordered"): 1})
        for message in (story.message, story.business_message):
            for _ in range(chance.randrange(4)):
                at += dt.timedelta(hours=chance.choice((1, 30, 80)))
                step(chance, Message.get_by_id(message.id), at)


def step(chance: random.Random, message: Message, at: dt.datetime) -> None:
    reason = chance.choice(REASONS)
    what = chance.choice(("fail", "fail", "deliver", "confirm", "again"))
    attempt = Attempt.get(Attempt.message == message)
    with transaction():
        if what == "fail" and message.state in (MessageState.SENT, MessageState.DELIVERED):
            messages.fail(message, attempt, Verdict(reason, reason.reason_class), POLICY, at)
        elif what == "deliver" and message.state == MessageState.SENT:
            messages.move(message, messages.MessageStep.PRESUME, reason="presumed", settled_at=at)
        elif what == "confirm" and message.state == MessageState.DELIVERED:
            messages.confirm(message, at)
        elif what == "again" and message.state == MessageState.FAILED:
            messages.requeue(message, message.address, at, None)


@pytest.fixture(params=range(4))
def past(request, database, kept, now):
    kept(("lived", request.param), lambda: lived(request.param, now))
    return now


def brute(span: Span, **wanted) -> int:
    """Count notices one by one."""
    return sum(
        span.since <= message.cohort_day <= span.until
        and all(getattr(message, name) == value for name, value in wanted.items())
        for message in Message.select()
        if message.cohort_day
    )


def brute_counted(span: Span) -> int:
    """Count one by one what a relay has accepted, ever, or what was finally refused."""
    within = [m for m in Message.select() if m.cohort_day and span.since <= m.cohort_day <= span.until]
    return sum(message.first_sent_at is not None or message.state == MessageState.FAILED for message in within)


@pytest.mark.parametrize("grain", Grain)
def test_each_count_of_a_cohort_is_that_of_the_rows_and_of_its_list(past, grain):
    period = Period(counters.day_of(past) - dt.timedelta(days=6), counters.day_of(past), grain)
    found = figures.notices(period, past)
    assert [cohort.span for cohort in found.cohorts] == period.parts() and found.sum.total > 0
    for cohort in found.cohorts:
        span = cohort.span
        assert cohort.tally.total == brute(span) == listed(span)
        assert cohort.tally.counted == brute_counted(span)
        assert cohort.tally.undecided == sum(brute(span, state=state) for state in figures.UNDECIDED)
        for failure in figures.CLASSES:
            there = listed(span, state="failed", failure=failure)
            assert cohort.tally.failed[failure] == brute(span, state="failed", failure_class=failure) == there
    assert found.before.total == brute(period.before())
    assert sum((cohort.tally for cohort in found.cohorts), figures.Outcomes()) == found.sum
    assert sum(n for *_, n in found.reasons) == brute(period, state="failed")
    for failure, reason, n in found.reasons:
        assert n == listed(period, state="failed", failure=failure, reason=reason) > 0


def listed(span: Span, **filters) -> int:
    return listing.listing(MessageFilters(since=span.since, until=span.until, **filters)).count()


def test_one_role_is_counted_alone(past):
    period = last_days(DAYS + 1, past)
    for role in ("technician", "business"):
        found = figures.notices(period, past, role=role)
        assert found.sum.total == brute(period, role=role) == listed(period, role=role) == 30


def test_destinations_are_counted_as_their_lists_worst_first(past):
    period = last_days(DAYS + 1, past)
    found = destinations.worst(period, least=1, most=99)
    failing = {domain for domain in DOMAINS if listed(period, state="failed", destination=domain)}
    assert failing and {one.domain for one in found} == failing
    shares = [sum(one.tally.failed.values()) / one.tally.counted for one in found]
    assert shares == sorted(shares, reverse=True)
    for one in found:
        for failure in figures.CLASSES:
            assert one.tally.failed[failure] == listed(period, state="failed", failure=failure, destination=one.domain)
        # Every notice of this history was accepted once, so that each of the list is counted, waiting ones too.
        assert one.tally.counted == listed(period, destination=one.domain)
    assert all(one.tally.counted >= 8 for one in destinations.worst(period, least=8))


def test_postcards_that_entered_a_state_are_the_events_behind_them(past):
    period = last_days(DAYS + 14, past + dt.timedelta(days=12))
    found = figures.postcards(period)
    assert found.entered["queued"] == Postcard.select().count() > 0
    for part in found.parts:
        for state in history.ENTRIES:
            filters = EntryFilters(state, part.span.since, part.span.until)
            assert part.entered.get(state, 0) == history.listing(filters).count()
    assert sum(n for _, n in found.causes) == found.entered["queued"]
    for cause, n in found.causes:
        assert n == history.listing(EntryFilters("queued", period.since, period.until, cause)).count()


def test_a_return_that_was_taken_back_is_no_entry_any_more(database, now):
    story = bounced(now)
    card = Postcard.get(Postcard.registration == story.registration)
    for hour, name in enumerate(("returned", "return-undone", "returned")):
        ids = {"registration_id": card.registration_id, "technician_id": card.technician_id, "subject_id": card.id}
        Event.create(at=now + dt.timedelta(hours=hour), name=f"postcard:ops:{name}", **ids)
    assert history.listing(EntryFilters("returned")).count() == 1


def test_the_recount_finds_nothing_wrong_in_a_true_history_and_mends_a_false_one(past):
    assert [checked.differences for checked in reconcile.check()] == [{}] * len(Figure)
    counter = Counter.select().where(Counter.figure == Figure.NOTICES).get()
    changed = {"figure": counter.figure, "a": counter.a, "b": counter.b, "c": counter.c, "day": counter.day}
    counters.add({counters.key(Figure(counter.figure), counter.day, counter.a, counter.b, counter.c): 5})
    counters.add({counters.key(Figure.CARD_DAYS, counter.day, "3"): 2})
    assert reconcile.watch(past) == 2
    wrong = {checked.figure: checked.differences for checked in reconcile.rebuild() if checked.differences}
    assert list(wrong[Figure.NOTICES].values()) == [-5] and list(wrong[Figure.CARD_DAYS].values()) == [-2], changed
    assert reconcile.watch(past) == 0


def test_what_is_open_is_counted_as_its_lists(past, settings_for_cards):
    watch = settings_for_cards
    for number, card in enumerate(Card.select()):
        state = list(CardState)[number % len(CardState)]
        since = counters.day_of(past) - dt.timedelta(days=number * 2) if number % 3 else None
        Card.update(state=state, since_on=since, kept_until=None).where(Card.id == card.id).execute()
    steps = (*backlog.AGES, 0)
    ages = backlog.card_ages(past)
    assert sum(map(sum, ages.values())) == sum(backlog.open_now(past, watch).cards.values()) > 20
    for state, counts in ages.items():
        for n, least, under in zip(counts, steps[:-1], steps[1:], strict=True):
            assert n == queries.filtered(Card.select(), CardFilters(state, None, least, under), past, watch).count()
    shown = backlog.open_now(past, watch)
    assert shown.waiting == listing.listing(MessageFilters(state="queued")).count()
    assert shown.postcards["queued"] == Postcard.select().where(Postcard.state == "queued").count()


@pytest.fixture
def settings_for_cards():
    from webapp.domain.cards.overdue import AlarmLimits
    from webapp.domain.core.calendar import WorkingCalendar

    return Thresholds(AlarmLimits(), WorkingCalendar())


def test_a_young_cohort_is_provisional_until_mail_can_no_longer_be_on_its_way(database, now):
    sent(now)
    first = figures.notices(last_days(1, now), now).cohorts[0]
    assert first.provisional and first.tally.undecided == 2
    day = counters.day_of(now)
    end = dt.datetime.combine(day + dt.timedelta(days=1), dt.time(), JST)
    for later, provisional in ((dt.timedelta(hours=71, minutes=59), True), (dt.timedelta(hours=72), False)):
        assert figures.notices(Period(day, day), end + later).cohorts[0].provisional is provisional


def test_what_came_back_and_waits_for_another_try_stays_in_the_denominator(database, now):
    story = sent(now)
    with transaction():
        verdict = Verdict(Reason.MAILBOXFULL, Reason.MAILBOXFULL.reason_class)
        messages.fail(story.message, story.attempt, verdict, POLICY, now)
    assert story.message.state == MessageState.WAITING_RETRY
    found = figures.notices(last_days(1, now), now).sum
    assert (found.counted, found.undecided) == (2, 2)
    tallies = destinations.tallies_of(["docomo.ne.jp", "yamada.example", "nowhere.example"], last_days(1, now))
    assert {domain: tally.counted for domain, tally in tallies.items()} == {"docomo.ne.jp": 1, "yamada.example": 1}
    mine = (Figure.NOTICES, Figure.NOTICES_BY_DESTINATION, Figure.SENT_AFTER)
    assert [checked.differences for checked in reconcile.check() if checked.figure in mine] == [{}] * 3


def test_below_the_least_volume_there_is_no_rate():
    tally = figures.Outcomes(19)
    tally.add(MessageState.FAILED, "dead", 0)
    assert tally.rate() is None
    tally.add(MessageState.FAILED, "dead", 1)
    assert tally.rate() == 1 / 20


def test_quantiles_are_days_that_a_sorted_list_names():
    chance = random.Random(5)
    for _ in range(200):
        days = [chance.randrange(15) for _ in range(chance.randrange(1, 60))]
        histogram = {day: days.count(day) for day in set(days)}
        for percent in (50, 90):
            assert figures.quantile(histogram, percent) == sorted(days)[-(-len(days) * percent // 100) - 1]
    assert figures.quantile({}, 50) is None


def test_parts_follow_one_another_without_a_gap():
    period = Period(dt.date(2026, 1, 30), dt.date(2026, 3, 4), Grain.MONTH)
    assert [(part.since.isoformat(), part.days) for part in period.parts()] == [
        ("2026-01-30", 2), ("2026-02-01", 28), ("2026-03-01", 4),
    ]  # fmt: skip
    weeks = Period(dt.date(2026, 1, 30), dt.date(2026, 3, 4), Grain.WEEK).parts()
    assert sum(week.days for week in weeks) == period.days and weeks[1].since.weekday() == 0
    assert period.before() == Span(dt.date(2025, 12, 27), dt.date(2026, 1, 29))


def test_events_of_postcards_are_found_by_their_index(sqlite, now):
    query = history.listing(EntryFilters("queued", counters.day_of(now), counters.day_of(now)))
    sql, values = query.select(fn.COUNT(Event.id)).sql()
    plan = " ".join(row[3] for row in sqlite.execute_sql("EXPLAIN QUERY PLAN " + sql, values).fetchall())
    assert "event_postcard" in plan
