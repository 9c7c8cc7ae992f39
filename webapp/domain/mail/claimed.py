"""A message in the hands of a worker, and how it is read: by the names of columns, not by their places."""

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from webapp.domain.notices.messages import MessageKind, MessageState, Role


@dataclass(slots=True)
class Claimed:
    """A message that this worker holds until `lease_until`, with all that composing it needs."""

    id: int
    kind: MessageKind
    role: Role
    state: MessageState
    fence: int
    attempts: int
    registration_id: int | None
    technician_id: int | None
    business_id: int | None
    address_id: int | None
    language: str
    content: Mapping[str, str]
    destination: str
    failure_class: str | None
    reason: str | None
    first_attempt_at: int | None
    cohort_day: dt.date | None
    first_sent_at: int | None
    completed_at: int | None  # of its registration
    lease_until: dt.datetime
    attempt_id: int = 0
    attempt_started_at: int = 0
    tries: int = 0
    message_ref: str = ""
    recipient: str = ""
    recipient_name: str = ""
    values: dict[str, str] = field(default_factory=dict)


class DueRow(NamedTuple):
    """A due message with its address and its people, as `READ` reads it: names in the order of its columns."""

    id: int
    kind: str
    role: str
    state: str
    fence: int
    attempts: int
    registration_id: int | None
    technician_id: int | None
    business_id: int | None
    address_id: int | None
    language: str
    content: str | None
    destination: str
    failure_class: str | None
    reason: str | None
    first_attempt_at: int | None
    cohort_day: str | None
    first_sent_at: int | None
    completed_at: int | None
    address: str | None
    address_state: str | None
    address_reason: str | None
    technician_name: str | None
    technician_number: str | None
    application_number: str | None
    business_name: str | None


# Where what does not stand on the message itself comes from.
_JOINED = {
    "completed_at": "r.completed_at",
    "address": "e.value",
    "address_state": "e.state",
    "address_reason": "e.reason",
    "technician_name": "t.name",
    "technician_number": "t.technician_id",
    "application_number": "r.application_number",
    "business_name": "b.name",
}
# Hot path: plain SQL, since building a query and converting its rows costs more than the database takes.
READ = f"""
SELECT {", ".join(_JOINED.get(name, f"m.{name}") for name in DueRow._fields)}
FROM message m LEFT JOIN email_address e ON e.id = m.address_id LEFT JOIN technician t ON t.id = m.technician_id
 LEFT JOIN registration r ON r.id = m.registration_id LEFT JOIN business b ON b.id = m.business_id
WHERE m.id IN """


def claimed_of(row: DueRow, now: dt.datetime) -> Claimed:
    """Return the message of a row as it is before it is claimed, held until `now`."""
    content = json.loads(row.content) if row.content else {}
    given = {
        "name": row.technician_name,
        "technician_id": row.technician_number,
        "application_number": row.application_number,
        "business_name": row.business_name,
    }
    values = {key: value for key, value in given.items() if value is not None}
    values.update({key: value for key, value in content.items() if isinstance(value, str)})
    to_business = row.role in (Role.BUSINESS, Role.PROXY)
    return Claimed(
        id=row.id,
        kind=MessageKind(row.kind),
        role=Role(row.role),
        state=MessageState(row.state),
        fence=row.fence,
        attempts=row.attempts,
        registration_id=row.registration_id,
        technician_id=row.technician_id,
        business_id=row.business_id,
        address_id=row.address_id,
        language=row.language,
        content=content,
        destination=row.destination,
        failure_class=row.failure_class,
        reason=row.reason,
        first_attempt_at=row.first_attempt_at,
        cohort_day=dt.date.fromisoformat(row.cohort_day) if row.cohort_day else None,
        first_sent_at=row.first_sent_at,
        completed_at=row.completed_at,
        lease_until=now,
        recipient=row.address or "",
        recipient_name=values.get("business_name" if to_business else "name", ""),
        values=values,
    )
