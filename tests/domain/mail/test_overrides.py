"""A person's word on a returned mail redraws what the rules had drawn, and is kept for those who write the rules."""

import pytest

from db.models import Attempt, AuditDetail, EmailAddress, Event, Message, Postcard, ReturnedMail, WorkItem
from tests import cast
from tests.domain.mail.sending import LEASE, POLICY, queued_notice
from tests.domain.mail.test_inbound import DESK, report, send, take
from webapp.domain.bounce import Reason
from webapp.domain.core.events import EventName
from webapp.domain.mail import inbound, outbox, overrides
from webapp.domain.mail.overrides import CannotOverrule, overrule, overrulings


@pytest.fixture
def sent(database, now):
    return send(queued_notice(now), now)


def overruled(reason, now):
    overrule(ReturnedMail.get(), reason, None, now, "本人に電話で確認", POLICY)


def test_a_dead_address_that_is_alive_is_restored_and_mailed_again(sent, now):
    message, path = sent
    other = cast.email(cast.technician(now), "K-SATO@mail.example", now)
    take(path, report(), now)
    assert EmailAddress.get_by_id(other.id).state == "suspect"
    overruled(Reason.FILTERED, now)
    assert {address.state for address in EmailAddress.select()} == {"valid"}
    assert Postcard.get().state == "cancelled"
    message = Message.get_by_id(message.id)
    assert (message.state, message.reason, message.failure_class) == ("queued", None, None)
    [again] = outbox.claim(now, LEASE, POLICY, "mail.todoke.example").messages
    assert (again.id, again.attempts) == (message.id, 2)
    names = {event.name for event in Event.select().where(Event.registration_id == message.registration_id)}
    assert {EventName.RETURNED_MAIL_OPS_OVERRULED, EventName.POSTCARD_OVERRULED_CANCELLED} <= names
    assert "本人に電話で確認" in {detail.content.get("note") for detail in AuditDetail.select()}


def test_a_postcard_that_is_printed_is_not_taken_back(sent, now):
    _, path = sent
    take(path, report(), now)
    Postcard.update(state="printed").execute()
    overruled(Reason.FILTERED, now)
    assert Postcard.get().state == "printed"


def test_what_the_rules_took_for_a_refusal_can_be_dead(sent, now):
    message, path = sent
    take(path, report(status="5.2.2", says="552 5.2.2 Mailbox full"), now)
    overruled(Reason.USERUNKNOWN, now)
    message = Message.get_by_id(message.id)
    assert (message.state, message.failure_class) == ("failed", "dead")
    assert (EmailAddress.get().state, Postcard.get().cause) == ("invalid", "userunknown")


def test_a_conflicting_report_is_decided_by_a_person(sent, now):
    message, path = sent
    take(path, report(final="old@private.example"), now)
    assert WorkItem.open().exists()
    overruled(Reason.USERUNKNOWN, now)
    assert Message.get_by_id(message.id).state == "failed" and not WorkItem.open().exists()


def test_a_second_overruling_takes_back_the_first(sent, now):
    message, path = sent
    take(path, report(), now)
    overruled(Reason.FILTERED, now)
    overruled(Reason.USERUNKNOWN, now)
    # The notice waits to be sent again; the address is dead, so that it falls when a worker would take it.
    assert outbox.claim(now, LEASE, POLICY, "mail.todoke.example").messages == []
    assert Message.get_by_id(message.id).state == "failed"
    assert Postcard.select().where(Postcard.state == "queued").count() == 1


def test_between_two_softer_reasons_only_the_reason_changes(sent, now):
    message, path = sent
    take(path, report(status="5.2.2", says="552 5.2.2 Mailbox full"), now)
    before = Message.get_by_id(message.id).__data__
    overruled(Reason.FILTERED, now)
    assert Attempt.get().reason == "filtered" and Message.get_by_id(message.id).__data__ == before
    row = overrulings().get()
    assert (row.reason, row.overruled_reason, row.overruled_note) == ("mailboxfull", "filtered", "本人に電話で確認")


def test_mail_that_belongs_to_nothing_cannot_be_overruled(database, now):
    inbound.take("info@return.todoke.example", report(), "lmtp", now, DESK)
    with pytest.raises(CannotOverrule):
        overruled(Reason.FILTERED, now)
    assert overrides.overrulings().count() == 0
