"""`todoke migrate`, `todoke settings`, `todoke user`: what is done before the first start."""

import json
import multiprocessing

import click

from db import schema
from webapp.commands.context import Refused, load_settings, now, opened, why_not_listen
from webapp.settings import PREFIX, Origin, SettingsError, load_with_origins, without_password

# Requests at once in a process, most of which wait for a slow line or for a thread.
WAITING = 2048
# What a process has left for the requests in hand when it is told to end; who reads slowly is cut off then.
FAREWELL_SECONDS = 10


@click.command()
@click.option("--check", is_flag=True, help="Only say what is pending; exit 1 if something is.")
@click.option("--revert", is_flag=True, help="Take back the newest migration.")
def migrate(check: bool, revert: bool) -> None:
    """Bring the database to this release."""
    settings = load_settings()
    with opened(settings, migrated=False):
        if check:
            names = schema.pending()
            click.echo("\n".join(names) or "nothing pending")
            raise SystemExit(bool(names))
        names = schema.revert() if revert else schema.migrate(settings.mode)
        verb = "reverted" if revert else "applied"
        click.echo("\n".join(f"{verb} {name}" for name in names) or f"nothing to {'revert' if revert else 'apply'}")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def settings(as_json: bool) -> None:
    """List every setting, its value and where the value comes from; secrets are hidden."""
    try:
        _, origins = load_with_origins()
    except SettingsError as error:
        raise Refused(str(error)) from None
    rows = [
        {
            "name": PREFIX + origin.name.upper(),
            "value": "(hidden)" if origin.secret else _shown(origin),
            "source": origin.source,
            "help": origin.help,
        }
        for origin in origins
    ]
    if as_json:
        click.echo(json.dumps(rows, ensure_ascii=False, indent=1))
        return
    for row in rows:
        click.echo(f"{row['name']} = {row['value']}  [{row['source']}]\n    {row['help']}")


def _shown(origin: Origin) -> str:
    if origin.name == "database_url":
        return without_password(str(origin.value))
    if isinstance(origin.value, tuple):
        return ",".join(map(str, origin.value))
    return str(origin.value)


@click.group()
def user() -> None:
    """Operators who sign in to the pages under /ops."""


@user.command("add")
@click.argument("login")
@click.option("--role", type=click.Choice(["viewer", "operator", "administrator"]), required=True)
@click.option("--name", default="", help="The name that colleagues see.")
@click.option("--password-file", type=click.File("r"), help="Read the password from a file (- for standard input).")
def add_user(login: str, role: str, name: str, password_file) -> None:
    """Add an operator; asks for the password."""
    from webapp.domain.accounts.accounts import OperatorRole, create_operator

    if password_file:
        password = password_file.read().rstrip("\r\n")
    else:
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    with opened(load_settings()):
        try:
            create_operator(login, name, OperatorRole(role), password, now())
        except ValueError as error:
            raise Refused(str(error)) from None
    click.echo(f"added {role} {login}")


@user.command("link")
@click.argument("login")
def link_user(login: str) -> None:
    """Print a link by which an operator sets a new password: one hour, once."""
    from webapp.domain.accounts.first_access import operator_link

    settings = load_settings()
    with opened(settings):
        token = operator_link(login, settings.secret_key, now())
    if token is None:
        raise Refused(f"there is no operator {login!r}")
    click.echo(f"{settings.public_url}/first-access?link={token}")


@user.command("email")
@click.argument("login")
@click.argument("address", required=False)
@click.option("--confirmed", is_flag=True, help="Vouch for the address: no code is mailed and asked for.")
@click.option("--remove", is_flag=True, help="Take the address away.")
def email_user(login: str, address: str | None, confirmed: bool, remove: bool) -> None:
    """Show, give or remove the e-mail ADDRESS to which an operator's alarms are mailed."""
    from webapp.domain.email_addresses import versions
    from webapp.domain.parsing.contact import parse_email
    from webapp.domain.parsing.problems import CellError
    from webapp.domain.self_service import operator_email

    with opened(load_settings()):
        account = _operator(login)
        try:
            if remove:
                operator_email.remove(account, now(), None)
            elif address:
                operator_email.give(account, parse_email(address), now(), None, confirmed=confirmed)
        except CellError:
            raise Refused("this is no e-mail address") from None
        except versions.SameAddress:
            raise Refused("this is the address already") from None
        except operator_email.LimitReached:
            raise Refused("no more codes are mailed to this operator today") from None
        held = versions.current(versions.OwnerKind.ACCOUNT, account.id)
    if held is None:
        click.echo(f"{login}: no address")
        return
    known = "alarms go there" if operator_email.usable(held) else "not confirmed or dead: no alarm goes there"
    click.echo(f"{login}: {held.value} ({known})")


@user.command("list")
def list_users() -> None:
    """List the operators."""
    from db.models import Account

    with opened(load_settings()):
        for account in Account.select().where(Account.kind == "operator").order_by(Account.login_key):
            state = "" if account.active else " (disabled)"
            click.echo(f"{account.login_key.partition(':')[2]}\t{account.role}\t{account.display_name}{state}")


@user.command("disable")
@click.argument("login")
def disable_user(login: str) -> None:
    """Disable an operator; open sessions end at once."""
    from webapp.domain.accounts.accounts import set_active

    with opened(load_settings()):
        set_active(_operator(login), False)
    click.echo(f"disabled {login}")


@user.command("lost-factor")
@click.argument("login")
@click.option("--note", required=True, help="How it was checked who this is; it stands in the audit log.")
def lost_factor_of_user(login: str, note: str) -> None:
    """Take the second factor of an operator away who has lost phone and codes: in a day, told to all administrators."""
    from webapp.domain.accounts import lost_factor
    from webapp.domain.core.calendar import written_moment
    from webapp.domain.core.errors import NotAllowed

    with opened(load_settings()):
        account = _operator(login)
        try:
            if lost_factor.current(account):
                row = lost_factor.approve(account, None, now())
            else:
                row = lost_factor.begin(account, None, note, now())
        except NotAllowed:
            raise Refused("there is no second factor to take away, or it goes already") from None
    until = written_moment(row.effective_at) if row.effective_at else ""
    click.echo(f"{login}: the password alone is enough after {until}, Japanese time")


def _operator(login: str):
    from db.models import Account
    from webapp.domain.accounts.accounts import AccountKind, login_key

    account = Account.get_or_none(Account.login_key == login_key(AccountKind.OPERATOR, login))
    if account is None:
        raise Refused(f"there is no operator {login!r}")
    return account


@click.command()
def web() -> None:
    """Serve the pages; several processes, several threads each, so that slow lines hold up nobody else."""
    settings = load_settings()
    with opened(settings):
        pass
    if why := why_not_listen(settings.host, settings.port):
        raise Refused(f"{why}: stop what runs there, or set TODOKE_PORT")
    from granian import Granian

    # Begun anew, not forked: a forked process has our answer to SIGTERM until it has its own, and would swallow one.
    multiprocessing.set_start_method("spawn")
    server = Granian(
        "webapp.wsgi:served",
        address=settings.host,
        port=settings.port,
        interface="rsgi",
        workers=settings.web_workers,
        # Who waits or sends slowly holds no thread; so many of them a process has room for.
        backpressure=WAITING,
        websockets=False,
        factory=True,
        log_level="warning",
        workers_kill_timeout=FAREWELL_SECONDS,
    )
    server.serve()
