"""What the pages of businesses share: the filter of the list as an address says it, chips, where a form leads back."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlsplit

from flask import request, url_for

from db import ids
from webapp.domain.accounts import saved_searches
from webapp.domain.affiliations.roster import Filter, Member, Sort
from webapp.domain.affiliations.roster_states import CardFilter, NoticeFilter
from webapp.domain.cards.labels import CHIPS, Shape
from webapp.domain.cards.states import CardState
from webapp.domain.core.language import N_
from webapp.domain.disclosure.keys import Sentence
from webapp.domain.disclosure.policy import Group, Viewer
from webapp.domain.disclosure.states import BUSINESS_WORDS, DisclosureState
from webapp.domain.disclosure.states import Chip as StateChip
from webapp.domain.notices import labels
from webapp.pages.menu import MenuItem, menu_of
from webapp.web.clock import now
from webapp.web.language import say

TERM_PAGE = "business_technicians"
KINDS = {
    Shape.WAITING: "off",
    Shape.MOVING: "busy",
    Shape.KEPT: "wait",
    Shape.ARRIVED: "good",
    Shape.BACK: "bad",
    Shape.ASKING: "off",
}
STATE_KINDS = {
    DisclosureState.CLOSED: "off",
    DisclosureState.WAITS_FOR_BUSINESS: "wait",
    DisclosureState.WAITS_FOR_TECHNICIAN: "busy",
    DisclosureState.OPEN: "good",
}
# Shorter than the operators' words: a row has little room.
UNDELIVERED = N_("メール不達")
SENT = N_("送信済み")


@dataclass(frozen=True)
class Chip:
    """A state in a word and a shape."""

    words: str
    kind: str


MENU = (
    ("business_technicians.index", N_("所属技能者")),
    ("business_disclosure.index", N_("開示設定（8300）")),
    ("business_affiliations.index", N_("招待・所属の履歴")),
    ("business_applications.index", N_("代行した申請")),
    ("business_access_log.index", N_("閲覧の記録")),
    ("business_own_looks.index", N_("自社の閲覧")),
    ("look_up.index", N_("他社の技能者")),
    ("exports.index", N_("書き出し")),
    ("business_users.index", N_("利用者")),
)


def menu() -> list[MenuItem]:
    """Return the menu of a business's pages; the page at hand is marked."""
    return menu_of(MENU)


@dataclass(frozen=True)
class Part:
    """A filter of the list: as the domain wants it, and the fields that say it in an address or a form."""

    filter: Filter
    fields: dict[str, str]
    sort: Sort
    over: bool  # the search has ended and must be made again


def part_of(values, viewer: Viewer) -> Part:
    """Return the filter that an address or a form says; what is no choice does not count."""

    def one(name: str, choices):
        value = values.get(name, "")
        return choices(value) if value in set(choices) else None

    token = values.get("s", "")
    terms = saved_searches.terms_of(token, viewer.account_id, TERM_PAGE, now()) if token else {}
    state, notice, card = one("state", DisclosureState), one("notice", NoticeFilter), one("card", CardFilter)
    sort = one("sort", Sort) or Sort.KANA
    part = Filter((terms or {}).get("term", ""), state, values.get("unsigned") == "1", notice, card)
    fields = {
        "s": token if terms else "",
        "state": state or "",
        "notice": notice or "",
        "card": card or "",
        "unsigned": "1" if part.not_signed_in else "",
        "sort": sort if sort is not Sort.KANA else "",
    }
    return Part(part, {name: value for name, value in fields.items() if value}, sort, terms is None)


def notice_chip(state: str | None, reason: str | None) -> Chip | None:
    """Return a notice's state in a short word; None where there is no notice."""
    if state is None:
        return None
    words, kind = labels.state_of(state, reason)
    if kind == "bad":
        words = UNDELIVERED
    elif kind == "good" and reason != "confirmed":
        words = SENT
    return Chip(say(words), kind)


def card_chip(state: str | None, kept_until: dt.date | None = None) -> Chip | None:
    """Return a card's state in a short word, with the last day of keeping while it is kept; None without a card."""
    if state not in set(CardState):
        return None
    shape, words = CHIPS[CardState(state)]
    words = say(words)
    if kept_until is not None and state in (CardState.ABSENT, CardState.KEPT):
        words = say(
            N_("%(state)s %(month)s/%(day)sまで"), {"state": words, "month": kept_until.month, "day": kept_until.day}
        )
    return Chip(words, KINDS[shape])


def state_chip(chip: StateChip) -> Chip:
    """Return the state of a person's disclosure in words, 一部 when some group is not open."""
    words = say(BUSINESS_WORDS[chip.state])
    return Chip(say(N_("%(state)s（一部）"), {"state": words}) if chip.partial else words, STATE_KINDS[chip.state])


def said(sentence: Sentence) -> str:
    """Return a sentence about keys in the reader's language."""
    return say(sentence.text, sentence.parameters(say))


def groups_in_words(groups: tuple[Group, ...]) -> str:
    """Return the names of groups in the reader's language."""
    return say(N_("、")).join(say(group.label) for group in groups)


@dataclass(frozen=True)
class Row:
    """A technician in the list. `open` is the business's key of 本人, `theirs` the technician's."""

    id: str
    address: str
    name: str
    kana: str
    number: str
    notice: Chip | None
    card: Chip | None
    theirs: bool
    open: bool
    version: int
    state: Chip
    signed_in: bool
    may_change: bool
    changed: bool = False  # somebody else was first: the row shows how it stands now


def row_of(member: Member, viewer: Viewer, changed: bool = False) -> Row:
    """Return a member as a row of the list."""
    states = member.states
    return Row(
        id=ids.encode(member.id),
        address=url_for("business_person.show", technician=member.id),
        name=member.name,
        kana=member.name_kana,
        number=member.technician_id,
        notice=notice_chip(states.notice, states.notice_reason),
        card=card_chip(states.card, states.kept_until),
        theirs=Group.PERSON in member.technician_keys,
        open=Group.PERSON in member.business_keys,
        version=member.business_keys_version,
        state=state_chip(member.chip),
        signed_in=states.signed_in,
        may_change=viewer.may_change,
        changed=changed,
    )


def came_from(path: str) -> str:
    """Return the page of the list that sent a form, with its filters and place; the list itself otherwise."""
    referrer = urlsplit(request.referrer or "")
    own = f"{referrer.scheme}://{referrer.netloc}" == request.host_url.rstrip("/")
    if own and referrer.path == path and referrer.query.isascii():
        return f"{path}?{referrer.query}" if referrer.query else path
    return path
