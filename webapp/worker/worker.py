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
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import structlog

from db.database import connected
from db.models import WorkerBeat
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.exports import requests
from webapp.domain.intake.runs import Uploads
from webapp.domain.mail import inbound
from webapp.domain.mail.lmtp_server import LmtpBounds, LmtpListener
from webapp.domain.mail.restore import TickFileError
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.production import Production
from webapp.settings import Settings
from webapp.worker.jobs import BEAT_SECONDS, JOBS, Work, note_tick
from webapp.worker.sending import IDLE_SECONDS, Sending

log = structlog.get_logger("worker")

LEASE = dt.timedelta(minutes=5)
_FIRST_REST, _LONGEST_REST = 1.0, 60.0
PRINT_IDLE_SECONDS = 2.0
# Two missed beats and a little: a worker that is away longer has no share of the pace.
_ALIVE = dt.timedelta(seconds=25)


def utc_now() -> dt.datetime:
    """Return the clock's time: the worker stands at the edge, where the clock is read."""
    return dt.datetime.now(dt.UTC)


@dataclass
class _Turn:
    """A job of the timetable as this worker does it, and when it is due next."""

    name: str
    every: float
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
        self._desk = inbound.InboundSettings.of(settings)
        self._production = Production(PrintOffice.of(settings), clock)
        self._stopping = threading.Event()
        self._listener: LmtpListener | None = None
        self._beat = WorkerBeat(host=socket.gethostname(), pid=os.getpid(), started_at=clock(), seen_at=clock())
        self.sending = Sending(settings, lease, clock)
        self._work = Work(settings, clock, self._stopping.is_set, self._note_beat)
        self.jobs = [_Turn(job.name, job.every, partial(job.do, self._work)) for job in JOBS]

    def stop(self) -> None:
        """Ask to stop: what is claimed is finished, then `run` returns. Safe to call from a signal handler."""
        self._stopping.set()

    def run(self) -> None:
        """Work until `stop`. TickFileError when nobody could tell whether a backup was restored."""
        with connected():
            note_tick(self._work, self._clock())
            self._note_beat(self._clock())
        parts: list[tuple[str, Callable[[], float]]] = [("sending", self.sending.part()), ("periodic", self._periodic)]
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
        self.sending.close()
        if self._listener is not None:
            self._listener.stop()
        with connected():
            WorkerBeat.delete().where(WorkerBeat.id == self._beat.id).execute()
        log.info("stopped", sent=self.sending.sent)

    def once(self) -> int:
        """Do what is due now, once, without listening; return how many mails a relay has accepted."""
        with connected():
            note_tick(self._work, self._clock())
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
            return self.sending.all_due()

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
        """Do the jobs that are due; one that fails does not keep the others from their job."""
        failure = None
        for job in self.jobs:
            if job.due > time.monotonic() or self._stopping.is_set():
                continue
            try:
                job.do(self._clock())
                job.due = time.monotonic() + job.every
            except Exception as error:  # kept for `_keep`, which opens the alarm, after the other jobs had their turn
                log.error("job failed", job=job.name, exc_info=error)
                failure = failure or error
        if failure is not None:
            raise failure
        return max(0.0, min(job.due for job in self.jobs) - time.monotonic())

    def _print(self) -> float:
        """Do the next thing for a batch of postcards: the other parts do not wait for a thousand cards."""
        return 0.0 if self._production.step() else PRINT_IDLE_SECONDS

    # -- signs of life -------------------------------------------------------------------------------------------------

    def _note_beat(self, now: dt.datetime) -> None:
        beat = self._beat
        beat.seen_at, beat.data = now, {"sent": self.sending.sent, "listening": self._listener is not None}
        beat.save(force_insert=not WorkerBeat.select().where(WorkerBeat.id == beat.id).exists())
        self.sending.pacer.share = 1 / max(1, self._living(now).count())

    def _living(self, now: dt.datetime):
        return WorkerBeat.select().where(WorkerBeat.seen_at > now - _ALIVE)

    def _neighbours(self) -> bool:
        same_host = (WorkerBeat.host == self._beat.host) & (WorkerBeat.id != self._beat.id)
        return self._living(self._clock()).where(same_host).exists()


__all__ = ["TickFileError", "Worker"]
