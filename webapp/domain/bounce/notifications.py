"""Reports in JSON: what Amazon SES sends through SNS (docs.aws.amazon.com/ses, "notification contents")."""

import json
from dataclasses import dataclass, field

from webapp.domain.bounce.model import MailKind
from webapp.domain.bounce.reports import MAX_RECIPIENTS, Reported


@dataclass(slots=True)
class Notification:
    """A notification: what kind, whom it names."""

    kind: MailKind
    recipients: list[Reported] = field(default_factory=list)


_LISTS = {
    "bounce": ("bounce", "bouncedRecipients", MailKind.BOUNCE),
    "complaint": ("complaint", "complainedRecipients", MailKind.FEEDBACK),
    "delivery": ("delivery", "recipients", MailKind.DELIVERED),
    "deliverydelay": ("deliveryDelay", "delayedRecipients", MailKind.DELAYED),
}


def read_notification(text: str) -> Notification | None:
    """Read the first JSON object of a text as a notification; None if it is none."""
    if '"notificationType"' not in text and '"eventType"' not in text:
        return None
    text = text.replace("!\n ", "")  # how the mail gateway of SNS folds long lines
    start = text.find("{")
    try:
        found, _ = json.JSONDecoder().raw_decode(text[start:])
    except (ValueError, RecursionError):
        return None
    if not isinstance(found, dict):
        return None
    if isinstance(found.get("Message"), str):
        return read_notification(found["Message"])
    known = _LISTS.get(str(found.get("notificationType") or found.get("eventType") or "").lower())
    body = found.get(known[0]) if known else None
    if not known or not isinstance(body, dict):
        return None
    notification = Notification(known[2])
    entries = body.get(known[1])
    for entry in entries[:MAX_RECIPIENTS] if isinstance(entries, list) else ():
        if isinstance(entry, str):
            entry = {"emailAddress": entry}
        if isinstance(entry, dict) and "@" in str(entry.get("emailAddress", "")):
            notification.recipients.append(
                Reported(
                    recipient=str(entry["emailAddress"]).strip("<> ")[:320],
                    action=str(entry.get("action", "")).lower()[:40],
                    status=str(entry.get("status", ""))[:20],
                    diagnostic=str(entry.get("diagnosticCode", ""))[:2000].removeprefix("smtp; "),
                    remark=str(body.get("bounceSubType", ""))[:40],
                )
            )
    return notification
