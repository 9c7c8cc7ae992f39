"""「カードが届かない」: what is answered, who is told, and that a wrong pair looks like an unknown number."""

import datetime as dt
from types import SimpleNamespace

import pytest

from db.models import Alarm, Card, CardQuestion, EmailAddress, Inquiry, Message, Throttle
from tests import cast
from tests.domain.cards.test_projection import ABSENT, DAY, card_of, post, report
from webapp.domain.inquiries import public_form
from webapp.domain.inquiries.public_form import LIMIT_ADDRESS, LIMIT_NUMBER, AnswerKind, ask, follow_up
from webapp.domain.mail.compose import Identity, OutgoingMail, body_of
from webapp.domain.maintenance import retention
from webapp.domain.notices.messages import MessageKind

BORN, OTHER = dt.date(1985, 4, 1), dt.date(1985, 4, 2)
HOUR = dt.timedelta(hours=1)


@pytest.fixture
def card(database, now) -> Card:
    card = card_of(now)
    cast.email(card.technician, "sato@mobile.example", now)
    post(card, now)
    report(ABSENT, now)
    return Card.get_by_id(card.id)


def question(card, now, born=BORN, number=None, address="203.0.113.5", budget=100, **more):
    return ask(number or card.registration.application_number, born, address, now, budget, **more)


def test_the_right_pair_is_told_the_state_and_until_when(card, now):
    answer = question(card, now)
    assert (answer.kind, answer.standing.state, answer.standing.kept_until) == (
        AnswerKind.STATE,
        "absent",
        dt.date(2026, 11, 27),
    )


def test_full_width_digits_are_the_same_number(card, now):
    wide = card.registration.application_number.translate({ord(c): ord(c) + 0xFEE0 for c in "0123456789A-"})
    assert question(card, now, number=f" {wide} ").kind is AnswerKind.STATE


def test_an_application_without_a_card_is_said_to_have_none(database, now):
    registration = cast.registration(cast.technician(now), now)
    assert ask(registration.application_number, BORN, "x", now, 100) == public_form.PublicAnswer(AnswerKind.STATE, None)


def statements(database, call) -> list[str]:
    """The statements of a call, without their values."""
    seen: list[str] = []
    run = database.obj.execute_sql
    database.obj.execute_sql = lambda sql, *args, **kwargs: (seen.append(sql), run(sql, *args, **kwargs))[1]
    try:
        call()
    finally:
        del database.obj.execute_sql
    return seen


@pytest.mark.parametrize("budget", [100, 0], ids=["answered", "by mail"])
def test_every_question_costs_the_database_the_same(card, database, now, budget):
    """The same statements in the same order: no time tells a right number, or a right pair, from a wrong one."""
    question(card, now, budget=budget)
    asked = {
        "right": dict(),
        "wrong birth date": dict(born=OTHER),
        "unknown number": dict(number="A-0000-NONE"),
        "wants an inquiry": dict(wants_inquiry=True),
    }
    seen = {
        name: statements(database, lambda more=more: question(card, now, budget=budget, **more))
        for name, more in asked.items()
    }
    assert len(seen["right"]) > 5
    assert all(each == seen["right"] for each in seen.values())


def test_a_wrong_pair_and_an_unknown_number_get_the_same_answer(card, now):
    assert question(card, now, OTHER) == question(card, now, number="A-0") == public_form.PublicAnswer(AnswerKind.WRONG)


def test_beyond_the_budget_every_answer_goes_by_mail_and_an_alarm_says_so(card, now):
    for n in range(3):
        assert question(card, now, number=f"A-{n}", budget=3, address=f"203.0.113.{n}").kind is AnswerKind.WRONG
    right, wrong = question(card, now, budget=3), question(card, now, number="A-9", budget=3)
    assert right == wrong == public_form.PublicAnswer(AnswerKind.CONTACT)
    assert follow_up(now, 3) == 1
    message = Message.get(Message.kind == MessageKind.INQUIRY)
    assert message.content == {"asked_on": "2026/11/18 10:02", "card_kept": "1", "kept_until": "2026/11/27"}
    assert [a.kind for a in Alarm.open()] == ["contact_guessing"]
    follow_up(now + HOUR, 3)
    assert not Alarm.open().exists()
    assert question(card, now + HOUR, budget=3).kind is AnswerKind.STATE


def test_a_number_is_asked_for_a_few_times_a_day_whether_it_exists_or_not(card, now):
    for number in (None, "A-0000"):
        kinds = [question(card, now, number=number, address=f"x{n}").kind for n in range(LIMIT_NUMBER + 1)]
        assert kinds[-1] is AnswerKind.CONTACT and AnswerKind.CONTACT not in kinds[:-1]
        assert question(card, now + DAY, number=number).kind is not AnswerKind.CONTACT


def test_one_network_address_has_to_wait_when_it_asks_too_often(card, now):
    for n in range(LIMIT_ADDRESS):
        question(card, now, number=f"A-{n}")
    assert question(card, now).kind is AnswerKind.WAIT
    assert question(card, now, address="198.51.100.7").kind is AnswerKind.STATE
    assert question(card, now + HOUR).kind is AnswerKind.STATE


def test_the_person_is_told_once_a_day_that_it_was_asked(card, now):
    for minutes in (0, 1, 2):
        question(card, now + dt.timedelta(minutes=minutes))
        question(card, now + dt.timedelta(minutes=minutes), OTHER)
    assert follow_up(now + HOUR, 100) == 1
    assert follow_up(now + HOUR, 100) == 0
    message = Message.get(Message.kind == MessageKind.INQUIRY)
    assert message.address.value == "sato@mobile.example" and message.content == {"asked_on": "2026/11/18 10:02"}
    question(card, now + 2 * DAY)
    assert follow_up(now + 2 * DAY, 100) == 1


def test_only_an_inquiry_follows_and_only_one_and_only_from_a_right_pair(card, now):
    before = Card.get_by_id(card.id).version
    question(card, now, OTHER, wants_inquiry=True)
    follow_up(now, 100)
    assert not Inquiry.select().exists()
    for _ in range(2):
        question(card, now, wants_inquiry=True)
        follow_up(now, 100)
    [inquiry] = Inquiry.select()
    assert (inquiry.registration_id, inquiry.identity_check) == (card.registration_id, "number_and_birth")
    assert Card.get_by_id(card.id).version == before


def test_an_answer_promised_by_mail_that_no_mail_can_carry_becomes_an_inquiry(card, now):
    EmailAddress.update(state="invalid").execute()
    question(card, now, budget=0)
    assert follow_up(now, 0) == 0
    assert Inquiry.select().count() == 1


def test_questions_are_forgotten_and_hold_no_number(card, now, tmp_path):
    settings = SimpleNamespace(state_dir=tmp_path)
    question(card, now, OTHER)
    assert card.registration.application_number not in str(list(Throttle.select(Throttle.key).tuples()))
    follow_up(now, 100)
    assert retention.apply("card_question", settings, now + 29 * DAY) == 0
    assert CardQuestion.select().count() == 1
    assert retention.apply("card_question", settings, now + 31 * DAY) == 1
    assert CardQuestion.select().count() == 0


@pytest.mark.parametrize(
    "content, word",
    [
        ({"asked_on": "2026/11/18 10:02"}, "心当たりがない場合"),
        ({"asked_on": "x", "card_kept": "1", "kept_until": "2026/11/27"}, "2026/11/27"),
        ({"asked_on": "x", "card_delivered": "1"}, "配達されました"),
        ({"inquiry_number": "261118-1234", "answer_a": "お答えします。"}, "261118-1234"),
    ],
)
def test_the_mail_says_what_it_is_given_in_both_languages(content, word):
    identity = Identity("とどけ", "o@t.example", "運営", "@t", "https://t", "00", "9-17", "c@t.example", "h")
    for language in ("ja", "en"):
        body = body_of(
            OutgoingMail(
                MessageKind.INQUIRY, "technician", language, "x@y.example", "佐藤", {"name": "佐藤"} | content
            ),
            identity,
        )
        assert word in body and "{" not in body
