"""The demo's mailbox: shows what was caught, by page and by htmx, and does not exist in production."""

import smtplib
from dataclasses import replace
from pathlib import Path

import pytest

from webapp.demo.mail_catcher import Catcher


@pytest.fixture
def mail_in_box(app):
    directory = Path(app.extensions["settings"].state_dir) / "demo-mail"
    with Catcher(directory, 1, "127.0.0.1", 0) as catcher, smtplib.SMTP("127.0.0.1", catcher.port) as client:
        client.sendmail("a@todoke.example", ["p1@mail.example"], "Subject: hello\r\n\r\nDear <b>you</b>\r\n")


def test_an_empty_mailbox_says_what_to_do(client):
    assert "まだ一通も送られていません" in client.get("/demo/mail").text


def test_mail_is_shown_as_text(client, mail_in_box):
    for answer in (client.get("/demo/mail"), client.partial("/demo/mail")):
        assert "p1@mail.example" in answer.text
        assert "Dear &lt;b&gt;you&lt;/b&gt;" in answer.text


def test_it_does_not_exist_in_production(app, client):
    app.extensions["settings"] = replace(app.extensions["settings"], mode="production")
    assert client.get("/demo/mail").status_code == 404
