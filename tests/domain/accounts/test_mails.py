"""Whoever changes how somebody signs in cannot keep it from them: each change is told by mail, without link or code."""

import datetime as dt

import pyotp
import pytest

from db.models import Account, Message, SecondFactor
from tests import cast
from tests.domain.mail.sending import DOMAIN, IDENTITY, LEASE, POLICY
from webapp.domain.accounts import (
    access_requests,
    accounts,
    first_access,
    lost_factor,
    password_change,
    second_factor,
    sign_in_links,
)
from webapp.domain.accounts.accounts import AccountKind, BusinessRole, OperatorRole
from webapp.domain.accounts.mails import CHANGES, tell_change
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import GivenBy, OwnerKind
from webapp.domain.mail import outbox
from webapp.domain.mail.compose import OutgoingMail, body_of
from webapp.domain.mail.templates import VARIABLES
from webapp.domain.notices.messages import MessageKind, MessageState
from webapp.worker.envelopes import give_links

SECRET = "test " * 8
PASSWORD = "correct horse battery"


def mails(now) -> list[tuple[str, str]]:
    """Send what waits: (recipient, body) of each."""
    claimed = outbox.claim(now, LEASE, POLICY, DOMAIN).messages
    give_links(claimed, SECRET, "https://todoke.example", now)
    sent = []
    for one in claimed:
        known = VARIABLES[one.kind, one.role]
        values = {name: value for name, value in one.values.items() if name in known.required | known.optional}
        mail = OutgoingMail(one.kind, one.role, one.language, one.recipient, one.recipient_name, values)
        sent.append((one.recipient, body_of(mail, IDENTITY)))
    Message.update(state=MessageState.SENT, due_at=None).execute()
    return sent


@pytest.fixture
def technician(database, now) -> Account:
    person = cast.technician(now)
    cast.email(person, "k-sato@mail.example", now)
    account = first_access.technician_account(person, now)
    accounts.set_password(account, PASSWORD, now)
    return account


@pytest.fixture
def office_user(database, now) -> Account:
    """A user without an address of their own: the business's registered one is told."""
    business = cast.business(now)
    cast.email(business, "office@yamada.example", now)
    account = first_access.new_business_user(business, "suzuki", "鈴木", BusinessRole.ADMINISTRATOR, now)
    accounts.set_password(account, PASSWORD, now)
    return account


@pytest.fixture
def operator(database, now) -> Account:
    account = accounts.create_operator("yamada", "山田", OperatorRole.ADMINISTRATOR, PASSWORD, now)
    versions.give(OwnerKind.ACCOUNT, account.id, "yamada@todoke.example", GivenBy.OPERATOR, now)
    return account


EVERYBODY = pytest.mark.parametrize("who", ["technician", "office_user", "operator"])


def with_app(account: Account, now) -> list[str]:
    app = second_factor.begin_totp(account, SECRET, "とどけ")
    secret = app.secret
    return second_factor.confirm_totp(account, app.sealed, pyotp.TOTP(secret).at(now), SECRET, now)


@EVERYBODY
def test_each_change_is_told_where_the_person_is_known(request, database, now, who):
    account = request.getfixturevalue(who)
    recipient = {
        "technician": "k-sato@mail.example",
        "office_user": "office@yamada.example",
        "operator": "yamada@todoke.example",
    }[who]
    password_change.change_password(account, "a quite different one", now)
    ((to, body),) = mails(now)
    assert to == recipient and "2026/11/18 10:02 に、サインインのパスワードが変わりました。" in body
    assert who == "technician" or account.login_key.rpartition(":")[2] in body, "whose of several users"

    codes = with_app(account, now)
    ((to, body),) = mails(now)
    assert to == recipient and "2段階認証のアプリが登録されました" in body and "回復コード" not in body

    assert second_factor.check(account, codes[0], SECRET, now)
    assert "回復コードが使われました" in mails(now)[0][1]
    second_factor.new_recovery_codes(account, SECRET, now)
    assert "回復コードが新しくなりました" in mails(now)[0][1]

    row = SecondFactor.create(account=account, kind="passkey", credential_id="c", public_key="k", created_at=now)
    second_factor.confirm_passkey(account, row, SECRET, now)
    assert "パスキーが登録されました" in mails(now)[0][1]
    second_factor.remove(account, row.id, now)
    ((to, body),) = mails(now)
    assert to == recipient and "2段階認証の方法が削除されました" in body


@pytest.mark.parametrize("change", sorted(CHANGES))
@EVERYBODY
def test_no_mail_about_a_change_holds_a_way_in(request, database, now, who, change):
    account = request.getfixturevalue(who)
    account.language = "en"
    tell_change(account, change, now)
    ((_, body),) = mails(now)
    assert "2026/11/18 10:02 (Japan time)" in body and "2026/11/18 10:02 に、" in body
    assert "http" not in body


def test_a_password_by_link_is_told_and_the_first_one_is_not(technician, now):
    person = technician.technician
    access_requests.mail_technician(person, now)
    link = sign_in_links.SignInLink.get()
    mails(now)
    token = sign_in_links.token_of(link, SECRET)
    where = {"network_address": "192.0.2.1", "user_agent": "a browser"}
    first_access.by_link(token, "1985-04-01", "a quite different one", SECRET, now, **where)
    ((_, body),) = mails(now)
    assert "サインインのパスワードが変わりました" in body

    newcomer = first_access.technician_account(cast.technician(now), now)
    cast.email(newcomer.technician, "new@mail.example", now)
    access_requests.mail_technician(newcomer.technician, now)
    link = sign_in_links.SignInLink.get(sign_in_links.SignInLink.technician == newcomer.technician_id)
    mails(now)
    first_access.by_link(sign_in_links.token_of(link, SECRET), "1985-04-01", "also my own one", SECRET, now, **where)
    assert mails(now) == []


def test_a_way_back_that_is_over_is_told_when_it_took_the_second_factor_away(technician, operator, now):
    with_app(technician, now)
    lost_factor.begin(technician, operator, "運転免許証で確認", now)
    bodies = [body for _, body in mails(now)]
    assert any("2026/11/19 10:02 を過ぎると" in body for body in bodies)
    later = now + dt.timedelta(days=1)
    assert lost_factor.take(technician, later)
    ((to, body),) = mails(later)
    assert to == "k-sato@mail.example" and "削除されました" in body


def test_who_has_no_working_address_is_not_mailed_and_the_change_happens(technician, now):
    versions.mark_invalid(versions.current(OwnerKind.TECHNICIAN, technician.technician_id), "userunknown", now)
    password_change.change_password(technician, "a quite different one", now)
    assert accounts.right_password(technician, "a quite different one")
    assert not Message.select().where(Message.kind == MessageKind.CONFIRM).exists()


def test_a_refused_password_changes_and_tells_nothing(technician, now):
    with pytest.raises(accounts.PasswordError):
        password_change.change_password(technician, "19850401", now)
    assert accounts.right_password(Account.get_by_id(technician.id), PASSWORD) and mails(now) == []
    assert technician.kind == AccountKind.TECHNICIAN
