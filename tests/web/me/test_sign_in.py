"""One's own sessions and password, the proof of identity again, and the form that outlives its session."""

import datetime as dt
import re

import pytest
from flask import request

from db.ids import encode
from db.models import Account, KeptForm, SignInSession
from tests import cast
from tests.web.conftest import PASSWORD, CheckedClient, app_of, business_user, signed_in, technician_user
from webapp import create_app
from webapp.domain.accounts import accounts, first_access
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.core import secret_box
from webapp.web import access_table, guards

WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])
INVITE = {"user_name": "suzuki", "display_name": "鈴木 一", "email": "suzuki@example.jp", "role": "administrator"}


def led(answer) -> str:
    return answer.headers.get("HX-Redirect") or answer.location or ""


@pytest.fixture
def person(app, now):
    return cast.technician(now)


def test_somebody_sees_their_own_sessions_and_signs_one_out_there(app, now, person):
    phone = technician_user(app, now, person)
    desk = app.test_client()
    desk.submit("/sign-in", {"technician_id": person.technician_id, "password": PASSWORD})
    page = desk.get("/me/sessions").text
    assert page.count("サインアウトさせる") >= 1 and page.count("この端末") == 1
    action = re.search(r'action="(/me/sessions/[0-9A-Z]{13}/end)"', page)[1]
    assert desk.submit(action).status_code == 303
    assert phone.get("/me/sessions").location.startswith("/sign-in")
    assert desk.get("/me/sessions").status_code == 200


def test_nobody_ends_the_session_of_another(app, now, person, ops_admin):
    technician = technician_user(app, now, person)
    other = technician_user(app, now)
    mine = SignInSession.select().join(Account).where(Account.technician == person).get()
    for client in (other, ops_admin):
        client.get("/me/sessions")
        assert client.submit(f"/me/sessions/{encode(mine.id)}/end").status_code == 404
    assert technician.get("/me/sessions").status_code == 200


@pytest.mark.parametrize("kind", list(AccountKind))
def test_sessions_end_by_their_kind_when_idle_and_at_their_longest(app, now, clock, ops_operator, kind):
    client = {
        AccountKind.OPERATOR: lambda: ops_operator,
        AccountKind.TECHNICIAN: lambda: technician_user(app, now),
        AccountKind.BUSINESS_USER: lambda: business_user(app, now),
    }[kind]()
    limits = accounts.LIMITS[kind]
    step = limits.idle - dt.timedelta(minutes=2)
    while clock.at + step < now + limits.longest:
        clock.at += step
        assert client.get("/me/sessions").status_code == 200
    clock.at = now + limits.longest
    answer = client.get("/me/sessions")
    assert answer.status_code == 303
    assert "サインアウトされています。もう一度サインインしてください。" in client.get(answer.location).text


@WAYS
def test_a_new_password_needs_the_old_one_and_ends_the_other_sessions(app, now, person, htmx):
    phone, desk = technician_user(app, now, person), app.test_client()
    desk.submit("/sign-in", {"technician_id": person.technician_id, "password": PASSWORD})
    desk.get("/me/password")
    new = "a quite different one"
    for old, word in (("wrong", new), (PASSWORD, "password"), (PASSWORD, "19850401")):
        answer = desk.submit("/me/password", {"old_password": old, "password": word}, htmx=htmx)
        assert answer.status_code == 422 and f'value="{word}"' not in answer.text
    assert led(desk.submit("/me/password", {"old_password": PASSWORD, "password": new}, htmx=htmx)) == "/me/sessions"
    assert phone.get("/me/sessions").status_code == 303 and desk.get("/me/sessions").status_code == 200
    assert re.search(r"いまのパスワードにした日時: <time [^>]*>2026年11月18日", desk.get("/me/sessions").text)


@WAYS
def test_after_a_quarter_of_an_hour_a_dangerous_step_asks_who_one_is(app, now, clock, htmx):
    client = business_user(app, now)
    clock.at += accounts.RECENT
    page = client.get("/business/users")
    assert page.status_code == 200, "looking needs no proof"
    headers = {"Referer": "http://localhost/business/users"}
    asked = client.submit("/business/users", INVITE, htmx=htmx, headers=headers)
    assert led(asked) == "/confirm-identity?next=/business/users" and Account.select().count() == 1
    client.get("/confirm-identity?next=/business/users")
    wrong = client.submit("/confirm-identity", {"password": "wrong", "next": "/business/users"}, htmx=htmx)
    assert wrong.status_code == 422
    answer = client.submit("/confirm-identity", {"password": PASSWORD, "next": "/business/users"}, htmx=htmx)
    assert led(answer) == "/business/users"
    back = client.get("/business/users").text
    assert 'value="suzuki"' in back and 'value="鈴木 一"' in back and "まだ送信していません" in back
    assert re.search(r'value="administrator" checked', back)
    assert 'value="suzuki"' not in client.get("/business/users").text, "once"
    assert led(client.submit("/business/users", INVITE, htmx=htmx)) == "/business/users"


def test_the_proof_asks_for_a_code_too_where_there_is_an_app(app, now, clock):
    import pyotp

    person = cast.technician(now)
    account = first_access.technician_account(person, now)
    accounts.set_password(account, PASSWORD, now)
    secret = app_of(app, account, now)
    client = signed_in(app, account, {"technician_id": person.technician_id}, "/sign-in")
    clock.at += accounts.RECENT
    assert client.get("/me/password").location.startswith("/confirm-identity")
    client.get("/confirm-identity")
    assert client.submit("/confirm-identity", {"password": PASSWORD}).status_code == 422
    assert client.submit("/confirm-identity", {"password": PASSWORD, "code": "000000"}).status_code == 422
    form = {"password": PASSWORD, "code": pyotp.TOTP(secret).at(clock.at), "next": "/me/password"}
    assert client.submit("/confirm-identity", form).location == "/me/password"
    assert client.get("/me/password").status_code == 200


@WAYS
def test_a_form_sent_after_the_session_ended_comes_back_filled(app, now, clock, htmx):
    firm = cast.business(now)
    client = business_user(app, now, firm=firm)
    client.get("/business/users")
    clock.at += accounts.LIMITS[AccountKind.BUSINESS_USER].idle
    headers = {"Referer": "http://localhost/business/users"}
    sent = client.submit("/business/users", INVITE | {"password": "must not be kept"}, htmx=htmx, headers=headers)
    assert led(sent) == "/sign-in/business?next=/business/users"
    kept = KeptForm.get()
    assert "suzuki" not in kept.content
    assert "must not" not in str(secret_box.unseal(app.secret_key, "kept-form", kept.content))
    assert "入力した内容は、サインインすると元に戻ります。" in client.get("/sign-in/business?next=/business/users").text
    form = {"business_id": firm.business_id, "user_name": "tanaka", "password": PASSWORD, "next": "/business/users"}
    assert client.submit("/sign-in/business", form).location == "/business/users"
    assert 'value="suzuki"' in client.get("/business/users").text
    assert not KeptForm.select().exists()


def test_a_kept_form_is_shown_to_nobody_else(app, now, clock):
    client = business_user(app, now)
    client.get("/business/users")
    clock.at += accounts.LIMITS[AccountKind.BUSINESS_USER].idle
    client.submit("/business/users", INVITE, headers={"Referer": "http://localhost/business/users"})
    other = cast.business(now)
    account = first_access.new_business_user(other, "other", "", accounts.BusinessRole.ADMINISTRATOR, now)
    accounts.set_password(account, PASSWORD, now)
    client.get("/sign-in/business")
    client.submit("/sign-in/business", {"business_id": other.business_id, "user_name": "other", "password": PASSWORD})
    page = client.get("/business/users").text
    assert "suzuki" not in page and "まだ送信していません" not in page


def test_a_page_of_another_site_is_never_where_a_form_goes_back_to(app, now, clock):
    client = business_user(app, now)
    client.get("/business/users")
    clock.at += accounts.LIMITS[AccountKind.BUSINESS_USER].idle
    sent = client.submit("/business/users", INVITE, headers={"Referer": "https://evil.example/business/users"})
    assert sent.location == "/sign-in/business?next=/business/users"


def test_every_part_of_the_site_sends_to_its_own_way_in(client):
    assert client.get("/ops/sign-ins").location.startswith("/sign-in/operators?")
    assert client.get("/business/users").location.startswith("/sign-in/business?")
    assert client.get("/me/sessions").location.startswith("/sign-in?")


@pytest.mark.parametrize("path", ["/sign-in", "/sign-in/business", "/sign-in/operators"])
@pytest.mark.parametrize("language", ["ja", "en"])
def test_each_way_in_is_a_page_in_both_languages(client, path, language):
    page = client.get(path, headers={"Accept-Language": language})
    assert page.status_code == 200 and page.text.count('aria-current="page"') == 1
    assert f'action="{path}"' in page.text


@WAYS
@pytest.mark.parametrize(
    "path, fields",
    [
        ("/sign-in", {"technician_id": "7000 0000 0000 99"}),
        ("/sign-in/business", {"business_id": "10000000000099", "user_name": "tanaka"}),
        ("/sign-in/operators", {"name": "nobody"}),
    ],
)
def test_a_wrong_sign_in_is_422_with_what_was_typed(client, path, fields, htmx):
    answer = client.submit(path, fields | {"password": "wrong one here"}, htmx=htmx)
    assert answer.status_code == 422 and "wrong one here" not in answer.text
    assert all(f'value="{value}"' in answer.text for value in fields.values())


def test_a_technicians_id_may_be_typed_in_any_way(app, now, person):
    technician_user(app, now, person)
    number = person.technician_id
    for typed in (f"{number[:4]} {number[4:8]}-{number[8:]}", "".join(chr(ord(c) + 0xFEE0) for c in number)):
        answer = app.test_client().submit("/sign-in", {"technician_id": typed, "password": PASSWORD})
        assert answer.status_code == 303


def test_the_guard_for_files_asks_too(settings, clock, monkeypatch, now):
    """A GET behind the guard: shown when the proof is new, asked for when it is old."""
    from db.database import connected, database
    from webapp.web.recent_authentication import recent_authentication

    monkeypatch.setattr(
        guards, "check_table", lambda app, table: app.add_url_rule("/file", "file", recent_authentication(shown))
    )
    monkeypatch.setattr(access_table, "ACCESS", access_table.ACCESS | {"file": guards.SIGNED_IN})
    app = create_app(settings, clock)
    app.test_client_class = CheckedClient
    with connected():
        client = technician_user(app, now)
        assert client.get("/file").data == b"GET"
        clock.at += accounts.RECENT
        assert client.get("/file").location == "/confirm-identity?next=/file"
    database.close_all()


def shown():
    return request.method, 200, {"Content-Type": "text/plain"}
