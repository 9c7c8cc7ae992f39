"""SMTP dialogues in returned mail: which command was refused, and with which words.

A refusal at RCPT and the same words after DATA mean different things. sendmail pipelines: it prints `>>> DATA` before
the refusal of RCPT; the bracketed address and 5.1.1 tell (docs/judgement.md, "The stage").
"""

import re
from dataclasses import dataclass

from webapp.domain.bounce.model import Stage

MAX_REPLIES = 200

# How mail systems name the stage in prose. The first that is found counts, so longer forms stand first.
_SAYINGS: tuple[tuple[str, Stage], ...] = (
    # Postfix
    ("in reply to end of data", Stage.END_OF_DATA),
    ("in reply to rcpt to", Stage.RCPT),
    ("in reply to data", Stage.DATA),
    ("in reply to mail from", Stage.MAIL),
    ("in reply to ehlo", Stage.HELO),
    ("in reply to helo", Stage.HELO),
    ("in reply to starttls", Stage.STARTTLS),
    ("while sending end of data", Stage.END_OF_DATA),
    ("while sending message body", Stage.END_OF_DATA),
    ("while sending rcpt to", Stage.RCPT),
    ("while sending mail from", Stage.MAIL),
    ("performing the helo", Stage.HELO),
    ("performing the ehlo", Stage.HELO),
    ("initial server greeting", Stage.CONNECT),
    ("refused to talk to me", Stage.CONNECT),
    # Exim, GMX
    ("after end of data", Stage.END_OF_DATA),
    ("after rcpt", Stage.RCPT),
    ("after mail from", Stage.MAIL),
    ("after mail command", Stage.MAIL),
    ("after data", Stage.DATA),
    ("after pipelined data", Stage.DATA),
    ("after pipelined rcpt", Stage.RCPT),
    ("after pipelined mail", Stage.MAIL),
    ("after sending data block", Stage.END_OF_DATA),
    ("after initial connection", Stage.CONNECT),
    ("after helo", Stage.HELO),
    ("after ehlo", Stage.HELO),
    ("after starttls", Stage.STARTTLS),
    # Yahoo
    ("[rcpt_to]", Stage.RCPT),
    ("[mail_from]", Stage.MAIL),
    ("[data]", Stage.DATA),
    ("[bodyend]", Stage.END_OF_DATA),
    ("[connect]", Stage.CONNECT),
    # DragonFly Mail Agent
    ("did not like our final data", Stage.END_OF_DATA),
    ("did not like our rcpt", Stage.RCPT),
    ("did not like our mail from", Stage.MAIL),
    ("did not like our data", Stage.DATA),
    ("did not like our ehlo", Stage.HELO),
    ("did not like our helo", Stage.HELO),
    ("did not like our connect", Stage.CONNECT),
    # qmail and its children
    ("does not like recipient", Stage.RCPT),
    ("but my name was rejected", Stage.HELO),
    ("but greeting failed", Stage.CONNECT),
    ("but sender was rejected", Stage.MAIL),
    ("failed on data command", Stage.DATA),
    ("failed after i sent the message", Stage.END_OF_DATA),
    ("was rcpt to response", Stage.RCPT),
    # IMail, hMailServer, NetEase
    ("rcpt to generated following response", Stage.RCPT),
    ("mail from generated following response", Stage.MAIL),
    ("hmailserver sent: rcpt to", Stage.RCPT),
    ("hmailserver sent: mail from", Stage.MAIL),
    ("smtp error, rcpt to", Stage.RCPT),
    ("smtp error, mail from", Stage.MAIL),
    ("for rcpt to response", Stage.RCPT),
    ("was mail from response", Stage.MAIL),
    ("was data response", Stage.DATA),
    ("smtp:rcpt", Stage.RCPT),
    ("smtp:mail", Stage.MAIL),
    ("smtp:data", Stage.DATA),
    ("smtp:ehlo", Stage.HELO),
    # Google, before 2013
    ("(state 13)", Stage.RCPT),
    ("(state 14)", Stage.RCPT),
    ("(state 15)", Stage.DATA),
    ("(state 17)", Stage.END_OF_DATA),
    ("(state 18)", Stage.END_OF_DATA),
)

# Most replies hold none of these words, so that the sayings need not be looked for one by one.
_KEYS = (
    "in reply to",
    "while sending",
    "after ",
    "did not like",
    "[",
    "smtp:",
    "(state 1",
    " response",
    "hmailserver",
    "smtp error",
    "",
)
_BY_KEY = tuple(
    (
        key,
        tuple(
            saying for saying in _SAYINGS if next(k for k in _KEYS if saying[0].startswith(k) or k in saying[0]) == key
        ),
    )
    for key in _KEYS
)

_COMMANDS: tuple[tuple[str, Stage], ...] = (
    ("rcpt", Stage.RCPT),
    ("mail", Stage.MAIL),
    ("data", Stage.DATA),
    ("bdat", Stage.END_OF_DATA),
    (".", Stage.END_OF_DATA),
    ("ehlo", Stage.HELO),
    ("helo", Stage.HELO),
    ("starttls", Stage.STARTTLS),
    ("auth", Stage.AUTH),
)

# sendmail and Courier (>>> <<<), InterScan (Sent <<<, Received >>>), ZMailer (<<- ->>), the Postfix server's own report
# (In: Out:), MDaemon behind the time of day (10:11:12: --> <--)
_SAID = re.compile(
    r"(?:[\w \-]{0,20}\d\d:\d\d:\d\d: ?)?\s{0,20}"
    r"(?:(>>>|Sent <<<|<<-|In:|-->) ?|(<<<|Received >>>|->>|Out:|<--) ?)(.{0,1000})"
)
_MARKS = (">>>", "<<<", "->>", "<<-", "-->", "<--", "Out:")
_REPLY = re.compile(r"([2345]\d\d)(?:[ -]|$)(.*)")
_RESULT = re.compile(
    r"\s{0,8}[45]\d\d (?:([45]\.\d\.\d{1,3}) )?<([^<>\s@]{1,200}@[^<>\s@]{1,255})>\.\.\. {0,4}(.{0,600})"
)
_ADDRESS = re.compile(r"<([^<>\s@]{1,200}@[^<>\s@]{1,255})>")


@dataclass(slots=True)
class QuotedReply:
    """A negative reply of a dialogue: the stage, its text with the code in front, the address if one was named."""

    stage: Stage
    text: str
    address: str


def stage_in_words(words: str) -> Stage:
    """The stage that a system's prose names; `words` in lower case, white space folded."""
    for key, sayings in _BY_KEY:
        if key in words:
            for saying, stage in sayings:
                if saying in words:
                    return stage
    if "---smtp command " in words:  # m-FILTER prints the command on a line of its own
        return stage_of_command(words.partition("---smtp command ")[2])
    return Stage.UNKNOWN


def stage_of_command(command: str) -> Stage:
    """The stage of a client's command; `command` in lower case."""
    return next((stage for word, stage in _COMMANDS if command.startswith(word)), Stage.UNKNOWN)


def replies_in(lines: list[str]) -> list[QuotedReply]:
    """The negative replies of a printed dialogue, in order."""
    stage, asked = Stage.CONNECT, ""
    replies: list[QuotedReply] = []
    if not _prints_dialogue(lines):
        return replies
    for line in lines:
        found = _SAID.match(line)
        if not found:
            if "hile talking to" in line:
                stage, asked = Stage.CONNECT, ""
            continue
        if found.group(1):
            command = found.group(3).strip().lower()
            stage = stage_of_command(command)
            address = _ADDRESS.search(found.group(3))
            asked = address.group(1) if address and stage is Stage.RCPT else ""
            continue
        reply = _REPLY.match(found.group(3).strip())
        if reply and reply.group(1)[0] in "45" and len(replies) < MAX_REPLIES:
            named = _ADDRESS.search(reply.group(2))
            _add(replies, stage, reply.group(0), named.group(1) if named else "", asked)
    return replies


def _prints_dialogue(lines: list[str]) -> bool:
    """Whether any line can be one of a dialogue: most reports have none, and this is quicker than asking each line."""
    text = "\n".join(lines)
    return any(mark in text for mark in _MARKS)


def results_in(lines: list[str]) -> list[tuple[str, str, str]]:
    """sendmail's own result lines (`550 5.1.1 <addr>... text`): address, status, and the words that led to it.

    Old sendmail (5.x, IDA) sends no standard report; the refusal stands in the dialogue above the line.
    """
    results: list[tuple[str, str, str]] = []
    refused = ""
    for line in lines:
        said = _SAID.match(line) if "<<" in line or ">>" in line else None
        if said and said.group(2):
            if said.group(3).strip()[:1] in ("4", "5"):
                refused = said.group(3).strip()
            continue
        found = _RESULT.match(line)
        if found and len(results) < MAX_REPLIES:
            results.append((found.group(2), found.group(1) or "", refused or found.group(3).strip()))
            refused = ""
    return results


def _add(replies: list[QuotedReply], stage: Stage, text: str, named: str, asked: str) -> None:
    if text.startswith("503") and replies:
        return  # "need RCPT": an echo of the refusal before it
    last = replies[-1] if replies else None
    if last is not None and last.stage is stage and last.text[:3] == text[:3] and last.text[3:4] == "-":
        last.text = f"{last.text} {text}"[:2000]
        last.text = last.text[:3] + ("-" if text[3:4] == "-" else " ") + last.text[4:]
        return
    if stage is Stage.DATA and named and " 5.1.1 " in text[:12]:
        stage = Stage.RCPT  # pipelined: the refusal of RCPT came in after DATA was sent
    replies.append(QuotedReply(stage, text, named or asked))
