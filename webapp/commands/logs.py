"""`todoke verify-log` and `todoke retention`: prove the logs, and remove what has been kept long enough."""

import json
from dataclasses import asdict
from pathlib import Path

import click

from webapp.commands.context import load_settings, now, opened
from webapp.domain.audit import seals


@click.command("verify-log")
@click.option(
    "--seals",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The file of seals outside the database; by default seals.jsonl in the state directory.",
)
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def verify_log(path: Path | None, as_json: bool) -> None:
    """Check the access and audit log against their seals; exit 1 when a row was changed, removed or put in."""
    from webapp.domain.audit.verify import verify

    settings = load_settings()
    with opened(settings):
        result = verify(now(), path or Path(settings.state_dir) / seals.FILE)
    if as_json:
        click.echo(json.dumps(asdict(result), indent=1))
    else:
        for finding in result.findings:
            note = f" ({finding.note})" if finding.note else ""
            click.echo(f"{finding.kind}\t{finding.stream}\t{finding.number}{note}")
        click.echo(
            f"{result.seals} seals, {result.rows} sealed rows, {result.retired} retired, {result.unsealed} not sealed"
            f" yet: {'sound' if result.sound else f'{len(result.findings)} finding(s)'}"
        )
    raise SystemExit(not result.sound)


@click.command()
def retention() -> None:
    """Remove what has been kept for the time that the settings say; the worker does the same every ten minutes."""
    from webapp.domain.maintenance.retention import remove_expired

    settings = load_settings()
    with opened(settings):
        totals: dict[str, int] = {}
        while any((removed := remove_expired(settings, now())).values()):
            for name, count in removed.items():
                totals[name] = totals.get(name, 0) + count
    for name, count in totals.items():
        if count:
            click.echo(f"{name}\t{count}")
    click.echo("nothing more to remove")
