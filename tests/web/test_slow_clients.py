"""Who reads slowly or not at all, or sends half a request, holds up nobody: with the server of `todoke web`."""

import contextlib
import socket
import time
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

import pytest

from db.ids import encode
from db.models import PostcardBatch, PostcardFile
from tests.web.conftest import operator
from tests.web.live import cookie_of
from webapp.domain.accounts.accounts import OperatorRole
from webapp.domain.postcard.office import FOLDER
from webapp.web.clock import utc_now

HELD = 20
CONTENT = bytes(range(256)) * (1 << 16)  # 16 MiB


@pytest.fixture
def now():
    """The clock of the server's process is a real one."""
    return utc_now()


def finished_file(folder: Path, now) -> PostcardFile:
    """A printer's file that is ready to be fetched."""
    batch = PostcardBatch.create(number=f"{now:%Y-%m-%d}-1", state="ready", made_at=now, card_cost=85, ready_at=now)
    (folder / FOLDER).mkdir(exist_ok=True)
    (folder / FOLDER / "part.pdf").write_bytes(CONTENT)
    values = {"name": "part.pdf", "kind": "part", "part": 1, "cards": 1000, "size": len(CONTENT), "sha256": "0" * 64}
    return PostcardFile.create(batch=batch, made_at=now, **values)


@contextlib.contextmanager
def held(port: int, request: bytes, number: int = HELD):
    """So many who have hardly any room for an answer, send this and do nothing more until the block ends."""
    with contextlib.ExitStack() as stack:
        readers = []
        for _ in range(number):
            reader = stack.enter_context(socket.socket())
            reader.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            reader.connect(("127.0.0.1", port))
            reader.sendall(request)
            readers.append(reader)
        yield readers


def asking(file: PostcardFile, client) -> bytes:
    """The request for a file with the rights of `client`."""
    path = f"/ops/postcards/files/{encode(file.id)}"
    assert client.get(path).status_code == 200
    body = urlencode({"csrf_token": client.token, "reason": "印刷所への入稿"}).encode()
    headers = {"Host": "127.0.0.1", "Cookie": cookie_of(client), "Sec-Fetch-Site": "same-origin"}
    headers |= {"Content-Type": "application/x-www-form-urlencoded", "Content-Length": len(body)}
    lines = [f"POST {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers.items())]
    return "\r\n".join([*lines, "", ""]).encode() + body


def first_line(reader: socket.socket) -> bytes:
    """How the answer begins: the server is on its way with it."""
    reader.settimeout(30)
    return reader.recv(64).split(b"\r\n")[0]


def seconds_of_a_page(client, port: int) -> float:
    began = time.monotonic()
    with contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=20)) as one:
        one.request("GET", "/ops", headers={"Cookie": cookie_of(client)})
        answer = one.getresponse()
        assert answer.status == 200 and b"</html>" in answer.read()
    return time.monotonic() - began


@pytest.fixture
def admin(app, now):
    return operator(app, OperatorRole.ADMINISTRATOR, now)


def test_twenty_unread_downloads_leave_a_page_under_a_second(serve, settings, admin, now):
    port, file = serve(), finished_file(Path(settings.state_dir), now)
    seconds_of_a_page(admin, port)
    with held(port, asking(file, admin)) as readers:
        assert [first_line(reader) for reader in readers] == [b"HTTP/1.1 200 OK"] * HELD
        assert median(seconds_of_a_page(admin, port) for _ in range(9)) < 1


def test_a_file_arrives_whole_whatever_others_do(serve, settings, admin, now):
    port, file = serve(), finished_file(Path(settings.state_dir), now)
    request = asking(file, admin)
    with held(port, request), held(port, request, 1) as (reader,), reader.makefile("rb") as answer:
        assert answer.readline() == b"HTTP/1.1 200 OK\r\n"
        headers = dict(line.rstrip().lower().split(b": ", 1) for line in iter(answer.readline, b"\r\n"))
        assert headers[b"content-length"] == str(len(CONTENT)).encode()
        assert headers[b"content-disposition"] == b"attachment; filename=part.pdf"
        assert headers[b"cache-control"] == b"no-store"
        assert answer.read(len(CONTENT)) == CONTENT


@pytest.mark.parametrize(
    "half",
    [
        b"GET /ops HTTP/1.1\r\nHost: 127.0.0.1\r\nCookie: ses",
        b"POST /sign-in HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 1000\r\n\r\ntechnician_id=1",
    ],
    ids=["headers", "body"],
)
def test_half_sent_requests_leave_a_page_under_a_second(serve, admin, half):
    port = serve()
    seconds_of_a_page(admin, port)
    with held(port, half, 2 * HELD):
        assert median(seconds_of_a_page(admin, port) for _ in range(9)) < 1


def exchange(port: int, request: bytes) -> bytes:
    """Send this and return all that comes until the server closes."""
    with held(port, request, 1) as (reader,), reader.makefile("rb") as answer:
        reader.settimeout(20)
        return answer.read()


def form(path: str, *parts: bytes, headers: str = "") -> bytes:
    """A form's request in its bytes, which the server closes after its answer."""
    body = b"".join(parts)
    length = "" if "chunked" in headers else f"Content-Length: {len(body)}\r\n"
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\nSec-Fetch-Site: same-origin\r\n"
    kind = "Content-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}{kind}{length}{headers}\r\n".encode() + body


def test_the_server_tells_the_application_what_was_asked(serve, admin):
    """Paths in any script, bodies in pieces, repeated headers, names that would pass for a proxy's."""
    port = serve()
    odd = b"GET /\xe6\x8a\x80%E6%8A%80%2F?a=%E6 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    assert exchange(port, odd).split(b" ")[1] in (b"404", b"400")
    assert exchange(port, b"HEAD /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").endswith(b"\r\n\r\n")
    # A form without its token is refused, so it was read; one that says it is huge is refused before it is.
    assert exchange(port, form("/sign-in", b"technician_id=1")).startswith(b"HTTP/1.1 400")
    pieces = form("/sign-in", b"3\r\na=b\r\n", b"0\r\n\r\n", headers="Transfer-Encoding: chunked\r\n")
    assert exchange(port, pieces).startswith(b"HTTP/1.1 411")  # nobody could tell whether it is whole
    huge = form("/sign-in").replace(b"Content-Length: 0", b"Content-Length: 99999999999")
    assert exchange(port, huge).split(b" ")[1] in (b"413", b"400")
    cookies = "".join(f"Cookie: {one.key}={one.value}\r\n" for one in admin._cookies.values())
    asked = f"GET /ops HTTP/1.1\r\nHost: x\r\nConnection: close\r\nCookie: a=b\r\n{cookies}X_Forwarded_For: 1\r\n\r\n"
    assert exchange(port, asked.encode()).startswith(b"HTTP/1.1 200")
