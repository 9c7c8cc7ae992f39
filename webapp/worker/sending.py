"""Sending: one claimed batch after the other goes out, and what came of it is written beside, in groups.

A batch ends while its lease still covers one more mail. What was sent and could not be written stays here and is
written before anything else is claimed.
"""

import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

import structlog

from db.database import connected
from webapp.domain.mail import outbox, outbox_results
from webapp.domain.mail.claimed import Claimed
from webapp.domain.mail.outbox_results import SendResult
from webapp.domain.mail.sending_switch import stopped_kinds
from webapp.domain.mail.smtp_client import Envelope, Relay, SendOutcome, SmtpSender
from webapp.domain.notices.messages import Policy, Verdict
from webapp.settings import Settings
from webapp.worker.envelopes import SenderIdentity, envelope_of, give_links, relays_of

log = structlog.get_logger("worker")

# One mail may take as long as the relay may be silent.
_END_OF_DATA_SECONDS = 180.0
_LONGEST_MAIL = dt.timedelta(seconds=230)
# A relay of ours that was just started or restarted is soon there again.
_RELAY_REST_SECONDS = 5.0
_LONGEST_REST = 60.0
IDLE_SECONDS = 0.5


class Sending:
    """One worker's share of the outbox. `sent` counts what relays have accepted; `pacer` has this worker's pace."""

    def __init__(self, settings: Settings, lease: dt.timedelta, clock: Callable[[], dt.datetime]) -> None:
        self._settings, self._lease, self._clock = settings, lease, clock
        self._policy, self._office = Policy.of(settings), SenderIdentity.of(settings)
        self._relays = [_patient(relay) for relay in relays_of(settings)]
        self._unwritten: list[list[SendResult]] = []
        self._writing: Future | None = None
        self._writer = ThreadPoolExecutor(1, "writing")
        self.pacer = outbox.Pacer(settings.domain_per_minute / 60)
        self.sent = 0

    def sender(self) -> SmtpSender:
        """Return what talks to the relays, for one thread."""
        return SmtpSender(self._relays, rest_seconds=_RELAY_REST_SECONDS)

    def close(self) -> None:
        """End the thread that writes, when nothing is sent any more."""
        self._writer.shutdown()

    def part(self) -> Callable[[], float]:
        """Return a round of sending, to be called again and again; it returns how many seconds it may rest."""
        sender = self.sender()
        return lambda: self.round(sender)

    def all_due(self) -> int:
        """Send what is due now, as far as a relay takes it; return how many were accepted so far."""
        with self.sender() as sender:
            while self.round(sender) < IDLE_SECONDS and not sender.seconds_until_ready():
                pass
        return self.sent

    def round(self, sender: SmtpSender) -> float:
        """Claim, send and write one batch; return how long to rest."""
        self._write_all()  # a commit that failed is tried again before anything else is claimed
        if rest := sender.seconds_until_ready():
            sender.close()
            return min(rest, _LONGEST_REST)
        claim = outbox.claim(
            self._clock(),
            self._lease,
            self._policy,
            self._office.message_domain,
            stopped=stopped_kinds(),
            pacer=self.pacer,
        )
        give_links(claim.messages, self._settings.secret_key, self._settings.public_url, self._clock())
        self._send(sender, claim.messages)
        if claim.more or claim.messages:
            return 0.0
        sender.close()  # an idle session would only be ended by the relay
        return IDLE_SECONDS

    def _send(self, sender: SmtpSender, messages: list[Claimed]) -> None:
        part: list[SendResult] = []
        handed_at = time.monotonic()
        try:
            for n, (message, offer) in enumerate(self._offers(messages)):
                now = self._clock()
                if sender.seconds_until_ready() or message.lease_until - now < min(_LONGEST_MAIL, self._lease / 2):
                    outbox.release(messages[n:], now + dt.timedelta(seconds=sender.seconds_until_ready()))
                    break
                part.append(self._offer(sender, message, offer, now))
                enough = len(part) >= outbox_results.GROUP // 2
                if enough or time.monotonic() - handed_at >= outbox_results.GROUP_SECONDS:
                    self._wait_for_writing()
                    self._write_beside(part)
                    part, handed_at = [], time.monotonic()
        finally:
            if part:
                self._unwritten.append(part)
        self._wait_for_writing()
        self._write_all()

    def _offers(self, messages: list[Claimed]) -> Iterator[tuple[Claimed, Envelope | Verdict]]:
        """Compose some at a time: what composing needs then stays in the processor's cache, which halves its cost."""
        for begin in range(0, len(messages), outbox_results.GROUP):
            group, now = messages[begin : begin + outbox_results.GROUP], self._clock()
            yield from zip(group, [envelope_of(message, self._office, now) for message in group], strict=True)

    def _offer(self, sender: SmtpSender, message: Claimed, offer: Envelope | Verdict, now: dt.datetime) -> SendResult:
        if not isinstance(offer, Envelope):
            log.warning("message cannot be written", message=message.id, reason=offer.reason)
            return SendResult(message, now, None, offer)
        reply = sender.deliver(offer)
        log.debug("offered", message=message.id, attempt=message.attempt_id, outcome=reply.outcome, code=reply.code)
        self.sent += reply.outcome is SendOutcome.ACCEPTED
        return SendResult(message, self._clock(), reply)

    def _write_beside(self, part: list[SendResult]) -> None:
        """Commit a part in another thread while the next one is sent: the two together are never more than a group.

        Sending goes on when only the commit is left: two threads that both compute would hinder each other.
        """
        self._unwritten.append(part)
        computed = threading.Event()
        self._writing = self._writer.submit(self._write_all, computed.set)
        self._writing.add_done_callback(lambda _: computed.set())  # also when it failed
        computed.wait()

    def _wait_for_writing(self) -> None:
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _write_all(self, computed: Callable[[], object] = lambda: None) -> None:
        """Commit what was sent. A part leaves the list when it is committed, so that a failure loses none."""
        with connected():
            while self._unwritten:
                part = self._unwritten[0]
                late = outbox_results.finish(part, self._policy, self._clock(), written=computed)
                log.debug("written", results=len(part), late=late)
                self._unwritten.pop(0)


def _patient(relay: Relay) -> Relay:
    """Bound how long one mail may take, so that a lease can cover it: the relay is ours and answers soon."""
    return replace(relay, timeout_seconds=20.0, end_of_data_seconds=_END_OF_DATA_SECONDS)
