"""What the person and their business can do after a failure, by reason and carrier."""

from webapp.domain.bounce.model import Reason
from webapp.domain.language import N_

Advice = tuple[str, dict[str, str]]


def advice(reason: Reason, recipient_domain: str, sender_domain: str) -> tuple[Advice, Advice]:
    """Advice for the person and for their business: a marked sentence and its parameters each."""
    params = {"domain": sender_domain}
    return (N_("%(domain)s からのメールを受け取れるようにしてください。"), params), (
        N_("%(domain)s からのメールを受け取れるよう本人に伝えてください。"),
        params,
    )
