"""The SMTP session tells exactly what is known of each message, keeps one connection, and goes round a dead relay."""

import socket
import ssl
import subprocess
import threading

import pytest
from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult
from hypothesis import given
from hypothesis import strategies as st

from tests.servers.smtp_sink import HANG_UP, SmtpSink
from webapp.domain.mail.smtp_client import Envelope, Relay, SendOutcome, SmtpSender, Stage, Tls, relay_from_url
from webapp.domain.mail.smtp_session import on_the_wire, xtext

DATA = b"Subject: x\r\n\r\n.dot\r\nline\r\n"
FULL = ("PIPELINING", "DSN", "SMTPUTF8", "8BITMIME")
PLAIN = ("8BITMIME",)


def envelope(recipient: str = "sato@mail.example", **more) -> Envelope:
    return Envelope("b-abc@bounce.example", recipient, DATA, **more)


def relay(sink: SmtpSink, **more) -> Relay:
    return Relay("127.0.0.1", sink.port, timeout_seconds=10, end_of_data_seconds=10, **more)


def at(step: str, answer: bytes, times: int = 10**9):
    """A script that gives `answer` at `step` the first `times` times."""
    left = [times]

    def script(seen: str, _argument: str) -> bytes | None:
        if seen == step and left[0] > 0:
            left[0] -= 1
            return answer
        return None

    return script


@pytest.mark.parametrize("features", [FULL, PLAIN])
def test_many_messages_go_over_one_connection_and_arrive_byte_for_byte(features):
    with SmtpSink(features) as sink, SmtpSender([relay(sink)]) as sender:
        for n in range(5):
            reply = sender.deliver(envelope(f"p{n}@mail.example"))
            assert (reply.outcome, reply.stage, reply.code) == (SendOutcome.ACCEPTED, Stage.END_OF_DATA, 250)
            assert (reply.enhanced, reply.relay) == ("2.0.0", f"127.0.0.1:{sink.port}")
    assert sink.connections == 1
    assert [r.data for r in sink.received] == [DATA] * 5


@pytest.mark.parametrize("features", [FULL, PLAIN])
@pytest.mark.parametrize(
    ("step", "stage"),
    [("MAIL", Stage.MAIL), ("RCPT", Stage.RCPT), ("DATA", Stage.DATA), ("end_of_data", Stage.END_OF_DATA)],
)
@pytest.mark.parametrize(("code", "outcome"), [(550, SendOutcome.REFUSED), (451, SendOutcome.TEMPORARY)])
def test_a_refusal_keeps_its_stage_and_the_session_goes_on(features, step, stage, code, outcome):
    words = f"{code} {code // 100}.7.1 Unknown user".encode()
    with SmtpSink(features, at(step, words, times=1)) as sink, SmtpSender([relay(sink)]) as sender:
        reply = sender.deliver(envelope())
        assert (reply.outcome, reply.stage, reply.code) == (outcome, stage, code)
        assert (reply.enhanced, reply.text) == (f"{code // 100}.7.1", f"{code // 100}.7.1 Unknown user")
        assert sender.deliver(envelope()).outcome is SendOutcome.ACCEPTED
    assert sink.connections == 1 and sink.count == 1


def test_a_server_that_asks_for_data_for_nobody_gets_none():
    def script(step: str, _argument: str) -> bytes | None:
        if step == "RCPT" and not sink.received:
            return b"550 5.1.1 no"
        return b"354 go on" if step == "DATA" else (b"554 no recipients" if step == "end_of_data" else None)

    with SmtpSink(FULL, script) as sink, SmtpSender([relay(sink)]) as sender:
        reply = sender.deliver(envelope())
        assert (reply.stage, reply.code) == (Stage.RCPT, 550)
    assert sink.commands[-2:] == ["RSET", "quit"]


@pytest.mark.parametrize("features", [FULL, PLAIN])
@pytest.mark.parametrize("step", ["MAIL", "RCPT", "DATA"])
def test_a_connection_lost_before_the_end_of_data_means_not_sent(features, step):
    with SmtpSink(features, at(step, HANG_UP)) as sink, SmtpSender([relay(sink)]) as sender:
        reply = sender.deliver(envelope())
        assert (reply.outcome, reply.code) == (SendOutcome.NOT_SENT, None)
        assert reply.stage in (Stage.MAIL, Stage.RCPT, Stage.DATA)


@pytest.mark.parametrize("features", [FULL, PLAIN])
def test_a_connection_lost_after_the_end_of_data_means_unknown_and_is_not_sent_elsewhere(features):
    with SmtpSink(features, at("end_of_data", HANG_UP)) as first, SmtpSink(features) as second:
        with SmtpSender([relay(first), relay(second)]) as sender:
            reply = sender.deliver(envelope())
        assert (reply.outcome, reply.stage, reply.code) == (SendOutcome.UNKNOWN, Stage.END_OF_DATA, None)
    assert second.connections == 0


def test_silence_after_the_end_of_data_is_unknown_too():
    listener = socket.create_server(("127.0.0.1", 0))
    answers = [b"220 a\r\n", b"250 a\r\n", b"250 a\r\n", b"250 a\r\n", b"354 a\r\n"]
    # All answers at once: this server never reads, so nothing but the last silence can be waited for.
    with listener, SmtpSender([Relay("127.0.0.1", listener.getsockname()[1], end_of_data_seconds=0.2)]) as sender:
        accepted = []

        def serve() -> None:
            connection, _ = listener.accept()
            accepted.append(connection)
            connection.sendall(b"".join(answers))

        thread = threading.Thread(target=serve)
        thread.start()
        reply = sender.deliver(envelope())
        thread.join()
        accepted[0].close()
    assert (reply.outcome, reply.stage) == (SendOutcome.UNKNOWN, Stage.END_OF_DATA)


@pytest.mark.parametrize("features", [FULL, PLAIN])
def test_an_idle_session_that_the_server_ended_is_opened_again(features):
    with SmtpSink(features) as sink, SmtpSender([relay(sink)]) as sender:
        sender.deliver(envelope())
        sink.script = at("MAIL", b"421 4.4.2 idle for too long", times=1)
        assert sender.deliver(envelope()).outcome is SendOutcome.ACCEPTED
        sink.script = at("MAIL", HANG_UP, times=1)
        assert sender.deliver(envelope()).outcome is SendOutcome.ACCEPTED
    assert (sink.connections, sink.count) == (3, 3)


def test_a_connection_is_changed_after_a_number_of_messages():
    with SmtpSink(FULL) as sink, SmtpSender([relay(sink, messages_per_connection=2)]) as sender:
        assert {sender.deliver(envelope()).outcome for _ in range(5)} == {SendOutcome.ACCEPTED}
    assert sink.connections == 3
    assert sink.commands.count("quit") == 3


@pytest.mark.parametrize(
    "broken",
    [
        at("connect", b"554 5.3.2 no service"),
        at("connect", HANG_UP),
        at("EHLO", b"550 5.7.1 who are you"),
        at("MAIL", b"452 4.3.1 Insufficient system storage"),
        at("RCPT", b"421 4.3.2 shutting down"),
        at("end_of_data", b"451 4.3.0 queue file write error"),
    ],
)
def test_a_relay_that_fails_is_left_alone_for_a_while_and_the_next_one_takes_over(broken):
    now = [1000.0]
    with (
        SmtpSink(FULL, broken) as first,
        SmtpSink(FULL) as second,
        SmtpSender([relay(first), relay(second)], clock=lambda: now[0], rest_seconds=60) as sender,
    ):
        replies = [sender.deliver(envelope()) for _ in range(3)]
        assert {(r.outcome, r.relay) for r in replies} == {(SendOutcome.ACCEPTED, f"127.0.0.1:{second.port}")}
        assert first.connections == 1
        now[0] += 61
        first.script = lambda _step, _argument: None
        assert sender.deliver(envelope()).relay == f"127.0.0.1:{first.port}"


def test_with_every_relay_away_nothing_is_sent_and_the_sender_says_how_long():
    now = [0.0]
    with SmtpSink() as sink:
        dead = relay(sink)
    with SmtpSender([dead], clock=lambda: now[0], rest_seconds=60) as sender:
        assert sender.seconds_until_ready() == 0
        reply = sender.deliver(envelope())
        assert (reply.outcome, reply.stage, reply.code) == (SendOutcome.NOT_SENT, Stage.CONNECT, None)
        now[0] = 10.0
        assert sender.seconds_until_ready() == 50
        assert "left alone" in sender.deliver(envelope()).text


def test_a_refusal_of_one_recipient_is_no_reason_to_try_another_relay():
    with (
        SmtpSink(FULL, at("RCPT", b"550 5.1.1 no such user")) as first,
        SmtpSink(FULL) as second,
        SmtpSender([relay(first, verifies_recipients=True), relay(second)]) as sender,
    ):
        reply = sender.deliver(envelope())
    assert reply.outcome is SendOutcome.REFUSED and reply.about_recipient and second.connections == 0


def test_dsn_parameters_go_only_to_a_relay_that_offers_them():
    message = envelope("a+b=c@mail.example", envelope_id="x y+1", notify=("FAILURE", "DELAY", "SUCCESS"))
    with SmtpSink(FULL) as sink, SmtpSender([relay(sink)]) as sender:
        sender.deliver(message)
    assert sink.received[0].mail == "<b-abc@bounce.example> RET=HDRS ENVID=x+20y+2B1"
    assert sink.received[0].recipients == [
        "<a+b=c@mail.example> NOTIFY=FAILURE,DELAY,SUCCESS ORCPT=rfc822;a+2Bb+3Dc@mail.example"
    ]
    with SmtpSink(PLAIN) as sink, SmtpSender([relay(sink)]) as sender:
        sender.deliver(message)
    assert (sink.received[0].mail, sink.received[0].recipients) == ("<b-abc@bounce.example>", ["<a+b=c@mail.example>"])


@pytest.mark.parametrize(
    ("address", "sent"),
    [
        ("a..b@docomo.ne.jp", '<"a..b"@docomo.ne.jp>'),
        ("a.@ezweb.ne.jp", '<"a."@ezweb.ne.jp>'),
        (".a@docomo.ne.jp", '<".a"@docomo.ne.jp>'),
        ('"a..b"@docomo.ne.jp', '<"a..b"@docomo.ne.jp>'),
        ("sato@メール.example", "<sato@xn--4dkua4c.example>"),
    ],
)
def test_old_phone_addresses_are_quoted_and_foreign_domains_written_in_ascii(address, sent):
    with SmtpSink(PLAIN) as sink, SmtpSender([relay(sink)]) as sender:
        assert sender.deliver(envelope(address)).outcome is SendOutcome.ACCEPTED
    assert sink.received[0].recipients == [sent]


def test_smtputf8_is_asked_for_when_needed_and_refused_here_when_not_offered():
    with SmtpSink(FULL) as sink, SmtpSender([relay(sink)]) as sender:
        assert sender.deliver(envelope("佐藤@mail.example")).outcome is SendOutcome.ACCEPTED
    assert sink.received[0].mail.startswith("<b-abc@bounce.example> SMTPUTF8")
    assert sink.received[0].recipients == [
        "<佐藤@mail.example> NOTIFY=FAILURE,DELAY ORCPT=utf-8;\\x{4F50}\\x{85E4}@mail.example"
    ]
    with SmtpSink(PLAIN) as sink, SmtpSender([relay(sink)]) as sender:
        reply = sender.deliver(envelope("佐藤@mail.example"))
        assert (reply.outcome, reply.stage, reply.enhanced) == (SendOutcome.REFUSED, Stage.RCPT, "5.6.7")
        assert sender.deliver(envelope()).outcome is SendOutcome.ACCEPTED


@pytest.mark.parametrize(
    "address",
    [
        "",
        "sato",
        "@mail.example",
        "sato@",
        "a b@mail.example",
        "a@b>\r\nRCPT TO:<c@d",
        "a@b\n.example",
        "a<b@c.example",
    ],
)
def test_an_address_that_could_carry_a_command_is_never_written(address):
    with SmtpSink(PLAIN) as sink, SmtpSender([relay(sink)]) as sender, pytest.raises(ValueError, match="address"):
        sender.deliver(envelope(address))
    assert sink.connections == 0


@pytest.mark.parametrize("data", [b"a\nb\r\n", b"a\r.\r\n", b"a\r\n.\rb\n", b"\n.\n"])
def test_bare_line_ends_are_refused(data):
    with pytest.raises(ValueError, match="CRLF"):
        on_the_wire(data)


@given(st.lists(st.text(alphabet="ab. ", max_size=5).map(str.encode), max_size=6))
def test_dots_are_doubled_so_that_the_data_ends_only_at_its_end(lines):
    data = b"\r\n".join(lines)
    wire = on_the_wire(data)
    assert wire.index(b"\r\n.\r\n") + 5 == len(wire) if wire != b".\r\n" else data == b""
    body = wire[:-3].split(b"\r\n")
    undone = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in body)
    assert undone in (data, data + b"\r\n")


@given(st.text(max_size=20))
def test_xtext_is_printable_and_unambiguous(value):
    coded = xtext(value)
    assert coded.isascii() and " " not in coded and "=" not in coded


class Keep:
    """An aiosmtpd handler that keeps what it was given."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def handle_DATA(self, _server, _session, envelope) -> str:
        self.recipients += envelope.rcpt_tos
        return "250 OK"


@pytest.fixture(scope="module")
def certificate(tmp_path_factory):
    """A key and a certificate for localhost that nobody else trusts."""
    directory = tmp_path_factory.mktemp("tls")
    key, cert = directory / "key.pem", directory / "cert.pem"
    subprocess.run(
        [
            *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost"),
            *("-addext", "subjectAltName=DNS:localhost", "-keyout", key, "-out", cert),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(cert, key)
    return context, str(cert)


def authenticate(_server, _session, _envelope, _mechanism, data) -> AuthResult:
    return AuthResult(success=(data.login, data.password) == (b"todoke", b"secret"), handled=False)


@pytest.mark.filterwarnings("ignore:Requiring AUTH while not requiring TLS")  # aiosmtpd does not count implicit TLS
@pytest.mark.parametrize("tls", [Tls.STARTTLS, Tls.IMPLICIT])
def test_tls_and_auth_against_another_server(certificate, tls):
    context, ca_file = certificate
    handler = Keep()
    options = {"authenticator": authenticate, "auth_required": True, "hostname": "localhost", "port": 0}
    if tls is Tls.STARTTLS:
        options |= {"tls_context": context, "require_starttls": True}
    else:
        options |= {"ssl_context": context, "auth_require_tls": False}
    port = free_port()
    controller = Controller(handler, **options | {"port": port})
    controller.start()
    try:
        good = {"tls": tls, "username": "todoke", "timeout_seconds": 10}
        right = Relay("localhost", port, password="secret", ca_file=ca_file, **good)
        with SmtpSender([right]) as sender:
            assert sender.deliver(envelope()).outcome is SendOutcome.ACCEPTED
        with SmtpSender([Relay("localhost", port, password="wrong", ca_file=ca_file, **good)]) as sender:
            reply = sender.deliver(envelope())
            assert (reply.outcome, reply.stage, reply.code) == (SendOutcome.NOT_SENT, Stage.AUTH, 535)
        with SmtpSender([Relay("localhost", port, password="secret", **good)]) as sender:
            reply = sender.deliver(envelope())  # a certificate that nobody vouches for
            assert reply.outcome is SendOutcome.NOT_SENT and "CERTIFICATE_VERIFY_FAILED" in reply.text
    finally:
        controller.stop()
    assert handler.recipients == ["sato@mail.example"]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_relay_without_starttls_gets_no_mail_when_tls_is_asked_for():
    with SmtpSink(PLAIN) as sink, SmtpSender([relay(sink, tls=Tls.STARTTLS)]) as sender:
        reply = sender.deliver(envelope())
    assert (reply.outcome, reply.stage) == (SendOutcome.NOT_SENT, Stage.STARTTLS) and sink.count == 0


def test_a_password_is_never_sent_in_clear_over_a_network_nor_shown():
    with pytest.raises(ValueError, match="TLS only"):
        Relay("relay.example", username="u", password="p")
    assert "hunter2" not in repr(Relay("relay.example", tls=Tls.STARTTLS, username="u", password="hunter2"))


def test_a_login_that_the_relay_does_not_offer_is_not_sent():
    with SmtpSink(PLAIN) as sink, SmtpSender([relay(sink, username="u", password="p")]) as sender:
        reply = sender.deliver(envelope())
    assert (reply.outcome, reply.stage) == (SendOutcome.NOT_SENT, Stage.AUTH)


def test_a_relay_is_read_from_its_address():
    read = relay_from_url("smtp+starttls://to%40doke:p%3Aw@relay.example", verifies_recipients=True)
    assert (read.host, read.port, read.tls, read.verifies_recipients) == ("relay.example", 587, Tls.STARTTLS, True)
    assert (read.username, read.password) == ("to@doke", "p:w")
    assert relay_from_url("smtp://127.0.0.1:8025").name == "127.0.0.1:8025"
    assert (relay_from_url("smtps://r.example").port, relay_from_url("smtp://r.example").port) == (465, 25)
    for bad in ("http://r.example", "smtp://", "relay.example"):
        with pytest.raises(ValueError, match="written"):
            relay_from_url(bad)
