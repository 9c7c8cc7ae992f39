"""Whatever a command of ours writes is for its user alone: the whole state directory, after a story."""

import os
import stat
import subprocess
import sys
from pathlib import Path

from tests import ROOT
from tests.domain.intake.sheets import GOOD, as_csv

ROWS = [
    GOOD | {"メールアドレス": ""},
    GOOD | {"申請番号": "A-2", "生年月日": "x"},
]  # one gets a postcard, one is rejected


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ} | {
        "PYTHONPATH": str(ROOT),
        "TODOKE_MODE": "test",
        "TODOKE_DATABASE_URL": f"sqlite:///{folder}/state/todoke.db",
        "TODOKE_STATE_DIR": str(folder / "state"),
        "TODOKE_SECRET_KEY": "test " * 8,
        "TODOKE_RETURN_KEYS": "a:" + "test " * 8,
    }
    command = [sys.executable, "-m", "webapp.cli", *arguments]
    return subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, umask=0o022, timeout=120)


def test_everything_that_is_written_is_for_its_user_alone(tmp_path):
    (tmp_path / "in.csv").write_bytes(as_csv(ROWS).getvalue())
    for arguments in (
        ("migrate",),
        ("import", "registrations", "in.csv", "--rejects", "state/rejects.csv"),
        ("postcard", "batch"),
        ("worker", "--once"),
    ):
        done = run(tmp_path, *arguments)
        assert done.returncode in (0, 1), (arguments, done.stderr)
    written = [tmp_path / "state", *(tmp_path / "state").rglob("*")]
    assert {path.name for path in written} >= {"todoke.db", "rejects.csv"}
    open_ones = {str(path): oct(stat.S_IMODE(path.stat().st_mode)) for path in written if path.stat().st_mode & 0o077}
    assert open_ones == {}
