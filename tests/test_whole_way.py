"""From a queued notice through a real Postfix to the refusing server, and back to a queued postcard."""

import tempfile
import threading
from pathlib import Path

import pytest

from db import database as db
from db.models import Attempt, EmailAddress, Event, Message, Postcard, ReturnedMail
from tests.domain.mail.sending import queued_notice
from tests.processes.worker import environment
from tests.servers.postfix import Postfix, free_port, needs_postfix
from tests.servers.smtp_sink import SmtpSink
from webapp import settings
from webapp.domain.core.events import EventName
from webapp.domain.email_addresses.syntax import plain_address
from webapp.worker.worker import Worker, utc_now

pytestmark = [pytest.mark.postfix, needs_postfix]

DOMAIN = "return.todoke.example"
OLD_DOCOMO = "a..b@docomo.ne.jp"


def destination(step: str, argument: str) -> bytes | None:
    """Refuse as real servers do: at RCPT who does not exist, after the data what a filter does not like."""
    if step == "RCPT" and "<gone" in argument:
        return b"550 5.1.1 <gone@mail.example>: Recipient address rejected: User unknown in virtual mailbox table"
    if step == "end_of_data" and "<filtered" in argument:
        return b"550 : User unknown"
    return None


@pytest.fixture
def directory():
    """A directory that Postfix's own user reaches: another run of pytest may close those of pytest at any moment."""
    with tempfile.TemporaryDirectory(prefix="todoke-postfix-") as path:
        yield Path(path)


def until(condition) -> None:
    """Wait until a condition of the database holds."""
    pause = threading.Event()
    for _ in range(600):
        with db.connected():
            if condition():
                return
        pause.wait(0.05)
    raise AssertionError("it did not come to that")


def test_a_refused_notice_becomes_a_postcard_and_an_old_address_gets_its_mail(database, database_url, directory):
    lmtp_port, now = free_port(), utc_now()
    gone = queued_notice(now, "gone@mail.example")
    filtered = queued_notice(now, "filtered@ezweb.ne.jp")
    old = queued_notice(now, OLD_DOCOMO)
    with (
        SmtpSink(("PIPELINING", "8BITMIME"), destination) as sink,
        Postfix(directory, DOMAIN, lmtp_port, sink.port) as postfix,
    ):
        env = environment(
            database_url,
            directory / "state",
            postfix.port,
            TODOKE_LMTP_PORT=str(lmtp_port),
            TODOKE_SUCCESS_REPORTS="yes",
        )
        worker = Worker(settings.load(env, dotenv=None))
        running = threading.Thread(target=worker.run)
        running.start()
        try:
            # One report each: two of failures, and of the old address that it was relayed to a server without DSN.
            until(lambda: ReturnedMail.select().count() >= 3)
        finally:
            worker.stop()
            running.join()
        assert "status=bounced" in postfix.log()
    gone, filtered, old = (Message.get_by_id(message.id) for message in (gone, filtered, old))
    assert (gone.state, gone.reason, gone.failure_class) == ("failed", "userunknown", "dead")
    assert EmailAddress.get_by_id(gone.address_id).state == "invalid"
    postcard = Postcard.get()
    assert (postcard.registration_id, postcard.state, postcard.cause) == (gone.registration_id, "queued", "userunknown")
    # au's words are a dead address at RCPT, but a filter after the data.
    assert (filtered.state, filtered.reason) == ("waiting_retry", "filtered")
    assert EmailAddress.get_by_id(filtered.address_id).state == "valid"
    assert old.state == "sent" and EmailAddress.get_by_id(old.address_id).state == "valid"
    [received] = [mail for mail in sink.received if "docomo" in mail.recipients[0]]
    assert plain_address(received.recipients[0].split(">")[0]) == OLD_DOCOMO and '"a..b"' in received.recipients[0]
    ref = Attempt.get(Attempt.message == old).message_ref
    assert f"<{ref}>".encode() in received.data
    names = {event.name for event in Event.select().where(Event.registration_id == gone.registration_id)}
    assert {
        EventName.NOTICE_EMAIL_QUEUED,
        EventName.NOTICE_EMAIL_SENT,
        EventName.NOTICE_BOUNCE_FAILED,
        EventName.POSTCARD_FALLBACK_QUEUED,
    } <= names
