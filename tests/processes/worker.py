"""A real worker as a process, with a lease short enough for a test: `python -m tests.processes.worker SECONDS`.

Settings come from the environment, as for `todoke worker`. It says `working` when its first batch may begin.
"""

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

from db import database as db
from tests import ROOT
from webapp import log, settings
from webapp.worker.worker import Worker


def environment(database_url: str, state_dir: Path, relay_port: int, **more: str) -> dict[str, str]:
    """The environment of a worker process in test mode."""
    return {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
        "TODOKE_MODE": "test",
        "TODOKE_DATABASE_URL": database_url,
        "TODOKE_SECRET_KEY": "s" * 40,
        "TODOKE_RETURN_KEYS": "a:" + "k" * 40,
        "TODOKE_STATE_DIR": str(state_dir),
        "TODOKE_RELAYS": f"smtp://127.0.0.1:{relay_port}",
        "TODOKE_LOG_LEVEL": "error",
        **more,
    }


def start(env: dict[str, str], lease_seconds: float) -> subprocess.Popen:
    """Start one; the caller kills it or sends it SIGTERM."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-m", "tests.processes.worker", str(lease_seconds)],
        env=env, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def main() -> None:
    chosen = settings.load(dotenv=None)
    log.configure(chosen.log_level)
    db.configure(chosen.database_url)
    work = Worker(chosen, lease=dt.timedelta(seconds=float(sys.argv[1])), listen=False)
    signal.signal(signal.SIGTERM, lambda *_: work.stop())
    print("working", flush=True)
    work.run()


if __name__ == "__main__":
    main()
