"""`todoke worker`, `todoke sending`, `todoke recover`: the work beside the web, and the hand on its switches."""

import json
import signal

import click

from webapp.commands.context import Refused, load_settings, now, opened

KINDS = ("id_notice", "invitation", "sign_in", "confirm", "card_reminder", "inquiry", "ops_alarm")


@click.command()
@click.option("--once", is_flag=True, help="Do what is due now and end; returned mail is not listened for.")
@click.option("--no-listen", is_flag=True, help="Take no returned mail: another worker does.")
def worker(once: bool, no_listen: bool) -> None:
    """Send what is due, take returned mail, do what comes round; ends after SIGTERM when its batch is finished."""
    from webapp import log
    from webapp.worker.worker import TickFileError, Worker

    settings = load_settings()
    log.configure(settings.log_level)
    with opened(settings):
        try:
            work = Worker(settings, listen=not no_listen)
            if once:
                click.echo(f"sent {work.once()}")
                return
            for number in (signal.SIGTERM, signal.SIGINT):
                signal.signal(number, lambda *_: work.stop())
            work.run()
        except TickFileError as error:
            raise Refused(str(error)) from None


@click.group()
def sending() -> None:
    """Stop and start sending, by kind of message; what is stopped waits and loses nothing."""


@sending.command("stop")
@click.argument("kinds", nargs=-1, required=True, type=click.Choice(KINDS))
@click.option("--note", default="", help="Why; kept with the audit row.")
def stop_sending(kinds: tuple[str, ...], note: str) -> None:
    """Stop KINDS."""
    _turn(kinds, False, note)


@sending.command("start")
@click.argument("kinds", nargs=-1, required=True, type=click.Choice(KINDS))
@click.option("--note", default="", help="Why; kept with the audit row.")
def start_sending(kinds: tuple[str, ...], note: str) -> None:
    """Send KINDS again."""
    _turn(kinds, True, note)


@sending.command("show")
def show_sending() -> None:
    """Show which kinds are stopped and what waits."""
    from webapp.domain.mail.outbox import waiting
    from webapp.domain.mail.sending_switch import stopped_kinds

    with opened(load_settings()):
        stopped, due = stopped_kinds(), waiting(now())
        for kind in KINDS:
            click.echo(f"{kind}\t{'stopped' if kind in stopped else 'sending'}\t{due.get(kind, 0)} due")


def _turn(kinds: tuple[str, ...], on: bool, note: str) -> None:
    from webapp.domain.mail import sending_switch
    from webapp.domain.notices.messages import MessageKind

    with opened(load_settings()):
        for kind in kinds:
            changed = (sending_switch.start if on else sending_switch.stop)(MessageKind(kind), None, now(), note)
            state = "sending" if on else "stopped"
            click.echo(f"{kind}: {state}" if changed else f"{kind}: was {state} already")


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.confirmation_option(prompt="Hold everything that is queued or being sent?")
def recover(as_json: bool) -> None:
    """After a restore: hold everything in flight until a person has decided what was sent (docs/operation.md)."""
    from webapp.domain.mail import restore

    with opened(load_settings()):
        held = restore.recover(now(), "by_hand")
    click.echo(json.dumps(held) if as_json else f"held {sum(held.values())} for reconciliation")
