"""A person judges a returned mail otherwise: recorded for those who write the rules, and its consequences redrawn."""

import datetime as dt

from db.database import is_sqlite, transaction
from db.models import Account, EmailAddress, Message, Postcard, ReturnedMail, WorkItem
from db.models.base import Rows
from webapp.domain.audit.log import audit
from webapp.domain.bounce import Reason, ReasonClass
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.events import EventName, record
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, close_item
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState
from webapp.domain.mail.inbound import ReturnedState, TokenState, apply_verdict
from webapp.domain.notices import messages
from webapp.domain.notices.messages import MessageState, Policy, Verdict
from webapp.domain.postcard import fallback
from webapp.domain.postcard.states import PostcardState, PostcardStep

_MAY_ACT = (TokenState.VALID, TokenState.EXPIRED)
_NOT_PRINTED = (PostcardState.QUEUED, PostcardState.ON_HOLD)


class CannotOverrule(ValueError):
    """The mail belongs to no attempt of ours: there is nothing that a judgement of it could change."""


def may_overrule(returned_mail: ReturnedMail) -> bool:
    """Return whether a mail belongs to an attempt of ours, so that its judgement changes something."""
    return returned_mail.attempt_id is not None and returned_mail.token_state in _MAY_ACT


def overrule(
    returned_mail: ReturnedMail, reason: Reason, account: Account | None, now: dt.datetime, note: str, policy: Policy
) -> None:
    """Put a person's reason in the place of the rules', in one transaction.

    dead → not dead: the address may be mailed again, a postcard that is not printed yet is cancelled, the notice goes
    again. Not dead → dead: as if the rules had said so. CannotOverrule without an attempt of ours.
    """
    if not may_overrule(returned_mail):
        raise CannotOverrule
    account_id = account.id if account is not None else None
    with transaction():
        attempt = returned_mail.attempt
        if attempt is None:
            raise CannotOverrule
        query = Message.select().where(Message.id == attempt.message_id)
        message = (query if is_sqlite() else query.for_update()).get()
        before, was_dead = returned_mail.overruled_reason or returned_mail.reason, bool(attempt.hard)
        verdict = Verdict(Reason(reason), Reason(reason).reason_class)
        if verdict.reason_class is ReasonClass.DEAD:
            if not was_dead:
                apply_verdict(message, attempt, verdict, policy, now)
        else:
            attempt.reason, attempt.hard = verdict.reason, False
            attempt.save()
            if was_dead:
                _take_back(message, attempt.address, now, account_id, note)
        returned_mail.state = ReturnedState.OVERRULED
        returned_mail.overruled_reason, returned_mail.overruled_by_id = verdict.reason, account_id
        returned_mail.overruled_at, returned_mail.overruled_note = now, note
        returned_mail.save()
        data = {"before": before, "after": verdict.reason}
        people = {"registration_id": message.registration_id, "technician_id": message.technician_id}
        name, mail_id = EventName.RETURNED_MAIL_OPS_OVERRULED, returned_mail.id
        record(name, now, subject_id=mail_id, account_id=account_id, data=data, **people)
        audit(name, now, account_id, "returned_mail", mail_id, data | {"note": note})
        conflict = (WorkItem.kind == WorkItemKind.CONFLICTING_REPORT) & (WorkItem.subject_id == mail_id)
        for item in list(WorkItem.open().where(conflict)):
            close_item(item, WorkItemState.DONE, "overruled", now, account_id, note)


def _take_back(message: Message, address: EmailAddress, now: dt.datetime, account_id: int | None, note: str) -> None:
    versions.restore(address, now, account_id, note)
    for other in _suspects(address):
        versions.restore(other, now, account_id, note)
    for postcard in Postcard.select().where((Postcard.message == message) & Postcard.state.in_(_NOT_PRINTED)):
        _cancel(postcard, now, account_id)
    if message.state == MessageState.FAILED and message.address_id == address.id:
        messages.requeue(message, address, now, account_id)


def _suspects(address: EmailAddress) -> list[EmailAddress]:
    """Return those who are suspect only because this one was taken for dead."""
    same = (EmailAddress.value_key == address.value_key) & EmailAddress.valid_to.is_null()
    if EmailAddress.select().where(same & (EmailAddress.state == AddressState.INVALID)).exists():
        return []
    return list(EmailAddress.select().where(same & (EmailAddress.state == AddressState.SUSPECT)))


def _cancel(postcard: Postcard, now: dt.datetime, account_id: int | None) -> None:
    try:
        fallback.move(postcard, PostcardStep.CANCEL, now, hold_reason=None)
    except StepNotAllowed:  # a batch has taken it in at this moment
        return
    fallback.note(EventName.POSTCARD_OVERRULED_CANCELLED, postcard, now, None, account_id)


def overrulings() -> "Rows[ReturnedMail]":
    """Return a select of what people judged otherwise, newest first: where the rules are to be mended."""
    overruled = ReturnedMail.overruled_at.is_null(False)
    return ReturnedMail.select().where(overruled).order_by(ReturnedMail.overruled_at.desc(), ReturnedMail.id.desc())
