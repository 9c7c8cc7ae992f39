"""The demo's mail catcher: an SMTP server on loopback that keeps what it is sent and sends nothing on.

Some recipients it refuses, others it returns by LMTP to the worker's listener after a moment, so that a newcomer sees
mails, returned mails and queued postcards without a relay. `caught()` reads what it keeps.
"""

import asyncio
import contextlib
import signal
import smtplib
import sqlite3
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email import message_from_bytes, policy
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from webapp.demo.catcher_replies import ACCEPT, Behaviour, Manner, answer_text, behaviour_of_domain, returned_mail
from webapp.domain.email_addresses.syntax import domain_of, plain_address

KEPT_MAILS = 2000
_LOOPBACK = ("127.0.0.1", "::1", "localhost")
_DSN_PARAMETERS = ("RET", "ENVID", "NOTIFY", "ORCPT")
_MESSAGE_BYTES = 1024 * 1024
_SCHEMA = """
CREATE TABLE IF NOT EXISTS mail (
  id INTEGER PRIMARY KEY, at TEXT NOT NULL, sender TEXT NOT NULL, recipient TEXT NOT NULL,
  answer TEXT NOT NULL, returned TEXT NOT NULL DEFAULT '', data BLOB NOT NULL
)"""


@dataclass(frozen=True, slots=True)
class Caught:
    """One mail for one recipient: `answer` as the server gave it, `returned` what came back (a label) or nothing."""

    id: int
    at: datetime
    sender: str
    recipient: str
    subject: str
    text: str
    answer: str
    returned: str


def _open(directory: Path) -> sqlite3.Connection:
    directory.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(directory / "caught.db", timeout=10)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(_SCHEMA)
    return connection


def caught(directory: Path, limit: int = 50, recipient: str | None = None) -> list[Caught]:
    """Return the newest mails first, at most `limit`, of one recipient if given; none before the first mail."""
    if not (directory / "caught.db").exists():
        return []
    where, values = ("WHERE recipient = ?", [recipient]) if recipient is not None else ("", [])
    with contextlib.closing(_open(directory)) as connection:
        rows = connection.execute(
            f"SELECT id, at, sender, recipient, answer, returned, data FROM mail {where} ORDER BY id DESC LIMIT ?",
            [*values, limit],
        ).fetchall()
    return [_read(*row) for row in rows]


def _read(id_: int, at: str, sender: str, recipient: str, answer: str, returned: str, data: bytes) -> Caught:
    message = message_from_bytes(data, policy=policy.default)
    part = message.get_body(("plain",))
    text = part.get_content() if part is not None else ""
    return Caught(
        id_, datetime.fromisoformat(at), sender, recipient, str(message["Subject"] or ""), text, answer, returned
    )


class _Server(SMTP):
    """aiosmtpd's SMTP that also takes the parameters of RFC 3461, so that success reports can be shown."""

    def _getparams(self, params: Sequence[str]) -> dict[str, str | bool] | None:
        ours = [param for param in params if param.partition("=")[0].upper() in _DSN_PARAMETERS]
        self.dsn = getattr(self, "dsn", {}) | {
            name.upper(): value for name, _, value in (p.partition("=") for p in ours)
        }
        return super()._getparams([param for param in params if param not in ours])


class Catcher:
    """Serves in a thread of its own until stopped. Raises ValueError for a host that is not loopback."""

    def __init__(
        self,
        directory: Path,
        lmtp_port: int,
        host: str = "127.0.0.1",
        port: int = 0,
        return_after_seconds: float = 1.0,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        if host not in _LOOPBACK:
            raise ValueError("the mail catcher listens on loopback only")
        self.host, self.port = host, port
        self._directory, self._lmtp_port, self._delay, self._now = directory, lmtp_port, return_after_seconds, now
        self._seen: set[tuple[str, str]] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._serve()), name="catcher")
        self._started = threading.Event()
        self._failure: OSError | None = None

    def __enter__(self) -> "Catcher":
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(self, *_: object) -> None:
        if self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        sessions: list[_Server] = []

        def session() -> _Server:
            sessions[:] = [server for server in sessions if server.transport is not None]
            sessions.append(
                _Server(
                    self,
                    data_size_limit=_MESSAGE_BYTES,
                    enable_SMTPUTF8=True,
                    hostname="catcher.todoke.example",
                    ident="Todoke mail catcher",
                    loop=self._loop,
                )
            )
            return sessions[-1]

        self._database = _open(self._directory)
        try:
            server = await self._loop.create_server(session, self.host, self.port)
        except OSError as error:
            self._failure = error
            self._database.close()
            self._started.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        async with server:
            await self._stopping.wait()
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            for open_session in sessions:
                if open_session.transport is not None:
                    open_session.transport.close()
            await asyncio.sleep(0)
        self._database.close()

    async def handle_EHLO(
        self, _server: _Server, session: Session, _envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        return [*responses[:-1], "250-DSN", responses[-1]]

    async def handle_RCPT(
        self, _server: _Server, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        recipient = plain_address(address)
        behaviour = behaviour_of_domain(domain_of(recipient))
        refused = behaviour.manner is Manner.REFUSE_RECIPIENT
        if behaviour.manner is Manner.LATER and (envelope.mail_from, recipient) not in self._seen:
            self._seen.add((envelope.mail_from, recipient))
            refused = True
        if refused:
            answer = answer_text(behaviour, recipient)
            self._keep(envelope.mail_from, recipient, answer, "", b"")
            return answer
        envelope.rcpt_tos.append(recipient)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server: _Server, _session: Session, envelope: Envelope) -> str:
        data = envelope.original_content or b""
        dsn, server.dsn = getattr(server, "dsn", {}), {}
        for recipient in envelope.rcpt_tos:
            behaviour = behaviour_of_domain(domain_of(recipient))
            if behaviour.manner is Manner.REFUSE_DATA:
                answer = answer_text(behaviour, recipient)
                self._keep(envelope.mail_from, recipient, answer, "", data)
                return answer
            if behaviour.manner is Manner.CONFIRM and "SUCCESS" not in dsn.get("NOTIFY", "").upper():
                behaviour = ACCEPT
            returns = behaviour.manner in (Manner.RETURN_REPORT, Manner.RETURN_NOTE, Manner.CONFIRM)
            answer = "250 2.0.0 Ok: caught"
            number = self._keep(envelope.mail_from, recipient, answer, behaviour.label if returns else "", data)
            if returns and envelope.mail_from:
                coming = self._return(behaviour, envelope.mail_from, recipient, data, number)
                task = self._loop.create_task(coming)
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        return "250 2.0.0 Ok: caught"

    def _keep(self, sender: str, recipient: str, answer: str, returned: str, data: bytes) -> int:
        with self._database:
            cursor = self._database.execute(
                "INSERT INTO mail (at, sender, recipient, answer, returned, data) VALUES (?, ?, ?, ?, ?, ?)",
                (self._now().isoformat(), sender, recipient, answer, returned, data),
            )
            self._database.execute("DELETE FROM mail WHERE id <= ?", (cursor.lastrowid - KEPT_MAILS,))
        return cursor.lastrowid

    async def _return(self, behaviour: Behaviour, sender: str, recipient: str, data: bytes, number: int) -> None:
        mail = returned_mail(behaviour, sender, recipient, data, f"4DEMO{number:06d}", self._now())
        delay = self._delay
        while True:
            await asyncio.sleep(delay)
            if await self._loop.run_in_executor(None, self._hand_over, sender, mail):
                return
            # The worker may start later than the first mail or be away for a while: a relay would wait for it too.
            delay = min(30.0, delay * 2)

    def _hand_over(self, return_path: str, mail: bytes) -> bool:
        try:
            with smtplib.LMTP("127.0.0.1", self._lmtp_port, timeout=10) as client:
                client.sendmail("", [return_path], mail)
        except (smtplib.SMTPDataError, smtplib.SMTPRecipientsRefused, OSError) as error:
            return isinstance(error, smtplib.SMTPDataError) and error.smtp_code >= 500
        return True


def serve(host: str, port: int, lmtp_port: int, directory: Path) -> None:
    """Run the catcher in the main thread until SIGINT or SIGTERM."""
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    with Catcher(directory, lmtp_port, host, port):
        stopping.wait()
