"""The values of a judgement: what kind of mail came back, for whom, why, and at which stage of the SMTP dialogue."""

from dataclasses import dataclass, field
from enum import StrEnum


class MailKind(StrEnum):
    """What a mail to the bounce address is. Only `bounce` speaks of a failure that is final."""

    BOUNCE = "bounce"
    DELIVERED = "delivered"
    DELAYED = "delayed"
    FEEDBACK = "feedback"
    VACATION = "vacation"
    NONE = "none"


class ReasonClass(StrEnum):
    """What a reason means for an address (docs/judgement.md has the table)."""

    DEAD = "dead"
    REFUSED = "refused"
    TEMPORARY = "temporary"
    OURS = "ours"


class Reason(StrEnum):
    """Why a mail was not delivered; the class and hard or soft follow from the reason alone."""

    USERUNKNOWN = "userunknown"
    HOSTUNKNOWN = "hostunknown"
    HASMOVED = "hasmoved"
    NOTACCEPT = "notaccept"
    MAILBOXFULL = "mailboxfull"
    FILTERED = "filtered"
    SUSPEND = "suspend"
    BLOCKED = "blocked"
    REJECTED = "rejected"
    BADREPUTATION = "badreputation"
    AUTHFAILURE = "authfailure"
    REQUIREPTR = "requireptr"
    POLICYVIOLATION = "policyviolation"
    NORELAYING = "norelaying"
    SPAMDETECTED = "spamdetected"
    SECURITYERROR = "securityerror"
    VIRUSDETECTED = "virusdetected"
    CONTENTERROR = "contenterror"
    SPEEDING = "speeding"
    TOOMANYCONN = "toomanyconn"
    NOTCOMPLIANTRFC = "notcompliantrfc"
    FAILEDSTARTTLS = "failedstarttls"
    EXCEEDLIMIT = "exceedlimit"
    MESGTOOBIG = "mesgtoobig"
    RATELIMITED = "ratelimited"
    EXPIRED = "expired"
    NETWORKERROR = "networkerror"
    SYSTEMERROR = "systemerror"
    SYSTEMFULL = "systemfull"
    MAILERERROR = "mailererror"
    SYNTAXERROR = "syntaxerror"
    ONHOLD = "onhold"
    UNDEFINED = "undefined"

    @property
    def reason_class(self) -> ReasonClass:
        """The class that decides what follows."""
        return REASON_CLASS[self]


_DEAD = (Reason.USERUNKNOWN, Reason.HOSTUNKNOWN, Reason.HASMOVED, Reason.NOTACCEPT)
_REFUSED = (Reason.MAILBOXFULL, Reason.FILTERED, Reason.SUSPEND)
_TEMPORARY = (
    Reason.EXPIRED,
    Reason.NETWORKERROR,
    Reason.SYSTEMERROR,
    Reason.SYSTEMFULL,
    Reason.MAILERERROR,
    Reason.SYNTAXERROR,
    Reason.ONHOLD,
    Reason.UNDEFINED,
)

# Everything that is not said of the recipient or of the way there is said of us: class `ours`.
REASON_CLASS: dict[Reason, ReasonClass] = {reason: ReasonClass.OURS for reason in Reason}
REASON_CLASS |= dict.fromkeys(_DEAD, ReasonClass.DEAD)
REASON_CLASS |= dict.fromkeys(_REFUSED, ReasonClass.REFUSED)
REASON_CLASS |= dict.fromkeys(_TEMPORARY, ReasonClass.TEMPORARY)


def is_hard(reason: Reason) -> bool:
    """Whether the reason says that the address is dead."""
    return REASON_CLASS[reason] is ReasonClass.DEAD


class Stage(StrEnum):
    """The SMTP command that was refused. The same words mean one thing at RCPT, another after DATA."""

    CONNECT = "connect"
    HELO = "helo"
    STARTTLS = "starttls"
    AUTH = "auth"
    MAIL = "mail"
    RCPT = "rcpt"
    DATA = "data"
    END_OF_DATA = "end_of_data"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Failure:
    """One recipient that was not reached.

    `recipient` is the address as the returned mail names it, `original_recipient` the one that was mailed, if the
    report says so ("" if not). `status` is an enhanced code (RFC 3463) or "", `reply_code` three digits or "".
    """

    recipient: str
    original_recipient: str
    hard: bool
    reason: Reason
    status: str
    reply_code: str
    stage: Stage
    diagnostic: str
    remote_mta: str
    rule: str = ""

    @property
    def reason_class(self) -> ReasonClass:
        """The class of the reason."""
        return REASON_CLASS[self.reason]


@dataclass(frozen=True, slots=True)
class JudgementStep:
    """A step of the judgement: a Japanese sentence for a person, and its parameters."""

    sentence: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a returned mail says. It is evidence: who was mailed is known from the token, not from here."""

    kind: MailKind
    failures: tuple[Failure, ...] = ()
    recipients: tuple[str, ...] = ()
    steps: tuple[JudgementStep, ...] = ()

    @property
    def deciding(self) -> Failure | None:
        """The first hard failure, else the first one."""
        return next((failure for failure in self.failures if failure.hard), self.failures[0] if self.failures else None)

    @property
    def hard(self) -> bool:
        """Whether any recipient's address is dead."""
        return any(failure.hard for failure in self.failures)
