"""Tries on the pages of signing in: a browser that is known, a link of an operator's, and forty tries at once."""

import re
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlencode

import pyotp
import pytest

from db.models import Account, AuditRow, Message, Throttle
from tests import cast
from tests.web.conftest import PASSWORD, app_of, business_user, operator, signed_in, technician_user
from tests.web.live import FORM, exchange, head, status_of
from webapp.domain.accounts import access_requests, accounts, first_access, second_factor
from webapp.domain.accounts.accounts import AccountKind, OperatorRole
from webapp.web.clock import utc_now

TRIES = accounts.LIMIT_ACCOUNT


def use_up(app, path: str, fields: dict):
    """Ten wrong passwords of a stranger."""
    stranger = app.test_client()
    for _ in range(TRIES):
        assert stranger.submit(path, fields | {"password": "wrong"}).status_code == 422
    assert stranger.submit(path, fields | {"password": PASSWORD}).status_code == 429
    return stranger


@pytest.mark.parametrize("kind", list(AccountKind))
def test_a_browser_in_which_somebody_was_signed_in_is_not_kept_out_by_strangers(app, now, kind):
    if kind == AccountKind.OPERATOR:
        client, path, fields = operator(app, OperatorRole.VIEWER, now), "/sign-in/operators", {"name": "test-viewer"}
    elif kind == AccountKind.TECHNICIAN:
        person = cast.technician(now)
        client, path, fields = technician_user(app, now, person), "/sign-in", {"technician_id": person.technician_id}
    else:
        firm = cast.business(now)
        client, path = business_user(app, now, firm=firm), "/sign-in/business"
        fields = {"business_id": firm.business_id, "user_name": "tanaka"}
    client.get("/me/sessions")
    client.submit("/sign-out")
    client.token = None
    use_up(app, path, fields)
    answer = client.submit(path, fields | {"password": PASSWORD})
    assert answer.status_code == 303 and client.get("/me/sessions").status_code == 200


def test_a_known_browser_stays_known_after_a_new_password_is_set_in_it(app, now):
    person = cast.technician(now)
    client = technician_user(app, now, person)
    client.get("/me/password")
    client.submit("/me/password", {"old_password": PASSWORD, "password": "a quite different one"})
    client.submit("/sign-out", {"csrf_token": client.token})
    client.token = None
    fields = {"technician_id": person.technician_id}
    use_up_by = app.test_client()
    for _ in range(TRIES):
        use_up_by.submit("/sign-in", fields | {"password": "wrong"})
    assert client.submit("/sign-in", fields | {"password": "a quite different one"}).status_code == 303


def test_ten_wrong_passwords_of_a_stranger_do_not_keep_somebody_from_proving_again_who_they_are(app, now, clock):
    person = cast.technician(now)
    client = technician_user(app, now, person)
    use_up(app, "/sign-in", {"technician_id": person.technician_id})
    clock.at += accounts.RECENT
    use_up(app, "/sign-in", {"technician_id": person.technician_id})
    client.get("/confirm-identity?next=/me/password")
    assert client.submit("/confirm-identity", {"password": PASSWORD, "next": "/me/password"}).status_code == 303
    client.get("/me/password")
    new = {"old_password": PASSWORD, "password": "a quite different one"}
    assert client.submit("/me/password", new).location == "/me/sessions"


def test_ten_wrong_passwords_in_a_session_are_enough_and_keep_nobody_else_out(app, now):
    person = cast.technician(now)
    client = technician_user(app, now, person)
    client.get("/confirm-identity")
    answers = [client.submit("/confirm-identity", {"password": "wrong"}).status_code for _ in range(TRIES + 1)]
    assert answers == [422] * TRIES + [429]
    assert client.submit("/confirm-identity", {"password": PASSWORD}).status_code == 429
    fields = {"technician_id": person.technician_id, "password": PASSWORD}
    assert app.test_client().submit("/sign-in", fields).status_code == 303


def test_the_person_sees_beside_the_own_sessions_that_somebody_used_up_the_tries(app, now, settings):
    person = cast.technician(now)
    cast.email(person, "k-sato@example.jp", now)
    client = technician_user(app, now, person)
    assert "受付を一時的に止めました" not in client.get("/me/sessions").text
    use_up(app, "/sign-in", {"technician_id": person.technician_id})
    access_requests.answer_requests(settings.secret_key, now)
    assert re.search(r"受付を一時的に止めました。[^<]* <time [^>]*>2026年11月18日", client.get("/me/sessions").text)
    assert Message.select().count() == 1


def locked_out(app, now) -> Account:
    """An operator with an app who is kept out by a stranger."""
    account = accounts.create_operator("yamada", "山田", OperatorRole.ADMINISTRATOR, PASSWORD, now)
    app_of(app, account, now)
    use_up(app, "/sign-in/operators", {"name": "yamada"})
    return account


def test_a_colleague_makes_a_link_that_gives_tries_and_lets_nobody_in(app, now, ops_operator, settings):
    account = locked_out(app, now)
    ops_operator.get("/ops/sign-ins")
    page = ops_operator.submit("/ops/sign-ins", {"user_name": "yamada"}).location
    assert "待たずに試すためのリンクを作る" in ops_operator.get(page).text
    made = ops_operator.submit(page + "/pass")
    link = re.search(r"<code>([^<]+)</code>", made.text)[1]
    assert link.startswith(settings.public_url + "/sign-in/operators?known=")
    assert AuditRow.select().where(AuditRow.action == "account:pass:made").count() == 1

    client = app.test_client()
    opened = client.get(link.removeprefix(settings.public_url))
    assert (opened.status_code, opened.location) == (303, "/sign-in/operators"), "the token leaves the address"
    assert "別枠で" in client.get("/sign-in/operators").text
    assert client.get("/ops").status_code == 303, "nobody is in"
    assert client.submit("/sign-in/operators", {"name": "yamada", "password": "wrong"}).status_code == 422
    form = {"name": "yamada", "password": PASSWORD}
    assert client.submit("/sign-in/operators", form).location == "/sign-in/second-factor", "the code is asked for"
    client.get("/sign-in/second-factor")
    code = pyotp.TOTP(account.app_secret).at(now)
    assert client.submit("/sign-in/second-factor", {"code": code}).status_code == 303
    assert client.get("/ops/sign-ins").status_code == 200


@pytest.mark.parametrize("spoilt", ["late", "changed", "none", "disabled"])
def test_a_link_for_tries_that_is_none_says_so(app, now, clock, ops_operator, settings, spoilt):
    account = locked_out(app, now)
    ops_operator.get("/ops/sign-ins")
    page = ops_operator.submit("/ops/sign-ins", {"user_name": "yamada"}).location
    ops_operator.get(page)
    path = re.search(r"<code>[^<]+(/sign-in[^<]+)</code>", ops_operator.submit(page + "/pass").text)[1]
    if spoilt == "late":
        clock.at += first_access.WINDOW
    elif spoilt == "changed":
        path = path[:-1] + ("0" if path[-1] != "0" else "1")
    elif spoilt == "none":
        path = "/sign-in/operators?known=あ"
    else:
        accounts.set_active(account, False)
    client = app.test_client()
    assert client.get(path).status_code == 303 and client.get_cookie("known", path="/sign-in") is None
    assert "このリンクは使えません" in client.get("/sign-in/operators").text


def test_who_may_only_look_makes_no_link(app, now, ops_viewer):
    locked_out(app, now)
    ops_viewer.get("/ops/sign-ins")
    page = ops_viewer.submit("/ops/sign-ins", {"user_name": "yamada"}).location
    assert "リンクを作る" not in ops_viewer.get(page).text
    assert ops_viewer.submit(page + "/pass").status_code == 403


def test_who_was_signed_in_here_tries_codes_of_their_own(app, now):
    """A stranger who knows the password uses up the codes that everybody has, not those of a known browser."""
    person = cast.technician(now)
    account = first_access.technician_account(person, now)
    accounts.set_password(account, PASSWORD, now)
    fields = {"technician_id": person.technician_id}
    client = signed_in(app, account, fields, "/sign-in")
    app_of(app, account, now)
    stranger = app.test_client()
    stranger.submit("/sign-in", fields | {"password": PASSWORD})
    stranger.get("/sign-in/second-factor")
    for _ in range(second_factor.LIMIT_CODES):
        assert stranger.submit("/sign-in/second-factor", {"code": "000000"}).status_code == 422
    code = {"code": pyotp.TOTP(account.app_secret).at(now)}
    assert stranger.submit("/sign-in/second-factor", code).status_code == 429
    client.get("/me/sessions")
    client.submit("/sign-out")
    client.token = None
    client.submit("/sign-in", fields | {"password": PASSWORD})
    client.get("/sign-in/second-factor")
    assert client.submit("/sign-in/second-factor", code).status_code == 303


def test_forty_wrong_passwords_at_once_count_forty_and_ten_of_them_are_looked_at(app, serve):
    """On the real server, with all its processes and threads."""
    accounts.create_operator("yamada", "山田", OperatorRole.VIEWER, PASSWORD, utc_now())
    port, client = serve(), app.test_client()
    client.get("/sign-in/operators")
    body = urlencode({"csrf_token": client.token, "name": "yamada", "password": "wrong", "next": ""}).encode()
    request = head("/sign-in/operators", client, Content_Type=FORM, Content_Length=len(body)) + body
    with ThreadPoolExecutor(40) as pool:
        statuses = [status_of(answer) for answer in pool.map(exchange, [port] * 40, [request] * 40)]
    assert sorted(statuses) == [422] * TRIES + [429] * 30
    counter = accounts.of_strangers(accounts.login_key(AccountKind.OPERATOR, "yamada"))
    assert sum(row.count for row in Throttle.select().where(Throttle.key == counter.key)) == 40
