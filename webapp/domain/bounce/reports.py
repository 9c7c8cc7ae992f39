"""The standard reports: delivery status (RFC 3464, RFC 6533), feedback (RFC 5965), and what is nearly one of them."""

import re
from dataclasses import dataclass, field

from webapp.domain.bounce.addresses import first_address

MAX_LINES = 2000
MAX_RECIPIENTS = 100
MAX_FIELD = 4000

_UNICODE = re.compile(r"\\x\{([0-9A-Fa-f]{1,6})\}")
# An action field that counts as a failure; `failure` and `ction` stand for what broken reporters write.
FAILED = frozenset(
    {"failed", "failure", "fail", "undelivered", "error", "undeliverable", "bounced", "permanent-failure"}
)
PASSED = frozenset({"delivered", "relayed", "relay", "expanded", "deliverable", "success"})


@dataclass(slots=True)
class Reported:
    """A recipient's block of a delivery status report; the values as the reporter wrote them, types cut off."""

    recipient: str = ""
    original: str = ""
    actual: str = ""
    action: str = ""
    status: str = ""
    remark: str = ""  # the words that some put after the status
    diagnostic: str = ""
    remote_mta: str = ""


@dataclass(slots=True)
class DeliveryReport:
    """A delivery status report: who speaks, and a block for each recipient."""

    reporting_mta: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    recipients: list[Reported] = field(default_factory=list)


def untyped(value: str) -> str:
    """A field's value without its type: `rfc822; a@b` is `a@b` (RFC 3464, section 2.1.2)."""
    kind, semicolon, rest = value.partition(";")
    return rest.strip() if semicolon and len(kind) < 30 and " " not in kind.strip() else value.strip()


def read_status_report(text: str) -> DeliveryReport:
    """Read a `message/delivery-status` or `message/global-delivery-status` body.

    Tolerant: blank lines may be missing or too many, fields in any order and with blanks before the colon. A block
    begins at a blank line or where a field of the block comes again. ValueError never.
    """
    report = DeliveryReport()
    current: Reported | None = None
    seen: set[str] = set()
    for name, value in _fields(text):
        if not name:
            if current is not None and (current.recipient or current.original) and (current.action or current.status):
                current, seen = None, set()
            continue
        if name in _RECIPIENT_FIELDS:
            again = name in seen and name in ("final-recipient", "action", "original-recipient")
            if current is None or again:
                if len(report.recipients) >= MAX_RECIPIENTS:
                    break
                current, seen = Reported(), set()
                report.recipients.append(current)
            seen.add(name)
            _store(current, name, value)
        else:
            report.fields.setdefault(name, value)
    report.reporting_mta = untyped(report.fields.get("reporting-mta", "")).partition(" ")[0]
    return report


def read_feedback(text: str) -> tuple[str, list[str]]:
    """Read a `message/feedback-report`: its type and the recipients it names (RFC 5965, section 3)."""
    kind = ""
    recipients: list[str] = []
    for name, value in _fields(text):
        if name == "feedback-type":
            kind = kind or value.lower()
        elif name in ("original-rcpt-to", "removal-recipient", "redacted-address"):
            address = first_address(value)
            if address and address not in recipients and len(recipients) < MAX_RECIPIENTS:
                recipients.append(address)
    return kind, recipients


_RECIPIENT_FIELDS = frozenset(
    {
        "final-recipient",
        "original-recipient",
        "x-actual-recipient",
        "action",
        "ction",
        "status",
        "diagnostic-code",
        "remote-mta",
        "x-supplementary-info",
        "x-display-name",
    }
)


def _store(block: Reported, name: str, value: str) -> None:
    if name == "final-recipient":
        block.recipient = block.recipient or _recipient(value)
    elif name == "original-recipient":
        block.original = block.original or _recipient(value)
    elif name == "x-actual-recipient":
        block.actual = block.actual or _recipient(value)
    elif name in ("action", "ction"):
        block.action = block.action or value.lower().partition(" ")[0].strip(";,.")
    elif name == "status":
        code, _, remark = value.partition(" ")
        block.status = block.status or code.strip(";,()")
        block.remark = block.remark or remark.strip("() ")
    elif name == "diagnostic-code":
        # an exit code of a local mailer means something only with its type
        block.diagnostic = block.diagnostic or (value if value[:6].lower() == "x-unix" else untyped(value))
    elif name == "remote-mta":
        block.remote_mta = block.remote_mta or untyped(value).partition(" ")[0]
    elif name == "x-supplementary-info":
        block.remark = block.remark or value


def _character(found: re.Match[str]) -> str:
    number = int(found.group(1), 16)
    return "\N{REPLACEMENT CHARACTER}" if number > 0x10FFFF or 0xD800 <= number < 0xE000 else chr(number)


def _recipient(value: str) -> str:
    value = untyped(value)
    if "\\x{" in value:  # utf-8-addr-xtext, RFC 6533 section 3
        value = _UNICODE.sub(_character, value)
    if value.startswith(("|", "/", '"|')):
        return ""
    if value.startswith("@"):  # a source route, RFC 5321 appendix C: `@relay:user@host`
        value = value.partition(":")[2]
    return first_address(value)


def _fields(text: str) -> list[tuple[str, str]]:
    """Unfolded fields; ("", "") stands for blank lines."""
    fields: list[tuple[str, str]] = []
    for line in text.split("\n", MAX_LINES)[:MAX_LINES]:
        if not line.strip():
            if fields and fields[-1][0]:
                fields.append(("", ""))
        elif line[0] in " \t" and fields and fields[-1][0]:
            name, value = fields[-1]
            if len(value) < MAX_FIELD:
                fields[-1] = (name, f"{value} {line.strip()}")
        else:
            name, colon, value = line[:MAX_FIELD].partition(":")
            name = name.strip().lower()
            if colon and name and " " not in name:
                fields.append((name, value.strip()))
    return fields
