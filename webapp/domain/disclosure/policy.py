"""Who may see which part of a technician's record: the one rule, its reasons, and the states in words.

The record belongs to the technician and the current employer; another business sees a group of items only while the
technician (menu 380) and the current employer (menu 8300) have both opened it (CCUS internet application guide for
technicians, section 7). docs/disclosure.md has the whole rule; sql.py says the same in SQL.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from functools import cache
from typing import Any

from db.models import Account
from db.rows import marks, values_of
from webapp.domain.accounts.accounts import AccountKind, BusinessRole, OperatorRole
from webapp.domain.core.language import N_


class Group(IntEnum):
    """A group of items, by the number of its bit in the keys of an affiliation. 本人 is the master of the others."""

    PERSON = 0
    TRADES = 1
    QUALIFICATIONS = 2
    WORK_HISTORY = 3
    INSURANCE = 4

    @property
    def bit(self) -> int:
        return 1 << self

    @property
    def label(self) -> str:
        """The group's name, a sentence for the catalogue."""
        return LABELS[self]


LABELS = {
    Group.PERSON: N_("本人情報"),
    Group.TRADES: N_("職種・経験"),
    Group.QUALIFICATIONS: N_("資格・研修"),
    Group.WORK_HISTORY: N_("就業履歴"),
    Group.INSURANCE: N_("社会保険・建退共"),
}
CONTENTS = {
    Group.PERSON: N_("氏名、技能者ID、カードのレベル"),
    Group.TRADES: N_("職種、就業日数"),
    Group.QUALIFICATIONS: N_("資格、研修"),
    Group.WORK_HISTORY: N_("就業履歴"),
    Group.INSURANCE: N_("社会保険、建退共"),
}
MASTER = Group.PERSON.bit
ALL_GROUPS = sum(group.bit for group in Group)


def mask(groups: Iterable[Group]) -> int:
    """Return groups as bits."""
    return sum(group.bit for group in set(groups))


@cache
def groups_of(bits: int) -> tuple[Group, ...]:
    """Return bits as groups, the master first."""
    return tuple(group for group in Group if bits & group.bit)


class Side(StrEnum):
    """Whose key it is."""

    TECHNICIAN = "technician"  # menu 380
    BUSINESS = "business"  # menu 8300


# Roles that let their holder see anything at all.
OPERATOR_ROLES = frozenset(OperatorRole)
BUSINESS_ROLES = frozenset(BusinessRole)


class Relation(StrEnum):
    """As what somebody looks at a technician. A past employer and a proxy are other businesses, nothing more."""

    SELF = "self"
    EMPLOYER = "employer"
    OTHER_BUSINESS = "other_business"
    OPERATOR = "operator"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Viewer:
    """Who asks. `NOBODY` is somebody who has not signed in; `account_id` is None for a hypothetical viewer too."""

    kind: AccountKind | None = None
    account_id: int | None = None
    active: bool = False
    role: str = ""
    technician_id: int | None = None  # the row, not the 14 digits
    business_id: int | None = None

    @property
    def may_change(self) -> bool:
        """Whether the role allows changes: a technician's own things, an administrator's business."""
        if not self.active:
            return False
        return self.kind == AccountKind.TECHNICIAN or (
            self.kind == AccountKind.BUSINESS_USER and self.role == BusinessRole.ADMINISTRATOR
        )


NOBODY = Viewer()


def viewer_of(account: Account | None) -> Viewer:
    """Return the viewer that an account row is; a missing account is NOBODY."""
    if account is None:
        return NOBODY
    return Viewer(
        kind=AccountKind(account.kind),
        account_id=account.id,
        active=bool(account.active),
        role=account.role,
        technician_id=account.technician_id,
        business_id=account.business_id,
    )


def as_business(business_id: int | None = None) -> Viewer:
    """Return a hypothetical user of a business for a preview: by default of one that has nothing to do with anybody."""
    return Viewer(
        kind=AccountKind.BUSINESS_USER,
        active=True,
        role=BusinessRole.VIEWER,
        business_id=0 if business_id is None else business_id,
    )


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rule needs to know of a technician: the current affiliation and its keys; all None without one."""

    technician_id: int
    affiliation_id: int | None = None
    employer_id: int | None = None
    technician_keys: int = 0
    business_keys: int = 0
    technician_keys_version: int | None = None
    business_keys_version: int | None = None

    def keys(self, side: Side) -> int:
        """Return the stored keys of a side as bits."""
        return self.technician_keys if side is Side.TECHNICIAN else self.business_keys

    def is_open(self, side: Side, group: Group) -> bool:
        """Return whether a side has opened a group: its own key and the master, which stands above it."""
        needed = MASTER | group.bit
        return self.employer_id is not None and self.keys(side) & needed == needed

    def with_keys(self, side: Side, bits: int, open: bool) -> "Facts":
        """Return what the facts would be if a side opened or closed groups."""
        keys = self.keys(side) | bits if open else self.keys(side) & ~bits
        if side is Side.TECHNICIAN:
            return replace(self, technician_keys=keys)
        return replace(self, business_keys=keys)


class Missing(StrEnum):
    """What stands between a viewer and a group."""

    SIGN_IN = "sign_in"
    ACTIVE_ACCOUNT = "active_account"
    ROLE = "role"
    OWN_RECORD = "own_record"  # a technician sees nobody else
    AFFILIATION = "affiliation"
    TECHNICIAN_MASTER = "technician_master"
    TECHNICIAN_KEY = "technician_key"
    BUSINESS_MASTER = "business_master"
    BUSINESS_KEY = "business_key"


@dataclass(frozen=True, slots=True)
class Decision:
    """Whether a viewer sees a group, why in one sentence, and what is missing. Never shown to the viewer it refuses."""

    allowed: bool
    reason: str
    missing: tuple[Missing, ...] = ()
    relation: Relation = Relation.NOBODY


_ALLOWED = {
    Relation.SELF: N_("本人の情報なので閲覧できます。"),
    Relation.EMPLOYER: N_("現在の所属事業者なので閲覧できます。"),
    Relation.OPERATOR: N_("運営主体の担当者なので閲覧できます。閲覧は記録されます。"),
    Relation.OTHER_BUSINESS: N_("本人と所属事業者の両方が開示しているので閲覧できます。"),
}
_REFUSED = {
    Missing.SIGN_IN: N_("サインインしていないため閲覧できません。"),
    Missing.ACTIVE_ACCOUNT: N_("アカウントが無効のため閲覧できません。"),
    Missing.ROLE: N_("閲覧できる権限がないため閲覧できません。"),
    Missing.OWN_RECORD: N_("技能者は、自分の情報だけを閲覧できます。"),
    Missing.AFFILIATION: N_("現在の所属事業者がないため、他の事業者には開示されません。"),
}
_CLOSED = {
    (True, True): N_("本人と所属事業者のどちらも開示していないため閲覧できません。"),
    (True, False): N_("本人が開示していないため閲覧できません。"),
    (False, True): N_("所属事業者が開示していないため閲覧できません。"),
}

# What another business is told when it may not see somebody: the same whether the person exists or not.
NOT_FOUND = N_("該当する技能者は見つかりません。番号や氏名を確かめてください。開示していない技能者は表示されません。")


def relation(viewer: Viewer, facts: Facts) -> Relation:
    """Return as what a viewer looks at a technician; NOBODY for whoever may not look at anybody in this way."""
    if not viewer.active:
        return Relation.NOBODY
    if viewer.kind == AccountKind.OPERATOR and viewer.role in OPERATOR_ROLES:
        return Relation.OPERATOR
    if viewer.kind == AccountKind.TECHNICIAN and viewer.technician_id == facts.technician_id:
        return Relation.SELF
    if viewer.kind == AccountKind.BUSINESS_USER and viewer.role in BUSINESS_ROLES and viewer.business_id is not None:
        return Relation.EMPLOYER if viewer.business_id == facts.employer_id else Relation.OTHER_BUSINESS
    return Relation.NOBODY


def decide(viewer: Viewer, facts: Facts, group: Group) -> Decision:
    """Decide whether a viewer sees a group of a technician's record; whatever is not allowed here is refused."""
    as_what = relation(viewer, facts)
    if as_what in (Relation.SELF, Relation.EMPLOYER, Relation.OPERATOR):
        return Decision(True, _ALLOWED[as_what], (), as_what)
    if as_what is not Relation.OTHER_BUSINESS:
        return _refuse(_outsider(viewer), as_what)
    if facts.employer_id is None:
        return _refuse(Missing.AFFILIATION, as_what)
    missing = missing_keys(facts, group)
    if not missing:
        return Decision(True, _ALLOWED[as_what], (), as_what)
    technician = Missing.TECHNICIAN_MASTER in missing or Missing.TECHNICIAN_KEY in missing
    business = Missing.BUSINESS_MASTER in missing or Missing.BUSINESS_KEY in missing
    return Decision(False, _CLOSED[technician, business], missing, as_what)


def visible_groups(viewer: Viewer, facts: Facts) -> int:
    """Return the groups that a viewer sees, as bits."""
    return mask(group for group in Group if decide(viewer, facts, group).allowed)


def missing_keys(facts: Facts, group: Group) -> tuple[Missing, ...]:
    """Return the keys that keep a group from other businesses."""
    found = []
    for side, master, key in (
        (Side.TECHNICIAN, Missing.TECHNICIAN_MASTER, Missing.TECHNICIAN_KEY),
        (Side.BUSINESS, Missing.BUSINESS_MASTER, Missing.BUSINESS_KEY),
    ):
        if not facts.keys(side) & MASTER:
            found.append(master)
        if group is not Group.PERSON and not facts.keys(side) & group.bit:
            found.append(key)
    return tuple(found)


def _outsider(viewer: Viewer) -> Missing:
    if viewer.kind is None:
        return Missing.SIGN_IN
    if not viewer.active:
        return Missing.ACTIVE_ACCOUNT
    return Missing.OWN_RECORD if viewer.kind == AccountKind.TECHNICIAN else Missing.ROLE


def _refuse(missing: Missing, as_what: Relation) -> Decision:
    return Decision(False, _REFUSED[missing], (missing,), as_what)


_AFFILIATED = (
    "SELECT technician_id, id, business_id, technician_keys, business_keys, technician_keys_version,"
    " business_keys_version FROM affiliation WHERE current AND technician_id IN {marks}"
)
_KNOWN = "SELECT id FROM technician WHERE id IN {marks}"


def facts_of(technician_ids: Iterable[int]) -> dict[int, Facts]:
    """Return the facts of technicians by row id; ids that nobody has are left out.

    One query, and a second one for those without an affiliation, who may not exist at all.
    """
    wanted = set(technician_ids)
    found = {row[0]: Facts(*row) for row in _rows(_AFFILIATED, wanted)}
    for (technician_id,) in _rows(_KNOWN, wanted - found.keys()):
        found[technician_id] = Facts(technician_id)
    return found


def _rows(sql: str, ids: set[int]) -> list[tuple[Any, ...]]:
    return values_of(sql.format(marks=marks(len(ids))), *ids) if ids else []
