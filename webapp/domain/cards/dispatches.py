"""The list of what was posted: application number or technician ID, tracking number, acceptance date (引受日)."""

import datetime as dt
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

from peewee import fn

from db.ids import new_id
from db.models import Card, Registration, Shipment, Technician, TrackingImport
from webapp.domain.cards.actions import delivery_of
from webapp.domain.cards.outcomes import prefecture
from webapp.domain.cards.projection import refold, shipment_key
from webapp.domain.cards.states import CardState
from webapp.domain.cards.tracking.columns import cell_text, serial_date
from webapp.domain.cards.tracking.number import NotATrackingNumber, TrackingNumber, parse_number
from webapp.domain.core import counters
from webapp.domain.core.calendar import jst_day
from webapp.domain.core.events import EventName, record
from webapp.domain.core.language import N_
from webapp.domain.core.search_key import fold_search_key
from webapp.domain.parsing.cells import CellError, parse_application_number, parse_technician_id
from webapp.domain.parsing.dates import parse_date

NO_HEADING = N_(
    "見出しの行がありません。「申請番号」か「技能者ID」、「お問い合わせ番号」、「引受日」の列を付けてください。"
)
NO_WHO = N_("%(line)s行目: 申請番号か技能者IDを入れてください。")
BAD_CELL = N_("%(line)s行目: 「%(value)s」は%(column)sとして読めません。")
NOT_FOUND = N_("%(line)s行目: %(column)s「%(value)s」の登録が見つかりません。")
NO_CARD = N_("%(line)s行目: %(column)s「%(value)s」に、これから発送するカードがありません。")
POSTED_ALREADY = N_(
    "%(line)s行目: カードはほかの番号（%(number)s）で発送済みです。返送されたカードだけ、新しい番号で発送できます。"
)
NUMBER_TAKEN = N_("%(line)s行目: お問い合わせ番号 %(number)s は、同じ引受日のほかのカードに使われています。")
_WITHOUT_YEAR = re.compile(r"(\d{1,2})(?:月|/)(\d{1,2})日?\Z", re.ASCII)
IN_FUTURE = N_("%(line)s行目: 引受日（%(value)s）が今日より後です。")
INCOMPLETE = N_("%(line)s行目: お問い合わせ番号と引受日は、両方を入れてください。")

_HEADINGS = {
    "application": ("申請番号", "applicationnumber", "application_number"),
    "technician": ("技能者id", "technicianid", "technician_id"),
    "number": (
        "お問い合わせ番号",
        "お問合せ番号",
        "問い合わせ番号",
        "問合せ番号",
        "追跡番号",
        "引受番号",
        "書留番号",
        "trackingnumber",
        "tracking_number",
        "number",
    ),
    "accepted_on": ("引受日", "発送日", "差出日", "acceptancedate", "accepted_on", "accepteddate"),
}
_KIND = {fold_search_key(name): kind for kind, names in _HEADINGS.items() for name in names}
_COLUMN_WORDS = {
    "application": N_("申請番号"),
    "technician": N_("技能者ID"),
    "number": N_("お問い合わせ番号"),
    "accepted_on": N_("引受日"),
}

Said = tuple[str, Mapping[str, str]]


@dataclass(frozen=True)
class Dispatch:
    """One row as read; `problem` when it cannot be used. Without number and date it says that the card is made."""

    line: int
    application_number: str = ""
    technician_id: str = ""
    number: TrackingNumber | None = None
    accepted_on: dt.date | None = None
    problem: Said | None = None


@dataclass
class DispatchOutcome:
    """What became of some rows."""

    posted: int = 0
    changed: int = 0
    rejected: int = 0
    warned: int = 0
    problems: list[Said] = field(default_factory=list)


def read_dispatches(sources: Iterable[str | Iterable[Sequence[object]]], now: dt.datetime) -> list[Dispatch]:
    """Read rows under headings in any order; lines are counted as a person sees them in the file."""
    found: list[Dispatch] = []
    for source in sources:
        rows = (line.split("\t") for line in source.splitlines()) if isinstance(source, str) else source
        columns: dict[str, int] | None = None
        for line, row in enumerate(rows, 1):
            cells = [cell_text(value) for value in row]
            if not any(cells):
                continue
            if columns is None:
                columns = _columns(cells)
                if columns is None:
                    found.append(Dispatch(line, problem=(NO_HEADING, {})))
                    break
                continue
            found.append(_dispatch(line, {kind: cells[at] for kind, at in columns.items() if at < len(cells)}, now))
    return found


def _columns(cells: Sequence[str]) -> dict[str, int] | None:
    columns: dict[str, int] = {}
    for index, cell in enumerate(cells):
        kind = _KIND.get(fold_search_key(cell))
        if kind and kind not in columns:
            columns[kind] = index
    identified = columns.keys() & {"application", "technician"}
    return columns if identified and {"number", "accepted_on"} <= columns.keys() else None


def _dispatch(line: int, cells: Mapping[str, str], now: dt.datetime) -> Dispatch:
    def refused(sentence: str, **parameters: str) -> Dispatch:
        return Dispatch(line, problem=(sentence, {"line": str(line), **parameters}))

    column = ""
    try:
        column = "application"
        application = parse_application_number(cells["application"]) if cells.get(column) else ""
        column = "technician"
        technician = parse_technician_id(cells["technician"]) if cells.get(column) else ""
        column = "number"
        number = parse_number(cells["number"]) if cells.get(column) else None
        column = "accepted_on"
        day = _day(cells[column], jst_day(now)) if cells.get(column) else None
    except (CellError, NotATrackingNumber):
        return refused(BAD_CELL, value=cells[column][:60], column=_COLUMN_WORDS[column])
    if not application and not technician:
        return refused(NO_WHO)
    if (number is None) != (day is None):
        return refused(INCOMPLETE)
    if day and day > jst_day(now):
        return refused(IN_FUTURE, value=day.isoformat())
    return Dispatch(line, application, technician, number, day)


def _day(text: str, today: dt.date) -> dt.date:
    """A day as written; one without a year (11月20日, 11/20) is that nearest to today."""
    plain = serial_date(text) or text.split(" ")[0]
    short = _WITHOUT_YEAR.match(unicodedata.normalize("NFKC", text.strip()))
    if short is None:
        return parse_date(plain)
    found = []
    for year in (today.year - 1, today.year, today.year + 1):
        with suppress(CellError):  # 29 February is in one year of four
            found.append(parse_date(f"{year}/{short[1]}/{short[2]}"))
    if not found:
        return parse_date(f"{today.year}/{short[1]}/{short[2]}")
    return min(found, key=lambda day: abs(day - today))


def post(rows: Sequence[Dispatch], run: TrackingImport, now: dt.datetime) -> DispatchOutcome:
    """Write some rows inside `folding()`: new shipments, made marks; then fold their cards."""
    outcome = DispatchOutcome()
    touched: list[int] = []
    for row in rows:
        said = row.problem or _post_one(row, run, now, outcome, touched)
        if said is not None:
            outcome.rejected += 1
            outcome.problems.append(said)
    outcome.changed = len(refold(dict.fromkeys(touched), now, "dispatch", run.account_id))
    return outcome


def _post_one(
    row: Dispatch, run: TrackingImport, now: dt.datetime, outcome: DispatchOutcome, touched: list[int]
) -> Said | None:
    column = "application" if row.application_number else "technician"
    value = row.application_number or row.technician_id
    row_words = {"line": str(row.line), "column": _COLUMN_WORDS[column], "value": value}
    cards = _cards_of(row)
    if cards is None:
        return NOT_FOUND, row_words
    if row.number is None or row.accepted_on is None:
        return _made(cards, now, touched) or (None if cards else (NO_CARD, row_words))
    taken = Shipment.get_or_none((Shipment.number == row.number.digits) & (Shipment.accepted_on == row.accepted_on))
    if taken is not None:
        # The same list twice changes nothing.
        mine = any(card.id == taken.card_id for card in cards)
        return None if mine else (NUMBER_TAKEN, {"line": str(row.line), "number": str(row.number)})
    card = next((card for card in cards if _awaits_posting(card) and card.id not in touched), None)
    if card is None:
        if not cards:
            return NO_CARD, row_words
        current = Shipment.get_or_none(Shipment.id == cards[0].shipment_id)
        number = str(TrackingNumber(current.number)) if current else "-"
        return POSTED_ALREADY, {"line": str(row.line), "number": number}
    if row.number.warning:
        outcome.warned += 1
        outcome.problems.append(row.number.warning)
    last = Shipment.select(fn.COALESCE(fn.MAX(Shipment.n), 0)).where(Shipment.card == card).scalar()
    delivery = delivery_of(card, card.registration, card.technician)
    shipment = Shipment.create(
        id=new_id(),
        prefecture=prefecture(delivery.postal_code, delivery.address),
        card=card,
        n=last + 1,
        number=row.number.digits,
        accepted_on=row.accepted_on,
        import_run=run,
        created_at=now,
    )
    counters.add({shipment_key(shipment): 1})
    record(
        EventName.CARD_IMPORT_POSTED,
        now,
        registration_id=card.registration_id,
        technician_id=card.technician_id,
        subject_id=card.id,
        account_id=run.account_id,
        data={"n": shipment.n},
    )
    touched.append(card.id)
    outcome.posted += 1
    return None


def _cards_of(row: Dispatch) -> list[Card] | None:
    """The person's cards, those that wait to be posted first; None when there is no such registration or person."""
    cards = Card.select().join(Registration, on=(Card.registration == Registration.id))
    if row.application_number:
        registration = Registration.get_or_none(Registration.application_number == row.application_number)
        if registration is None or (row.technician_id and registration.technician.technician_id != row.technician_id):
            return None
        cards = cards.where(Card.registration == registration)
    else:
        person = Technician.get_or_none(Technician.technician_id == row.technician_id)
        if person is None:
            return None
        cards = cards.where(Card.technician == person)
    return sorted(cards.order_by(Card.id.desc()), key=lambda card: not _awaits_posting(card))


def _awaits_posting(card: Card) -> bool:
    return card.known in (CardState.ORDERED, CardState.MADE, CardState.RETURNED)


def _made(cards: Sequence[Card], now: dt.datetime, touched: list[int]) -> Said | None:
    for card in cards[:1]:
        if card.state == CardState.ORDERED:
            Card.update(made_at=now).where(Card.id == card.id).execute()
            touched.append(card.id)
    return None


def forget(run: TrackingImport) -> list[int]:
    """Remove the shipments that an import brought and return their cards; call it inside `folding()`."""
    mine = Shipment.import_run == run
    gone = list(Shipment.select().where(mine))
    Shipment.delete().where(mine).execute()
    counters.add({key: -n for key, n in Counter(map(shipment_key, gone)).items()})
    return sorted({shipment.card_id for shipment in gone})
