"""A sentence and what fills it, kept apart until a page says it in the reader's language."""

from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Line:
    """A marked Japanese sentence; parameters are texts as they are, moments, or lines to be said themselves."""

    sentence: str
    params: dict[str, Any] = field(default_factory=dict)
