"""The listener for returned mail: the relay hands over by LMTP (RFC 2033) and keeps what we could not take.

Everything is bounded (size, recipients, connections, time), since anybody may write to a return path. It listens on
loopback or a private network only: whom to believe is decided by the token in the recipient, not here.
"""

import asyncio
import logging
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import cast

from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import Envelope, Session

log = logging.getLogger(__name__)

Receive = Callable[[str, bytes], None]
# Takes mails that wait together, and returns for each why it could not be taken, or None: then it is safe.
ReceiveAll = Callable[[Sequence[tuple[str, bytes]]], Sequence[Exception | None]]


@dataclass(frozen=True, slots=True)
class LmtpBounds:
    """How much is taken at once. The size is announced, so that a relay does not even begin with more."""

    message_bytes: int = 1024 * 1024
    recipients: int = 20
    connections: int = 20
    seconds: float = 60.0
    together: int = 25


class _Handler:
    def __init__(self, receive_all: ReceiveAll, bounds: LmtpBounds, executor: ThreadPoolExecutor) -> None:
        self._receive_all, self._bounds, self._executor = receive_all, bounds, executor
        self._waiting: list[tuple[str, bytes, asyncio.Future[Exception | None]]] = []
        self._taking: asyncio.Task[None] | None = None

    async def handle_RCPT(
        self, _server: LMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if len(envelope.rcpt_tos) >= self._bounds.recipients:
            return "452 4.5.3 Too many recipients, send the rest in another transaction"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: LMTP, _session: Session, envelope: Envelope) -> str:
        data = envelope.original_content or b""
        loop = asyncio.get_running_loop()
        handed = [(recipient, data, loop.create_future()) for recipient in envelope.rcpt_tos]
        self._waiting += handed
        if self._taking is None:
            self._taking = asyncio.create_task(self._take())
        failures = [await future for _, _, future in handed]
        return "\r\n".join(_answer(failure) for failure in failures)

    async def _take(self) -> None:
        """Hand over what waits, all sessions' together: what comes in meanwhile is the next part."""
        loop = asyncio.get_running_loop()
        try:
            while self._waiting:
                batch, self._waiting = self._waiting[: self._bounds.together], self._waiting[self._bounds.together :]
                mails = [(recipient, data) for recipient, data, _ in batch]
                try:
                    failures = await loop.run_in_executor(self._executor, self._receive_all, mails)
                except Exception as error:  # whatever went wrong, the relay has to keep the mails and come again
                    failures = [error] * len(batch)
                for (_, _, future), failure in zip(batch, failures, strict=True):
                    if not future.done():  # the session may be gone
                        future.set_result(failure)
        finally:
            self._taking = None


def _answer(failure: Exception | None) -> str:
    if failure is None:
        return "250 2.0.0 Taken"
    log.error("returned mail could not be taken: %s", type(failure).__name__)
    return "451 4.3.0 Could not be stored, try again later"


def one_by_one(receive: Receive) -> ReceiveAll:
    """Return what takes mails that wait together each for itself."""

    def receive_all(mails: Sequence[tuple[str, bytes]]) -> list[Exception | None]:
        return [_failure_of(receive, recipient, data) for recipient, data in mails]

    return receive_all


def _failure_of(receive: Receive, recipient: str, data: bytes) -> Exception | None:
    try:
        receive(recipient, data)
    except Exception as error:  # told to the relay, which comes again
        return error
    return None


class _Session(LMTP):
    """aiosmtpd's LMTP with one answer a recipient after the data, for failures too (RFC 2033, section 4.2)."""

    def __init__(self, handler: _Handler, bounds: LmtpBounds, open_sessions: set["_Session"]) -> None:
        # A returned mail may hold lines of any length; they are bounded by the size of the whole. The reader takes its
        # limit from here when it is made.
        self.line_length_limit = bounds.message_bytes
        super().__init__(
            handler,
            data_size_limit=bounds.message_bytes,
            enable_SMTPUTF8=True,
            hostname="localhost",
            ident="Todoke LMTP",
            timeout=bounds.seconds,
            loop=asyncio.get_running_loop(),
        )
        self._bounds = bounds
        self._open_sessions = open_sessions
        self._answers = 1

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if len(self._open_sessions) >= self._bounds.connections:
            cast(asyncio.Transport, transport).write(b"421 4.3.2 Too many connections, try again later\r\n")
            transport.close()
            return
        self._open_sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self in self._open_sessions:
            self._open_sessions.discard(self)
            super().connection_lost(error)

    def data_received(self, data: bytes) -> None:
        if self in self._open_sessions:
            super().data_received(data)

    def eof_received(self) -> bool | None:
        return super().eof_received() if self in self._open_sessions else None

    async def smtp_DATA(self, arg: str) -> None:
        self._answers = len(self.envelope.rcpt_tos if self.envelope else ()) or 1
        try:
            await super().smtp_DATA(arg)
        finally:
            self._answers = 1

    async def push(self, status: str) -> None:  # type: ignore[override]  # bytes are never pushed by what is above
        # One line about the whole message stands for each recipient; handle_DATA has written its answers already.
        if self._answers > 1 and not status.startswith("354") and "\r\n" not in status:
            status = "\r\n".join([status] * self._answers)
        await super().push(status)


class LmtpListener:
    """Serves in a thread of its own and calls `receive(recipient, data)`, which returns when the mail is safe.

    `receive` is called once a recipient, in one thread; if it raises, the relay is answered 451. `receive_all` stands
    in its place where mails that wait are to be taken together: what comes in while some are written is the next part,
    so that one commit serves many when many come, and nobody waits when few do. The same mail may come again when an
    answer was lost: who receives has to know what was seen.
    """

    def __init__(
        self,
        receive: Receive | None,
        host: str = "127.0.0.1",
        port: int = 0,
        bounds: LmtpBounds | None = None,
        receive_all: ReceiveAll | None = None,
    ) -> None:
        self.host, self.port = host, port
        self._bounds = bounds or LmtpBounds()
        self._executor = ThreadPoolExecutor(1, "returned-mail")
        if receive_all is None:
            if receive is None:
                raise ValueError("a listener has somebody who receives")
            receive_all = one_by_one(receive)
        self._handler = _Handler(receive_all, self._bounds, self._executor)
        self._thread = threading.Thread(target=self._run, name="lmtp")
        self._started = threading.Event()
        self._failure: OSError | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None

    def start(self) -> "LmtpListener":
        """Begin to listen and return when connections are taken; `port` is then the real one. Raises OSError."""
        self._thread.start()
        self._started.wait()
        if self._failure is not None:
            self._thread.join()
            self._executor.shutdown()
            raise self._failure
        return self

    def stop(self) -> None:
        """Close the port and the connections, wait for a mail that is being taken."""
        if self._loop is not None and self._stopping is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join()
        self._executor.shutdown()

    def __enter__(self) -> "LmtpListener":
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        open_sessions: set[_Session] = set()
        try:
            server = await self._loop.create_server(
                lambda: _Session(self._handler, self._bounds, open_sessions), self.host, self.port
            )
        except OSError as error:
            self._failure = error
            self._started.set()
            return
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        async with server:
            await self._stopping.wait()
            server.close()
            for session in list(open_sessions):
                if session.transport is not None:
                    # close() would wait for a client that does not read
                    cast(asyncio.Transport, session.transport).abort()
            while open_sessions:
                await asyncio.sleep(0)
