"""「カードが届かない」 for people who cannot sign in: application number and birth date, and how little is answered.

The answer says the card's state and what to do; never name, address, post office, tracking number, or whether mail
arrives. Every question costs the database the same, whatever is right about it: one look, and the same rows written.
What follows from it - the person is told, an inquiry is opened - a job does later, so that no time tells the two apart.
"""

import datetime as dt
import hashlib
import hmac
from dataclasses import dataclass
from enum import StrEnum

from peewee import JOIN

from db.database import transaction
from db.ids import new_id
from db.models import Card, CardQuestion, Registration, Technician, Throttle
from webapp.domain.cards.states import CardState, CardStatus
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.core.calendar import written_moment
from webapp.domain.core.events import EventName, record
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind
from webapp.domain.inquiries.cases import Caller, Channel, IdentityCheck, Topic, open_inquiry, open_inquiry_of
from webapp.domain.notices.messages import MessageKind, Role, new_message
from webapp.domain.parsing.cells import fold

DAY, HOUR = dt.timedelta(days=1), dt.timedelta(hours=1)
# Questions for one application number in a day, and from one network address in an hour.
LIMIT_NUMBER = 5
LIMIT_ADDRESS = 30
SUBJECT = "card form"
_WRONG = "contact:wrong"


class AnswerKind(StrEnum):
    """How a question is answered."""

    STATE = "state"  # the pair is right: the card's state in words
    WRONG = "wrong"  # number or birth date, and nobody learns which
    CONTACT = "contact"  # the answer goes to the registered contact, if the pair is right
    WAIT = "wait"  # too many questions from this network address


@dataclass(frozen=True)
class PublicAnswer:
    """The answer; `standing` only with STATE, and None there when no card belongs to the application."""

    kind: AnswerKind
    standing: CardStatus | None = None


def ask(
    application_number: str,
    birth_date: dt.date,
    network_address: str,
    now: dt.datetime,
    wrong_pairs: int,
    *,
    wants_inquiry: bool = False,
) -> PublicAnswer:
    """Answer a question; `wrong_pairs` is the budget of wrong pairs of all askers in an hour (setting)."""
    number = fold(application_number).strip()
    with transaction():
        if _bump(_key("address", network_address), HOUR, 1, now) > LIMIT_ADDRESS:
            return PublicAnswer(AnswerKind.WAIT)
        asked = _bump(_key("number", number.casefold()), DAY, 1, now)
        row = (
            Registration.select(
                Registration.id, Technician.birth_date, Card.id, Card.state, Card.known, Card.kept_until
            )
            .join(Technician, on=(Registration.technician == Technician.id))
            .join(Card, JOIN.LEFT_OUTER, on=(Card.registration == Registration.id))
            .where(Registration.application_number == number)
            .order_by(Card.id.desc())
            .limit(1)
            .tuples()
            .first()
        )
        born = row[1].isoformat() if row else "0000-00-00"
        right = hmac.compare_digest(born, birth_date.isoformat())
        wrong = _bump(_WRONG, HOUR, 0 if right else 1, now)
        # The one that fills the budget is still answered like those before it.
        closed = asked > LIMIT_NUMBER or wrong - (0 if right else 1) >= wrong_pairs
        CardQuestion.insert(
            id=new_id(),
            at=now,
            registration_id=row[0] if right else None,
            answered=AnswerKind.CONTACT if closed else "page",
            wants_inquiry=wants_inquiry,
        ).execute()
    if closed:
        return PublicAnswer(AnswerKind.CONTACT)
    if not right:
        return PublicAnswer(AnswerKind.WRONG)
    return PublicAnswer(AnswerKind.STATE, _standing(row))


def _standing(row: tuple) -> CardStatus | None:
    _, _, card, state, known, until = row
    return None if card is None else CardStatus(CardState(state), CardState(known), kept_until=until)


def _key(prefix: str, value: str) -> str:
    return f"contact:{prefix}:{hashlib.sha256(value.encode()).hexdigest()[:32]}"


def _bump(key: str, window: dt.timedelta, n: int, now: dt.datetime) -> int:
    """Count `n` more in this window and return how many there are; the same statements for any `n`."""
    seconds = window.total_seconds()
    start = dt.datetime.fromtimestamp(now.timestamp() // seconds * seconds, dt.UTC)
    Throttle.insert(id=new_id(), key=key, window_start=start, count=n, expires_at=start + 2 * window).on_conflict(
        conflict_target=[Throttle.key, Throttle.window_start], update={Throttle.count: Throttle.count + n}
    ).execute()
    return Throttle.select(Throttle.count).where((Throttle.key == key) & (Throttle.window_start == start)).scalar()


# What follows, later --------------------------------------------------------------------------------------------------


def follow_up(now: dt.datetime, wrong_pairs: int, limit: int = 500) -> int:
    """Tell people that somebody asked, open the inquiries that were asked for, watch the budget; return mails queued.

    A person is told once a day at most, and always when the answer was promised by mail.
    """
    queued = 0
    untold = CardQuestion.select().where(CardQuestion.told_at.is_null()).order_by(CardQuestion.at).limit(limit)
    for question in list(untold):
        with transaction():
            mine = (CardQuestion.id == question.id) & CardQuestion.told_at.is_null()
            if CardQuestion.update(told_at=now).where(mine).execute() and question.registration_id:
                queued += _follow(question, now)
    _watch_budget(now, wrong_pairs)
    return queued


def _follow(question: CardQuestion, now: dt.datetime) -> int:
    registration = Registration.get_by_id(question.registration_id)
    person = registration.technician
    by_mail = question.answered == AnswerKind.CONTACT
    record(
        EventName.INQUIRY_WEB_ASKED,
        now,
        registration_id=registration.id,
        technician_id=person.id,
        data={"answered": question.answered},
    )
    address = versions.current(OwnerKind.TECHNICIAN, person.id)
    reachable = address is not None and address.state != AddressState.INVALID
    if (question.wants_inquiry or (by_mail and not reachable)) and open_inquiry_of(registration.id) is None:
        open_inquiry(
            Topic.CARD,
            Channel.WEB,
            Caller.UNKNOWN,
            IdentityCheck.NUMBER_AND_BIRTH,
            now,
            registration_id=registration.id,
            language=person.language,
        )
    if not reachable or not (by_mail or _first_today(question, registration.id)):
        return 0
    content = {"asked_on": written_moment(question.at)}
    if by_mail:
        content |= _state_sections(registration.id)
    new_message(
        MessageKind.INQUIRY,
        Role.TECHNICIAN,
        address,
        person.language,
        now,
        registration=registration,
        technician=person,
        content=content,
    )
    return 1


def _first_today(question: CardQuestion, registration_id: int) -> bool:
    same = (CardQuestion.registration_id == registration_id) & (CardQuestion.id < question.id)
    return not CardQuestion.select().where(same & (CardQuestion.at > question.at - DAY)).exists()


_SECTIONS = {
    CardState.ORDERED: "waiting",
    CardState.MADE: "waiting",
    CardState.POSTED: "moving",
    CardState.OUT_FOR_DELIVERY: "moving",
    CardState.ABSENT: "kept",
    CardState.KEPT: "kept",
    CardState.DELIVERED: "delivered",
    CardState.RETURNED: "returned",
    CardState.LOST: "checking",
    CardState.UNKNOWN: "checking",
}


def _state_sections(registration_id: int) -> dict[str, str]:
    card = Card.select().where(Card.registration == registration_id).order_by(Card.id.desc()).first()
    if card is None:
        return {"card_checking": "1"}
    content = {f"card_{_SECTIONS[CardState(card.state)]}": "1"}
    if "card_kept" in content and card.kept_until:
        content["kept_until"] = f"{card.kept_until:%Y/%m/%d}"
    return content


def _watch_budget(now: dt.datetime, wrong_pairs: int) -> None:
    with transaction():
        wrong = _bump(_WRONG, HOUR, 0, now)
        if wrong >= wrong_pairs:
            open_alarm(AlarmKind.CONTACT_GUESSING, SUBJECT, now, {"wrong_pairs": wrong})
        else:
            close_alarm(AlarmKind.CONTACT_GUESSING, SUBJECT, now)
