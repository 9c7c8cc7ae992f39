"""`todoke metrics`: check the counters that the dashboard reads, and count them anew."""

import click

from webapp.commands.context import load_settings, opened


@click.group()
def metrics() -> None:
    """The counters behind the dashboard."""


@metrics.command()
def check() -> None:
    """Count everything anew and compare; exit 1 when a counter is wrong."""
    from webapp.domain.reporting import reconcile

    raise SystemExit(bool(_run(reconcile.check, "wrong")))


@metrics.command()
def rebuild() -> None:
    """Count everything anew and mend what is wrong; mail and imports may go on meanwhile."""
    from webapp.domain.reporting import reconcile

    _run(reconcile.rebuild, "mended")


def _run(look, word: str) -> int:
    wrong = 0
    with opened(load_settings()):
        for checked in look():
            wrong += len(checked.differences)
            click.echo(f"{checked.figure}\t{checked.keys} counters, {len(checked.differences)} {word}")
            for key, n in sorted(checked.differences.items())[:20]:
                click.echo(f"  {' '.join(key[1:])}\t{n:+d}")
    return wrong
