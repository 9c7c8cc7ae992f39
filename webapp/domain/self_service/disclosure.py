"""Menu 380 as its technician sees it: both keys of each group, what turning one will do, and who has looked."""

from dataclasses import dataclass

from db.models import Business
from webapp.domain.disclosure.access_log import by_business
from webapp.domain.disclosure.keys import Sentence, preview
from webapp.domain.disclosure.policy import ALL_GROUPS, CONTENTS, Facts, Group, Side, facts_of
from webapp.domain.disclosure.states import TECHNICIAN_WORDS, DisclosureState, KeyStatus, in_one_sentence, standings

CHIPS = {
    DisclosureState.CLOSED: "off",
    DisclosureState.WAITS_FOR_BUSINESS: "busy",
    DisclosureState.WAITS_FOR_TECHNICIAN: "wait",
    DisclosureState.OPEN: "good",
}
# More names than these help nobody to decide; the rest is a number and a link.
_NAMED = 3


@dataclass(frozen=True)
class Seen:
    """Which other businesses have looked: the latest by name, and how many more there are."""

    names: tuple[str, ...] = ()
    more: int = 0


@dataclass(frozen=True)
class KeyRow:
    """A group: both keys, the state in words, what turning one's own key does, who looked while it was open."""

    group: Group
    contents: str
    mine: bool
    theirs: bool
    state: DisclosureState
    words: str
    kind: str
    does: tuple[Sentence, ...]
    seen: Seen


@dataclass(frozen=True)
class Menu:
    """The whole menu; without a current affiliation `affiliation_id` is None and no key can be turned."""

    affiliation_id: int | None
    employer: str
    version: int
    sentence: str
    rows: tuple[KeyRow, ...]

    @property
    def all_open(self) -> bool:
        return all(row.mine for row in self.rows)

    @property
    def any_open(self) -> bool:
        return any(row.mine for row in self.rows)


def menu_of(technician_id: int) -> Menu:
    """Return the menu as it stands now."""
    facts = facts_of([technician_id])[technician_id]
    employer = Business.get_by_id(facts.employer_id).name if facts.employer_id else ""
    # A business that has looked before is the one whose name says most.
    looked = seen_by(technician_id, ALL_GROUPS).names[:1] if facts.employer_id else ()
    rows = tuple(_row(facts, standing, "".join(looked)) for standing in standings(facts)) if facts.employer_id else ()
    return Menu(facts.affiliation_id, employer, facts.technician_keys_version or 0, in_one_sentence(facts), rows)


def effect_of(technician_id: int, open: bool) -> tuple[Sentence, ...]:
    """Return what opening or closing all groups will do, before it is done."""
    facts = facts_of([technician_id])[technician_id]
    looked = seen_by(technician_id, ALL_GROUPS).names
    return preview(facts, Side.TECHNICIAN, ALL_GROUPS, open, example=looked[0] if looked else "").sentences


def seen_by(technician_id: int, bits: int) -> Seen:
    """Return which other businesses have looked at groups (bits), latest first."""
    names = [count.name for count in by_business(technician_id, bits, limit=100)]
    return Seen(tuple(names[:_NAMED]), max(len(names) - _NAMED, 0))


def _row(facts: Facts, standing: KeyStatus, example: str) -> KeyRow:
    group, open = standing.group, not standing.technician_key
    # Asked only where it is said: before closing.
    seen = Seen() if open else seen_by(facts.technician_id, group.bit)
    return KeyRow(
        group=group,
        contents=CONTENTS[group],
        mine=standing.technician_key,
        theirs=standing.business_key,
        state=standing.state,
        words=TECHNICIAN_WORDS[standing.state],
        kind=CHIPS[standing.state],
        does=preview(facts, Side.TECHNICIAN, group.bit, open, example=example if open else "").sentences,
        seen=seen,
    )
