"""`todoke bounce ingest` and `todoke bounce overrulings`: the part of `todoke bounce` that touches the database."""

import json
import re
import sys

import click

from webapp.commands.context import Refused, load_settings, now, opened

# A mail system that hands over by a pipe says in one of these for whom it is.
_RECIPIENT = re.compile(rb"^(?:delivered-to|x-original-to)[ \t]*:[ \t]*<?([^\s<>]{1,320})>?[ \t]*\r?$", re.I | re.M)
_HEAD_BYTES = 64 * 1024


@click.command("ingest")
@click.option("--recipient", metavar="ADDRESS", help="For whom the mail is (default: its Delivered-To header).")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def ingest(recipient: str | None, as_json: bool) -> None:
    """Take one returned mail from standard input, as the LMTP listener would."""
    from webapp.domain.mail import inbound

    settings = load_settings()
    # One byte more than is kept, so that a pipe without end is not read to its end.
    data = sys.stdin.buffer.read(settings.returned_mail_bytes + 1)
    if not data.strip():
        raise Refused("there is no mail on standard input")
    recipient = recipient or recipient_of(data, settings.return_domain)
    if recipient is None:
        raise Refused("the mail does not say for whom it is: give --recipient ADDRESS")
    with opened(settings):
        taken = inbound.take(recipient, data, "command", now(), inbound.InboundSettings.of(settings))
    if as_json:
        found = {"id": taken.id, "state": taken.state, "kind": taken.kind, "reason": taken.reason, "again": taken.again}
        click.echo(json.dumps(found))
    else:
        seen = ", seen before" if taken.again else ""
        click.echo(f"{taken.state}: {taken.kind} {taken.reason or ''}".rstrip() + seen)


def recipient_of(data: bytes, return_domain: str) -> str | None:
    """Return whom the headers name: the first address in our return domain, else the first at all, else None."""
    head = re.split(rb"\r?\n\r?\n", data[:_HEAD_BYTES], maxsplit=1)[0]
    found = [address.decode("utf-8", "replace") for address in _RECIPIENT.findall(head)]
    ours = [address for address in found if address.lower().endswith("@" + return_domain)]
    return next(iter(ours or found), None)


@click.command("overrulings")
@click.option("--limit", type=click.IntRange(1, 100_000), default=100, show_default=True)
def list_overrulings(limit: int) -> None:
    """List what people judged otherwise than the rules, a line of JSON each, newest first. No addresses in it."""
    from db.ids import encode
    from webapp.domain.mail.overrides import overrulings

    with opened(load_settings()):
        for row in overrulings().limit(limit):
            failures = [
                {name: failure[name] for name in ("reason", "status", "reply_code", "stage", "rule")}
                for failure in row.judgement["failures"]
            ]
            found = {
                "id": encode(row.id),
                "at": row.overruled_at.isoformat(),
                "kind": row.kind,
                "rules": row.reason,
                "person": row.overruled_reason,
                "note": row.overruled_note,
                "failures": failures,
            }
            click.echo(json.dumps(found, ensure_ascii=False))
