"""From what was reported to how a card stands: read, fold, write, and draw the consequences, for many cards at once.

A card's columns are never stepped from one report to the next. They are computed anew from its shipments and all
reports of its numbers, so that late, repeated and undone reports need no rules of their own (docs/card.md).
"""

import datetime as dt
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from db.database import exclusive
from db.fields import dump_json, to_microseconds
from db.locks import Lock
from db.models import Card, Shipment
from db.rows import change_many, in_parts, marks, values_of
from webapp.domain.cards.outcomes import missed
from webapp.domain.cards.states import (
    REUSE_GAP,
    CardEvent,
    CardState,
    CardStatus,
    Receiver,
    Report,
    standing_after,
    standing_of,
)
from webapp.domain.cards.states import shipments as split
from webapp.domain.core import counters, progress
from webapp.domain.core.calendar import JST, jst_day
from webapp.domain.core.counters import Figure
from webapp.domain.core.events import EventName, NewEvent, record_many
from webapp.domain.core.progress import Reached
from webapp.domain.core.work_items import WorkItemKind, WorkItemState, close_items, open_items

UNDONE = "undone"

# The word of an acceptance that only the dispatch list tells.
ACCEPTED_LABEL = "引受"


@dataclass(frozen=True)
class ChangedCard:
    """A card whose state is another than before."""

    card_id: int
    before: str
    after: str


class Posting(NamedTuple):
    """As much of a shipment as tells which reports of its number are its own."""

    id: int
    accepted_on: dt.date


def folding():
    """Return the transaction in which reports are written and cards folded; one process at a time."""
    return exclusive(Lock.CARDS)


def moment_text(at: dt.datetime | dt.date | None) -> str:
    """Return the stored form of when a report happened: JST with its zone, a day, or empty."""
    return "" if at is None else at.isoformat()


def _moment(text: str) -> dt.datetime | dt.date | None:
    if not text:
        return None
    if "T" not in text:
        return dt.date.fromisoformat(text)
    return dt.datetime.fromisoformat(text).astimezone(JST)  # one zone object: its day is soon told


def reports_of(numbers: Iterable[str]) -> dict[str, list[Report]]:
    """Return all stored reports by number."""
    found: dict[str, list[Report]] = defaultdict(list)
    for part in in_parts(sorted(set(numbers))):
        listed = marks(len(part))
        sql = f"SELECT number, at, event, label, office, receiver FROM tracking_event WHERE number IN {listed}"
        for number, at, event, label, office, receiver in values_of(sql, *part):
            found[number].append(Report(_moment(at), CardEvent(event), label, office, Receiver(receiver)))
    return found


def history_of(
    shipment: Shipment | Posting, same_number: Sequence[Shipment | Posting], reports: Sequence[Report]
) -> tuple[Report, ...]:
    """Return the reports that belong to a shipment, oldest first.

    Numbers are used again after years: reports of the same number are split where an acceptance lies far behind the
    last report, and each part belongs to the shipment whose acceptance date is nearest. An acceptance that only our
    own list tells stands in for the post's.
    """
    accepted = [jst_day(r.at) for r in reports if r.event is CardEvent.ACCEPTED and r.at is not None]
    acceptances = [
        Report(other.accepted_on, CardEvent.ACCEPTED, ACCEPTED_LABEL)
        for other in same_number
        if not any(abs(day - other.accepted_on) <= REUSE_GAP for day in accepted)
    ]
    best: tuple[Report, ...] = ()
    distance = REUSE_GAP + dt.timedelta(days=1)
    for part in split([*reports, *acceptances]):
        days = [report.day for report in part if report.day]
        if not days:
            continue
        # The nearest shipment of the number has this part, and no other one.
        owner = min(same_number, key=lambda candidate: (abs(candidate.accepted_on - days[0]), candidate.accepted_on))
        away = abs(shipment.accepted_on - days[0])
        if owner.id == shipment.id and away < distance:
            best, distance = part, away
    return best


def standing(card: Card, current: Shipment | None, history: Sequence[Report]) -> CardStatus:
    """Return how a card stands: before its (next) posting as ordered or made, afterwards as its history tells."""
    if current is None or current.closed_at is not None:
        base = CardState.MADE if card.made_at else CardState.ORDERED
        began = card.reopened_at or (card.made_at if base is CardState.MADE else card.ordered_at)
        return CardStatus(base, base, since=began)
    if current.lost_at is not None:
        return standing_of([*history, Report(current.lost_at, CardEvent.DECLARED_LOST)], CardState.MADE)
    return standing_after(history, CardState.MADE)


def standing_now(card: Card) -> CardStatus:
    """Return how one card stands, read from the database; its columns say the same in short."""
    current, history = _histories([card]).get(card.id, [(None, ())])[-1]
    return standing(card, current, history)


def _histories(cards: Sequence[Card]) -> dict[int, list[tuple[Shipment, tuple[Report, ...]]]]:
    """Return the shipments of each card that has one, the current one last, with what the post has told of each."""
    mine = list(Shipment.select().where(Shipment.card.in_([card.id for card in cards])).order_by(Shipment.n))
    numbers = {shipment.number for shipment in mine}
    by_number = _posted_under(numbers)
    reports = reports_of(numbers)
    found: dict[int, list[tuple[Shipment, tuple[Report, ...]]]] = defaultdict(list)
    for shipment in mine:
        history = history_of(shipment, by_number[shipment.number], reports.get(shipment.number, ()))
        found[shipment.card_id].append((shipment, history))
    return found


def _missed_anew(shipments: dict[int, list[tuple[Shipment, tuple[Report, ...]]]]) -> Counter:
    """Write what kept shipments from their receivers, where it is another than before; return the counters' change."""
    counts: Counter = Counter()
    changed = []
    for shipment, history in (entry for histories in shipments.values() for entry in histories):
        after = missed(history)
        if after != shipment.missed:
            counts[shipment_key(shipment)] -= 1
            shipment.missed = after.value
            counts[shipment_key(shipment)] += 1
            changed.append((shipment.missed, shipment.id))
    if changed:
        change_many("UPDATE shipment SET missed = ? WHERE id = ?", changed)
    return counts


def shipment_key(shipment: Shipment) -> counters.Key:
    """Return the counter in which a shipment stands."""
    return counters.key(Figure.SHIPMENTS, shipment.accepted_on, shipment.prefecture, shipment.missed)


def _posted_under(numbers: Iterable[str]) -> dict[str, list["Posting"]]:
    found: dict[str, list[Posting]] = defaultdict(list)
    for part in in_parts(sorted(numbers)):
        sql = f"SELECT number, id, accepted_on FROM shipment WHERE number IN {marks(len(part))}"
        for number, shipment, day in values_of(sql, *part):
            found[number].append(Posting(shipment, dt.date.fromisoformat(day)))
    return found


def cards_of_numbers(numbers: Iterable[str]) -> list[int]:
    """Return the ids of the cards that have ever had one of these numbers."""
    found: set[int] = set()
    for part in in_parts(sorted(set(numbers))):
        found.update(row[0] for row in Shipment.select(Shipment.card).where(Shipment.number.in_(part)).tuples())
    return sorted(found)


_COLUMNS = (
    "state",
    "known",
    "since_on",
    "shipment_id",
    "posted_on",
    "kept_until",
    "last_word_on",
    "receiver",
    "unknown_labels",
    "contradictory",
)


def refold(
    card_ids: Iterable[int], now: dt.datetime, cause: str, account_id: int | None = None, *, undo: bool = False
) -> list[ChangedCard]:
    """Fold cards anew in the running transaction, with events, counters and work items; return whose state changed.

    `cause` is a word for the event: dispatch, tracking, mapping, undone, made, reopened, lost, found. An entry that is
    undone is taken back from the day's counter instead of counted as another one.
    """
    changed: list[ChangedCard] = []
    for part in in_parts(card_ids):
        changed += _refold_chunk(list(Card.select().where(Card.id.in_(part))), now, cause, account_id, undo)
    return changed


def _refold_chunk(
    cards: list[Card], now: dt.datetime, cause: str, account_id: int | None, undo: bool
) -> list[ChangedCard]:
    shipments = _histories(cards)
    histories = {card_id: shipments_of_card[-1] for card_id, shipments_of_card in shipments.items()}
    updates, events, changed, counts = [], [], [], _missed_anew(shipments)
    reached: Counter = Counter()
    back: list[tuple[Card, bool]] = []
    for card in cards:
        current, history = histories.get(card.id, (None, ()))
        before = _stored(card)
        after = _folded(card, current, standing(card, current, history))
        if after == before:
            continue
        _count(counts, card, before, after, now, undo)
        for values, n in ((before, -1), (after, 1)):
            reached[card.registration_id, Reached.CARD_POSTED] += n * bool(values["posted_on"])
            reached[card.registration_id, Reached.CARD_DELIVERED] += n * (values["state"] == CardState.DELIVERED)
        at = to_microseconds(now)
        moved = after["state"] != before["state"]
        updates.append((*after.values(), at if moved else to_microseconds(card.changed_at), card.id))
        if (before["known"] == CardState.RETURNED) != (after["known"] == CardState.RETURNED):
            back.append((card, after["known"] == CardState.RETURNED))
        if moved:
            changed.append(ChangedCard(card.id, before["state"], after["state"]))
            data = dump_json({"from": before["state"], "to": after["state"], "cause": cause})
            people = (card.registration_id, card.technician_id, None)
            events.append(NewEvent(EventName.CARD_POST_MOVED, at, *people, card.id, account_id, data))
    _write(updates, events)
    counts.update(progress.deltas(reached))
    counters.add(counts)
    _returned_items(back, now, cause, account_id)
    return changed


def _write(updates: list[tuple], events: list[NewEvent]) -> None:
    setting = ", ".join(f"{name} = ?" for name in (*_COLUMNS, "changed_at"))
    change_many(f"UPDATE card SET {setting}, version = version + 1 WHERE id = ?", updates)
    record_many(events)


def _stored(card: Card) -> dict[str, object]:
    """The folded columns as the database holds them."""
    values = {name: getattr(card, name) for name in _COLUMNS}
    for name in ("since_on", "posted_on", "kept_until", "last_word_on"):
        values[name] = values[name].isoformat() if values[name] else None
    values["unknown_labels"] = dump_json(values["unknown_labels"]) if values["unknown_labels"] else None
    return values


def _folded(card: Card, current: Shipment | None, now_stands: CardStatus) -> dict[str, object]:
    posted = current is not None and current.closed_at is None
    since = now_stands.since
    return {
        "state": now_stands.state.value,
        "known": now_stands.known.value,
        "since_on": jst_day(since).isoformat() if since else None,
        "shipment_id": current.id if posted else None,
        "posted_on": current.accepted_on.isoformat() if posted else None,
        "kept_until": now_stands.kept_until.isoformat() if now_stands.kept_until else None,
        "last_word_on": now_stands.last_word_on.isoformat() if now_stands.last_word_on else None,
        "receiver": now_stands.receiver.value,
        "unknown_labels": dump_json(list(now_stands.unknown_labels)) if now_stands.unknown_labels else None,
        "contradictory": now_stands.contradictory,
    }


def _count(counts: Counter, card: Card, before: dict, after: dict, now: dt.datetime, undo: bool) -> None:
    if after["state"] != before["state"]:
        if undo:
            counts[counters.key(Figure.CARDS, counters.day_of(card.changed_at), before["state"])] -= 1
        else:
            counts[counters.key(Figure.CARDS, counters.day_of(now), after["state"])] += 1
    for values, n in ((before, -1), (after, 1)):
        if values["state"] == CardState.DELIVERED and values["since_on"] and values["posted_on"]:
            day = dt.date.fromisoformat(values["since_on"])
            taken = max(0, (day - dt.date.fromisoformat(values["posted_on"])).days)
            counts[counters.key(Figure.CARD_DAYS, day, str(taken))] += n


def _returned_items(back: list[tuple[Card, bool]], now: dt.datetime, cause: str, account_id: int | None) -> None:
    """A returned card is work for a person until it is posted again or the return turns out not to be one."""
    came = [(card.registration_id, "returned") for card, came_back in back if came_back]
    went = [card.registration_id for card, came_back in back if not came_back]
    state = WorkItemState.DISMISSED if cause == UNDONE else WorkItemState.DONE
    close_items(WorkItemKind.CARD_RETURNED, "registration", went, state, cause, now, account_id)
    open_items(WorkItemKind.CARD_RETURNED, "registration", came, now)
