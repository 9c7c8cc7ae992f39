"""How fast one worker sends from the database against a bare smtplib loop over the same bytes; returned mails a second.

`python -m bench.sending [messages]`. Both offer the same mails to the same sink, which is a process of its own, in the
same run. The worker claims, composes, sends and commits (synchronous=FULL); the loop only sends what is composed.
"""

import datetime as dt
import logging
import smtplib
import statistics
import sys
import tempfile
import time
from pathlib import Path

import structlog

from bench.sending_smtp import sink
from db import database as db
from db import schema
from db.ids import new_ids
from db.models import Attempt, Message
from db.rows import write_rows
from tests import cast
from tests.processes import worker
from webapp import settings
from webapp.domain.mail import inbound, outbox
from webapp.domain.mail.return_path import make_return_path
from webapp.domain.mail.smtp_client import Envelope
from webapp.domain.notices.messages import MessageKind, Policy, Role, new_message
from webapp.worker.envelopes import SenderIdentity, envelope_of
from webapp.worker.worker import Worker

ROUNDS = 3
TOGETHER = 25  # so many returned mails a commit, as the listener takes them when many wait
FEATURES = ("PIPELINING", "DSN", "8BITMIME", "SMTPUTF8")


def prepare(directory: Path, port: int, count: int):
    """Return the settings of a fresh database in which `count` notices wait."""
    env = worker.environment(f"sqlite:///{directory}/bench.db", directory, port, TODOKE_DOMAIN_PER_MINUTE="1000000")
    chosen = settings.load(env, dotenv=None)
    db.configure(chosen.database_url)
    with db.connected():
        schema.migrate("test")
        with db.transaction():
            queue_notices(count, dt.datetime.now(dt.UTC))
    return chosen


def queue_notices(count: int, now: dt.datetime) -> None:
    """Queue notices to different people in the running transaction: one by the rules, the others after its pattern."""
    person = cast.technician(now)
    application = cast.registration(person, now)
    address = cast.email(person, "p0@mail0.example", now)
    message = new_message(
        MessageKind.ID_NOTICE, Role.TECHNICIAN, address, "ja", now, registration=application, technician=person
    )
    made = {person.id: 0, application.id: 1, address.id: 2, message.id: 3}
    ids = new_ids(5 * (count - 1))
    for table in ("technician", "registration", "email_address", "message", "event"):
        cursor = db.database.execute_sql(f"SELECT * FROM {table}")
        columns, pattern = [column[0] for column in cursor.description], cursor.fetchone()
        rows = []
        for n in range(1, count):
            own = ids[5 * (n - 1) : 5 * n]
            row = {
                name: own[made[value]] if name.endswith("id") and value in made else value
                for name, value in zip(columns, pattern, strict=True)
            }
            row["id"] = own[made.get(pattern[0], 4)]
            row |= {name: changed(n) for name, changed in _OWN.items() if name in row and row[name] is not None}
            if table == "technician":
                row["technician_id"] = f"{80_000_000_000_000 + n}"
            rows.append(tuple(row.values()))
        write_rows(table, columns, rows)


_OWN = {
    "application_number": "B-2026-{:05}".format,
    "value": lambda n: f"p{n}@mail{n % 50}.example",
    "value_key": lambda n: f"p{n}@mail{n % 50}.example",
    "destination": lambda n: f"mail{n % 50}.example",
}


def same_bytes(chosen) -> list[Envelope]:
    """Return what the worker would send, without changing anything."""
    now, office = dt.datetime.now(dt.UTC), SenderIdentity.of(chosen)
    envelopes = []
    with db.connected(), db.transaction() as transaction:
        while claim := outbox.claim(now, dt.timedelta(minutes=5), Policy.of(chosen), "x.example").messages:
            envelopes += [envelope_of(message, office, now) for message in claim]
        transaction.rollback()
    return envelopes


def bare(port: int, mails: list[Envelope]) -> tuple[float, float]:
    """Send with smtplib alone; return seconds by the clock and of this process's processor time."""
    begin, spent = time.perf_counter(), time.process_time()
    with smtplib.SMTP("127.0.0.1", port, local_hostname="bench") as client:
        for mail in mails:
            client.sendmail(mail.mail_from, mail.recipient, mail.data)
    return time.perf_counter() - begin, time.process_time() - spent


def work(chosen) -> tuple[float, float]:
    """Send everything that waits with one worker; return seconds by the clock and of its processor time."""
    begin, spent = time.perf_counter(), time.process_time()
    with db.connected():
        Worker(chosen).once()
    seconds = time.perf_counter() - begin, time.process_time() - spent
    with db.connected():
        if Message.select().where(Message.state != "sent").exists():
            raise RuntimeError("not every notice was sent")
    return seconds


def take_back(chosen, count: int) -> tuple[float, float]:
    """Take a report for each of `count` sent notices; return mails a second by the clock and by the processor."""
    desk, now = inbound.InboundSettings.of(chosen), dt.datetime.now(dt.UTC)
    with db.connected():
        attempts = list(Attempt.select().limit(count))
        mails = []
        for attempt in attempts:
            path = make_return_path(attempt.id, now, desk.keys, chosen.return_domain)
            mails.append((path, report(attempt.address.value)))
        begin, spent = time.perf_counter(), time.process_time()
        for n in range(0, count, TOGETHER):
            for taken in inbound.take_all(mails[n : n + TOGETHER], "lmtp", now, desk):
                if isinstance(taken, Exception) or taken.state != "applied":
                    raise RuntimeError("a report was not believed")
        return count / (time.perf_counter() - begin), count / (time.process_time() - spent)


def report(recipient: str) -> bytes:
    """A report as Postfix writes it."""
    return (
        "From: MAILER-DAEMON@relay.example\r\nSubject: Undelivered Mail Returned to Sender\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n--b\r\n\r\n'
        f"This is the mail system at host relay.example.\r\n\r\n<{recipient}>: host mx.example[192.0.2.1] said: 550"
        " 5.1.1 User unknown (in reply to RCPT TO command)\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n"
        f"Reporting-MTA: dns; relay.example\r\n\r\nFinal-Recipient: rfc822; {recipient}\r\nAction: failed\r\n"
        "Status: 5.1.1\r\nDiagnostic-Code: smtp; 550 5.1.1 User unknown\r\n\r\n--b--\r\n"
    ).encode()


def run(count: int = 10_000) -> list[dict]:
    """Measure and return the figures: what was measured, the value, its reference and their ratio."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    pairs, taken = [], (0.0, 0.0)
    with sink(*FEATURES) as port:
        for n in range(ROUNDS):
            with tempfile.TemporaryDirectory(prefix="todoke-bench-") as directory:
                chosen = prepare(Path(directory), port, count)
                mails = same_bytes(chosen)
                # In turn, so that neither has the warmer machine.
                if n % 2:
                    theirs, ours = bare(port, mails), work(chosen)
                else:
                    ours, theirs = work(chosen), bare(port, mails)
                pairs.append((count / ours[0], count / theirs[0], count / ours[1], count / theirs[1]))
                if n == ROUNDS - 1:
                    taken = take_back(chosen, min(count, 2000))
                db.database.close_all()
    ours, theirs, ours_spent, theirs_spent = (statistics.median(column) for column in zip(*pairs, strict=True))
    return [
        {
            "name": f"sending {count} notices, one worker, SQLite",
            "value": round(ours),
            "unit": "mails/s",
            "reference": f"bare smtplib loop over the same bytes: {round(theirs)} mails/s",
            "ratio": round(statistics.median(own / bare for own, bare, _, _ in pairs), 2),
            "a processor second": round(ours_spent),
            "ratio by processor": round(ours_spent / theirs_spent, 2),
        },
        {
            "name": f"returned mails read, judged and applied, one thread, {TOGETHER} a commit, SQLite",
            "value": round(taken[0]),
            "unit": "mails/s",
            "reference": "",
            "ratio": None,
            "a processor second": round(taken[1]),
            "ratio by processor": None,
        },
    ]


def main() -> None:
    """Print the figures."""
    for row in run(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000):
        print(row)


if __name__ == "__main__":
    main()
