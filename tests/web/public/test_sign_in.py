import datetime as dt
import re

from tests import ROOT
from tests.web.conftest import PASSWORD
from webapp.domain.accounts import accounts


def test_an_operator_signs_in_and_the_frame_shows_the_name(ops_viewer):
    assert "運営 viewer" in ops_viewer.get("/").text


def test_signing_in_leads_to_the_page_that_was_asked_for_and_never_elsewhere(app, now):
    accounts.create_operator("yamada", "山田", accounts.OperatorRole.VIEWER, PASSWORD, now)
    for target, led in (("/language", "/language"), ("//evil.example/", "/ops"), ("https://evil.example", "/ops")):
        form = {"name": "yamada", "password": PASSWORD, "next": target}
        answer = app.test_client().submit("/sign-in/operators", form)
        assert (answer.status_code, answer.location) == (303, led)


def test_a_wrong_password_and_an_unknown_name_answer_alike_and_keep_what_was_typed(client, ops_viewer):
    wrong = client.submit("/sign-in/operators", {"name": "test-viewer", "password": "wrong"})
    unknown = client.submit("/sign-in/operators", {"name": "test-nobody", "password": "wrong"})
    assert wrong.status_code == unknown.status_code == 422
    assert 'value="test-viewer"' in wrong.text and 'id="errors"' in wrong.text
    assert without_token(wrong.text).replace("test-viewer", "test-nobody") == without_token(unknown.text)


def without_token(html: str) -> str:
    """A page without what differs in each answer."""
    return re.sub(r'name="csrf_token" value="[^"]+"', "", html)


def test_after_too_many_tries_the_form_says_to_wait(client):
    for _ in range(accounts.LIMIT_ACCOUNT):
        client.submit("/sign-in/operators", {"name": "nobody", "password": "x"})
    answer = client.submit("/sign-in/operators", {"name": "nobody", "password": "x"})
    assert answer.status_code == 429 and "15分" in answer.text


def test_signing_in_gives_a_new_session_and_signing_out_ends_it_in_the_table(app, now):
    accounts.create_operator("yamada", "山田", accounts.OperatorRole.VIEWER, PASSWORD, now)
    client = app.test_client()
    client.get("/sign-in")
    before = client.token
    client.submit("/sign-in/operators", {"name": "yamada", "password": PASSWORD})
    stolen = client.get_cookie("session").value
    assert client.submit("/sign-out", {"csrf_token": before}).status_code == 400, "the old token is dead"
    client.get("/")
    assert client.submit("/sign-out").status_code == 303
    thief = app.test_client()
    thief.set_cookie("session", stolen)
    assert "山田" not in thief.get("/").text


def test_a_page_that_asks_by_itself_does_not_keep_its_session_alive(ops_viewer, clock, now):
    for minute in range(0, 31, 5):
        clock.at = now + dt.timedelta(minutes=minute)
        answer = ops_viewer.get("/ops/dashboard", headers={"HX-Request": "true", "Poll": "1"})
    assert answer.headers["HX-Redirect"].startswith("/sign-in"), "half an hour without anybody there"


def test_each_part_that_asks_by_itself_says_so():
    polling = [
        (path, tag)
        for path in (ROOT / "webapp/templates").rglob("*.html")
        for tag in re.findall(r"<[a-z]+[^>]*hx-trigger=[^>]*>", path.read_text("utf-8"))
    ]
    assert len(polling) >= 5
    assert [path.name for path, tag in polling if """hx-headers='{"Poll": "1"}'""" not in tag] == []


def test_an_idle_session_ends(ops_viewer, clock):
    clock.at += accounts.IDLE
    assert "運営 viewer" not in ops_viewer.get("/").text
