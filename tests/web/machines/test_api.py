"""The API as the system before us uses it."""

import json

import pytest
import schemathesis
from hypothesis import HealthCheck, given
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from db.models import Card, IdempotentRequest, Message, Registration, Technician
from tests.examples import examples
from webapp import create_app
from webapp.domain.accounts import api_keys, idempotency, limits
from webapp.domain.intake.api_rows import RegistrationIn
from webapp.domain.intake.decisions import FIELDS
from webapp.web import openapi

ITEM = {
    "application_number": "A-1",
    "completed_at": "2026-11-17T10:02:00+09:00",
    "name": "\ufa19田 太郎",
    "kana": "カミタ タロウ",
    "birth_date": "1980-04-01",
    "postal_code": "1000001",
    "address": "東京都千代田区千代田1-1",
    "email": "taro@example.jp",
    "occupations": ["とび", "型枠"],
    "days_worked": 120,
    "level": 2,
}
PLACE = "/api/v1/registrations"


@pytest.fixture
def key(app, now):
    return api_keys.add("registration system", now)


@pytest.fixture
def post(client, key):
    def send(body, repeat=None, **headers):
        headers = {"Authorization": f"Bearer {key}"} | headers
        if repeat:
            headers["Idempotency-Key"] = repeat
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        return client.post(PLACE, data=data, headers=headers, content_type="application/json")

    return send


def pointers(answer):
    return [error["pointer"] for error in answer.get_json(force=True)["errors"]]


def test_one_registration_goes_in_and_can_be_asked_for(post, client, key):
    answer = post(ITEM)
    assert answer.status_code == 200
    (result,) = answer.get_json()["results"]
    person = Technician.get()
    assert (result["status"], result["technician_id"]) == ("accepted", person.technician_id)
    assert (person.name, person.days_worked, person.items.count()) == ("\ufa19田 太郎", 120, 2)
    assert Registration.get().api_key.name == "registration system"
    state = client.get(f"{PLACE}/A-1", headers={"Authorization": f"Bearer {key}"}).get_json()
    assert state["notices"] == [{"role": "technician", "state": "queued", "reason": None}]
    assert state["cards"] == [{"state": "ordered"}]


def test_many_have_a_result_each_in_order_with_pointers(post, now):
    other = ITEM | {"application_number": "A-2", "affiliated_business_id": "404"}
    wrong = ITEM | {"application_number": "A-3", "birth_date": "2099-01-01", "level": 9}
    answer = post([ITEM, other, wrong, ITEM, 5])
    assert answer.status_code == 200
    results = answer.get_json()["results"]
    assert [r["status"] for r in results] == ["accepted", "rejected", "rejected", "unchanged", "rejected"]
    assert [e["pointer"] for r in results for e in r["errors"]] == ["/1/affiliated_business_id", "/2/level", "/4"]
    assert Registration.select().count() == 1


def test_when_none_is_accepted_the_answer_is_a_problem(post):
    answer = post(ITEM | {"birth_date": "2099-01-01", "postal_code": "12345", "delivery_name": "本社"})
    assert (answer.status_code, answer.mimetype) == (422, "application/problem+json")
    assert pointers(answer) == ["/birth_date", "/postal_code", "/delivery_postal_code"]
    assert answer.get_json(force=True)["results"][0]["status"] == "rejected"
    assert pointers(post(ITEM | {"surprise~/": 1})) == ["/surprise~0~1"]
    assert pointers(post({})) == [
        f"/{name}" for name in ("application_number", "completed_at", "name", "kana", "birth_date")
    ]
    assert pointers(post(ITEM | {"occupations": ["a", "b;c"]})) == ["/occupations/1"]


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}"])
def test_what_is_no_json_is_said_to_be_none(post, body):
    answer = post(body)
    assert (answer.status_code, answer.mimetype) == (400, "application/problem+json")


@pytest.mark.parametrize("body", [[], [ITEM] * 1001])
def test_none_and_too_many_are_refused(post, body):
    assert pointers(post(body)) == [""]


def test_halves_of_characters_do_no_harm(post):
    for name in ("application_number", "name", "email"):
        answer = post(json.dumps(ITEM | {name: "\ud800x"}).encode())
        assert answer.status_code == 422


def test_english_is_told_to_who_asks_for_it(post):
    answer = post(ITEM | {"level": "2"}, **{"Accept-Language": "en"})
    assert answer.get_json(force=True)["errors"][0]["message"] == "Write a whole number."


def test_without_a_valid_key_nothing_is_said(post, client, key, now):
    for header in ("", "Bearer", "Bearer x", f"Basic {key}", "Bearer \xe9"):
        answer = client.post(PLACE, data=b"{}", headers={"Authorization": header})
        assert (answer.status_code, answer.mimetype) == (401, "application/problem+json")
        assert answer.headers["WWW-Authenticate"] == "Bearer"
    api_keys.revoke("registration system", now)
    assert post(ITEM).status_code == 401
    assert not Registration.select().exists()


def test_a_repeat_with_the_same_idempotency_key_gets_the_first_answer(post, clock):
    first, again = post(ITEM, "k-1"), post(ITEM, "k-1")
    assert (again.status_code, again.data, again.mimetype) == (200, first.data, first.mimetype)
    assert "accepted" in again.text
    assert post(ITEM | {"name": "別人"}, "k-1").status_code == 422
    refused = post({}, "k-2")
    assert post({}, "k-2").data == refused.data
    assert post(ITEM, "bad key").status_code == 400
    clock.at += idempotency.KEPT_FOR
    assert post(ITEM, "k-1").get_json()["results"][0]["status"] == "unchanged"
    assert (Card.select().count(), Message.select().count()) == (1, 1)


def test_a_request_still_in_flight_is_not_begun_twice_and_a_dead_one_is_replaced(post, clock, key):
    body = json.dumps(ITEM).encode()
    found = api_keys.find(key, clock())
    dead = idempotency.begin(found.id, "k-1", body, clock())
    assert post(ITEM, "k-1").status_code == 409
    clock.at += idempotency.IN_FLIGHT_FOR
    assert post(ITEM, "k-1").status_code == 200
    with pytest.raises(idempotency.Overtaken):
        idempotency.finish(dead, 200, "{}")


def test_a_failure_of_ours_lets_the_key_be_used_again(post, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("webapp.domain.intake.api_rows.register", lambda *a: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            post(ITEM, "k-1")
    assert not IdempotentRequest.select().exists()
    assert post(ITEM, "k-1").status_code == 200


def test_the_rate_of_a_key_is_bounded_and_said(app, settings, clock, key, client):
    limited = create_app(type(settings)(**{**vars(settings), "api_per_minute": 2}), clock)
    for expected in (404, 404, 429):
        answer = limited.test_client().get(f"{PLACE}/A-9", headers={"Authorization": f"Bearer {key}"})
        assert (answer.status_code, answer.mimetype) == (expected, "application/problem+json")
    assert answer.headers["Retry-After"] == "58"  # the clock stands at 10:02:03


def test_every_error_under_api_is_a_problem(post, client, settings, clock, key):
    small = create_app(type(settings)(**{**vars(settings), "api_bytes": 10_000}), clock).test_client()
    answers = [
        (client.get("/api/v1/nothing"), 404),
        (client.get(PLACE), 405),
        (client.get(f"{PLACE}/%00", headers={"Authorization": f"Bearer {key}"}), 404),
        (small.post(PLACE, data=b"x" * 10_001, headers={"Authorization": f"Bearer {key}"}), 413),
    ]
    for answer, status in answers:
        assert (answer.status_code, answer.mimetype) == (status, "application/problem+json")
        assert "Location" not in answer.headers


def test_the_document_says_the_same_as_the_rows(client):
    document = client.get("/api/v1/openapi.json").get_json()
    assert document == json.loads(json.dumps(openapi.document()))
    assert list(RegistrationIn.model_fields) == list(FIELDS)


def test_schemathesis_finds_no_answer_that_the_document_does_not_name(app, key):
    schema = schemathesis.openapi.from_dict(openapi.document())
    schema.app = app
    checks = [
        not_a_server_error,
        status_code_conformance,
        content_type_conformance,
        response_headers_conformance,
        response_schema_conformance,
    ]
    asked, operations = [], 0
    for operation in schema.get_all_operations():

        @examples(40, database=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.ok().as_strategy())
        def ask(case):
            case.headers["Authorization"] = f"Bearer {key}"
            asked.append(case.call_and_validate(checks=checks).status_code)

        ask()
        operations += 1
    assert len(asked) >= 10 * operations > 0
    assert len(set(asked)) > 1


def test_wrong_keys_are_limited_and_keep_no_good_key_out(client, key, clock):
    """Also where both come from one network address."""

    def ask(token):
        return client.get(f"{PLACE}/A-1", headers={"Authorization": f"Bearer {token}"})

    answers = [ask(f"todoke_{n}") for n in range(api_keys.LIMIT_WRONG)]
    assert {answer.status_code for answer in answers} == {401}
    for token in ("todoke_x", "", "ｋｅｙ", key[:-1]):
        refused = ask(token)
        assert refused.status_code == 429 and refused.mimetype == "application/problem+json"
        assert 0 < int(refused.headers["Retry-After"]) <= limits.WINDOW.total_seconds()
    assert ask(key).status_code == 404, "there is no such registration"
    clock.at += limits.WINDOW
    assert ask("todoke_x").status_code == 401 and ask(key).status_code == 404


def test_the_schema_says_how_short_a_text_may_be(post):
    schema = openapi.document()["components"]["schemas"]["RegistrationIn"]
    for name in schema["required"]:
        assert schema["properties"][name]["minLength"] == 1
        assert pointers(post(ITEM | {name: ""})) == [f"/{name}"]
    for name in set(schema["properties"]) - set(schema["required"]):
        assert "minLength" not in str(schema["properties"][name]), "an empty one says nothing"
