"""The SMTP session: many messages over one connection, to the first relay that works, with every outcome typed.

What matters is what the database may be told. A lost connection before the end of the data means that nothing was
sent; a connection lost after it means that nobody knows (RFC 5321, section 4.2.5), and the attempt is repeated under
the same Message-ID or waits for a person.
"""

import math
import re
import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from urllib.parse import unquote, urlsplit

from webapp.domain.bounce.model import Stage
from webapp.domain.email_addresses.syntax import wire_address, wire_sender
from webapp.domain.mail.smtp_session import Envelope, Failed, Relay, Session, Tls, on_the_wire

__all__ = [
    "Envelope",
    "Relay",
    "SendOutcome",
    "SmtpReply",
    "SmtpSender",
    "Stage",
    "Tls",
    "make_reply",
    "relay_from_url",
]

_ENHANCED = re.compile(r"([245]\.\d{1,3}\.\d{1,3})(?=\s|$)")


class SendOutcome(StrEnum):
    """What is known about the message after `deliver`."""

    ACCEPTED = "accepted"
    REFUSED = "refused"  # 5xx
    TEMPORARY = "temporary"  # 4xx
    NOT_SENT = "not_sent"  # no relay took it; certainly not delivered
    UNKNOWN = "unknown"  # the connection went after the end of the data: delivered or not


@dataclass(frozen=True, slots=True)
class SmtpReply:
    """What came of it: code and enhanced status (RFC 3463) as answered, None where there was no answer."""

    outcome: SendOutcome
    stage: Stage
    code: int | None
    enhanced: str | None
    text: str
    relay: str
    about_recipient: bool = False


_SCHEMES = {"smtp": (Tls.NONE, 25), "smtp+starttls": (Tls.STARTTLS, 587), "smtps": (Tls.IMPLICIT, 465)}


def relay_from_url(url: str, *, verifies_recipients: bool = False) -> Relay:
    """Read `smtp+starttls://user:password@host:587` (also smtp, smtps; the port may be left out).

    Raises ValueError without the password in it.
    """
    parts = urlsplit(url)
    if parts.scheme not in _SCHEMES or not parts.hostname:
        raise ValueError("a relay is written smtp://host, smtps://host or smtp+starttls://host")
    tls, port = _SCHEMES[parts.scheme]
    username = unquote(parts.username) if parts.username is not None else None
    password = unquote(parts.password) if parts.password is not None else None
    return Relay(parts.hostname, parts.port or port, tls, username, password, verifies_recipients)


def make_reply(outcome: SendOutcome, stage: Stage, code: int | None, text: str, relay: Relay) -> SmtpReply:
    """Build a Reply, the enhanced status read from the text and tied to the code's class (RFC 2034)."""
    found = _ENHANCED.match(text)
    enhanced = found.group(1) if found and code is not None and found.group(1)[0] == str(code)[0] else None
    about_recipient = relay.verifies_recipients and stage in (Stage.RCPT, Stage.END_OF_DATA)
    return SmtpReply(outcome, stage, code, enhanced, text, relay.name, about_recipient)


class SmtpSender:
    """Delivers messages one after the other. Not for two threads at once; `clock` is any steady clock in seconds."""

    def __init__(
        self,
        relays: Sequence[Relay],
        *,
        local_hostname: str | None = None,
        clock: Callable[[], float] = time.monotonic,
        rest_seconds: float = 60.0,
    ) -> None:
        if not relays:
            raise ValueError("there is no relay to send to")
        self._relays = tuple(relays)
        self._local_hostname = local_hostname or socket.gethostname()
        self._clock = clock
        self._rest_seconds = rest_seconds
        self._awake_at = dict.fromkeys(self._relays, -math.inf)
        self._connection: Session | None = None

    def __enter__(self) -> "SmtpSender":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the session."""
        self._hang_up(politely=True)

    def seconds_until_ready(self) -> float:
        """Return 0 when a relay may be tried, else how long all of them are left alone: claim nothing till then."""
        return max(0.0, min(self._awake_at.values()) - self._clock())

    def deliver(self, envelope: Envelope) -> SmtpReply:
        """Submit one message to the first relay that works. Raises ValueError for an envelope that must not be sent."""
        data = on_the_wire(envelope.data)
        wire_sender(envelope.mail_from), wire_address(envelope.recipient)
        now = self._clock()
        reply = None
        for relay in self._relays:
            if self._awake_at[relay] > now:
                continue
            reply = self._try(relay, envelope, data)
            if not _is_the_relays(reply):
                return reply
            self._awake_at[relay] = self._clock() + self._rest_seconds
            self._hang_up(politely=False)
        if reply is None:
            # Not the words of the last failure: they may hold the address of somebody else's message.
            text = "every relay failed lately and is left alone for a while"
            reply = make_reply(SendOutcome.NOT_SENT, Stage.CONNECT, None, text, self._relays[0])
        return reply

    def _try(self, relay: Relay, envelope: Envelope, data: bytes) -> SmtpReply:
        reused = self._connection is not None and self._connection.relay is relay
        reply = self._once(relay, envelope, data)
        if reused and (reply.code == 421 or (reply.outcome is SendOutcome.NOT_SENT and reply.code is None)):
            # A server may end a session between two messages whenever it likes; that says nothing against a new one.
            reply = self._once(relay, envelope, data)
        return reply

    def _once(self, relay: Relay, envelope: Envelope, data: bytes) -> SmtpReply:
        held = self._connection
        if held is not None and (held.relay is not relay or held.spent or held.sent >= relay.messages_per_connection):
            self._hang_up(politely=not held.spent)
        try:
            if self._connection is None:
                self._connection = Session(relay, self._local_hostname)
            answer = self._connection.transact(envelope, data)
        except Failed as failed:
            self._hang_up(politely=False)
            outcome = SendOutcome.UNKNOWN if failed.stage is Stage.END_OF_DATA else SendOutcome.NOT_SENT
            return make_reply(outcome, failed.stage, failed.code, failed.text, relay)
        if answer.code < 400:
            outcome = SendOutcome.ACCEPTED
        else:
            outcome = SendOutcome.REFUSED if answer.code >= 500 else SendOutcome.TEMPORARY
        return make_reply(outcome, answer.stage, answer.code, answer.text, relay)

    def _hang_up(self, politely: bool) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close(politely)


def _is_the_relays(reply: SmtpReply) -> bool:
    """Say whether another relay may do better: the relay is away, is closing, or has no room (X.3.x, RFC 3463)."""
    if reply.outcome is SendOutcome.NOT_SENT:
        return True
    return reply.outcome is SendOutcome.TEMPORARY and (reply.code == 421 or (reply.enhanced or "").startswith("4.3."))
