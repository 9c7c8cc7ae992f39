"""The record page (技能者情報): a value that holds what its viewer may see and nothing else."""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass, replace

from db.database import transaction
from db.models import Affiliation, Business, RecordItem, Technician
from webapp.domain.disclosure.access_log import Look, ViewKind, looked
from webapp.domain.disclosure.policy import (
    Facts,
    Group,
    Relation,
    Viewer,
    facts_of,
    groups_of,
    relation,
    visible_groups,
)
from webapp.domain.disclosure.states import Chip, KeyStatus, chip, standings
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind


@dataclass(frozen=True, slots=True)
class Person:
    """本人: name, ID, level of the card."""

    name: str
    name_kana: str
    technician_id: str
    level: int | None


@dataclass(frozen=True, slots=True)
class Trades:
    """職種・経験."""

    trades: tuple[str, ...]
    days_worked: int | None


@dataclass(frozen=True, slots=True)
class Qualifications:
    """資格・研修."""

    qualifications: tuple[str, ...]
    trainings: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class WorkHistory:
    """就業履歴."""

    entries: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Insurance:
    """社会保険・建退共."""

    social_insurance: str
    retirement_scheme: str


@dataclass(frozen=True, slots=True)
class Contact:
    """What no other business sees: birth date, address, telephone, e-mail."""

    birth_date: dt.date
    postal_code: str
    address: str
    telephone: str
    email: str
    language: str


@dataclass(frozen=True, slots=True)
class Employer:
    """A business with which the technician is or was."""

    affiliation_id: int
    business: str
    started_at: dt.datetime
    ended_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Record:
    """A technician's record for one viewer; a part that the viewer may not see is None or empty."""

    id: int
    relation: Relation
    groups: tuple[Group, ...]
    person: Person
    trades: Trades | None = None
    qualifications: Qualifications | None = None
    work_history: WorkHistory | None = None
    insurance: Insurance | None = None
    contact: Contact | None = None
    employer: Employer | None = None
    past_employers: tuple[Employer, ...] = ()  # the technician's and the operators' only
    standings: tuple[KeyStatus, ...] = ()  # both keys: not for other businesses
    chip: Chip | None = None
    technician_keys_version: int | None = None
    business_keys_version: int | None = None


def record_for(viewer: Viewer, technician_id: int) -> Record | None:
    """Return the record of a technician (row id) as a viewer may see it; None for unknown and not visible alike.

    Writes nothing: a page that shows it calls `view_record`. A preview gives a hypothetical viewer.
    """
    facts = facts_of([technician_id]).get(technician_id)
    return None if facts is None else _compose(viewer, facts)


def view_record(
    viewer: Viewer, technician_id: int, now: dt.datetime, context: str = "", kind: ViewKind = ViewKind.RECORD
) -> Record | None:
    """Return the record as `record_for` and write the look down before, in one transaction; None logs nothing."""
    with transaction():
        facts = facts_of([technician_id]).get(technician_id)
        if facts is None or not (bits := visible_groups(viewer, facts)):
            return None
        looked(viewer, [Look(facts, bits)], kind, now, context)
        return _compose(viewer, facts)


def _compose(viewer: Viewer, facts: Facts) -> Record | None:
    groups = groups_of(visible_groups(viewer, facts))
    if Group.PERSON not in groups:
        return None
    row = Technician.get_by_id(facts.technician_id)
    items = _items(row.id)
    record = Record(
        id=row.id,
        relation=relation(viewer, facts),
        groups=groups,
        person=Person(row.name, row.name_kana, row.technician_id, row.level),
        trades=Trades(items("occupation"), row.days_worked) if Group.TRADES in groups else None,
        qualifications=(
            Qualifications(items("qualification"), items("training")) if Group.QUALIFICATIONS in groups else None
        ),
        work_history=WorkHistory(items("work_history")) if Group.WORK_HISTORY in groups else None,
        insurance=Insurance(row.social_insurance, row.retirement_scheme) if Group.INSURANCE in groups else None,
    )
    return record if record.relation is Relation.OTHER_BUSINESS else _with_all(record, row, facts)


def _with_all(record: Record, row: Technician, facts: Facts) -> Record:
    """Return the record with what no key opens to another business."""
    email = versions.current(OwnerKind.TECHNICIAN, row.id)
    employers = [
        Employer(affiliation.id, affiliation.business.name, affiliation.started_at, affiliation.ended_at)
        for affiliation in Affiliation.select(Affiliation, Business)
        .join(Business)
        .where(Affiliation.technician == row.id)
        .order_by(Affiliation.started_at.desc(), Affiliation.id.desc())
    ]
    past = tuple(employer for employer in employers if employer.affiliation_id != facts.affiliation_id)
    return replace(
        record,
        contact=Contact(
            row.birth_date, row.postal_code, row.address, row.telephone, email.value if email else "", row.language
        ),
        employer=next((employer for employer in employers if employer.affiliation_id == facts.affiliation_id), None),
        past_employers=() if record.relation is Relation.EMPLOYER else past,
        standings=standings(facts),
        chip=chip(facts),
        technician_keys_version=facts.technician_keys_version,
        business_keys_version=facts.business_keys_version,
    )


def _items(technician_id: int) -> Callable[[str], tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    rows = (
        RecordItem.select(RecordItem.kind, RecordItem.value)
        .where(RecordItem.technician == technician_id)
        .order_by(RecordItem.kind, RecordItem.position)
        .tuples()
    )
    for kind, value in rows:
        found.setdefault(kind, []).append(value)
    return lambda kind: tuple(found.get(kind, ()))
