"""Sign-in by password: who gets a session, for how long, and who has to wait."""

import datetime as dt

import pytest

from webapp.domain.accounts import accounts
from webapp.domain.accounts.accounts import AccountKind, OperatorRole, PasswordError
from webapp.domain.accounts.known_browsers import Browser
from webapp.domain.accounts.limits import WINDOW, TooManyTries

SECRET = "test " * 8
PASSWORD = "correct horse battery"


@pytest.fixture
def operator(database, now):
    return accounts.create_operator("yamada", "山田", OperatorRole.OPERATOR, PASSWORD, now)


def sign_in(now, password=PASSWORD, login="yamada", address="192.0.2.1"):
    return accounts.sign_in(
        accounts.login_key(AccountKind.OPERATOR, login), password, now, address, "test", Browser(SECRET)
    )


def test_the_right_password_opens_a_session_and_a_wrong_one_does_not(operator, now):
    assert sign_in(now, "wrong password") is None
    signed_in = sign_in(now, login=" Yamada ")
    assert accounts.session_of(signed_in.token, now).account.id == operator.id
    accounts.close_session(signed_in.token)
    assert accounts.session_of(signed_in.token, now) is None


def test_a_session_ends_when_idle_and_in_any_case_after_its_longest_time(operator, now):
    token = sign_in(now).token
    assert accounts.session_of(token, now + accounts.IDLE) is None
    step = accounts.IDLE - dt.timedelta(minutes=1)
    moment = now
    while moment + step < now + accounts.LONGEST:
        moment += step
        assert accounts.session_of(token, moment)
    assert accounts.session_of(token, now + accounts.LONGEST) is None


def test_closing_an_account_ends_its_sessions_at_once(operator, now):
    token = sign_in(now).token
    operator.active = False
    operator.save()
    assert accounts.session_of(token, now) is None
    assert sign_in(now) is None


def test_too_many_wrong_tries_wait_for_the_window_to_end_even_with_the_right_password(operator, now):
    for n in range(accounts.LIMIT_ACCOUNT):
        assert sign_in(now, "wrong", address=f"192.0.2.{n}") is None
    with pytest.raises(TooManyTries):
        sign_in(now)
    assert sign_in(now + WINDOW)


def test_an_address_that_guesses_names_has_to_wait_too(operator, now):
    for n in range(accounts.LIMIT_ADDRESS):
        assert sign_in(now, "wrong", login=f"nobody{n}") is None
    with pytest.raises(TooManyTries):
        sign_in(now)
    assert sign_in(now, address="192.0.2.77")


def test_a_short_password_or_a_taken_name_is_refused(operator, now):
    with pytest.raises(PasswordError):
        accounts.create_operator("sato", "佐藤", OperatorRole.VIEWER, "short", now)
    with pytest.raises(ValueError, match="already"):
        accounts.create_operator("yamada", "別人", OperatorRole.VIEWER, PASSWORD, now)
