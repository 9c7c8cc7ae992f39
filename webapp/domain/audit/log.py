"""Audit rows: who did or looked at what. Append-only; what is personal stands beside, under a salted digest."""

import datetime as dt
import hashlib
import secrets
from collections.abc import Mapping

from db.fields import dump_json
from db.ids import new_id
from db.models import AuditDetail, AuditRow
from db.rows import in_parts
from webapp.domain.core.events import EventName


def audit(
    action: EventName,
    now: dt.datetime,
    account_id: int | None,
    subject_kind: str,
    subject_id: int | None = None,
    detail: dict | None = None,
) -> int:
    """Write an audit row in the running transaction and return its id.

    `detail` may hold personal data: it is kept in a row of its own, which retention can remove, while the digest in the
    audit row still proves what stood there.
    """
    audit_id = new_id()
    salt, digest = _salted(detail) if detail is not None else ("", "")
    AuditRow.insert(
        id=audit_id,
        at=now,
        action=action,
        account_id=account_id,
        subject_kind=subject_kind,
        subject_id=subject_id,
        detail_digest=digest,
    ).execute()
    if detail is not None:
        AuditDetail.insert(id=new_id(), audit_id=audit_id, salt=salt, content=detail).execute()
    return audit_id


def audit_each(
    action: EventName, now: dt.datetime, account_id: int, subject_kind: str, details: Mapping[int, dict]
) -> None:
    """Write an audit row for each subject, with its detail: two statements for up to 500 of them."""
    for chunk in in_parts(details.items()):
        rows, beside = [], []
        for subject_id, detail in chunk:
            audit_id = new_id()
            salt, digest = _salted(detail)
            rows.append(
                {
                    "id": audit_id,
                    "at": now,
                    "action": action,
                    "account_id": account_id,
                    "subject_kind": subject_kind,
                    "subject_id": subject_id,
                    "detail_digest": digest,
                }
            )
            beside.append({"id": new_id(), "audit": audit_id, "salt": salt, "content": detail})
        AuditRow.insert_many(rows).execute()
        AuditDetail.insert_many(beside).execute()


def _salted(detail: dict) -> tuple[str, str]:
    salt = secrets.token_hex(16)
    return salt, hashlib.sha256((salt + dump_json(detail)).encode()).hexdigest()
