"""Businesses of a file → new, changed (what stood before is kept) or unchanged ones."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from db.fields import dump_json
from webapp.domain.core.events import EventName
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.email_addresses.versions import AddressState, OwnerKind, value_key
from webapp.domain.intake.known import Email, emails_of, fetch
from webapp.domain.intake.outcomes import RowOrigin, RowOutcome, RowResult
from webapp.domain.intake.rows import BusinessRow
from webapp.domain.intake.writing import TABLES, Batch, update_rows, version_data

# Columns of the table and the fields of a row that fill them.
_FIELDS = {"name": "name", "name_kana": "kana", "postal_code": "postal_code", "address": "address",
           "telephone": "telephone"}  # fmt: skip


@dataclass(slots=True)
class BusinessIn:
    """A business as it will stand after the rows so far."""

    id: int
    business_id: str
    version: int
    data: dict[str, str]
    email: Email | None = None
    stored: bool = True


class KnownBusinesses:
    """What is known of the businesses of a file; kept over all batches when nothing is written."""

    def __init__(self) -> None:
        self.businesses: dict[str, BusinessIn] = {}

    def load(self, rows: Sequence[BusinessRow]) -> None:
        """Fetch what these rows speak of."""
        by_id = {}
        for number, business_id, version, *data in fetch(
            f"SELECT id, business_id, version, {', '.join(_FIELDS)} FROM business WHERE business_id IN ({{in}})",
            {row.business_id for row in rows} - self.businesses.keys(),
        ):
            values = dict(zip(_FIELDS, data, strict=True))
            by_id[number] = self.businesses[business_id] = BusinessIn(number, business_id, version, values)
        for owner, valid_to, email in emails_of(OwnerKind.BUSINESS, by_id):
            if valid_to is None:
                by_id[owner].email = email


def register_businesses(
    rows: Sequence[BusinessRow],
    now: dt.datetime,
    origin: RowOrigin = RowOrigin(),  # noqa: B008 - a frozen value
    known: KnownBusinesses | None = None,
    *,
    check: bool = False,
) -> list[RowResult]:
    """Write a batch of businesses in the running transaction; a result per row, in order.

    An empty cell leaves what is registered as it is. With `check` nothing is written, as in `registrations.register`.
    """
    known = KnownBusinesses() if known is None else known
    known.load(rows)
    batch = Batch(now, origin.account_id)
    touched: dict[int, BusinessIn] = {}
    results = []
    for row in rows:
        business = known.businesses.get(row.business_id)
        if business is None:
            outcome = RowOutcome.ACCEPTED
            business = known.businesses[row.business_id] = _new(row, batch)
            touched[business.id] = business
        elif _change(business, row, batch):
            outcome = RowOutcome.UPDATED
            touched[business.id] = business
        else:
            outcome = RowOutcome.UNCHANGED
        results.append(RowResult(row.line, row.business_id, outcome, row.warnings))
    if not check:
        _write(touched, batch)
    return results


def _new(row: BusinessRow, batch: Batch) -> BusinessIn:
    data = {column: getattr(row, name) or "" for column, name in _FIELDS.items()}
    business = BusinessIn(batch.new_id(), row.business_id, 1, data, stored=False)
    batch.event(EventName.BUSINESS_IMPORT_REGISTERED.value, None, business=business.id)
    if row.email:
        _give(business, row.email, batch)
    return business


def _change(business: BusinessIn, row: BusinessRow, batch: Batch) -> bool:
    given = {column: getattr(row, name) for column, name in _FIELDS.items()}
    changes = {k: v for k, v in given.items() if v is not None and v != business.data[k]}
    email = row.email
    before = business.email
    if before is not None and email is not None:
        same_dead_mailbox = before.dead and value_key(before.value) == value_key(email)
        if before.value == email or same_dead_mailbox:
            email = None
    if not changes and email is None:
        return False
    was = {k: business.data[k] for k in changes}
    detail = {"before": dict(was), "after": dict(changes)}
    if changes:
        batch.version("business", business.id, business.version, "import", was)
        business.data.update(changes)
        business.version += 1
    if email is not None:
        detail["before"]["email"], detail["after"]["email"] = (before.value if before else None), email
        _give(business, email, batch)
    data = dump_json({"fields": [*changes, *(["email"] if email else [])]})
    batch.event(EventName.BUSINESS_IMPORT_CHANGED.value, data, business=business.id)
    batch.audit(EventName.BUSINESS_IMPORT_CHANGED, "business", business.id, detail)
    return True


def _give(business: BusinessIn, value: str, batch: Batch) -> None:
    business.email = batch.give_email(OwnerKind.BUSINESS, business.id, business.email, value, AddressState.VALID)
    data = version_data(business.email.version)
    batch.event(EventName.ADDRESS_IMPORT_GIVEN.value, data, business=business.id, subject=business.email.id)


def _write(touched: dict[int, BusinessIn], batch: Batch) -> None:
    changed = []
    for business in touched.values():
        data = business.data
        keys = (fold_search_key(data["name"]), fold_search_key(data["name_kana"]), business.version)
        if business.stored:
            changed.append((*data.values(), *keys, batch.at, business.id))
        else:
            batch.rows["business"].append(
                (business.id, business.business_id, *data.values(), *keys, batch.at, batch.at)
            )
    columns = tuple(c for c in TABLES["business"] if c not in ("id", "business_id", "created_at"))
    update_rows("business", columns, changed)
    batch.flush()
