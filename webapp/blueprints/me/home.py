"""The technician's start page: my ID, my notice, my postcard, my card, my disclosure, and what to do first."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, current_app, url_for
from flask_babel import get_locale

from webapp.domain.cards.labels import Audience
from webapp.domain.core.language import N_
from webapp.domain.email_addresses.syntax import domain_of
from webapp.domain.self_service.disclosure import CHIPS as DISCLOSURE_CHIPS
from webapp.domain.self_service.home import Home, InPost, Task, home_of
from webapp.pages.cards import CardInWords, in_words
from webapp.web.access import looker
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import render
from webapp.web.sentences import spoken

blueprint = Blueprint("me_home", __name__)

# Where a task is done, and what its link says.
PLACES: dict[Task, tuple[str, str]] = {
    Task.CARD: ("#card", N_("カードの状況を見る")),
    Task.CARD_ADDRESS: ("me_record.correction", N_("住所を知らせる")),
    Task.INVITATION: ("me_record.show", N_("招待を見る")),
    Task.EMAIL: ("me_contact.show", N_("メールアドレスを変更する")),
    Task.NO_EMAIL: ("me_contact.show", N_("メールアドレスを届ける")),
    Task.POSTAL_ADDRESS: ("me_record.correction", N_("住所を知らせる")),
    Task.DISCLOSURE: ("me_disclosure.menu", N_("開示設定を開く")),
}
WITH_ADDRESS = frozenset({Task.CARD_ADDRESS, Task.POSTAL_ADDRESS})


@dataclass(frozen=True)
class Step:
    """Something to do: the sentence, and the link to where it is done."""

    sentence: str
    address: str
    link: str


@dataclass(frozen=True)
class NoticePart:
    """The notice in the reader's language."""

    chip: tuple[str, str]
    sent_to: str
    sent_at: dt.datetime | None
    sentences: list[str]
    advice: list[str]


@dataclass(frozen=True)
class PostPart:
    """Where the card is at the post: its number, the post's page about it, and the days that are known."""

    number: str
    address: str
    posted_on: dt.date
    kept_until: dt.date | None
    delivered_on: dt.date | None


@dataclass(frozen=True)
class HomePage:
    """Everything on the start page."""

    name: str
    technician_id: str
    application_number: str
    notice: NoticePart | None
    postcard: list[str]
    card: CardInWords | None
    post: PostPart | None
    disclosure: str
    disclosure_kind: str
    employer: str
    to_do: list[Step]


@blueprint.get("/me")
def show():
    home = home_of(looker(), domain_of(current_app.extensions["settings"].sender_address), now())
    return render("me/home.html", _page(home))


def _page(home: Home) -> HomePage:
    notice = home.notice
    return HomePage(
        name=home.name,
        technician_id=home.technician_id,
        application_number=home.application_number,
        notice=NoticePart(
            (say(notice.words), notice.kind),
            notice.sent_to,
            notice.sent_at,
            [spoken(line) for line in notice.lines],
            [spoken(line) for line in notice.advice],
        )
        if notice
        else None,
        postcard=[spoken(line) for line in home.postcard],
        card=in_words(home.card, Audience.TECHNICIAN) if home.card else None,
        post=_post(home.post) if home.post else None,
        disclosure=say(home.disclosure),
        disclosure_kind=DISCLOSURE_CHIPS[home.disclosure_state],
        employer=home.employer,
        to_do=[_step(todo.task, spoken(todo.sentence)) for todo in home.to_do],
    )


def _post(post: InPost) -> PostPart:
    address = post.number.address(get_locale().language)
    return PostPart(str(post.number), address, post.posted_on, post.kept_until, post.delivered_on)


def _step(task: Task, sentence: str) -> Step:
    place, words = PLACES[task]
    more = {"part": "address"} if task in WITH_ADDRESS else {}
    return Step(sentence, place if place.startswith("#") else url_for(place, **more), say(words))
