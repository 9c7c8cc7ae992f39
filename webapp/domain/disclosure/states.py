"""The states of disclosure in words, for a group, for a person, and for the technician's own start page."""

from dataclasses import dataclass
from enum import StrEnum

from webapp.domain.core.language import N_
from webapp.domain.disclosure.policy import Facts, Group, Side, groups_of


class DisclosureState(StrEnum):
    """How far disclosure of a group has come."""

    CLOSED = "closed"
    WAITS_FOR_BUSINESS = "waits_for_business"
    WAITS_FOR_TECHNICIAN = "waits_for_technician"
    OPEN = "open"


WORDS = {
    DisclosureState.CLOSED: N_("開示していません"),
    DisclosureState.WAITS_FOR_BUSINESS: N_("所属事業者の設定待ち"),
    DisclosureState.WAITS_FOR_TECHNICIAN: N_("本人の設定待ち"),
    DisclosureState.OPEN: N_("開示中"),
}
# Who waits is called otherwise where they read it themselves.
BUSINESS_WORDS = WORDS | {DisclosureState.WAITS_FOR_BUSINESS: N_("貴社の設定待ち")}
TECHNICIAN_WORDS = WORDS | {DisclosureState.WAITS_FOR_TECHNICIAN: N_("あなたの設定待ち")}


@dataclass(frozen=True, slots=True)
class KeyStatus:
    """A group with both keys: as they are stored, as they take effect under the masters, and the state in words."""

    group: Group
    technician_key: bool
    business_key: bool
    state: DisclosureState

    @property
    def words(self) -> str:
        return WORDS[self.state]


@dataclass(frozen=True, slots=True)
class Chip:
    """A person's state: that of 本人; `partial` when it is open and some other group is not."""

    state: DisclosureState
    partial: bool

    @property
    def words(self) -> str:
        return WORDS[self.state]


def state(facts: Facts, group: Group) -> DisclosureState:
    """Return the state of a group."""
    match facts.is_open(Side.TECHNICIAN, group), facts.is_open(Side.BUSINESS, group):
        case True, True:
            return DisclosureState.OPEN
        case True, False:
            return DisclosureState.WAITS_FOR_BUSINESS
        case False, True:
            return DisclosureState.WAITS_FOR_TECHNICIAN
    return DisclosureState.CLOSED


def standings(facts: Facts) -> tuple[KeyStatus, ...]:
    """Return every group with its keys and state."""
    current = facts.employer_id is not None
    technician = groups_of(facts.technician_keys) if current else ()
    business = groups_of(facts.business_keys) if current else ()
    return tuple(KeyStatus(group, group in technician, group in business, state(facts, group)) for group in Group)


def chip(facts: Facts) -> Chip:
    """Return the chip of a person's row."""
    of_person = state(facts, Group.PERSON)
    partial = of_person is DisclosureState.OPEN and any(
        state(facts, group) is not DisclosureState.OPEN for group in Group
    )
    return Chip(of_person, partial)


def in_one_sentence(facts: Facts) -> str:
    """Return what the technician reads on the start page."""
    if facts.employer_id is None:
        return N_("現在、他の事業者には開示されていません。現在の所属事業者がありません。")
    shown = chip(facts)
    if shown.state is DisclosureState.OPEN and shown.partial:
        return N_("現在、一部の項目が他の事業者に開示されています。")
    return {
        DisclosureState.OPEN: N_("現在、すべての項目が他の事業者に開示されています。"),
        DisclosureState.WAITS_FOR_BUSINESS: N_(
            "現在、他の事業者には開示されていません。所属事業者の開示設定を待っています。"
        ),
        DisclosureState.WAITS_FOR_TECHNICIAN: N_(
            "現在、他の事業者には開示されていません。所属事業者は開示を設定済みです。あなたが設定すると開示されます。"
        ),
        DisclosureState.CLOSED: N_(
            "現在、他の事業者には開示されていません。あなたも所属事業者も開示を設定していません。"
        ),
    }[shown.state]
