"""Everything that is held about a technician, as plain values for a JSON file: one's own copy."""

import datetime as dt

from db.models import (
    Affiliation,
    AffiliationInvitation,
    Attempt,
    Business,
    Card,
    EmailAddress,
    Event,
    Inquiry,
    Message,
    Postcard,
    RecordVersion,
    Registration,
    ReturnedMail,
    SecondFactor,
    Shipment,
    SignInSession,
    Technician,
)
from webapp.domain.disclosure import access_log
from webapp.domain.disclosure.policy import Group, Relation, Viewer, groups_of
from webapp.domain.disclosure.record import Record, record_for
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.self_service import requests

FORMAT = 1
# Looks and events of a lifetime fit; what is older than retention is gone anyway.
MOST = 50_000


def own_data(viewer: Viewer, now: dt.datetime) -> dict:
    """Return what is held about the technician who asks: JSON values, times in ISO 8601 UTC, days as dates.

    Names of other people - users of businesses, operators - are not part of it, nor are passwords and secrets.
    """
    technician_id = viewer.technician_id
    record = None if technician_id is None else record_for(viewer, technician_id)
    if record is None:
        raise LookupError("only a technician has a record")
    person = Technician.get_by_id(technician_id)
    return {
        "format": FORMAT,
        "made_at": _plain(now),
        "record": _record(record, person),
        "earlier_records": _rows(
            RecordVersion.select().where(
                (RecordVersion.subject_kind == "technician") & (RecordVersion.subject_id == person.id)
            ),
            ("version", "replaced_at", "cause", "content"),
        ),
        "email_addresses": _rows(
            EmailAddress.select()
            .where((EmailAddress.owner_kind == OwnerKind.TECHNICIAN) & (EmailAddress.owner_id == person.id))
            .order_by(EmailAddress.version),
            ("value", "version", "state", "reason", "given_by", "valid_from", "valid_to", "confirmed_at"),
        ),
        "affiliations": _affiliations(person),
        "registrations": _rows(
            Registration.select().where(Registration.technician == person).order_by(Registration.id),
            (
                *("application_number", "completed_at", "created_at", "language", "content"),
                *("delivery_postal_code", "delivery_address", "delivery_name"),
            ),
        ),
        "messages": _messages(person),
        "postcards": _rows(
            Postcard.select().where(Postcard.technician == person).order_by(Postcard.id),
            ("state", "cause", "hold_reason", "queued_at", "changed_at"),
        ),
        "cards": _rows(
            Card.select().where(Card.technician == person).order_by(Card.id),
            (
                *("state", "ordered_at", "changed_at", "posted_on", "kept_until", "receiver"),
                *("delivery_postal_code", "delivery_address", "delivery_name"),
            ),
        ),
        "shipments": _rows(
            Shipment.select().join(Card).where(Card.technician == person).order_by(Shipment.id),
            ("number", "accepted_on", "created_at", "lost_at", "closed_at", "close_reason"),
        ),
        "inquiries": _rows(
            Inquiry.select().join(Registration).where(Registration.technician == person).order_by(Inquiry.id),
            ("number", "state", "topic", "channel", "caller", "opened_at", "closed_at", "close_reason"),
        ),
        "invitations": [
            {"business": row.business.name} | _row(row, ("invited_at", "expires_at", "state", "answered_at"))
            for row in AffiliationInvitation.select(AffiliationInvitation, Business)
            .join(Business)
            .where(AffiliationInvitation.technician == person)
            .order_by(AffiliationInvitation.id)
        ],
        "corrections_asked": [{"at": _plain(at), "part": part} for at, part in requests.open_requests(person.id)],
        "looks": [_look(look) for look in access_log.of_technician(person.id, limit=MOST)],
        "events": _rows(
            Event.select().where(Event.technician_id == person.id).order_by(Event.id.desc()).limit(MOST),
            ("at", "name", "data"),
        ),
        "sign_ins": _rows(
            SignInSession.select().where(SignInSession.account == viewer.account_id).order_by(SignInSession.id),
            ("created_at", "seen_at", "expires_at", "network_address", "user_agent"),
        ),
        "second_factors": _rows(
            SecondFactor.select().where(SecondFactor.account == viewer.account_id).order_by(SecondFactor.id),
            ("kind", "name", "created_at", "confirmed_at", "last_used_at"),
        ),
    }


def _record(record: Record, person: Technician) -> dict:
    contact, trades, qualifications = record.contact, record.trades, record.qualifications
    history, insurance = record.work_history, record.insurance
    if not (contact and trades and qualifications and history and insurance):
        raise LookupError("nobody's own record lacks a part")
    return {
        "technician_id": record.person.technician_id,
        "name": record.person.name,
        "name_kana": record.person.name_kana,
        "level": record.person.level,
        "birth_date": _plain(contact.birth_date),
        "postal_code": contact.postal_code,
        "address": contact.address,
        "telephone": contact.telephone,
        "email": contact.email,
        "language": contact.language,
        "trades": list(trades.trades),
        "days_worked": trades.days_worked,
        "qualifications": list(qualifications.qualifications),
        "trainings": list(qualifications.trainings),
        "work_history": list(history.entries),
        "social_insurance": insurance.social_insurance,
        "retirement_scheme": insurance.retirement_scheme,
        "disclosure": {standing.group.name.lower(): str(standing.state) for standing in record.standings},
        "registered_at": _plain(person.created_at),
        "updated_at": _plain(person.updated_at),
        "version": person.version,
    }


def _affiliations(person: Technician) -> list[dict]:
    rows = Affiliation.select(Affiliation, Business).join(Business).where(Affiliation.technician == person)
    return [
        {
            "business": row.business.name,
            "business_id": row.business.business_id,
            "current": row.current,
            "started_at": _plain(row.started_at),
            "ended_at": _plain(row.ended_at),
            "end_reason": row.end_reason,
            "technician_keys": _names(row.technician_keys),
            "business_keys": _names(row.business_keys),
        }
        for row in rows.order_by(Affiliation.started_at, Affiliation.id)
    ]


def _messages(person: Technician) -> list[dict]:
    """Mails to the person; what was sent to a business about the person is its own and only counted there."""
    mine = (Message.technician == person) & (Message.role == "technician")
    found = []
    for message in Message.select().where(mine).order_by(Message.id):
        attempts = list(Attempt.select().where(Attempt.message == message).order_by(Attempt.n))
        returned = ReturnedMail.select().where(ReturnedMail.attempt.in_([a.id for a in attempts])) if attempts else ()
        found.append(
            _row(message, ("kind", "state", "reason", "language", "queued_at", "sent_at", "settled_at"))
            | {
                "sent_to": message.address.value if message.address else None,
                "attempts": [
                    _row(a, ("n", "state", "started_at", "replied_at", "reply_code", "reply_text")) for a in attempts
                ],
                "returned_mail": [_row(r, ("received_at", "kind", "reason", "state")) for r in returned],
            }
        )
    return found


def _look(look: access_log.Looked) -> dict:
    return {
        "at": _plain(look.at),
        "business": look.business or None,
        "as": str(look.relation),
        "kind": str(look.kind),
        "reason": look.context if look.relation is Relation.OPERATOR else None,
        "groups": [group.name.lower() for group in look.groups],
        "technician_keys_version": look.technician_keys_version,
        "business_keys_version": look.business_keys_version,
    }


def _names(bits: int) -> list[str]:
    return [Group(group).name.lower() for group in groups_of(bits)]


def _rows(query, names: tuple[str, ...]) -> list[dict]:
    return [_row(row, names) for row in query]


def _row(row, names: tuple[str, ...]) -> dict:
    return {name: _plain(getattr(row, name)) for name in names}


def _plain(value):
    if isinstance(value, dt.datetime):
        return value.astimezone(dt.UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return value.isoformat() if isinstance(value, dt.date) else value
