"""From a reply's words, codes and stage to a reason: one small engine over the rows in `rules/`.

No regular expression looks at a stranger's words here beyond bounded ones that fold them; a rule is a search for fixed
words from left to right, so the work is bounded by the length of the (cut) reply times the number of rules.
"""

import re
from collections import Counter
from dataclasses import dataclass
from functools import lru_cache

from webapp.domain.bounce.addresses import without_addresses
from webapp.domain.bounce.model import Reason, Stage, is_hard
from webapp.domain.bounce.rules import CARRIERS, CODES_AFTER, CODES_BEFORE, LAST, PHRASES, SUBJECTS
from webapp.domain.bounce.rules.row import PhraseRow

MAX_WORDS = 1500

# the second and later lines of a reply, folded into one: "550-5.1.1 The account ... 550-5.1.1 double-check"
_CONTINUED = re.compile(r"(?<=[ \n])([245]\d\d)[- ](?:\1[- ])?(?:[245]\.\d{1,3}\.\d{1,3} )?(?=\S)")
_STATUS = re.compile(r"(?<![\d.])([245]\.\d{1,2}\.\d{1,3})(?![\d.]*\d)")
_CODE = re.compile(r"(?<![\d.\-:/\[#=])([45]\d\d)(?=[ \-:<\n]|$)")


@dataclass(frozen=True, slots=True)
class Judged:
    """A reason and the rule that gave it: its file and line, and the phrase or code."""

    reason: Reason
    rule: str
    phrase: str = ""
    said: bool = False  # whether words decided; codes and stages say less


_UNDECIDED = Judged(Reason.UNDEFINED, "none")

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
    "556": Reason.NOTACCEPT,
    "552": Reason.MAILBOXFULL,
    "421": Reason.EXPIRED,
}


def fold(words: str) -> str:
    """A reply as the rules see it: lower case, addresses replaced by `@`, white space and continuation codes folded.

    Addresses go first: what stands before the @ was chosen by a person and is no evidence of anything.
    """
    words = without_addresses(words[:MAX_WORDS])
    words = " ".join(words.lower().split())
    return words[:1] + _CONTINUED.sub("", words[1:])


def find_status(words: str) -> str:
    """The first enhanced status code (RFC 3463) in a reply that says something, else the first, else ""."""
    first = ""
    for found in _STATUS.finditer(words[:MAX_WORDS]):
        status = found.group(1)
        if status[1:4] != ".0.":  # 5.0.0, and 5.0.350 of Exchange Online around another server's code
            return status
        first = first or status
    return first


def find_code(words: str) -> str:
    """The first negative reply code (RFC 5321) in a reply, or ""."""
    found = _CODE.search(words[:MAX_WORDS])
    return found.group(1) if found else ""


def decide(words: str, status: str, code: str, stage: Stage, hosts: tuple[str, ...] = ()) -> Judged:
    """The reason of a reply.

    `words` as they came, `status` and `code` as far as known, `hosts` the remote server and the recipient's domain
    (lower case). The order: carrier's own words, codes that leave no doubt, common words, other codes, the stage.
    """
    folded = fold(words)
    verdict = _decide(folded, status, code, stage, hosts)
    return _softer_of_two(_of_whom(verdict, folded), folded, stage)


def _decide(folded: str, status: str, code: str, stage: Stage, hosts: tuple[str, ...]) -> Judged:
    if stage is Stage.UNKNOWN and status[1:3] == ".1":
        # x.1.x speaks of an address: .7 and .8 of the sender's, else of the recipient's (RFC 3463, section 3.2)
        stage = Stage.MAIL if status[4:] in ("7", "8") else Stage.RCPT
    verdict = _by_carrier(folded, stage, hosts)
    if verdict:
        return verdict
    if status in CODES_BEFORE:
        return Judged(CODES_BEFORE[status], "codes.txt", status, True)
    verdict = _COMMON.match(folded, stage)
    if (
        verdict is None
        and (code or status)[:1] != "4"
        and (status[2:4] in ("", "0.", "7.", "5.") or status not in CODES_AFTER)
    ):
        verdict = _FINAL.match(folded, stage)
    return verdict or by_code(status, code, stage)


def by_words(words: str, stage: Stage, hosts: tuple[str, ...] = ()) -> Judged | None:
    """The reason by words alone, None if they say nothing."""
    folded = fold(words)
    verdict = _by_carrier(folded, stage, hosts) or _COMMON.match(folded, stage)
    return _softer_of_two(_of_whom(verdict, folded), folded, stage) if verdict else None


def _of_whom(verdict: Judged, folded: str) -> Judged:
    """A dead verdict whose sentence speaks of us: of the sender or of our session, never of the address."""
    if not is_hard(verdict.reason):
        return verdict
    # Where words decided, those behind them are advice; a code stands before the sentence that it belongs to.
    phrase = "" if verdict.rule == "codes.txt" else verdict.phrase
    at = folded.find(phrase.split(" * ")[0].lower())
    before = folded[: at + len(phrase)] if phrase and at >= 0 else folded
    for reason, subject, pieces in _SUBJECTS:
        if _in_order(pieces, before):
            return Judged(reason, "subjects.txt", subject, True)
    return verdict


def _softer_of_two(verdict: Judged, folded: str, stage: Stage) -> Judged:
    """The softer of two causes in one sentence ("unknown or full"): nobody knows which one it was."""
    if not is_hard(verdict.reason) or not verdict.phrase:
        return verdict
    _, _, rest = folded.partition(verdict.phrase.split(" * ")[-1].lower())
    for word in _OR:
        if rest.lstrip().startswith(word):
            cause = rest.lstrip()[len(word) :]
            other = _COMMON.match(cause, stage) or _FINAL.match(cause, stage)
            if other is not None and not is_hard(other.reason):
                return other
    return verdict


_SOFTENED = {Reason.HOSTUNKNOWN: Reason.NETWORKERROR, Reason.NOTACCEPT: Reason.SYSTEMERROR}


def softened(verdict: Judged) -> Judged:
    """A dead verdict as a temporary one: on a 4yz reply (RFC 5321, section 4.2.1) or while a server still tries."""
    if not is_hard(verdict.reason):
        return verdict
    reason = _SOFTENED.get(verdict.reason, Reason.ONHOLD)
    return Judged(reason, f"RFC 5321 4.2.1, {verdict.rule}", verdict.phrase, verdict.said)


def by_code(status: str, code: str, stage: Stage) -> Judged:
    """The reason of a reply whose words say nothing."""
    if status in CODES_AFTER:
        return Judged(CODES_AFTER[status], "codes.txt", status)
    if code or status[:1] in ("4", "5"):
        if stage in _BY_STAGE:
            return Judged(_BY_STAGE[stage], f"stage {stage}")
        if code in _BY_CODE:
            return Judged(_BY_CODE[code], "RFC 5321, RFC 7504", code)
    return _UNDECIDED


def _by_carrier(folded: str, stage: Stage, hosts: tuple[str, ...]) -> Judged | None:
    for number in sorted(_speaking(folded, hosts)):
        verdict = _BY_CARRIER[number].match(folded, stage)
        if verdict:
            return Judged(verdict.reason, f"{CARRIERS[number].name} {verdict.rule}", verdict.phrase, True)
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


_GRAM = 4


class _Rules:
    """Rows in their order, found by a rare piece of four letters of a word: a reply meets only a few of them."""

    def __init__(self, rows: tuple[PhraseRow, ...]) -> None:
        self.rows = rows
        grams = [{gram for word in row.pieces[0].split() for gram in _grams(word)} for row in rows]
        count = Counter(gram for of_row in grams for gram in of_row)
        self.always = [number for number, of_row in enumerate(grams) if not of_row]
        self.by_gram: dict[str, list[int]] = {}
        for number, of_row in enumerate(grams):
            if of_row:
                rarest = min(of_row, key=lambda gram: (count[gram], gram))
                self.by_gram.setdefault(rarest, []).append(number)
        # the same words come in thousands of replies; bounded, since strangers may send any
        self.of_word = lru_cache(maxsize=8192)(self._of_word)

    def match(self, folded: str, stage: Stage) -> Judged | None:
        """The verdict of the first row that says something here."""
        folded += " $"
        numbers = set(self.always)
        for word in set(folded.split()):
            numbers.update(self.of_word(word))
        for number in sorted(numbers):
            row = self.rows[number]
            pieces = row.pieces
            if pieces[0] not in folded or (row.stages is not None and stage not in row.stages):
                continue
            if row.short and not _begins_a_word(pieces[0], folded):
                continue  # "zip not allowed" is not said of an IP
            if len(pieces) == 1 or _in_order(pieces, folded):
                return Judged(row.reason, row.name, row.phrase, True)
        return None

    def _of_word(self, word: str) -> tuple[int, ...]:
        return tuple(number for gram in _grams(word) for number in self.by_gram.get(gram, ()))


def _grams(word: str) -> list[str]:
    return [word[at : at + _GRAM] for at in range(len(word) - _GRAM + 1)]


def _begins_a_word(piece: str, folded: str) -> bool:
    at = folded.find(piece)
    while at > 0 and folded[at - 1].isalpha():
        at = folded.find(piece, at + 1)
    return at >= 0


def _in_order(pieces: tuple[str, ...], folded: str) -> bool:
    at = 0
    for piece in pieces:
        at = folded.find(piece, at)
        if at < 0:
            return False
        at += len(piece)
    return True


# What joins two causes, in the languages of the rules; a blank where one stands in the language.
_OR = ("or ", "o ", "ou ", "oder ", "または", "もしくは", "か、", ", or ")
_SUBJECTS = tuple(
    (Reason(reason), subject, tuple(subject.split(" * "))) for reason, words in SUBJECTS.items() for subject in words
)
_COMMON = _Rules(PHRASES)
_FINAL = _Rules(LAST)
_BY_CARRIER = tuple(_Rules(carrier.rows) for carrier in CARRIERS)
_MARKS = tuple((mark, number) for number, carrier in enumerate(CARRIERS) for mark in carrier.marks)
_BY_DOMAIN: dict[str, int] = {}
for _number, _carrier in enumerate(CARRIERS):
    for _host in _carrier.hosts:
        _BY_DOMAIN.setdefault(_host, _number)
