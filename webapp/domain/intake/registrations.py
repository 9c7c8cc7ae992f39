"""A completed application → technician, affiliation, notices, card order: a batch of them in one transaction.

The rules are those of docs/import.md; the notices and the postcard are those of the CCUS internet application guide for
technicians, section 7.
"""

import datetime as dt
import secrets
from collections.abc import Sequence

from db.fields import dump_json, to_microseconds
from webapp.domain.core import counters
from webapp.domain.core.counters import Figure
from webapp.domain.core.events import EventName
from webapp.domain.core.progress import Reached
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.core.work_items import WorkItemKind
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind, value_key
from webapp.domain.intake.decisions import RowDecision, content_of, decide
from webapp.domain.intake.known import (
    PERSON_COLUMNS,
    Email,
    ItemKind,
    Known,
    KnownApplication,
    KnownEmployer,
    KnownPerson,
    fetch,
)
from webapp.domain.intake.outcomes import RowOrigin, RowOutcome, RowResult
from webapp.domain.intake.rows import RegistrationRow
from webapp.domain.intake.writing import Batch, version_data
from webapp.domain.notices import address_changes
from webapp.domain.notices.address_changes import AddressChange
from webapp.domain.notices.messages import MessageKind, MessageState, Role
from webapp.domain.postcard.fallback import NO_EMAIL, HoldReason, PostcardState

MOST_ROWS = 1000
CARD_ORDERED = "ordered"
BUSINESS_LANGUAGE = "ja"

# Stored as plain strings, which the engines bind faster than enums.
_ID_NOTICE, _QUEUED = MessageKind.ID_NOTICE.value, MessageState.QUEUED.value
_COMPLETED = EventName.REGISTRATION_IMPORT_COMPLETED.value
_CHANGED = EventName.TECHNICIAN_IMPORT_CHANGED.value
_GIVEN = EventName.ADDRESS_IMPORT_GIVEN.value
_BEGAN = EventName.AFFILIATION_IMPORT_BEGAN.value
_ORDERED = EventName.CARD_IMPORT_ORDERED.value
_NOTICE_QUEUED = EventName.NOTICE_EMAIL_QUEUED.value
_POSTCARD_QUEUED = EventName.POSTCARD_FALLBACK_QUEUED.value
_POSTCARD_HELD = EventName.POSTCARD_FALLBACK_HELD.value
_ROLES = {role: role.value for role in Role}
_QUEUED_DATA = {role: dump_json({"kind": MessageKind.ID_NOTICE, "role": role}) for role in Role}
_COMPLETED_DATA = {first: dump_json({"first": first}) for first in (True, False)}


_Ids = tuple[int, int]  # of the registration and the technician, as events name them


class _Issuer:
    """Technician IDs of 14 digits: random, so that nobody can count or guess them, and not yet anybody's."""

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken
        self._ready: list[str] = []

    def issue(self) -> str:
        while not self._ready:
            # No leading zero: spreadsheets take it away.
            drawn = {str(secrets.randbelow(9 * 10**13) + 10**13) for _ in range(256)} - self._taken
            used = fetch("SELECT technician_id FROM technician WHERE technician_id IN ({in})", drawn)
            self._ready = list(drawn.difference(row[0] for row in used))
            self._taken.update(self._ready)
        return self._ready.pop()


def register(
    rows: Sequence[RegistrationRow],
    now: dt.datetime,
    origin: RowOrigin = RowOrigin(),  # noqa: B008 - a frozen value
    known: Known | None = None,
    *,
    check: bool = False,
) -> list[RowResult]:
    """Decide and write a batch of at most 1,000 rows in the running transaction; a result per row, in order.

    A row is decided as if those before it had been written one by one. With `check` nothing is written; pass the same
    `known` for every batch of a file, so that later batches see what earlier ones would have written. ValueError for
    more rows.
    """
    if len(rows) > MOST_ROWS:
        raise ValueError(f"a batch has at most {MOST_ROWS} rows")
    known = Known() if known is None else known
    known.load(rows)
    batch = Batch(now, origin.account_id)
    issuer = _Issuer({row.technician_id for row in rows if row.technician_id} | known.people.keys())
    results = []
    for row in rows:
        decision = decide(row, known)
        if decision.outcome in (RowOutcome.REJECTED, RowOutcome.UNCHANGED):
            application = decision.application
            results.append(
                RowResult(
                    row.line,
                    row.application_number,
                    decision.outcome,
                    decision.problems,
                    application.id if application else None,
                    application.technician_id if application else None,
                )
            )
            continue
        results.append(_complete(row, decision, known, batch, issuer, origin))
    if not check:
        batch.flush()
    return results


def _complete(
    row: RegistrationRow, decision: RowDecision, known: Known, batch: Batch, issuer: _Issuer, origin: RowOrigin
) -> RowResult:
    person, affiliated, proxy = decision.person, decision.affiliated, decision.proxy
    first = person is None
    registration = batch.new_id()
    if person is None:
        person = _new_person(row, batch, issuer)
        known.people[person.technician_id] = person
    known.applications[row.application_number] = KnownApplication(
        registration, person.technician_id, row.content_digest, row
    )
    batch.rows["registration"].append(
        (
            registration,
            row.application_number,
            person.id,
            affiliated.id if affiliated else None,
            proxy.id if proxy else None,
            to_microseconds(row.completed_at),
            batch.at,
            row.language,
            first,
            row.delivery_postal_code or "",
            row.delivery_address or "",
            row.delivery_name or "",
            dump_json(content_of(row)),
            row.content_digest,
            origin.run_id,
            row.line if origin.run_id else None,
            origin.api_key_id,
        )
    )
    ids = (registration, person.id)
    batch.event(_COMPLETED, _COMPLETED_DATA[first], *ids)
    batch.count(Figure.REGISTRATIONS, "affiliated" if affiliated else "alone")
    batch.count(Figure.FUNNEL, Reached.REGISTERED, day=counters.day_of(row.completed_at))
    if not first:
        _change(person, row, batch, ids)
    _take_email(person, row, known, batch, ids)
    if affiliated and person.business is None:
        person.business = affiliated.id
        number = batch.add("affiliation", person.id, affiliated.id, True, batch.at, 0, 0, 0, 0, person.kana_key)
        batch.event(_BEGAN, None, *ids, affiliated.id, number)
    if first or row.second_card:
        number = batch.add("card", registration, person.id, CARD_ORDERED, batch.at, batch.at, 1)
        batch.event(_ORDERED, None, *ids, None, number)
        batch.count(Figure.CARDS, CARD_ORDERED)
    _tell(person, row.language, affiliated, proxy, known, batch, ids)
    outcome = decision.outcome
    return RowResult(row.line, row.application_number, outcome, decision.problems, registration, person.technician_id)


def _given(row: RegistrationRow) -> dict[str, object]:
    """The row's values in the technician's columns, as stored; None where it says nothing."""
    address_given = row.postal_code or row.address
    return dict(
        zip(
            PERSON_COLUMNS,
            (
                row.name,
                row.kana,
                row.birth_date.isoformat(),
                # A postal code belongs to its address: one is never kept beside the other's successor.
                row.postal_code or "" if address_given else None,
                row.address or "" if address_given else None,
                row.telephone,
                row.language,
                row.days_worked,
                row.social_insurance,
                row.kentaikyo,
                row.level,
            ),
            strict=True,
        )
    )


def _items(row: RegistrationRow) -> dict[str, tuple[str, ...]]:
    return {ItemKind.OCCUPATION: row.occupations, ItemKind.QUALIFICATION: row.qualifications}


_EMPTY = {name: "" for name in ("postal_code", "address", "telephone", "social_insurance", "retirement_scheme")}


def _new_person(row: RegistrationRow, batch: Batch, issuer: _Issuer) -> KnownPerson:
    data = {k: _EMPTY.get(k) if v is None else v for k, v in _given(row).items()}
    technician_id = row.technician_id or issuer.issue()
    person = KnownPerson(batch.new_id(), technician_id, 1, data, fold_search_key(row.kana), stored=False)
    batch.people[person.id] = person
    for kind, values in _items(row).items():
        if values:
            person.items[kind] = values
            batch.items[person.id, kind] = (False, values)
    return person


def _change(person: KnownPerson, row: RegistrationRow, batch: Batch, ids: _Ids) -> None:
    """Take what the application says anew; what it leaves empty stays as it is, and what stood before is kept."""
    changes = {k: v for k, v in _given(row).items() if v is not None and v != person.data[k]}
    items = {k: v for k, v in _items(row).items() if v and v != person.items.get(k)}
    if not changes and not items:
        return
    before = {k: person.data[k] for k in changes} | {k: list(person.items.get(k, ())) for k in items}
    batch.version("technician", person.id, person.version, f"registration:{ids[0]}", before)
    person.data.update(changes)
    person.version += 1
    batch.people[person.id] = person
    for kind, values in items.items():
        person.items[kind] = values
        batch.items[person.id, kind] = (person.stored, values)
    batch.event(_CHANGED, dump_json({"fields": [*changes, *items]}), *ids)
    if not changes.keys().isdisjoint(("postal_code", "address")):
        batch.changes.append(AddressChange(person.id, address_changes.POSTAL_ADDRESS, person.data["language"]))


def _take_email(person: KnownPerson, row: RegistrationRow, known: Known, batch: Batch, ids: _Ids) -> None:
    before = person.email
    if row.email is None or (before is not None and before.value == row.email):
        return
    key = value_key(row.email)
    if before is not None and before.dead:
        if value_key(before.value) == key:
            return  # another spelling does not revive a mailbox
        known.dead_elsewhere.get(value_key(before.value), {}).pop(person.id, None)
    if key in person.dead_values:
        state = AddressState.INVALID
        reason, judged_at = person.dead_values[key]
        known.dead_elsewhere.setdefault(key, {})[person.id] = reason
    elif holders := known.dead_elsewhere.get(key):
        reasons = (reason for reason in holders.values() if reason)
        state, reason, judged_at = AddressState.SUSPECT, min(reasons, default=None), batch.at
    else:
        state, reason, judged_at = AddressState.VALID, None, None
    if before is not None or person.stored:
        before_id = before.id if before is not None else None
        section, language = address_changes.GIVEN_BY_APPLICATION, person.data["language"]
        batch.changes.append(AddressChange(person.id, section, language, before_id, key))
    email = batch.give_email(OwnerKind.TECHNICIAN, person.id, before, row.email, state)
    email.reason, email.judged_at = reason, judged_at
    person.email = email
    batch.event(_GIVEN, version_data(email.version), *ids, None, email.id)


def _tell(
    person: KnownPerson,
    language: str,
    affiliated: KnownEmployer | None,
    proxy: KnownEmployer | None,
    known: Known,
    batch: Batch,
    ids: _Ids,
) -> None:
    """Queue who is told: the technician, the affiliated business, the proxy; one mail if both are one business."""
    email = person.email
    if email is None:
        _queue_postcard(person, NO_EMAIL, known, batch, ids)
    elif email.dead:
        _queue_postcard(person, email.reason or NO_EMAIL, known, batch, ids)
    else:
        _queue_mail(Role.TECHNICIAN, email, language, None, batch, ids)
    if proxy is not None and affiliated is not None and proxy.id == affiliated.id:
        proxy = None
    for role, business in ((Role.BUSINESS, affiliated), (Role.PROXY, proxy)):
        if business is None:
            continue
        email = business.email
        if email is not None and not email.dead:
            _queue_mail(role, email, BUSINESS_LANGUAGE, business.id, batch, ids)
            continue
        # A business gets no postcard: a person finds out its address.
        item = (WorkItemKind.BUSINESS_ADDRESS, business.id)
        if item not in known.open_items:
            known.open_items.add(item)
            reason = email.reason if email is not None and email.reason else NO_EMAIL
            batch.open_item(WorkItemKind.BUSINESS_ADDRESS, "business", business.id, reason)


def _queue_mail(role: Role, email: Email, language: str, business: int | None, batch: Batch, ids: _Ids) -> None:
    number = batch.add(
        "message",
        _ID_NOTICE,
        _ROLES[role],
        *ids,
        business,
        email.id,
        language,
        versions.destination(email.value),
        _QUEUED,
        0,
        batch.at,
        batch.at,
        0,
    )
    batch.event(_NOTICE_QUEUED, _QUEUED_DATA[role], *ids, business, number)


def _queue_postcard(person: KnownPerson, cause: str, known: Known, batch: Batch, ids: _Ids) -> None:
    """Queue the postcard at once: there is no address that could fail first (see `fallback.queue`)."""
    hold = None
    if not (person.data["postal_code"] and person.data["address"]):
        hold = HoldReason.NO_USABLE_ADDRESS
    elif person.email is not None and value_key(person.email.value) in known.looked_at:
        hold = HoldReason.SAME_ADDRESS
    state = PostcardState.ON_HOLD if hold else PostcardState.QUEUED
    version = 2 if hold else 1
    number = batch.add("postcard", ids[0], person.id, 1, state, cause, hold, batch.at, batch.at, version)
    batch.count(Figure.POSTCARDS, PostcardState.QUEUED, cause)
    batch.event(_POSTCARD_QUEUED, dump_json({"cause": cause}), *ids, None, number)
    if hold:
        batch.count(Figure.POSTCARDS, PostcardState.ON_HOLD, cause)
        batch.event(_POSTCARD_HELD, dump_json({"reason": hold}), *ids, None, number)
    if hold is HoldReason.NO_USABLE_ADDRESS:
        batch.open_item(WorkItemKind.POSTCARD_ON_HOLD, "registration", ids[0], hold)
