"""Limits are no weapons: whose tries are used up by whom, who is told, and that no try goes uncounted."""

import datetime as dt
import threading

import pyotp
import pytest

from db.database import connected
from db.models import Account, Event, Message, SignInRequest, SignInSession, Throttle
from tests import cast
from webapp.domain.accounts import access_requests, accounts, first_access, known_browsers, limits, second_factor
from webapp.domain.accounts.known_browsers import Browser
from webapp.domain.accounts.limits import Budget, TooManyTries

SECRET = "test " * 8
PASSWORD = "correct horse battery"
STRANGE = Browser(SECRET)
DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)


@pytest.fixture
def account(database, now) -> Account:
    person = cast.technician(now)
    cast.email(person, "k-sato@example.jp", now)
    made = first_access.technician_account(person, now)
    accounts.set_password(made, PASSWORD, now - DAY)
    return made


def known(account, now, **changes) -> Browser:
    return Browser(SECRET, (known_browsers.token_for(account, SECRET, now, **changes),))


def sign_in(account, browser, now, password=PASSWORD, address="192.0.2.1"):
    return accounts.sign_in(account.login_key, password, now, address, "test", browser)


def use_up(account, browser, now, n=accounts.LIMIT_ACCOUNT):
    for number in range(n):
        assert sign_in(account, browser, now, "wrong", f"198.51.100.{number}") is None


def gets_in(account, browser, now, **changes) -> bool:
    try:
        return sign_in(account, browser, now, **changes) is not None
    except TooManyTries:
        return False


def proves(session, now, password=PASSWORD) -> bool:
    try:
        return accounts.prove_password(session, password, SECRET, now)
    except TooManyTries:
        return False


# Who has tried ten wrong passwords, and who gets in then with the right one.
@pytest.mark.parametrize(
    "used_up_by, stranger, phone, desk, session",
    [
        ("nobody", True, True, True, True),
        ("stranger", False, True, True, True),
        ("phone", True, False, True, True),
        ("session", True, True, True, False),
    ],
)
def test_nobody_uses_up_the_tries_of_another_browser(account, now, used_up_by, stranger, phone, desk, session):
    browsers = {"stranger": STRANGE, "phone": known(account, now), "desk": known(account, now)}
    inside = accounts.session_of(sign_in(account, STRANGE, now).token, now)
    if used_up_by in browsers:
        use_up(account, browsers[used_up_by], now)
    elif used_up_by == "session":
        assert not any(proves(inside, now, "wrong") for _ in range(accounts.LIMIT_KNOWN))
    assert proves(inside, now) is session
    for name, expected in {"phone": phone, "desk": desk, "stranger": stranger}.items():
        assert gets_in(account, browsers[name], now) is expected, name
    later = now + limits.WINDOW
    assert gets_in(account, STRANGE, later) and proves(inside, later)


def test_strangers_behind_the_same_address_do_not_keep_a_known_browser_out(account, now):
    for number in range(accounts.LIMIT_ADDRESS):
        accounts.sign_in(f"technician:nobody{number}", "wrong", now, "192.0.2.1", "test", STRANGE)
    assert not gets_in(account, STRANGE, now)
    assert gets_in(account, known(account, now), now)


def test_a_right_password_uses_no_try_up_of_a_whole_office(account, now):
    for _ in range(2 * accounts.LIMIT_ADDRESS):
        assert gets_in(account, STRANGE, now)


def token(account, now, **changes) -> str:
    return known_browsers.token_for(account, SECRET, now, **changes)


FALSE_TOKENS = {
    "none": lambda account, other, now: "",
    "another account's": lambda account, other, now: token(other, now),
    "another's with this name": lambda account, other, now: token(account, now)[:13] + token(other, now)[13:],
    "expired": lambda account, other, now: token(account, now - known_browsers.LIFETIME),
    "an expired pass": lambda account, other, now: token(account, now - HOUR, lasts=known_browsers.PASS_LIFETIME),
    "made longer": lambda account, other, now: token(account, now)[:13] + "ffffffff" + token(account, now)[21:],
    "of another secret": lambda account, other, now: known_browsers.token_for(account, "x" * 40, now),
    "cut": lambda account, other, now: token(account, now)[:-1],
    "lower case": lambda account, other, now: token(account, now).lower(),
    "no token": lambda account, other, now: "あ" * 69,
}  # fmt: skip


@pytest.mark.parametrize("kind", FALSE_TOKENS)
def test_a_false_token_is_a_strangers(account, now, kind):
    other = first_access.technician_account(cast.technician(now), now)
    browser = Browser(SECRET, (FALSE_TOKENS[kind](account, other, now),))
    assert browser.known_as(account, now) is None
    use_up(account, STRANGE, now)
    assert not gets_in(account, browser, now)


def test_a_new_password_makes_all_browsers_strange(account, now):
    """A thief who has collected browsers with the old password has no more tries against the new one than others."""
    browser = known(account, now)
    assert browser.known_as(account, now)
    accounts.set_password(account, "a quite different one", now)
    assert browser.known_as(account, now) is None


def test_a_browser_holds_the_tokens_of_five_people_the_newest_first(database, now):
    people = [first_access.technician_account(cast.technician(now), now) for _ in range(known_browsers.MOST + 1)]
    browser = STRANGE
    for account in [*people, people[-1]]:
        browser = Browser(SECRET, browser.with_account(account, now))
    assert [bool(browser.known_as(account, now)) for account in people] == [False] + [True] * known_browsers.MOST
    assert len(browser.tokens) == known_browsers.MOST


def at_once(n: int, action) -> list:
    """What `n` threads get that begin together, each with its own connection."""
    results, gate = [], threading.Barrier(n)

    def run():
        with connected():
            gate.wait()
            try:
                results.append(action())
            except TooManyTries:
                results.append(TooManyTries)

    threads = [threading.Thread(target=run) for _ in range(n)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_tries_at_once_are_all_counted_and_no_more_let_through_than_there_are(account, now):
    budget = Budget("test", "x", 10)
    results = at_once(20, lambda: limits.take([budget], now))
    assert results.count(TooManyTries) == 10 and results.count(True) == 1 and results.count(False) == 9
    assert Throttle.get(Throttle.key == budget.key).count == 20


def test_a_try_that_one_budget_refuses_uses_nothing_up_of_the_others(database, now):
    first, second = Budget("test", "first", 10), Budget("test", "second", 1)
    limits.take([first, second], now)
    for _ in range(20):
        with pytest.raises(TooManyTries):
            limits.take([first, second], now)
    assert Throttle.get(Throttle.key == first.key).count == 1
    limits.give_back([first], now)
    limits.give_back([first], now)
    assert Throttle.get(Throttle.key == first.key).count == 0, "never below nothing"


def told(section: str) -> int:
    return sum(section in (message.content or {}) for message in Message.select())


def test_the_person_is_told_once_a_day_when_somebody_has_used_up_the_tries(account, now):
    for moment in (now, now + limits.WINDOW, now + 2 * limits.WINDOW):
        use_up(account, STRANGE, moment)
        assert SignInRequest.select().count() == 1, "one for all ten"
        access_requests.answer_requests(SECRET, moment)
    assert told("tries_used_up_on") == 1
    assert Account.get_by_id(account.id).tries_used_up_at == now + 2 * limits.WINDOW
    assert Event.select().where(Event.name == "account:tries:used-up").count() == 3
    use_up(account, STRANGE, now + DAY)
    access_requests.answer_requests(SECRET, now + DAY)
    assert told("tries_used_up_on") == 2


def test_an_account_that_is_not_there_leaves_the_same_trace(database, now):
    for _ in range(accounts.LIMIT_ACCOUNT):
        accounts.sign_in("technician:nobody", "wrong", now, "192.0.2.1", "test", STRANGE)
    assert "nobody" not in SignInRequest.get().content
    assert access_requests.answer_requests(SECRET, now) == 1 and not Message.select().exists()


@pytest.fixture
def app(account, now) -> str:
    before = now - dt.timedelta(minutes=2)
    app = second_factor.begin_totp(account, SECRET, "とどけ")
    secret = app.secret
    second_factor.confirm_totp(account, app.sealed, pyotp.TOTP(secret).at(before), SECRET, before)
    return secret


def finishes(account, browser, code, now) -> bool:
    session = SignInSession.get(SignInSession.stage == "second_factor")
    try:
        return second_factor.finish(session, code, browser, now) is not None
    except TooManyTries:
        return False


def test_who_knows_the_password_uses_up_no_codes_of_a_known_browser_and_the_person_is_told(account, app, now):
    sign_in(account, STRANGE, now)
    code = pyotp.TOTP(app).at(now)
    assert not any(finishes(account, STRANGE, "000000", now) for _ in range(second_factor.LIMIT_CODES))
    assert not finishes(account, STRANGE, code, now)
    access_requests.answer_requests(SECRET, now)
    assert told("codes_used_up_on") == 1
    assert finishes(account, known(account, now), code, now)


def test_codes_of_a_session_are_its_own(account, app, now):
    session = SignInSession.get_by_id(accounts.session_of(accounts.open_session(account, now, "", ""), now).id)
    strangers = second_factor.Budget("second-factor", str(account.id), second_factor.LIMIT_CODES)
    for _ in range(second_factor.LIMIT_CODES):
        assert not second_factor.check(account, "000000", SECRET, now)
    assert limits.is_used_up(strangers, now)
    assert second_factor.check(account, pyotp.TOTP(app).at(now), SECRET, now, second_factor.of_session(session))
