"""The names of everything that happens: `subject:source:action`, in alphabetical order."""

import datetime as dt
from collections.abc import Sequence
from enum import StrEnum
from typing import Any, NamedTuple

from db.ids import new_id, new_ids
from db.models import Event
from db.rows import insert_row, write_rows


class EventName(StrEnum):
    """What happened. A name, once written to a database, is never given another meaning."""

    ACCOUNT_BUSINESS_USER_CHANGED = "account:business-user:changed"
    ACCOUNT_BUSINESS_USER_INVITED = "account:business-user:invited"
    ACCOUNT_BUSINESS_INVITED = "account:business:invited"
    ACCOUNT_EMAIL_CONFIRMED = "account:email:confirmed"
    ACCOUNT_EMAIL_GIVEN = "account:email:given"
    ACCOUNT_EMAIL_MAILED_AGAIN = "account:email:mailed-again"
    ACCOUNT_EMAIL_REMOVED = "account:email:removed"
    ACCOUNT_FIRST_ACCESS = "account:first-access:opened"
    ACCOUNT_LETTER_CODE_ISSUED = "account:letter-code:issued"
    ACCOUNT_LINK_ASKED = "account:link:asked"
    ACCOUNT_LOST_FACTOR_APPROVED = "account:lost-factor:approved"
    ACCOUNT_LOST_FACTOR_OPENED = "account:lost-factor:opened"
    ACCOUNT_LOST_FACTOR_STOPPED = "account:lost-factor:stopped"
    ACCOUNT_OPS_CHANGED = "account:ops:changed"
    ACCOUNT_OPS_LOOKED = "account:ops:looked"
    ACCOUNT_PASS_MADE = "account:pass:made"
    ACCOUNT_PASSWORD_CHANGED = "account:password:changed"
    ACCOUNT_POSTCARD_ASKED = "account:postcard:asked"
    ACCOUNT_RECOVERY_CODE_USED = "account:recovery-code:used"
    ACCOUNT_RECOVERY_CODES_MADE = "account:recovery-codes:made"
    ACCOUNT_SECOND_FACTOR_REMOVED = "account:second-factor:removed"
    ACCOUNT_SECOND_FACTOR_SET = "account:second-factor:set"
    ACCOUNT_TRIES_USED_UP = "account:tries:used-up"
    ADDRESS_BOUNCE_INVALID = "address:bounce:invalid"
    ADDRESS_BOUNCE_SUSPECT = "address:bounce:suspect"
    ADDRESS_IMPORT_GIVEN = "address:import:given"
    ADDRESS_LETTER_MADE = "address:letter:made"
    ADDRESS_OPS_CORRECTED = "address:ops:corrected"
    ADDRESS_OPS_RESTORED = "address:ops:restored"
    ADDRESS_TECHNICIAN_ASKED = "address:technician:asked"
    ADDRESS_TECHNICIAN_CONFIRMED = "address:technician:confirmed"
    ADDRESS_TECHNICIAN_OBJECTED = "address:technician:objected"
    AFFILIATION_BUSINESS_ENDED = "affiliation:business:ended"
    AFFILIATION_BUSINESS_INVITED = "affiliation:business:invited"
    AFFILIATION_IMPORT_BEGAN = "affiliation:import:began"
    AFFILIATION_OPS_ANNULLED = "affiliation:ops:annulled"
    AFFILIATION_TECHNICIAN_ACCEPTED = "affiliation:technician:accepted"
    AFFILIATION_TECHNICIAN_DECLINED = "affiliation:technician:declined"
    AFFILIATION_TECHNICIAN_DISPUTED = "affiliation:technician:disputed"
    AFFILIATION_TECHNICIAN_LEFT = "affiliation:technician:left"
    ALARM_OPS_ACKNOWLEDGED = "alarm:ops:acknowledged"
    ALARM_RULE_CLOSED = "alarm:rule:closed"
    ALARM_RULE_MAILED = "alarm:rule:mailed"
    ALARM_RULE_OPENED = "alarm:rule:opened"
    BUSINESS_IMPORT_CHANGED = "business:import:changed"
    BUSINESS_IMPORT_REGISTERED = "business:import:registered"
    CARD_IMPORT_ORDERED = "card:import:ordered"
    CARD_IMPORT_POSTED = "card:import:posted"
    CARD_OPS_EXPORTED = "card:ops:exported"
    CARD_OPS_FOUND = "card:ops:found"
    CARD_OPS_LOST = "card:ops:lost"
    CARD_OPS_MADE = "card:ops:made"
    CARD_OPS_REOPENED = "card:ops:reopened"
    CARD_POST_MOVED = "card:post:moved"
    CARD_REMINDER_QUEUED = "card:reminder:queued"
    CARD_REMINDER_UNREACHABLE = "card:reminder:unreachable"
    DISCLOSURE_BUSINESS_CLOSED = "disclosure:business:closed"
    DISCLOSURE_BUSINESS_OPENED = "disclosure:business:opened"
    DISCLOSURE_BUSINESS_UNDONE = "disclosure:business:undone"
    DISCLOSURE_TECHNICIAN_CLOSED = "disclosure:technician:closed"
    DISCLOSURE_TECHNICIAN_OPENED = "disclosure:technician:opened"
    EXPORT_ACCOUNT_ASKED = "export:account:asked"
    EXPORT_ACCOUNT_FETCHED = "export:account:fetched"
    EXPORT_ACCOUNT_REMOVED = "export:account:removed"
    EXPORT_RULE_REMOVED = "export:rule:removed"
    EXPORT_WORKER_FAILED = "export:worker:failed"
    EXPORT_WORKER_WRITTEN = "export:worker:written"
    INQUIRY_OPS_ANSWERED = "inquiry:ops:answered"
    INQUIRY_OPS_CLOSED = "inquiry:ops:closed"
    INQUIRY_OPS_LINKED = "inquiry:ops:linked"
    INQUIRY_OPS_NOTED = "inquiry:ops:noted"
    INQUIRY_OPS_OPENED = "inquiry:ops:opened"
    INQUIRY_OPS_REOPENED = "inquiry:ops:reopened"
    INQUIRY_WEB_ASKED = "inquiry:web:asked"
    INQUIRY_WEB_OPENED = "inquiry:web:opened"
    NOTICE_BOUNCE_FAILED = "notice:bounce:failed"
    NOTICE_BOUNCE_LATE = "notice:bounce:late"
    NOTICE_BOUNCE_RETRY = "notice:bounce:retry"
    NOTICE_EMAIL_CANCELLED = "notice:email:cancelled"
    NOTICE_EMAIL_CONFIRMED = "notice:email:confirmed"
    NOTICE_EMAIL_PRESUMED = "notice:email:presumed"
    NOTICE_EMAIL_QUEUED = "notice:email:queued"
    NOTICE_EMAIL_REFUSED = "notice:email:refused"
    NOTICE_EMAIL_RETRY = "notice:email:retry"
    NOTICE_EMAIL_SENT = "notice:email:sent"
    NOTICE_OPS_RECONCILED = "notice:ops:reconciled"
    NOTICE_OPS_REQUEUED = "notice:ops:requeued"
    NOTICE_RESTORE_HELD = "notice:restore:held"
    POSTCARD_BATCH_OPS_BEGUN = "postcard-batch:ops:begun"
    POSTCARD_BATCH_OPS_MAILED = "postcard-batch:ops:mailed"
    POSTCARD_BATCH_OPS_PRINTED = "postcard-batch:ops:printed"
    POSTCARD_BATCH_OPS_RESUMED = "postcard-batch:ops:resumed"
    POSTCARD_BATCH_RULE_BEGUN = "postcard-batch:rule:begun"
    POSTCARD_BATCH_WORKER_CLOSED = "postcard-batch:worker:closed"
    POSTCARD_BATCH_WORKER_READY = "postcard-batch:worker:ready"
    POSTCARD_BATCH_WORKER_STOPPED = "postcard-batch:worker:stopped"
    POSTCARD_FILE_OPS_DOWNLOADED = "postcard-file:ops:downloaded"
    POSTCARD_FILE_RULE_REMOVED = "postcard-file:rule:removed"
    POSTCARD_FALLBACK_HELD = "postcard:fallback:held"
    POSTCARD_FALLBACK_QUEUED = "postcard:fallback:queued"
    POSTCARD_OPS_ASKED = "postcard:ops:asked"
    POSTCARD_OPS_CANCELLED = "postcard:ops:cancelled"
    POSTCARD_OPS_MAILED = "postcard:ops:mailed"
    POSTCARD_OPS_MENDED = "postcard:ops:mended"
    POSTCARD_OPS_PRINTED = "postcard:ops:printed"
    POSTCARD_OPS_RELEASED = "postcard:ops:released"
    POSTCARD_OPS_REPRINTED = "postcard:ops:reprinted"
    POSTCARD_OPS_RETURN_UNDONE = "postcard:ops:return-undone"
    POSTCARD_OPS_RETURNED = "postcard:ops:returned"
    POSTCARD_OVERRULED_CANCELLED = "postcard:overruled:cancelled"
    POSTCARD_RULE_CANCELLED = "postcard:rule:cancelled"
    POSTCARD_RULE_PRESUMED = "postcard:rule:presumed"
    POSTCARD_WORKER_BATCHED = "postcard:worker:batched"
    RECORD_OPS_SEARCHED = "record:ops:searched"
    RECORD_OPS_VIEWED = "record:ops:viewed"
    RECORD_TECHNICIAN_ASKED = "record:technician:asked"
    RECORD_TECHNICIAN_CHANGED = "record:technician:changed"
    REGISTRATION_IMPORT_COMPLETED = "registration:import:completed"
    RETENTION_RULE_REMOVED = "retention:rule:removed"
    RETURNED_MAIL_LMTP_EVIDENCE = "returned-mail:lmtp:evidence"
    RETURNED_MAIL_OPS_OVERRULED = "returned-mail:ops:overruled"
    SWITCH_OPS_CHANGED = "switch:ops:changed"
    TECHNICIAN_IMPORT_CHANGED = "technician:import:changed"
    TECHNICIAN_OPS_CHANGED = "technician:ops:changed"
    TRACKING_IMPORT_DONE = "tracking:import:done"
    TRACKING_OPS_MAPPED = "tracking:ops:mapped"
    TRACKING_OPS_UNDONE = "tracking:ops:undone"
    WORK_ITEM_OPS_CLOSED = "work-item:ops:closed"
    WORK_ITEM_RULE_OPENED = "work-item:rule:opened"


def record(
    name: EventName,
    now: dt.datetime,
    *,
    registration_id: int | None = None,
    technician_id: int | None = None,
    business_id: int | None = None,
    subject_id: int | None = None,
    account_id: int | None = None,
    data: dict[str, Any] | None = None,
) -> None:
    """Write an event in the running transaction; `data` holds codes and numbers, never personal data."""
    insert_row(
        Event,
        id=new_id(),
        at=now,
        name=name,
        registration_id=registration_id,
        technician_id=technician_id,
        business_id=business_id,
        subject_id=subject_id,
        account_id=account_id,
        data=data,
    )


class NewEvent(NamedTuple):
    """An event to be written: `at` in microseconds, `data` as JSON text; both as the database stores them."""

    name: EventName
    at: int
    registration_id: int | None = None
    technician_id: int | None = None
    business_id: int | None = None
    subject_id: int | None = None
    account_id: int | None = None
    data: str | None = None


def record_many(events: Sequence[NewEvent]) -> None:
    """Write many events in the running transaction, in their order."""
    rows = [(number, event.name.value, *event[1:]) for number, event in zip(new_ids(len(events)), events, strict=True)]
    write_rows("event", ("id", *NewEvent._fields), rows)
