"""A client whose every answer is checked, and the people who use it."""

import base64
import contextlib
import datetime as dt
import re
import secrets
from dataclasses import dataclass

import pyotp
import pytest
from flask.testing import FlaskClient

from db.database import connected, database
from db.models import Account
from tests import cast
from tests.processes import web
from tests.web.page import check_page, check_partial
from webapp import create_app
from webapp.domain.accounts import accounts, first_access, second_factor
from webapp.settings import load

PASSWORD = "a long enough password"


def fresh(token: str) -> str:
    """The same session's token as another page has it: under another mask."""
    raw = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
    half = len(raw) // 2
    mask = secrets.token_bytes(half)
    secret = bytes(a ^ b for a, b in zip(raw[:half], raw[half:], strict=True))
    mixed = bytes(a ^ b for a, b in zip(mask, secret, strict=True))
    return base64.urlsafe_b64encode(mask + mixed).rstrip(b"=").decode()


class CheckedClient(FlaskClient):
    """A browser without script: it keeps cookies, sends the token of the last page, and checks each answer."""

    token: str | None = None

    def open(self, *args, **kwargs):
        response = super().open(*args, buffered=True, **kwargs)
        if response.mimetype == "text/html" and response.status_code not in (301, 302, 303, 307, 308):
            asked_by_htmx = response.request.headers.get("HX-Request") == "true"
            (check_partial if asked_by_htmx else check_page)(response)
            if found := re.search(r'name="csrf_token" value="([^"]+)"', response.get_data(as_text=True)):
                self.token = found[1]
        return response

    def submit(self, address: str, data: dict | None = None, *, htmx: bool = False, **kwargs):
        """POST a form as a page of ours that was just opened would: with its token, from our site; by htmx if asked."""
        if self.token is None:
            self.get("/")
        self.token = fresh(self.token)
        headers = {"Sec-Fetch-Site": "same-origin"} | ({"HX-Request": "true"} if htmx else {})
        headers |= kwargs.pop("headers", {})
        return self.post(address, data={"csrf_token": self.token} | (data or {}), headers=headers, **kwargs)

    def partial(self, address: str, **kwargs):
        """GET as htmx does."""
        return self.get(address, headers={"HX-Request": "true"}, **kwargs)


@dataclass
class Clock:
    """What the application believes to be now; a test may move it."""

    at: object

    def __call__(self):
        return self.at


@pytest.fixture
def settings(sqlite_url, tmp_path):
    """Settings of a test on its own fresh database."""
    return load(
        {
            "TODOKE_MODE": "test",
            "TODOKE_STATE_DIR": str(tmp_path),
            "TODOKE_DATABASE_URL": sqlite_url,
            "TODOKE_SECRET_KEY": "test " * 8,
            "TODOKE_RETURN_KEYS": "a:" + "test " * 8,
        },
        dotenv=None,
    )


@pytest.fixture
def clock(now):
    return Clock(now)


@pytest.fixture
def app(settings, clock):
    """The application, with a connection of its database open for the test itself."""
    app = create_app(settings, clock)
    app.test_client_class = CheckedClient
    with connected():
        yield app
    database.close_all()


@pytest.fixture
def serve(settings, app):
    """Start `todoke web` on the test's database; return its port. It is the real server with its usual threads."""
    with contextlib.ExitStack() as stack:

        def start() -> int:
            server, port = web.start(settings)
            stack.callback(web.kill, server)
            return port

        yield start


@pytest.fixture
def client(app) -> CheckedClient:
    """Somebody who is not signed in."""
    return app.test_client()


def operator(app, role: accounts.OperatorRole, now) -> CheckedClient:
    """Return the client of a new operator who has signed in."""
    name = f"test-{role}"
    account = accounts.create_operator(name, f"運営 {role}", role, PASSWORD, now)
    if second_factor.must_have(account):
        app_of(app, account, now)
    return signed_in(app, account, {"name": name}, "/sign-in/operators")


def returning(app, role: accounts.OperatorRole) -> CheckedClient:
    """Return the client of `operator`'s operator who signs in anew, because the clock has moved past the session."""
    name = f"test-{role}"
    account = Account.get(Account.login_key == accounts.login_key(accounts.AccountKind.OPERATOR, name))
    return signed_in(app, account, {"name": name}, "/sign-in/operators")


def signed_in(app, account, fields: dict, path: str) -> CheckedClient:
    """Return the client of somebody who signs in with PASSWORD, and by code if the account has an app."""
    client = app.test_client()
    assert client.submit(path, fields | {"password": PASSWORD}).status_code == 303
    client.token = None
    if account.second_factor:
        at = app.extensions["clock"]()
        code = pyotp.TOTP(account.app_secret).at(at)
        client.get("/sign-in/second-factor")
        assert client.submit("/sign-in/second-factor", {"code": code}).status_code == 303
        client.token = None
    return client


def app_of(app, account, now) -> str:
    """Give an account an authenticator app, set up a minute ago, and return its secret."""
    key = app.extensions["settings"].secret_key
    before = now - dt.timedelta(minutes=2)
    enrolment = second_factor.begin_totp(account, key, "とどけ")
    account.app_secret = enrolment.secret
    second_factor.confirm_totp(account, enrolment.sealed, pyotp.TOTP(account.app_secret).at(before), key, before)
    return account.app_secret


def technician_user(app, now, person=None, **values) -> CheckedClient:
    """Return the client of a technician who has signed in."""
    person = person or cast.technician(now, **values)
    account = first_access.technician_account(person, now)
    accounts.set_password(account, PASSWORD, now)
    return signed_in(app, account, {"technician_id": person.technician_id}, "/sign-in")


def business_user(app, now, role=accounts.BusinessRole.ADMINISTRATOR, firm=None, name="tanaka") -> CheckedClient:
    """Return the client of a user of a business who has signed in."""
    firm = firm or cast.business(now)
    account = first_access.new_business_user(firm, name, f"事業者 {role}", role, now)
    accounts.set_password(account, PASSWORD, now)
    return signed_in(app, account, {"business_id": firm.business_id, "user_name": name}, "/sign-in/business")


@pytest.fixture
def ops_viewer(app, now) -> CheckedClient:
    return operator(app, accounts.OperatorRole.VIEWER, now)


@pytest.fixture
def ops_operator(app, now) -> CheckedClient:
    return operator(app, accounts.OperatorRole.OPERATOR, now)


@pytest.fixture
def ops_admin(app, now) -> CheckedClient:
    return operator(app, accounts.OperatorRole.ADMINISTRATOR, now)


@pytest.fixture
def technician(app, now) -> CheckedClient:
    """A technician who has signed in."""
    return technician_user(app, now)


@pytest.fixture
def business_admin(app, now) -> CheckedClient:
    """An administrator (管理者) of a business who has signed in."""
    return business_user(app, now)


@pytest.fixture
def business_viewer(app, now) -> CheckedClient:
    """A viewer (閲覧者) of a business who has signed in."""
    return business_user(app, now, accounts.BusinessRole.VIEWER)
