"""お問い合わせ: how to reach the contact centre, and 「カードが届かない」 for people who cannot sign in."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, current_app, request

from webapp.domain.cards.labels import Audience
from webapp.domain.core.calendar import WorkingCalendar, jst_day
from webapp.domain.core.language import N_
from webapp.domain.email_addresses.syntax import domain_of
from webapp.domain.inquiries import public_form
from webapp.domain.inquiries.public_form import AnswerKind, PublicAnswer
from webapp.domain.parsing.cells import CellError
from webapp.domain.parsing.dates import parse_date
from webapp.pages import cards
from webapp.web.clock import now
from webapp.web.rendering import invalid, render

blueprint = Blueprint("contact", __name__)

NO_NUMBER = N_("申請番号を入れてください。")
NO_BIRTH_DATE = N_("生年月日を、1985年4月1日 や 1985-04-01 のように入れてください。")


@dataclass(frozen=True)
class Hours:
    """Whether the contact centre answers now, until when, or when next (JST)."""

    open_now: bool
    opens_at: dt.datetime | None
    closes_at: dt.datetime | None


@dataclass(frozen=True)
class ContactPage:
    """The ways to the contact centre; everything comes from the settings."""

    telephone: str
    email: str
    homepage: str
    opens: int
    closes: int
    mail_domain: str
    hours: Hours


@dataclass(frozen=True)
class CardPage:
    """The form, what was typed, and the answer: a state in words and what to do, nothing else."""

    number: str = ""
    birth_date: str = ""
    wants_inquiry: bool = False
    answer: str = ""
    chip: tuple[str, str] = ("", "")
    sentences: list[str] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/contact")
def index():
    settings = current_app.extensions["settings"]
    opening = WorkingCalendar.of(settings).opening(now())
    page = ContactPage(
        settings.contact_telephone,
        settings.contact_email,
        settings.contact_homepage,
        settings.contact_opens,
        settings.contact_closes,
        "@" + domain_of(settings.sender_address),
        Hours(opening.open_now, opening.opens_at, opening.closes_at),
    )
    return render("public/contact/index.html", page)


@blueprint.get("/contact/card")
def card():
    return render("public/contact/card.html", CardPage())


@blueprint.post("/contact/card")
def ask():
    number, typed = request.form.get("number", "").strip()[:64], request.form.get("birth_date", "").strip()[:40]
    wants = request.form.get("wants_inquiry") == "1"
    born = _birth_date(typed)
    if not number or born is None:
        errors = ({} if number else {"number": NO_NUMBER}) | ({} if born else {"birth_date": NO_BIRTH_DATE})
        return invalid("public/contact/card.html", CardPage(number, typed, wants, errors=errors))
    budget = current_app.extensions["settings"].card_wrong_pairs
    answer = public_form.ask(number, born, request.remote_addr or "", now(), budget, wants_inquiry=wants)
    page = _answered(answer, number, typed, wants)
    status = {AnswerKind.WRONG: 422, AnswerKind.WAIT: 429}.get(answer.kind, 200)
    return render("public/contact/card.html", page, status=status)


def _birth_date(text: str) -> dt.date | None:
    try:
        day = parse_date(text)
    except CellError:
        return None
    return day if dt.date(1900, 1, 1) <= day <= jst_day(now()) else None


def _answered(answer: PublicAnswer, number: str, typed: str, wants: bool) -> CardPage:
    if answer.kind in (AnswerKind.WRONG, AnswerKind.WAIT):
        return CardPage(number, typed, wants, answer=answer.kind)
    # What was typed is not shown again: the answer may be read on a borrowed phone.
    if answer.standing is None:
        return CardPage(answer=answer.kind, wants_inquiry=wants)
    card = cards.in_words(answer.standing, Audience.CONTACT)
    return CardPage(answer=answer.kind, chip=card.chip, sentences=card.sentences, wants_inquiry=wants)
