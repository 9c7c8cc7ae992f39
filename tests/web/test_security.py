import dataclasses
import gzip
import threading
from pathlib import Path

import brotli
import pytest
from flask import abort
from flask.testing import FlaskClient
from peewee import OperationalError

from db.database import connected, database
from db.models import WorkerBeat
from tests.web.conftest import CheckedClient
from webapp import create_app
from webapp.web import access_table, csrf, errors, guards, security


def with_routes(settings, monkeypatch, **views):
    """An application with more routes, open to everybody: /<name> for each view."""
    monkeypatch.setattr(
        guards, "check_table", lambda app, table: [app.add_url_rule(f"/{n}", n, v) for n, v in views.items()]
    )
    monkeypatch.setattr(access_table, "ACCESS", access_table.ACCESS | dict.fromkeys(views, guards.ANYONE))
    app = create_app(settings)
    app.test_client_class = CheckedClient
    return app


@pytest.fixture
def production(settings):
    return dataclasses.replace(settings, mode="production", trusted_proxies=1)


@pytest.mark.parametrize("status", sorted(errors.SENTENCES))
@pytest.mark.parametrize("language", ["ja", "en"])
def test_each_error_has_its_page_and_its_partial_in_both_languages(settings, monkeypatch, status, language):
    client = with_routes(settings, monkeypatch, refused=lambda: abort(status)).test_client()
    page = client.get("/refused", headers={"Accept-Language": language})
    heading = errors.SENTENCES[status][0]
    assert page.status_code == status
    assert (heading in page.text) == (language == "ja")
    assert f'<html lang="{language}"' in page.text
    partial = client.get("/refused", headers={"HX-Request": "true", "Accept-Language": language})
    assert (partial.status_code, partial.headers["HX-Retarget"]) == (status, "#notice")


def test_an_unforeseen_fault_shows_no_detail(production, monkeypatch, caplog):
    def fault():
        raise RuntimeError("k-sato@docomo.example")

    client = with_routes(production, monkeypatch, fault=fault).test_client()
    answer = client.get("/fault")
    assert answer.status_code == 500
    assert "k-sato" not in answer.text and "Traceback" not in answer.text
    assert answer.headers["X-Request-Id"] in answer.text


def test_a_database_that_is_down_is_a_clear_page_and_named_by_readyz(app, client, monkeypatch):
    def down(**kwargs):
        raise OperationalError("password authentication failed for user todoke")

    database.close()
    with monkeypatch.context() as patch:
        patch.setattr(database.obj, "connect", down)
        page = client.get("/")
        assert (page.status_code, page.headers["Retry-After"]) == (503, "60")
        assert "password" not in page.text
        assert client.get("/healthz").status_code == 200
        ready = client.get("/readyz")
        assert (ready.status_code, ready.json["not_ready"]["database"]) == (503, "unreachable")
    assert client.get("/readyz").status_code == 200


def test_readyz_names_each_part_that_is_not_ready_and_what_is_wrong_beside_the_pages(app, client, now, monkeypatch):
    def ready():
        answer = client.get("/readyz")
        return answer.status_code, answer.json["status"], answer.json["not_ready"], answer.json["degraded"]

    assert ready() == (200, "degraded", {}, {"worker": "silent"})
    WorkerBeat.create(host="one", pid=1, started_at=now, seen_at=now)
    assert ready() == (200, "ready", {}, {})
    with monkeypatch.context() as patch:
        patch.setattr("webapp.web.readiness.LEAST_FREE_BYTES", 1 << 62)
        assert ready() == (200, "degraded", {}, {"disk": "nearly full"})
    with monkeypatch.context() as patch:
        patch.setattr("webapp.web.readiness.DIRECTORY", Path("/nowhere"))
        assert ready() == (503, "not ready", {"static_files": "missing"}, {})
    with monkeypatch.context() as patch:
        patch.setattr("db.schema.pending", lambda: ["0099_next"])
        assert ready() == (503, "not ready", {"migrations": "pending"}, {})
    assert ready() == (200, "ready", {}, {})


@pytest.mark.parametrize("encoding, unpack", [("br", brotli.decompress), ("gzip", gzip.decompress)])
def test_pages_forms_with_errors_and_error_pages_are_compressed(app, encoding, unpack):
    client = FlaskClient(app, app.response_class)  # the checks of the usual client read plain answers
    headers = {"Accept-Encoding": encoding}
    answers = [client.get("/", headers=headers), client.get("/nope", headers=headers)]
    assert [answer.status_code for answer in answers] == [200, 404]
    for answer in answers:
        assert answer.headers["Content-Encoding"] == encoding
        assert unpack(answer.data).startswith(b"<!DOCTYPE html>")


def test_a_wrong_method_names_the_right_ones(client):
    answer = client.get("/language")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"OPTIONS", "POST"}


def test_a_body_that_is_too_large_is_refused(client):
    assert client.submit("/language", {"language": "x" * (security.LARGEST_FORM + 1)}).status_code == 413


def test_headers_of_documents_are_on_documents_only(client):
    page = client.get("/")
    partial = client.partial("/")
    health = client.get("/healthz")
    for name in ("Content-Security-Policy", *security.DOCUMENT_HEADERS):
        assert name in page.headers and name not in partial.headers and name not in health.headers
    for answer in (page, partial, health):
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert answer.headers["Cache-Control"] == "no-store"


def test_production_has_host_cookies_and_hsts_and_believes_its_proxy_only(production):
    with_proxy = create_app(production).test_client()
    forwarded = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "todoke.example"}
    answer = with_proxy.get("/", headers=forwarded)
    assert answer.headers["Set-Cookie"].startswith("__Host-session=")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(answer.headers["Set-Cookie"].split("; "))
    assert "max-age=63072000" in answer.headers["Strict-Transport-Security"]
    alone = create_app(dataclasses.replace(production, trusted_proxies=0)).test_client()
    assert "Strict-Transport-Security" not in alone.get("/", headers=forwarded).headers


@pytest.mark.parametrize("site", ["cross-site", "same-site", "nonsense"])
def test_another_sites_page_cannot_post(client, site):
    assert client.submit("/language", {"language": "en"}, headers={"Sec-Fetch-Site": site}).status_code == 400


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_our_own_page_can_post(client, site):
    assert client.submit("/language", {"language": "en"}, headers={"Sec-Fetch-Site": site}).status_code == 303


def test_a_foreign_origin_cannot_post(client):
    assert client.submit("/language", {"language": "en"}, headers={"Origin": "http://evil.example"}).status_code == 400
    assert client.submit("/language", {"language": "en"}, headers={"Origin": "http://localhost"}).status_code == 303


@pytest.mark.parametrize("token", ["", "x", "ÿ", "A" * 43, "A" * 44, "=" * 43, "🐕" * 11, "A" * 500])
def test_a_token_that_is_not_ours_is_refused(client, token):
    client.get("/")
    assert client.submit("/language", {"language": "en", "csrf_token": token}).status_code == 400


def test_another_sessions_token_is_refused(app, client):
    other = app.test_client()
    other.get("/")
    client.get("/")
    assert client.submit("/language", {"language": "en", "csrf_token": other.token}).status_code == 400


def test_the_token_looks_different_in_each_answer_and_each_is_good(client):
    """BREACH guesses a secret from the length of compressed answers: there must be none that stays the same."""
    tokens = []
    for _ in range(3):
        client.get("/")
        tokens.append(client.token)
    assert len(set(tokens)) == 3
    assert len({csrf.unmask(token) for token in tokens}) == 1
    for token in tokens:
        assert client.submit("/language", {"language": "en", "csrf_token": token}).status_code == 303


def test_the_rate_of_one_address_is_limited(production):
    client = create_app(production).test_client()
    statuses = [client.get("/healthz").status_code for _ in range(601)]
    assert statuses == [200] * 600 + [429]
    assert client.get("/healthz", headers={"X-Forwarded-For": "192.0.2.7"}).status_code == 200, "another address"


def test_the_language_is_chosen_before_signing_in_and_kept(client):
    assert 'lang="ja"' in client.get("/").text
    answer = client.submit("/language", {"language": "en", "back": "/sign-in"})
    assert (answer.status_code, answer.location) == (303, "/sign-in")
    assert '<html lang="en"' in client.get("/sign-in").text
    assert client.submit("/language", {"language": "fr"}).status_code == 400


@pytest.mark.parametrize("back", ["//evil.example", "https://evil.example", "/\\evil.example", "", "/a\r\nX: y", "/名"])
def test_the_choice_of_a_language_leads_nowhere_else(client, back):
    assert client.submit("/language", {"language": "en", "back": back}).location == "/"


def test_threads_share_the_pool_one_after_another(settings):
    """A connection that one thread gave back serves the next thread."""
    app, visited, leave, statuses = create_app(settings), threading.Event(), threading.Event(), []
    app.test_client_class = CheckedClient

    def visit() -> None:
        try:
            statuses.append(app.test_client().submit("/sign-in", {"name": "nobody", "password": "x"}).status_code)
        finally:
            visited.set()
            leave.wait(10)  # a thread that ended would give its number to the next one

    threads = [threading.Thread(target=visit, daemon=True) for _ in range(2)]
    for thread in threads:
        visited.clear()
        thread.start()
        assert visited.wait(10)
    leave.set()
    for thread in threads:
        thread.join(10)
    database.close_all()
    assert statuses == [422, 422]


def test_each_request_has_its_own_connection(app):
    with connected():
        client = app.test_client()
        client.get("/")
        assert not database.is_closed(), "a connection that the caller holds stays open"
    database.close_all()
    client.get("/")
    assert database.is_closed()
