"""What becomes of the rows of a batch: the values that decisions, writing, runs and the API share."""

from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from webapp.domain.parsing.problems import Problem


class RowOutcome(StrEnum):
    """What became of one row."""

    ACCEPTED = "accepted"
    UPDATED = "updated"  # a new registration of a known person, or changed data of a known business
    UNCHANGED = "unchanged"  # it is in already, word for word
    REJECTED = "rejected"


@dataclass(frozen=True, slots=True)
class RowOrigin:
    """Where rows come from; each part is the id of a row, or None."""

    run_id: int | None = None
    api_key_id: int | None = None
    account_id: int | None = None


class RowResult(NamedTuple):
    """What became of one row: `number` is its application number or business ID.

    `problems` hold the errors of a rejected row and the warnings of any. `registration_id` and `technician_id` are of
    the registration that is in (also when it was in before); None for a rejected row and for businesses.
    """

    line: int
    number: str
    outcome: RowOutcome
    problems: tuple[Problem, ...] = ()
    registration_id: int | None = None
    technician_id: str | None = None
