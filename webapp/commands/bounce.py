"""`todoke bounce`: judge returned mail without changing anything, explain a judgement; `bounce_ingest` has the rest."""

import json
import sys

import click

from webapp.commands.bounce_ingest import ingest, list_overrulings
from webapp.domain.bounce import Judgement, MailKind, explain, judge


@click.group()
def bounce() -> None:
    """Returned mail: judge it, explain the judgement, take it in."""


bounce.add_command(ingest)
bounce.add_command(list_overrulings)


@bounce.command("judge")
@click.option("--jsonl", is_flag=True, help="One JSON object a line, for programs (this is what it prints anyway).")
@click.argument("files", nargs=-1, required=True, metavar="FILE…")
def judge_files(jsonl: bool, files: tuple[str, ...]) -> None:
    """Judge mails and print one line of JSON for each FILE. Changes nothing."""
    unread = False
    for name in files:
        mail = _read(name)
        if mail is None:
            unread = True
            continue
        click.echo(json.dumps(as_json(name, judge(mail)), ensure_ascii=True))
    if unread:
        sys.exit(2)


@bounce.command("explain")
@click.argument("file", metavar="FILE")
def explain_file(file: str) -> None:
    """Explain step by step how the mail in FILE is judged, and what would follow. Changes nothing."""
    mail = _read(file)
    if mail is None:
        sys.exit(2)
    for sentence, params in explain(judge(mail)):
        click.echo(sentence % params)


def as_json(name: str, judgement: Judgement) -> dict[str, object]:
    """The line of a file: reason, status, reply code and stage are those of the deciding failure."""
    deciding = judgement.deciding
    return {
        "file": name,
        "kind": judgement.kind.value,
        "recipients": list(judgement.recipients),
        "hard": judgement.kind is MailKind.BOUNCE and judgement.hard,
        "reason": deciding.reason.value if deciding else _reason_without_failure(judgement.kind),
        "status": deciding.status if deciding else "",
        "reply_code": deciding.reply_code if deciding else "",
        "stage": deciding.stage.value if deciding else "",
        "failures": [
            {
                "recipient": failure.recipient,
                "original_recipient": failure.original_recipient,
                "hard": failure.hard,
                "reason": failure.reason.value,
                "class": failure.reason_class.value,
                "status": failure.status,
                "reply_code": failure.reply_code,
                "stage": failure.stage.value,
                "diagnostic": failure.diagnostic,
                "remote_mta": failure.remote_mta,
            }
            for failure in judgement.failures
        ],
    }


def _reason_without_failure(kind: MailKind) -> str:
    return "undefined" if kind is MailKind.BOUNCE else kind.value


def _read(name: str) -> bytes | None:
    """The bytes of a file, "-" for standard input; None after saying on standard error why there are none."""
    try:
        if name == "-":
            return sys.stdin.buffer.read()
        with open(name, "rb") as file:
            return file.read()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        click.echo(f"todoke bounce: {name} cannot be read: {reason}", err=True)
        return None
