"""The list of a business's own technicians: one range of one index, with the keys from the affiliation's row."""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache

from peewee import SQL, ColumnBase, Tuple, fn

from db.models import Affiliation, Technician
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.affiliations.roster_states import (
    NO_STATES,
    CardFilter,
    NoticeFilter,
    States,
    card_is,
    not_signed_in,
    notice_is,
    states_of,
)
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.disclosure.policy import BUSINESS_ROLES, MASTER, Facts, Group, Viewer, groups_of
from webapp.domain.disclosure.sql import in_state
from webapp.domain.disclosure.states import Chip, DisclosureState, chip, state

PAGE = 50
_LAST = "\U0010ffff"


class Sort(StrEnum):
    """How the list is ordered."""

    KANA = "kana"
    NEWEST = "newest"  # who joined last comes first


@dataclass(frozen=True, slots=True)
class Filter:
    """What part of the list is wanted; empty fields do not count."""

    text: str = ""  # the beginning of a name or kana, or a technician ID
    state: DisclosureState | None = None  # of 本人
    not_signed_in: bool = False  # the technician has no account that ever signed in
    notice: NoticeFilter | None = None
    card: CardFilter | None = None


@dataclass(frozen=True, slots=True)
class Member:
    """A row of the list."""

    id: int  # of the technician
    affiliation_id: int
    name: str
    name_kana: str
    technician_id: str
    technician_keys: tuple[Group, ...]
    business_keys: tuple[Group, ...]
    business_keys_version: int
    chip: Chip
    states: States


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Up to 50 members in kana order; `after` and `before` (affiliation ids) lead on and back, None at an end."""

    rows: tuple[Member, ...]
    after: int | None
    before: int | None


def chosen(part: Filter) -> ColumnBase:
    """Return the condition over `Affiliation` that a filter means: for pages, counts, exports and bulk changes."""
    condition: ColumnBase = Affiliation.current
    if part.state is not None:
        condition &= in_state(part.state)
    if (text := fold_search_key(part.text)).isdecimal() and len(text) == 14:
        condition &= Affiliation.technician.in_(
            Technician.select(Technician.id).where(Technician.technician_id == text)
        )
    elif text:
        person = Technician.select(SQL("1")).where(Technician.id == Affiliation.technician)
        by_name = (Technician.search_key >= text) & (Technician.search_key < text + _LAST)
        condition &= (
            ((Affiliation.sort_key >= text) & (Affiliation.sort_key < text + _LAST))
            | fn.EXISTS(person.where(by_name))
        )  # fmt: skip
    if part.not_signed_in:
        condition &= not_signed_in()
    if part.notice is not None:
        condition &= notice_is(part.notice)
    if part.card is not None:
        condition &= card_is(part.card)
    return condition


def page(
    viewer: Viewer,
    part: Filter | None = None,
    *,
    after: int | None = None,
    before: int | None = None,
    size: int = PAGE,
    sort: Sort = Sort.KANA,
) -> MemberPage:
    """Return a page of the viewer's own business's current technicians; empty for whoever is no active user of one.

    `after` is the last affiliation id of the page before, `before` the first of the page behind; ids of others or of
    ended affiliations are taken as places in the order and show nothing.
    """
    if not _is_business(viewer):
        return MemberPage((), None, None)
    rows = list(_select(viewer, part, after, before, sort).limit(size + 1).tuples())
    more, rows = len(rows) > size, rows[:size]
    if before is not None:
        rows.reverse()
    states = states_of([row[0] for row in rows])
    members = tuple(_member(row, states[row[0]]) for row in rows)
    if not members:
        return MemberPage((), None, None)
    leads_on = more if before is None else True  # who came back by `before` came from there
    leads_back = (after is not None) if before is None else more
    return MemberPage(
        members, members[-1].affiliation_id if leads_on else None, members[0].affiliation_id if leads_back else None
    )


def whole(
    viewer: Viewer, part: Filter | None = None, *, sort: Sort = Sort.KANA, most: int | None = None, size: int = 500
) -> Iterator[tuple[int, tuple[Member, ...]]]:
    """Give all members that a filter finds in the order of the list, `size` at a time, each time with how many in all.

    Who they are is fixed in one statement; whoever has left the business or the filter before being read is left out.
    """
    if not _is_business(viewer):
        return
    ids = [row[1] for row in _select(viewer, part, None, None, sort).limit(most).tuples()]
    for begin in range(0, len(ids), size):
        part_ids = ids[begin : begin + size]
        found = {row[1]: row for row in _base(viewer, part).where(Affiliation.id.in_(part_ids)).tuples()}
        states = states_of([row[0] for row in found.values()])
        yield (
            len(ids),
            tuple(
                _member(found[affiliation_id], states[found[affiliation_id][0]])
                for affiliation_id in part_ids
                if affiliation_id in found
            ),
        )


def member(viewer: Viewer, affiliation_id: int) -> Member | None:
    """Return one row, as after a toggle; None for anybody who is not a current technician of the viewer's business."""
    return _one(viewer, Affiliation.id == affiliation_id)


def member_of(viewer: Viewer, technician_id: int) -> Member | None:
    """Return the row of a technician (row id); None for whoever is not currently of the viewer's business."""
    return _one(viewer, Affiliation.technician == technician_id)


def _one(viewer: Viewer, condition) -> Member | None:
    if not _is_business(viewer):
        return None
    row = _base(viewer).where(condition).tuples().first()
    return _member(row, states_of([row[0]]).get(row[0], NO_STATES)) if row else None


def count(viewer: Viewer, part: Filter | None = None) -> int:
    """Return how many technicians a filter finds."""
    if not _is_business(viewer):
        return 0
    # Without the people's own rows: the indexes of the affiliations hold all that most filters ask.
    own = Affiliation.select(SQL("1")).where(Affiliation.current & (Affiliation.business == viewer.business_id))
    return (own if part is None else own.where(chosen(part))).count()


def counts_by_state(viewer: Viewer) -> dict[DisclosureState, int]:
    """Return how many of a business's technicians stand in each of the four states."""
    found = dict.fromkeys(DisclosureState, 0)
    if not _is_business(viewer):
        return found
    keys = (Affiliation.technician_keys, Affiliation.business_keys)
    rows = (
        Affiliation.select(*keys, fn.COUNT(SQL("*")))
        .where(Affiliation.current & (Affiliation.business == viewer.business_id))
        .group_by(*keys)
        .tuples()
    )
    for ours, theirs, n in rows:
        found[state(Facts(0, 0, viewer.business_id, ours & MASTER, theirs & MASTER), Group.PERSON)] += n
    return found


def _is_business(viewer: Viewer) -> bool:
    # Whoever may not decide on anything sees nobody, as `policy.decide` says.
    return (
        viewer.active
        and viewer.kind == AccountKind.BUSINESS_USER
        and viewer.role in BUSINESS_ROLES
        and viewer.business_id is not None
    )


def _base(viewer: Viewer, part: Filter | None = None):
    own = Affiliation.current & (Affiliation.business == viewer.business_id)
    query = (
        Affiliation.select(
            Technician.id,
            Affiliation.id,
            Technician.name,
            Technician.name_kana,
            Technician.technician_id,
            Affiliation.technician_keys,
            Affiliation.business_keys,
            Affiliation.business_keys_version,
        )
        .join(Technician)
        .where(own)
    )
    return query if part is None or part == Filter() else query.where(chosen(part))


def _select(viewer: Viewer, part: Filter | None, after: int | None, before: int | None, sort: Sort = Sort.KANA):
    by_kana = sort is Sort.KANA
    fields = (Affiliation.sort_key, Affiliation.id) if by_kana else (Affiliation.id,)
    query, falling = _base(viewer, part), not by_kana
    at = after if before is None else before
    if at is not None:
        key = Tuple(*fields) if by_kana else Affiliation.id
        key_at = Tuple(_sort_key(at), at) if by_kana else at
        falling ^= before is not None
        query = query.where(key < key_at if falling else key > key_at)
    return query.order_by(*(field.desc() if falling else field for field in fields))


def _sort_key(affiliation_id: int) -> str:
    return Affiliation.select(Affiliation.sort_key).where(Affiliation.id == affiliation_id).scalar() or ""


@cache
def _chip(technician_keys: int, business_keys: int) -> Chip:
    # A chip depends on the keys alone: 1,024 of them, whoever's they are.
    return chip(Facts(0, 0, 0, technician_keys, business_keys))


def _member(row, states: States) -> Member:
    technician, affiliation, name, kana, technician_id, ours, theirs, version = row
    return Member(
        id=technician,
        affiliation_id=affiliation,
        name=name,
        name_kana=kana,
        technician_id=technician_id,
        technician_keys=groups_of(ours),
        business_keys=groups_of(theirs),
        business_keys_version=version,
        chip=_chip(ours, theirs),
        states=states,
    )
