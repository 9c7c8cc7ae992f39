"""What tests of the outbox share: an office, a policy, notices that wait, and replies of a relay."""

import datetime as dt

from db.models import Message
from tests import cast
from webapp.domain.bounce.model import ReasonClass
from webapp.domain.mail.compose import Identity
from webapp.domain.mail.return_path import ReturnPathKeys
from webapp.domain.mail.smtp_client import SendOutcome, SmtpReply, Stage
from webapp.domain.notices.messages import MessageKind, Policy, Role, new_message
from webapp.worker.envelopes import SenderIdentity

DOMAIN = "mail.todoke.example"
RETURN_DOMAIN = "return.todoke.example"
KEYS = ReturnPathKeys.from_pairs([("a", "k" * 40)])
POLICY = Policy(
    postcard_classes=frozenset({ReasonClass.DEAD, ReasonClass.REFUSED, ReasonClass.TEMPORARY}),
    retry_for=dt.timedelta(days=3),
    ours_for=dt.timedelta(days=5),
    presumed_after=dt.timedelta(hours=72),
    same_address_limit=5,
)
LEASE = dt.timedelta(minutes=5)
IDENTITY = Identity(
    *("とどけ", "oshirase@mail.todoke.example", "とどけ", "@mail.todoke.example", "https://todoke.example/sign-in"),
    *("03-0000-0000", "9:00-17:00", "contact@todoke.example", "https://www.todoke.example"),
)
OFFICE = SenderIdentity(IDENTITY, KEYS, RETURN_DOMAIN, DOMAIN, ("FAILURE", "DELAY"))


def queued_notice(now: dt.datetime, value: str = "k-sato@mail.example", person=None) -> Message:
    """An id_notice to a technician that waits to be sent."""
    person = person or cast.technician(now)
    application = cast.registration(person, now)
    address = cast.email(person, value, now)
    return new_message(
        MessageKind.ID_NOTICE, Role.TECHNICIAN, address, "ja", now, registration=application, technician=person
    )


def queued_notices(count: int, now: dt.datetime, domain: str = "mail.example") -> list[Message]:
    """Many of them, each to a person of its own."""
    return [queued_notice(now, f"p{n}@{domain}") for n in range(count)]


def reply(
    outcome: SendOutcome = SendOutcome.ACCEPTED, stage=Stage.END_OF_DATA, code=250, text="2.0.0 Ok", about=False
) -> SmtpReply:
    """What a relay said."""
    return SmtpReply(outcome, stage, code, None, text, "127.0.0.1:25", about)
