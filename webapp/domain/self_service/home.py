"""What a technician reads first: where the notice, the postcard, the card and the disclosure stand, and what to do."""

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum

from db.models import Business, Card, EmailAddress, Message, Postcard, Registration, Shipment, Technician
from webapp.domain import bounce
from webapp.domain.affiliations import membership
from webapp.domain.bounce.model import Reason
from webapp.domain.cards.states import CardState, CardStatus
from webapp.domain.cards.tracking.number import TrackingNumber
from webapp.domain.core.language import N_
from webapp.domain.core.sentences import Line
from webapp.domain.disclosure.policy import Facts, Viewer, facts_of
from webapp.domain.disclosure.states import DisclosureState, chip, in_one_sentence
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import AddressState, OwnerKind
from webapp.domain.notices import corrections, labels
from webapp.domain.notices.messages import MessageState, Role
from webapp.domain.postcard.fallback import NO_EMAIL, HoldReason
from webapp.domain.registrations.summary import standing

LOOK_IN_SPAM = N_("届かないときは迷惑メールフォルダを確かめ、携帯電話では %(domain)s からの受信を許可してください。")
UNDELIVERED = frozenset({MessageState.FAILED, MessageState.WAITING_RETRY})


class Task(StrEnum):
    """What the technician can do next; each has its page."""

    CARD = "card"
    CARD_ADDRESS = "card_address"
    INVITATION = "invitation"
    EMAIL = "email"
    NO_EMAIL = "no_email"
    POSTAL_ADDRESS = "postal_address"
    DISCLOSURE = "disclosure"


@dataclass(frozen=True)
class ToDo:
    """A task and its sentence."""

    task: Task
    sentence: Line


@dataclass(frozen=True)
class Notice:
    """The technician's own notice: its chip, to which address, what happened, what helps."""

    words: str
    kind: str
    sent_to: str
    sent_at: dt.datetime | None
    lines: tuple[Line, ...]
    advice: tuple[Line, ...]


@dataclass(frozen=True)
class InPost:
    """A card on its way: its number at the post, and the days that are known."""

    number: TrackingNumber
    posted_on: dt.date
    kept_until: dt.date | None
    delivered_on: dt.date | None


@dataclass(frozen=True)
class Home:
    """The start page of a technician; `application_number` is asked for by the contact centre."""

    name: str
    technician_id: str
    application_number: str
    notice: Notice | None
    postcard: tuple[Line, ...]
    card: CardStatus | None
    post: InPost | None
    disclosure: str
    disclosure_state: DisclosureState
    employer: str
    to_do: tuple[ToDo, ...]


_WHY_POSTCARD = {
    True: N_("メールアドレスの届けがないため、登録の住所に圧着はがきでお知らせします。"),
    False: N_("メールが届かなかったため、登録の住所に圧着はがきでお知らせします。"),
}
_HELD = N_("住所を確かめるまで、はがきを作れません。住所が正しいか確かめて、違うときは届けてください。")
_DO = {
    Task.CARD: N_("カードが郵便局にあります。ご不在連絡票で再配達を頼むか、窓口で受け取ってください。"),
    Task.CARD_ADDRESS: N_("カードが返送されました。正しい住所を知らせてください。"),
    Task.INVITATION: N_("%(business)sから、所属の招待が届いています。承諾するか断るかを選んでください。"),
    Task.EMAIL: N_("登録のメールアドレスに届いていません。いま使っているアドレスを届けてください。"),
    Task.NO_EMAIL: N_("メールアドレスの届けがありません。届けると、お知らせがメールで早く届きます。"),
    Task.POSTAL_ADDRESS: _HELD,
    Task.DISCLOSURE: N_("所属事業者は開示を設定済みです。あなたが設定すると、他の事業者に開示されます。"),
}
_CARD_UNTIL = N_("カードが郵便局で保管されています（%(until)sまで）。再配達を頼むか、窓口で受け取ってください。")


def home_of(viewer: Viewer, sender_domain: str, now: dt.datetime) -> Home:
    """Return the start page of the technician who asks; `sender_domain` is the one that phones must allow."""
    person = Technician.get_by_id(viewer.technician_id)
    application = _newest(Registration, Registration.technician == person)
    notice = corrections.notice_of(application, Role.TECHNICIAN) if application else None
    postcard = _newest(Postcard, Postcard.registration == application) if application else None
    card = _newest(Card, Card.technician == person)
    stands = _card(card) if card else None
    facts = facts_of([person.id])[person.id]
    email = versions.current(OwnerKind.TECHNICIAN, person.id)
    return Home(
        name=person.name,
        technician_id=person.technician_id,
        application_number=application.application_number if application else "",
        notice=_notice(notice, sender_domain) if notice else None,
        postcard=_postcard(notice, postcard),
        card=stands,
        post=_post(card) if card else None,
        disclosure=in_one_sentence(facts),
        disclosure_state=chip(facts).state,
        employer=_employer(facts),
        to_do=tuple(_to_do(viewer, email, postcard, stands, facts, now)),
    )


def _newest(model, condition):
    return model.select().where(condition).order_by(model.id.desc()).first()


def _employer(facts: Facts) -> str:
    return Business.get_by_id(facts.employer_id).name if facts.employer_id else ""


def _card(card: Card) -> CardStatus:
    return CardStatus(CardState(card.state), CardState(card.known), since=card.since_on, kept_until=card.kept_until)


def _post(card: Card) -> InPost | None:
    shipment = Shipment.get_or_none(Shipment.id == card.shipment_id)
    if shipment is None or card.posted_on is None:
        return None
    delivered_on = card.since_on if card.state == CardState.DELIVERED else None
    return InPost(TrackingNumber(shipment.number), card.posted_on, card.kept_until, delivered_on)


def _notice(message: Message, sender_domain: str) -> Notice:
    words, kind = labels.state_of(message.state, message.reason)
    (line,) = standing(message, None, None)
    tips = []
    if message.state in UNDELIVERED and message.reason in set(Reason):
        (sentence, params), _ = bounce.advice(Reason(message.reason), message.destination, sender_domain)
        tips.append(Line(sentence, params))
    confirmed = message.state == MessageState.DELIVERED and message.reason == "confirmed"
    if not confirmed:
        tips.append(Line(LOOK_IN_SPAM, {"domain": "@" + sender_domain}))
    address = message.address.value if message.address_id else ""
    return Notice(words, kind, address, message.sent_at, (line,), tuple(tips))


def _postcard(notice: Message | None, postcard: Postcard | None) -> tuple[Line, ...]:
    if postcard is None:
        return ()
    line = standing(notice, postcard, None)[1:]
    if postcard.state == "cancelled":
        return line
    return (Line(_WHY_POSTCARD[postcard.cause == NO_EMAIL]), *line)


def _to_do(
    viewer: Viewer,
    email: EmailAddress | None,
    postcard: Postcard | None,
    card: CardStatus | None,
    facts: Facts,
    now: dt.datetime,
):
    """What comes first is what cannot wait: a card goes back after seven days, an invitation after thirty."""
    if card is not None and card.state in (CardState.ABSENT, CardState.KEPT):
        line = Line(_CARD_UNTIL, {"until": card.kept_until}) if card.kept_until else Line(_DO[Task.CARD])
        yield ToDo(Task.CARD, line)
    if card is not None and card.state == CardState.RETURNED:
        yield ToDo(Task.CARD_ADDRESS, Line(_DO[Task.CARD_ADDRESS]))
    if email is None:
        yield ToDo(Task.NO_EMAIL, Line(_DO[Task.NO_EMAIL]))
    elif email.state == AddressState.INVALID:
        yield ToDo(Task.EMAIL, Line(_DO[Task.EMAIL]))
    if postcard is not None and postcard.state == "on_hold" and postcard.hold_reason == HoldReason.NO_USABLE_ADDRESS:
        yield ToDo(Task.POSTAL_ADDRESS, Line(_HELD))
    for invitation in membership.invitations(viewer, now):
        yield ToDo(Task.INVITATION, Line(_DO[Task.INVITATION], {"business": invitation.business}))
    if chip(facts).state is DisclosureState.WAITS_FOR_TECHNICIAN:
        yield ToDo(Task.DISCLOSURE, Line(_DO[Task.DISCLOSURE]))
