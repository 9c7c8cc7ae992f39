"""`todoke postcard`: look at one card, make a batch or try it, list what there is."""

import json
import sys
from pathlib import Path

import click

from db import ids
from db.models import Postcard, PostcardBatch, PostcardPrint, Registration
from webapp.commands.context import Refused, load_settings, now, opened
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.postcard import batches
from webapp.domain.postcard.batches import AlreadyGathering, NothingQueued
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.production import Production
from webapp.domain.postcard.sheet import SIDES, SheetError, check, preview
from webapp.domain.postcard.states import HOLD_SENTENCES, BatchState, PostcardState

_SHOWN = 50
_STATES = [state.value for state in PostcardState]


@click.group()
def postcard() -> None:
    """Sealed postcards (圧着はがき): preview one, make a batch (発送ロット), list."""


@postcard.command("preview")
@click.argument("ident", metavar="ID")
@click.option("--side", type=click.Choice(SIDES), default="address", show_default=True, help="Which side.")
@click.option("-o", "--output", type=click.Path(dir_okay=False, path_type=Path), help="The PNG; without it, stdout.")
@click.option("--ppi", type=click.IntRange(36, 600), default=144, show_default=True, help="How fine.")
def preview_card(ident: str, side: str, output: Path | None, ppi: int) -> None:
    """Draw one side of a postcard as PNG, its code masked.

    ID is the id of the postcard (13 characters), its management number, or an application number.
    """
    settings = load_settings()
    office = PrintOffice.of(settings)
    with opened(settings):
        found, printed = _find(ident)
        card = batches.preview_card(found, printed, office)
    for hold in check(card):
        raise Refused(HOLD_SENTENCES[hold.reason] % {"signs": "".join(hold.signs)})
    try:
        picture = preview(card, office.sender, side, ppi=float(ppi))
    except SheetError as error:
        raise Refused(str(error)) from None
    if output is None:
        if sys.stdout.isatty():
            raise Refused("a picture is not for the terminal: say where with -o FILE")
        click.get_binary_stream("stdout").write(picture)
        return
    try:
        output.write_bytes(picture)
    except OSError as error:
        raise Refused(f"{output} cannot be written ({error.strerror})") from None
    click.echo(f"{output}（{len(picture):,}バイト）")


def _find(ident: str) -> tuple[Postcard, PostcardPrint | None]:
    number = ident.strip().upper()
    if row := PostcardPrint.get_or_none(PostcardPrint.management_number == number):
        return row.postcard, row
    try:
        found = Postcard.get_or_none(Postcard.id == ids.decode(number))
    except ValueError:
        found = None
    if found is None:
        of_registration = Registration.application_number == ident.strip()
        found = Postcard.select().join(Registration).where(of_registration).order_by(Postcard.n.desc()).first()
    if found is None:
        raise Refused("there is no postcard with this id, management number or application number")
    newest = (PostcardPrint.postcard == found.id) & (PostcardPrint.print_number == found.print_number)
    return found, PostcardPrint.get_or_none(newest & (PostcardPrint.batch == found.batch_id))


@postcard.command("batch")
@click.option("--dry-run", is_flag=True, help="Check and count, change nothing.")
@click.option("--no-files", is_flag=True, help="Leave gathering and files to the worker.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def make_batch(dry_run: bool, no_files: bool, as_json: bool) -> None:
    """Make a batch of what is queued, with its files; a worker that runs may take part in it."""
    settings = load_settings()
    office = PrintOffice.of(settings)
    with opened(settings):
        if dry_run:
            run = batches.dry_run(office, now())
            if as_json:
                click.echo(json.dumps({"queued": run.queued, "cards": run.cards, "yen": run.cost, "held": run.held}))
                return
            click.echo(f"作成待ち {run.queued:,}件: はがき {run.cards:,}件、費用 {run.cost:,}円")
            for reason, number in run.held.items():
                click.echo(f"保留になるもの {number:,}件（{reason}）")
            return
        try:
            batch = batches.begin(office, now())
        except NothingQueued:
            raise Refused("no card is queued: there is nothing to make a batch of") from None
        except AlreadyGathering:
            raise Refused("a batch is being gathered: what is queued goes into that one") from None
        except SheetError as error:
            raise Refused(f"the sender's settings cannot be printed: {error}") from None
        if not no_files:
            _make_files(batch, office, quiet=as_json)
        batch = PostcardBatch.get_by_id(batch.id)
        _tell(batch, as_json)


@postcard.command("resume")
@click.argument("number")
def resume(number: str) -> None:
    """Let the worker go on with a batch that was stopped, when the cause is gone; NUMBER as `list` prints it."""
    with opened(load_settings()):
        batch = PostcardBatch.get_or_none(PostcardBatch.number == number)
        if batch is None:
            raise Refused(f"there is no batch {number}")
        try:
            batches.resume(batch, now())
        except StepNotAllowed:
            raise Refused(f"batch {number} is {batch.state}: only one that is stopped goes on") from None
        except AlreadyGathering:
            raise Refused("another batch is being gathered: try again when it is closed") from None
        _tell(batch, as_json=False)


def _make_files(batch: PostcardBatch, office: PrintOffice, quiet: bool) -> None:
    production, reported = Production(office, now), 0
    while production.step():
        done = PostcardBatch.get_by_id(batch.id)
        if not quiet and done.typeset != reported:
            reported = done.typeset
            click.echo(f"{done.number}: {reported:,} / {done.cards:,}件", err=True)
        if done.state not in (BatchState.GATHERING, BatchState.MAKING):
            return


def _tell(batch: PostcardBatch, as_json: bool) -> None:
    if as_json:
        row = {
            "number": batch.number,
            "state": batch.state,
            "cards": batch.cards,
            "held": batch.held,
            "yen": batch.cost,
            "made_at": batch.made_at.isoformat(timespec="seconds"),
            "mailed_at": batch.mailed_at.isoformat(timespec="seconds") if batch.mailed_at else None,
        }
        click.echo(json.dumps(row, ensure_ascii=False))
        return
    click.echo(f"{batch.number}  {batch.state:<9} {batch.cards:>8,}件  {batch.cost:>10,}円  保留 {batch.held:,}件")


@postcard.command("list")
@click.option("--state", type=click.Choice(_STATES), help="The postcards of this state, oldest first.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object a line.")
def list_all(state: str | None, as_json: bool) -> None:
    """List the batches, or with --state up to 50 postcards; no names, no addresses."""
    with opened(load_settings()):
        if state is None:
            for batch in PostcardBatch.newest().limit(_SHOWN):
                _tell(batch, as_json)
            return
        query = Postcard.select().where(Postcard.state == state).order_by(Postcard.queued_at, Postcard.id)
        for row in query.limit(_SHOWN):
            shown = {
                "id": ids.encode(row.id),
                "state": row.state,
                "cause": row.cause,
                "hold": row.hold_reason,
                "queued_at": row.queued_at.isoformat(timespec="seconds"),
            }
            hold = f" ({row.hold_reason})" if row.hold_reason else ""
            text = f"{shown['id']}  {row.state}{hold}  {row.cause}  {shown['queued_at']}"
            click.echo(json.dumps(shown) if as_json else text)
