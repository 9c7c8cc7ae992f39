"""A claimed message becomes what is offered to a relay: the mail, its return path, the reports that are asked for."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass

from db.fields import from_microseconds
from db.ids import encode
from webapp.domain.accounts.sign_in_links import links_for, may_object
from webapp.domain.affiliations.mails import give_names
from webapp.domain.bounce.model import Reason, ReasonClass
from webapp.domain.email_addresses.syntax import domain_of, wire_address
from webapp.domain.mail.claimed import Claimed
from webapp.domain.mail.compose import Identity, OutgoingMail, compose
from webapp.domain.mail.return_path import ReturnPathKeys, make_return_path
from webapp.domain.mail.smtp_client import Envelope, Relay, relay_from_url
from webapp.domain.mail.templates import VARIABLES
from webapp.domain.notices.messages import Role, Verdict
from webapp.domain.self_service import email_change, operator_email


@dataclass(frozen=True)
class SenderIdentity:
    """Who sends, from the settings: the words of every mail, the return paths, the reports asked for."""

    identity: Identity
    keys: ReturnPathKeys
    return_domain: str
    message_domain: str
    notify: tuple[str, ...]

    @classmethod
    def of(cls, settings) -> "SenderIdentity":
        """Return the office that the settings describe."""
        identity = Identity(
            sender_name=settings.sender_name,
            sender_address=settings.sender_address,
            operator=settings.service_name,
            mail_domain="@" + domain_of(settings.sender_address),
            site_url=settings.public_url + "/sign-in",
            contact_phone=settings.contact_telephone,
            contact_hours=f"{settings.contact_opens}:00-{settings.contact_closes}:00",
            contact_email=settings.contact_email,
            homepage=settings.contact_homepage,
        )
        reports = ("SUCCESS", "FAILURE", "DELAY") if settings.success_reports else ("FAILURE", "DELAY")
        keys = ReturnPathKeys.from_pairs(settings.return_keys)
        domain = domain_of(settings.sender_address)
        return cls(identity, keys, settings.return_domain, domain, reports)


def relays_of(settings) -> Sequence[Relay]:
    """Return the relays of the settings, in their order of preference."""
    verifies = settings.relay_verifies_recipients
    return [relay_from_url(url, verifies_recipients=verifies) for url in settings.relays]


def give_links(messages: Sequence[Claimed], secret: str, public_url: str, now: dt.datetime) -> None:
    """Give claimed messages the sign-in links, codes and names that they may carry, before they are written.

    A mail that was queued with a link which is dead by now leads to the page where a new one is asked for.
    """
    for message in messages:
        email_change.give_code(message.values, secret)
        operator_email.give_code(message.values, secret)
    give_names(messages)
    with_link = [m for m in messages if "sign_in_url" in _names(m) or may_object(m)]
    if not with_link:
        return
    tokens = links_for(with_link, secret, now)
    for message in with_link:
        if may_object(message):
            may_stop = message.id in tokens
            message.values["not_mine_url"] = f"{public_url}/not-mine?link={tokens[message.id]}" if may_stop else ""
        elif message.id in tokens:
            message.values["sign_in_url"] = f"{public_url}/first-access?link={tokens[message.id]}"
        elif "sign_in_url" in VARIABLES[message.kind, message.role].required:
            way = "/forgotten" if message.role == Role.TECHNICIAN else "/forgotten/business"
            message.values["sign_in_url"] = public_url + way


def _names(message: Claimed) -> frozenset[str]:
    known = VARIABLES.get((message.kind, message.role))
    return known.required | known.optional if known else frozenset()


def envelope_of(message: Claimed, office: SenderIdentity, now: dt.datetime) -> Envelope | Verdict:
    """Return what to offer to the relay, or why this message cannot be written.

    The return path carries the day on which the attempt began, so that a repeated attempt has the same one.
    """
    try:
        wire_address(message.recipient)
    except ValueError:
        return Verdict(Reason.NOTACCEPT, ReasonClass.DEAD)  # no server could ever be asked for it
    try:
        known = VARIABLES[message.kind, message.role]
        names = known.required | known.optional
        values = {name: value for name, value in message.values.items() if name in names}
        name = message.recipient_name
        mail = OutgoingMail(message.kind, message.role, message.language, message.recipient, name, values)
        data = compose(mail, office.identity, f"<{message.message_ref}>", now)
    except (ValueError, KeyError):
        # A text or a value is missing: ours, to be mended while it waits, and it holds up nobody else.
        return Verdict(Reason.CONTENTERROR, ReasonClass.OURS)
    began = from_microseconds(message.attempt_started_at)
    path = make_return_path(message.attempt_id, began, office.keys, office.return_domain)
    return Envelope(path, message.recipient, data, f"todoke-{encode(message.attempt_id)}", office.notify)
