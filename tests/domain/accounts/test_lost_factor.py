"""Who may take whose second factor away: an administrator's two others, nobody the own; and who hears of it."""

import datetime as dt
import threading

import pyotp
import pytest

from db.database import connected
from db.models import Account, AuditRow, EmailAddress, LostFactor, Message
from tests import cast
from webapp.domain.accounts import accounts, first_access, lost_factor, second_factor
from webapp.domain.accounts.accounts import AccountKind, BusinessRole, OperatorRole
from webapp.domain.core.errors import NotAllowed
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import GivenBy, OwnerKind

SECRET = "test " * 8
PASSWORD = "correct horse battery"
NOTE = "運転免許証で確認"


def operator(name, role, now) -> Account:
    account = accounts.create_operator(name, name, role, PASSWORD, now)
    versions.give(OwnerKind.ACCOUNT, account.id, f"{name}@todoke.example", GivenBy.OPERATOR, now)
    return account


def with_app(account, now) -> Account:
    app = second_factor.begin_totp(account, SECRET, "とどけ")
    secret = app.secret
    second_factor.confirm_totp(account, app.sealed, pyotp.TOTP(secret).at(now), SECRET, now)
    return account


@pytest.fixture
def people(database, now) -> dict[str, Account]:
    """One of each, and of administrators three; all have an app."""
    person, firm = cast.technician(now), cast.business(now)
    accounts_of = {
        "technician": first_access.technician_account(person, now),
        "business": first_access.new_business_user(firm, "tanaka", "田中", BusinessRole.ADMINISTRATOR, now),
        "viewer": operator("viewer", OperatorRole.VIEWER, now),
        "operator": operator("operator", OperatorRole.OPERATOR, now),
    } | {name: operator(name, OperatorRole.ADMINISTRATOR, now) for name in ("first", "second", "third")}
    for account in accounts_of.values():
        with_app(account, now)
    return accounts_of


# Who has lost the phone, who begins: may they, and is it enough?
TABLE = {
    ("technician", "viewer"): None, ("technician", "operator"): True, ("technician", "first"): True,
    ("business", "viewer"): None, ("business", "operator"): True, ("business", "first"): True,
    ("viewer", "viewer"): None, ("viewer", "operator"): None, ("viewer", "first"): True,
    ("operator", "viewer"): None, ("operator", "operator"): None, ("operator", "first"): True,
    ("first", "viewer"): None, ("first", "operator"): None, ("first", "first"): None, ("first", "second"): False,
    ("technician", "technician"): None, ("technician", "business"): None, ("business", "technician"): None,
    ("technician", "server"): True, ("operator", "server"): True, ("first", "server"): True,
}  # fmt: skip


@pytest.mark.parametrize("whose, by", TABLE)
def test_who_may_begin_for_whom_and_whether_one_is_enough(people, now, whose, by):
    account, expected = people[whose], TABLE[whose, by]
    if by != "server":
        # The same rule as for letting somebody sign in or not.
        assert accounts.may_change(account, people[by]) is (expected is not None)
    if expected is None:
        with pytest.raises(NotAllowed):
            lost_factor.begin(account, people[by], NOTE, now)
        assert not LostFactor.select().exists()
        return
    row = lost_factor.begin(account, people.get(by), NOTE, now)
    assert (row.effective_at == now + lost_factor.DELAY) is expected
    assert lost_factor.take(account, now + lost_factor.DELAY) is expected
    assert Account.get_by_id(account.id).second_factor is not expected


@pytest.mark.parametrize(
    "by, may",
    [("first", False), ("second", False), ("third", True), ("operator", False), ("viewer", False), ("server", True)],
)
def test_an_administrators_needs_another_administrator_or_the_server(people, now, by, may):
    lost_factor.begin(people["first"], people["second"], NOTE, now)
    later = now + dt.timedelta(hours=3)
    assert not lost_factor.take(people["first"], later + 30 * lost_factor.DELAY), "one alone is never enough"
    if not may:
        with pytest.raises(NotAllowed):
            lost_factor.approve(people["first"], people[by], later)
        assert LostFactor.get().effective_at is None
        return
    lost_factor.approve(people["first"], people.get(by), later)
    assert not lost_factor.take(people["first"], later + lost_factor.DELAY - dt.timedelta(seconds=1))
    assert lost_factor.take(people["first"], later + lost_factor.DELAY)
    assert AuditRow.select().where(AuditRow.action == "account:lost-factor:approved").count() == 1


def test_an_administrator_who_is_disabled_is_no_second_one(people, now):
    lost_factor.begin(people["first"], people["second"], NOTE, now)
    accounts.set_active(people["third"], False)
    with pytest.raises(NotAllowed):
        lost_factor.approve(people["first"], people["third"], now)


def test_what_was_stopped_done_approved_or_waited_a_week_is_not_approved(people, now):
    first, second, third = (people[name] for name in ("first", "second", "third"))
    with pytest.raises(NotAllowed):
        lost_factor.approve(first, third, now)
    lost_factor.begin(first, second, NOTE, now)
    with pytest.raises(NotAllowed):
        lost_factor.approve(first, third, now + lost_factor.APPROVE_WITHIN)
    assert lost_factor.stop(first, people["operator"], now) and not lost_factor.stop(first, second, now)
    with pytest.raises(NotAllowed):
        lost_factor.approve(first, third, now)
    lost_factor.begin(first, second, NOTE, now)
    lost_factor.approve(first, third, now)
    with pytest.raises(NotAllowed):
        lost_factor.approve(first, third, now)
    assert lost_factor.stop(first, first, now), "the person can stop it until the day is over"
    assert not lost_factor.take(first, now + lost_factor.DELAY)


def test_one_of_two_who_approve_at_once_does(people, now):
    lost_factor.begin(people["first"], people["second"], NOTE, now)
    fourth = operator("fourth", OperatorRole.ADMINISTRATOR, now)
    results, gate = [], threading.Barrier(2)

    def approve(by):
        with connected():
            gate.wait()
            try:
                results.append(lost_factor.approve(people["first"], by, now).approved_by_id)
            except NotAllowed:
                results.append(None)

    threads = [threading.Thread(target=approve, args=(by,)) for by in (people["third"], fourth)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results, key=bool) == [None, LostFactor.get().approved_by_id]


def recipients(section: str) -> list[str]:
    told = [message.address_id for message in Message.select() if section in (message.content or {})]
    return sorted(row.value.partition("@")[0] for row in EmailAddress.select().where(EmailAddress.id.in_(told)))


def test_all_administrators_hear_of_both_steps(people, now):
    accounts.set_active(operator("gone", OperatorRole.ADMINISTRATOR, now), False)
    lost_factor.begin(people["first"], people["second"], NOTE, now)
    assert recipients("factor_lost_asked_on") == ["first"]
    assert recipients("colleague_lost_asked_on") == ["second", "third"]
    lost_factor.approve(people["first"], people["third"], now)
    assert recipients("factor_lost_until") == ["first"]
    assert recipients("colleague_lost_until") == ["second", "third"]
    lost_factor.begin(people["operator"], people["second"], NOTE, now)
    assert recipients("colleague_lost_until") == ["second", "third"], "an operator's is no business of all"


def test_what_was_begun_on_the_server_is_told_to_all_too(people, now):
    lost_factor.begin(people["first"], None, NOTE, now)
    assert recipients("factor_lost_until") == ["first"]
    assert recipients("colleague_lost_until") == ["second", "third"]
    assert people["first"].kind == AccountKind.OPERATOR and LostFactor.get().opened_by_id is None
