"""What is refused before the database is asked is refused in words, whoever is signed in: with the real server."""

import contextlib
from urllib.parse import urlencode

import pytest

from db.database import database
from db.models import Inquiry
from tests import cast
from tests.web.conftest import business_user, operator, technician_user
from tests.web.live import FORM, exchange, head, status_of
from tests.web.ops.test_inquiries import NEW
from webapp import create_app
from webapp.domain.accounts.accounts import BusinessRole, OperatorRole
from webapp.web.clock import utc_now
from webapp.web.errors import SENTENCES
from webapp.web.security import LARGEST_FORM


@pytest.fixture
def now():
    """The clock of the server's process is a real one."""
    return utc_now()


@pytest.fixture
def visitors(app, now):
    """Somebody of each role, signed in, and somebody who is not."""
    firm = cast.business(now)
    return {
        "nobody": app.test_client(),
        "technician": technician_user(app, now),
        **{f"business {role}": business_user(app, now, role, firm, f"user-{role}") for role in BusinessRole},
        **{f"ops {role}": operator(app, role, now) for role in OperatorRole},
    }


def refused(client, **htmx: str) -> dict[int, bytes]:
    """A request for each status that a guard answers before there is a connection."""
    form = {"Content_Type": FORM}
    return {
        404: head("/nowhere", client, "GET", **htmx),
        405: head("/contact", client, "DELETE", **htmx),
        413: head("/sign-in", client, Content_Length=LARGEST_FORM + 1, **form, **htmx),
        400: head("/language", client, Content_Length=3, **form, **htmx) + b"a=b",
        411: head("/language", client, Transfer_Encoding="chunked", **form, **htmx) + b"3\r\na=b\r\n0\r\n\r\n",
    }


def test_every_early_error_is_a_page_for_everybody(serve, visitors):
    port = serve()
    wrong = []
    for role, client in visitors.items():
        for htmx in ({}, {"HX_Request": "true"}):
            for status, request in refused(client, **htmx).items():
                answer = exchange(port, request)
                _, _, body = answer.partition(b"\r\n\r\n")
                said = SENTENCES[status][1] in body.decode("utf-8", "replace")
                if status_of(answer) != status or not said or (b"</html>" in body) != (not htmx):
                    wrong.append((role, status, htmx, answer[:200]))
    assert wrong == []


def test_a_page_of_another_site_is_refused_in_words(serve, visitors):
    port = serve()
    body = b"language=en"
    for role, client in visitors.items():
        for name in ("Origin", "Sec_Fetch_Site"):
            foreign = {"Origin": "https://elsewhere.example", "Sec_Fetch_Site": "cross-site"}[name]
            request = head("/language", client, Content_Type=FORM, Content_Length=len(body), **{name: foreign}) + body
            answer = exchange(port, request)
            assert status_of(answer) == 400 and SENTENCES[400][0] in answer.decode(), (role, name, answer[:200])


def test_too_many_requests_are_refused_in_words_without_a_connection(app, settings, clock, visitors):
    """A test's own connection would hide that the page asked for who is signed in."""
    limited = create_app(settings, clock)
    limited.config["RATELIMIT_ENABLED"] = True
    for role, client in visitors.items():
        cookies = {cookie.key: cookie.value for cookie in client._cookies.values()}
        database.close()
        try:
            for htmx in ({}, {"HX-Request": "true"}):
                with _used_up(limited):
                    asking = limited.test_client()
                    for key, value in cookies.items():
                        asking.set_cookie(key, value)
                    answer = asking.get("/language" if htmx else "/", headers=htmx)
                assert answer.status_code == 429 and SENTENCES[429][0] in answer.text, (role, answer.text[:200])
                assert answer.headers["Retry-After"] == "60"
        finally:
            database.connect()


@contextlib.contextmanager
def _used_up(app):
    """While this lasts, everybody has asked for all that they may ask for in a minute."""
    from flask import abort

    def refuse() -> None:
        abort(429)

    guards = app.before_request_funcs[None]
    place = next(n for n, guard in enumerate(guards) if guard.__name__ == "connect")
    guards.insert(place, refuse)
    try:
        yield
    finally:
        guards.remove(refuse)


@pytest.mark.parametrize("htmx", [False, True], ids=["page", "htmx"])
def test_a_form_of_the_session_before_comes_back_with_what_was_typed(serve, app, now, htmx):
    before = operator(app, OperatorRole.OPERATOR, now)
    before.get("/ops/inquiries/new")
    typed = NEW | {"csrf_token": before.token, "text": "三回目の電話。まだ届いていない。"}
    after = _signed_in_again(app, before)
    port = serve()
    body = urlencode(typed).encode()
    also = {"Referer": "http://127.0.0.1/ops/inquiries/new"} | ({"HX_Request": "true"} if htmx else {})
    answer = exchange(port, head("/ops/inquiries", after, Content_Type=FORM, Content_Length=len(body), **also) + body)
    assert b"/ops/inquiries/new" in answer and status_of(answer) in (200, 204, 303)
    cookie = answer.partition(b"session=")[2].split(b";")[0].decode()
    after.set_cookie("session", cookie)
    page = exchange(port, head("/ops/inquiries/new", after, "GET")).decode()
    assert "三回目の電話。まだ届いていない。" in page and "まだ送信していません" in page
    assert Inquiry.select().count() == 0


def test_a_foreign_page_fills_in_no_form_of_ours(serve, app, now):
    client = operator(app, OperatorRole.OPERATOR, now)
    port = serve()
    body = urlencode(NEW).encode()
    silent = head("/ops/inquiries", client, Content_Type=FORM, Content_Length=len(body))
    silent = silent.replace(b"Sec-Fetch-Site: same-origin\r\n", b"")
    assert status_of(exchange(port, silent + body)) == 400


def _signed_in_again(app, client):
    from tests.web.conftest import PASSWORD

    client.submit("/sign-out")
    client.token = None
    assert client.submit("/sign-in/operators", {"name": "test-operator", "password": PASSWORD}).status_code == 303
    return client


def test_a_path_with_two_slashes_is_no_page_and_leads_nowhere(serve, app):
    port = serve()
    for path in ("/ops//registrations", "//sign-in", "/sign-in//", "/ops//x"):
        request = head(path, None, "GET").replace(b"Host: 127.0.0.1", b"Host: elsewhere.example")
        answer = exchange(port, request)
        assert status_of(answer) in (200, 404) and b"\r\nlocation:" not in answer.lower().partition(b"\r\n\r\n")[0], (
            path
        )


def test_who_leaves_takes_what_the_browser_kept_of_the_pages(ops_viewer):
    left = ops_viewer.submit("/sign-out")
    assert left.status_code == 303 and left.headers["Clear-Site-Data"] == '"cache", "storage"'
