"""One click, one act: every form that makes something, sent twice after and beside itself, makes one."""

import pytest

from db.models import FormSubmission, Inquiry
from tests import cast
from tests.web.conftest import business_user, operator
from webapp.domain.accounts.accounts import OperatorRole
from webapp.domain.accounts.form_submissions import KEPT_FOR

CASE = {"channel": "phone", "caller": "family", "topic": "card", "check": "none", "text": "カードが届きません。"}


def resent(client, address, data, *, htmx=False):
    """The form of the page that the client has, sent as it stands: with the token of that page."""
    headers = {"Sec-Fetch-Site": "same-origin"} | ({"HX-Request": "true"} if htmx else {})
    return client.post(address, data={"csrf_token": client.token} | data, headers=headers)


@pytest.fixture
def admin(app, now):
    return operator(app, OperatorRole.ADMINISTRATOR, now)


@pytest.mark.parametrize("htmx", [False, True])
def test_the_second_sending_gets_the_answer_of_the_first(admin, htmx):
    admin.get("/ops/inquiries/new")
    first = resent(admin, "/ops/inquiries", CASE, htmx=htmx)
    second = resent(admin, "/ops/inquiries", CASE, htmx=htmx)
    assert Inquiry.select().count() == 1
    assert (second.status_code, second.data) == (first.status_code, first.data)
    assert second.headers.get("Location") == first.headers.get("Location")
    assert second.headers.get("HX-Redirect") == first.headers.get("HX-Redirect")
    stored = FormSubmission.get().answer
    assert "inquiries" not in stored, "what was answered lies sealed"


def test_another_content_another_page_and_a_later_day_act_anew(admin, clock):
    admin.get("/ops/inquiries/new")
    resent(admin, "/ops/inquiries", CASE)
    resent(admin, "/ops/inquiries", CASE | {"text": "もう1件あります。"})
    assert Inquiry.select().count() == 2
    admin.get("/ops/inquiries/new")
    resent(admin, "/ops/inquiries", CASE)
    assert Inquiry.select().count() == 3
    clock.at += KEPT_FOR
    resent(admin, "/ops/inquiries", CASE)
    assert Inquiry.select().count() == 4


def test_what_was_refused_may_be_sent_again(admin):
    admin.get("/ops/inquiries/new")
    before = FormSubmission.select().count()
    for _ in range(2):
        assert resent(admin, "/ops/inquiries", CASE | {"text": ""}).status_code == 422
    assert FormSubmission.select().count() == before


def test_the_notice_is_shown_to_the_second_too(app, now):
    client = business_user(app, now, firm=cast.business(now))
    client.get("/business/users")
    sent = {"user_name": "suzuki", "display_name": "鈴木", "email": "suzuki@firm.example", "role": "viewer"}
    answers = [resent(client, "/business/users", sent) for _ in range(2)]
    assert answers[0].status_code == answers[1].status_code == 303
    assert 'role="status"' in client.get("/business/users").text


def test_who_signs_in_twice_gets_a_session_twice(app, now):
    firm = cast.business(now)
    client = business_user(app, now, firm=firm)
    client.get("/me/sessions")
    first = resent(client, "/sign-out", {})
    assert first.status_code == 303
    assert "Set-Cookie" in first.headers
    before = FormSubmission.select().count()
    client.get("/sign-in/business")
    for _ in range(2):
        sent = resent(client, "/sign-in/business", {"business_id": firm.business_id, "user_name": "x", "password": "y"})
        assert sent.status_code == 422
    assert FormSubmission.select().count() == before
