"""Signing in with a real browser: passkeys of a virtual authenticator, and pages without barriers."""

import dataclasses
import socket
import threading

import pytest
from werkzeug.serving import make_server

from db.database import connected, database
from db.models import Account, SecondFactor
from tests.browser.test_frame import violations
from tests.web.conftest import PASSWORD, CheckedClient
from webapp import create_app
from webapp.domain.accounts import accounts
from webapp.domain.accounts.accounts import OperatorRole

pytestmark = pytest.mark.browser

PAGES = (
    *("/sign-in", "/sign-in/business", "/first-access", "/first-access/business", "/first-access/postcard"),
    *("/forgotten", "/forgotten/business", "/forgotten/received", "/first-access?link=x"),
)


@pytest.mark.parametrize("path", PAGES)
def test_a_page_before_signing_in_fits_the_screen_and_has_no_barriers(live, tab, path):
    tab.goto(live + path)
    assert tab.evaluate("document.documentElement.scrollWidth <= innerWidth"), "no sideways scrolling"
    assert violations(tab) == []


@pytest.fixture
def named(settings, clock):
    """A server whose address has a name: browsers know no passkeys for a bare number."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    app = create_app(dataclasses.replace(settings, public_url=f"http://localhost:{port}"), clock)
    app.test_client_class = CheckedClient
    server = make_server("127.0.0.1", port, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    with connected():
        yield f"http://localhost:{port}"
    server.shutdown()
    thread.join()
    server.server_close()
    database.close_all()


def test_an_administrator_sets_up_a_passkey_signs_in_and_proves_who_they_are_by_it(named, tab, clock, now):
    accounts.create_operator("chief", "管理", OperatorRole.ADMINISTRATOR, PASSWORD, now)
    devtools = tab.context.new_cdp_session(tab)
    devtools.send("WebAuthn.enable")
    options = {"protocol": "ctap2", "transport": "internal", "hasUserVerification": True, "isUserVerified": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": options | {"automaticPresenceSimulation": True}})

    def sign_in():
        tab.goto(named + "/sign-in/operators")
        tab.fill("#name", "chief")
        tab.fill("#password", PASSWORD)
        tab.click("#sign-in form button")

    sign_in()
    tab.wait_for_url("**/me/second-factor")
    assert violations(tab) == []
    tab.click("text=パスキーを登録する")
    tab.fill("#name", "事務所のパソコン")
    assert violations(tab) == []
    tab.click("#passkey button")
    tab.wait_for_selector("#codes")
    assert tab.locator("#codes code").count() == 10
    assert violations(tab) == []
    assert Account.get().second_factor and SecondFactor.get().name == "事務所のパソコン"
    tab.goto(named + "/me/second-factor")
    assert violations(tab) == []
    tab.click("text=サインアウト")
    tab.wait_for_selector("#sign-in")

    sign_in()
    tab.wait_for_url("**/sign-in/second-factor")
    assert violations(tab) == []
    tab.click("#passkey button")
    tab.wait_for_url("**/ops")
    assert SecondFactor.get().sign_count > 0

    clock.at += accounts.RECENT
    tab.goto(named + "/me/password")
    tab.wait_for_selector("#identity")
    tab.click("#passkey button")
    tab.wait_for_selector("#change-password")
    assert violations(tab) == []
    tab.goto(named + "/me/sessions")
    assert violations(tab) == []


def test_setting_up_an_app_needs_no_script(named, chromium, now):
    import pyotp

    accounts.create_operator("chief", "管理", OperatorRole.ADMINISTRATOR, PASSWORD, now)
    context = chromium.new_context(java_script_enabled=False, locale="ja-JP")
    tab = context.new_page()
    tab.goto(named + "/sign-in/operators")
    tab.fill("#name", "chief")
    tab.fill("#password", PASSWORD)
    tab.click("#sign-in form button")
    tab.click("text=認証アプリを登録する")
    tab.fill("#code", pyotp.TOTP(tab.inner_text("code")).at(now))
    tab.click("#app button")
    assert tab.locator("#codes code").count() == 10
    context.close()
