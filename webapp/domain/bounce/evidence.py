"""What a returned mail holds, gathered before anything is decided: kind, recipients, their words, the dialogue."""

from dataclasses import dataclass, field

from webapp.domain.bounce import words
from webapp.domain.bounce.addresses import first_address
from webapp.domain.bounce.message import MailPart, ParsedMail, decode_words, read, split_head
from webapp.domain.bounce.model import MailKind
from webapp.domain.bounce.notifications import read_notification
from webapp.domain.bounce.reports import (
    FAILED,
    PASSED,
    DeliveryReport,
    Reported,
    read_feedback,
    read_status_report,
)
from webapp.domain.bounce.systems import NAMES_IN_SENTENCE, SAYS_FIRST, Signs, look
from webapp.domain.bounce.transcript import QuotedReply, replies_in, results_in

MAX_OWN_WORDS = 3000
WORDS = "words of a mail system"  # the form of a mail without a standard report


@dataclass(slots=True)
class Evidence:
    """Everything that the judgement looks at."""

    kind: MailKind
    form: str
    signs: Signs
    reported: list[Reported] = field(default_factory=list)
    blocks: list[words.Block] = field(default_factory=list)
    replies: list[QuotedReply] = field(default_factory=list)
    own_words: str = ""
    overriding: str = ""  # words that say more than the report they come with
    named: list[str] = field(default_factory=list)  # recipients of what is no failure
    nested: bytes = b""
    reporter: str = ""  # the server that wrote the report


def gather(raw: bytes) -> Evidence:
    """Read a mail and sort out what it is and what it says."""
    mail = read(raw)
    texts = [part.text for part in mail.parts if part.type == "text/plain"]
    if not any(text.strip() for text in texts):
        texts = [part.text for part in mail.parts if part.type.startswith("text/html")]
    text = "\n".join(texts)
    signs = look(mail, text)
    returned = _first(mail, _RETURNED)
    nested = returned.body if returned is not None else b""

    feedback = _first(mail, ("message/feedback-report",))
    if feedback is not None or _is_complaint(mail):
        named = read_feedback(feedback.text)[1] if feedback is not None else []
        return Evidence(
            MailKind.FEEDBACK, "feedback report (RFC 5965)", signs, named=named or _original_recipients(nested, text)
        )
    if mail.type == "multipart/report" and "disposition-notification" in mail.header("content-type").lower():
        return Evidence(MailKind.NONE, "disposition notification (RFC 8098)", signs)

    notification = read_notification(text) if "amazon" in mail.header("from").lower() else None
    if notification is not None:
        found = Evidence(notification.kind, "Amazon SNS notification", signs, notification.recipients)
        found.named = [reported.recipient for reported in notification.recipients]
        return found

    lines = words.own_lines(text)
    report, form = _status_report(mail, text, signs)
    if report.recipients:
        return _from_report(mail, signs, report, form, lines, nested)
    if not _is_report(mail, signs, nested):
        kind = MailKind.VACATION if signs.vacation and not signs.report else MailKind.NONE
        named = [first_address(mail.header("from"))] if kind is MailKind.VACATION else []
        return Evidence(kind, "mail", signs, named=[name for name in named if name], nested=nested)
    return _from_words(mail, signs, lines, nested, text)


def _is_report(mail: ParsedMail, signs: Signs, nested: bytes) -> bool:
    """Whether a mail without a status report tells of non-delivery all the same."""
    if signs.auto_replied and not signs.daemon:
        return False
    if signs.report or "delivery-status" in mail.header("content-type").lower():
        return True
    # our own mail is attached and a sentence says that it could not be delivered: whoever the sender is
    return bool(nested) and signs.states and not signs.person and not signs.vacation


_RETURNED = (
    "message/rfc822",
    "text/rfc822-headers",
    "text/rfc822-header",
    "message/global",
    "message/global-headers",
    "message/partial",
    "text/rfc822",
)
_STATUS_TYPES = ("message/delivery-status", "message/global-delivery-status")


def _from_report(
    mail: ParsedMail, signs: Signs, report: DeliveryReport, form: str, lines: list[str], nested: bytes
) -> Evidence:
    reported = report.recipients
    found = Evidence(kind_of(reported), form, signs, nested=nested, reporter=report.reporting_mta)
    if found.kind is MailKind.DELIVERED:
        found.named = [entry.recipient or entry.original for entry in reported if entry.recipient or entry.original]
        return found
    wanted = [entry for entry in reported if action_of(entry) is found.kind]
    found.blocks = words.blocks_in(lines)
    found.replies = replies_in(lines)
    found.own_words = _own_words(lines)
    found.overriding = _said_first(signs, lines, found.blocks) or _automatic_rejection(lines)
    known: dict[str, Reported] = {}
    for entry in wanted:
        if entry.original and "." not in entry.recipient.rpartition("@")[2]:
            entry.recipient = entry.original  # the name of a machine inside, not an address
        entry.recipient = entry.recipient or _missing_recipient(mail, found, entry, len(wanted), nested)
        if entry.recipient:
            known.setdefault(entry.recipient.lower(), entry)
    found.reported = list(known.values())
    return found


def _from_words(mail: ParsedMail, signs: Signs, lines: list[str], nested: bytes, text: str) -> Evidence:
    kind = MailKind.DELAYED if signs.delayed else MailKind.DELIVERED if signs.delivered else MailKind.BOUNCE
    found = Evidence(kind, WORDS, signs, nested=nested)
    ours = {first_address(mail.header("to")).lower(), first_address(mail.header("from")).lower()}
    found.blocks = [block for block in words.blocks_in(lines) if block.address.lower() not in ours]
    found.replies = replies_in(lines)
    found.own_words = _own_words(lines)
    found.overriding = _said_first(signs, lines, found.blocks)
    addresses = _failed_header(mail)
    results = [] if addresses else results_in(lines)
    if results and kind is not MailKind.DELIVERED:
        rows = {address.lower(): Reported(address, status=status, diagnostic=said) for address, status, said in results}
        found.reported = list(rows.values())
        return found
    if not addresses and signs.system in NAMES_IN_SENTENCE:
        addresses = [address for address in words.named_in(lines) if address.lower() not in ours]
    if not addresses:
        addresses = [block.address for block in found.blocks]
    if not addresses:
        addresses = [reply.address for reply in found.replies if reply.address]
    domain = first_address(mail.header("from")).rpartition("@")[2]
    if not addresses and domain:
        addresses = words.bare_names_in(lines, domain)
    if not addresses:
        named = words.named_in(lines)
        addresses = [address for address in named if address.lower() not in ours] or named
    if not addresses:
        addresses = _original_recipients(nested, text[len("\n".join(lines)) :])
    if kind is MailKind.DELIVERED:
        found.named = addresses
    else:
        unique = {address.lower(): address for address in reversed(addresses)}
        found.reported = [Reported(recipient=address) for address in reversed(unique.values())]
    return found


def _status_report(mail: ParsedMail, text: str, signs: Signs) -> tuple[DeliveryReport, str]:
    """The mail's status report: a part of its own, or lost in the text."""
    for part in mail.parts:
        if part.type in _STATUS_TYPES:
            report = read_status_report(part.text)
            if report.recipients:
                return report, "delivery status report (RFC 3464)"
    if signs.report or mail.type == "multipart/report":
        low = text.lower()
        at = min((at for at in (low.find("\nreporting-mta"), low.find("\nfinal-recipient")) if at >= 0), default=-1)
        if at >= 0:
            report = read_status_report(text[at + 1 :])
            report.recipients = [entry for entry in report.recipients if entry.action or entry.status]
            return report, "delivery status report inside the text"
    return DeliveryReport(), ""


def _missing_recipient(mail: ParsedMail, found: Evidence, entry: Reported, number: int, nested: bytes) -> str:
    """The recipient of a block whose Final-Recipient is no address (a pipe, a host, nothing)."""
    if entry.original:
        return entry.original
    if number == 1:
        candidates = _failed_header(mail) or [block.address for block in found.blocks]
        candidates = candidates or [reply.address for reply in found.replies if reply.address]
        candidates = candidates or words.named_in(found.own_words.split("\n")) or _original_recipients(nested, "")
        if candidates:
            return candidates[0]
    return entry.actual


def _failed_header(mail: ParsedMail) -> list[str]:
    """Exim's and Google's own header with the recipients that failed."""
    value = mail.header("x-failed-recipients")
    return [address for address in (first_address(part) for part in value.split(",")[:100]) if address] if value else []


def _original_recipients(nested: bytes, text: str) -> list[str]:
    """Whom our own returned mail was for: the last word when the report names nobody."""
    headers, _ = split_head((nested or text.lstrip("\n").encode("utf-8", "replace"))[:20000])
    for name in ("x-hmxmroriginalrecipient", "x-original-to", "delivered-to", "to"):
        address = first_address(decode_words(headers.get(name, "")))
        if address:
            return [address]
    return []


def _is_complaint(mail: ParsedMail) -> bool:
    """Hotmail's complaints are the mail itself with a sentence in the subject and no report (JMRP)."""
    return mail.header("subject").lower().startswith("complaint about message from")


def _automatic_rejection(lines: list[str]) -> str:
    """Dovecot and Sieve put the true cause in a sentence and an invented 5.1.1 or 5.2.2 in the report."""
    for number, line in enumerate(lines):
        if "was automatically rejected:" in line:
            return " ".join([line.partition("rejected:")[2], *lines[number + 1 : number + 4]]).strip()
    return ""


def _said_first(signs: Signs, lines: list[str], blocks: list[words.Block]) -> str:
    """What a carrier's own report says before it lists the recipients."""
    if signs.system not in SAYS_FIRST or not blocks:
        return ""
    end = next((number for number, line in enumerate(lines) if blocks[0].address in line), 0)
    return " ".join(lines[:end])[:1000].strip()


def _own_words(lines: list[str]) -> str:
    return "\n".join(lines)[:MAX_OWN_WORDS]


def _first(mail: ParsedMail, types: tuple[str, ...]) -> MailPart | None:
    return next((part for part in mail.parts if part.type in types), None)


def kind_of(recipients: list[Reported]) -> MailKind:
    """What the actions of a status report say together: one failure makes a bounce."""
    actions = {action_of(reported) for reported in recipients}
    return next(
        (kind for kind in (MailKind.BOUNCE, MailKind.DELAYED, MailKind.DELIVERED) if kind in actions), MailKind.NONE
    )


def action_of(reported: Reported) -> MailKind:
    """What a recipient's block says happened (RFC 3464, section 2.3.3); without a word of it the status decides."""
    if reported.action in FAILED:
        return MailKind.BOUNCE
    if reported.action.startswith("delay"):
        return MailKind.DELAYED
    if reported.action in PASSED or reported.status.startswith("2"):
        return MailKind.DELIVERED
    return MailKind.BOUNCE
