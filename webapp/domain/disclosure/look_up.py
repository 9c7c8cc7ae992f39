"""Looking up technicians of other businesses: by ID, name, kana or qualification, among what is disclosed alone."""

import datetime as dt
from dataclasses import dataclass
from typing import Protocol

from peewee import SQL, ColumnBase, Expression, TextField, Tuple, fn

from db.database import transaction
from db.ids import encode
from db.models import Affiliation, RecordItem, Technician
from db.models.base import Rows
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.domain.core.daily_limits import Allowance, LimitReached, take, used_today
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.disclosure.access_log import Look, ViewKind, looked
from webapp.domain.disclosure.policy import (
    BUSINESS_ROLES,
    Facts,
    Group,
    Relation,
    Viewer,
    decide,
    facts_of,
    groups_of,
    relation,
    visible_groups,
)
from webapp.domain.disclosure.record import Record, view_record
from webapp.domain.disclosure.sql import disclosed

PAGE = 20
# Above this many holders a qualification is tested person by person in kana order, below it the holders are listed.
_FEW = 2000
_LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is searched for; empty ones do not count, all others must hold. Names match from their beginning."""

    technician_id: str = ""
    name: str = ""
    kana: str = ""
    qualification: str = ""

    @property
    def asked(self) -> dict[str, str]:
        """The criteria that count, folded; one of blanks and hyphens alone would find everybody and is none."""
        fields = ("technician_id", "name", "kana", "qualification")
        folded = {field: fold_search_key(getattr(self, field)) for field in fields}
        return {field: text for field, text in folded.items() if text}

    @property
    def groups(self) -> tuple[Group, ...]:
        """The groups that must be open for somebody to be found."""
        return (Group.PERSON, Group.QUALIFICATIONS) if "qualification" in self.asked else (Group.PERSON,)

    @property
    def named(self) -> str:
        """Which criteria are used, without what was typed: for the log."""
        return ",".join(self.asked)


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """A row of what was found: 本人, and what else can be opened."""

    id: int
    name: str
    name_kana: str
    technician_id: str
    level: int | None
    groups: tuple[Group, ...]


class LookUpSettings(Protocol):
    """What the settings say of looking up."""

    @property
    def look_ups_per_user_day(self) -> int: ...
    @property
    def look_ups_per_business_day(self) -> int: ...


@dataclass(frozen=True, slots=True)
class LookUpLimits:
    """How many people a user, and all users of a business together, may look up in a day; from the settings."""

    per_user: int
    per_business: int

    @classmethod
    def of(cls, settings: LookUpSettings) -> "LookUpLimits":
        """Return the limits that the settings describe."""
        return cls(settings.look_ups_per_user_day, settings.look_ups_per_business_day)


@dataclass(frozen=True, slots=True)
class Allowances:
    """What is used and left today."""

    user: Allowance
    business: Allowance

    @property
    def left(self) -> int:
        return min(self.user.left, self.business.left)


@dataclass(frozen=True, slots=True)
class FoundPage:
    """Up to 20 people in kana order; `after` leads to the next page (an affiliation's id), None at the end."""

    rows: tuple[FoundPerson, ...]
    after: int | None
    allowances: Allowances


class NothingAsked(ValueError):
    """No criterion was given."""


class NoLookUp(PermissionError):
    """Only active users of a business look up others' technicians."""


def allowances(viewer: Viewer, limits: LookUpLimits, now: dt.datetime) -> Allowances:
    """Return what a user and the business may still look up today."""
    return Allowances(
        used_today(_user_key(viewer), limits.per_user, now),
        used_today(_business_key(viewer), limits.per_business, now),
    )


def search(
    viewer: Viewer, criteria: Criteria, limits: LookUpLimits, now: dt.datetime, after: int | None = None
) -> FoundPage:
    """Return whom a business finds among the disclosed people of others; each row is logged and counted before.

    A criterion on a group finds only people whose that group is open. A search that finds nobody counts as one, so that
    numbers cannot be tried out. NoLookUp for others than active users of a business, NothingAsked without a criterion,
    LimitReached (with an alarm for ops) when the day's limit is used up.
    """
    _check(viewer)
    if not criteria.named:
        raise NothingAsked
    try:
        with transaction():
            room = allowances(viewer, limits, now)
            if not room.left:
                raise _reached(viewer, room)
            wanted = min(PAGE, room.left)
            rows = list(_matches(viewer, criteria, after).limit(wanted + 1).tuples())
            page = rows[:wanted]
            looks, found = [], []
            for technician, name, kana, technician_id, level, *stored in page:
                facts = Facts(technician, *stored)
                bits = sum(group.bit for group in criteria.groups)
                looks.append(Look(facts, bits))
                groups = groups_of(visible_groups(viewer, facts))
                found.append(FoundPerson(technician, name, kana, technician_id, level, groups))
            looked(viewer, looks, ViewKind.SEARCH, now, criteria.named)
            room = _count(viewer, max(1, len(page)), limits, now)
            return FoundPage(tuple(found), page[-1][5] if len(rows) > wanted else None, room)
    except LimitReached as reached:
        _alarm(viewer, reached, now)
        raise


def open_record(viewer: Viewer, technician_id: int, limits: LookUpLimits, now: dt.datetime) -> Record | None:
    """Return the record (row id) as another business may see it, logged and counted; None for unknown and closed.

    NoLookUp and LimitReached as in `search`. For the technician, the employer and operators `record.view_record` is
    right: they have no limits.
    """
    _check(viewer)
    try:
        with transaction():
            room = allowances(viewer, limits, now)
            if not room.left:
                raise _reached(viewer, room)
            facts = facts_of([technician_id]).get(technician_id)
            if facts is not None and relation(viewer, facts) is Relation.EMPLOYER:
                return view_record(viewer, technician_id, now)
            _count(viewer, 1, limits, now)
            if facts is None or not decide(viewer, facts, Group.PERSON).allowed:
                return None
            return view_record(viewer, technician_id, now)
    except LimitReached as reached:
        _alarm(viewer, reached, now)
        raise


def _matches(viewer: Viewer, criteria: Criteria, after: int | None) -> "Rows[Affiliation]":
    query = (
        Affiliation.select(
            Technician.id,
            Technician.name,
            Technician.name_kana,
            Technician.technician_id,
            Technician.level,
            Affiliation.id,
            Affiliation.business,
            Affiliation.technician_keys,
            Affiliation.business_keys,
            Affiliation.technician_keys_version,
            Affiliation.business_keys_version,
        )
        .join(Technician)
        .where(disclosed(Group.PERSON) & (Affiliation.business != viewer.business_id))
        .order_by(Affiliation.sort_key, Affiliation.id)
    )
    asked = criteria.asked
    if technician_id := asked.get("technician_id"):
        query = query.where(Technician.technician_id == technician_id)
    if name := asked.get("name"):
        query = query.where(_begins(Technician.search_key, name))
    if kana := asked.get("kana"):
        query = query.where(_begins(Affiliation.sort_key, kana))
    if qualification := asked.get("qualification"):
        query = query.where(disclosed(Group.QUALIFICATIONS) & _holds(qualification))
    if after is not None:
        last = Affiliation.select(Affiliation.sort_key).where(Affiliation.id == after).scalar()
        query = query.where(Tuple(Affiliation.sort_key, Affiliation.id) > Tuple(last or _LAST, after))
    return query


def _begins(column: "TextField[str]", prefix: str) -> Expression:
    # A range, because LIKE does not use the index on either engine.
    return (column >= prefix) & (column < prefix + _LAST)


def _holds(value_key: str) -> ColumnBase:
    of_kind = RecordItem.kind.in_(["qualification", "training"]) & _begins(RecordItem.value_key, value_key)
    holders = RecordItem.select(RecordItem.technician).where(of_kind)
    few = holders.limit(_FEW + 1).alias("few")
    if RecordItem.select(fn.COUNT(SQL("*"))).from_(few).scalar() <= _FEW:
        return Affiliation.technician.in_(holders)
    same = RecordItem.select(SQL("1")).where(of_kind & (RecordItem.technician == Affiliation.technician))
    return fn.EXISTS(same)


def _check(viewer: Viewer) -> None:
    may = viewer.kind == AccountKind.BUSINESS_USER and viewer.active and viewer.role in BUSINESS_ROLES
    if not may or viewer.business_id is None or viewer.account_id is None:
        raise NoLookUp


def _known(row_id: int | None) -> int:
    if row_id is None:
        raise NoLookUp
    return row_id


def _user_key(viewer: Viewer) -> str:
    return f"look-up:user:{encode(_known(viewer.account_id))}"


def _business_key(viewer: Viewer) -> str:
    return f"look-up:business:{encode(_known(viewer.business_id))}"


def _count(viewer: Viewer, n: int, limits: LookUpLimits, now: dt.datetime) -> Allowances:
    return Allowances(
        take(_user_key(viewer), n, limits.per_user, now),
        take(_business_key(viewer), n, limits.per_business, now),
    )


def _reached(viewer: Viewer, room: Allowances) -> LimitReached:
    if not room.user.left:
        return LimitReached(_user_key(viewer), room.user)
    return LimitReached(_business_key(viewer), room.business)


def _alarm(viewer: Viewer, reached: LimitReached, now: dt.datetime) -> None:
    data = {"used": reached.allowance.used, "limit": reached.allowance.limit}
    open_alarm(AlarmKind.LOOK_UP_LIMIT, encode(_known(viewer.business_id)), now, data)
