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
    user = None
    if os.geteuid() == 0:
        names = {entry.pw_name for entry in pwd.getpwall()}
        user = next(name for name in ("postgres", "nobody") if name in names)
        shutil.chown(home, user)
        home.chmod(0o700)

    def run(*command: str) -> None:
        subprocess.run(
            command, check=True, user=user, group=None, extra_groups=[] if user else None, cwd=home,
            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, timeout=120,
        )  # fmt: skip

    data = home / "data"
    try:
        if not data.exists():
            initdb = str(bin_dir / "initdb"), "-D", str(data), "-U", "todoke", "-A", "trust", "-E", "UTF8"
            run(*initdb, "--locale=C", "-N")
        own = f"-c listen_addresses='' -c unix_socket_directories='{home}' -c fsync=off -c full_page_writes=off"
        run(str(bin_dir / "pg_ctl"), "-D", str(data), "-o", f"{own} {options}", "-l", str(home / "log"), "-w", "start")
        try:
            yield f"postgresql://todoke@/postgres?host={home}"
        finally:
            run(str(bin_dir / "pg_ctl"), "-D", str(data), "-m", "fast" if kept else "immediate", "-w", "stop")
    finally:
        if kept is None:
            shutil.rmtree(home, ignore_errors=True)
