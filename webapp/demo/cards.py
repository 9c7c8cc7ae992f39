"""A card in each state for people of the demo, by way of the same imports that operators use."""

import datetime as dt
import random
from collections import defaultdict
from dataclasses import dataclass

from db.models import Card, Event, Registration
from webapp.domain.cards import actions, imports
from webapp.domain.cards.imports import ImportKind
from webapp.domain.cards.states import CardState
from webapp.domain.cards.tracking.number import TrackingNumber, check_digit
from webapp.domain.core.calendar import JST, jst_day
from webapp.domain.inquiries.cases import Caller, Channel, IdentityCheck, Topic, open_inquiry

_OFFICES = ("新宿郵便局", "長野南郵便局", "横浜中央郵便局", "名古屋中郵便局", "福岡中央郵便局")
# What is reported of a card, in hours before now; "発送" and "紛失" stand for the list of dispatches and for operators.
STORIES: dict[str, tuple[tuple[int, str], ...]] = {
    "ordered": (),
    "made": ((20, "作成"),),
    "posted": ((30, "発送"),),
    "out_for_delivery": ((50, "発送"), (3, "持ち出し中")),
    "absent": ((72, "発送"), (6, "ご不在のため持ち戻り")),
    "kept, soon to go back": ((200, "発送"), (146, "ご不在のため持ち戻り"), (140, "保管")),
    "kept beyond its end": ((300, "発送"), (240, "ご不在のため持ち戻り"), (236, "保管")),
    "delivered": ((120, "発送"), (72, "お届け先にお届け済み")),
    "delivered to the household": ((140, "発送"), (90, "お届け済み（同居人）")),
    "collected at the counter": ((190, "発送"), (150, "ご不在のため持ち戻り"), (50, "窓口でお渡し")),
    "returned": ((360, "発送"), (310, "ご不在のため持ち戻り"), (100, "差出人に返送")),
    "posted again": ((480, "発送"), (430, "ご不在のため持ち戻り"), (230, "差出人に返送済み"), (40, "発送")),
    "lost": ((520, "発送"), (460, "持ち出し中"), (60, "紛失")),
    "silent": ((330, "発送"),),
    "not posted": ((500, "作成"),),
    "a word nobody knows": ((100, "発送"), (30, "配達局で留置中")),
    "contradictory": ((150, "発送"), (100, "お届け済み"), (20, "持ち出し中")),
}
# How long before the first report the registration was complete.
_BEFORE = dt.timedelta(days=2)


@dataclass
class _Told:
    name: str
    card: Card
    office: str
    numbers: list[str]


def stories(now: dt.datetime, chance: random.Random) -> dict[str, int]:
    """Give demo registrations a card in each state and return the registration of each story.

    Call it after the demo's registrations are there; it takes as many ordered cards as there are stories. Everything
    is imported in the order in which it happened, so that history, figures, reminders and work items are whole.
    """
    waiting = Card.select().where(Card.state == CardState.ORDERED).order_by(Card.id).limit(len(STORIES))
    stories = [
        _Told(name, card, chance.choice(_OFFICES), []) for name, card in zip(STORIES, list(waiting), strict=False)
    ]
    _tell(stories, now, chance)
    _inquiries(stories, now)
    return {story.name: story.card.registration_id for story in stories}


def tell(name: str, card: Card, now: dt.datetime, chance: random.Random) -> None:
    """Let one of the stories happen to this card, which is still ordered."""
    _tell([_Told(name, card, chance.choice(_OFFICES), [])], now, chance)


def _tell(stories: list[_Told], now: dt.datetime, chance: random.Random) -> None:
    happenings: dict[int, list[tuple[_Told, str]]] = defaultdict(list)
    for story in stories:
        steps = STORIES[story.name]
        if steps:
            _move_back(story.card, now - dt.timedelta(hours=steps[0][0]) - _BEFORE)
        for hours, happening in steps:
            happenings[hours].append((story, happening))
    for hours in sorted(happenings, reverse=True):
        _happen(happenings[hours], now - dt.timedelta(hours=hours), chance)


def _happen(reports: list[tuple[_Told, str]], at: dt.datetime, chance: random.Random) -> None:
    lines = []
    for story, happening in reports:
        card = Card.get_by_id(story.card.id)
        if happening == "作成":
            actions.mark_made([card.id], at, None)
        elif happening == "紛失":
            actions.declare_lost([card.id], at, None)
        elif happening == "発送":
            first = f"{chance.randrange(10**9, 10**10)}"
            story.numbers.append(str(TrackingNumber(f"{first}{check_digit(first)}")))
            row = f"{card.registration.application_number},{story.numbers[-1]},{jst_day(at):%Y/%m/%d}"
            _take(ImportKind.DISPATCHES, "発送.csv", f"申請番号,お問い合わせ番号,引受日\n{row}\n", at)
            lines.append((story.numbers[-1], "引受", "東京中央郵便局"))
        else:
            lines.append((story.numbers[-1], happening, story.office))
    if lines:
        moment = f"{at.astimezone(JST):%Y/%m/%d %H:%M}"
        rows = "\n".join(f"{number},{moment},{label},{office}" for number, label, office in lines)
        _take(ImportKind.TRACKING, "追跡.csv", f"お問い合わせ番号,状態発生日,配送履歴,取扱局\n{rows}\n", at)


def _take(kind: ImportKind, name: str, text: str, at: dt.datetime) -> None:
    run = imports.read_now(imports.create(kind, name, text.encode(), at), lambda: at)
    if run.rejected or not run.total:
        raise AssertionError(f"the demo's own file was not taken whole: {run.problems}")


def _move_back(card: Card, completed: dt.datetime) -> None:
    """Let a registration be as old as its card's story: what it caused happened then too."""
    registration = Registration.get_by_id(card.registration_id)
    gone = registration.completed_at - completed
    if gone <= dt.timedelta():
        return
    Registration.update(completed_at=completed, created_at=registration.created_at - gone).where(
        Registration.id == registration.id
    ).execute()
    Card.update(ordered_at=card.ordered_at - gone, changed_at=card.changed_at - gone).where(
        Card.id == card.id
    ).execute()
    for event in Event.select().where(Event.registration_id == registration.id):
        if event.name.startswith(("registration:", "card:")):
            Event.update(at=event.at - gone).where(Event.id == event.id).execute()


def _inquiries(stories: list[_Told], now: dt.datetime) -> None:
    """Two cases: a call from the family of a waiting card, and one from the public form about a returned one."""
    cases = (
        (
            "kept, soon to go back",
            Channel.PHONE,
            Caller.FAMILY,
            IdentityCheck.CALLED_BACK,
            20,
            "カードが届かないと電話",
        ),
        ("returned", Channel.WEB, Caller.UNKNOWN, IdentityCheck.NUMBER_AND_BIRTH, 5, ""),
    )
    by_name = {story.name: story for story in stories}
    for name, channel, caller, check, hours, text in cases:
        if name in by_name:
            open_inquiry(
                Topic.CARD,
                channel,
                caller,
                check,
                now - dt.timedelta(hours=hours),
                registration_id=by_name[name].card.registration_id,
                text=text,
            )
