"""Who wrote this mail: marks of mail systems, and the evidence that a mail is a report of non-delivery at all.

A person's mail that quotes a `550` is no bounce. So the words below count only together with a sender or a subject
that a mail system uses.
"""

from dataclasses import dataclass

from webapp.domain.bounce.message import ParsedMail, decode_words
from webapp.domain.bounce.rules import SIGNS, SYSTEMS

# Carriers whose own reports begin with the true cause in a sentence, before the list of recipients.
SAYS_FIRST = frozenset({"au", "KDDI", "docomo", "SoftBank"})

# Systems that name the recipient in a sentence rather than in a list.
NAMES_IN_SENTENCE = frozenset({"fml"})

MAX_WORDS = 4000

_DAEMONS = SIGNS["daemon"]
_SUBJECTS = SIGNS["subject"]
_STATEMENTS = SIGNS["statement"]
_DELAYED = SIGNS["delayed"]
_DELIVERED = SIGNS["delivered"]
_PERSONS_REPLY = SIGNS["person"]
_VACATION = SIGNS["vacation"]


@dataclass(frozen=True, slots=True)
class Signs:
    """What speaks for a report: the system's name, whether sender or subject are those of a machine."""

    system: str
    certain: bool  # whether the system's mark is a sentence of its own, not only its name
    daemon: bool
    subject: bool
    auto_replied: bool
    no_return: bool  # the return path is empty, as RFC 5321 section 4.5.5 asks of reports
    person: bool
    vacation: bool
    words: str  # subject, sender and the beginning of the text, in lower case

    @property
    def report(self) -> bool:
        """Whether the mail comes from a mail system that tells of a mail of ours."""
        if self.person and not self.daemon:
            return False
        if self.daemon and (self.subject or self.system != "" or self.states):
            return True
        return self.subject and (self.certain or (self.no_return and self.states))

    @property
    def states(self) -> bool:
        """Whether a sentence says that mail could not be delivered."""
        return _any_in(_STATEMENTS, self.words)

    @property
    def delayed(self) -> bool:
        """Whether the words say that the system still tries."""
        return _any_in(_DELAYED, self.words)

    @property
    def delivered(self) -> bool:
        """Whether the words say that the mail arrived."""
        return _any_in(_DELIVERED, self.words)


def look(mail: ParsedMail, text: str) -> Signs:
    """Look at the head and the system's own text."""
    headers = mail.headers
    subject = decode_words(headers.get("subject", "")).lower()
    sender = decode_words(headers.get("from", "")).lower()
    words = f"{subject}\n{sender}\n{headers.get('x-mailer', '').lower()}\n{text[:MAX_WORDS].lower()}"
    system = _name_in(words)
    return Signs(
        system=system.lstrip("~"),
        certain=system != "" and system[0] != "~",
        daemon="x-failed-recipients" in headers or not sender.strip("<> ") or _any_in(_DAEMONS, sender),
        subject=_any_in(_SUBJECTS, subject),
        auto_replied=headers.get("auto-submitted", "").lower().startswith("auto-replied"),
        no_return=headers.get("return-path", "").strip() == "<>",
        person=subject.startswith(_PERSONS_REPLY),
        vacation=_is_reply(headers) or _any_in(_VACATION, subject),
        words=words,
    )


def _any_in(signs: tuple[str, ...], words: str) -> bool:
    for sign in signs:  # noqa: SIM110 - half the time of any() with a generator
        if sign in words:
            return True
    return False


def _name_in(words: str) -> str:
    for name, marks in SYSTEMS:
        for mark in marks:
            if mark in words:
                return name
    return ""


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
