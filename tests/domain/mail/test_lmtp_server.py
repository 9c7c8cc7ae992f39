"""The relay may forget a returned mail only when it was taken; everything else stays bounded."""

import smtplib
import socket
import threading

import pytest

from webapp.domain.mail.lmtp_server import LmtpBounds, LmtpListener

MAIL = b"From: a@b.example\r\n\r\n\xff\x00 anything\r\n"


class Inbox:
    def __init__(self) -> None:
        self.taken: list[tuple[str, bytes]] = []
        self.broken = False

    def receive(self, recipient: str, data: bytes) -> None:
        if self.broken or recipient.startswith("broken"):
            raise RuntimeError("the database is away")
        self.taken.append((recipient, data))


def send(client: smtplib.LMTP, recipients: list[str], data: bytes = MAIL) -> list[tuple[int, bytes]]:
    """Send in smtplib's own words but read an answer for each recipient (RFC 2033)."""
    assert client.mail("")[0] == 250
    for recipient in recipients:
        assert client.rcpt(recipient)[0] == 250
    assert client.docmd("DATA")[0] == 354
    client.send(data + b".\r\n")
    return [client.getreply() for _ in recipients]


def test_each_recipient_is_handed_over_and_answered():
    inbox = Inbox()
    with LmtpListener(inbox.receive) as listener, smtplib.LMTP("127.0.0.1", listener.port, timeout=10) as client:
        client.ehlo()
        answers = send(client, ["b-1@b.example", "broken@b.example", "b-2@b.example"])
        assert [code for code, _ in answers] == [250, 451, 250]
        assert [code for code, _ in send(client, ["b-3@b.example"])] == [250]
    assert inbox.taken == [("b-1@b.example", MAIL), ("b-2@b.example", MAIL), ("b-3@b.example", MAIL)]


def test_what_could_not_be_stored_is_taken_when_it_comes_again(caplog):
    inbox = Inbox()
    inbox.broken = True
    with LmtpListener(inbox.receive) as listener, smtplib.LMTP("127.0.0.1", listener.port, timeout=10) as client:
        client.ehlo()
        assert send(client, ["b-1@b.example"])[0][0] == 451
        inbox.broken = False
        assert send(client, ["b-1@b.example"])[0][0] == 250
    assert len(inbox.taken) == 1
    assert "RuntimeError" in caplog.text and "b-1" not in caplog.text


def test_a_mail_too_large_is_refused_for_each_recipient_and_the_session_goes_on():
    inbox = Inbox()
    with (
        LmtpListener(inbox.receive, bounds=LmtpBounds(message_bytes=2000)) as listener,
        smtplib.LMTP("127.0.0.1", listener.port, timeout=10) as client,
    ):
        client.ehlo()
        assert client.esmtp_features["size"] == "2000"
        answers = send(client, ["b-1@b.example", "b-2@b.example"], b"x" * 60 + b"\r\n" + b"line\r\n" * 600)
        assert [code for code, _ in answers] == [552, 552]
        assert send(client, ["b-3@b.example"])[0][0] == 250
    assert [recipient for recipient, _ in inbox.taken] == ["b-3@b.example"]


def test_a_line_of_any_length_within_the_size_is_taken():
    inbox = Inbox()
    data = b"Subject: x\r\n\r\n" + b"y" * 50_000 + b"\r\n"
    with LmtpListener(inbox.receive) as listener, smtplib.LMTP("127.0.0.1", listener.port, timeout=10) as client:
        client.ehlo()
        assert send(client, ["b-1@b.example"], data)[0][0] == 250
    assert inbox.taken == [("b-1@b.example", data)]


def test_recipients_beyond_the_bound_wait_for_another_transaction():
    with (
        LmtpListener(Inbox().receive, bounds=LmtpBounds(recipients=2)) as listener,
        smtplib.LMTP("127.0.0.1", listener.port, timeout=10) as client,
    ):
        client.ehlo()
        client.mail("")
        assert [client.rcpt(f"b-{n}@b.example")[0] for n in range(3)] == [250, 250, 452]


def test_connections_beyond_the_bound_are_turned_away():
    with (
        LmtpListener(Inbox().receive, bounds=LmtpBounds(connections=1)) as listener,
        smtplib.LMTP("127.0.0.1", listener.port, timeout=10) as first,
    ):
        first.ehlo()
        with pytest.raises(smtplib.SMTPConnectError) as error:
            smtplib.LMTP("127.0.0.1", listener.port, timeout=10)
        assert error.value.smtp_code == 421
        assert send(first, ["b-1@b.example"])[0][0] == 250


def test_a_silent_client_is_cut_off():
    with (
        LmtpListener(Inbox().receive, bounds=LmtpBounds(seconds=0.2)) as listener,
        socket.create_connection(("127.0.0.1", listener.port), timeout=10) as silent,
    ):
        assert silent.recv(100).startswith(b"220")
        assert silent.recv(100) == b""


def test_stopping_waits_for_the_mail_that_is_being_taken():
    begun, go_on, taken = threading.Event(), threading.Event(), []

    def receive(recipient: str, _data: bytes) -> None:
        begun.set()
        go_on.wait(10)
        taken.append(recipient)

    listener = LmtpListener(receive).start()
    with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as client:
        client.sendall(b"LHLO x\r\n")
        client.recv(1000)
        for command in (b"MAIL FROM:<>\r\n", b"RCPT TO:<b-1@b.example>\r\n", b"DATA\r\n", b"x\r\n.\r\n"):
            client.sendall(command)
            if not command.startswith(b"x"):
                client.recv(1000)
        assert begun.wait(10)
        stopper = threading.Thread(target=listener.stop)
        stopper.start()
        go_on.set()
        stopper.join(10)
    assert not stopper.is_alive() and taken == ["b-1@b.example"]


def test_a_port_in_use_is_an_error_at_once():
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="address already in use"):
        LmtpListener(Inbox().receive, port=taken.getsockname()[1]).start()


def test_what_comes_while_others_are_written_is_taken_together():
    begun, go_on, parts = threading.Event(), threading.Event(), []

    def receive_all(mails):
        parts.append([recipient for recipient, _ in mails])
        begun.set()
        go_on.wait(10)
        return [RuntimeError("as told") if recipient.startswith("broken") else None for recipient, _ in mails]

    answers = {}
    with LmtpListener(None, receive_all=receive_all) as listener:

        def deliver(*recipients):
            with smtplib.LMTP("127.0.0.1", listener.port, timeout=10) as client:
                client.ehlo()
                answers[recipients] = [code for code, _ in send(client, list(recipients))]

        first = threading.Thread(target=deliver, args=("b-1@b.example",))
        first.start()
        assert begun.wait(10)
        others = threading.Thread(target=deliver, args=("b-2@b.example", "broken@b.example"))
        others.start()
        while not listener._handler._waiting:  # the server reads on while the first mail is written
            threading.Event().wait(0.01)
        go_on.set()
        for thread in (first, others):
            thread.join(10)
    assert parts == [["b-1@b.example"], ["b-2@b.example", "broken@b.example"]]
    assert answers == {("b-1@b.example",): [250], ("b-2@b.example", "broken@b.example"): [250, 451]}


@pytest.mark.parametrize("missing", [1, 2, 3, 4, 20, len(MAIL) + 3])
def test_a_mail_that_breaks_off_is_not_taken_and_the_next_one_is(missing):
    """Data without its end are half a mail (RFC 5321 4.1.1.4): its sender still has it and sends it again."""
    inbox = Inbox()
    with LmtpListener(inbox.receive) as listener:
        with socket.create_connection(("127.0.0.1", listener.port), timeout=10) as line:
            answers = line.makefile("rb")
            answers.readline()
            for command in (b"LHLO relay.example", b"MAIL FROM:<>", b"RCPT TO:<b-1@b.example>", b"DATA"):
                line.sendall(command + b"\r\n")
                while answers.readline()[3:4] == b"-":
                    pass
            whole = MAIL + b".\r\n"
            line.sendall(whole[: len(whole) - missing])
            line.shutdown(socket.SHUT_WR)
            assert not answers.read().startswith(b"250")
        with smtplib.LMTP("127.0.0.1", listener.port, timeout=10) as client:
            client.ehlo()
            assert send(client, ["b-2@b.example"])[0][0] == 250
    assert [recipient for recipient, _ in inbox.taken] == ["b-2@b.example"]
