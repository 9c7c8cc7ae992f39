"""The log over a whole story: JSON lines with ids, and of nobody a name, an address, a number or a code."""

import io
import json
import logging
import re
import sys

import pytest
import structlog

from db.database import connected, database
from db.models import Attempt, Message, Registration
from tests.servers.smtp_sink import SmtpSink
from tests.web.conftest import PASSWORD, CheckedClient, operator, signed_in
from tests.web.ops import story
from webapp import create_app, log
from webapp.domain.accounts import accounts, first_access
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.domain.mail.return_path import ReturnPathKeys, make_return_path
from webapp.domain.self_service import operator_email
from webapp.settings import load
from webapp.worker.worker import Worker

NAME, KANA, STREET, POSTAL = "鵜飼 珠緒", "ウカイ タマオ", "丁目カナリア台4-5-6", "9870123"
EMAIL, OTHER, TELEPHONE = "tamao.canary@docomo.ne.jp", "ops.canary@ops.example", "09099990001"
NUMBER, APPLICATION, FIRM = "98765432109876", "A-CANARY-7QK2M", "株式会社カナリア組"


@pytest.fixture
def written(monkeypatch):
    """What is written to standard error while the log is set up as in production, at its most talkative."""
    root, before = logging.getLogger(), (logging.getLogger().handlers[:], logging.getLogger().level)
    stream = io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    log.configure("debug")
    yield stream
    root.handlers[:], root.level = before[0], before[1]
    structlog.reset_defaults()
    for name in log._TALKATIVE:
        logging.getLogger(name).setLevel(logging.NOTSET)


@pytest.fixture
def settings(sqlite_url, tmp_path):
    values = {
        "TODOKE_MODE": "test",
        "TODOKE_STATE_DIR": str(tmp_path),
        "TODOKE_DATABASE_URL": sqlite_url,
        "TODOKE_SECRET_KEY": "test " * 8,
        "TODOKE_RETURN_KEYS": "a:" + "test " * 8,
        "TODOKE_OPS_MAILBOX": OTHER,
    }
    return load(values, dotenv=None)


def lines(stream: io.StringIO) -> list[dict]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def a_person(now) -> story.Story:
    person = {"name": NAME, "name_kana": KANA, "address": STREET, "postal_code": POSTAL, "technician_id": NUMBER}
    case = story.sent(now, email=EMAIL, telephone=TELEPHONE, **person)
    Registration.update(application_number=APPLICATION).where(Registration.id == case.registration.id).execute()
    return case


def visit(app, now, case) -> None:
    """The web's part: signing in right and wrong, looking, searching, asking, what is refused and what breaks."""
    client = app.test_client()
    client.submit("/sign-in", {"technician_id": NUMBER, "password": "wrong " + NAME})
    account = first_access.technician_account(case.person, now)
    accounts.set_password(account, PASSWORD, now)
    person = signed_in(app, account, {"technician_id": NUMBER}, "/sign-in")
    for address in ("/me", "/me/record", "/me/contact"):
        person.get(address)
    person.submit("/me/contact", {"email": OTHER})
    client.submit("/contact/card", {"application_number": APPLICATION, "birth_date": "1985-04-01"})
    client.get(f"/api/v1/registrations/{APPLICATION}", headers={"Authorization": "Bearer " + NUMBER})
    client.get(f"/nowhere/{NUMBER}?name={NAME}&email={EMAIL}")
    ops = operator(app, accounts.OperatorRole.OPERATOR, now)
    ops.submit("/ops/registrations/search", {"terms": NAME, "q": EMAIL})
    for address in ("/ops", "/ops/registrations", "/ops/messages", "/ops/postcards", "/ops/addresses", "/ops/alarms"):
        ops.get(address)


def work(settings, now, case) -> None:
    """The worker's part: mails go out and are refused, one comes back, jobs run, one of them breaks."""
    message = Message.get_by_id(case.message.id)
    Message.update(state="queued", due_at=now).where(Message.id == message.id).execute()
    open_alarm(AlarmKind.QUEUE_AGE, "notices", now)
    worker = Worker(settings, listen=False, clock=lambda: now)
    worker.once()
    attempt = Attempt.select().where(Attempt.message == message).order_by(Attempt.id.desc()).get()
    path = make_return_path(attempt.id, now, ReturnPathKeys.from_pairs(settings.return_keys), settings.return_domain)
    worker._receive_all([(path, story.RETURNED.replace(story.EMAIL.encode(), EMAIL.encode()))])
    worker.jobs[:] = [worker.jobs[0]]
    worker.jobs[0].do = breaks
    worker.jobs[0].due = 0.0
    with pytest.raises(ValueError):
        worker._periodic()


def breaks(*_args, **_more):
    raise ValueError(f"{NAME} {EMAIL} {NUMBER} {STREET}")


def test_no_line_of_web_or_worker_names_anybody(settings, now, written, monkeypatch):
    with SmtpSink() as sink:
        settings = load_again(settings, f"smtp://127.0.0.1:{sink.port}")
        monkeypatch.setattr("webapp.blueprints.public.start.render", breaks)
        app = create_app(settings, lambda: now)
        app.testing = False
        app.test_client_class = CheckedClient
        with connected():
            case = a_person(now)
            account = accounts.create_operator("aoki", NAME, "administrator", PASSWORD, now)
            operator_email.give(account, OTHER, now, None)
            visit(app, now, case)
            app.test_client().get("/")
            work(settings, now, case)
        database.close_all()
    told = lines(written)
    text = written.getvalue()
    canaries = {NAME, *NAME.split(), KANA, *KANA.split(), STREET, POSTAL, EMAIL, OTHER, EMAIL.split("@")[0], TELEPHONE}
    canaries |= {NUMBER, APPLICATION, "1985-04-01", PASSWORD, "test " * 8, FIRM, OTHER.split("@")[0]}
    assert [word for word in sorted(canaries) if word in text] == []
    assert not re.search(r"[\w.+-]+@(?!mail\.todoke)[\w-]+\.\w", text), "an address of anybody"
    requests = [line for line in told if line["event"] == "request"]
    assert len(requests) > 15 and all(re.fullmatch("[0-9a-f]{16}", line["request_id"]) for line in requests)
    assert len({line["request_id"] for line in requests}) == len(requests)
    failed = next(line for line in told if line["event"] == "request failed")
    assert failed["error"] == "ValueError" and any("test_log.py" in place for place in failed["where"])
    assert failed["request_id"] in {line["request_id"] for line in requests if line["status"] == 500}
    offered = [line for line in told if line["event"] == "offered"]
    assert {line["message"] for line in offered} >= {case.message.id} and all(line["attempt"] for line in offered)
    job = next(line for line in told if line["event"] == "job failed")
    assert job["error"] == "ValueError" and "request_id" not in job
    assert {line["level"] for line in told} <= {"debug", "info", "warning", "error"}


def load_again(settings, relay: str):
    values = {
        "TODOKE_MODE": "test",
        "TODOKE_STATE_DIR": settings.state_dir,
        "TODOKE_DATABASE_URL": settings.database_url,
        "TODOKE_SECRET_KEY": settings.secret_key,
        "TODOKE_RETURN_KEYS": "a:" + "test " * 8,
        "TODOKE_OPS_MAILBOX": OTHER,
        "TODOKE_RELAYS": relay,
    }
    return load(values, dotenv=None)
