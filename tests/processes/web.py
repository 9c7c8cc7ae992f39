"""`todoke web` as a process of its own, on the settings of a test."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from http.client import HTTPConnection
from pathlib import Path

from tests import ROOT
from tests.servers.postfix import free_port
from webapp.settings import Settings


def log_of(settings: Settings) -> Path:
    """Where the server writes its lines."""
    return Path(settings.state_dir) / "web.log"


def environment(settings: Settings, port: int) -> dict[str, str]:
    """What the server is told: the test's settings and no other."""
    return {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "PYTHONPATH": str(ROOT),
        "TODOKE_MODE": "test",
        "TODOKE_DATABASE_URL": settings.database_url,
        "TODOKE_STATE_DIR": settings.state_dir,
        "TODOKE_SECRET_KEY": settings.secret_key,
        "TODOKE_RETURN_KEYS": "a:" + "test " * 8,
        "TODOKE_PORT": str(port),
    }


def start(settings: Settings) -> tuple[subprocess.Popen, int]:
    """Start the server with its usual processes and threads; return it and its port once it answers."""
    port = free_port()
    command = [sys.executable, "-m", "webapp.cli", "web"]
    # The server's processes are in a session of its own, so that all of them can be found and ended.
    with log_of(settings).open("ab") as log:
        server = subprocess.Popen(
            command, env=environment(settings, port), cwd=ROOT, stdout=log, stderr=log, start_new_session=True
        )
    try:
        _until_it_answers(port)
    except BaseException:
        kill(server)
        raise
    return server, port


def kill(server: subprocess.Popen) -> None:
    """End all processes of the server at once."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(server.pid, signal.SIGKILL)
    server.wait()


def _until_it_answers(port: int) -> None:
    pause = threading.Event()
    for _ in range(300):
        with contextlib.suppress(OSError), contextlib.closing(HTTPConnection("127.0.0.1", port, timeout=5)) as one:
            one.request("GET", "/healthz")
            if one.getresponse().status == 200:
                return
        pause.wait(0.1)
    raise AssertionError("the server did not begin")
