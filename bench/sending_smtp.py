"""How fast one session sends: our Sender against a bare smtplib loop, same mails, same sink in a process of its own.

`python -m bench.sending_smtp [messages]`. Without PIPELINING both make the same four round trips a mail, so that the
ratio is the cost of our bookkeeping; with PIPELINING (Postfix offers it) ours makes two.
"""

import contextlib
import smtplib
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

from webapp.domain.mail.compose import Identity, OutgoingMail, compose
from webapp.domain.mail.return_path import ReturnPathKeys, make_return_path
from webapp.domain.mail.smtp_client import Envelope, Relay, SendOutcome, SmtpSender
from webapp.domain.notices.messages import MessageKind, Role

NOW = datetime(2026, 11, 23, tzinfo=UTC)
IDENTITY = Identity(
    *("運営主体", "notice@todoke.example", "とどけ運営主体", "@todoke.example", "https://todoke.example/sign-in"),
    *("03-0000-0000", "9:00-17:00", "otoiawase@todoke.example", "https://www.todoke.example"),
)
ROUNDS = 5


@contextlib.contextmanager
def sink(*features: str) -> Iterator[int]:
    """Run the sink and give its port."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.servers.smtp_sink", *features],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield int(process.stdout.readline())
    finally:
        process.communicate()


def envelopes(count: int) -> list[Envelope]:
    """Compose mails to different people, each with its return path."""
    keys = ReturnPathKeys(1, {1: b"\x01" * 32})
    made = []
    for n in range(count):
        values = {"name": f"佐藤 {n}", "technician_id": f"{n:014d}", "application_number": f"A-{n}"}
        mail = OutgoingMail(MessageKind.ID_NOTICE, Role.TECHNICIAN, "ja", f"p{n}@mail.example", f"佐藤 {n}", values)
        data = compose(mail, IDENTITY, f"<{n}.1@todoke.example>", NOW)
        made.append(Envelope(make_return_path(n, NOW, keys, "bounce.todoke.example"), mail.recipient, data))
    return made


def bare(port: int, mails: list[Envelope]) -> float:
    """Send with smtplib alone and return the messages a second."""
    begin = time.perf_counter()
    with smtplib.SMTP("127.0.0.1", port, local_hostname="bench") as client:
        for mail in mails:
            client.sendmail(mail.mail_from, mail.recipient, mail.data)
    return len(mails) / (time.perf_counter() - begin)


def ours(port: int, mails: list[Envelope]) -> float:
    """Send with our Sender and return the messages a second."""
    begin = time.perf_counter()
    with SmtpSender([Relay("127.0.0.1", port, messages_per_connection=10**9)], local_hostname="bench") as sender:
        if any(sender.deliver(mail).outcome is not SendOutcome.ACCEPTED for mail in mails):
            raise RuntimeError("a mail was not accepted")
    return len(mails) / (time.perf_counter() - begin)


def main() -> None:
    """Print composing, then both ways side by side, the median of rounds taken in turn."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 2000
    envelopes(100)  # texts are read and compiled at first use
    begin = time.perf_counter()
    mails = envelopes(count)
    print(f"composing with its return path: {(time.perf_counter() - begin) / count * 1e6:.0f} µs a mail")
    for features in ((), ("PIPELINING", "DSN", "8BITMIME", "SMTPUTF8")):
        with sink(*features) as port:
            bare(port, mails[:100]), ours(port, mails[:100])
            rounds = [(bare(port, mails), ours(port, mails)) for _ in range(ROUNDS)]
        theirs, own = (statistics.median(column) for column in zip(*rounds, strict=True))
        ratio = statistics.median(own / theirs for theirs, own in rounds)
        name = "with PIPELINING" if features else "without PIPELINING"
        print(f"{name}: smtplib {theirs:.0f}/s, ours {own:.0f}/s, ratio {ratio:.2f}")


if __name__ == "__main__":
    main()
