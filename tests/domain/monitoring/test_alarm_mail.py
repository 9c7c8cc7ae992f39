"""Alarms by mail: once an episode, only to addresses that were confirmed, nothing personal, and never in a circle."""

import datetime as dt

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db.database import transaction
from db.models import Account, Alarm, Attempt, AuditRow, EmailAddress, Event, Message
from tests.examples import examples
from tests.web.ops import story
from webapp.domain.accounts import accounts
from webapp.domain.accounts.accounts import OperatorRole
from webapp.domain.bounce.model import Reason, ReasonClass
from webapp.domain.core.alarms import AlarmKind, acknowledge, close_alarm, open_alarm
from webapp.domain.core.daily_limits import LimitReached
from webapp.domain.email_addresses import versions
from webapp.domain.mail.compose import OutgoingMail, body_of
from webapp.domain.monitoring import alarm_mail, rules
from webapp.domain.notices import messages
from webapp.domain.notices.messages import MessageKind, Role, Verdict
from webapp.domain.self_service import operator_email
from webapp.settings import load
from webapp.translations import speaker

MINUTE = dt.timedelta(minutes=1)
SECRET = "s" * 32


def operator(now, login="aoki", address="aoki@ops.example", *, confirmed=True, **values) -> Account:
    account = accounts.create_operator(login, "青木", OperatorRole.OPERATOR, "long enough words", now)
    Account.update(**values or {"active": True}).where(Account.id == account.id).execute()
    operator_email.give(account, address, now, None, confirmed=confirmed)
    return account


def mail(now, mailbox="") -> int:
    return alarm_mail.mail_new(now, mailbox, "https://todoke.example", speaker)


def mails() -> list[Message]:
    return list(Message.select().where(Message.kind == MessageKind.OPS_ALARM).order_by(Message.id))


def test_an_episode_is_told_once_however_often_the_worker_looks_and_the_next_one_again(database, now):
    operator(now)
    for n in range(3):
        open_alarm(AlarmKind.QUEUE_AGE, "notices", now + n * MINUTE)
        mail(now + n * MINUTE)
    close_alarm(AlarmKind.QUEUE_AGE, "notices", now + 4 * MINUTE)
    assert mail(now + 5 * MINUTE) == 0 and len(mails()) == 1
    open_alarm(AlarmKind.QUEUE_AGE, "notices", now + 6 * MINUTE)
    assert mail(now + 7 * MINUTE) == 1 and len(mails()) == 2


moves = st.lists(st.tuples(st.sampled_from(["open", "close", "mail", "see"]), st.sampled_from("ab")), max_size=25)


@examples(20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(moves)
def test_whatever_happens_no_episode_is_told_twice(sqlite, moves):
    for model in (Attempt, Message, EmailAddress, Alarm, Event):
        model.delete().execute()
    begin = dt.datetime(2026, 11, 18, tzinfo=dt.UTC)
    told = []
    for n, (move, subject) in enumerate(moves):
        at = begin + n * MINUTE
        if move == "open":
            open_alarm(AlarmKind.DESTINATION_FAILING, subject, at)
        elif move == "close":
            close_alarm(AlarmKind.DESTINATION_FAILING, subject, at)
        elif move == "see":
            for alarm in Alarm.open().where(Alarm.subject == subject):
                acknowledge(alarm, at, None)
        else:
            before = {row.id for row in Alarm.select() if row.mailed_at}
            alarm_mail.mail_new(at, "ops@todoke.example", "https://todoke.example", speaker)
            told += [row.id for row in Alarm.select() if row.mailed_at and row.id not in before]
    assert len(told) == len(set(told))
    assert len(mails()) <= len(told)


def test_only_confirmed_addresses_of_active_operators_and_the_mailbox_are_told_each_once(database, now):
    operator(now, "aoki", "aoki@ops.example")
    operator(now, "baba", "baba@ops.example", confirmed=False)
    operator(now, "chiba", "chiba@ops.example", active=False)
    operator(now, "doi", "Team@ops.example")
    open_alarm(AlarmKind.QUEUE_AGE, "notices", now)
    assert mail(now, "team@ops.example") == 2
    told = {EmailAddress.get_by_id(one.address_id).value for one in mails()}
    assert told == {"aoki@ops.example", "Team@ops.example"}
    open_alarm(AlarmKind.RELAY_DOWN, "relay.example:25", now)
    assert mail(now, "other@ops.example") == 3


def test_alarms_of_one_kind_that_open_together_are_one_mail_with_a_link_and_words(database, now):
    operator(now)
    for n in range(12):
        open_alarm(AlarmKind.DESTINATION_FAILING, f"d{n:02}.example", now)
    open_alarm(AlarmKind.POSTCARDS_NOT_MAILED, "postcards", now)
    assert mail(now) == 2
    many, one = mails()
    assert many.content["place"].startswith("d00.example, ") and many.content["place"].endswith("+2")
    assert many.content["alarms_url"] == "https://todoke.example/ops/alarms?kind=destination_failing"
    assert one.content["alarm"] == "はがきが差し出されていません" and one.content["place"] == "はがき"
    assert "/ops/alarms/" in one.content["alarms_url"]


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_mail_can_be_written_in_both_languages_and_tells_of_an_end(database, now, language):
    operator(now, language=language)
    alarm = open_alarm(AlarmKind.RELAY_DOWN, "relay.example:25", now)
    close_alarm(AlarmKind.RELAY_DOWN, "relay.example:25", now + MINUTE)
    mail(now + 2 * MINUTE)
    (queued,) = mails()
    values = dict(queued.content)
    settings = load({"TODOKE_MODE": "demo", "TODOKE_SECRET_KEY": SECRET, "TODOKE_RETURN_KEYS": f"a:{SECRET}"}, None)
    from webapp.worker.envelopes import SenderIdentity

    written = OutgoingMail(MessageKind.OPS_ALARM, Role.OPERATOR, language, "a@ops.example", "", values)
    body = body_of(written, SenderIdentity.of(settings).identity)
    assert "2026/11/18 10:03" in body and "relay.example:25" in body and alarm.kind not in values["alarm"]
    assert ("No relay answers" in body) is (language == "en")


def test_nobody_to_tell_leaves_the_alarm_to_be_told_for_a_day(database, now):
    open_alarm(AlarmKind.QUEUE_AGE, "notices", now)
    open_alarm(AlarmKind.RELAY_DOWN, "relay", now)
    assert mail(now) == 0
    operator(now)
    Alarm.update(opened_at=now - dt.timedelta(days=2)).where(Alarm.kind == AlarmKind.RELAY_DOWN).execute()
    assert mail(now + MINUTE) == 1


def test_a_mail_that_fails_is_shown_and_never_mailed_and_nothing_turns_in_a_circle(database, now):
    operator(now)
    open_alarm(AlarmKind.QUEUE_AGE, "notices", now)
    for n in range(5):
        at = now + n * dt.timedelta(days=1)
        mail(at)
        for message in Message.select().where(
            (Message.kind == MessageKind.OPS_ALARM) & Message.state.in_(["queued", "waiting_retry"])
        ):
            refuse(message, at)
    assert len(mails()) == 1
    kinds = {alarm.kind for alarm in Alarm.select()}
    assert kinds == {AlarmKind.QUEUE_AGE, AlarmKind.ALARM_MAIL_FAILED}
    rules.close_quiet(now + dt.timedelta(days=9), 20_000)
    assert {alarm.kind for alarm in Alarm.open()} == {AlarmKind.QUEUE_AGE}


def refuse(message: Message, now) -> None:
    Message.update(state="sending", attempts=message.attempts + 1).where(Message.id == message.id).execute()
    message = Message.get_by_id(message.id)
    attempt = Attempt.create(
        message=message, n=message.attempts, address=message.address_id, message_ref=f"{message.id}.{message.attempts}",
        state="pending", started_at=now,
    )  # fmt: skip
    with transaction():
        messages.fail(message, attempt, Verdict(Reason.BLOCKED, ReasonClass.OURS), story.POLICY, now)


def test_a_dead_address_is_told_nothing_more(database, now):
    account = operator(now)
    address = versions.current(versions.OwnerKind.ACCOUNT, account.id)
    versions.mark_invalid(address, Reason.USERUNKNOWN, now)
    open_alarm(AlarmKind.QUEUE_AGE, "notices", now)
    assert mail(now) == 0 and not operator_email.usable(EmailAddress.get_by_id(address.id))


def test_an_address_counts_after_its_operator_typed_the_mailed_code(database, now):
    account = operator(now, confirmed=False)
    (queued,) = Message.select().where(Message.kind == MessageKind.CONFIRM)
    values = dict(queued.content)
    assert "confirm_code" not in values, "the code is stored nowhere"
    operator_email.give_code(values, SECRET)
    for wrong in ("", "AAAA-AAAA", "見当違い"):
        with pytest.raises(operator_email.WrongCode):
            operator_email.confirm(account, wrong, SECRET, now)
    with pytest.raises(operator_email.WrongCode):
        operator_email.confirm(account, values["confirm_code"], SECRET, now + dt.timedelta(days=8))
    assert operator_email.mail_again(account, now)
    address = operator_email.confirm(account, values["confirm_code"].lower(), SECRET, now)
    assert operator_email.usable(EmailAddress.get_by_id(address.id)) and not operator_email.mail_again(account, now)
    with pytest.raises(operator_email.WrongCode):
        operator_email.confirm(account, values["confirm_code"], SECRET, now)


def test_codes_cannot_be_tried_without_end(database, now):
    account = operator(now, confirmed=False)
    for _ in range(operator_email.TRIES):
        with pytest.raises(operator_email.WrongCode):
            operator_email.confirm(account, "WRONGWRO", SECRET, now)
    with pytest.raises(LimitReached):
        operator_email.confirm(account, "WRONGWRO", SECRET, now)


def test_an_operator_whose_address_was_taken_away_is_given_one_again(database, now):
    account = operator(now)
    assert operator_email.remove(account, now, None)
    again = operator_email.give(account, "aoki@ops.example", now, None)
    assert (again.version, versions.current(versions.OwnerKind.ACCOUNT, account.id)) == (2, again)


def test_five_codes_a_day_are_mailed_and_each_repeat_is_an_event(database, now):
    account = operator(now, confirmed=False)
    for _ in range(operator_email.PER_DAY - 1):
        assert operator_email.mail_again(account, now)
    given = versions.current(versions.OwnerKind.ACCOUNT, account.id)
    with pytest.raises(LimitReached):
        operator_email.mail_again(account, now)
    with pytest.raises(LimitReached):
        operator_email.give(account, "other@ops.example", now, None)
    assert versions.current(versions.OwnerKind.ACCOUNT, account.id) == given, "what is refused changes nothing"
    assert Message.select().where(Message.kind == MessageKind.CONFIRM).count() == operator_email.PER_DAY
    for rows, name in ((Event, Event.name), (AuditRow, AuditRow.action)):
        repeats = rows.select().where((name == "account:email:mailed-again") & (rows.account_id == account.id))
        assert repeats.count() == operator_email.PER_DAY - 1
    operator_email.give(account, "other@ops.example", now, None, confirmed=True)  # needs no code
    operator_email.give(account, "third@ops.example", now + dt.timedelta(days=1), None)
