"""/ops/operators and /ops/alarm-mail: an administrator gives an address, its operator confirms it."""

import re

import pytest

from db import ids
from db.models import Account, EmailAddress, Message
from webapp.domain.self_service import operator_email


def account_of(role: str) -> Account:
    return Account.get(Account.login_key == f"operator:test-{role}")


def code_of(app) -> str:
    values = dict(Message.select().where(Message.kind == "confirm").order_by(Message.id.desc()).get().content)
    operator_email.give_code(values, app.extensions["settings"].secret_key)
    return values["confirm_code"]


@pytest.mark.parametrize("htmx", [False, True])
def test_an_address_is_given_confirmed_and_taken_away(app, ops_admin, ops_viewer, htmx):
    viewer = account_of("viewer")
    address = f"/ops/operators/{ids.encode(viewer.id)}/email"
    assert "管理者にアドレスの登録を頼んでください" in ops_viewer.get("/ops/alarm-mail").text
    assert ops_admin.submit(address, {"email": "aoki@ops.example"}, htmx=htmx).status_code in (200, 303)
    assert "確認待ち" in ops_admin.get("/ops/operators").text
    wrong = ops_viewer.submit("/ops/alarm-mail", {"code": "AAAA-AAAA"}, htmx=htmx)
    assert wrong.status_code == 422 and "正しくないか" in wrong.text and "AAAA-AAAA" in wrong.text
    ops_viewer.submit("/ops/alarm-mail/again", htmx=htmx)
    assert Message.select().where(Message.kind == "confirm").count() == 2
    assert ops_viewer.submit("/ops/alarm-mail", {"code": code_of(app)}, htmx=htmx).status_code in (200, 303)
    assert "警報が届きます" in ops_viewer.get("/ops/alarm-mail").text
    ops_admin.submit(address, {"email": ""}, htmx=htmx)
    assert not EmailAddress.select().where(EmailAddress.valid_to.is_null()).exists()


@pytest.mark.parametrize("htmx", [False, True])
def test_who_asks_for_too_many_codes_in_a_day_is_told_so(ops_admin, ops_viewer, htmx):
    address = f"/ops/operators/{ids.encode(account_of('viewer').id)}/email"
    ops_admin.submit(address, {"email": "aoki@ops.example"})
    for _ in range(operator_email.PER_DAY - 1):
        assert ops_viewer.submit("/ops/alarm-mail/again", htmx=htmx).status_code in (200, 303)
    refused = ops_viewer.submit("/ops/alarm-mail/again", htmx=htmx)
    assert refused.status_code == 422 and 'href="#again"' in refused.text and 'id="again"' in refused.text
    given = ops_admin.submit(address, {"email": "other@ops.example"}, htmx=htmx)
    assert given.status_code == 422 and 'value="other@ops.example"' in given.text
    assert all(page.text.count("1日に5回まで送れます") == 2 for page in (refused, given))
    assert Message.select().where(Message.kind == "confirm").count() == operator_email.PER_DAY


def test_a_bad_address_comes_back_beside_its_operator(ops_admin, ops_viewer):
    address = f"/ops/operators/{ids.encode(account_of('viewer').id)}/email"
    page = ops_admin.submit(address, {"email": "no address"})
    assert page.status_code == 422 and 'value="no address"' in page.text
    assert re.search(r'aria-describedby="email-test-viewer-error"', page.text)


def test_only_administrators_give_addresses_and_nobody_confirms_anothers(app, ops_admin, ops_operator, technician):
    target = account_of("administrator")
    address = f"/ops/operators/{ids.encode(target.id)}/email"
    assert ops_operator.get("/ops/operators").status_code == 403
    assert ops_operator.submit(address, {"email": "x@ops.example"}).status_code == 403
    assert technician.get("/ops/operators").status_code == 404
    ops_admin.submit(address, {"email": "admin@ops.example"})
    assert ops_operator.submit("/ops/alarm-mail", {"code": code_of(app)}).status_code == 422
    assert ops_admin.submit(f"/ops/operators/{ids.encode(1)}/email", {"email": "x@ops.example"}).status_code == 404


def test_both_pages_speak_english(ops_admin):
    assert "Operators and alarms by mail" in ops_admin.get("/ops/operators", headers={"Accept-Language": "en"}).text
    assert "No shared mailbox is set." in ops_admin.get("/ops/alarm-mail", headers={"Accept-Language": "en"}).text
