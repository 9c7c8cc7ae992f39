"""What the database knows of the rows of a batch, fetched with a handful of queries.

The values change while the batch is decided, so that a row is decided as if those before it had been written.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from db.rows import marks, values_of
from webapp.domain.core.work_items import WorkItemKind, WorkItemState
from webapp.domain.email_addresses.versions import AddressState, OwnerKind, value_key
from webapp.domain.intake.rows import RegistrationRow

# A technician's columns that an application brings, in the order of the table.
PERSON_COLUMNS = (
    "name",
    "name_kana",
    "birth_date",
    "postal_code",
    "address",
    "telephone",
    "language",
    "days_worked",
    "social_insurance",
    "retirement_scheme",
    "level",
)


class ItemKind(StrEnum):
    """What a technician may have several of."""

    OCCUPATION = "occupation"  # 職種
    QUALIFICATION = "qualification"  # 資格


@dataclass(slots=True)
class Email:
    """A version of an e-mail address as it will stand after the batch; moments are stored numbers."""

    id: int
    value: str
    version: int
    state: str
    reason: str | None = None
    judged_at: int | None = None
    valid_to: int | None = None
    stored: bool = True

    @property
    def dead(self) -> bool:
        return self.state == AddressState.INVALID


@dataclass(slots=True)
class KnownPerson:
    """A technician as he or she will stand after the rows so far; `business` is the current employer's id."""

    id: int
    technician_id: str
    version: int
    data: dict[str, object]
    kana_key: str
    items: dict[str, tuple[str, ...]] = field(default_factory=dict)
    business: int | None = None
    email: Email | None = None
    # Values of own addresses that are known to be dead: value key → (reason, when judged).
    dead_values: dict[str, tuple[str | None, int | None]] = field(default_factory=dict)
    stored: bool = True


@dataclass(slots=True)
class KnownEmployer:
    """A business to which rows refer."""

    id: int
    business_id: str
    email: Email | None


@dataclass(slots=True)
class KnownApplication:
    """A registration that is in: `content` is what its row said, as stored or as the row of this batch."""

    id: int
    technician_id: str
    digest: str
    content: dict[str, object] | RegistrationRow


def fetch(sql: str, values: Iterable, *more: object) -> list[tuple[Any, ...]]:
    """Return the rows of a select in which `{in}` stands for the values; none without values."""
    values = list(values)
    if not values:
        return []
    return values_of(sql.replace("({in})", marks(len(values))), *values, *more)


class Known:
    """What is known while rows are decided; `load` adds what the next batch needs and keeps what it has."""

    def __init__(self) -> None:
        self.applications: dict[str, KnownApplication] = {}
        self.people: dict[str, KnownPerson] = {}
        self.employers: dict[str, KnownEmployer] = {}
        # Value keys that are dead for somebody: who holds one now → reason.
        self.dead_elsewhere: dict[str, dict[int, str | None]] = {}
        self.looked_at: set[str] = set()  # value keys for which a person looks before postcards are made
        self.open_items: set[tuple[str, int]] = set()  # (kind, business) of work items that are open

    def load(self, rows: Sequence[RegistrationRow]) -> None:
        """Fetch what these rows refer to."""
        self._load_applications({row.application_number for row in rows} - self.applications.keys())
        ids = {row.technician_id for row in rows if row.technician_id} - self.people.keys()
        self._load_people(ids)
        named = {row.affiliated_business_id for row in rows} | {row.proxy_business_id for row in rows}
        self._load_employers({name for name in named if name} - self.employers.keys())
        self._load_dead_values({value_key(row.email) for row in rows if row.email} - self.dead_elsewhere.keys())

    def _load_applications(self, numbers: set[str]) -> None:
        found = fetch(
            "SELECT r.application_number, r.id, t.technician_id, r.content_digest, r.content"
            " FROM registration r JOIN technician t ON t.id = r.technician_id WHERE r.application_number IN ({in})",
            numbers,
        )
        for number, registration_id, technician_id, digest, content in found:
            self.applications[number] = KnownApplication(registration_id, technician_id, digest, json.loads(content))

    def _load_people(self, technician_ids: set[str]) -> None:
        columns = ", ".join(PERSON_COLUMNS)
        found = fetch(
            f"SELECT id, technician_id, version, kana_key, {columns} FROM technician WHERE technician_id IN ({{in}})",
            technician_ids,
        )
        people = {}
        for number, technician_id, version, kana_key, *data in found:
            values = dict(zip(PERSON_COLUMNS, data, strict=True))
            people[number] = self.people[technician_id] = KnownPerson(number, technician_id, version, values, kana_key)
        for number, kind, value in fetch(
            "SELECT technician_id, kind, value FROM record_item WHERE technician_id IN ({in})"
            " ORDER BY technician_id, kind, position",
            people,
        ):
            people[number].items[kind] = (*people[number].items.get(kind, ()), value)
        for number, business in fetch(
            "SELECT technician_id, business_id FROM affiliation WHERE technician_id IN ({in}) AND current", people
        ):
            people[number].business = business
        for owner, valid_to, email in emails_of(OwnerKind.TECHNICIAN, people):
            person, key = people[owner], value_key(email.value)
            if email.dead:
                person.dead_values[key] = (email.reason, email.judged_at)
            else:
                person.dead_values.pop(key, None)
            if valid_to is None:
                person.email = email
        keys = [key for person in people.values() for key in person.dead_values]
        self.looked_at.update(
            key
            for (key,) in fetch(
                "SELECT e.value_key FROM email_address e JOIN work_item w ON w.subject_id = e.id"
                f" WHERE e.value_key IN ({{in}}) AND w.kind = '{WorkItemKind.SAME_ADDRESS}'"
                f" AND w.state = '{WorkItemState.OPEN}'",
                keys,
            )
        )

    def _load_employers(self, business_ids: set[str]) -> None:
        employers = {}
        for number, business_id in fetch(
            "SELECT id, business_id FROM business WHERE business_id IN ({in})", business_ids
        ):
            employers[number] = self.employers[business_id] = KnownEmployer(number, business_id, None)
        for owner, valid_to, email in emails_of(OwnerKind.BUSINESS, employers):
            if valid_to is None:
                employers[owner].email = email
        without = [e.id for e in employers.values() if e.email is None or e.email.dead]
        self.open_items.update(
            (kind, subject)
            for kind, subject in fetch(
                "SELECT kind, subject_id FROM work_item WHERE subject_id IN ({in}) AND subject_kind = 'business'"
                f" AND kind = '{WorkItemKind.BUSINESS_ADDRESS}' AND state = '{WorkItemState.OPEN}'",
                without,
            )
        )

    def _load_dead_values(self, keys: set[str]) -> None:
        for key, owner, reason in fetch(
            "SELECT value_key, owner_id, reason FROM email_address WHERE value_key IN ({in})"
            f" AND state = '{AddressState.INVALID}' AND valid_to IS NULL",
            keys,
        ):
            self.dead_elsewhere.setdefault(key, {})[owner] = reason


def emails_of(kind: OwnerKind, owners: Iterable[int]) -> Iterable[tuple[int, int | None, Email]]:
    """Yield (owner, end of validity, version) of all versions, oldest first."""
    for owner, number, value, version, state, reason, judged_at, valid_to in fetch(
        "SELECT owner_id, id, value, version, state, reason, judged_at, valid_to FROM email_address"
        f" WHERE owner_kind = '{kind}' AND owner_id IN ({{in}}) ORDER BY owner_id, version",
        owners,
    ):
        yield owner, valid_to, Email(number, value, version, state, reason, judged_at, valid_to)
