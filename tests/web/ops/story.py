"""A registration whose mail came back, as the operators' pages show it; everything invented."""

import datetime as dt
import re
from dataclasses import dataclass

from db import ids
from db.database import transaction
from db.models import Attempt, Business, Card, Message, Registration, ReturnedMail, ReturnedMailSource, Technician
from tests import cast
from webapp.domain.bounce.model import Reason, ReasonClass
from webapp.domain.core import counters, progress
from webapp.domain.core.events import EventName, record
from webapp.domain.core.progress import Reached
from webapp.domain.mail.inbound import as_json, judge
from webapp.domain.notices import messages
from webapp.domain.notices.messages import MessageState, Policy, Role, Verdict

POLICY = Policy(
    postcard_classes=frozenset({ReasonClass.DEAD, ReasonClass.REFUSED, ReasonClass.TEMPORARY}),
    retry_for=dt.timedelta(days=3),
    ours_for=dt.timedelta(days=5),
    presumed_after=dt.timedelta(hours=72),
    same_address_limit=3,
)
EMAIL = "k-sato.canary@docomo.ne.jp"
RETURNED = (
    b"From: MAILER-DAEMON@mail.example\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
    b'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
    b"--b\r\nContent-Type: text/plain\r\n\r\n<script>alert(1)</script> User unknown\x07\r\n"
    b"--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mail.example\r\n\r\n"
    b"Final-Recipient: rfc822; " + EMAIL.encode() + b"\r\nAction: failed\r\nStatus: 5.1.1\r\n"
    b"Diagnostic-Code: smtp; 550 5.1.1 <" + EMAIL.encode() + b">: User unknown (in reply to RCPT TO command)\r\n"
    b"\r\n--b--\r\n"
)


def way_to(client, registration: Registration, page: str = "/ops/registrations") -> str:
    """Return the address by which a page of work leads to a registration's record."""
    address = f"/ops/registrations/{ids.encode(registration.id)}"
    return re.search(f'href="({address}[?]via=[^"]+)"', client.get(page).text)[1]


@dataclass
class Story:
    """Who and what the tests speak of."""

    person: Technician
    employer: Business
    registration: Registration
    message: Message
    attempt: Attempt
    business_message: Message
    mail: ReturnedMail | None = None


def sent(now: dt.datetime, email: str = EMAIL, completed_at: dt.datetime | None = None, **values) -> Story:
    """A registration whose notices a relay has accepted: the person's and the employer's."""
    person, employer = cast.technician(now, **values), cast.business(now)
    cast.affiliate(person, employer, now)
    address = cast.email(person, email, now)
    firm = cast.email(employer, f"office-{employer.id}@yamada.example", now)
    registration = cast.registration(person, now, affiliated_business=employer, completed_at=completed_at or now)
    record(
        EventName.REGISTRATION_IMPORT_COMPLETED, now, registration_id=registration.id, technician_id=person.id, data={}
    )
    message, attempt = cast.sent_notice(registration, address, now)
    data = {"attempt": 1, "relay": "mail.example:25"}
    messages.note(EventName.NOTICE_EMAIL_SENT, message, now, data)
    second, _ = cast.sent_notice(registration, firm, now, Role.BUSINESS, business=employer)
    messages.note(EventName.NOTICE_EMAIL_SENT, second, now, data)
    for notice in (message, second):
        counters.add(messages.counter_deltas(notice, 1))
        counters.add(messages.sent_after(notice, registration.completed_at, now))
    counters.add(progress.deltas({(registration.id, Reached.REGISTERED): 1}))
    Card.create(registration=registration, technician=person, state="ordered", ordered_at=now, changed_at=now)
    return Story(person, employer, registration, message, attempt, second)


def bounced(now: dt.datetime, reason: Reason = Reason.USERUNKNOWN, **values) -> Story:
    """The same after the person's mail came back: the address is dead, a postcard waits."""
    story = sent(now, **values)
    story.mail = returned(story, now)
    with transaction():
        messages.fail(story.message, story.attempt, Verdict(reason, reason.reason_class), POLICY, now)
    return story


def business_bounced(now: dt.datetime, **values) -> Story:
    """The same, when the employer's address is dead."""
    story = sent(now, **values)
    attempt = Attempt.get(Attempt.message == story.business_message)
    with transaction():
        verdict = Verdict(Reason.USERUNKNOWN, ReasonClass.DEAD)
        messages.fail(story.business_message, attempt, verdict, POLICY, now)
    return story


def returned(story: Story | None, now: dt.datetime, state: str = "applied") -> ReturnedMail:
    """The mail that came back, judged."""
    row = ReturnedMail.create(
        received_at=now,
        source="lmtp",
        digest=f"{now}{state}{story and story.registration.id}",
        size=len(RETURNED),
        recipient="b+token@return.example",
        state=state,
        attempt=story.attempt if story else None,
        kind="bounce",
        reason="userunknown",
        hard=True,
        token_state="valid" if story else "not_a_return_path",
        judgement=as_json(judge(RETURNED)),
    )
    ReturnedMailSource.create(returned_mail=row, content=RETURNED)
    return row


def held(now: dt.datetime, **values) -> Story:
    """The same, when a restore was noticed while the person's mail was on its way."""
    story = sent(now, **values)
    Message.update(state=MessageState.RECONCILIATION).where(Message.id == story.message.id).execute()
    story.message.state = MessageState.RECONCILIATION
    return story
