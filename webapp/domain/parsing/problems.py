"""What intake says when a file or a row cannot be taken as it is."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Severity(StrEnum):
    """Whether a problem keeps the row out (error) or only has to be seen (warning)."""

    error = "error"
    warning = "warning"


class IntakeError(ValueError):
    """The file as a whole cannot be read; `sentence` (Japanese, a msgid) and `params` say why and what to do."""

    def __init__(self, sentence: str, params: Mapping[str, object] | None = None) -> None:
        self.sentence = sentence
        self.params = dict(params or {})
        super().__init__(self.in_japanese())

    def in_japanese(self) -> str:
        """The sentence filled in, for a terminal or a log line that is not translated."""
        return self.sentence % self.params if self.params else self.sentence


class CellError(ValueError):
    """One cell cannot be taken; raised by the parsers of `cells` and turned into a `Problem` by `rows`."""

    def __init__(self, sentence: str, **params: object) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.params = params


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing wrong with one row: `line` as an editor shows it, `column` by its own name, `value` as it came."""

    line: int
    column: str
    value: str
    sentence: str
    params: Mapping[str, object] = field(default_factory=dict)
    severity: Severity = Severity.error

    def in_japanese(self) -> str:
        """The sentence filled in, as it stands in the rejects file."""
        return self.sentence % self.params if self.params else self.sentence
