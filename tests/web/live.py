"""Requests in their bytes to the real server: what a test client cannot send, and what only the server does with it."""

import contextlib
import re
import socket
from urllib.parse import urlencode

from werkzeug.test import TestResponse

FORM = "application/x-www-form-urlencoded"


def cookie_of(client) -> str:
    """The cookies of a checked client, as a browser sends them."""
    return "; ".join(f"{cookie.key}={cookie.value}" for cookie in client._cookies.values())


def head(path: str, client=None, method: str = "POST", **headers: str | int) -> bytes:
    """The head of a request of a client's browser; `content_type` is written Content-Type."""
    lines = [f"{method} {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", "Sec-Fetch-Site: same-origin"]
    if client is not None and (cookie := cookie_of(client)):
        lines.append(f"Cookie: {cookie}")
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode()


def form_of(client, page: str, values: dict[str, str]) -> bytes:
    """The body of a form as the browser of `client` sends it from a page: with the token and the page's version."""
    answer: TestResponse = client.get(page)
    assert answer.status_code == 200, answer.text
    version = re.search(r'name="version" value="([^"]+)"', answer.text)
    fields = {"csrf_token": client.token} | ({"version": version[1]} if version else {}) | values
    return urlencode(fields).encode()


def exchange(port: int, request: bytes) -> bytes:
    """Send this and return all that comes until the server closes."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(request)
        with line.makefile("rb") as answer:
            return answer.read()


def break_off(port: int, request: bytes) -> None:
    """Send this and hang up, as a phone does that loses its line."""
    with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
        line.sendall(request)
        with contextlib.suppress(OSError):
            line.shutdown(socket.SHUT_WR)
        with contextlib.suppress(OSError):
            line.recv(1)  # until the server has seen it


def status_of(answer: bytes) -> int:
    """The status of an answer in its bytes."""
    return int(answer.split(b" ", 2)[1])
