"""The hand-written mails beside this file: a line `### name | …labels… ` stands above each."""

from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Written:
    """A mail and what it must be judged to be."""

    name: str
    labels: tuple[str, ...]
    mail: bytes


def read_mails(file: str) -> list[Written]:
    """All mails of a file; a last label `iso2022_jp` is the character set that the mail is sent in."""
    mails = []
    for chunk in (HERE / "mails" / file).read_text(encoding="utf-8").split("### ")[1:]:
        head, _, text = chunk.partition("\n")
        name, *labels = (label.strip() for label in head.split("|"))
        charset = labels.pop() if labels[-1] == "iso2022_jp" else "utf-8"
        mails.append(Written(name, tuple(labels), text.encode(charset)))
    return mails
