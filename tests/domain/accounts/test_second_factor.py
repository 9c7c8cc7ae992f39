"""Codes, recovery codes and the way back, sealed secrets and passwords that are refused; on both engines."""

import datetime as dt
import threading

import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st

from db.database import connected
from db.models import RecoveryCode, SecondFactor, SignInRequest, Throttle
from tests import cast
from webapp.domain.accounts import access_requests, accounts, lost_factor, passwords, saved_forms, second_factor
from webapp.domain.accounts.accounts import AccountKind, OperatorRole
from webapp.domain.accounts.known_browsers import Browser
from webapp.domain.accounts.limits import TooManyTries
from webapp.domain.core import secret_box
from webapp.domain.core.errors import NotAllowed

SECRET = "test " * 8
PASSWORD = "correct horse battery"


@pytest.fixture
def account(database, now):
    return accounts.create_operator("yamada", "山田", OperatorRole.OPERATOR, PASSWORD, now)


@pytest.fixture
def app(account, now):
    """The secret of an app that was set up two minutes ago."""
    before = now - dt.timedelta(minutes=2)
    app = second_factor.begin_totp(account, SECRET, "とどけ")
    secret = app.secret
    account.codes = second_factor.confirm_totp(account, app.sealed, pyotp.TOTP(secret).at(before), SECRET, before)
    return secret


def test_a_secret_that_is_being_set_up_stays_the_same_until_it_is_confirmed(account, now):
    first = second_factor.begin_totp(account, SECRET, "とどけ")
    again = second_factor.begin_totp(account, SECRET, "とどけ", first.sealed)
    assert (again.secret, again.address) == (first.secret, first.address)
    assert first.secret not in first.sealed and "yamada" in first.address
    assert not account.second_factor and not SecondFactor.select().exists(), "looking writes nothing"
    assert second_factor.confirm_totp(account, again.sealed, pyotp.TOTP(first.secret).at(now), SECRET, now)
    assert first.secret not in SecondFactor.get().secret


def test_a_secret_that_was_kept_for_somebody_else_or_changed_sets_nothing_up(account, now):
    other = accounts.create_operator("sato", "佐藤", OperatorRole.OPERATOR, PASSWORD, now)
    theirs = second_factor.begin_totp(other, SECRET, "とどけ")
    mine = second_factor.begin_totp(account, SECRET, "とどけ")
    assert second_factor.begin_totp(account, SECRET, "とどけ", theirs.sealed).secret != theirs.secret
    for sealed in (theirs.sealed, "", "x", mine.sealed[:-4], second_factor.begin_totp(account, "y" * 40, "").sealed):
        for secret in (theirs.secret, mine.secret):
            assert second_factor.confirm_totp(account, sealed, pyotp.TOTP(secret).at(now), SECRET, now) is None
    assert not SecondFactor.select().exists()


def test_the_code_that_confirms_an_app_opens_nothing_afterwards_and_one_app_remains(account, now):
    app = second_factor.begin_totp(account, SECRET, "とどけ")
    code = pyotp.TOTP(app.secret).at(now)
    results = []

    def confirm():
        with connected():
            results.append(second_factor.confirm_totp(account, app.sealed, code, SECRET, now))

    threads = [threading.Thread(target=confirm) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 3 and SecondFactor.select().count() == 1
    assert not second_factor.check(account, code, SECRET, now)


def test_a_code_counts_half_a_minute_early_or_late_and_each_code_once(account, app, now):
    totp = pyotp.TOTP(app)
    assert not second_factor.check(account, totp.at(now - dt.timedelta(seconds=90)), SECRET, now)
    assert second_factor.check(account, totp.at(now - dt.timedelta(seconds=30)), SECRET, now)
    assert not second_factor.check(account, totp.at(now - dt.timedelta(seconds=30)), SECRET, now)
    assert second_factor.check(account, totp.at(now), SECRET, now)
    assert not second_factor.check(account, totp.at(now - dt.timedelta(seconds=30)), SECRET, now), "nor an older one"
    assert second_factor.check(account, totp.at(now + dt.timedelta(seconds=30)), SECRET, now)


def test_one_of_many_requests_with_the_same_code_gets_in(account, app, now):
    code, results = pyotp.TOTP(app).at(now), []

    def ask():
        with connected():
            results.append(second_factor.check(account, code, SECRET, now))

    threads = [threading.Thread(target=ask) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [False] * 4 + [True]


def test_recovery_codes_are_ten_hashes_and_each_works_once(account, app, now):
    assert len(account.codes) == 10 and second_factor.codes_left(account) == 10
    assert not {row.code_hash for row in RecoveryCode.select()} & set(account.codes)
    typed = f"{account.codes[0][:5].lower()}-{account.codes[0][5:]}"
    assert second_factor.check(account, typed, SECRET, now) and not second_factor.check(account, typed, SECRET, now)
    assert second_factor.codes_left(account) == 9
    fresh = second_factor.new_recovery_codes(account, SECRET, now)
    assert not second_factor.check(account, account.codes[1], SECRET, now)
    assert second_factor.check(account, fresh[0], SECRET, now)


def test_another_persons_recovery_code_is_worth_nothing(account, app, now):
    other = accounts.create_operator("sato", "佐藤", OperatorRole.OPERATOR, PASSWORD, now)
    codes = second_factor.new_recovery_codes(other, SECRET, now)
    assert not second_factor.check(account, codes[0], SECRET, now)


def test_the_last_factor_takes_the_recovery_codes_with_it(account, app, now):
    assert second_factor.remove(account, SecondFactor.get().id, now)
    assert not account.second_factor and not RecoveryCode.select().exists()
    assert not second_factor.remove(account, 1, now)


def test_the_way_back_needs_a_note_another_person_and_a_day(account, app, now):
    helper = accounts.create_operator("sato", "佐藤", OperatorRole.ADMINISTRATOR, PASSWORD, now)
    for by, text in ((account, "私です"), (helper, "  ")):
        with pytest.raises(NotAllowed):
            lost_factor.begin(account, by, text, now)
    lost_factor.begin(account, helper, "運転免許証で確認", now)
    with pytest.raises(NotAllowed):
        lost_factor.begin(account, helper, "もう一度", now)
    assert not lost_factor.take(account, now + lost_factor.DELAY - dt.timedelta(seconds=1))
    assert lost_factor.take(account, now + lost_factor.DELAY)
    assert not lost_factor.take(account, now + lost_factor.DELAY) and not account.second_factor


def test_a_lock_holds_across_connections_and_processes(account, now, database_url):
    """The counters stand in the database: whichever process counts, all of them refuse."""
    import subprocess
    import sys

    script = (
        "import datetime as dt, sys\n"
        "from db import database as db\n"
        "from webapp.domain.accounts import accounts, known_browsers\n"
        "now = dt.datetime.fromisoformat(sys.argv[2])\n"
        "browser = known_browsers.Browser('test ' * 8)\n"
        "db.configure(sys.argv[1])\n"
        "with db.connected():\n"
        "    for n in range(5):\n"
        "        assert accounts.sign_in('operator:yamada', 'wrong', now, f'192.0.2.{n}', '', browser) is None\n"
    )
    for _ in range(2):
        subprocess.run([sys.executable, "-c", script, database_url, now.isoformat()], check=True)
    with pytest.raises(TooManyTries):
        accounts.sign_in(
            accounts.login_key(AccountKind.OPERATOR, "yamada"), PASSWORD, now, "192.0.2.99", "", Browser(SECRET)
        )
    assert Throttle.select().count() > 1


def test_requests_are_sealed_answered_once_and_forgotten(database, now):
    person = cast.technician(now)
    cast.email(person, "k-sato@example.jp", now)
    wanted = {"way": "mail", "technician_id": person.technician_id, "birth_date": "昭和60年4月1日"}
    access_requests.ask(wanted, SECRET, now, "192.0.2.1")
    assert person.technician_id not in SignInRequest.get().content
    assert access_requests.answer_requests(SECRET, now) == 1
    assert access_requests.answer_requests(SECRET, now) == 0


def test_what_is_sealed_opens_with_its_secret_and_purpose_only():
    text = secret_box.seal(SECRET, "one", "秘密")
    assert secret_box.unseal(SECRET, "one", text) == "秘密" and text != secret_box.seal(SECRET, "one", "秘密")
    changed = text[:-5] + ("A" if text[-5] != "A" else "B") + text[-4:]
    for secret, purpose, given_text in (
        ("x" * 40, "one", text), (SECRET, "two", text), (SECRET, "one", changed), (SECRET, "one", ""),
        (SECRET, "one", "あ"),
    ):  # fmt: skip
        with pytest.raises(secret_box.NotSealed):
            secret_box.unseal(secret, purpose, given_text)


def test_a_kept_form_opens_once_for_its_owner_on_its_page_in_time(account, now):
    fields = {"name": ["佐藤"], "groups": ["a", "b"], "new_password": ["x"], "csrf_token": ["y"], "postal_code": ["1"]}
    token = saved_forms.keep(fields, "/page", account.id, SECRET, now)
    late = now + saved_forms.KEEP
    for page, owner, moment in (("/other", account.id, now), ("/page", 1, now), ("/page", account.id, late)):
        assert saved_forms.take(token, page, owner, SECRET, moment) is None
    kept = {"name": ["佐藤"], "groups": ["a", "b"], "postal_code": ["1"]}
    assert saved_forms.take(token, "/page", account.id, SECRET, now) == kept
    assert saved_forms.take(token, "/page", account.id, SECRET, now) is None
    assert saved_forms.keep({"a": ["x" * saved_forms.LARGEST]}, "/page", account.id, SECRET, now) is None


@pytest.mark.parametrize(
    "password",
    ["password", "Passw0rd!", "P@ssw0rd2026", "12345678", "87654321", "qwertyui", "1qaz2wsx", "sakura123", "aaaaaaaa",
     "abcabcabc", "iloveyou!!", "tokyo2020", "Kensetsu1", "19850401", "ｐａｓｓｗｏｒｄ", "000000001", "doraemon99"],
)  # fmt: skip
def test_common_passwords_are_refused_however_they_are_decorated(password):
    with pytest.raises(passwords.PasswordError) as refused:
        passwords.check(password)
    assert refused.value.sentence == passwords.TOO_COMMON


@pytest.mark.parametrize(
    "password",
    ["70000000000001", "7000-0000-0000-01", "0000000001", "佐藤健一1985", "サトウケンイチ", "x19850401", "yamada-12"],
)
def test_passwords_made_of_the_person_are_refused(password):
    about = ("70000000000001", "佐藤 健一", "サトウ ケンイチ", "19850401", "yamada")
    with pytest.raises(passwords.PasswordError):
        passwords.check(password, about)


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "a long enough password",
        "3f2a-91bc-77de-1200",
        "雨上がりの現場と缶コーヒー",
        "tR8#kd0Qz",
    ],
)
def test_good_passwords_of_any_composition_are_taken(password):
    passwords.check(password, ("70000000000001", "佐藤 健一"))


@given(st.text(max_size=300))
def test_any_text_is_a_password_or_refused_with_a_sentence(text):
    try:
        passwords.check(text, ("佐藤 健一", "1234"))
    except passwords.PasswordError as error:
        assert error.sentence
