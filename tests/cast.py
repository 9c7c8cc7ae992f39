"""The people of the tests, made by hand in the database: what a rule needs, and nothing else."""

import datetime as dt
import itertools

from db.models import (
    ActivationCode,
    Affiliation,
    Attempt,
    Business,
    EmailAddress,
    Message,
    Registration,
    Technician,
)
from webapp.domain.accounts import sign_in_links
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import GivenBy, OwnerKind
from webapp.domain.notices.messages import MessageKind, MessageState, Role
from webapp.domain.postcard import activation_codes

_numbers = itertools.count(1)


def technician(now: dt.datetime, **values) -> Technician:
    """A technician with a postal address; `values` replace what does not matter to the test."""
    n = next(_numbers)
    name, kana = values.pop("name", "佐藤 健一"), values.pop("name_kana", "サトウ ケンイチ")
    return Technician.create(
        technician_id=values.pop("technician_id", f"{70_000_000_000_000 + n}"),
        name=name,
        name_kana=kana,
        birth_date=values.pop("birth_date", dt.date(1985, 4, 1)),
        postal_code=values.pop("postal_code", "1000013"),
        address=values.pop("address", "東京都千代田区霞が関1-3-2"),
        search_key=name.replace(" ", ""),
        kana_key=kana.replace(" ", ""),
        created_at=now,
        updated_at=now,
        **values,
    )


def business(now: dt.datetime, **values) -> Business:
    """A business."""
    n = next(_numbers)
    name = values.pop("name", "株式会社山田建設")
    return Business.create(
        business_id=values.pop("business_id", f"{10_000_000_000_000 + n}"),
        name=name,
        search_key=name,
        created_at=now,
        updated_at=now,
        **values,
    )


def affiliate(person: Technician, employer: Business, now: dt.datetime, **values) -> Affiliation:
    """A current affiliation with all keys closed."""
    return Affiliation.create(technician=person, business=employer, started_at=now, sort_key=person.kana_key, **values)


def email(owner: Technician | Business, value: str, now: dt.datetime) -> EmailAddress:
    """The owner's address as a first or further version."""
    kind = OwnerKind.TECHNICIAN if isinstance(owner, Technician) else OwnerKind.BUSINESS
    return versions.give(kind, owner.id, value, GivenBy.APPLICATION, now)


def registration(person: Technician, now: dt.datetime, **values) -> Registration:
    """A completed registration."""
    n = next(_numbers)
    return Registration.create(
        application_number=values.pop("application_number", f"A-2026-{n:05}"),
        technician=person,
        completed_at=values.pop("completed_at", now),
        created_at=now,
        language=person.language,
        first=True,
        content={},
        content_digest="",
        **values,
    )


def sent_notice(
    application: Registration,
    address: EmailAddress,
    now: dt.datetime,
    role: Role = Role.TECHNICIAN,
    state: MessageState = MessageState.SENT,
    business: Business | None = None,
) -> tuple[Message, Attempt]:
    """An id_notice whose first attempt a relay has accepted."""
    message = Message.create(
        kind=MessageKind.ID_NOTICE,
        role=role,
        registration=application,
        technician=application.technician,
        business=business,
        address=address,
        language="ja",
        destination=versions.destination(address.value),
        state=state,
        attempts=1,
        queued_at=now,
        first_attempt_at=now,
        cohort_day=now.date(),
        sent_at=now,
        first_sent_at=now,
    )
    attempt = Attempt.create(
        message=message,
        n=1,
        address=address,
        message_ref=f"{next(_numbers)}@mail.todoke.example",
        state="accepted",
        tries=1,
        started_at=now,
        replied_at=now,
    )
    return message, attempt


def link_of(message, secret: str, now: dt.datetime) -> str | None:
    """The token of the link that a message carries when it is sent, if it does."""
    return sign_in_links.links_for([message], secret, now).get(message.id)


def code_mailed(card_id: str, now: dt.datetime) -> None:
    """Let the codes of a card count from now, as they do when its batch is mailed."""
    prints = ActivationCode.select(ActivationCode.print_number).where(ActivationCode.card_id == card_id)
    activation_codes.start([(card_id, row.print_number) for row in prints], now, now + activation_codes.LIFETIME)
