"""What the words of mail systems mean, as data. docs/judgement.md says how to add a row."""

from webapp.domain.bounce.rules.row import Carrier, PhraseRow, read_carriers, read_codes, read_lists, read_phrases

# The order is the precedence: what is said of us first (a refusal of our server often adds "recipient rejected" or
# "user unknown"), then what is said of the recipient, then of the way there.
PHRASES: tuple[PhraseRow, ...] = (
    *read_phrases("exact.txt"),
    *read_phrases("sender.txt"),
    *read_phrases("recipient.txt"),
    *read_phrases("transport.txt"),
)
LAST: tuple[PhraseRow, ...] = read_phrases("last.txt")  # only where no code says more
CARRIERS: tuple[Carrier, ...] = read_carriers("carriers.txt")
_CODES = read_codes("codes.txt")
CODES_BEFORE = _CODES["before"]
CODES_AFTER = _CODES["after"]
SYSTEMS: tuple[tuple[str, tuple[str, ...]], ...] = tuple(read_lists("systems.txt").items())
SUBJECTS: dict[str, tuple[str, ...]] = read_lists("subjects.txt")
SIGNS: dict[str, tuple[str, ...]] = read_lists("signs.txt")

__all__ = [
    "CARRIERS",
    "CODES_AFTER",
    "CODES_BEFORE",
    "LAST",
    "PHRASES",
    "SIGNS",
    "SUBJECTS",
    "SYSTEMS",
    "Carrier",
    "Row",
]
