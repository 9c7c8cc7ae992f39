"""What ops must know of: an alarm opens once, counts while it holds, and closes when it is over."""

import datetime as dt
from enum import StrEnum
from typing import Any

from peewee import fn

from db.database import transaction
from db.ids import new_id
from db.models import Alarm
from webapp.domain.core.events import EventName, record


class AlarmKind(StrEnum):
    """What is wrong; the subject says where (a relay, a domain, a queue)."""

    OUR_FAILURE = "our_failure"  # a receiving system refuses us, not the address · subject: domain
    LOOK_UP_LIMIT = "look_up_limit"  # a business has used up its look-ups of the day · subject: business
    RELAY_DOWN = "relay_down"  # no relay takes mail · subject: relay
    WORKER_FAILED = "worker_failed"  # a part of the worker stopped with an error · subject: part
    WORK_GIVEN_UP = "work_given_up"  # every worker died or failed on a work: taken no more · subject: queue
    RESTORED = "restored"  # an older database than the one this machine knew · subject: database
    SENDING_STOPPED = "sending_stopped"  # a person has stopped sending · subject: kind of message
    CARD_NOT_POSTED = "card_not_posted"  # cards wait too long to be posted · subject: cards
    CARD_SILENT = "card_silent"  # posted, and nothing more was reported · subject: cards
    CARD_KEPT_NEAR_END = "card_kept_near_end"  # kept, and soon to go back · subject: cards
    CARD_KEPT_OVER = "card_kept_over"  # kept beyond the end without a word · subject: cards
    CARD_RETURNED = "card_returned"  # came back and was not posted again · subject: cards
    CARD_UNKNOWN_LABEL = "card_unknown_label"  # the post said a word that is in no table · subject: cards
    CARD_CONTRADICTORY = "card_contradictory"  # the post's reports contradict each other · subject: cards
    CONTACT_GUESSING = "contact_guessing"  # too many wrong pairs on the public card form · subject: contact
    BOUNCE_RATE = "bounce_rate"  # too many of the last attempts failed hard · subject: notices
    DESTINATION_FAILING = "destination_failing"  # a domain takes hardly anything any more · subject: domain
    QUEUE_AGE = "queue_age"  # a notice waits too long to be sent · subject: notices
    WORKER_SILENT = "worker_silent"  # a worker has given no sign of life · subject: host
    COUNTER_DIFFERENCE = "counter_difference"  # counters and rows disagree · subject: figure
    UNMATCHED_MAIL = "unmatched_mail"  # the space for unmatched mail is full · subject: returned mail
    UNMATCHED_RISING = "unmatched_rising"  # much unmatched mail in the last hours · subject: returned mail
    POSTCARDS_NOT_MAILED = "postcards_not_mailed"  # postcards wait and none is handed in · subject: postcards
    CARD_RETURN_RATE = "card_return_rate"  # too many of the last cards came back · subject: cards
    SEAL_BROKEN = "seal_broken"  # a sealed log does not say what it said · subject: log
    ALARM_MAIL_FAILED = "alarm_mail_failed"  # a mail about an alarm did not arrive · subject: domain


def open_alarm(kind: AlarmKind, subject: str, now: dt.datetime, data: dict[str, Any] | None = None) -> Alarm:
    """Open an alarm, or count on the one that is open; return it. The subject holds no personal data."""
    with transaction():
        held = (
            Alarm.update(seen_at=now, count=Alarm.count + 1)
            .where((Alarm.kind == kind) & (Alarm.subject == subject) & Alarm.closed_at.is_null())
            .execute()
        )
        if not held:
            episode = (
                Alarm.select(fn.COALESCE(fn.MAX(Alarm.episode), 0))
                .where((Alarm.kind == kind) & (Alarm.subject == subject))
                .scalar()
                + 1
            )
            written = (
                Alarm.insert(
                    id=new_id(), kind=kind, subject=subject, episode=episode, opened_at=now, seen_at=now, data=data
                )
                .on_conflict_ignore()
                .as_rowcount()
                .execute()
            )
            if written:
                record(EventName.ALARM_RULE_OPENED, now, data={"kind": kind, "subject": subject, "episode": episode})
        return Alarm.open().where((Alarm.kind == kind) & (Alarm.subject == subject)).get()


def close_alarm(kind: AlarmKind, subject: str, now: dt.datetime) -> bool:
    """Close what is open for this kind and subject; return whether something was."""
    with transaction():
        closed = (
            Alarm.update(closed_at=now)
            .where((Alarm.kind == kind) & (Alarm.subject == subject) & Alarm.closed_at.is_null())
            .execute()
        )
        if closed:
            record(EventName.ALARM_RULE_CLOSED, now, data={"kind": kind, "subject": subject})
        return bool(closed)


def acknowledge(alarm: Alarm, now: dt.datetime, account_id: int, note: str = "") -> bool:
    """Note that a person has seen an alarm; False if somebody did before."""
    with transaction():
        changed = (
            Alarm.update(acknowledged_at=now, acknowledged_by=account_id, note=note or None)
            .where((Alarm.id == alarm.id) & Alarm.acknowledged_at.is_null())
            .execute()
        )
        if changed:
            data = {"kind": alarm.kind, "subject": alarm.subject}
            record(EventName.ALARM_OPS_ACKNOWLEDGED, now, subject_id=alarm.id, account_id=account_id, data=data)
        return bool(changed)
