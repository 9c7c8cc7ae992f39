"""Getting in without a password: by link, by code, by asking; alike whether there is an account or not."""

import datetime as dt
import re
import statistics
import time

import pytest

from db.database import database
from db.ids import encode
from db.models import Account, ActivationCode, EmailAddress, Message, Postcard, SignInLink, SignInRequest
from tests import cast
from tests.web.conftest import PASSWORD, business_user, technician_user
from webapp.domain.accounts import access_requests, accounts, business_users, first_access, limits, sign_in_links
from webapp.domain.accounts.known_browsers import Browser
from webapp.domain.notices.messages import MessageKind
from webapp.domain.postcard import activation_codes, fallback

NEW = "a quite different one"
WAYS = pytest.mark.parametrize("htmx", [False, True], ids=["plain", "htmx"])


@pytest.fixture
def secret(settings):
    return settings.secret_key


@pytest.fixture
def person(app, now):
    return cast.technician(now)


@pytest.fixture
def link(person, secret, now):
    """The token in a technician's own notice."""
    address = cast.email(person, "k-sato@example.jp", now)
    message, _ = cast.sent_notice(cast.registration(person, now), address, now)
    return cast.link_of(message, secret, now)


@pytest.fixture
def code(person, secret, now):
    """The code on a postcard that was mailed."""
    made = activation_codes.issue(secret, person.id, encode(1), 1, now)
    cast.code_mailed(encode(1), now)
    return made


def led(answer) -> str:
    return answer.headers.get("HX-Redirect") or answer.location or ""


@WAYS
def test_a_link_and_the_birth_date_let_a_technician_in(client, person, link, htmx):
    get = client.partial if htmx else client.get
    assert "生年月日" in get(f"/first-access?link={link}").text
    answer = client.submit("/first-access/link", {"link": link, "proof": "昭和60年4月1日", "password": NEW}, htmx=htmx)
    assert led(answer) and "佐藤 健一" in client.get("/me/sessions").text
    assert EmailAddress.get().confirmed_at, "who opened the mail has shown that the address works"


def test_opening_a_link_uses_nothing_up(client, link):
    for _ in range(10):
        assert client.get(f"/first-access?link={link}").status_code == 200
    assert SignInLink.get().used_at is None and SignInLink.get().tries == 0


def test_a_link_works_once(app, client, link):
    form = {"link": link, "proof": "19850401", "password": NEW}
    assert client.submit("/first-access/link", form).status_code == 303
    other = app.test_client()
    assert other.get(f"/first-access?link={link}").status_code == 410
    assert other.submit("/first-access/link", form).status_code == 410


@WAYS
def test_a_link_with_a_wrong_birth_date_dies_after_five_tries(client, link, htmx):
    for _ in range(sign_in_links.TRIES):
        client.submit("/first-access/link", {"link": link, "proof": "19850402", "password": NEW}, htmx=htmx)
    answer = client.submit("/first-access/link", {"link": link, "proof": "19850401", "password": NEW}, htmx=htmx)
    assert answer.status_code == 410 and not Account.select().exists()


def test_a_changed_or_invented_token_is_a_dead_link(client, link):
    for token in (link[:-1] + ("0" if link[-1] != "0" else "1"), "x" * 39, "あ" * 39, "0" * 39, link[:13], link + "0"):
        assert client.get("/first-access", query_string={"link": token}).status_code == 410


@WAYS
def test_a_code_with_id_and_birth_date_lets_a_technician_in(client, person, code, htmx):
    form = {"technician_id": person.technician_id, "code": code.lower(), "birth_date": "1985/4/1", "password": NEW}
    assert led(client.submit("/first-access", form, htmx=htmx))
    assert ActivationCode.get().used_at is not None


def test_a_code_dies_after_five_wrong_ones_with_the_right_birth_date_and_of_nothing_else(client, person, code):
    right = {"technician_id": person.technician_id, "code": code, "birth_date": "19850401", "password": NEW}
    for birth_date in ("19850402", "", "x", "1985", "19991231", "20000101"):
        answer = client.submit("/first-access", right | {"birth_date": birth_date})
        assert answer.status_code == 422 and first_access.WRONG_CODE in answer.text
    assert ActivationCode.get().tries == 0
    for wrong in ("0000000000", "", "x", "1111111111", "2"):
        answer = client.submit("/first-access", right | {"code": wrong})
        assert answer.status_code == 422 and first_access.WRONG_CODE in answer.text
    assert client.submit("/first-access", right).status_code == 422


def test_a_refused_password_uses_no_code_up(client, person, code):
    form = {"technician_id": person.technician_id, "code": code, "birth_date": "19850401"}
    for password in ("short", "password123", "1985 0401", person.technician_id, "satou"):
        answer = client.submit("/first-access", form | {"password": password})
        assert answer.status_code == 422 and 'id="password-error"' in answer.text
    assert client.submit("/first-access", form | {"password": "佐藤 健一"}).status_code == 422
    assert ActivationCode.get().used_at is None and ActivationCode.get().tries == 0
    assert client.submit("/first-access", form | {"password": NEW}).status_code == 303


def test_a_form_that_comes_back_has_what_was_typed_but_no_password(client, person):
    form = {"technician_id": person.technician_id, "code": "ABCDE-12345", "birth_date": "19850401", "password": NEW}
    answer = client.submit("/first-access", form)
    assert 'value="ABCDE-12345"' in answer.text and NEW not in answer.text


ASK = [
    ("/forgotten", {"technician_id": "{id}", "birth_date": "19850401"}),
    ("/first-access/postcard", {"technician_id": "{id}", "birth_date": "19850401"}),
    ("/forgotten/business", {"business_id": "{id}", "user_name": "tanaka"}),
]


def statements(action) -> list[str]:
    """The SQL that an action runs, without values."""
    seen, before = [], database.obj.execute_sql

    def spy(sql, params=None, *rest):
        seen.append(sql)
        return before(sql, params, *rest)

    database.obj.execute_sql = spy
    try:
        action()
    finally:
        del database.obj.execute_sql
    return seen


@WAYS
@pytest.mark.parametrize("path, form", ASK)
def test_asking_gives_the_same_answer_by_the_same_work_for_known_and_unknown(app, client, now, path, form, htmx):
    person = cast.technician(now)
    firm = cast.business(now)
    business_user(app, now, firm=firm)
    answers = []
    for number in (firm.business_id if "business" in path else person.technician_id, "99999999999999"):
        filled = {name: value.format(id=number) for name, value in form.items()}
        client.get(path)
        work = statements(lambda filled=filled: answers.append(client.submit(path, filled, htmx=htmx)))
        answers[-1].work = work
    known, unknown = answers
    assert (known.status_code, led(known), known.text) == (unknown.status_code, led(unknown), unknown.text)
    assert known.work == unknown.work and any("sign_in_request" in sql for sql in known.work)


def test_a_wrong_code_takes_the_same_work_for_known_and_unknown(app, now, secret):
    """A person with a code, one without, and nobody: the same statements, hence the same time."""
    with_code, without = cast.technician(now), cast.technician(now)
    activation_codes.issue(secret, with_code.id, "c", 1, now)
    cast.code_mailed("c", now)
    client = app.test_client()
    seen = []
    for number in (with_code.technician_id, without.technician_id, "99999999999999"):
        form = {"technician_id": number, "code": "00000-00000", "birth_date": "19850401", "password": NEW}
        client.get("/first-access")
        seen.append(statements(lambda form=form: client.submit("/first-access", form)))
    assert seen[0] == seen[1] == seen[2] and len(seen[0]) > 3


def test_signing_in_takes_as_long_for_nobody_as_for_a_wrong_password(app, now, monkeypatch):
    """With the work factor of production, medians of alternating tries."""
    from argon2 import PasswordHasher

    hasher = PasswordHasher(time_cost=1, memory_cost=16_384, parallelism=1)
    monkeypatch.setattr(accounts, "_hasher", hasher)
    monkeypatch.setattr(accounts, "_nobody", hasher.hash("nobody"))
    monkeypatch.setattr(accounts, "LIMIT_ACCOUNT", 1000)
    accounts.create_operator("yamada", "山田", accounts.OperatorRole.VIEWER, PASSWORD, now)
    times = {"yamada": [], "nobody": []}
    for _ in range(15):
        for name, taken in times.items():
            begin = time.perf_counter()
            accounts.sign_in(
                accounts.login_key("operator", name), "wrong", now, "192.0.2.1", "test", Browser("test " * 8)
            )
            taken.append(time.perf_counter() - begin)
    known, unknown = (statistics.median(taken) for taken in times.values())
    assert 0.6 < known / unknown < 1.7, (known, unknown)


def test_who_asks_gets_a_mail_at_a_personal_address_only(app, client, person, secret, now):
    cast.email(person, "k-sato@example.jp", now)
    form = {"technician_id": person.technician_id, "birth_date": "19850401"}
    client.submit("/forgotten", form)
    assert "k-sato" not in SignInRequest.get().content and person.technician_id not in SignInRequest.get().content
    assert access_requests.answer_requests(secret, now) == 1
    message = Message.get()
    assert message.kind == MessageKind.SIGN_IN and message.content is None, "no link is stored in clear"
    token = cast.link_of(message, secret, now)
    assert client.get(f"/first-access?link={token}").status_code == 200
    cast.email(cast.business(now), "K-Sato@example.jp", now)
    assert cast.link_of(message, secret, now) is None, "it is a business's address now"
    assert client.get(f"/first-access?link={token}").status_code == 410
    client.submit("/forgotten", form)
    access_requests.answer_requests(secret, now)
    assert Message.select().count() == 1


def test_a_wrong_birth_date_or_too_many_wishes_get_no_mail(app, client, person, secret, now):
    cast.email(person, "k-sato@example.jp", now)
    client.submit("/forgotten", {"technician_id": person.technician_id, "birth_date": "19850402"})
    access_requests.answer_requests(secret, now)
    assert not Message.select().exists()
    for _ in range(access_requests.LIMIT_MAILS + 2):
        client.submit("/forgotten", {"technician_id": person.technician_id, "birth_date": "19850401"})
    access_requests.answer_requests(secret, now)
    assert Message.select().count() == access_requests.LIMIT_MAILS


def test_a_postcard_is_queued_once_in_thirty_days(client, person, secret, now):
    cast.registration(person, now)
    for _ in range(3):
        client.submit("/first-access/postcard", {"technician_id": person.technician_id, "birth_date": "19850401"})
    access_requests.answer_requests(secret, now)
    assert Postcard.get().cause == "requested" and Postcard.select().count() == 1
    client.submit("/first-access/postcard", {"technician_id": person.technician_id, "birth_date": "19850401"})
    access_requests.answer_requests(secret, now)
    later = now + access_requests.POSTCARD_EVERY + dt.timedelta(hours=1)
    assert access_requests.queue_postcard(person, later).n == 2


def test_one_network_address_cannot_ask_without_end(client):
    form = {"technician_id": "99999999999999", "birth_date": "19850401"}
    answers = [client.submit("/forgotten", form).status_code for _ in range(access_requests.LIMIT_ADDRESS + 1)]
    assert answers[-1] == 429 and set(answers[:-1]) == {303}


def test_a_link_opens_a_locked_account_without_an_operator_and_ends_its_sessions(app, client, person, secret, now):
    inside = technician_user(app, now, person)
    for _ in range(accounts.LIMIT_ACCOUNT):
        client.submit("/sign-in", {"technician_id": person.technician_id, "password": "wrong"})
    right = {"technician_id": person.technician_id, "password": PASSWORD}
    assert client.submit("/sign-in", right).status_code == 429
    cast.email(person, "k-sato@example.jp", now)
    client.submit("/forgotten", {"technician_id": person.technician_id, "birth_date": "19850401"})
    access_requests.answer_requests(secret, now)
    token = cast.link_of(Message.get(Message.kind == MessageKind.SIGN_IN), secret, now)
    answer = client.submit("/first-access/link", {"link": token, "proof": "19850401", "password": NEW})
    assert answer.status_code == 303 and client.get("/me/sessions").status_code == 200
    assert inside.get("/me/sessions").status_code == 303, "whoever was inside is out"
    assert not limits.is_used_up(accounts.of_strangers(Account.get().login_key), now)
    again = app.test_client()
    assert again.submit("/sign-in", right | {"password": NEW}).status_code == 303


@WAYS
def test_a_business_is_invited_once_and_its_link_makes_the_administrator(client, secret, now, htmx):
    firm = cast.business(now)
    cast.email(firm, "jimu@example.jp", now)
    assert business_users.invite_waiting(now) == 1 and business_users.invite_waiting(now) == 0
    token = cast.link_of(Message.get(), secret, now)
    get = client.partial if htmx else client.get
    assert 'name="user_name"' in get(f"/first-access?link={token}").text
    form = {"link": token, "proof": firm.business_id, "user_name": "tanaka", "display_name": "田中", "password": NEW}
    assert client.submit("/first-access/link", form | {"proof": "1"}, htmx=htmx).status_code == 422
    assert led(client.submit("/first-access/link", form, htmx=htmx))
    assert Account.get().role == "administrator" and client.get("/business/users").status_code == 200


@WAYS
def test_a_letter_code_makes_an_administrator_of_a_business_without_mail(app, client, ops_operator, secret, now, htmx):
    firm = cast.business(now, address="東京都千代田区霞が関1-3-2", postal_code="1000013")
    ops_operator.get("/ops/letter-codes")
    sent = ops_operator.submit("/ops/letter-codes", {"business_id": firm.business_id})
    page = ops_operator.get(sent.location)
    code = re.search(r"<b>([0-9A-Z-]{11})</b>", page.text)[1]
    form = {"business_id": firm.business_id, "code": code, "user_name": "tanaka", "password": NEW}
    assert client.submit("/first-access/business", form | {"code": "0"}, htmx=htmx).status_code == 422
    assert led(client.submit("/first-access/business", form, htmx=htmx))
    assert client.get("/business/users").status_code == 200
    assert ops_operator.get(sent.location).status_code == 404, "a used code is shown no more"


def test_links_and_codes_leave_no_trace_in_addresses_of_forms(client, link):
    html = client.get(f"/first-access?link={link}").text
    assert 'action="/first-access/link"' in html and html.count(link) == 1


def test_a_technician_who_has_signed_in_gets_no_postcard_any_more(client, person, code, now):
    fallback.queue(cast.registration(person, now), "userunknown", now)
    form = {"technician_id": person.technician_id, "code": code, "birth_date": "19850401", "password": NEW}
    assert client.submit("/first-access", form).status_code == 303
    assert Postcard.get().state == "cancelled"
