"""A real Postfix for tests: Debian's programs with a configuration, a queue and ports of its own, on loopback.

Postfix's master has to start as root, which drops to the user `postfix` for everything that meets the network. The
harness never touches /etc/postfix, the system's queue or a running system Postfix.
"""

import os
import pwd
import shutil
import signal
import socket
import subprocess
import time
from pathlib import Path

import pytest

PROGRAMS = "/usr/lib/postfix/sbin"


def missing() -> str | None:
    """Return why Postfix cannot be started here, or None."""
    if shutil.which("postfix") is None or not os.path.isdir(PROGRAMS):
        return "Postfix is not installed (apt install postfix)"
    if os.geteuid() != 0:
        return "Postfix's master starts as root only"
    return None


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


class Postfix:
    """One instance: mail for `bounce_domain` goes to the LMTP listener, everything else to the destination's port."""

    def __init__(self, directory: Path, bounce_domain: str, lmtp_port: int, destination_port: int) -> None:
        self.directory = directory
        self._bounce_domain = bounce_domain
        self.port = free_port()
        self._config, self._queue, self._data = (directory / name for name in ("etc", "queue", "data"))
        self._log = directory / "postfix.log"
        self._main = {
            "compatibility_level": "3.6",
            "myhostname": "relay.todoke.example",
            "mydestination": "",
            "mynetworks": "127.0.0.0/8",
            "inet_interfaces": "127.0.0.1",
            "inet_protocols": "ipv4",
            "queue_directory": str(self._queue),
            "data_directory": str(self._data),
            "daemon_directory": PROGRAMS,
            "command_directory": "/usr/sbin",
            "mail_owner": "postfix",
            "setgid_group": "postdrop",
            "maillog_file": str(self._log),
            "maillog_file_prefixes": str(directory),
            "alias_maps": "",
            "alias_database": "",
            "local_recipient_maps": "",
            "local_transport": "error:nothing is local here",
            "smtpd_relay_restrictions": "permit_mynetworks, permit_sasl_authenticated, reject_unauth_destination",
            "relayhost": f"[127.0.0.1]:{destination_port}",
            "relay_domains": bounce_domain,
            "relay_recipient_maps": f"regexp:{self._config}/return-paths",
            "transport_maps": f"inline:{{ {bounce_domain}=lmtp:inet:127.0.0.1:{lmtp_port} }}",
            "smtp_tls_security_level": "none",
            "smtpd_tls_security_level": "none",
            "biff": "no",
            "minimal_backoff_time": "1s",
            "queue_run_delay": "1s",
        }

    def __enter__(self) -> "Postfix":
        owner = pwd.getpwnam("postfix")
        for path in (self._config, self._queue, self._data):
            path.mkdir(parents=True)
        os.chown(self._data, owner.pw_uid, owner.pw_gid)
        for path in [self.directory, *self.directory.parents]:
            if path == Path("/tmp") or path == Path("/"):
                break
            path.chmod(path.stat().st_mode | 0o111)  # Postfix's own user has to reach its queue through them
        (self._config / "main.cf").write_text("".join(f"{k} = {v}\n" for k, v in self._main.items()))
        pattern = self._bounce_domain.replace(".", "\\.")
        (self._config / "return-paths").write_text(f"/^b-[a-z2-7]{{48}}@{pattern}$/  OK\n")
        (self._config / "master.cf").write_text(self._services())
        self._run("start")
        self._wait_until_it_listens()
        return self

    def __exit__(self, *_: object) -> None:
        pid = self._queue / "pid" / "master.pid"
        master = int(pid.read_text()) if pid.exists() else None
        subprocess.run(self._command("stop"), capture_output=True, timeout=30, check=False)
        if master is not None and os.path.exists(f"/proc/{master}"):
            os.kill(master, signal.SIGKILL)

    def log(self) -> str:
        """Return what Postfix logged so far."""
        return self._log.read_text("utf-8", "replace") if self._log.exists() else ""

    def _command(self, *words: str) -> list[str]:
        return ["postfix", "-c", str(self._config), *words]

    def _run(self, *words: str) -> None:
        done = subprocess.run(self._command(*words), capture_output=True, text=True, timeout=60, check=False)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stdout}{done.stderr}\n{self.log()}")

    def _services(self) -> str:
        rows = [
            f"127.0.0.1:{self.port} inet n - n - - smtpd",
            "postlog unix-dgram n - n - 1 postlogd",
            "pickup unix n - n 60 1 pickup",
            "qmgr unix n - n 1 1 qmgr",
            "cleanup unix n - n - 0 cleanup",
            "rewrite unix - - n - - trivial-rewrite",
            "retry unix - - n - - error",
            *(f"{name} unix - - n - 0 bounce" for name in ("bounce", "defer", "trace")),
            *(f"{name} unix - - n - - {name}" for name in ("smtp", "lmtp", "error", "discard", "proxymap")),
            *(f"{name} unix - - n - 1 {name}" for name in ("anvil", "scache", "verify", "tlsmgr")),
            "flush unix n - n 1000? 0 flush",
            "showq unix n - n - - showq",
        ]
        return "\n".join(rows) + "\n"

    def _wait_until_it_listens(self) -> None:
        deadline = time.monotonic() + 20
        while True:
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=5) as connection:
                    if connection.recv(4) == b"220 ":
                        return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise RuntimeError(f"Postfix does not answer: {self.log()}") from error


needs_postfix = pytest.mark.skipif(missing() is not None, reason=str(missing()))
