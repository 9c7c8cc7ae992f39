"""`todoke demo`: the invented world that `make run` shows. It never touches a database that is not its own."""

import contextlib
import fcntl
import json
import os
import random
import secrets
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import click

from webapp.commands.context import Refused, load_settings, now, opened, why_not_listen

STATE = Path("var")
_START_SECONDS = 60
# Days and registrations behind a demo that was asked for nothing else: enough for charts to tell something.
_SHORT_PAST = (90, 3000)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _secrets() -> dict[str, str]:
    """Return the demo's own secrets, made once a database and readable by this user only."""
    path = STATE / "demo-secrets.json"
    if path.exists():
        return json.loads(path.read_text())
    STATE.mkdir(exist_ok=True)
    made = {
        "TODOKE_SECRET_KEY": secrets.token_urlsafe(48),
        "TODOKE_RETURN_KEYS": f"a:{secrets.token_urlsafe(48)}",
    }
    _write_private(path, json.dumps(made))
    return made


def _write_private(path: Path, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as target:
        target.write(text)


def enter_demo_mode(port: int | None = None) -> None:
    """Give this process and its children the demo's settings and no other, whatever the environment says."""
    for name in [name for name in os.environ if name.startswith("TODOKE_")]:
        del os.environ[name]
    port = port or int(os.environ.get("PORT", "8000"))
    os.environ |= {
        "TODOKE_MODE": "demo",
        "TODOKE_DATABASE_URL": f"sqlite:///{STATE}/demo.db",
        "TODOKE_STATE_DIR": str(STATE),
        "TODOKE_PORT": str(port),
        "TODOKE_PUBLIC_URL": f"http://127.0.0.1:{port}",
        "TODOKE_OPS_MAILBOX": "unei@todoke.example",
        # The catcher speaks for the receiving servers, so what it refuses is the recipient's.
        "TODOKE_RELAY_VERIFIES_RECIPIENTS": "yes",
        **_secrets(),
    }


@click.group(invoke_without_command=True)
@click.option("--json", "as_json", is_flag=True, help="Print the demo's sign-ins for programs.")
@click.option("--days", type=click.IntRange(1, 1100), help="Write a past of so many days first.")
@click.option("--registrations", type=click.IntRange(1, 5_000_000), default=20_000, help="How many in that past.")
@click.pass_context
def demo(context: click.Context, as_json: bool, days: int | None, registrations: int) -> None:
    """The invented world of `make run`: its own database, loopback only."""
    if context.invoked_subcommand:
        return
    enter_demo_mode()
    prepare()
    if days and not _write_past(days, registrations):
        raise Refused("this demo has a past already: remove the directory var and begin anew")
    if as_json:
        click.echo(json.dumps(sign_ins(), ensure_ascii=False, indent=1))
    else:
        _print_sign_ins()


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Make the demo's world alone: another command of the demo waits until it is made, and says so."""
    STATE.mkdir(exist_ok=True)
    with (STATE / "demo.lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            click.echo("Waiting until another command has made the demo …", err=True)
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def prepare() -> None:
    """Make the demo's database if there is none; its people, its operators and their passwords."""
    from db import schema
    from db.models import Fact

    settings = load_settings()
    with _alone(), opened(settings, migrated=False):
        schema.migrate(settings.mode)
        if Fact.get_or_none(Fact.name == "demo") and (STATE / "demo-sign-ins.json").exists():
            return
        click.echo("Making the demo's people …", err=True)
        _make(settings)


def _make(settings) -> None:
    from db.database import transaction
    from db.models import Account, Fact
    from webapp.demo import accounts, cards, disclosure, postcards, technicians
    from webapp.demo.build import build
    from webapp.domain.accounts.accounts import AccountKind, login_key
    from webapp.domain.postcard.office import PrintOffice
    from webapp.domain.reporting import reconcile

    moment, chance = now(), random.Random()
    if Fact.get_or_none(Fact.name == "demo"):
        made = accounts.renew(settings.secret_key, moment)
    else:
        cast = build(settings.mode, moment, chance)
        with transaction():
            made = accounts.make(cast, settings.secret_key, moment)
        operator = Account.get(Account.login_key == login_key(AccountKind.OPERATOR, "operator"))
        office = PrintOffice.of(settings)
        disclosure.stories(cast, moment, chance)
        technicians.stories(cast, moment, chance, office, operator.id)
        cards.stories(moment, chance)
        postcards.stories(moment, chance, office, operator.id)
        # The stories have moved into the past what was counted on the day of the import.
        for _ in reconcile.rebuild():
            pass
        Fact.create(name="demo", value=moment.isoformat())
    _write_private(STATE / "demo-sign-ins.json", json.dumps(made, ensure_ascii=False, indent=1))


def _write_past(days: int, registrations: int) -> bool:
    """Write a past once, and say whether it was written: a second one would lie on top of the first."""
    from db.models import Fact
    from webapp.demo.year import write_year

    settings, moment = load_settings(), now()
    with _alone(), opened(settings):
        if Fact.get_or_none(Fact.name == "demo_past"):
            return False
        # Noted first: what was begun and broken off is not begun again on top of itself.
        Fact.create(name="demo_past", value=moment.isoformat())
        parts = write_year(settings.mode, moment, random.Random(), days, registrations)
        # The bar goes to stderr, so that --json stays for programs.
        with click.progressbar(length=registrations, label="Writing the past", file=sys.stderr) as bar:
            shown = 0
            for done in parts:
                bar.update(done - shown)
                shown = done
        return True


def sign_ins() -> list[dict]:
    """Return a sign-in for each role: role, page, fields, password, second factor, first page and label."""
    return json.loads((STATE / "demo-sign-ins.json").read_text())


def _print_sign_ins() -> None:
    for row in sign_ins():
        fields = "  ".join(row["fields"].values())
        # As this command was called: `make run` puts nothing on the path.
        app = f"  (code: {sys.argv[0]} demo code {row['role']})" if row["totp_secret"] else ""
        click.echo(f"  {row['label']:<28}{row['sign_in']:<20}{fields}  /  {row['password']}{app}")


@demo.command()
@click.argument("role")
def code(role: str) -> None:
    """Show the six digits that the authenticator app of a role shows now."""
    import pyotp

    enter_demo_mode()
    prepare()
    secret = next((row["totp_secret"] for row in sign_ins() if row["role"] == role), None)
    if secret is None:
        raise Refused(f"no role {role!r} of the demo has an authenticator app")
    click.echo(pyotp.TOTP(secret).now())


@demo.command()
@click.option("--port", type=int, help="Serve here (default: PORT, else 8000).")
def run(port: int | None) -> None:
    """Start web, worker and mail catcher, and stop all of them with Ctrl-C."""
    enter_demo_mode(port)
    settings = load_settings()
    if why := why_not_listen(settings.host, settings.port):
        raise Refused(f"{why}: stop what runs there, or `make run PORT={settings.port + 1}`")
    prepare()
    _write_past(*_SHORT_PAST)
    relay, lmtp = _free_port(), _free_port()
    os.environ |= {"TODOKE_RELAYS": f"smtp://127.0.0.1:{relay}", "TODOKE_LMTP_PORT": str(lmtp)}
    commands = [["demo", "catcher", "--port", str(relay), "--lmtp-port", str(lmtp)], ["worker"], ["web"]]
    log = (STATE / "demo.log").open("w")
    children = [
        # A group of its own: Ctrl-C reaches this process only, which then stops the others in order.
        subprocess.Popen([sys.executable, "-m", "webapp.cli", *command], start_new_session=True, stdout=log, stderr=log)
        for command in commands
    ]
    stopping = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopping.set())
    try:
        if _wait_until_ready(settings.port, children, stopping):
            _welcome(settings.port)
        while not stopping.wait(0.5):
            for command, child in zip(commands, children, strict=True):
                if child.poll() is not None:
                    raise Refused(
                        f"`todoke {' '.join(command)}` has stopped with exit code {child.returncode};"
                        f" the last words of {STATE}/demo.log:\n{_last_words(STATE / 'demo.log')}"
                    )
    finally:
        _stop(children)
        log.close()


def _last_words(path: Path) -> str:
    return "\n".join(path.read_text("utf-8", "replace").splitlines()[-15:])


def _wait_until_ready(port: int, children: list[subprocess.Popen], stopping: threading.Event) -> bool:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end and not stopping.is_set() and all(child.poll() is None for child in children):
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2):
                return True
        except OSError:
            stopping.wait(0.1)
    return False


def _welcome(port: int) -> None:
    click.echo(f"\nTodoke (とどけ) is at  http://127.0.0.1:{port}\n")
    _print_sign_ins()
    click.echo(
        f"\n  Mail that was sent:  http://127.0.0.1:{port}/demo/mail"
        f"\n  What web and worker say:  {STATE}/demo.log\n  Ctrl-C stops everything.\n"
    )


def _stop(children: list[subprocess.Popen]) -> None:
    for child in reversed(children):  # the web first, the catcher last
        if child.poll() is None:
            child.terminate()
    for child in reversed(children):
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(child.pid, signal.SIGKILL)  # with what it has started
            child.wait()


@demo.command()
@click.option("--port", type=int, required=True)
@click.option("--lmtp-port", type=int, required=True)
def catcher(port: int, lmtp_port: int) -> None:
    """Serve the mail catcher: accepts, refuses and returns mail in the words of real servers."""
    from webapp.demo.mail_catcher import serve

    serve("127.0.0.1", port, lmtp_port, STATE / "demo-mail")
