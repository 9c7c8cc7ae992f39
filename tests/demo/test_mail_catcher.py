"""The demo's catcher keeps every mail, answers in the words of real servers and returns what it promised to return."""

import queue
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from tests import ROOT
from tests.domain.mail.test_compose import IDENTITY, MESSAGE_ID, SUBJECT, make
from webapp.demo.catcher_replies import BEHAVIOURS, Manner, behaviour_of_domain
from webapp.demo.mail_catcher import Catcher, caught
from webapp.domain.mail.compose import compose
from webapp.domain.mail.lmtp_server import LmtpListener
from webapp.domain.mail.smtp_client import Envelope, Relay, SendOutcome, SmtpSender, Stage

NOW = datetime(2026, 11, 23, 5, 6, 7, tzinfo=UTC)
PATH = "b-abc@bounce.todoke.example"


@pytest.fixture
def demo(tmp_path):
    """A sender before the catcher, the queue of what comes back, and the directory."""
    back: queue.Queue[tuple[str, bytes]] = queue.Queue()
    with (
        LmtpListener(lambda recipient, data: back.put((recipient, data))) as listener,
        Catcher(tmp_path, listener.port, return_after_seconds=0) as catcher,
        SmtpSender([Relay("127.0.0.1", catcher.port, verifies_recipients=True, timeout_seconds=10)]) as sender,
    ):

        def send(recipient: str, notify: tuple[str, ...] = ("FAILURE", "DELAY")):
            data = compose(make(recipient=recipient), IDENTITY, MESSAGE_ID, NOW)
            return sender.deliver(Envelope(PATH, recipient, data, "a-1", notify))

        yield send, back, tmp_path


def test_an_ordinary_mail_is_kept_and_can_be_read(demo):
    send, _, directory = demo
    assert send("sato@mail.example").outcome is SendOutcome.ACCEPTED
    (mail,) = caught(directory)
    assert (mail.sender, mail.recipient, mail.subject, mail.returned) == (PATH, "sato@mail.example", SUBJECT, "")
    assert "1234 5678 9012 34" in mail.text and mail.at.tzinfo is not None


@pytest.mark.parametrize(
    ("recipient", "stage", "text"),
    [
        ("sato@gone.docomo.example", Stage.RCPT, "Unknown user sato@gone.docomo.example"),
        ("a..b@gone.docomo.example", Stage.RCPT, "Unknown user a..b@gone.docomo.example"),
        ("sato@filter.docomo.example", Stage.END_OF_DATA, "Unknown user sato@filter.docomo.example"),
        ("sato@gone.au.example", Stage.RCPT, "<sato@gone.au.example>: User unknown"),
        ("sato@filter.au.example", Stage.END_OF_DATA, ": User unknown"),
    ],
)
def test_a_refusal_has_the_words_and_the_stage_of_the_real_server(demo, recipient, stage, text):
    send, _, directory = demo
    reply = send(recipient)
    assert (reply.outcome, reply.stage, reply.code, reply.text) == (SendOutcome.REFUSED, stage, 550, text)
    assert reply.about_recipient
    assert caught(directory, recipient=recipient)[0].answer == f"550 {text}"


RETURNED = sorted(d for d, b in BEHAVIOURS.items() if b.manner is Manner.RETURN_REPORT)


@pytest.mark.parametrize("domain", RETURNED)
def test_a_returned_mail_is_a_report_that_reads_as_one(demo, domain):
    send, back, directory = demo
    assert send(f"sato@{domain}").outcome is SendOutcome.ACCEPTED
    recipient, data = back.get(timeout=10)
    assert recipient == PATH
    message = message_from_bytes(data, policy=policy.default)
    assert message.get_content_type() == "multipart/report" and not message.defects
    status = next(p for p in message.walk() if p.get_content_type() == "message/delivery-status").get_payload()[1]
    assert (status["Action"], status["Status"]) == ("failed", BEHAVIOURS[domain].status)
    assert status["Final-Recipient"] == f"rfc822; sato@{domain}"
    assert MESSAGE_ID.encode() in data and b"1234 5678" not in data
    assert caught(directory)[0].returned == BEHAVIOURS[domain].label


def test_au_returns_a_note_without_a_report(demo):
    send, back, _ = demo
    send("sato@returned.au.example")
    _, data = back.get(timeout=10)
    message = message_from_bytes(data)
    assert message.get_content_type() == "text/plain" and message["Subject"] == "Mail System Error - Returned Mail"
    assert b"<sato@returned.au.example>" in data


def test_a_slow_server_takes_the_mail_at_the_second_try(demo):
    send, _, directory = demo
    assert (send("sato@slow.example").outcome, send("sato@slow.example").outcome) == (
        SendOutcome.TEMPORARY,
        SendOutcome.ACCEPTED,
    )
    assert [mail.answer[:3] for mail in caught(directory)] == ["250", "451"]


def test_arrival_is_confirmed_only_when_asked_for(demo):
    send, back, _ = demo
    send("sato@delivered.example")
    send("sato@delivered.example", notify=("SUCCESS", "FAILURE"))
    _, data = back.get(timeout=10)
    assert b"Action: delivered" in data and back.empty()


def test_nothing_but_loopback_is_served(tmp_path):
    with pytest.raises(ValueError, match="loopback"):
        Catcher(tmp_path, 1, host="0.0.0.0")


def test_every_domain_of_the_table_is_an_example_and_a_subdomain_behaves_as_its_parent():
    assert all(domain.endswith(".example") for domain in BEHAVIOURS)
    assert behaviour_of_domain("MAIL.gone.example") is BEHAVIOURS["gone.example"]
    assert behaviour_of_domain("begone.example").manner is Manner.ACCEPT


def test_before_the_first_mail_there_is_nothing(tmp_path):
    assert caught(tmp_path) == []


def test_the_manual_lists_every_domain_of_the_table():
    manual = (ROOT / "docs" / "mail.md").read_text("utf-8")
    rows = [line for line in manual.splitlines() if line.startswith("| ") and ".example" in line]
    listed = {domain.strip() for row in rows for domain in row.split("|")[1].split(",")}
    assert listed == set(BEHAVIOURS)
