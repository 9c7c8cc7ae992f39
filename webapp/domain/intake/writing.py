"""The rows that a batch adds to the tables: collected while it is decided, written at its end table by table.

The columns and meanings are those of the single writers (`messages.new_message`, `fallback.queue`, `events.record`,
`work_items.open_item`, `log.audit`); a test holds both to the same.
"""

import datetime as dt
import secrets
from collections import Counter
from collections.abc import Iterator
from functools import lru_cache
from hashlib import sha256

from db.fields import dump_json, to_microseconds
from db.ids import new_ids
from db.rows import change_many, write_rows
from webapp.domain.core import counters
from webapp.domain.core.counters import Figure
from webapp.domain.core.events import EventName
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.core.work_items import WorkItemKind, WorkItemState
from webapp.domain.email_addresses.versions import GivenBy, OwnerKind, value_key
from webapp.domain.intake.known import PERSON_COLUMNS, Email, KnownPerson
from webapp.domain.notices import address_changes
from webapp.domain.notices.address_changes import AddressChange

TABLES = {
    "technician": (
        *("id", "technician_id", *PERSON_COLUMNS),
        *("search_key", "kana_key", "version", "created_at", "updated_at"),
    ),
    "record_item": ("id", "technician_id", "kind", "position", "value", "value_key"),
    "record_version": ("id", "subject_kind", "subject_id", "version", "replaced_at", "cause", "content"),
    "business": (
        *("id", "business_id", "name", "name_kana", "postal_code", "address", "telephone"),
        *("search_key", "kana_key", "version", "created_at", "updated_at"),
    ),
    "email_address": (
        *("id", "owner_kind", "owner_id", "value", "value_key", "version", "state", "given_by"),
        *("valid_from", "valid_to", "judged_at", "reason"),
    ),
    "affiliation": (
        *("id", "technician_id", "business_id", "current", "started_at", "technician_keys", "technician_keys_version"),
        *("business_keys", "business_keys_version", "sort_key"),
    ),
    "registration": (
        *("id", "application_number", "technician_id", "affiliated_business_id", "proxy_business_id", "completed_at"),
        *("created_at", "language", "first", "delivery_postal_code", "delivery_address", "delivery_name", "content"),
        *("content_digest", "import_run_id", "import_line", "api_key_id"),
    ),
    "message": (
        *("id", "kind", "role", "registration_id", "technician_id", "business_id", "address_id", "language"),
        *("destination", "state", "attempts", "queued_at", "due_at", "fence"),
    ),
    "postcard": (
        *("id", "registration_id", "technician_id", "n", "state", "cause", "hold_reason", "queued_at", "changed_at"),
        "version",
    ),
    "card": ("id", "registration_id", "technician_id", "state", "ordered_at", "changed_at", "version"),
    "work_item": ("id", "kind", "subject_kind", "subject_id", "reason", "state", "opened_at"),
    "audit_row": ("id", "at", "action", "account_id", "subject_kind", "subject_id", "detail_digest"),
    "audit_detail": ("id", "audit_id", "salt", "content"),
    "event": (
        *("id", "at", "name", "registration_id", "technician_id", "business_id", "subject_id", "account_id"),
        "data",
    ),
}


class Batch:
    """Rows to write, by table; `flush` writes them in the running transaction."""

    def __init__(self, now: dt.datetime, account_id: int | None = None) -> None:
        self.now = now
        self.at = to_microseconds(now)
        self.today = counters.day_of(now)
        self.account_id = account_id
        self.rows: dict[str, list[tuple]] = {table: [] for table in TABLES}
        self.counts: Counter = Counter()
        self.people: dict[int, KnownPerson] = {}  # touched: their final state is written
        self.items: dict[tuple[int, str], tuple[bool, tuple[str, ...]]] = {}
        self.emails: dict[int, tuple[OwnerKind, int, Email]] = {}
        self.changes: list[AddressChange] = []  # of known people, who are told
        self._ids = _ids()
        self._events = self.rows["event"]

    def new_id(self) -> int:
        """Return the next id: rows of a batch are ordered as they were decided."""
        return next(self._ids)

    def add(self, table: str, *values: object) -> int:
        """Add a row of stored values in the order of `TABLES`, without its id; return the id."""
        number = next(self._ids)
        self.rows[table].append((number, *values))
        return number

    def count(self, figure: Figure, a: str, b: str = "", day: dt.date | None = None) -> None:
        """Count one more, today or on another day."""
        self.counts[figure, day or self.today, a, b] += 1

    def event(
        self,
        name: str,
        data: str | None,
        registration: int | None = None,
        technician: int | None = None,
        business: int | None = None,
        subject: int | None = None,
    ) -> None:
        """Add an event; `name` is the plain value of its name, `data` JSON text as `dump_json` spells it."""
        self._events.append(
            (next(self._ids), self.at, name, registration, technician, business, subject, self.account_id, data)
        )

    def audit(self, action: EventName, subject_kind: str, subject: int, detail: dict) -> None:
        """Add an audit row; `detail` may hold personal data and stands beside it under a salted digest."""
        salt, content = secrets.token_hex(16), dump_json(detail)
        digest = sha256((salt + content).encode()).hexdigest()
        number = self.add("audit_row", self.at, action, self.account_id, subject_kind, subject, digest)
        self.add("audit_detail", number, salt, content)

    def open_item(self, kind: WorkItemKind, subject_kind: str, subject: int, reason: str) -> None:
        """Open a work item that is not open yet."""
        number = self.add("work_item", kind, subject_kind, subject, reason, WorkItemState.OPEN, self.at)
        data = dump_json({"kind": kind, "reason": reason})
        self.event(EventName.WORK_ITEM_RULE_OPENED.value, data, subject=number, **{subject_kind: subject})

    def version(self, subject_kind: str, subject: int, version: int, cause: str, content: dict) -> None:
        """Keep what a record was before it changes."""
        self.add("record_version", subject_kind, subject, version, self.at, cause, dump_json(content))

    def give_email(self, kind: OwnerKind, owner: int, before: Email | None, value: str, state: str) -> Email:
        """Begin a version of an address and end the one before."""
        if before is not None:
            before.valid_to = self.at
            self.emails[before.id] = (kind, owner, before)
        version = before.version + 1 if before else 1
        email = Email(self.new_id(), value, version, state, stored=False)
        self.emails[email.id] = (kind, owner, email)
        return email

    def flush(self) -> None:
        """Write everything; the order is that of the references between the tables."""
        self._write_people()
        self._write_emails()
        for table in (
            *("business", "record_version", "affiliation", "registration", "message", "postcard", "card"),
            *("work_item", "audit_row", "audit_detail", "event"),
        ):
            write_rows(table, TABLES[table], self.rows[table])
        counters.add({counters.key(*key): n for key, n in self.counts.items()})
        address_changes.tell(self.changes, self.now)

    def _write_people(self) -> None:
        changed = []
        for person in self.people.values():
            data = person.data
            keys = (fold_search_key(data["name"]), person.kana_key, person.version)
            values = (*data.values(), *keys)
            if person.stored:
                changed.append((*values, self.at, person.id))
            else:
                row = (person.id, person.technician_id, *values, self.at, self.at)
                self.rows["technician"].append(row)
        write_rows("technician", TABLES["technician"], self.rows["technician"])
        columns = (*PERSON_COLUMNS, "search_key", "kana_key", "version", "updated_at")
        update_rows("technician", columns, changed)
        gone = [key for key, (stored, _) in self.items.items() if stored]
        if gone:
            change_many("DELETE FROM record_item WHERE technician_id = ? AND kind = ?", gone)
        items = self.rows["record_item"]
        for (person_id, kind), (_, values) in self.items.items():
            for position, value in enumerate(values):
                items.append((self.new_id(), person_id, str(kind), position, value, _item_key(value)))
        write_rows("record_item", TABLES["record_item"], items)

    def _write_emails(self) -> None:
        ended, rows = [], self.rows["email_address"]
        for kind, owner, e in self.emails.values():
            if e.stored:
                ended.append((e.valid_to, e.id))
            else:
                key = value_key(e.value)
                given = (kind.value, owner, e.value, key, e.version, str(e.state), _APPLICATION)
                rows.append((e.id, *given, self.at, e.valid_to, e.judged_at, e.reason))
        update_rows("email_address", ("valid_to",), ended)
        write_rows("email_address", TABLES["email_address"], rows)


# The engines take a plain string as it is and look for an adapter for every enum: a third of the time of an insert.
_APPLICATION = GivenBy.APPLICATION.value

# Trades and qualifications are few: the same words come with every row.
_item_key = lru_cache(4096)(fold_search_key)


@lru_cache(64)
def version_data(version: int) -> str:
    """Return the data of an event about a version of an address."""
    return dump_json({"version": version})


def update_rows(table: str, columns: tuple[str, ...], rows: list[tuple]) -> None:
    """Update rows by id with one prepared statement; each row holds the columns' values, then the id."""
    sets = ", ".join(f"{column} = ?" for column in columns)
    change_many(f"UPDATE {table} SET {sets} WHERE id = ?", rows)


def _ids() -> Iterator[int]:
    while True:
        yield from new_ids(256)
