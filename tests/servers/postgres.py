"""A private PostgreSQL server for the tests: its own cluster in a temporary directory, a socket, no port."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def binaries() -> Path | None:
    """Return the directory of `initdb` and `pg_ctl`: Debian's newest, else what is on the path, else None."""
    for directory in sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True):
        if (directory / "initdb").exists():
            return directory
    found = shutil.which("initdb")
    return Path(found).resolve().parent if found else None


@contextmanager
def cluster(kept: Path | None = None, options: str = "") -> Iterator[str]:
    """Run a server for the length of the block; yield the address of its database `postgres`.

    PostgreSQL refuses to run as root: then the server runs as the system's user `postgres` or `nobody`. `kept` is a
    directory that stays, and with it what is written; by default a temporary one.
    """
    bin_dir = binaries()
    if bin_dir is None:
        raise RuntimeError("no PostgreSQL server binaries")
    home = Path(tempfile.mkdtemp(prefix="todoke-pg-")) if kept is None else kept
    home.mkdir(parents=True, exist_ok=True)
    if user := _user():
        shutil.chown(home, user)
        home.chmod(0o700)
    try:
        if not (home / "data").exists():
            initdb = "-U", "todoke", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"
            _run(home, str(bin_dir / "initdb"), "-D", str(home / "data"), *initdb)
        begin(home, options)
        try:
            yield f"postgresql://todoke@/postgres?host={home}"
        finally:
            end(home, "fast" if kept else "immediate")
    finally:
        if kept is None:
            # Thousands of databases of tests: nobody waits until they are gone.
            subprocess.run(["sh", "-c", 'rm -rf "$0" >/dev/null 2>&1 &', str(home)], start_new_session=True)


def begin(home: Path, options: str = "") -> None:
    """Start the server of a cluster, or start it again."""
    own = f"-c listen_addresses='' -c unix_socket_directories='{home}' -c fsync=off -c full_page_writes=off"
    pg_ctl = str((binaries() or home) / "pg_ctl")
    _run(home, pg_ctl, "-D", str(home / "data"), "-o", f"{own} {options}", "-l", str(home / "log"), "-w", "start")


def end(home: Path, mode: str = "immediate") -> None:
    """Stop it: `immediate` as a machine that loses its power, `fast` as one that is shut down."""
    if (home / "data/postmaster.pid").exists():
        _run(home, str((binaries() or home) / "pg_ctl"), "-D", str(home / "data"), "-m", mode, "-w", "stop")


def _user() -> str | None:
    """The system's user as whom the server runs, when the tests run as root."""
    names = {entry.pw_name for entry in pwd.getpwall()} if os.geteuid() == 0 else set()
    return next((name for name in ("postgres", "nobody") if name in names), None)


def _run(home: Path, *command: str) -> None:
    user = _user()
    subprocess.run(
        command, check=True, user=user, group=None, extra_groups=[] if user else None, cwd=home,
        stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=120,
    )  # fmt: skip
