"""Against a real Postfix: what it makes of our mails, and what it sends back when a destination refuses them."""

import queue
from datetime import UTC, datetime
from email import message_from_bytes, policy

import pytest

from tests.domain.mail.test_compose import IDENTITY, MESSAGE_ID, make
from tests.servers.postfix import Postfix, needs_postfix
from tests.servers.smtp_sink import SmtpSink
from webapp.domain.email_addresses.syntax import plain_address
from webapp.domain.mail.compose import compose
from webapp.domain.mail.lmtp_server import LmtpListener
from webapp.domain.mail.return_path import ReturnPathKeys, Token, make_return_path, read_return_path
from webapp.domain.mail.smtp_client import Envelope, Relay, SendOutcome, SmtpSender, Stage

pytestmark = [pytest.mark.postfix, needs_postfix]

NOW = datetime(2026, 11, 23, 5, 6, 7, tzinfo=UTC)
KEYS = ReturnPathKeys(1, {1: b"\x01" * 32})
DOMAIN = "bounce.todoke.example"


class Listening:
    """Keeps what the LMTP listener was given; fails the first `failures` times as a database might."""

    def __init__(self) -> None:
        self.mails: queue.Queue[tuple[str, bytes]] = queue.Queue()
        self.failures = 0

    def receive(self, recipient: str, data: bytes) -> None:
        if self.failures:
            self.failures -= 1
            raise RuntimeError("the database is away")
        self.mails.put((recipient, data))


def destination(step: str, argument: str) -> bytes | None:
    """Refuse as real servers do."""
    if step == "RCPT" and "<gone" in argument:
        return b"550 5.1.1 <gone@mail.example>: Recipient address rejected: User unknown in virtual mailbox table"
    if step == "end_of_data" and "<filtered" in argument:
        return b"550 : User unknown"
    return None


@pytest.fixture(scope="module")
def relayed(tmp_path_factory):
    listening = Listening()
    directory = tmp_path_factory.mktemp("postfix")
    with (
        SmtpSink(("PIPELINING", "8BITMIME"), destination) as sink,
        LmtpListener(listening.receive) as listener,
        Postfix(directory, DOMAIN, listener.port, sink.port) as postfix,
        SmtpSender([Relay("127.0.0.1", postfix.port)]) as sender,
    ):
        yield sender, listening, sink, postfix


def send(sender: SmtpSender, attempt_id: int, recipient: str, notify: tuple[str, ...] = ("FAILURE", "DELAY")) -> None:
    path = make_return_path(attempt_id, NOW, KEYS, DOMAIN)
    data = compose(make(recipient=recipient), IDENTITY, MESSAGE_ID, NOW)
    reply = sender.deliver(Envelope(path, recipient, data, f"attempt-{attempt_id}", notify))
    assert reply.outcome is SendOutcome.ACCEPTED, reply


def report_of(data: bytes):
    message = message_from_bytes(data, policy=policy.compat32)
    assert message.get_content_type() == "multipart/report"
    return next(part for part in message.walk() if part.get_content_type() == "message/delivery-status").get_payload()


def test_a_refusal_comes_back_to_its_own_attempt_as_a_genuine_report(relayed):
    sender, listening, _, postfix = relayed
    send(sender, 4711, "gone@mail.example")
    recipient, data = listening.mails.get(timeout=30)
    assert read_return_path(recipient, NOW, KEYS) == Token(4711, NOW.date(), 1, False), postfix.log()
    message, failed = report_of(data)
    assert message["Original-Envelope-Id"] == "attempt-4711"
    assert (failed["Action"], failed["Status"]) == ("failed", "5.1.1")
    assert failed["Original-Recipient"] == "rfc822;gone@mail.example"
    assert b"in reply to" in data and b"RCPT TO command" in data
    assert MESSAGE_ID.encode() in data and b"1234 5678" not in data  # RET=HDRS: the notice itself does not travel back


def test_the_stage_of_a_refusal_after_the_data_is_kept(relayed):
    sender, listening, _, _ = relayed
    send(sender, 4712, "filtered@mail.example")
    recipient, data = listening.mails.get(timeout=30)
    assert read_return_path(recipient, NOW, KEYS).attempt_id == 4712
    assert b"end of DATA" in data.replace(b"\n    ", b" ").replace(b"\r\n    ", b" ")


@pytest.mark.parametrize("address", ["a..b@docomo.ne.jp", "a.@ezweb.ne.jp"])
def test_an_old_phone_address_passes_through(relayed, address):
    sender, listening, sink, _ = relayed
    send(sender, 4713, address, notify=("FAILURE", "SUCCESS"))
    _, data = listening.mails.get(timeout=30)  # a success report, since the destination offers no DSN: "relayed"
    assert [plain_address(r) for m in sink.received for r in m.recipients].count(address) == 1
    local, _, domain = address.partition("@")
    assert f'<"{local}"@{domain}>' in sink.received[-1].recipients
    _, relayed_report = report_of(data)
    assert relayed_report["Action"] == "relayed"
    assert plain_address(relayed_report["Original-Recipient"].partition(";")[2]) == address


def test_our_mail_arrives_as_it_was_written(relayed):
    sender, _, sink, _ = relayed
    send(sender, 4714, "a..b@docomo.ne.jp", notify=("SUCCESS",))
    relayed[1].mails.get(timeout=30)
    ours = message_from_bytes(compose(make(recipient="a..b@docomo.ne.jp"), IDENTITY, MESSAGE_ID, NOW))
    theirs = message_from_bytes(sink.received[-1].data)
    assert theirs.get_payload() == ours.get_payload() and theirs["Subject"] == ours["Subject"]
    assert theirs["To"].endswith('<"a..b"@docomo.ne.jp>')


def test_a_report_that_could_not_be_stored_stays_with_the_relay_and_comes_again(relayed):
    sender, listening, _, postfix = relayed
    listening.failures = 1
    send(sender, 4715, "gone@mail.example")
    recipient, _ = listening.mails.get(timeout=60)
    assert read_return_path(recipient, NOW, KEYS).attempt_id == 4715
    assert "status=deferred" in postfix.log()


def test_only_return_paths_are_taken_for_their_domain(relayed):
    sender, _, _, _ = relayed
    path = make_return_path(4716, NOW, KEYS, DOMAIN)
    data = compose(make(), IDENTITY, MESSAGE_ID, NOW)
    reply = sender.deliver(Envelope("", f"info@{DOMAIN}", data))
    assert (reply.outcome, reply.stage, reply.enhanced) == (SendOutcome.REFUSED, Stage.RCPT, "5.1.1")
    assert sender.deliver(Envelope("", path.upper(), data)).outcome is SendOutcome.ACCEPTED
    recipient, _ = relayed[1].mails.get(timeout=30)
    assert read_return_path(recipient, NOW, KEYS).attempt_id == 4716
