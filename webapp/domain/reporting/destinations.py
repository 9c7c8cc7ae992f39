"""The domains that fail most: found by their failures, then counted alone.

A register has tens of thousands of domains, most of them one business's own; adding all of them up would cost more than
all other figures of the page together.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass

from db.rows import in_parts, marks, values_of
from webapp.domain.notices.messages import MessageKind, MessageState
from webapp.domain.reporting.figures import CLASSES, LEAST_VOLUME, Outcomes, of_kind
from webapp.domain.reporting.periods import Span

# Written with literals, exactly as in the index: a parameter would hide it.
_COUNTERS = "FROM counter WHERE figure = 'notices_by_destination'"
_FAILING = "c IN ('dead', 'refused', 'temporary', 'ours')"


@dataclass(frozen=True)
class Destination:
    """The notices to one domain."""

    domain: str
    tally: Outcomes

    @property
    def failing(self) -> float:
        """The share of all failures together, 0 to 1."""
        return sum(self.tally.failed.values()) / self.tally.counted


def worst(
    span: Span, kind: str = MessageKind.ID_NOTICE, role: str = "", least: int = LEAST_VOLUME, most: int = 10
) -> list[Destination]:
    """Return the domains that fail most often, worst first, without those below the least volume."""
    tallies = tallies_of(_failing(span, kind, role), span, kind, role)
    found = [Destination(domain, tally) for domain, tally in tallies.items() if tally.counted >= max(1, least)]
    found.sort(key=lambda destination: (-destination.failing, -destination.tally.counted, destination.domain))
    return found[:most]


def tallies_of(
    domains: Collection[str], span: Span, kind: str = MessageKind.ID_NOTICE, role: str = ""
) -> dict[str, Outcomes]:
    """Return the notices to some domains in a span; a domain that was sent none has no entry."""
    tallies: dict[str, Outcomes] = defaultdict(Outcomes)
    for domain, word, n in _counted(sorted(domains), span, kind, role):
        if word in CLASSES:
            tallies[domain].add(MessageState.FAILED, word, n)
        else:
            state, _, accepted = word.partition("/")
            tallies[domain].add(state, accepted, n)
    return dict(tallies)


def _failing(span: Span, kind: str, role: str) -> list[str]:
    condition, values = of_kind(kind, role)
    sql = f"SELECT b {_COUNTERS} AND {_FAILING} AND day >= ? AND day <= ?{condition} GROUP BY b HAVING SUM(n) > 0"
    return [domain for (domain,) in values_of(sql, *_days(span), *values)]


def _counted(domains: list[str], span: Span, kind: str, role: str) -> Iterator[tuple[str, str, int]]:
    condition, values = of_kind(kind, role)
    for part in in_parts(domains):
        sql = (
            f"SELECT b, c, SUM(n) {_COUNTERS} AND b IN {marks(len(part))} AND day >= ? AND day <= ?{condition}"
            " GROUP BY b, c HAVING SUM(n) <> 0"
        )
        for domain, word, n in values_of(sql, *part, *_days(span), *values):
            yield domain, word, int(n)


def _days(span: Span) -> tuple[str, str]:
    return span.since.isoformat(), span.until.isoformat()
