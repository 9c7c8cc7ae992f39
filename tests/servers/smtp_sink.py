"""A small SMTP server for tests and measurements that answers as it is told, faults of connections included.

`python -m tests.servers.smtp_sink` serves on a free port of loopback, prints the port and counts until its input ends.
"""

import contextlib
import socket
import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass, field

HANG_UP = b"\0hang up"
Script = Callable[[str, str], bytes | None]


@dataclass
class Received:
    """One message as it came in: the parameters of MAIL and RCPT stand with the addresses, as on the wire."""

    mail: str
    recipients: list[str]
    data: bytes = field(repr=False)


class SmtpSink:
    """Serves each connection in a thread. `script(step, argument)` may give another answer, HANG_UP included.

    Steps: connect, EHLO, MAIL, RCPT, DATA, end_of_data (argument: the recipients), RSET, QUIT.
    """

    def __init__(self, features: tuple[str, ...] = (), script: Script | None = None, keep: bool = True) -> None:
        self.features = features
        self.script = script or (lambda _step, _argument: None)
        self.keep = keep
        self.received: list[Received] = []
        self.commands: list[str] = []
        self.connections = 0
        self.count = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._closing = False

    def __enter__(self) -> "SmtpSink":
        self._accepting.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing = True
        with socket.create_connection(("127.0.0.1", self.port)):
            self._accepting.join()  # the accepting thread sees the flag when this last connection wakes it
        self._listener.close()
        for connection in list(self._open):
            with contextlib.suppress(OSError):  # the other side may have been quicker
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        while True:
            connection, _ = self._listener.accept()
            if self._closing:
                connection.close()
                return
            self._open.add(connection)
            self.connections += 1
            thread = threading.Thread(target=self._serve, args=(connection,))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # The client may go away: that is what some tests are about.
        with contextlib.suppress(OSError), connection, connection.makefile("rb") as lines:
            self._talk(connection, lines)
        self._open.discard(connection)

    def _answer(self, connection: socket.socket, step: str, argument: str, usual: bytes) -> bytes:
        answer = self.script(step, argument)
        answer = usual if answer is None else answer
        if answer == HANG_UP:
            raise OSError("hung up as told")
        connection.sendall(answer + b"\r\n")
        return answer

    def _talk(self, connection: socket.socket, lines) -> None:
        mail, recipients = "", []
        if not self._answer(connection, "connect", "", b"220 sink.example ESMTP").startswith(b"2"):
            return
        while line := lines.readline():
            verb, _, argument = line.decode("utf-8").rstrip("\r\n").partition(" ")
            verb = verb.upper()
            if self.keep:
                self.commands.append(line.decode("utf-8").rstrip("\r\n"))
            if verb == "EHLO":
                rows = ["sink.example", *self.features]
                usual = "\r\n".join(f"250{' ' if i == len(rows) - 1 else '-'}{row}" for i, row in enumerate(rows))
                self._answer(connection, verb, argument, usual.encode())
            elif verb == "MAIL":
                mail, recipients = argument.removeprefix("FROM:"), []
                if not self._answer(connection, verb, mail, b"250 2.1.0 Ok").startswith(b"2"):
                    mail = ""
            elif verb == "RCPT":
                recipient = argument.removeprefix("TO:")
                usual = b"250 2.1.5 Ok" if mail else b"503 5.5.1 MAIL first"
                if self._answer(connection, verb, recipient, usual).startswith(b"2"):
                    recipients.append(recipient)
            elif verb == "DATA":
                usual = b"354 End data with <CR><LF>.<CR><LF>" if recipients else b"554 5.5.1 no valid recipients"
                if not self._answer(connection, verb, "", usual).startswith(b"354"):
                    continue
                body = []
                while (line := lines.readline()) != b".\r\n":
                    if not line:
                        return
                    body.append(line[1:] if line.startswith(b".") else line)
                argument = " ".join(recipients)
                usual = b"250 2.0.0 Ok: queued as 4N1w263TMD"
                if self._answer(connection, "end_of_data", argument, usual).startswith(b"2"):
                    self.count += 1
                    if self.keep:
                        self.received.append(Received(mail, recipients, b"".join(body)))
                mail, recipients = "", []
            elif verb == "QUIT":
                self._answer(connection, verb, "", b"221 2.0.0 Bye")
                return
            else:
                self._answer(connection, verb, argument, b"250 2.0.0 Ok")


if __name__ == "__main__":
    with SmtpSink(tuple(sys.argv[1:]), keep=False) as sink:
        print(sink.port, flush=True)
        sys.stdin.read()
        print(sink.count, flush=True)
