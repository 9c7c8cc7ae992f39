"""Random histories of notices, postcards and cards: each new figure is a brute-force count, and its list's."""

import contextlib
import datetime as dt
import random

import pytest

from db.database import transaction
from db.models import Card, Event, Message, Postcard, PostcardReturn, Registration, Shipment, TrackingEvent
from tests.domain.cards.test_projection import report, take
from tests.domain.postcard import desk
from tests.domain.reporting.test_figures import step as notice_step
from tests.web.ops import story
from webapp.domain.accounts import accounts
from webapp.domain.cards import actions, imports, queries, shipment_list
from webapp.domain.cards.imports import ImportKind
from webapp.domain.cards.monitor import Thresholds
from webapp.domain.cards.outcomes import Missed, prefecture
from webapp.domain.cards.overdue import AlarmLimits
from webapp.domain.cards.shipment_list import ShipmentFilters
from webapp.domain.cards.states import CardState
from webapp.domain.cards.tracking.number import check_digit
from webapp.domain.core import counters, latency
from webapp.domain.core.calendar import JST, WorkingCalendar
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.progress import Reached
from webapp.domain.notices import listing
from webapp.domain.notices.listing import MessageFilters
from webapp.domain.postcard import delivery, history, returns
from webapp.domain.postcard.delivery import ReprintReason
from webapp.domain.postcard.history import EntryFilters
from webapp.domain.registrations import listing as registration_list
from webapp.domain.reporting import figures, progress, reconcile
from webapp.domain.reporting.periods import Grain, Period

DAY = dt.timedelta(days=1)
DAYS = 26
HOMES = (
    ("3800801", "長野県長野市箱清水1-2-3"),
    ("1600023", "東京都新宿区西新宿2-8-1"),
    ("8100001", "福岡市中央区天神1-8-1"),
)
REPORTS = ("持ち出し中", "ご不在のため持ち戻り", "保管", "お届け先にお届け済み", "差出人に返送", "配達局で留置中")


class History:
    """Days on which registrations complete and everything that follows happens by chance, mistakes included."""

    def __init__(self, seed: int, now: dt.datetime, shop) -> None:
        self.chance, self.shop, self.seed, self.serial = random.Random(seed), shop, seed, 0
        role = accounts.OperatorRole.OPERATOR
        self.account = accounts.create_operator("ops", "運営", role, "a long enough password", now).id
        self.imports: list = []
        for number in range(DAYS, -1, -1):
            self.day(now - number * DAY)

    def day(self, at: dt.datetime) -> None:
        chance = self.chance
        for _ in range(chance.randrange(3)):
            self.register(at)
        for message in Message.select():
            if chance.random() < 0.35:
                notice_step(chance, Message.get_by_id(message.id), at + dt.timedelta(hours=1))
        if chance.random() < 0.4 and Postcard.select().where(Postcard.state == "queued").exists():
            desk.mailed(self.shop, at + dt.timedelta(hours=2))
        delivery.presume(self.shop, at + dt.timedelta(hours=3))
        self.scan(at + dt.timedelta(hours=4))
        self.cards(at + dt.timedelta(hours=5))

    def register(self, at: dt.datetime) -> None:
        self.serial += 1
        postal_code, address = self.chance.choice(HOMES)
        late = dt.timedelta(minutes=self.chance.choice((0, 3, 50, 700, 9000)))
        email = f"w{self.serial}-{self.seed}@docomo.ne.jp"
        case = story.sent(at, email=email, completed_at=at - late, postal_code=postal_code, address=address)
        day = counters.day_of(at)
        counters.add({counters.key(counters.Figure.REGISTRATIONS, day, "affiliated"): 1})
        counters.add({counters.key(counters.Figure.CARDS, day, "ordered"): 1})
        assert case.registration.completed_at == at - late

    def scan(self, at: dt.datetime) -> None:
        for postcard in Postcard.select().where(Postcard.state.in_(["mailed", "presumed_delivered", "returned"])):
            what = self.chance.random()
            if what < 0.1:
                print_ = postcard.prints.order_by(postcard.prints.model.id.desc()).first()
                returns.scan(print_.management_number, at, self.account)
            elif what < 0.16 and postcard.state == "returned":
                row = PostcardReturn.select().where(
                    PostcardReturn.undone_at.is_null() & (PostcardReturn.outcome == "returned")
                )
                mine = [one for one in row if one.print.postcard_id == postcard.id]
                for one in mine[-1:]:
                    with contextlib.suppress(StepNotAllowed):
                        returns.undo(one, at, self.account)
            elif what < 0.2:
                delivery.reprint(postcard, ReprintReason.NOT_ARRIVED, at, self.account)

    def cards(self, at: dt.datetime) -> None:
        chance = self.chance
        waiting = [card for card in Card.select() if card.known in ("ordered", "made") and chance.random() < 0.5]
        for card in waiting[:2]:
            first = f"{chance.randrange(10**9, 10**10)}"
            number = f"{first}{check_digit(first)}"
            row = f"{card.registration.application_number}\t{number}\t{counters.day_of(at)}"
            self.imports.append(take(f"申請番号\tお問い合わせ番号\t引受日\n{row}", at, ImportKind.DISPATCHES))
        for shipment in Shipment.select().where(Shipment.closed_at.is_null()):
            if chance.random() < 0.3:
                line = f"{at.astimezone(JST):%Y/%m/%d %H:%M}\t{chance.choice(REPORTS)}\t長野南郵便局"
                self.imports.append(report([line], at, number=shipment.number))
        for card in Card.select().where(Card.known == CardState.RETURNED):
            if chance.random() < 0.4:
                actions.reopen(card.id, at, None)
        if self.imports and chance.random() < 0.15:
            run = self.imports.pop(chance.randrange(len(self.imports)))
            with contextlib.suppress(imports.NotUndoable):
                imports.undo(run, at, self.account)


@pytest.mark.parametrize("seed", range(2))
def test_every_figure_of_a_random_history_is_a_count_of_its_rows_and_of_its_list(database, now, tmp_path, seed):
    """One history for all: to live it through takes longer than to look at it."""
    History(seed, now, desk.office(tmp_path))
    the_recount_finds_every_counter_right()
    for grain in Grain:
        each_step_of_the_funnel_is_its_list_and_what_the_rows_say(now, grain)
    what_came_back_of_the_postcards_is_what_their_events_say(now)
    a_mailing_is_provisional_until_its_cards_can_no_longer_come_back_in_time(now)
    the_share_of_a_prefecture_is_that_of_its_shipments_and_of_its_list(now)
    how_long_notices_took_is_right_to_five_of_a_hundred_and_slow_ones_are_listed(now)
    the_cards_behind_the_days_to_delivery_are_their_list(now)


def period_of(now, grain=Grain.DAY) -> Period:
    return Period(counters.day_of(now) - 15 * DAY, counters.day_of(now), grain)


def the_recount_finds_every_counter_right():
    assert {checked.figure: checked.differences for checked in reconcile.check()} == {f: {} for f in counters.Figure}


def each_step_of_the_funnel_is_its_list_and_what_the_rows_say(past, grain) -> None:
    period = period_of(past, grain)
    found = progress.funnel(period)
    assert [part.span for part in found.parts] == period.parts()
    for span, reached in [(part.span, part.reached) for part in found.parts] + [(period, found.sum)]:
        for one in Reached:
            filters = registration_list.RegistrationFilters(reached=one, since=span.since, until=span.until)
            assert reached[one] == registration_list.listing(filters).query.count() == came_so_far(span, one)
    assert found.before == {one: came_so_far(period.before(), one) for one in Reached}
    assert all(found.sum.values())


def came_so_far(span, reached: Reached) -> int:
    """Count registrations one by one."""
    return sum(
        span.since <= counters.day_of(registration.completed_at) <= span.until and has_come(registration, reached)
        for registration in Registration.select()
    )


def has_come(registration: Registration, reached: Reached) -> bool:
    return {
        Reached.REGISTERED: lambda: True,
        Reached.BY_MAIL: lambda: any(m.role == "technician" and m.state == "delivered" for m in registration.messages),
        Reached.BY_POSTCARD: lambda: any(
            card.state in ("mailed", "presumed_delivered") for card in registration.postcards
        ),
        Reached.CARD_POSTED: lambda: any(card.posted_on for card in registration.cards),
        Reached.CARD_DELIVERED: lambda: any(card.state == "delivered" for card in registration.cards),
    }[reached]()


def what_came_back_of_the_postcards_is_what_their_events_say(past) -> None:
    period = period_of(past)
    found = progress.postcard_returns(period, past)
    told = mailings()
    for part in [*found.parts, found.sum, found.before]:
        here = [days for day, days in told if part.span.since <= day <= part.span.until]
        back = sorted(days for days in here if days is not None)
        assert (part.mailed, part.returned) == (len(here), len(back))
        filters = {"state": "mailed", "since": part.span.since, "until": part.span.until}
        assert history.listing(EntryFilters(**filters)).count() == part.mailed
        assert history.listing(EntryFilters(**filters, came_back=True)).count() == part.returned
        if back:
            assert part.median == back[-(-len(back) * 50 // 100) - 1]
            assert part.nine_of_ten == back[-(-len(back) * 90 // 100) - 1]
    assert found.sum.returned > 0


def mailings() -> list[tuple[dt.date, int | None]]:
    """Each mailing of each postcard: its day, and after how many days it came back, None if it did not."""
    found = []
    for postcard in Postcard.select():
        mine: list[list] = []
        for event in Event.select().where(Event.subject_id == postcard.id).order_by(Event.id):
            day = counters.day_of(event.at)
            if event.name == "postcard:ops:mailed":
                mine.append([day, None])
            elif event.name == "postcard:ops:returned":
                mine[-1][1] = (day - mine[-1][0]).days
            elif event.name == "postcard:ops:return-undone":
                mine[-1][1] = None
        found += [tuple(one) for one in mine]
    return found


def a_mailing_is_provisional_until_its_cards_can_no_longer_come_back_in_time(past) -> None:
    parts = progress.postcard_returns(period_of(past), past, presumed_days=10).parts
    assert [part.provisional for part in parts] == [False] * 5 + [True] * 11


def the_share_of_a_prefecture_is_that_of_its_shipments_and_of_its_list(past) -> None:
    period = period_of(past)
    found, country = progress.prefectures(period, least=1)
    assert {one.name for one in found} == {"長野県", "東京都", "福岡県"}
    assert [one.unlucky for one in found] == sorted((one.unlucky for one in found), reverse=True)
    for one in found:
        filters = {"since": period.since, "until": period.until, "prefecture": one.name}
        assert one.posted == shipment_list.listing(ShipmentFilters(**filters)).count()
        for what in Missed:
            mine = [s for s in Shipment.select() if s.prefecture == one.name and worst(s) == what]
            here = sum(period.since <= shipment.accepted_on <= period.until for shipment in mine)
            assert one.missed[what] == here
            if what:
                assert here == shipment_list.listing(ShipmentFilters(**filters, missed=what)).count()
    assert country.posted == sum(one.posted for one in found)
    assert all(one.posted >= 5 for one in progress.prefectures(period, least=5)[0])


def worst(shipment: Shipment) -> str:
    """The worst that the post's own rows say of a number; each number is used once here."""
    told = {row.event for row in TrackingEvent.select().where(TrackingEvent.number == shipment.number)}
    return next((what for what in ("returned", "kept", "absent") if what in told), "")


def how_long_notices_took_is_right_to_five_of_a_hundred_and_slow_ones_are_listed(past) -> None:
    period = period_of(past)
    for role in ("", "technician"):
        sent = [
            (message.first_sent_at - message.registration.completed_at) / dt.timedelta(minutes=1)
            for message in Message.select()
            if message.first_sent_at and period.since <= message.cohort_day <= period.until
            if message.role == role or not role
        ]
        found = progress.waited(period, role, least=1)
        true = sorted(sent)[-(-len(sent) * 95 // 100) - 1]
        assert found.sent == len(sent) and abs(found.minutes - true) <= 0.05 * true
        slow = MessageFilters(since=period.since, until=period.until, role=role, slow=found.bucket)
        assert found.slow == listing.listing(slow).count() == sum(one >= true / 1.05 for one in sent)
    assert progress.waited(period, least=10_000).minutes is None


def the_cards_behind_the_days_to_delivery_are_their_list(past) -> None:
    period = period_of(past)
    watch = Thresholds(AlarmLimits(), WorkingCalendar())
    for part in figures.delivery_days(period):
        filters = queries.CardFilters(CardState.DELIVERED, since=part.span.since, until=part.span.until)
        assert queries.filtered(Card.select(), filters, past, watch).count() == part.cards
    assert any(part.cards for part in figures.delivery_days(period))


def test_a_class_of_times_is_never_wrong_by_more_than_five_of_a_hundred():
    for minutes in (1, 1.5, 7, 59, 60, 61, 1439, 12_345, 99_999):
        number = latency.class_of(dt.timedelta(minutes=minutes))
        assert abs(latency.minutes(number) - minutes) <= 0.05 * minutes
        assert latency.begins(number) <= dt.timedelta(minutes=minutes) < latency.begins(number + 1)
    assert latency.class_of(dt.timedelta(seconds=59)) == latency.class_of(dt.timedelta(seconds=-59)) == 0


@pytest.mark.parametrize(
    ("postal_code", "address", "found"),
    [
        ("3800801", "長野県長野市箱清水1-2-3", "長野県"),
        ("8100001", "福岡市中央区天神1-8-1", "福岡県"),
        ("9999999", "どこか1-2-3", ""),
        ("6040000", "京都府京都市中京区1", "京都府"),
    ],
)
def test_a_prefecture_is_the_one_that_the_address_names_else_that_of_the_postal_code(postal_code, address, found):
    assert prefecture(postal_code, address) == found


def test_a_notice_that_waits_for_its_first_acceptance_is_listed_as_unsent(database, now):
    case = story.sent(now)
    with transaction():
        Message.update(state="waiting_retry", first_sent_at=None).where(Message.id == case.message.id).execute()
    assert [m.id for m in listing.listing(MessageFilters(unsent=True))] == [case.message.id]
