"""How the demo's mail catcher treats a recipient: by domain, in the words that real servers use.

All domains are under .example (RFC 2606), so that nothing of a demo can reach anybody.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from webapp.domain.core.language import N_
from webapp.domain.mail.compose import message_date


class Manner(StrEnum):
    """When and how a recipient is answered."""

    ACCEPT = "accept"
    REFUSE_RECIPIENT = "refuse_recipient"  # in reply to RCPT TO
    REFUSE_DATA = "refuse_data"  # in reply to the end of the data
    LATER = "later"  # 4xx to RCPT the first time, then accepted
    RETURN_REPORT = "return_report"  # accepted, then returned as a report after RFC 3464
    RETURN_NOTE = "return_note"  # accepted, then returned as au does, in plain words
    CONFIRM = "confirm"  # accepted, then a success report if one was asked for


@dataclass(frozen=True, slots=True)
class Behaviour:
    """One row of the table; `text` is the remote server's reply, with `{address}` and `{domain}` filled in."""

    manner: Manner
    label: str
    text: str = ""
    status: str = ""
    server: str = ""


ACCEPT = Behaviour(Manner.ACCEPT, N_("届く"))

# The nearest domain counts: sato@mail.gone.example behaves as gone.example does.
BEHAVIOURS: dict[str, Behaviour] = {
    "gone.docomo.example": Behaviour(
        Manner.REFUSE_RECIPIENT, N_("アドレスが存在しない（ドコモ、宛先の応答）"), "550 Unknown user {address}"
    ),
    "filter.docomo.example": Behaviour(
        Manner.REFUSE_DATA, N_("受信拒否の設定（ドコモ、本文のあとの応答）"), "550 Unknown user {address}"
    ),
    "gone.au.example": Behaviour(
        Manner.REFUSE_RECIPIENT, N_("アドレスが存在しない（au、宛先の応答）"), "550 <{address}>: User unknown"
    ),
    "filter.au.example": Behaviour(
        Manner.REFUSE_DATA, N_("受信拒否の設定（au、本文のあとの応答）"), "550 : User unknown"
    ),
    "returned.au.example": Behaviour(Manner.RETURN_NOTE, N_("au の言葉で返ってくる"), server="ezweb.ne.jp"),
    "gone.softbank.example": Behaviour(
        Manner.RETURN_REPORT,
        N_("アドレスが存在しない（ソフトバンク、あとで返ってくる）"),
        "550 Invalid recipient: <{address}>",
        "5.0.0",
        "mx.softbank.example",
    ),
    "gone.example": Behaviour(
        Manner.RETURN_REPORT,
        N_("アドレスが存在しない（あとで返ってくる）"),
        "550 5.1.1 <{address}>: Recipient address rejected: User unknown in virtual mailbox table",
        "5.1.1",
        "mx.gone.example",
    ),
    "full.example": Behaviour(
        Manner.RETURN_REPORT,
        N_("受信箱がいっぱい"),
        "552 5.2.2 <{address}>: Mailbox is full",
        "5.2.2",
        "mx.full.example",
    ),
    "moved.example": Behaviour(
        Manner.RETURN_REPORT,
        N_("アドレスが変わった"),
        "551 5.1.6 <{address}>: The recipient has moved and left no address",
        "5.1.6",
        "mx.moved.example",
    ),
    "no-such-host.example": Behaviour(
        Manner.RETURN_REPORT,
        N_("宛先のドメインが存在しない"),
        "Host or domain name not found. Name service error for name={domain} type=AAAA: Host not found",
        "5.4.4",
    ),
    "blocked.example": Behaviour(
        Manner.RETURN_REPORT,
        N_("送信元が拒否された（運営主体の側の問題）"),
        "554 5.7.1 Service unavailable; Client host [192.0.2.25] blocked using bl.blocked.example",
        "5.7.1",
        "mx.blocked.example",
    ),
    "slow.example": Behaviour(
        Manner.LATER, N_("はじめは断られ、あとで届く"), "451 4.7.1 <{address}>: Greylisted, please try again later"
    ),
    "delivered.example": Behaviour(
        Manner.CONFIRM,
        N_("到着の確認が返ってくる"),
        "250 2.0.0 <{address}>: Saved",
        "2.0.0",
        "mx.delivered.example",
    ),
}


def behaviour_of_domain(domain: str) -> Behaviour:
    """Return the row of a domain or of its nearest parent; every other domain takes its mail."""
    name = domain.lower()
    while name:
        if name in BEHAVIOURS:
            return BEHAVIOURS[name]
        name = name.partition(".")[2]
    return ACCEPT


def answer_text(behaviour: Behaviour, address: str) -> str:
    """Return the server's reply with the recipient in it."""
    return behaviour.text.format(address=address, domain=address.rpartition("@")[2])


def returned_mail(
    behaviour: Behaviour,
    return_path: str,
    address: str,
    sent: bytes,
    queue_id: str,
    now: datetime,
    envelope_id: str = "",
) -> bytes:
    """Return the mail that comes back to `return_path` for what was `sent`, with CRLF line ends."""
    headers = sent.partition(b"\r\n\r\n")[0].decode("utf-8", "replace")
    if behaviour.manner is Manner.RETURN_NOTE:
        text = _note(behaviour, return_path, address, headers, queue_id, now)
    else:
        text = _report(behaviour, return_path, address, headers, queue_id, now)
    return "\r\n".join(text.splitlines()).encode("utf-8") + b"\r\n"


def _report(behaviour: Behaviour, return_path: str, address: str, headers: str, queue_id: str, now: datetime) -> str:
    """Return a report with the parts and fields of RFC 3464, in the style of a relay that was refused."""
    reply = answer_text(behaviour, address)
    date, host, boundary = message_date(now), "relay.todoke.example", f"{queue_id}.1/relay.todoke.example"
    if behaviour.manner is Manner.CONFIRM:
        subject, action = "Successful Mail Delivery Report", "delivered"
        words = f"Your message was successfully delivered to the destination listed below.\n\n<{address}>: {reply}"
    else:
        subject, action = "Undelivered Mail Returned to Sender", "failed"
        said = f"host {behaviour.server}[192.0.2.1] said: {reply} (in reply to RCPT TO command)"
        words = f"Your message could not be delivered.\n\n<{address}>: {said if behaviour.server else reply}"
    remote = f"Remote-MTA: dns; {behaviour.server}\n" if behaviour.server else ""
    diagnostic = f"smtp; {reply}" if behaviour.server else f"X-Postfix; {reply}"
    return f"""\
Return-Path: <>
Received: by {host} (Postfix)
\tid {queue_id}; {date}
Date: {date}
From: MAILER-DAEMON@{host} (Mail Delivery System)
Subject: {subject}
To: {return_path}
Auto-Submitted: auto-replied
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status;
\tboundary="{boundary}"
Message-Id: <{queue_id}.returned@{host}>

This is a MIME-encapsulated message.

--{boundary}
Content-Description: Notification
Content-Type: text/plain; charset=us-ascii

This is the mail system at host {host}.

{words}

--{boundary}
Content-Description: Delivery report
Content-Type: message/delivery-status

Reporting-MTA: dns; {host}
Arrival-Date: {date}

Final-Recipient: rfc822; {address}
Original-Recipient: rfc822;{address}
Action: {action}
Status: {behaviour.status}
{remote}Diagnostic-Code: {diagnostic}

--{boundary}
Content-Description: Undelivered Message Headers
Content-Type: text/rfc822-headers

{headers}

--{boundary}--
"""


def _note(behaviour: Behaviour, return_path: str, address: str, headers: str, queue_id: str, now: datetime) -> str:
    """Return a note as au sends it: no report, the recipient in brackets, no reason (the typo in MIME is theirs)."""
    host, date = behaviour.server, message_date(now)
    return f"""\
Return-Path: <>
Received: from wfilter115 (wfilter115-a0 [192.0.2.26])
\tby wsmtpr24.{host} (EZweb Mail) with ESMTP id {queue_id}
\tfor <{return_path}>; {date}
MIME-Virsion: 1.0
Content-Type: text/plain; charset=iso-2022-jp
From: <Postmaster@{host}>
To: <{return_path}>
Subject: Mail System Error - Returned Mail
Message-Id: <{queue_id}@wsmtpr24.{host}>
Date: {date}

<{address}>

Each of the following recipients was rejected by a remote mail server.
---------------------------------------------------
{headers}
"""
