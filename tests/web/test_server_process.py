"""`todoke web` ends when it is told to, whatever its processes are doing, and leaves none of them behind."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time

import pytest

from tests import ROOT
from tests.processes import web
from webapp.commands.setup import FAREWELL_SECONDS


@pytest.fixture
def started(settings, app):
    """The server at the moment when the first of its processes answers: others are often still beginning."""
    server, port = web.start(settings)
    yield server, port
    web.kill(server)


def left_of(server: subprocess.Popen) -> bool:
    """Whether any process of the server's session is alive."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, 0)
        return True
    return False


def until_nothing_is_left(server: subprocess.Popen, seconds: float) -> bool:
    end = time.monotonic() + seconds
    while left_of(server) and time.monotonic() < end:
        time.sleep(0.05)
    return not left_of(server)


@pytest.mark.parametrize("attempt", range(3))
def test_a_stop_while_a_process_still_begins_is_not_lost(started, attempt):
    server, _ = started
    server.send_signal(signal.SIGTERM)
    assert server.wait(FAREWELL_SECONDS / 2) == 0
    assert until_nothing_is_left(server, 5)


def test_who_sends_half_a_request_does_not_keep_the_server(started):
    server, port = started
    head = b"POST /sign-in/technician HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 1000\r\n\r\nhalf"
    with socket.create_connection(("127.0.0.1", port)) as half:
        half.sendall(head)
        time.sleep(0.5)
        server.send_signal(signal.SIGTERM)
        assert server.wait(FAREWELL_SECONDS + 10) == 0
        assert until_nothing_is_left(server, 5)


def test_processes_end_with_the_one_that_began_them(started):
    server, _ = started
    server.kill()
    server.wait()
    assert until_nothing_is_left(server, FAREWELL_SECONDS + 5)


@pytest.mark.parametrize("other", ["another server", "another todoke web"])
def test_a_port_that_is_taken_is_refused_in_a_sentence(settings, app, other):
    """Two servers on one port would answer by turns, each with its own release and database."""
    with contextlib.ExitStack() as stack:
        if other == "another server":
            holder = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            port = holder.getsockname()[1]
        else:
            server, port = web.start(settings)
            stack.callback(web.kill, server)
        second = subprocess.run(
            [sys.executable, "-m", "webapp.cli", "web"],
            env=web.environment(settings, port),
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert second.returncode == 2
        assert f"port {port} is taken" in second.stderr and len(second.stderr.splitlines()) == 1
