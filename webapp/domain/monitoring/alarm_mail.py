"""Alarms by mail: each episode is told once to the operators who have a confirmed address and to the shared mailbox.

Alarms of one kind that open together are one mail, so that a day on which fifty domains refuse us does not fill a
mailbox. A mail about alarms that fails itself opens an alarm that is shown and never mailed. What opens while no mail
goes is told late, with its end when it is over.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from itertools import groupby

from db.database import exclusive
from db.ids import encode
from db.locks import Lock
from db.models import Account, Alarm, EmailAddress
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.attention_labels import alarm_words, subject_words
from webapp.domain.core.calendar import written_moment
from webapp.domain.core.events import EventName, record
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, GivenBy, OwnerKind
from webapp.domain.notices.messages import MessageKind, Role, new_message

NOT_MAILED = (AlarmKind.ALARM_MAIL_FAILED,)
# What opened longer ago is no news any more: nobody had an address then.
FRESH = dt.timedelta(days=1)
MAILBOX_LANGUAGE = "ja"
_MAILBOX = 0  # the owner's id of the one shared mailbox
_MOST_PLACES = 10

Say = Callable[[str], str]


@dataclass(frozen=True)
class Recipient:
    """Where an alarm is mailed to, and in which language."""

    address: EmailAddress
    language: str
    account_id: int | None


def mail_new(now: dt.datetime, mailbox: str, public_url: str, speaker: Callable[[str], Say]) -> int:
    """Queue a mail for each new episode and recipient; return how many. The worker's job.

    `mailbox` is the shared one, "" for none; `speaker` returns what says a sentence in a language.
    """
    fresh = Alarm.mailed_at.is_null() & Alarm.acknowledged_at.is_null() & (Alarm.opened_at > now - FRESH)
    waiting = Alarm.select(Alarm.id).where(fresh & Alarm.kind.not_in(NOT_MAILED))
    if not waiting.exists():
        return 0
    queued = 0
    with exclusive(Lock.ALARM_MAIL):
        recipients = recipients_of(mailbox, now)
        if not recipients:
            return 0
        rows = list(Alarm.select().where(Alarm.id.in_(waiting)).order_by(Alarm.kind, Alarm.id))
        for kind, group in groupby(rows, key=lambda row: row.kind):
            alarms = list(group)
            Alarm.update(mailed_at=now).where(Alarm.id.in_([row.id for row in alarms])).execute()
            for recipient in recipients:
                content = _content(alarms, public_url, recipient.language, speaker)
                new_message(
                    MessageKind.OPS_ALARM, Role.OPERATOR, recipient.address, recipient.language, now,
                    account=recipient.account_id, content=content,
                )  # fmt: skip
                queued += 1
            data = {"kind": kind, "alarms": len(alarms), "mails": len(recipients)}
            record(EventName.ALARM_RULE_MAILED, now, subject_id=alarms[0].id, data=data)
    return queued


def recipients_of(mailbox: str, now: dt.datetime) -> list[Recipient]:
    """Return who is mailed now, each address once: active operators with a confirmed address, and the mailbox."""
    joined = (EmailAddress.owner_id == Account.id) & (EmailAddress.owner_kind == OwnerKind.ACCOUNT)
    rows = (
        EmailAddress.select(EmailAddress, Account.id.alias("whose"), Account.language.alias("speaks"))
        .join(Account, on=joined, attr="none")
        .where((Account.kind == AccountKind.OPERATOR) & Account.active & EmailAddress.valid_to.is_null())
        .where(EmailAddress.confirmed_at.is_null(False) & (EmailAddress.state != AddressState.INVALID))
        .order_by(EmailAddress.id)
        .objects()
    )
    found = {row.value_key: Recipient(row, row.speaks, row.whose) for row in rows}
    shared = _shared(mailbox, now) if mailbox else None
    if shared is not None:
        found.setdefault(shared.value_key, Recipient(shared, MAILBOX_LANGUAGE, None))
    return list(found.values())


def _shared(value: str, now: dt.datetime) -> EmailAddress | None:
    """Return the row of the shared mailbox, a new version when the setting has changed; None when it is dead."""
    address = versions.current(OwnerKind.MAILBOX, _MAILBOX)
    if address is None or address.value != value:
        address = versions.give(OwnerKind.MAILBOX, _MAILBOX, value, GivenBy.OPERATOR, now)
    return None if address.state == AddressState.INVALID else address


def _content(alarms: list[Alarm], public_url: str, language: str, speaker: Callable[[str], Say]) -> dict[str, str]:
    """Return the values of the text. Below an English mail stands the Japanese one with the same values: both then."""

    def both(sentence: str) -> str:
        said = speaker(language)(sentence)
        return said if said == sentence else f"{said} ({sentence})"

    first, words = alarms[0], alarm_words(alarms[0].kind)
    places = [both(subject_words(row.subject)) for row in alarms[:_MOST_PLACES]]
    if len(alarms) > _MOST_PLACES:
        places.append(f"+{len(alarms) - _MOST_PLACES}")
    alone = f"/{encode(first.id)}" if len(alarms) == 1 else f"?kind={first.kind}"
    content = {
        "alarm": both(words.title),
        "opened_at": written_moment(min(row.opened_at for row in alarms)),
        "place": ", ".join(places),
        "what_to_do": both(words.to_do),
        "alarms_url": f"{public_url}/ops/alarms{alone}",
    }
    if all(row.closed_at for row in alarms):
        content["closed_at"] = written_moment(max(row.closed_at for row in alarms))
    return content
