"""From a reply's words, codes and stage to a reason: one small engine over the rows in `rules/`.

No regular expression looks at a stranger's words here beyond bounded ones that fold them; a rule is a search for fixed
words from left to right, so the work is bounded by the length of the (cut) reply times the number of rules.
"""

import re
from dataclasses import dataclass

from webapp.domain.bounce.model import Reason, Stage
from webapp.domain.bounce.rules import CARRIERS, CODES_AFTER, CODES_BEFORE, LAST, PHRASES, Row

MAX_WORDS = 1500

_ADDRESS = re.compile(r"[^\s<>()\[\]\",;:@]{1,128}+@[^\s<>()\[\]\",;:@]{1,255}+")
_QUOTED = re.compile(r'"[^"\s@]{1,64}"@[^\s<>()\[\]",;:@]{1,255}+')
# the second and later lines of a reply, folded into one: "550-5.1.1 The account ... 550-5.1.1 double-check"
_CONTINUED = re.compile(r"(?<=[ \n])([245]\d\d)[- ](?:\1[- ])?(?:[245]\.\d{1,3}\.\d{1,3} )?(?=\S)")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,2}\.\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.\-:/\[#=])([45]\d\d)(?=[ \-:<\n]|$)")


@dataclass(frozen=True, slots=True)
class Verdict:
    """A reason and the rule that gave it: its file and line, and the phrase or code."""

    reason: Reason
    rule: str
    phrase: str = ""
    said: bool = False  # whether words decided; codes and stages say less


_UNDECIDED = Verdict(Reason.UNDEFINED, "none")

# What a refusal at a stage means when neither words nor codes say more.
_BY_STAGE: dict[Stage, Reason] = {
    Stage.CONNECT: Reason.BLOCKED,
    Stage.HELO: Reason.BLOCKED,
    Stage.STARTTLS: Reason.FAILEDSTARTTLS,
    Stage.AUTH: Reason.SECURITYERROR,
    Stage.MAIL: Reason.REJECTED,
}

# Reply codes that mean one thing only (RFC 5321, section 4.2; RFC 7504).
_BY_CODE: dict[str, Reason] = {
    "521": Reason.NOTACCEPT,
    "556": Reason.NOTACCEPT,
    "552": Reason.MAILBOXFULL,
    "421": Reason.EXPIRED,
}


def fold(words: str) -> str:
    """A reply as the rules see it: lower case, addresses replaced by `@`, white space and continuation codes folded.

    Addresses go first: what stands before the @ was chosen by a person and is no evidence of anything.
    """
    words = words[:MAX_WORDS]
    if "@" in words:
        if '"@' in words:
            words = _QUOTED.sub("@", words)
        words = _ADDRESS.sub("@", words)
    words = " ".join(words.lower().split())
    return words[:1] + _CONTINUED.sub("", words[1:])


def find_status(words: str) -> str:
    """The first enhanced status code (RFC 3463) in a reply that says something, else the first, else ""."""
    first = ""
    for status in _STATUS.findall(words[:MAX_WORDS]):
        if not status.endswith(".0.0"):
            return status
        first = first or status
    return first


def find_code(words: str) -> str:
    """The first negative reply code (RFC 5321) in a reply, or ""."""
    found = _CODE.search(words[:MAX_WORDS])
    return found.group(1) if found else ""


def decide(words: str, status: str, code: str, stage: Stage, hosts: tuple[str, ...] = ()) -> Verdict:
    """The reason of a reply.

    `words` as they came, `status` and `code` as far as known, `hosts` the remote server and the recipient's domain
    (lower case). The order: carrier's own words, codes that leave no doubt, common words, other codes, the stage.
    """
    folded = fold(words)
    if stage is Stage.UNKNOWN and status[1:3] == ".1":
        stage = Stage.RCPT  # x.1.x speaks of an address (RFC 3463, section 3.2)
        if status[4:] in ("7", "8"):
            stage = Stage.MAIL
    verdict = _by_carrier(folded, stage, hosts)
    if verdict:
        return verdict
    if status in CODES_BEFORE:
        return Verdict(CODES_BEFORE[status], "codes.txt", status, True)
    verdict = _match(_PHRASES, folded, stage)
    if verdict is None and (status[2:4] in ("", "0.", "7.", "5.") or status not in CODES_AFTER):
        verdict = _match(_LAST, folded, stage)
    return verdict or by_code(status, code, stage)


def by_words(words: str, stage: Stage, hosts: tuple[str, ...] = ()) -> Verdict | None:
    """The reason by words alone, None if they say nothing."""
    folded = fold(words)
    return _by_carrier(folded, stage, hosts) or _match(_PHRASES, folded, stage)


def by_code(status: str, code: str, stage: Stage) -> Verdict:
    """The reason of a reply whose words say nothing."""
    if status in CODES_AFTER:
        return Verdict(CODES_AFTER[status], "codes.txt", status)
    if code or status[:1] in ("4", "5"):
        if stage in _BY_STAGE:
            return Verdict(_BY_STAGE[stage], f"stage {stage}")
        if code in _BY_CODE:
            return Verdict(_BY_CODE[code], "RFC 5321, RFC 7504", code)
    return _UNDECIDED


def _by_carrier(folded: str, stage: Stage, hosts: tuple[str, ...]) -> Verdict | None:
    for number in sorted(_speaking(folded, hosts)):
        verdict = _match(_CARRIER_SECTIONS[number], folded, stage)
        if verdict:
            return Verdict(verdict.reason, f"{CARRIERS[number].name} {verdict.rule}", verdict.phrase, True)
    return None


def _speaking(folded: str, hosts: tuple[str, ...]) -> set[int]:
    """The carriers whose words these are: by the end or the beginning of a host's name, or by a mark in the reply."""
    found = {number for mark, number in _MARKS if mark in folded}
    for host in hosts:
        at = 0
        while at >= 0:
            number = _BY_DOMAIN.get(host[at:])
            if number is not None:
                found.add(number)
            at = host.find(".", at) + 1 or -1
        number = _BY_DOMAIN.get(host[: host.find(".") + 1])
        if number is not None:
            found.add(number)
    return found


@dataclass(frozen=True, slots=True)
class _Section:
    """Rows of one meaning, grouped by a word that all of a group share, so that few searches rule many rows out."""

    stages: frozenset[Stage] | None
    groups: tuple[tuple[str, tuple[Row, ...]], ...]


def _sections(rows: tuple[Row, ...]) -> tuple[_Section, ...]:
    runs: list[list[Row]] = []
    for row in rows:
        if runs and runs[-1][0].reason is row.reason and runs[-1][0].stages == row.stages:
            runs[-1].append(row)
        else:
            runs.append([row])
    return tuple(_Section(run[0].stages, tuple(_groups(run))) for run in runs)


def _groups(rows: list[Row]) -> list[tuple[str, tuple[Row, ...]]]:
    groups = []
    while rows:
        count: dict[str, int] = {}
        for row in rows:
            for word in {word for word in row.pieces[0].split() if len(word) > 3} | {row.pieces[0]}:
                count[word] = count.get(word, 0) + 1
        key = max(count, key=lambda word: (count[word], len(word)))
        groups.append((key, tuple(row for row in rows if key in row.pieces[0])))
        rows = [row for row in rows if key not in row.pieces[0]]
    return groups


def _match(sections: tuple[_Section, ...], folded: str, stage: Stage) -> Verdict | None:
    for section in sections:
        stages = section.stages
        if stages is not None and stage not in stages:
            continue
        for key, rows in section.groups:
            if key in folded:
                for row in rows:
                    pieces = row.pieces
                    if pieces[0] in folded and (len(pieces) == 1 or _in_order(pieces, folded)):
                        return Verdict(row.reason, row.name, row.phrase, True)
    return None


def _in_order(pieces: tuple[str, ...], folded: str) -> bool:
    at = 0
    for piece in pieces:
        at = folded.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


_PHRASES = _sections(PHRASES)
_LAST = _sections(LAST)
_CARRIER_SECTIONS = tuple(_sections(carrier.rows) for carrier in CARRIERS)
_MARKS = tuple((mark, number) for number, carrier in enumerate(CARRIERS) for mark in carrier.marks)
_BY_DOMAIN: dict[str, int] = {}
for _number, _carrier in enumerate(CARRIERS):
    for _host in _carrier.hosts:
        _BY_DOMAIN.setdefault(_host, _number)
