"""One click, one act: every form that makes something, sent twice after and beside itself, makes one."""

import re

import pytest

from db.ids import encode
from db.models import FormSubmission, Inquiry, SignInSession
from tests import cast
from tests.domain.cards.test_projection import card_of
from tests.web.conftest import PASSWORD, business_user, operator
from webapp.domain.accounts.accounts import OperatorRole
from webapp.domain.accounts.form_submissions import KEPT_FOR

NOTICE = re.compile(r'<p class="note good">(.*?)</p>')
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
    token = client.token
    sent = {"user_name": "suzuki", "display_name": "鈴木", "email": "suzuki@firm.example", "role": "viewer"}
    shown = []
    for _ in range(2):  # the browser that sends again has lost the first answer, and with it the notice in its cookie
        client.token = token
        assert resent(client, "/business/users", sent).status_code == 303
        shown.append(NOTICE.findall(client.get("/business/users").text))
    assert shown[0] == shown[1] != []
    assert NOTICE.findall(client.get("/business/users").text) == []


def test_a_page_that_is_given_again_keeps_its_style(ops_operator, now):
    """Each answer is checked: a style that stands in a page stands in its policy."""
    card = card_of(now)
    ops_operator.get("/ops/cards")
    token, asked = ops_operator.token, {"action": "lost", "card": encode(card.id)}
    pages = []
    for _ in range(2):
        ops_operator.token = token
        pages.append(resent(ops_operator, "/ops/cards/actions", asked).text)
    assert pages[0] == pages[1] and "<style>" in pages[0]


def test_who_signs_in_twice_gets_a_session_twice(app, now):
    firm = cast.business(now)
    business_user(app, now, firm=firm)
    before = SignInSession.select().count()
    sent = {"business_id": firm.business_id, "user_name": "tanaka", "password": PASSWORD}
    page = app.test_client()
    page.get("/sign-in/business")
    cookies = [(cookie.key, cookie.value) for cookie in page._cookies.values()]
    for _ in range(2):
        browser = app.test_client()
        browser.token = page.token
        for key, value in cookies:
            browser.set_cookie(key, value)
        assert resent(browser, "/sign-in/business", sent).status_code == 303
        assert browser.get("/business/technicians").status_code == 200
    assert SignInSession.select().count() == before + 2
