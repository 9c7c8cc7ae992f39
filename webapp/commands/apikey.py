"""`todoke apikey`: keys for the programs that use the API."""

import click

from webapp.commands.context import Refused, load_settings, now, opened


@click.group()
def apikey() -> None:
    """Keys for programs: added, listed, revoked."""


@apikey.command("add")
@click.argument("name")
def add_key(name: str) -> None:
    """Add a key and print it, this one time."""
    from webapp.domain.accounts import api_keys

    with opened(load_settings()):
        try:
            key = api_keys.add(name, now())
        except ValueError as error:
            raise Refused(str(error)) from None
    click.echo(key)
    click.echo("keep it now: it is not shown again", err=True)


@apikey.command("list")
def list_keys() -> None:
    """List the keys by name; the keys themselves are not known here."""
    from db.models import ApiKey

    with opened(load_settings()):
        for key in ApiKey.select().order_by(ApiKey.name):
            used = f"last used {key.last_used_at:%Y-%m-%d}" if key.last_used_at else "never used"
            revoked = f"\trevoked {key.revoked_at:%Y-%m-%d}" if key.revoked_at else ""
            click.echo(f"{key.name}\t{key.hint}…\tadded {key.created_at:%Y-%m-%d}\t{used}{revoked}")


@apikey.command("revoke")
@click.argument("name")
def revoke_key(name: str) -> None:
    """Revoke a key: requests with it are refused from now on."""
    from webapp.domain.accounts import api_keys

    with opened(load_settings()):
        if not api_keys.revoke(name, now()):
            raise Refused(f"there is no key {name!r} in use")
    click.echo(f"revoked {name}")
