"""Who looked at whom: written before the answer, in the same transaction, and read by those whom it concerns."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from peewee import JOIN, Field, TextField, fn

from db.database import database
from db.fields import from_microseconds, to_microseconds
from db.ids import new_ids
from db.models import AccessRow, Account, Affiliation, Business, Technician
from db.models.base import Rows
from db.rows import write_rows
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.audit.seals import STREAMS
from webapp.domain.disclosure.policy import Facts, Group, Relation, Viewer, groups_of, relation


class ViewKind(StrEnum):
    """In which form somebody was shown."""

    LIST = "list"  # a row of a list
    RECORD = "record"
    SEARCH = "search"  # a row of what a search found
    EXPORT = "export"


@dataclass(frozen=True, slots=True)
class Look:
    """A technician about to be shown: the facts the decision stood on, and the groups (bits) that will be seen."""

    facts: Facts
    groups: int


class NotLogged(RuntimeError):
    """The look could not be written down; nothing may be shown."""


Bound = dt.datetime | None  # of a span of time; None: no bound

# What is written is what is sealed: a column that only one of the two knew would stand unproved.
_COLUMNS = STREAMS["access_row"]


def looked(viewer: Viewer, looks: Iterable[Look], kind: ViewKind, now: dt.datetime, context: str = "") -> None:
    """Write down who is about to be shown to whom, in the running transaction, before anything is answered.

    `context` names the criteria of a search or an operator's reason ("name,qualification", "work_item"), never what was
    typed. A technician's look at the own record is not written. NotLogged outside a transaction, or for a viewer who is
    nobody or hypothetical; an error of the database goes through: in either case nothing may be shown.
    """
    if not database.in_transaction():
        raise NotLogged("a look is written in the transaction of its answer")
    looks = list(looks)
    stored = []
    for look, row_id in zip(looks, new_ids(len(looks)) if looks else (), strict=True):
        facts, as_what = look.facts, relation(viewer, look.facts)
        if as_what is Relation.SELF:
            continue
        if viewer.account_id is None or as_what is Relation.NOBODY:
            raise NotLogged("nobody looks without an account")
        stored.append(
            (
                row_id,
                to_microseconds(now),
                viewer.account_id,
                viewer.business_id,
                as_what.value,
                facts.technician_id,
                facts.affiliation_id,
                facts.employer_id,
                kind.value,
                look.groups,
                facts.technician_keys_version,
                facts.business_keys_version,
                context,
            )
        )
    write_rows("access_row", _COLUMNS, stored)


@dataclass(frozen=True, slots=True)
class Looked:
    """A line of a list of looks. `user` is empty for those to whom the user's name is not told."""

    id: int
    at: dt.datetime
    relation: Relation
    business: str  # empty: the operator of the service
    user: str
    technician: str  # empty where only one technician is concerned
    technician_id: int
    kind: ViewKind
    groups: tuple[Group, ...]
    technician_keys_version: int | None
    business_keys_version: int | None
    context: str


def of_technician(
    technician_id: int, since: Bound = None, until: Bound = None, *, limit: int = 50, before: int | None = None
) -> list[Looked]:
    """Return who looked at a technician, newest first: businesses by name, never users.

    `since` and `until` bound the moment (until excluded). `before` is the id of the last line of the page before.
    """
    query = _lines().where(AccessRow.technician_id == technician_id)
    return [_line(row) for row in _page(query, since, until, before, limit)]


def of_employer(
    viewer: Viewer, since: Bound = None, until: Bound = None, *, limit: int = 50, before: int | None = None
) -> list[Looked]:
    """Return who looked at the people of a business while they were and still are its own, newest first.

    Users are named only where they are the business's own. Nobody but the business's active users gets an answer.
    """
    if not _is_business(viewer):
        return []
    query = (
        _lines()
        .join(Affiliation, on=((Affiliation.id == AccessRow.affiliation_id) & Affiliation.current))
        .where(AccessRow.employer_id == viewer.business_id)
    )
    rows = _page(query, since, until, before, limit)
    return [_line(row, user=row[3] == viewer.business_id, technician=True) for row in rows]


def of_own_users(
    viewer: Viewer, since: Bound = None, until: Bound = None, *, limit: int = 50, before: int | None = None
) -> list[Looked]:
    """Return the looks of the viewer's own business at other businesses' people, with the users' names.

    Without the people's: what was disclosed once may be closed by now.
    """
    if not _is_business(viewer):
        return []
    query = _lines().where(
        (AccessRow.business_id == viewer.business_id) & (AccessRow.relation == Relation.OTHER_BUSINESS)
    )
    return [_line(row, user=True) for row in _page(query, since, until, before, limit)]


def for_operator(
    viewer: Viewer,
    technician_id: int,
    since: Bound = None,
    until: Bound = None,
    *,
    limit: int = 50,
    before: int | None = None,
) -> list[Looked]:
    """Return who looked at a technician with the users' names; nobody but an active operator gets an answer."""
    if not viewer.active or viewer.kind != AccountKind.OPERATOR:
        return []
    query = _lines().where(AccessRow.technician_id == technician_id)
    return [_line(row, user=True, technician=True) for row in _page(query, since, until, before, limit)]


@dataclass(frozen=True, slots=True)
class LookCount:
    """How often, when last, and which groups; by business or by technician."""

    id: int | None
    name: str  # empty: the operator of the service
    times: int
    last_at: dt.datetime
    groups: tuple[Group, ...]


def by_business(technician_id: int, bits: int, *, limit: int = 20) -> list[LookCount]:
    """Return which other businesses have looked at groups (bits) of a technician, latest first: said before closing."""
    query = AccessRow.select().where(
        (AccessRow.technician_id == technician_id)
        & (AccessRow.relation == Relation.OTHER_BUSINESS)
        & (AccessRow.groups.bin_and(bits) != 0)
    )
    return _counts(query, AccessRow.business_id, Business, Business.name, limit)


def counts_for_employer(
    viewer: Viewer, since: dt.datetime, until: dt.datetime, *, by: str, limit: int = 50
) -> list[LookCount]:
    """Return the looks of others at a business's current people, counted `by` "business" or "technician"."""
    if not _is_business(viewer):
        return []
    query = (
        AccessRow.select()
        .join(Affiliation, on=((Affiliation.id == AccessRow.affiliation_id) & Affiliation.current))
        .where(
            (AccessRow.employer_id == viewer.business_id)
            & (AccessRow.relation != Relation.EMPLOYER)
            & (AccessRow.at >= since)
            & (AccessRow.at < until)
        )
    )
    if by == "business":
        return _counts(query, AccessRow.business_id, Business, Business.name, limit)
    return _counts(query, AccessRow.technician_id, Technician, Technician.name, limit)


def _counts(
    query: "Rows[AccessRow]",
    column: Field,
    model: type[Business] | type[Technician],
    name: "TextField[str]",
    limit: int,
) -> list[LookCount]:
    times, last_at = fn.COUNT(AccessRow.id), fn.MAX(AccessRow.at)
    # Neither engine has an aggregate that both understand for "or": a maximum for each bit.
    bits = [fn.MAX(AccessRow.groups.bin_and(group.bit)) for group in Group]
    rows = list(
        query.select(column, times, last_at, *bits)
        .group_by(column)
        .order_by(last_at.desc(), column)
        .limit(limit)
        .tuples()
    )
    names: dict[int, str] = (
        dict(model.select(model.id, name).where(model.id.in_([row[0] for row in rows])).tuples()) if rows else {}
    )
    return [
        LookCount(
            id=row[0],
            name=names.get(row[0], ""),
            times=row[1],
            last_at=row[2] if isinstance(row[2], dt.datetime) else from_microseconds(row[2]),
            groups=groups_of(sum(row[3:])),
        )
        for row in rows
    ]


def _is_business(viewer: Viewer) -> bool:
    return viewer.active and viewer.kind == AccountKind.BUSINESS_USER and viewer.business_id is not None


def _lines() -> "Rows[AccessRow]":
    return AccessRow.select(
        AccessRow.id,
        AccessRow.at,
        AccessRow.relation,
        AccessRow.business_id,
        AccessRow.account_id,
        AccessRow.technician_id,
        AccessRow.kind,
        AccessRow.groups,
        AccessRow.technician_keys_version,
        AccessRow.business_keys_version,
        AccessRow.context,
        Business.name,
        Account.display_name,
        Technician.name,
    ).join(Business, JOIN.LEFT_OUTER, on=(Business.id == AccessRow.business_id)).join(
        Account, JOIN.LEFT_OUTER, on=(Account.id == AccessRow.account_id)
    ).join(Technician, JOIN.LEFT_OUTER, on=(Technician.id == AccessRow.technician_id))  # fmt: skip


def _page(
    query: "Rows[AccessRow]", since: Bound, until: Bound, before: int | None, limit: int
) -> Iterable[tuple[Any, ...]]:
    if since is not None:
        query = query.where(AccessRow.at >= since)
    if until is not None:
        query = query.where(AccessRow.at < until)
    if before is not None:
        last = AccessRow.get_or_none(AccessRow.id == before)
        if last is None:
            return []
        query = query.where((AccessRow.at < last.at) | ((AccessRow.at == last.at) & (AccessRow.id < last.id)))
    return query.order_by(AccessRow.at.desc(), AccessRow.id.desc()).limit(limit).tuples()


def _line(row: tuple[Any, ...], *, user: bool = False, technician: bool = False) -> Looked:
    row_id, at, as_what, business_id, _, technician_id, kind, bits, technician_v, business_v, context, *names = row
    business, display_name, person = names
    return Looked(
        id=row_id,
        at=at,
        relation=Relation(as_what),
        business=(business or "") if business_id else "",
        user=(display_name or "") if user else "",
        technician=(person or "") if technician else "",
        technician_id=technician_id,
        kind=ViewKind(kind),
        groups=groups_of(bits),
        technician_keys_version=technician_v,
        business_keys_version=business_v,
        context=context,
    )
