"""What has had its time goes: sessions, limits, searches, answers kept for repeats, mail that belongs to nothing."""

import datetime as dt

from db.database import transaction
from db.models import (
    Alarm,
    IdempotentRequest,
    KeptForm,
    ReturnedMail,
    ReturnedMailSource,
    SearchRequest,
    SignInRequest,
    SignInSession,
    Throttle,
    WorkerBeat,
)
from webapp.domain.accounts.saved_forms import KEEP
from webapp.domain.core.alarms import AlarmKind, close_alarm
from webapp.domain.mail.inbound import ReturnedState

UNMATCHED_FOR = dt.timedelta(days=30)
SOURCES_FOR = dt.timedelta(days=90)
_BEATS_FOR = dt.timedelta(days=1)
# Nobody has been refused for a day: the cause is gone, or no mail goes there any more.
_QUIET = dt.timedelta(days=1)


def sweep(settings, now: dt.datetime) -> None:
    """Remove what has expired and close the alarms that are over; safe to repeat and to run in several workers."""
    for model in (KeptForm, SignInRequest, Throttle, SearchRequest, IdempotentRequest):
        model.delete().where(model.expires_at <= now).execute()
    # A form that is sent after the longest time of its session is still kept for its owner.
    SignInSession.delete().where(SignInSession.expires_at <= now - KEEP).execute()
    WorkerBeat.delete().where(WorkerBeat.seen_at <= now - _BEATS_FOR).execute()
    with transaction():
        unmatched = ReturnedMail.state == ReturnedState.UNMATCHED
        ReturnedMail.delete().where(unmatched & (ReturnedMail.received_at <= now - UNMATCHED_FOR)).execute()
        old = ReturnedMail.select(ReturnedMail.id).where(ReturnedMail.received_at <= now - SOURCES_FOR)
        ReturnedMailSource.delete().where(ReturnedMailSource.returned_mail.in_(old)).execute()
        if ReturnedMail.select().where(unmatched).count() < settings.unmatched_mails:
            for alarm in list(Alarm.open().where(Alarm.kind == AlarmKind.UNMATCHED_MAIL)):
                close_alarm(AlarmKind.UNMATCHED_MAIL, alarm.subject, now)
    refusals = Alarm.kind.in_([AlarmKind.OUR_FAILURE, AlarmKind.ALARM_MAIL_FAILED])
    for alarm in list(Alarm.open().where(refusals & (Alarm.seen_at <= now - _QUIET))):
        close_alarm(AlarmKind(alarm.kind), alarm.subject, now)
