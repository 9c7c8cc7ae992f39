"""Who wrote this mail: marks of mail systems, and the evidence that a mail is a report of non-delivery at all.

A person's mail that quotes a `550` is no bounce. So the words below count only together with a sender or a subject
that a mail system uses.
"""

from dataclasses import dataclass

from webapp.domain.bounce.message import Mail, decode_words
from webapp.domain.bounce.rules import SIGNS, SYSTEMS

# Carriers whose own reports begin with the true cause in a sentence, before the list of recipients.
SAYS_FIRST = frozenset({"au", "KDDI", "docomo", "SoftBank"})

# Systems that name the recipient in a sentence rather than in a list.
NAMES_IN_SENTENCE = frozenset({"fml", "InterScan", "DragonFly Mail Agent", "IMail", "MailFoundry"})

_DAEMONS = SIGNS["daemon"]
_SUBJECTS = SIGNS["subject"]
_DELAYED = SIGNS["delayed"]
_DELIVERED = SIGNS["delivered"]
_PERSONS_REPLY = SIGNS["person"]
_VACATION = SIGNS["vacation"]


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a report: the system's name, whether sender or subject are those of a machine, its tense."""

    system: str
    certain: bool  # whether the system's mark is a sentence of its own, not only its name
    daemon: bool
    subject: bool
    auto_replied: bool
    person: bool
    delayed: bool
    delivered: bool
    vacation: bool

    @property
    def report(self) -> bool:
        """Whether the mail comes from a mail system that tells of a mail of ours."""
        if self.person and not self.daemon:
            return False
        return (self.daemon and (self.subject or bool(self.system))) or (self.subject and self.certain)


def look(mail: Mail, text: str) -> Signs:
    """Look at the head and the system's own text."""
    headers = mail.headers
    subject = decode_words(headers.get("subject", "")).lower()
    sender = decode_words(headers.get("from", "")).lower()
    haystack = f"{subject}\n{sender}\n{headers.get('x-mailer', '').lower()}\n{text[:6000].lower()}"
    auto = headers.get("auto-submitted", "").lower()
    system = next((name for name, marks in SYSTEMS if any(mark in haystack for mark in marks)), "")
    daemon = not sender.strip("<> ") or any(word in sender for word in _DAEMONS) or "x-failed-recipients" in headers
    start = haystack[: len(subject) + 1]
    return Signs(
        system=system.lstrip("~"),
        certain=system != "" and system[0] != "~",
        daemon=daemon,
        subject=any(word in subject for word in _SUBJECTS),
        auto_replied=auto.startswith("auto-replied"),
        person=subject.startswith(_PERSONS_REPLY),
        delayed=any(word in haystack for word in _DELAYED),
        delivered=any(word in haystack for word in _DELIVERED),
        vacation=_is_reply(headers) or any(word in start for word in _VACATION),
    )


def _is_reply(headers: dict[str, str]) -> bool:
    """Whether the head says that a mailbox answered by itself (RFC 3834 and what stood in its place before)."""
    if headers.get("auto-submitted", "").lower().startswith("auto-replied"):
        return True
    if (
        headers.get("precedence", "").lower() == "auto_reply"
        or headers.get("x-autorespond")
        or headers.get("x-autoreply")
    ):
        return True
    return headers.get("x-auto-response-suppress", "").lower() in ("all", "oof") and "in-reply-to" in headers
