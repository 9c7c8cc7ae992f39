"""The worker beside the web: sends what is due, takes returned mail, and does what comes round.

Each part runs in a thread of its own. A part that fails opens an alarm, waits longer each time and goes on; the others
do not notice. What a worker holds when it is told to stop is finished first; what it holds when it is killed comes due
again at the end of its lease.
"""

import contextlib
import datetime as dt
import errno
import os
import random
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import structlog

from db.database import connected, refresh_statistics
from db.models import WorkerBeat
from webapp.domain.accounts import access_requests, business_users
from webapp.domain.cards import monitor
from webapp.domain.cards.imports import take_one
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.exports import requests
from webapp.domain.inquiries import public_form
from webapp.domain.intake.runs import Uploads
from webapp.domain.mail import inbound, outbox, outbox_results, restore
from webapp.domain.mail.lmtp_server import LmtpBounds, LmtpListener
from webapp.domain.mail.outbox_results import SendResult
from webapp.domain.mail.restore import TickFileError
from webapp.domain.mail.sending_switch import stopped_kinds
from webapp.domain.mail.smtp_client import Envelope, Relay, SendOutcome, SmtpSender
from webapp.domain.maintenance import retention, upkeep
from webapp.domain.monitoring import rules
from webapp.domain.notices.messages import Policy, Verdict, presume
from webapp.domain.postcard import batches, delivery
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.production import Production
from webapp.settings import Settings
from webapp.translations import speaker
from webapp.worker.envelopes import SenderIdentity, envelope_of, give_links, relays_of

log = structlog.get_logger("worker")

LEASE = dt.timedelta(minutes=5)
# One mail may take as long as the relay may be silent. A batch ends while its lease still covers one more.
_END_OF_DATA_SECONDS = 180.0
_LONGEST_MAIL = dt.timedelta(seconds=230)

IDLE_SECONDS = 0.5
# A relay of ours that was just started or restarted is soon there again.
_RELAY_REST_SECONDS = 5.0
_FIRST_REST, _LONGEST_REST = 1.0, 60.0
BEAT_SECONDS = 10.0
PRINT_IDLE_SECONDS = 2.0
# Two missed beats and a little: a worker that is away longer has no share of the pace.
_ALIVE = dt.timedelta(seconds=25)


def utc_now() -> dt.datetime:
    """Return the clock's time: the worker stands at the edge, where the clock is read."""
    return dt.datetime.now(dt.UTC)


@dataclass
class _Job:
    """Something that comes round: every so many seconds, beginning at once."""

    name: str
    seconds: float
    do: Callable[[dt.datetime], object]
    due: float = 0.0


class Worker:
    """One process's share of the work. `run` returns after `stop` was called from a signal or another thread."""

    def __init__(
        self,
        settings: Settings,
        *,
        lease: dt.timedelta = LEASE,
        listen: bool = True,
        clock: Callable[[], dt.datetime] = utc_now,
    ) -> None:
        self._settings, self._lease, self._listen, self._clock = settings, lease, listen, clock
        self._policy, self._office, self._desk = (
            Policy.of(settings),
            SenderIdentity.of(settings),
            inbound.InboundSettings.of(settings),
        )
        self._print_office = PrintOffice.of(settings)
        self._production = Production(self._print_office, clock)
        self._relays = [_patient(relay) for relay in relays_of(settings)]
        self._card_rules = monitor.Thresholds.of(settings)
        self._pacer = outbox.Pacer(settings.domain_per_minute / 60)
        self._stopping = threading.Event()
        self._unwritten: list[list[SendResult]] = []
        self._writing: Future | None = None
        self._writer = ThreadPoolExecutor(1, "writing")
        self._listener: LmtpListener | None = None
        self._beat = WorkerBeat(host=socket.gethostname(), pid=os.getpid(), started_at=clock(), seen_at=clock())
        self._sent = 0
        self.jobs = [
            _Job("beat", BEAT_SECONDS, self._note_beat),
            _Job("tick", 60.0, self._tick),
            _Job("presume", 60.0, self._presume),
            _Job("cards", 60.0, lambda now: monitor.watch(now, self._card_rules)),
            _Job("contact", 20.0, lambda now: public_form.follow_up(now, settings.card_wrong_pairs)),
            _Job("card imports", 2.0, self._read_card_imports),
            _Job("seal", 60.0, lambda now: upkeep.seal_logs(settings.state_dir, now)),
            _Job("seal watch", 600.0, lambda now: upkeep.watch_seals(settings.state_dir, now)),
            _Job("requests", 2.0, lambda now: access_requests.answer_requests(settings.secret_key, now)),
            _Job("invite", 30.0, business_users.invite_waiting),
            _Job("bulk", 2.0, upkeep.go_on_with_bulk_changes),
            _Job("alarm rules", 60.0, lambda now: rules.watch(now, settings)),
            _Job(
                "alarm mail",
                20.0,
                lambda now: upkeep.mail_alarms(settings, now, speaker),
            ),
            _Job("recount", 3600.0, upkeep.recount_at_night),
            _Job("statistics", 3600.0, lambda _now: refresh_statistics()),
            _Job("retention", 600.0, lambda now: upkeep.remove_expired(settings, now)),
            _Job("postcards", 60.0, self._follow_postcards),
            _Job("old exports", 10.0, lambda now: retention.apply("export_request", settings, now)),
        ]

    def stop(self) -> None:
        """Ask to stop: what is claimed is finished, then `run` returns. Safe to call from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`. TickFileError when nobody could tell whether a backup was restored."""
        with connected():
            self._tick(self._clock())
            self._note_beat(self._clock())
        parts: list[tuple[str, Callable[[], float]]] = [("sending", self._sending()), ("periodic", self._periodic)]
        parts.append(("imports", self._imports()))
        parts.append(("printing", self._print))
        parts.append(("exports", self._exports()))
        if self._listen:
            parts.append(("lmtp", self._keep_listening))
        threads = [threading.Thread(target=self._keep, args=part, name=part[0]) for part in parts]
        for thread in threads:
            thread.start()
        log.info("started", host=self._beat.host, pid=self._beat.pid)
        for thread in threads:
            thread.join()
        self._writer.shutdown()
        if self._listener is not None:
            self._listener.stop()
        with connected():
            WorkerBeat.delete().where(WorkerBeat.id == self._beat.id).execute()
        log.info("stopped", sent=self._sent)

    def once(self) -> int:
        """Do what is due now, once, without listening; return how many mails a relay has accepted."""
        with connected():
            self._tick(self._clock())
            for job in self.jobs:
                if job.name not in ("tick", "beat"):
                    job.do(self._clock())
            imports = self._imports()
            while not imports():
                pass
            while self._production.step():
                pass
            write = self._exports()
            while not write():
                pass
            with SmtpSender(self._relays, rest_seconds=_RELAY_REST_SECONDS) as sender:
                while self._send_round(sender) < IDLE_SECONDS and not sender.seconds_until_ready():
                    pass
            return self._sent

    # -- parts ---------------------------------------------------------------------------------------------------------

    def _keep(self, name: str, part: Callable[[], float]) -> None:
        """Do a part again and again; it returns how many seconds it may rest."""
        failures = 0
        while True:
            try:
                with connected():
                    rest = part()
                    if failures:
                        close_alarm(AlarmKind.WORKER_FAILED, name, self._clock())
                        failures = 0
            except Exception as error:  # whatever went wrong, the other parts and the next round go on
                failures += 1
                rest = min(_LONGEST_REST, _FIRST_REST * 2 ** min(failures, 10)) * (0.75 + random.random() / 2)
                log.error("part failed", part=name, failures=failures, exc_info=error)
                # The database itself may be what is away: then there is nowhere to put an alarm.
                with contextlib.suppress(Exception), connected():
                    data = {"error": type(error).__name__}
                    open_alarm(AlarmKind.WORKER_FAILED, name, self._clock(), data)
            if self._stopping.wait(rest) or self._stopping.is_set():
                return

    def _sending(self) -> Callable[[], float]:
        sender = SmtpSender(self._relays, rest_seconds=_RELAY_REST_SECONDS)
        return lambda: self._send_round(sender)

    def _send_round(self, sender: SmtpSender) -> float:
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
            pacer=self._pacer,
        )
        give_links(claim.messages, self._settings.secret_key, self._settings.public_url, self._clock())
        self._send(sender, claim.messages)
        if claim.more or claim.messages:
            return 0.0
        sender.close()  # an idle session would only be ended by the relay
        return IDLE_SECONDS

    def _send(self, sender: SmtpSender, messages: list[outbox.Claimed]) -> None:
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

    def _offers(self, messages: list[outbox.Claimed]) -> Iterator[tuple[outbox.Claimed, Envelope | Verdict]]:
        """Compose some at a time: what composing needs then stays in the processor's cache, which halves its cost."""
        for begin in range(0, len(messages), outbox_results.GROUP):
            some, now = messages[begin : begin + outbox_results.GROUP], self._clock()
            yield from zip(some, [envelope_of(message, self._office, now) for message in some], strict=True)

    def _offer(
        self, sender: SmtpSender, message: outbox.Claimed, offer: Envelope | Verdict, now: dt.datetime
    ) -> SendResult:
        if not isinstance(offer, Envelope):
            log.warning("message cannot be written", message=message.id, reason=offer.reason)
            return SendResult(message, now, None, offer)
        reply = sender.deliver(offer)
        log.debug("offered", message=message.id, attempt=message.attempt_id, outcome=reply.outcome, code=reply.code)
        self._sent += reply.outcome is SendOutcome.ACCEPTED
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

    def _imports(self) -> Callable[[], float]:
        uploads = Uploads(Path(self._settings.state_dir), self._clock)
        return lambda: 0.0 if uploads.step(self._clock()) else IDLE_SECONDS

    def _exports(self) -> Callable[[], float]:
        # Loaded when the work begins: only what stands behind the pages needs Flask.
        from webapp.worker.export_writer import Writer

        writer = Writer(self._settings, self._clock, min(self._lease, requests.LEASE))
        return lambda: 0.0 if writer.step() else IDLE_SECONDS

    def _keep_listening(self) -> float:
        """Take returned mail; if another worker of this machine does so already, be ready to take its place."""
        if self._listener is None:
            listener = LmtpListener(
                None,
                self._settings.lmtp_host,
                self._settings.lmtp_port,
                LmtpBounds(message_bytes=self._settings.returned_mail_bytes),
                receive_all=self._receive_all,
            )
            try:
                self._listener = listener.start()
            except OSError as error:
                if error.errno == errno.EADDRINUSE and self._neighbours():
                    return BEAT_SECONDS
                raise
            log.info("listening", host=listener.host, port=listener.port)
        return BEAT_SECONDS

    def _receive_all(self, mails: Sequence[tuple[str, bytes]]) -> list[Exception | None]:
        with connected():
            results = inbound.take_all(mails, "lmtp", self._clock(), self._desk)
        for taken in results:
            if not isinstance(taken, Exception):
                said = {"state": taken.state, "kind": taken.kind, "reason": taken.reason}
                log.info("returned mail", returned_mail=taken.id, **said)
        return [taken if isinstance(taken, Exception) else None for taken in results]

    def _periodic(self) -> float:
        """Do the jobs that are due; one that fails does not keep the others from their turn."""
        failure = None
        for job in self.jobs:
            if job.due > time.monotonic() or self._stopping.is_set():
                continue
            try:
                job.do(self._clock())
                job.due = time.monotonic() + job.seconds
            except Exception as error:  # kept for `_keep`, which opens the alarm, after the other jobs had their turn
                log.error("job failed", job=job.name, exc_info=error)
                failure = failure or error
        if failure is not None:
            raise failure
        return max(0.0, min(job.due for job in self.jobs) - time.monotonic())

    # -- jobs ----------------------------------------------------------------------------------------------------------

    def _read_card_imports(self, _now: dt.datetime) -> None:
        while take_one(self._clock) and not self._stopping.is_set():
            pass

    def _note_beat(self, now: dt.datetime) -> None:
        beat = self._beat
        beat.seen_at, beat.data = now, {"sent": self._sent, "listening": self._listener is not None}
        beat.save(force_insert=not WorkerBeat.select().where(WorkerBeat.id == beat.id).exists())
        self._pacer.share = 1 / max(1, self._living(now).count())

    def _living(self, now: dt.datetime):
        return WorkerBeat.select().where(WorkerBeat.seen_at > now - _ALIVE)

    def _neighbours(self) -> bool:
        same_host = (WorkerBeat.host == self._beat.host) & (WorkerBeat.id != self._beat.id)
        return self._living(self._clock()).where(same_host).exists()

    def _tick(self, now: dt.datetime) -> None:
        if restore.tick(self._settings.state_dir, now):
            log.warning("an older database was restored: nothing is sent until a person has decided")

    def _print(self) -> float:
        """Do the next thing for a batch of postcards: the other parts do not wait for a thousand cards."""
        return 0.0 if self._production.step() else PRINT_IDLE_SECONDS

    def _follow_postcards(self, now: dt.datetime) -> None:
        if batch := batches.begin_daily(self._print_office, now):
            log.info("batch of the day", batch=batch.number)
        while delivery.presume(self._print_office, now) == 1000 and not self._stopping.is_set():
            pass

    def _presume(self, now: dt.datetime) -> None:
        while presume(self._policy, now) == 1000 and not self._stopping.is_set():
            pass


def _patient(relay: Relay) -> Relay:
    """Bound how long one mail may take, so that a lease can cover it: the relay is ours and answers soon."""
    return replace(relay, timeout_seconds=20.0, end_of_data_seconds=_END_OF_DATA_SECONDS)


__all__ = ["TickFileError", "Worker"]
