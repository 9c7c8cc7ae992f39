"""One session with one relay: EHLO, STARTTLS, AUTH, then message after message, pipelined where that is offered."""

import contextlib
import re
import smtplib
import ssl
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from webapp.domain.bounce.model import Stage
from webapp.domain.email_addresses.syntax import wire_address, wire_sender

_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_NOT_XTEXT = re.compile(r"[^!-*,-<>-~]")
_PIPELINED_BYTES = 4096  # MAIL, RCPT and DATA never come near it, so that writing them cannot block on a full buffer


class Tls(StrEnum):
    """How the connection to a relay is protected."""

    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True, slots=True)
class Relay:
    """A submission server of ours. `verifies_recipients`: its own 5xx to a recipient is the recipient's server's."""

    host: str
    port: int = 25
    tls: Tls = Tls.NONE
    username: str | None = None
    password: str | None = field(default=None, repr=False)
    verifies_recipients: bool = False
    ca_file: str | None = None
    timeout_seconds: float = 60.0
    # A relay may run its filters before it answers the end of the data (RFC 5321, section 4.5.3.2.6: 10 minutes).
    # Giving up earlier would turn slow successes into repeats.
    end_of_data_seconds: float = 600.0
    messages_per_connection: int = 1000

    def __post_init__(self) -> None:
        if self.username is not None and self.tls is Tls.NONE and self.host not in _LOOPBACK:
            raise ValueError(f"relay {self.name}: a password is sent over TLS only; set starttls or implicit")

    @property
    def name(self) -> str:
        """Return `host:port`, as logs and the timeline show it."""
        return f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Envelope:
    """One message for one recipient. `data` has CRLF line ends; `envelope_id` comes back in a DSN (RFC 3461).

    An empty `mail_from` is written `<>`: mail that must not come back (RFC 5321, section 4.5.5).
    """

    mail_from: str
    recipient: str
    data: bytes = field(repr=False)
    envelope_id: str | None = None
    notify: tuple[str, ...] = ("FAILURE", "DELAY")


@dataclass(frozen=True, slots=True)
class StageReply:
    stage: Stage
    code: int
    text: str


class Failed(Exception):
    """A step without success: the answer, or None when the connection went."""

    def __init__(self, stage: Stage, code: int | None, text: str) -> None:
        super().__init__(stage, code, text)
        self.stage, self.code, self.text = stage, code, text


def xtext(value: str) -> str:
    """Encode a parameter as RFC 3461, section 4 wants it: `+`, `=` and what is not printable ASCII as `+HH`."""
    return _NOT_XTEXT.sub(lambda match: f"+{ord(match.group()):02X}", value)


def _original_recipient(address: str) -> str:
    if address.isascii():
        return f"rfc822;{xtext(address)}"
    # RFC 6533, section 3: in a 7-bit parameter a character beyond ASCII is written \x{HEX}.
    return "utf-8;" + "".join(xtext(c) if c.isascii() and c != "\\" else f"\\x{{{ord(c):X}}}" for c in address)


def on_the_wire(data: bytes) -> bytes:
    """Return the data with dots doubled and its end. Raises ValueError for a bare CR or LF (SMTP smuggling)."""
    if not data.count(b"\r\n") == data.count(b"\n") == data.count(b"\r"):
        raise ValueError("a message has CRLF line ends and no other CR or LF")
    if data.startswith(b"."):
        data = b"." + data
    data = data.replace(b"\r\n.", b"\r\n..")
    return data + (b".\r\n" if data.endswith(b"\r\n") else b"\r\n.\r\n")


class Session:
    """One session with one relay, after EHLO, STARTTLS and AUTH."""

    def __init__(self, relay: Relay, local_hostname: str | None) -> None:
        self.relay = relay
        self.sent = 0
        self.spent = False
        stage = Stage.CONNECT
        client: smtplib.SMTP | None = None
        try:
            context = ssl.create_default_context(cafile=relay.ca_file) if relay.tls is not Tls.NONE else None
            seconds = relay.timeout_seconds
            if relay.tls is Tls.IMPLICIT:
                client = smtplib.SMTP_SSL(relay.host, relay.port, local_hostname, timeout=seconds, context=context)
            else:
                client = smtplib.SMTP(relay.host, relay.port, local_hostname, seconds)
            stage = Stage.HELO
            self._expect(stage, *client.ehlo())
            if relay.tls is Tls.STARTTLS:
                stage = Stage.STARTTLS
                if not client.has_extn("starttls"):
                    raise Failed(stage, None, "the relay does not offer STARTTLS")
                self._expect(stage, *client.starttls(context=context))
                self._expect(Stage.HELO, *client.ehlo())
            if relay.username is not None:
                stage = Stage.AUTH
                client.login(relay.username, relay.password or "")
            if client.sock is None:
                raise smtplib.SMTPServerDisconnected("the relay closed the connection")
        except Failed:
            _drop(client)
            raise
        except smtplib.SMTPResponseException as error:
            _drop(client)
            words = error.smtp_error
            raise Failed(stage, error.smtp_code, words if isinstance(words, str) else _text(words)) from error
        except (OSError, smtplib.SMTPException, UnicodeError) as error:
            _drop(client)
            raise Failed(stage, None, _words(error)) from error
        self._client, self._socket = client, client.sock
        self._pipelining = client.has_extn("pipelining")
        self._dsn = client.has_extn("dsn")
        self._utf8 = client.has_extn("smtputf8")

    @staticmethod
    def _expect(stage: Stage, code: int, text: bytes) -> None:
        if not 200 <= code <= 299:
            raise Failed(stage, code, _text(text))

    def _commands(self, envelope: Envelope, mail_from: str, recipient: str, utf8: bool) -> tuple[bytes, bytes]:
        mail, rcpt = f"MAIL FROM:<{mail_from}>", f"RCPT TO:<{recipient}>"
        if utf8:
            mail += " SMTPUTF8 BODY=8BITMIME"
        if self._dsn:
            mail += " RET=HDRS"
            if envelope.envelope_id is not None:
                mail += f" ENVID={xtext(envelope.envelope_id)}"
            rcpt += f" NOTIFY={','.join(envelope.notify) or 'NEVER'} ORCPT={_original_recipient(recipient)}"
        return f"{mail}\r\n".encode(), f"{rcpt}\r\n".encode()

    def _write(self, stage: Stage, data: bytes) -> None:
        try:
            self._socket.sendall(data)
        except OSError as error:
            raise Failed(stage, None, _words(error)) from error

    def _read(self, stage: Stage) -> StageReply:
        try:
            code, text = self._client.getreply()
        except (OSError, smtplib.SMTPException) as error:
            raise Failed(stage, None, _words(error)) from error
        wanted = 354 if stage is Stage.DATA else 250
        if code < 400 and code != wanted and (code, stage) != (251, Stage.RCPT):
            raise Failed(stage, None, f"the relay answered {code}, which means nothing here")
        return StageReply(stage, code, _text(text))

    def transact(self, envelope: Envelope, data: bytes) -> StageReply:
        """Send one message and return the answer that decided. Raises Failed when the connection is of no more use."""
        mail_from, recipient = wire_sender(envelope.mail_from), wire_address(envelope.recipient)
        utf8 = not (mail_from.isascii() and recipient.isascii())
        if utf8 and not self._utf8:
            return StageReply(Stage.RCPT, 553, "5.6.7 the relay does not offer SMTPUTF8, which this address needs")
        mail, rcpt = self._commands(envelope, mail_from, recipient, utf8)
        self.sent += 1
        steps = ((Stage.MAIL, mail), (Stage.RCPT, rcpt), (Stage.DATA, b"DATA\r\n"))
        if self._pipelining and len(mail) + len(rcpt) < _PIPELINED_BYTES:
            refused = self._all_at_once(steps)
        else:
            refused = self._one_by_one(steps)
        if refused is not None:
            return refused
        # The end of the data is the last thing written: if writing fails, the server cannot have it and has to forget
        # the message. Once it is written nobody but the server knows.
        longer = self.relay.end_of_data_seconds != self.relay.timeout_seconds
        if longer:
            self._socket.settimeout(self.relay.end_of_data_seconds)
        self._write(Stage.DATA, data)
        answer = self._read(Stage.END_OF_DATA)
        if longer:
            self._socket.settimeout(self.relay.timeout_seconds)
        return answer

    def _one_by_one(self, steps: Iterable[tuple[Stage, bytes]]) -> StageReply | None:
        for stage, command in steps:
            self._write(stage, command)
            answer = self._read(stage)
            if answer.code >= 400:
                self._reset(answer)
                return answer
        return None

    def _all_at_once(self, steps: Iterable[tuple[Stage, bytes]]) -> StageReply | None:
        """Send the commands in one write (RFC 2920), which saves two round trips of four."""
        self._write(Stage.MAIL, b"".join(command for _, command in steps))
        refused = None
        try:
            for stage, _ in steps:
                answer = self._read(stage)
                if answer.code >= 400:
                    refused = refused or answer
                elif refused is not None and stage is Stage.DATA:
                    # RFC 2920, section 3.1: a server may ask for data that nobody is to get. It is sent none.
                    self._write(stage, b".\r\n")
                    self._client.getreply()
        except (Failed, OSError, smtplib.SMTPException):
            if refused is None:
                raise
            self.spent = True  # the first refusal stands, whatever happened to the connection after it
        if refused is not None:
            self._reset(refused)
        return refused

    def _reset(self, answer: StageReply) -> None:
        if answer.code == 421 or self.spent:
            self.spent = True
            return
        try:
            self._socket.sendall(b"RSET\r\n")
            self._client.getreply()
        except (OSError, smtplib.SMTPException):
            self.spent = True  # the answer stands; only the connection is of no more use

    def close(self, politely: bool) -> None:
        """End the session, with QUIT if it is still good."""
        if politely:
            with contextlib.suppress(OSError, smtplib.SMTPException):
                self._socket.settimeout(1)  # nothing depends on the answer to QUIT
                self._client.quit()
        _drop(self._client)


def _drop(client: smtplib.SMTP | None) -> None:
    if client is not None:
        client.close()


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _text(answer: bytes) -> str:
    return answer.decode("utf-8", "replace").replace("\n", " ")[:1000]
