"""A client whose every answer is checked, and the people who use it."""

import re
from dataclasses import dataclass

import pytest
from flask.testing import FlaskClient

from db.database import connected, database
from tests.web.page import check_page, check_partial
from webapp import create_app
from webapp.domain import accounts
from webapp.settings import load

PASSWORD = "a long enough password"


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
        """POST a form as a page of ours would: with the token, from our own site; by htmx if asked."""
        if self.token is None:
            self.get("/")
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
def client(app) -> CheckedClient:
    """Somebody who is not signed in."""
    return app.test_client()


def operator(app, role: accounts.OperatorRole, now) -> CheckedClient:
    """Return the client of a new operator who has signed in."""
    name = f"test-{role}"
    accounts.create_operator(name, f"運営 {role}", role, PASSWORD, now)
    client = app.test_client()
    assert client.submit("/sign-in", {"name": name, "password": PASSWORD}).status_code == 303
    client.token = None
    return client


@pytest.fixture
def ops_viewer(app, now) -> CheckedClient:
    return operator(app, accounts.OperatorRole.VIEWER, now)


@pytest.fixture
def ops_operator(app, now) -> CheckedClient:
    return operator(app, accounts.OperatorRole.OPERATOR, now)


@pytest.fixture
def ops_admin(app, now) -> CheckedClient:
    return operator(app, accounts.OperatorRole.ADMINISTRATOR, now)
