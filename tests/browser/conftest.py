"""A real Chromium on a real server; these tests run on SQLite only."""

import os
import threading

import pytest
from werkzeug.serving import make_server

from tests.web.conftest import app, clock, settings  # noqa: F401

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@pytest.fixture(scope="session")
def chromium():
    if not os.path.exists(CHROMIUM):
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def live(app):  # noqa: F811
    """The address of a running server."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(params=[320, 1280], ids=["phone", "desk"])
def tab(request, chromium):
    """A tab on a phone and on a desk; any complaint of the browser, above all of the policy, fails the test."""
    context = chromium.new_context(locale="ja-JP", viewport={"width": request.param, "height": 700})
    page = context.new_page()
    complaints = []
    page.on("console", lambda line: complaints.append(line.text) if line.type in ("error", "warning") else None)
    page.on("pageerror", lambda error: complaints.append(str(error)))
    yield page
    context.close()
    foreseen = ["the server responded with a status of 4"] + ["net::ERR_", "Failed to fetch"] * (
        "cut" in request.fixturenames
    )
    assert [line for line in complaints if not any(words in line for words in foreseen)] == []


@pytest.fixture
def cut(tab):
    """Cut the line for a path's POSTs: `cut(path, 2, after=1)` loses two, the first after the server has done it."""

    def begin(path: str, times: int, after: int = 0) -> list[str]:
        tried: list[str] = []

        def answer(route):
            if route.request.method != "POST":
                return route.continue_()
            tried.append(route.request.post_data)
            if len(tried) > times:
                return route.continue_()
            if len(tried) <= after:
                route.fetch(max_redirects=0)
            return route.abort("connectionreset")

        tab.route("**" + path, answer)
        return tried

    return begin
