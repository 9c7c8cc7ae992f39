"""`todoke tracking`: read what the post reports of cards, without changing anything."""

import json
import sys
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NoReturn

import click

from webapp.domain.cards.tracking.files import UnreadableFile, read_file
from webapp.domain.cards.tracking.reader import TrackedItem, TrackingReading, read_sources
from webapp.domain.core.calendar import utc_start_of


@click.group()
def tracking() -> None:
    """Simplified registered mail: read the post's tracking."""


@tracking.command()
@click.option("--jsonl", "as_jsonl", is_flag=True, help="One JSON object a number and line (else a short table).")
@click.option("--today", metavar="YYYY-MM-DD", help="The day on which the text was copied: it gives missing years.")
@click.argument("files", nargs=-1, required=True, type=click.Path(allow_dash=True), metavar="FILE...")
def read(as_jsonl: bool, today: str | None, files: tuple[str, ...]) -> None:
    """Print what FILEs (text copied from the tracking page, CSV, Excel; - is standard input) say of each number.

    Nothing is changed. What could not be read is said on standard error.
    """
    now = _moment(today)
    sources = []
    for name in files:
        try:
            content = sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()
            sources.extend(read_file(content, name))
        except OSError as problem:
            _refuse(f"{name}: {problem.strerror or problem}")
        except UnreadableFile as problem:
            _refuse(f"{name}: {problem}")
    reading = read_sources(sources, now)
    for item in reading.items:
        click.echo(json.dumps(as_json(item), ensure_ascii=False) if as_jsonl else _line(item))
    _complain(reading)


def as_json(item: TrackedItem) -> dict[str, object]:
    """The printed object of one number; docs/card.md describes its fields."""
    return {
        "number": str(item.number),
        "events": [
            {
                "at": None if event.at is None else event.at.isoformat(),
                "label": event.label,
                "office": event.office,
                "state": state.value,
            }
            for event, state in zip(item.events, item.states, strict=True)
        ],
        "state": item.state.value,
    }


def _line(item: TrackedItem) -> str:
    last = item.events[-1] if item.events else None
    return "  ".join(
        [
            str(item.number),
            f"{item.state.value:<16}",
            "-" if last is None or last.at is None else f"{last.at:%Y-%m-%d}",
            "-" if last is None else last.label,
        ]
    )


def _complain(reading: TrackingReading) -> None:
    for item in reading.items:
        if item.number.warning:
            sentence, parameters = item.number.warning
            click.echo(sentence % parameters, err=True)
    for problem in reading.problems:
        click.echo(problem.sentence % problem.parameters, err=True)
    for label in reading.unknown_labels:
        click.echo(f"対応表にない状態です（unknown として読みました）: {label}", err=True)


def _moment(today: str | None) -> datetime:
    if today is None:
        return datetime.now(UTC)
    try:
        return utc_start_of(date.fromisoformat(today)) + timedelta(hours=12)
    except ValueError:
        _refuse(f"--today {today}: write a date as YYYY-MM-DD")


def _refuse(sentence: str) -> NoReturn:
    click.echo(sentence, err=True)
    raise SystemExit(2)
