"""Cases of the contact centre: their steps, their history, and where an answer may go."""

import datetime as dt

import pytest

from db.models import AuditRow, Event, Inquiry, InquiryEntry, Message
from tests import cast
from webapp.domain.accounts import accounts
from webapp.domain.core.errors import Stale, StepNotAllowed
from webapp.domain.inquiries import cases
from webapp.domain.inquiries.cases import (
    AnswerError,
    Caller,
    Channel,
    CloseReason,
    IdentityCheck,
    InquiryState,
    InquiryStep,
    Topic,
)
from webapp.domain.notices.messages import MessageKind, Role

VALUES = {"number": "261118-1234", "application_number": "A-1", "kept_until": "2026/11/27", "telephone": "00"}


@pytest.fixture
def operator(database, now):
    return accounts.create_operator("aoki", "青木", "operator", "long enough", now).id


@pytest.fixture
def inquiry(database, now, operator) -> Inquiry:
    return cases.open_inquiry(
        Topic.CARD, Channel.PHONE, Caller.FAMILY, IdentityCheck.NONE, now, text="届かない", account_id=operator
    )


def linked(inquiry, now, operator, mail="sato@mobile.example", office=None):
    person = cast.technician(now)
    if mail:
        cast.email(person, mail, now)
    if office:
        employer = cast.business(now)
        cast.affiliate(person, employer, now)
        cast.email(employer, office, now)
    registration = cast.registration(person, now)
    cases.link(inquiry, registration, IdentityCheck.CALLED_BACK, now, operator)
    return registration


def test_a_call_becomes_a_case_with_a_number_to_read_out(inquiry, operator):
    assert inquiry.number.startswith("261118-") and len(inquiry.number) == 11
    [entry] = inquiry.entries
    assert (entry.kind, entry.text, entry.account_id) == ("call", "届かない", operator)


def test_two_cases_never_have_one_number(inquiry, now, operator, monkeypatch):
    drawn = iter([int(inquiry.number[7:]) - 1000, 4567])
    monkeypatch.setattr(cases.secrets, "randbelow", lambda n: next(drawn))
    other = cases.open_inquiry(Topic.OTHER, Channel.MAIL, Caller.SELF, IdentityCheck.NONE, now, account_id=operator)
    assert other.number == "261118-5567"


def test_a_case_goes_its_way_and_keeps_its_history(inquiry, now, operator):
    registration = linked(inquiry, now, operator)
    message = cases.answer(
        inquiry, Role.TECHNICIAN, "{kept_until} まで保管されます。\n\n早めに受け取ってください。", VALUES, now, operator
    )
    assert (message.kind, message.address.value) == (MessageKind.INQUIRY, "sato@mobile.example")
    assert message.content == {
        "answer_a": "2026/11/27 まで保管されます。",
        "answer_b": "早めに受け取ってください。",
        "inquiry_number": inquiry.number,
    }
    assert inquiry.state == InquiryState.WAITING
    cases.call(inquiry, Caller.FAMILY, IdentityCheck.NONE, "また電話", now, operator)
    assert inquiry.state == InquiryState.OPEN
    cases.wait(inquiry, "郵便局に調査を依頼", now, operator)
    cases.close(inquiry, CloseReason.CARD_ARRIVED, "", now, operator)
    cases.reopen(inquiry, "やはり届いていない", now, operator)
    kinds = [entry.kind for entry in inquiry.entries.order_by(InquiryEntry.id)]
    assert kinds == ["call", "linked", "answer", "call", "waiting", "closed", "reopened"]
    assert Inquiry.get_by_id(inquiry.id).close_reason is None
    assert AuditRow.select().where(AuditRow.subject_id == inquiry.id).count() == 1
    assert Event.select().where(Event.registration_id == registration.id, Event.name.startswith("inquiry")).count() > 3


def test_an_answer_goes_to_the_registered_contact_and_to_no_other(inquiry, now, operator):
    with pytest.raises(AnswerError, match="結び付いていません"):
        cases.answer(inquiry, Role.TECHNICIAN, "はい", VALUES, now, operator)
    linked(inquiry, now, operator, mail=None, office="soumu@yamada.example")
    with pytest.raises(AnswerError, match="電話で"):
        cases.answer(inquiry, Role.TECHNICIAN, "はい", VALUES, now, operator)
    cases.answer(inquiry, Role.BUSINESS, "はい", VALUES, now, operator)
    assert [m.address.value for m in Message.select()] == ["soumu@yamada.example"]


@pytest.mark.parametrize(
    "text, why",
    [
        (" \n ", "入れてください"),
        ("{name} 様", "{name}"),
        ("{kept_until} まで", "値がありません"),
        ("{ あいう", "差し込みだけ"),
        ("あ" * 601, "600"),
        ("\n\n".join("あいうえお"), "4つ"),
    ],
)
def test_a_text_that_would_go_out_wrong_is_refused_with_its_reason(text, why):
    with pytest.raises(AnswerError, match=why):
        cases.paragraphs_of(text, VALUES | {"kept_until": ""})


def test_steps_that_the_table_lacks_are_refused(inquiry, now, operator):
    cases.close(inquiry, CloseReason.DUPLICATE, "", now, operator)
    with pytest.raises(StepNotAllowed):
        cases.close(inquiry, CloseReason.DUPLICATE, "", now, operator)
    assert {state for state, _ in cases.STEPS} == set(InquiryState)
    assert {step for _, step in cases.STEPS} == set(InquiryStep)


def test_who_was_slower_changes_nothing(inquiry, now, operator):
    mine, theirs = Inquiry.get_by_id(inquiry.id), Inquiry.get_by_id(inquiry.id)
    cases.close(theirs, CloseReason.ANSWERED, "", now, operator)
    with pytest.raises(Stale):
        cases.wait(mine, "", now + dt.timedelta(seconds=1), operator)
    assert Inquiry.get_by_id(inquiry.id).state == InquiryState.CLOSED
