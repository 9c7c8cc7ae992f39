"""The cards of the demo's past: when they were made, posted, brought in vain, kept, handed over or sent back.

Each has its shipments and the post's reports of them, so that folding them anew changes nothing.
"""

import datetime as dt
import random
from collections import Counter
from dataclasses import dataclass

from db.fields import to_microseconds
from webapp.domain.cards.outcomes import Missed
from webapp.domain.cards.states import CardState, kept_until
from webapp.domain.cards.tracking.labels import fold
from webapp.domain.cards.tracking.number import check_digit
from webapp.domain.core import counters
from webapp.domain.core.calendar import JST, WorkingCalendar
from webapp.domain.core.counters import Figure

TABLES = {
    "card": (
        *("id", "registration_id", "technician_id", "state", "ordered_at", "changed_at", "version", "known"),
        *("since_on", "shipment_id", "posted_on", "kept_until", "last_word_on", "receiver", "made_at", "reopened_at"),
    ),
    "shipment": (
        *("id", "card_id", "n", "number", "accepted_on", "prefecture", "missed", "created_at", "closed_at"),
        "close_reason",
    ),
    "tracking_event": ("id", "number", "at", "label", "label_key", "office", "event", "receiver"),
}
# A week in which hardly anybody was at home, so many days before today.
ABSENCE_DAYS = range(150, 158)
# Of a hundred cards that are brought: to how many homes nobody opens, and of those how many are never fetched.
USUAL = (11, 17)
UNLUCKY = {"東京都": (19, 27), "神奈川県": (16, 22), "大阪府": (17, 24), "福岡県": (14, 20), "沖縄県": (21, 15)}
LABELS = {
    CardState.POSTED: ("引受", "accepted"),
    CardState.OUT_FOR_DELIVERY: ("持ち出し中", "out_for_delivery"),
    CardState.ABSENT: ("ご不在のため持ち戻り", "absent"),
    CardState.KEPT: ("保管", "kept"),
    CardState.DELIVERED: ("お届け先にお届け済み", "delivered"),
    CardState.RETURNED: ("差出人に返送", "returned"),
}
_WORST = (CardState.RETURNED, CardState.KEPT, CardState.ABSENT)

Way = list[tuple[CardState, dt.datetime]]


@dataclass
class _Shipment:
    id: int
    number: str
    way: Way
    closed_at: dt.datetime | None = None


def way(at: dt.datetime, today: dt.date, prefecture: str, calendar: WorkingCalendar, chance: random.Random) -> Way:
    """Return the states that a card ordered at `at` enters, and when, whether that is past or to come."""
    absent_of, never_of = UNLUCKY.get(prefecture, USUAL)
    made = _working(calendar, at, 3, 14)
    posted = _working(calendar, made, 1, 17)
    out = posted + dt.timedelta(days=chance.choice((1, 1, 1, 2, 2, 3)), hours=-7)
    ago = (today - counters.day_of(out)).days
    found = [(CardState.MADE, made), (CardState.POSTED, posted), (CardState.OUT_FOR_DELIVERY, out)]
    if chance.random() * 100 >= (46 if ago in ABSENCE_DAYS else absent_of):
        return [*found, (CardState.DELIVERED, out + dt.timedelta(hours=chance.randint(2, 8)))]
    absent = out + dt.timedelta(hours=chance.randint(2, 8))
    found.append((CardState.ABSENT, absent))
    if chance.random() < 0.35:  # brought again the next day, before it was put aside
        return [*found, (CardState.DELIVERED, absent + dt.timedelta(days=1, hours=2))]
    found.append((CardState.KEPT, absent + dt.timedelta(hours=5)))
    if chance.random() * 100 >= never_of:
        fetched = absent + dt.timedelta(days=chance.choice((1, 1, 2, 2, 3, 4, 5, 6)), hours=6)
        return [*found, (CardState.DELIVERED, fetched)]
    back = absent + dt.timedelta(days=8, hours=3)
    found.append((CardState.RETURNED, back))
    if chance.random() < 0.06:
        return found
    made = _working(calendar, back, 6, 14)
    posted = _working(calendar, made, 1, 17)
    found += [(CardState.MADE, made), (CardState.POSTED, posted)]
    return [*found, (CardState.DELIVERED, posted + dt.timedelta(days=1, hours=chance.randint(-6, 0)))]


def _working(calendar: WorkingCalendar, at: dt.datetime, days: int, hour: int) -> dt.datetime:
    day = calendar.add_working_days(counters.day_of(at), days)
    return dt.datetime.combine(day, dt.time(hour), JST)


def write(batch, card: int, ids: tuple[int, int], at: dt.datetime, way: Way, prefecture: str) -> CardState:
    """Add the rows and counters of a card, ordered at `at`, to which `told` has happened; return its state.

    `ids` are those of its registration and technician.
    """
    state, changed = way[-1] if way else (CardState.ORDERED, at)
    sent = _shipments(batch, way)
    current = sent[-1] if sent and sent[-1].closed_at is None else None
    since = counters.day_of(changed)
    posted = counters.day_of(current.way[0][1]) if current else None
    tried = next((when for entered, when in current.way if entered is CardState.ABSENT), None) if current else None
    until = kept_until(counters.day_of(tried)) if tried and state in (CardState.ABSENT, CardState.KEPT) else None
    made = [when for entered, when in way if entered is CardState.MADE]
    batch.rows["card"].append(
        (card, *ids, state.value, to_microseconds(at), to_microseconds(changed), len(way) + 1, state.value,
         since.isoformat(), current and current.id, posted and posted.isoformat(), until and until.isoformat(),
         since.isoformat() if current else None, "unknown", to_microseconds(made[-1]) if made else None,
         to_microseconds(made[1]) if len(made) > 1 else None)
    )  # fmt: skip
    for n, shipment in enumerate(sent, start=1):
        _write_shipment(batch, card, n, shipment, prefecture)
    _count(batch.counts, way, at, state, since, posted)
    return state


def _shipments(batch, way: Way) -> list[_Shipment]:
    """Cut a way into its shipments; one that came back is closed when the card is made ready to go again."""
    found: list[_Shipment] = []
    for state, when in way:
        if state is CardState.POSTED:
            first = f"{10**9 + next(batch.numbers) * 7_919 % (9 * 10**9)}"
            found.append(_Shipment(batch.new_id(), f"{first}{check_digit(first)}", [(state, when)]))
        elif state is CardState.MADE and found:
            found[-1].closed_at = when
        elif found:
            found[-1].way.append((state, when))
    return found


def _write_shipment(batch, card: int, n: int, shipment: _Shipment, prefecture: str) -> None:
    states = [state for state, _ in shipment.way]
    missed = next((Missed(state.value) for state in _WORST if state in states), Missed.NOTHING)
    accepted_on = counters.day_of(shipment.way[0][1])
    closed = to_microseconds(shipment.closed_at) if shipment.closed_at else None
    batch.rows["shipment"].append(
        (shipment.id, card, n, shipment.number, accepted_on.isoformat(), prefecture, missed.value,
         to_microseconds(shipment.way[0][1]), closed, CardState.RETURNED.value if closed else None)
    )  # fmt: skip
    batch.counts[counters.key(Figure.SHIPMENTS, accepted_on, prefecture, missed)] += 1
    for state, when in shipment.way:
        label, event = LABELS[state]
        at = when.astimezone(JST).isoformat()
        batch.rows["tracking_event"].append(
            (batch.new_id(), shipment.number, at, label, fold(label), "", event, "unknown")
        )


def _count(counts: Counter, way: Way, at: dt.datetime, state: CardState, since: dt.date, posted) -> None:
    counts[counters.key(Figure.CARDS, counters.day_of(at), CardState.ORDERED)] += 1
    for entered, when in way:
        counts[counters.key(Figure.CARDS, counters.day_of(when), entered)] += 1
    if state is CardState.DELIVERED:
        counts[counters.key(Figure.CARD_DAYS, since, str((since - posted).days))] += 1
