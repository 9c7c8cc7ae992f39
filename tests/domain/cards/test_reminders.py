"""Who is told of a waiting card, how often, and by which way when no mail reaches the person."""

import datetime as dt
import random

import pytest

from db.models import Alarm, Card, CardReminder, EmailAddress, Message, Registration, TrackingImport, WorkItem
from tests import cast
from tests.domain.cards.test_projection import ABSENT, DAY, NUMBER, RETURNED, card_of, post, report
from webapp.domain.cards import imports, monitor, reminders
from webapp.domain.cards.monitor import Thresholds
from webapp.domain.cards.overdue import AlarmLimits, Attention, CardFacts, alarms
from webapp.domain.cards.projection import standing_now
from webapp.domain.cards.reminders import remind
from webapp.domain.cards.states import CardState
from webapp.domain.core.calendar import WorkingCalendar, jst_day
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.mail.compose import Identity, OutgoingMail, body_of
from webapp.domain.notices.messages import MessageKind

WATCH = Thresholds(AlarmLimits(), WorkingCalendar())
HEARD = dt.datetime(2026, 11, 20, 9, tzinfo=dt.UTC)  # 18:00 in Japan, after the attempt at 11:00


def waiting(
    now, mail="sato@mobile.example", office="soumu@yamada.example", lines=ABSENT, at=HEARD, number=NUMBER
) -> Card:
    card = card_of(now)
    employer = cast.business(now)
    cast.affiliate(card.technician, employer, now)
    if mail:
        cast.email(card.technician, mail, now)
    if office:
        cast.email(employer, office, now)
    post(card, now, number)
    report(lines, at, number)
    return Card.get_by_id(card.id)


def mails() -> list[tuple[str, str, dict]]:
    found = Message.select().where(Message.kind == MessageKind.CARD_REMINDER).order_by(Message.id)
    return [(m.role, m.address.value, m.content) for m in found]


def test_both_are_told_at_once_and_again_two_days_before_the_card_goes_back(database, now):
    waiting(now)
    assert remind(HEARD) == 2
    assert [(role, value) for role, value, _ in mails()] == [
        ("technician", "sato@mobile.example"),
        ("business", "soumu@yamada.example"),
    ]
    assert mails()[0][2] == {"tracking_number": NUMBER, "kept_until": "2026/11/27"}
    for days in (0, 1, 2, 3, 4):
        assert remind(HEARD + days * DAY) == 0
    assert remind(HEARD + 5 * DAY) == 2, "11/25: two days before"
    assert mails()[-1][2]["last"] == "1"
    for days in (5, 6, 7, 8, 20):
        assert remind(HEARD + days * DAY) == 0
    assert not WorkItem.open().exists()


def test_cards_of_which_all_is_told_take_no_place_from_others(database, now, monkeypatch):
    """A thousand returned cards that nobody has posted again may not silence the kept ones."""
    monkeypatch.setattr(reminders, "AT_ONCE", 2)
    numbers = [f"123456{n}00{n}0" for n in range(1, 6)]
    cards = [waiting(now, f"p{n}@a.example", f"o{n}@b.example", RETURNED, number=n_) for n, n_ in enumerate(numbers)]
    cards.append(waiting(now, "last@a.example", "last@b.example"))
    assert [remind(HEARD + 9 * DAY, limit=1) for _ in range(3)] == [4, 4, 2], "a kept card that went back is not told"
    assert remind(HEARD, limit=1) == 2, "and the newest card of all is"
    assert remind(HEARD, limit=1) == 0
    assert CardReminder.select().where(CardReminder.card == cards[-1]).count() == 2


def test_what_is_heard_late_is_told_once(database, now):
    late = HEARD + 6 * DAY
    waiting(now, at=late)
    assert remind(late) == 2
    assert remind(late + DAY) == 0
    assert len(mails()) == 2


def test_a_report_that_moves_the_end_by_a_day_tells_nobody_again(database, now):
    waiting(now, lines=["2026/11/21 11:00\t保管\t長野南郵便局"], at=HEARD + DAY)
    assert remind(HEARD + DAY) == 2
    report(ABSENT, HEARD + 2 * DAY)
    assert Card.get().kept_until == dt.date(2026, 11, 27)
    assert remind(HEARD + 2 * DAY) == 0


def test_a_delivered_card_is_not_spoken_of(database, now):
    card = waiting(now)
    report(["2026/11/20 17:00\t窓口でお渡し\t長野南郵便局"], HEARD)
    assert Card.get_by_id(card.id).state == CardState.DELIVERED
    assert remind(HEARD) == 0


def test_a_person_without_a_working_address_is_reached_through_the_business_and_stands_on_ops_list(database, now):
    card = waiting(now)
    EmailAddress.update(state="invalid").where(EmailAddress.owner_kind == "technician").execute()
    assert remind(HEARD) == 1
    [(role, _, content)] = mails()
    assert role == "business" and content["unreachable"] == "1"
    item = WorkItem.open().where(WorkItem.kind == WorkItemKind.CARD_UNREACHABLE).get()
    assert (item.subject_id, item.reason) == (card.registration_id, "through_business")
    report(["2026/11/21 17:00\t窓口でお渡し\t長野南郵便局"], HEARD + DAY)
    remind(HEARD + DAY)
    assert not WorkItem.open().exists(), "who has the card need not be reached"


def test_whom_nobody_reaches_is_for_ops_alone(database, now):
    waiting(now, mail=None, office=None)
    assert remind(HEARD) == 0
    assert WorkItem.open().where(WorkItem.kind == WorkItemKind.CARD_UNREACHABLE).get().reason == "nobody"
    assert {row.outcome for row in CardReminder.select()} == {"no_address"}


def test_one_mailbox_gets_one_mail(database, now):
    waiting(now, mail="Oyakata@example.jp", office="oyakata@example.jp")
    assert remind(HEARD) == 1


def test_a_past_employer_is_told_nothing(database, now):
    card = waiting(now)
    card.technician.affiliations.get().current = False
    from db.models import Affiliation

    Affiliation.update(current=False, ended_at=now).execute()
    assert remind(HEARD) == 1
    assert mails()[0][0] == "technician"


def test_a_returned_card_asks_for_the_right_address_once_a_shipment(database, now):
    waiting(now, lines=[*ABSENT, *RETURNED], at=HEARD + 9 * DAY)
    assert remind(HEARD + 9 * DAY) == 2
    assert all(content == {"tracking_number": NUMBER, "returned": "1"} for _, _, content in mails())
    assert remind(HEARD + 12 * DAY) == 0


def test_the_texts_say_until_when_and_how(database, now):
    waiting(now)
    remind(HEARD)
    remind(HEARD + 5 * DAY)
    identity = Identity(
        "とどけ", "o@t.example", "運営", "@t.example", "https://t.example", "00", "9-17", "c@t.example", "h"
    )
    for message in Message.select().where(Message.kind == MessageKind.CARD_REMINDER):
        names = {"name": "佐藤 健一", "application_number": "A-1"}
        if message.role == "business":
            names["business_name"] = "山田建設"
        for language in ("ja", "en"):
            mail = OutgoingMail(message.kind, message.role, language, "x@y.example", "佐藤", names | message.content)
            body = body_of(mail, identity)
            assert "2026/11/27" in body and NUMBER in body
            assert ("再配達" if language == "ja" else "absence notice") in body


def test_alarms_open_with_the_number_of_cases_and_close_when_it_is_over(database, now):
    card = waiting(now)
    assert monitor.watch(HEARD + 6 * DAY, WATCH) == 2
    [alarm] = [a for a in Alarm.open() if a.kind.startswith("card_")]
    assert (alarm.kind, alarm.data) == ("card_kept_near_end", {"cards": 1})
    report(["2026/11/26 17:00\t窓口でお渡し\t長野南郵便局"], HEARD + 6 * DAY)
    monitor.look(HEARD + 6 * DAY, WATCH)
    assert not [a for a in Alarm.open() if a.kind.startswith("card_")]
    assert Card.get_by_id(card.id).state == CardState.DELIVERED


@pytest.mark.parametrize("days", [0, 3, 9, 16, 40])
def test_the_query_and_the_rule_agree_on_every_card(database, now, days):
    """An alarm's count is the number of cases that the rules of one card find, at any moment."""
    chance = random.Random(days)
    pool = [
        *ABSENT,
        "2026/11/19 08:00\t中継\t新東京郵便局",
        "2026/11/21 08:00\tふしぎな状態\t長野南郵便局",
        "2026/11/22 10:05\tお届け先にお届け済み\t長野南郵便局",
        "2026/11/24 10:05\t転送\t長野南郵便局",
        *RETURNED,
    ]
    for n in range(25):
        card = card_of(now - chance.randrange(20) * DAY)
        if chance.random() < 0.8:
            post(card, now, f"{50_000_000_000 + n}", f"2026-11-{chance.randrange(1, 19):02}")
            if lines := chance.sample(pool, chance.randrange(0, 5)):
                report(lines, now, f"{50_000_000_000 + n}")
    at = now + days * DAY
    expected = {kind: set() for kind in Attention}
    for card in Card.select():
        registration = Registration.get_by_id(card.registration_id)
        facts = CardFacts(registration.completed_at, standing_now(card), card.posted_on)
        for alarm in alarms(facts, at, WATCH.limits, WATCH.calendar):
            expected[alarm.kind].add(card.id)
    found = {kind: {card.id for card in monitor.cards_with(kind, at, WATCH)} for kind in Attention}
    assert found == expected
    assert jst_day(at)


def test_the_manifest_holds_each_card_once_with_its_address_checked(database, now):
    from webapp.domain.cards import actions, manifest

    card = card_of(now)
    rows = actions.to_make()
    assert [row.card_id for row in rows] == [card.id]
    [row] = manifest.rows_of(rows)
    assert row[:3] == (card.registration.application_number, card.technician.technician_id, "佐藤 健一")
    assert row[5:7] == ("1000013", "東京都千代田区霞が関1-3-2")
    assert manifest.as_xlsx(rows)[:2] == b"PK"
    text = manifest.as_csv(rows).decode("utf-8-sig")
    actions.note_exported(rows, now, None)
    assert actions.to_make() == [] and len(actions.to_make(again=True)) == 1
    filled = text.replace(",,\r\n", ",123-45-67890-5,2026/11/18\r\n")
    run = imports.create(imports.ImportKind.DISPATCHES, "list.csv", filled.encode(), now)
    run = imports.read_now(run, lambda: now)
    assert (run.added, run.rejected) == (1, 0), "what the maker sends back is the list of what was posted"
    assert TrackingImport.get_by_id(run.id).state == "done"
