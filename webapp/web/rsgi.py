"""Between the web server and the application: slow lines hold none of its threads.

The server's own way of calling a WSGI application reads a request's body, and hands out an answer of several pieces, in
the thread of the application, for as long as the other side takes: twenty people on a bad line, or one who means harm,
would stop everybody. Here a body is read before a thread is taken, an answer leaves it whole, and a file is
sent by the server from its path. Names as in PEP 3333 (WSGI) and Granian's RSGI 1.

What breaks off half-way is not carried out (RFC 9112 section 8): reading pieces ends alike at a body's end and when its
sender has gone, so what came is held against the length that was declared. A body in chunks declares none; reading it
whole would tell the two apart but has no bound, so one is asked to say how long it is.
"""

import asyncio
import logging
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import IntEnum
from tempfile import SpooledTemporaryFile
from typing import IO

log = logging.getLogger(__name__)

# A body that stops for so long is given up.
PATIENCE_SECONDS = 30
_IN_MEMORY = 1024 * 1024
_PIECE = 64 * 1024
UNREADABLE = "\xff"

# What is wrong with a request's body, in the environ: the application refuses it in its own words before anything else.
BODY_FAULT = "todoke.body_fault"


class BodyFault(IntEnum):
    """Why a body cannot be believed to be whole: the status of the answer."""

    CUT_OFF = 400
    NO_LENGTH = 411


class File:
    """A file as an answer, which the server sends from its path; read by pieces where somebody else wants it."""

    def __init__(self, file: IO[bytes], piece: int = _PIECE) -> None:
        self.file, self.piece = file, piece

    def __iter__(self) -> Iterator[bytes]:
        while data := self.file.read(self.piece):
            yield data

    def close(self) -> None:
        """Close the file."""
        self.file.close()

    @property
    def path(self) -> str | None:
        """Where the whole file lies; None where it has no path, or a part of it is meant."""
        name = getattr(self.file, "name", None)
        return name if isinstance(name, str) and self.file.tell() == 0 else None


@dataclass
class Answer:
    """What the application answered: the body as bytes, or the path of a file."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes = b""
    path: str | None = None


class Server:
    """A WSGI application as the server calls it: `threads` requests at a time.

    `largest` says of a path how many bytes a body may have that is read; the application refuses a larger one unread.
    """

    def __init__(self, application: Callable, threads: int, largest: Callable[[str], int]) -> None:
        self.application, self.largest = application, largest
        self.threads = ThreadPoolExecutor(threads, thread_name_prefix="web")

    async def __rsgi__(self, scope, protocol) -> None:
        """Answer one request."""
        environ = environ_of(scope)
        with SpooledTemporaryFile(_IN_MEMORY) as body:
            try:
                if scope.method not in ("GET", "HEAD"):
                    await self._receive(protocol, environ, body)
            except TimeoutError:
                protocol.response_empty(408, [("Connection", "close")])
                return
            environ["wsgi.input"] = body
            loop = asyncio.get_running_loop()
            answer = await loop.run_in_executor(self.threads, respond, self.application, environ)
        if scope.method == "HEAD" or answer.status in (204, 304):
            protocol.response_empty(answer.status, answer.headers)
        elif answer.path is not None:
            protocol.response_file(answer.status, answer.headers, answer.path)
        else:
            protocol.response_bytes(answer.status, answer.headers, answer.body)

    async def _receive(self, protocol, environ: dict, body: IO[bytes]) -> None:
        # What says that it is too large stays unread; the application refuses it for what it says.
        largest, declared = self.largest(environ["PATH_INFO"]), environ.get("CONTENT_LENGTH", "")
        if declared.isdecimal() and int(declared) > largest:
            return
        if not declared.isdecimal():
            largest = 0  # one piece tells that there is a body, and no more of it is wanted
        size, pieces = 0, aiter(protocol)
        while size <= largest:
            try:
                async with asyncio.timeout(PATIENCE_SECONDS):
                    piece = await anext(pieces)
            except StopAsyncIteration:
                break
            size += len(piece)
            body.write(piece)
        if size and not declared.isdecimal():
            environ[BODY_FAULT] = BodyFault.NO_LENGTH
        elif declared.isdecimal() and size < int(declared):
            environ[BODY_FAULT] = BodyFault.CUT_OFF
        body.seek(0)
        environ["CONTENT_LENGTH"] = str(size)


def environ_of(scope) -> dict:
    """Return a request as WSGI describes it, still without its body."""
    host, _, port = scope.server.rpartition(":")
    environ = {
        "REQUEST_METHOD": scope.method,
        "SCRIPT_NAME": "",
        "PATH_INFO": scope.path.encode("utf-8", "surrogateescape").decode("latin-1"),
        "QUERY_STRING": scope.query_string,
        "SERVER_NAME": host,
        "SERVER_PORT": port,
        "SERVER_PROTOCOL": f"HTTP/{scope.http_version}",
        "REMOTE_ADDR": scope.client.rpartition(":")[0],
        "wsgi.version": (1, 0),
        "wsgi.url_scheme": scope.scheme,
        "wsgi.errors": sys.stderr,
        "wsgi.input_terminated": True,
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
        "wsgi.file_wrapper": File,
    }
    if scope.authority:
        environ["HTTP_HOST"] = scope.authority
    for name, value in scope.headers.items():
        if "_" in name:
            continue  # it would pass for the name with hyphens, which a proxy sets or takes away
        key = _environ_name(name)
        if key in environ and key != "HTTP_HOST":
            value = f"{environ[key]}{'; ' if key == 'HTTP_COOKIE' else ','}{value}"
        environ[key] = value
    for name in scope.headers.keys():  # noqa: SIM118 - a header of the server, not a dict
        # The server names a header whose value is no ASCII, and leaves it out among the values: what an application
        # would take for not sent. A sign that no rule of ours allows stands in its place.
        if "_" not in name:
            environ.setdefault(_environ_name(name), UNREADABLE)
    return environ


def _environ_name(header: str) -> str:
    key = header.upper().replace("-", "_")
    return key if key in ("CONTENT_TYPE", "CONTENT_LENGTH") else f"HTTP_{key}"


def respond(application: Callable, environ: dict) -> Answer:
    """Call the application and return all that it answers."""
    begun: list[Answer] = []

    def start(status: str, headers: list[tuple[str, str]], exc_info=None) -> None:
        begun[:] = [Answer(int(status.split(" ", 1)[0]), headers)]

    parts: Iterable[bytes] = ()
    try:
        parts = application(environ, start)
        if isinstance(parts, File) and (path := parts.path) is not None:
            begun[0].path = path
        else:
            begun[0].body = b"".join(parts)
    except Exception:
        log.exception("a request failed outside the application's own care")
        return Answer(500, [("Content-Type", "text/plain")], b"error\n")
    finally:
        if close := getattr(parts, "close", None):
            close()
    return begun[0]
