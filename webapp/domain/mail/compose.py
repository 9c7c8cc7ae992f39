"""A notice becomes the bytes of a mail: one plain-text part, UTF-8 in base64, which phones of twenty years ago read.

The bytes are put together by hand: `email.message` takes over a millisecond for a Japanese mail, and a worker makes
a hundred thousand of them. Quoted-printable would treble Japanese text, 8bit is damaged by relays without 8BITMIME.
"""

import binascii
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache

from webapp.domain.core.calendar import JST
from webapp.domain.email_addresses.syntax import wire_address
from webapp.domain.mail.templates import VARIABLES, text_for
from webapp.domain.notices.messages import MessageKind, Role

_WORD_BYTES = 42  # of UTF-8: 56 characters of base64 and 12 of frame keep `Subject: ` within 78 columns
_LINE_LENGTH = 76  # of a body in base64 (RFC 2045, section 6.8)
_MESSAGE_ID = re.compile(r"<[A-Za-z0-9!#$%&'*+/=?^_`{|}~.\-]{1,128}@[A-Za-z0-9.\-]{1,128}>")
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~\- ]*")
_WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

# A name stands on one line and in its own direction: controls and line ends would begin a new header or paragraph, and
# bidirectional overrides would let a name turn the text around it.
_UNWANTED = {c: " " for c in (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)} | {
    c: None for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), *range(0xD800, 0xE000))
}


@dataclass(frozen=True, slots=True)
class Identity:
    """Who writes: from the settings. `mail_domain` as people are to admit it, e.g. `@smail.ccus.jp`."""

    sender_name: str
    sender_address: str
    operator: str
    mail_domain: str
    site_url: str
    contact_phone: str
    contact_hours: str
    contact_email: str
    homepage: str


@dataclass(frozen=True, slots=True)
class OutgoingMail:
    """One message to one recipient. `values` as VARIABLES in templates.py declares them for (kind, role)."""

    kind: MessageKind
    role: Role
    language: str
    recipient: str
    recipient_name: str
    values: Mapping[str, str]


def one_line(value: str) -> str:
    """Return a value without controls, line ends, surrogates and bidirectional overrides, else as it came."""
    return value if value.isascii() and value.isprintable() else value.translate(_UNWANTED)


def grouped_id(technician_id: str) -> str:
    """Return a technician ID (14 digits) as people read it: 4-4-4-2."""
    if len(technician_id) != 14:
        return technician_id
    return f"{technician_id[:4]} {technician_id[4:8]} {technician_id[8:12]} {technician_id[12:]}"


@lru_cache(maxsize=4096)
def header_words(text: str) -> str:
    """Return the text as a header may hold it: as it is, quoted, or as encoded words (RFC 2047) folded by CRLF SP."""
    text = one_line(text).strip()
    if text.isascii() and len(text) <= 60 and "=?" not in text:
        return text if _ATOMS.fullmatch(text) else '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'
    words: list[bytes] = [b""]
    for cluster in _clusters(text):
        raw = cluster.encode("utf-8")
        if len(words[-1]) + len(raw) > _WORD_BYTES and words[-1]:
            words.append(b"")
        words[-1] += raw
    return "\r\n ".join(f"=?utf-8?B?{binascii.b2a_base64(word, newline=False).decode()}?=" for word in words)


def _clusters(text: str) -> list[str]:
    """Split into characters with the marks that follow them: each encoded word is to be readable alone."""
    clusters: list[str] = []
    for character in text:
        joins = unicodedata.combining(character) or 0xFE00 <= ord(character) <= 0xFE0F or ord(character) >= 0xE0100
        # A row of marks without end is cut, since one word must stay within 75 characters (RFC 2047, section 2).
        if clusters and joins and len(clusters[-1]) < 8:
            clusters[-1] += character
        else:
            clusters.append(character)
    return clusters


def message_date(now: datetime) -> str:
    """Return the Date header's value, in JST."""
    return _date_of(int(now.timestamp()))


@lru_cache(maxsize=16)
def _date_of(second: int) -> str:
    t = datetime.fromtimestamp(second, JST)
    return (
        f"{_WEEKDAYS[t.weekday()]}, {t.day:02d} {_MONTHS[t.month - 1]} {t.year:04d}"
        f" {t.hour:02d}:{t.minute:02d}:{t.second:02d} +0900"
    )


@lru_cache(maxsize=64)
def _constant_headers(identity: Identity, subject: str, language: str) -> tuple[str, str]:
    sender = f"From: {header_words(identity.sender_name)}\r\n <{wire_address(identity.sender_address)}>\r\n"
    languages = "ja" if language == "ja" else f"{language}, ja"
    return sender, (
        f"Subject: {header_words(subject) if not subject.isascii() else subject}\r\n"
        "Auto-Submitted: auto-generated\r\n"
        "X-Auto-Response-Suppress: All\r\n"
        f"Content-Language: {languages}\r\n"
        "MIME-Version: 1.0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\n"
        "Content-Transfer-Encoding: base64\r\n\r\n"
    )


@lru_cache(maxsize=64)
def _common_values(identity: Identity) -> dict[str, str]:
    names = ("operator", "mail_domain", "site_url", "contact_phone", "contact_hours", "contact_email", "homepage")
    return {name: one_line(getattr(identity, name)) for name in names}


def body_of(mail: OutgoingMail, identity: Identity) -> str:
    """Return the text of a mail: the recipient's language first, Japanese below when that is another one."""
    variables = VARIABLES[(mail.kind, mail.role)]
    given = {name for name, value in mail.values.items() if value}
    if missing := variables.required - given:
        raise ValueError(f"{mail.kind} to {mail.role}: no {', '.join(sorted(missing))}")
    if unknown := given - variables.required - variables.optional:
        raise ValueError(f"{mail.kind} to {mail.role}: {', '.join(sorted(unknown))} is not known")
    values = dict(_common_values(identity))
    for name, value in mail.values.items():
        values[name] = one_line(grouped_id(value) if name == "technician_id" else value)
    body = text_for(mail.kind, mail.role, mail.language).fill(values)
    if mail.language != "ja":
        body += "\n----------------------------------------\n\n" + text_for(mail.kind, mail.role, "ja").fill(values)
    return body


def compose(mail: OutgoingMail, identity: Identity, message_id: str, now: datetime) -> bytes:
    """Return the mail with CRLF line ends. `message_id` is the attempt's, with `<>`.

    Raises ValueError for missing or unknown values, an impossible address or Message-ID; nothing is sent half-filled.
    """
    if not _MESSAGE_ID.fullmatch(message_id):
        raise ValueError("this is no Message-ID")
    sender, constant = _constant_headers(identity, text_for(mail.kind, mail.role, mail.language).subject, mail.language)
    recipient = wire_address(mail.recipient)
    name = header_words(mail.recipient_name)
    to = f"{name}\r\n <{recipient}>" if name else f"<{recipient}>"
    body = body_of(mail, identity).replace("\n", "\r\n").encode("utf-8")
    encoded = binascii.b2a_base64(body, newline=False)
    lines = [encoded[at : at + _LINE_LENGTH] for at in range(0, len(encoded), _LINE_LENGTH)]
    head = f"{sender}To: {to}\r\nDate: {message_date(now)}\r\nMessage-ID: {message_id}\r\n{constant}"
    return head.encode("utf-8") + b"\r\n".join(lines) + b"\r\n"
