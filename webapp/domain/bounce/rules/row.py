"""The form of a rule, and the reader of the rule files beside this one (docs/judgement.md, "Adding a rule")."""

from dataclasses import dataclass
from importlib import resources

from webapp.domain.bounce.model import Reason, Stage

_REASONS = frozenset(reason.value for reason in Reason)


@dataclass(frozen=True, slots=True)
class PhraseRow:
    """A phrase that, said at one of the stages, gives the reason.

    The phrase is compared with the reply in lower case, addresses replaced by `@`, white space and continuation codes
    folded. `*` stands for anything in between, ` $` for the end; there is no other sign, so a rule cannot run away.
    """

    phrase: str
    pieces: tuple[str, ...]  # more than one if the phrase has `*`
    stages: frozenset[Stage] | None  # None: at any stage
    reason: Reason
    name: str  # for the explanation: file and line
    short: bool = False  # the first word has at most three letters: it must begin a word in the reply


@dataclass(frozen=True, slots=True)
class Carrier:
    """What one provider's servers mean: asked when the remote host, the recipient's domain or a mark shows them."""

    name: str
    hosts: tuple[str, ...]
    marks: tuple[str, ...]
    rows: tuple[PhraseRow, ...]


def read_phrases(file: str) -> tuple[PhraseRow, ...]:
    """Read a file of `[reason @ stages]` sections; ValueError with file and line for what is not understood."""
    rows: list[PhraseRow] = []
    for _, section in _sections(file):
        rows.extend(section)
    return tuple(rows)


def read_carriers(file: str) -> tuple[Carrier, ...]:
    """Read a file of `{name: hosts; marks}` blocks with sections inside."""
    carriers: dict[str, list[PhraseRow]] = {}
    for head, section in _sections(file):
        carriers.setdefault(head, []).extend(section)
    result = []
    for head, rows in carriers.items():
        name, _, rest = head.partition(":")
        hosts, _, marks = rest.partition(";")
        result.append(Carrier(name.strip(), tuple(hosts.split()), tuple(marks.split()), tuple(rows)))
    return tuple(result)


def read_codes(file: str) -> dict[str, dict[str, Reason]]:
    """Read `reason: codes` lines; `x.` at the front of a code stands for 4 and 5."""
    tables: dict[str, dict[str, Reason]] = {}
    table: dict[str, Reason] = {}
    for _, line in _lines(file):
        if line.startswith("["):
            table = tables.setdefault(line.strip("[]"), {})
            continue
        reason, _, codes = line.partition(":")
        for code in codes.split():
            for full in ("4" + code[1:], "5" + code[1:]) if code.startswith("x.") else (code,):
                table.setdefault(full, Reason(reason))
    return tables


def read_lists(file: str) -> dict[str, tuple[str, ...]]:
    """Read a file of `[name]` sections with words between bars."""
    lists: dict[str, tuple[str, ...]] = {}
    name = ""
    for _, line in _lines(file):
        if line.startswith("[") and line.endswith("]") and " | " not in line:
            name = line[1:-1]
            lists.setdefault(name, ())
        else:
            lists[name] += tuple(word.strip() for word in line.split(" | "))
    return lists


def _sections(file: str) -> list[tuple[str, list[PhraseRow]]]:
    head = ""
    meanings: list[tuple[Reason, frozenset[Stage] | None]] = []
    found: list[tuple[str, list[PhraseRow]]] = []
    for number, line in _lines(file):
        if line.startswith("{") and line.endswith("}"):
            head = line[1:-1]
        elif line.startswith("[") and line.endswith("]") and line[1:-1].partition(" ")[0] in _REASONS:
            meanings = [_meaning(part) for part in line[1:-1].split(";")]
        elif not meanings:
            raise ValueError(f"{file}:{number}: a phrase stands before the first [reason]")
        else:
            phrases = [phrase.strip() for phrase in line.split(" | ") if phrase.strip()]
            name = f"{file}:{number}"
            rows = [_row(phrase, reason, stages, name) for reason, stages in meanings for phrase in phrases]
            found.append((head, rows))
    return found


def _meaning(text: str) -> tuple[Reason, frozenset[Stage] | None]:
    name, _, at = text.partition("@")
    return Reason(name.strip()), frozenset(Stage(stage) for stage in at.split()) if at else None


def _row(phrase: str, reason: Reason, stages: frozenset[Stage] | None, name: str) -> PhraseRow:
    pieces = tuple(piece.strip() for piece in phrase.split("*") if piece.strip())
    first = pieces[0].partition(" ")[0]
    return PhraseRow(phrase, pieces, stages, reason, name, first.isascii() and first.isalpha() and len(first) <= 3)


def _lines(file: str) -> list[tuple[int, str]]:
    text = resources.files(__package__).joinpath(file).read_text(encoding="utf-8")
    lines = enumerate((line.strip() for line in text.split("\n")), 1)
    return [(number, line) for number, line in lines if line and not line.startswith("#")]
