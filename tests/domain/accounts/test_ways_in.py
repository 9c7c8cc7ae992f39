"""Whoever files or corrects an address: a technician gets in by the one that the person confirmed, and is told."""

import datetime as dt
from collections import defaultdict
from types import SimpleNamespace

import pytest

from db.database import transaction
from db.models import Account, ActivationCode, EmailAddress, Message, Postcard, SignInLink, SignInSession, WorkItem
from tests import cast
from tests.domain.intake.test_registrations import row
from webapp.domain.accounts import access_requests, accounts, first_access, mails, objections, sign_in_links
from webapp.domain.accounts.first_access import Refused
from webapp.domain.accounts.known_browsers import Browser
from webapp.domain.accounts.sign_in_links import LETTER_WAIT
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import GivenBy, OwnerKind
from webapp.domain.email_addresses.ways_in import way_in
from webapp.domain.intake.registrations import register
from webapp.domain.mail.templates import text_for
from webapp.domain.notices import corrections
from webapp.domain.notices.messages import MessageKind, Role
from webapp.domain.postcard import activation_codes
from webapp.worker.envelopes import give_links

SECRET = "test " * 8
WHERE = {"network_address": "192.0.2.1", "user_agent": "test"}
OWN, OTHERS = "own@mail.example", "employer-made@mail.example"
PASSWORD = "a long enough password"


@pytest.fixture
def person(database, now):
    return cast.technician(now)


def confirmed(person, now, value=OWN) -> EmailAddress:
    """The address that the person confirmed."""
    address = cast.email(person, value, now)
    EmailAddress.update(confirmed_at=now).where(EmailAddress.id == address.id).execute()
    return EmailAddress.get_by_id(address.id)


def account_of(person, now) -> Account:
    account = first_access.technician_account(person, now)
    accounts.set_password(account, PASSWORD, now)
    return account


def filed(person, now, **cells) -> None:
    """A new application for a known person, with another e-mail address: by file, by program, by proxy."""
    known = {
        "申請番号": f"B-{now:%j%H%M%S}",
        "技能者ID": person.technician_id,
        "氏名": person.name,
        "氏名カナ": person.name_kana,
        "生年月日": f"{person.birth_date:%Y/%m/%d}",
        "郵便番号": person.postal_code,
        "住所": person.address,
        "所属事業者ID": "",
        "代行申請事業者ID": "",
        "メールアドレス": OTHERS,
    }
    with transaction():
        (result,) = register([row(**known | cells)], now)
    assert result.registration_id, result


def by_operator(person, now) -> None:
    registration = cast.registration(person, now)
    current = versions.current(OwnerKind.TECHNICIAN, person.id)
    version = current.version if current else 0
    operator = accounts.create_operator("moto", "運営", accounts.OperatorRole.OPERATOR, PASSWORD, now)
    corrections.correct_and_send(registration, Role.TECHNICIAN, OTHERS, version, now, operator.id)


def by_business(person, now) -> None:
    versions.give(OwnerKind.TECHNICIAN, person.id, OTHERS, GivenBy.BUSINESS, now)


SOURCES = {"application": filed, "operator": by_operator, "business": by_business}
sources = pytest.mark.parametrize("source", SOURCES)


@sources
@pytest.mark.parametrize("waits", [dt.timedelta(0), LETTER_WAIT + dt.timedelta(days=1)], ids=["at once", "long after"])
def test_what_others_give_never_becomes_the_way_in_of_who_confirmed_one(person, now, source, waits):
    """Source x kind of mail: links, words of a sign-in, notices."""
    own, account = confirmed(person, now), account_of(person, now)
    SOURCES[source](person, now + dt.timedelta(hours=1))
    later = now + dt.timedelta(hours=2) + waits
    newest = versions.current(OwnerKind.TECHNICIAN, person.id)
    if source != "application":
        EmailAddress.update(letter_at=now).where(EmailAddress.id == newest.id).execute()
        newest = EmailAddress.get_by_id(newest.id)
    assert newest.value == OTHERS, "notices go there"
    assert way_in(person.id).id == own.id
    assert not sign_in_links.may_hold_link(newest, person.id, later)
    assert sign_in_links.may_hold_link(EmailAddress.get_by_id(own.id), person.id, later)
    forgotten = access_requests.mail_technician(person, later)
    assert forgotten.address_id == own.id
    told = mails.tell_change(account, mails.PASSWORD_CHANGED, later)
    assert {message.address.value for message in told} == {OWN, OTHERS}
    carrying = sign_in_links.links_for(list(Message.select()), SECRET, later)
    links = {SignInLink.get(SignInLink.message == number).address_id for number in carrying}
    assert links == {own.id}, "no link goes anywhere else"


@pytest.mark.parametrize("source", ["application", "operator"])
def test_the_confirmed_address_is_told_of_each_change_and_can_stop_it(person, now, source):
    confirmed(person, now)
    account = account_of(person, now)
    at = now + dt.timedelta(hours=1)
    SOURCES[source](person, at)
    warning = Message.get(Message.kind == MessageKind.CONFIRM)
    assert warning.address.value == OWN
    accounts.sign_in(account.login_key, PASSWORD, at, "192.0.2.9", "stranger", Browser(SECRET))
    code = activation_codes.issue(SECRET, person.id, "card-1", 1, at)
    tokens = sign_in_links.links_for([warning], SECRET, at)
    change = objections.find(tokens[warning.id], SECRET, at)
    assert objections.object_to(change, at)
    assert versions.current(OwnerKind.TECHNICIAN, person.id).value == OWN
    assert way_in(person.id).value == OWN
    assert not SignInSession.select().where(SignInSession.account == account).exists()
    assert ActivationCode.get(ActivationCode.card_id == "card-1").ended_at == at and code
    assert WorkItem.get(WorkItem.kind == WorkItemKind.CHANGE_OBJECTED).state == "open"
    assert objections.find(tokens[warning.id], SECRET, at) is None, "once"


def test_a_link_that_stops_a_change_lets_nobody_in_and_the_other_way_round(person, now):
    confirmed(person, now)
    account_of(person, now)
    filed(person, now)
    warning = Message.get(Message.kind == MessageKind.CONFIRM)
    token = sign_in_links.links_for([warning], SECRET, now)[warning.id]
    assert sign_in_links.find(token, SECRET, now) is None
    with pytest.raises(Refused):
        first_access.by_link(token, str(person.birth_date), "another long password", SECRET, now, **WHERE)
    forgotten = access_requests.mail_technician(person, now)
    entering = sign_in_links.links_for([forgotten], SECRET, now)[forgotten.id]
    assert objections.find(entering, SECRET, now) is None
    first_access.by_link(entering, str(person.birth_date), "another long password", SECRET, now, **WHERE)
    assert objections.find(token, SECRET, now) is not None, "who got in cannot silence the warning"


def test_of_two_addresses_that_nobody_confirmed_the_newest_holds_the_link_and_the_older_is_only_told(person, now):
    cast.email(person, OWN, now)
    filed(person, now)
    told = Message.get(Message.kind == MessageKind.CONFIRM)
    assert told.address.value == OWN
    assert sign_in_links.links_for([told], SECRET, now) == {}, "it may be a stranger's"
    newest = versions.current(OwnerKind.TECHNICIAN, person.id)
    assert newest.value == OTHERS and sign_in_links.may_hold_link(newest, person.id, now)


def test_a_dead_way_in_is_no_reason_to_mail_a_link_elsewhere(person, now):
    own = confirmed(person, now)
    versions.mark_invalid(own, "userunknown", now)
    filed(person, now)
    assert access_requests.mail_technician(person, now) is None
    assert not Message.select().where(Message.kind == MessageKind.CONFIRM).exists(), "nobody reads there"


def test_the_same_mailbox_given_again_is_still_the_way_in(person, now):
    confirmed(person, now)
    filed(person, now)
    filed(person, now + dt.timedelta(hours=1), **{"メールアドレス": OWN})
    newest = versions.current(OwnerKind.TECHNICIAN, person.id)
    assert newest.value == OWN and newest.confirmed_at is None
    assert sign_in_links.may_hold_link(newest, person.id, now)


def test_a_code_does_not_follow_to_an_address_that_somebody_else_has_just_given(person, now):
    """Who files an application knows ID and birth date; the third thing must not come to their own door."""
    confirmed(person, now)
    account_of(person, now)
    filed(person, now, **{"メールアドレス": "", "郵便番号": "5300001", "住所": "大阪府大阪市北区梅田9-9-9"})
    warning = Message.get(Message.kind == MessageKind.CONFIRM)
    assert (warning.address.value, set(warning.content)) == (OWN, {"postal_changed_on"})
    code = activation_codes.issue(SECRET, person.id, "card-1", 1, now)
    cast.code_mailed("card-1", now)
    typed = (person.technician_id, code, f"{person.birth_date:%Y%m%d}", "another long password", SECRET)
    soon, later = now + dt.timedelta(days=6), now + dt.timedelta(days=8)
    with pytest.raises(Refused, match="7日"):
        first_access.by_code(*typed, soon, **WHERE)
    assert first_access.by_code(*typed, later, **WHERE).account.technician_id == person.id


def test_who_asks_for_a_postcard_is_seen_by_the_person(person, now):
    confirmed(person, now)
    cast.registration(person, now)
    postcard = access_requests.queue_postcard(person, now)
    warning = Message.get(Message.kind == MessageKind.CONFIRM)
    assert (warning.address.value, set(warning.content)) == (OWN, {"postcard_asked_on"})
    token = sign_in_links.links_for([warning], SECRET, now)[warning.id]
    assert objections.object_to(objections.find(token, SECRET, now), now)
    assert Postcard.get_by_id(postcard.id).state == "cancelled"


def test_the_mail_brings_the_link_that_stops_and_no_link_that_lets_in(person, now):
    confirmed(person, now)
    account_of(person, now)
    filed(person, now)
    warning = Message.get(Message.kind == MessageKind.CONFIRM)
    claimed = SimpleNamespace(
        id=warning.id,
        kind=warning.kind,
        role=warning.role,
        technician_id=person.id,
        address_id=warning.address_id,
        values={"name": person.name, **warning.content},
    )
    give_links([claimed], SECRET, "https://todoke.example", now)
    assert claimed.values["not_mine_url"].startswith("https://todoke.example/not-mine?link=")
    assert "sign_in_url" not in claimed.values
    for language in ("ja", "en"):
        text = text_for(MessageKind.CONFIRM, Role.TECHNICIAN, language).fill(defaultdict(str, claimed.values))
        assert claimed.values["not_mine_url"] in text and OTHERS not in text
