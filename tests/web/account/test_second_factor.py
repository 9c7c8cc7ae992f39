"""The second factor: asked for, mandatory for administrators, used once, replaced when lost."""

import datetime as dt
import re

import pyotp
import pytest

from db.ids import encode
from db.models import Account, Message, SecondFactor, SignInSession
from tests import cast
from tests.web.conftest import PASSWORD, app_of, business_user, operator, signed_in, technician_user
from webapp.domain.accounts import accounts, first_access, lost_factor, second_factor
from webapp.domain.accounts.accounts import OperatorRole

WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])


def led(answer) -> str:
    return answer.headers.get("HX-Redirect") or answer.location or ""


@pytest.fixture
def person(app, now):
    """A technician with a password and an app."""
    person = cast.technician(now)
    person.account = first_access.technician_account(person, now)
    accounts.set_password(person.account, PASSWORD, now)
    app_of(app, person.account, now)
    return person


def by_password(client, person, **kwargs):
    return client.submit("/sign-in", {"technician_id": person.technician_id, "password": PASSWORD}, **kwargs)


def code_of(person, at) -> str:
    return pyotp.TOTP(person.account.app_secret).at(at)


@WAYS
def test_the_password_alone_opens_nothing(client, person, now, htmx):
    assert led(by_password(client, person, htmx=htmx)) == "/sign-in/second-factor"
    assert client.get("/me/sessions").status_code == 303
    assert accounts.sessions_of(person.account, now) == []
    get = client.partial if htmx else client.get
    assert 'name="code"' in get("/sign-in/second-factor").text
    wrong = client.submit("/sign-in/second-factor", {"code": "000000"}, htmx=htmx)
    assert wrong.status_code == 422 and 'id="code-error"' in wrong.text
    assert led(client.submit("/sign-in/second-factor", {"code": code_of(person, now)}, htmx=htmx))
    assert client.get("/me/sessions").status_code == 200


def test_a_code_is_taken_once(app, person, now, clock):
    code = code_of(person, now)
    first, second = app.test_client(), app.test_client()
    for client in (first, second):
        by_password(client, person)
        client.get("/sign-in/second-factor")
    assert first.submit("/sign-in/second-factor", {"code": code}).status_code == 303
    assert second.submit("/sign-in/second-factor", {"code": code}).status_code == 422
    clock.at += dt.timedelta(seconds=30)
    assert second.submit("/sign-in/second-factor", {"code": code}).status_code == 422, "within the drift, still used"
    assert second.submit("/sign-in/second-factor", {"code": code_of(person, clock.at)}).status_code == 303


def test_guessing_codes_has_to_wait_even_with_new_half_sessions(app, person, now):
    statuses = []
    for _ in range(second_factor.LIMIT_CODES + 1):
        client = app.test_client()
        by_password(client, person)
        client.get("/sign-in/second-factor")
        statuses.append(client.submit("/sign-in/second-factor", {"code": "000000"}).status_code)
    assert statuses[-1] == 429 and set(statuses[:-1]) == {422}


def test_a_half_session_ends_after_ten_minutes(client, person, clock):
    by_password(client, person)
    clock.at += accounts.SECOND_FACTOR_WITHIN
    assert client.get("/sign-in/second-factor").status_code == 303


@WAYS
def test_somebody_sets_up_an_app_and_gets_recovery_codes_once(app, now, clock, htmx):
    client = technician_user(app, now)
    get = client.partial if htmx else client.get
    page = get("/me/second-factor/app").text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)[1]
    assert "data:image/png" in page and not SecondFactor.select().exists(), "looking writes nothing"
    client.get("/me/second-factor/app")
    assert client.submit("/me/second-factor/app", {"code": "000000"}, htmx=htmx).status_code == 422
    shown = client.submit("/me/second-factor/app", {"code": pyotp.TOTP(secret).at(now)}, htmx=htmx)
    codes = re.findall(r"<code>([0-9A-Z]{5}-[0-9A-Z]{5})</code>", shown.text)
    assert len(set(codes)) == second_factor.RECOVERY_CODES
    assert not any(code in client.get("/me/second-factor").text for code in codes)
    other = app.test_client()
    person = type("P", (), {"technician_id": Account.get().login_key.partition(":")[2]})
    for used in (False, True):
        by_password(other, person)
        other.get("/sign-in/second-factor")
        answer = other.submit("/sign-in/second-factor", {"code": codes[0].lower()})
        assert answer.status_code == (422 if used else 303), "a recovery code works once"
        other.get("/")
        other.submit("/sign-out")
        other.token = None


def test_an_administrator_sees_nothing_before_a_second_factor_is_set_up(app, now):
    accounts.create_operator("chief", "管理", OperatorRole.ADMINISTRATOR, PASSWORD, now)
    client = app.test_client()
    answer = client.submit("/sign-in/operators", {"name": "chief", "password": PASSWORD, "next": "/ops"})
    assert answer.location == "/me/second-factor"
    for path in ("/ops", "/ops/sign-ins", "/me/sessions", "/me/password"):
        assert client.get(path).location == "/me/second-factor", path
    page = client.get("/me/second-factor/app").text
    secret = re.search(r"<code>([A-Z2-7]{32})</code>", page)[1]
    assert client.submit("/me/second-factor/app", {"code": pyotp.TOTP(secret).at(now)}).status_code == 200
    assert client.get("/ops/sign-ins").status_code == 200
    client.get("/me/second-factor")
    factor = SecondFactor.get()
    refused = client.submit(f"/me/second-factor/{encode(factor.id)}/remove")
    assert refused.status_code == 422 and SecondFactor.select().count() == 1, "the last one of an administrator stays"


def test_the_way_back_takes_a_day_and_tells_the_person(app, person, now, clock):
    cast.email(person, "k-sato@example.jp", now)
    helper = operator(app, OperatorRole.OPERATOR, now)
    found = find(helper, person)
    helper.get(found)
    assert helper.submit(found + "/lost-factor", {"note": " "}).status_code == 422
    assert helper.submit(found + "/lost-factor", {"note": "運転免許証で確認"}).status_code == 303
    told = Message.get()
    assert told.kind == "confirm" and "2026/11/19 10:02" in told.content["factor_lost_until"]
    client = app.test_client()
    clock.at += lost_factor.DELAY - dt.timedelta(minutes=1)
    assert by_password(client, person).location == "/sign-in/second-factor"
    clock.at += dt.timedelta(minutes=1)
    again = app.test_client()
    assert by_password(again, person).location != "/sign-in/second-factor"
    assert not Account.get_by_id(person.account.id).second_factor and not SecondFactor.select().exists()


@pytest.mark.parametrize("who", ["person", "another operator"])
def test_the_way_back_can_be_stopped(app, person, now, clock, who):
    helper = operator(app, OperatorRole.OPERATOR, now)
    found = find(helper, person)
    helper.get(found)
    helper.submit(found + "/lost-factor", {"note": "電話で確認"})
    client = app.test_client()
    if who == "person":
        by_password(client, person)
        client.get("/sign-in/second-factor")
        client.submit("/sign-in/second-factor", {"code": code_of(person, now)})
        assert "解除を止める" in client.get("/me/second-factor").text
        client.submit("/me/second-factor/keep")
    else:
        account = accounts.create_operator("second", "別の担当", OperatorRole.OPERATOR, PASSWORD, now)
        assert lost_factor.stop(person.account, account, now)
    clock.at += 2 * lost_factor.DELAY
    again = app.test_client()
    assert by_password(again, person).location == "/sign-in/second-factor"


def find(client, person) -> str:
    client.get("/ops/sign-ins")
    answer = client.submit("/ops/sign-ins", {"id": person.technician_id})
    assert answer.status_code == 303 and person.technician_id not in answer.location
    return answer.location


def test_nobody_but_operators_finds_sign_ins(app, now, technician, business_admin):
    for client in (technician, business_admin):
        assert client.get("/ops/sign-ins").status_code == 404


def test_signing_in_gives_a_new_session_id_at_each_step(app, person, now):
    """Session fixation: neither the cookie before the password nor the one between the steps opens anything after."""
    client = app.test_client()
    client.get("/sign-in")
    first = client.get_cookie("session").value
    by_password(client, person)
    client.get("/sign-in/second-factor")
    between = client.get_cookie("session").value
    client.submit("/sign-in/second-factor", {"code": code_of(person, now)})
    for old in (first, between):
        thief = app.test_client()
        thief.set_cookie("session", old)
        assert thief.get("/me/sessions").status_code == 303
        assert thief.get("/sign-in/second-factor").status_code == 303
    assert SignInSession.select().count() == 1


def test_an_operator_cannot_reset_the_factor_of_themselves_nor_disable_themselves(app, now, ops_admin):
    me = Account.get(Account.role == "administrator")
    ops_admin.get("/ops/sign-ins")
    page = ops_admin.submit("/ops/sign-ins", {"user_name": "test-administrator"}).location
    ops_admin.get(page)
    assert ops_admin.submit(page + "/lost-factor", {"note": "私です"}).status_code == 422
    assert ops_admin.submit(page + "/disable").status_code == 422
    assert Account.get_by_id(me.id).active


def test_an_operator_who_disables_somebody_ends_their_session_at_once(app, now, ops_operator):
    client = business_user(app, now)
    account = Account.get(Account.kind == "business_user")
    _, number, name = account.login_key.split(":")
    ops_operator.get("/ops/sign-ins")
    page = ops_operator.submit("/ops/sign-ins", {"id": number, "user_name": name}).location
    ops_operator.get(page)
    assert client.get("/me/sessions").status_code == 200
    assert ops_operator.submit(page + "/disable").status_code == 303
    assert client.get("/me/sessions").status_code == 303


def administrator(app, name: str, now):
    """The client of one more administrator with an app."""
    account = accounts.create_operator(name, name, OperatorRole.ADMINISTRATOR, PASSWORD, now)
    app_of(app, account, now)
    return signed_in(app, account, {"name": name}, "/sign-in/operators")


@WAYS
def test_an_administrators_lost_phone_needs_two_others(app, now, clock, htmx):
    lost = accounts.create_operator("lost", "管理一", OperatorRole.ADMINISTRATOR, PASSWORD, now)
    app_of(app, lost, now)
    helper = operator(app, OperatorRole.OPERATOR, now)
    second, third = administrator(app, "second", now), administrator(app, "third", now)
    second.get("/ops/sign-ins")
    page = second.submit("/ops/sign-ins", {"user_name": "lost"}).location
    assert "解除を始める" not in helper.get(page).text
    assert helper.submit(page + "/lost-factor", {"note": "電話で確認"}).status_code == 422
    second.get(page)
    assert led(second.submit(page + "/lost-factor", {"note": "社員証で確認"}, htmx=htmx)) == page
    waiting = second.get(page).text
    assert "別の管理者が承認すると" in waiting and "承認する</button>" not in waiting
    assert second.submit(page + "/approve-lost-factor", htmx=htmx).status_code == 422
    helper.get(page)
    assert helper.submit(page + "/approve-lost-factor", htmx=htmx).status_code == 403
    assert "本人に確かめたので承認する" in third.get(page).text
    assert led(third.submit(page + "/approve-lost-factor", htmx=htmx)) == page
    assert "有効になる時刻" in third.get(page).text
    form = {"name": "lost", "password": PASSWORD}
    assert app.test_client().submit("/sign-in/operators", form).location == "/sign-in/second-factor"
    clock.at += lost_factor.DELAY
    assert app.test_client().submit("/sign-in/operators", form).location == "/me/second-factor", "a new one is set up"


def test_the_person_sees_that_it_waits_and_stops_it(app, now, ops_admin):
    account = accounts.create_operator("lost", "管理一", OperatorRole.ADMINISTRATOR, PASSWORD, now)
    app_of(app, account, now)
    client = signed_in(app, account, {"name": "lost"}, "/sign-in/operators")
    ops_admin.get("/ops/sign-ins")
    page = ops_admin.submit("/ops/sign-ins", {"user_name": "lost"}).location
    ops_admin.get(page)
    ops_admin.submit(page + "/lost-factor", {"note": "社員証で確認"})
    assert "別の管理者が承認し、1日たつと" in client.get("/me/second-factor").text
    assert client.submit("/me/second-factor/keep").status_code == 303
    assert lost_factor.current(account) is None
