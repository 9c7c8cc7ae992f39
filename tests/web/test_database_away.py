"""While PostgreSQL is away every page says so with 503 and when to come again, and is back when it is back."""

import re
from collections import Counter
from pathlib import Path
from urllib.parse import urlencode

import pytest

from db import database as db
from db import schema
from db.models import Inquiry
from tests import cast
from tests.processes import web
from tests.servers import postgres
from tests.web.conftest import CheckedClient, business_user, operator, technician_user
from tests.web.live import FORM, exchange, form_of, head, status_of
from tests.web.test_form_submissions import CASE
from webapp import create_app
from webapp.domain.accounts.accounts import OperatorRole
from webapp.settings import load
from webapp.web.clock import utc_now

pytestmark = pytest.mark.postgresql

# What answers without asking the database: files, the document of the API, whether the process lives.
STILL_THERE = {"static_files.serve", "api.document", "health.alive", "health.ready"}
# Both processes of the server, and each of their connections to the database that has died, must have been met.
VISITS = 3


@pytest.fixture
def now():
    """The clock of the server's process is a real one."""
    return utc_now()


@pytest.fixture
def away(tmp_path):
    """A server of PostgreSQL that the test may stop: (its directory, settings of a migrated database on it)."""
    if postgres.binaries() is None:
        pytest.skip("PostgreSQL is not installed")
    with postgres.cluster() as address:
        settings = load(
            {
                "TODOKE_MODE": "test",
                "TODOKE_STATE_DIR": str(tmp_path),
                "TODOKE_DATABASE_URL": address,
                "TODOKE_SECRET_KEY": "test " * 8,
                "TODOKE_RETURN_KEYS": "a:" + "test " * 8,
            },
            dotenv=None,
        )
        db.configure(address)
        with db.connected():
            schema.migrate("test")
        db.database.close_all()
        yield Path(re.search(r"host=(\S+)", address)[1]), settings
        db.database.close_all()


def addresses(app) -> list[tuple[str, str]]:
    """(method, address) of every route that asks the database, with ids that might be somebody's."""
    found = []
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in STILL_THERE:
            address = re.sub(r"<(?:oid:)?[^>]+>", "0SD6Y8717AC00", rule.rule)
            found += [(method, address) for method in ("GET", "POST") if method in rule.methods]
    return found


def fallen(port: int, client, asked: list[tuple[str, str]], *, htmx: bool) -> dict[str, int]:
    """The routes that answer otherwise than 503, each with its status."""
    others = {}
    for method, address in asked:
        body = urlencode({"csrf_token": client.token}).encode() if method == "POST" else b""
        more = {"HX_Request": "true"} if htmx else {}
        if method == "POST":
            more |= {"Content_Type": FORM, "Content_Length": len(body)}
        answer = exchange(port, head(address, client, method, **more) + body)
        retry = re.search(rb"(?im)^retry-after: *(\d+)", answer)
        if status_of(answer) != 503 or retry is None:
            others[f"{method} {address}"] = status_of(answer)
    return others


def test_every_page_says_try_again_while_the_database_is_away(away, now):
    home, settings = away
    app = create_app(settings, lambda: now)
    app.test_client_class = CheckedClient
    with db.connected():
        firm = cast.business(now)
        clients = {
            "ops": operator(app, OperatorRole.ADMINISTRATOR, now),
            "business": business_user(app, now, firm=firm),
            "me": technician_user(app, now),
        }
        body = form_of(clients["ops"], "/ops/inquiries/new", CASE)
        for part, client in clients.items():
            client.get({"ops": "/ops", "business": "/business/technicians", "me": "/me"}[part])
    db.database.close_all()
    server, port = web.start(settings)
    try:
        for client in clients.values():
            for _ in range(6):  # connections in the pools of both processes, which die with the database
                assert status_of(exchange(port, head("/me/sessions", client, "GET"))) == 200
        postgres.end(home)
        asked = addresses(app)
        seen: Counter[str] = Counter()
        for part, client in clients.items():
            own = [(method, address) for method, address in asked if address.split("/")[1] in (part, "exports", "")]
            for htmx in (False, True):
                others = fallen(port, client, own, htmx=htmx)
                assert others == {}
                seen[part] += len(own)
        request = head("/ops/inquiries", clients["ops"], Content_Type=FORM, Content_Length=len(body)) + body
        answer = exchange(port, request)
        assert status_of(answer) == 503
        assert CASE["text"] in answer.decode(), "what was typed stands on the page, to be sent again"
        secret = urlencode({"csrf_token": clients["me"].token, "current": "x", "password": "never shown"}).encode()
        sent = head("/me/password", clients["me"], Content_Type=FORM, Content_Length=len(secret)) + secret
        assert b"never shown" not in exchange(port, sent)
        postgres.begin(home, "-c default_transaction_read_only=on")  # as a replica that is not promoted yet
        for client in clients.values():
            for method, address in asked:
                answers = fallen(port, client, [(method, address)], htmx=False)
                assert set(answers.values()) <= {200, 302, 303, 308, 400, 403, 404, 405, 409, 422}, answers
        assert status_of(exchange(port, request)) == 503, "nothing can be written"
        postgres.end(home)
        postgres.begin(home)
        for part, address in (("ops", "/ops"), ("business", "/business/technicians"), ("me", "/me")):
            for _ in range(VISITS):
                assert status_of(exchange(port, head(address, clients[part], "GET"))) == 200
        assert status_of(exchange(port, request)) == 303, "the same form once more"
        with db.connected():
            assert Inquiry.select().count() == 1
        print(f"while the database was away: {dict(seen)} requests answered 503")
    finally:
        web.kill(server)
