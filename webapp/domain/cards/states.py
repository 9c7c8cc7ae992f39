"""A card on its way by simplified registered mail: its states, what the post can report, and what follows.

A card is posted once; after that the only truth is what the post reports. Reports come late, twice and in any order,
so a card's state is never changed step by step: it is folded from all of them through one table (docs/card.md).
"""

from bisect import insort
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from webapp.domain.core.calendar import jst_day
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.language import N_

# The post keeps an item for seven calendar days, counted from the day after the first attempt.
KEEPING_DAYS = 7
# The second reminder goes out this many days before the card goes back.
LAST_REMINDER_DAYS = 2
# Tracking numbers are used again after years: an acceptance this long after the last report is another item.
REUSE_GAP = timedelta(days=90)


class CardState(StrEnum):
    """Where a card is. `unknown` is not a place: the newest word of the post is one that nobody has mapped yet."""

    ORDERED = "ordered"
    MADE = "made"
    POSTED = "posted"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ABSENT = "absent"
    KEPT = "kept"
    DELIVERED = "delivered"
    RETURNED = "returned"
    LOST = "lost"
    UNKNOWN = "unknown"


class CardEvent(StrEnum):
    """What can happen to a card, in the order in which things of one and the same moment are taken to have happened."""

    ORDERED = "ordered"
    MADE = "made"
    ACCEPTED = "accepted"
    IN_TRANSIT = "in_transit"
    FORWARDED = "forwarded"
    OUT_FOR_DELIVERY = "out_for_delivery"
    ABSENT = "absent"
    KEPT = "kept"
    DELIVERY_WISH = "delivery_wish"
    INVESTIGATING = "investigating"
    UNKNOWN = "unknown"
    DECLARED_LOST = "declared_lost"
    DELIVERED = "delivered"
    RETURNED = "returned"


class Receiver(StrEnum):
    """Who took the card. The post does not usually say; anyone at the address may sign."""

    UNKNOWN = "unknown"
    SELF = "self"
    HOUSEHOLD = "household"
    WORKPLACE = "workplace"
    COUNTER = "counter"


RECEIVER_WORDS = {
    Receiver.UNKNOWN: N_("不明"),
    Receiver.SELF: N_("本人"),
    Receiver.HOUSEHOLD: N_("同居人・家族"),
    Receiver.WORKPLACE: N_("勤務先"),
    Receiver.COUNTER: N_("郵便局の窓口で受領"),
}

_S, _E = CardState, CardEvent
_BEFORE = (_S.ORDERED, _S.MADE)
_IN_POST = (_S.POSTED, _S.OUT_FOR_DELIVERY, _S.ABSENT, _S.KEPT)
_MOVING = (*_BEFORE, *_IN_POST, _S.LOST)

# One row an event: (from which states, to which state). None as the state to reach means: stays where it is.
# A lost card that the post reports again is found. A returned card stays returned under its number, whatever comes
# later: what is then "delivered" is the return to the sender. Posting again takes a new number.
RULES: tuple[tuple[CardEvent, tuple[CardState, ...], CardState | None], ...] = (
    (_E.MADE, (_S.ORDERED,), _S.MADE),
    (_E.ACCEPTED, _MOVING, _S.POSTED),
    (_E.IN_TRANSIT, _MOVING, _S.POSTED),
    (_E.FORWARDED, _MOVING, _S.POSTED),
    (_E.OUT_FOR_DELIVERY, _MOVING, _S.OUT_FOR_DELIVERY),
    (_E.ABSENT, _MOVING, _S.ABSENT),
    (_E.KEPT, _MOVING, _S.KEPT),
    (_E.DELIVERED, (*_MOVING, _S.DELIVERED), _S.DELIVERED),
    (_E.RETURNED, (*_MOVING, _S.DELIVERED, _S.RETURNED), _S.RETURNED),
    (_E.DECLARED_LOST, _IN_POST, _S.LOST),
    # These two say that the post has the item, and nothing about where it is.
    (_E.DELIVERY_WISH, _BEFORE, _S.POSTED),
    (_E.DELIVERY_WISH, (*_IN_POST, _S.LOST, _S.DELIVERED, _S.RETURNED), None),
    (_E.INVESTIGATING, _BEFORE, _S.POSTED),
    (_E.INVESTIGATING, (*_IN_POST, _S.LOST, _S.DELIVERED, _S.RETURNED), None),
)
STEPS: dict[tuple[CardState, CardEvent], CardState] = {
    (state, event): target or state for event, sources, target in RULES for state in sources
}


def step(state: CardState, event: CardEvent) -> CardState:
    """The state after `event`; raises StepNotAllowed when the table has no such step. For what ops decide."""
    try:
        return STEPS[state, event]
    except KeyError:
        raise StepNotAllowed(f"{event} cannot follow in the state {state}") from None


@dataclass(frozen=True)
class Report:
    """One line of a card's history: when (aware datetime, or a JST date when the time is not known, or None), what."""

    at: datetime | date | None
    event: CardEvent
    label: str = ""
    office: str = ""
    receiver: Receiver = Receiver.UNKNOWN

    @property
    def day(self) -> date | None:
        """The JST day, None when nothing is known of the time."""
        return None if self.at is None else jst_day(self.at)


@dataclass(frozen=True)
class CardStatus:
    """How a card stands after all that was reported.

    `state` may be `unknown`; `known` is then the last state that was understood. `kept_until` is the last day on which
    the post still keeps it, given while it is absent or kept. `contradictory`: a report of movement or attempt is
    newer than the delivery, or delivery and return are both reported; a person should look.
    """

    state: CardState
    known: CardState
    since: datetime | date | None = None
    accepted_on: date | None = None
    first_attempt_on: date | None = None
    kept_until: date | None = None
    receiver: Receiver = Receiver.UNKNOWN
    last_word_on: date | None = None
    unknown_labels: tuple[str, ...] = ()
    contradictory: bool = False


_RANK = {event: rank for rank, event in enumerate(CardEvent)}


def _order_key(event: Report) -> tuple[datetime, int, str, str, str]:
    if not isinstance(event.at, datetime):
        raise TypeError("only an event with a time can be compared")
    return event.at, _RANK[event.event], event.label, event.office, event.receiver


def in_order(events: Iterable[Report]) -> tuple[Report, ...]:
    """The events oldest first and each once; the same for any order and repetition of the same events.

    Without a time an event stands after all events of its day that come before it on a card's way; without a date,
    after all such events. A report that says less (no time, no office, no receiver) than another one of the same label
    and day is the same event and is dropped.
    """
    events = set(events)
    if all(isinstance(event.at, datetime) for event in events) and len({e.label for e in events}) == len(events):
        # Nearly every history is so: nothing says the same as another one, and all have their place.
        return tuple(sorted(events, key=_order_key))
    return _placed(events)


def _placed(events: set[Report]) -> tuple[Report, ...]:
    kept: dict[tuple[str, CardEvent], list[Report]] = {}
    for event in sorted(events, key=_fullest_first):
        same = kept.setdefault((event.label, event.event), [])
        if not any(_says_no_more(event, other) for other in same):
            same.append(event)
    by_day: dict[date, list[Report]] = {}
    dateless = []
    for event in sorted((e for group in kept.values() for e in group), key=_fullest_first):
        if event.at is None:
            dateless.append(event)
            continue
        day = by_day.setdefault(jst_day(event.at), [])
        if isinstance(event.at, datetime):
            insort(day, event, key=_order_key)
        else:
            _place_by_rank(day, event)
    line = [event for day in sorted(by_day) for event in by_day[day]]
    for event in dateless:
        _place_by_rank(line, event)
    return tuple(line)


def _fullest_first(event: Report) -> tuple[int, str, int, str, str, str, str]:
    kind = 0 if isinstance(event.at, datetime) else 1 if event.at is not None else 2
    return (
        kind,
        "" if event.at is None else event.at.isoformat(),
        _RANK[event.event],
        event.label,
        # Reversed on purpose: "" (says nothing) must come after every office.
        "0" + event.office if event.office else "1",
        "1" if event.receiver is Receiver.UNKNOWN else "0" + event.receiver,
        event.office,
    )


def _says_no_more(event: Report, other: Report) -> bool:
    same_time = (
        event.at is None
        or event.at == other.at
        or (not isinstance(event.at, datetime) and other.at is not None and event.at == jst_day(other.at))
    )
    return same_time and event.office in ("", other.office) and event.receiver in (Receiver.UNKNOWN, other.receiver)


def _place_by_rank(line: list[Report], event: Report) -> None:
    place = 0
    for index, other in enumerate(line):
        if _RANK[other.event] <= _RANK[event.event]:
            place = index + 1
    line.insert(place, event)


def shipments(events: Iterable[Report]) -> list[tuple[Report, ...]]:
    """The events of one number, oldest first, split where the number was given to another item years later."""
    parts: list[list[Report]] = [[]]
    last: date | None = None
    for event in in_order(events):
        day = event.day
        if event.event is CardEvent.ACCEPTED and day and last and day - last > REUSE_GAP:
            parts.append([])
        parts[-1].append(event)
        last = day or last
    return [tuple(part) for part in parts]


def running_states(
    ordered: Sequence[Report], start: CardState = CardState.ORDERED
) -> list[tuple[CardState, CardState]]:
    """For events in order, the state after each: (as shown, last understood)."""
    states = []
    known = start
    for event in ordered:
        if event.event is CardEvent.UNKNOWN:
            states.append((CardState.UNKNOWN, known))
            continue
        known = STEPS.get((known, event.event), known)
        states.append((known, known))
    return states


def standing_of(events: Iterable[Report], start: CardState = CardState.ORDERED) -> CardStatus:
    """How a card stands after these events of one shipment, whatever their order and however often they are given."""
    return standing_after(in_order(events), start)


def standing_after(ordered: Sequence[Report], start: CardState = CardState.ORDERED) -> CardStatus:
    """As `standing_of`, for events that `in_order` or `shipments` has put in order already."""
    states = running_states(ordered, start)
    if not ordered:
        return CardStatus(state=start, known=start)
    state, known = states[-1]
    since = next(
        (event.at for index, event in enumerate(ordered) if all(later[0] is state for later in states[index:])),
        None,
    )
    attempt = _first_attempt(ordered)
    days = [event.day for event in ordered if event.day]
    kinds = [event.event for event in ordered]
    delivered = CardEvent.DELIVERED in kinds
    delivery = next((e for e in reversed(ordered) if e.event is CardEvent.DELIVERED), None)
    return CardStatus(
        state=state,
        known=known,
        since=since,
        accepted_on=next((e.day for e in ordered if e.event is CardEvent.ACCEPTED), None),
        first_attempt_on=attempt,
        kept_until=kept_until(attempt) if attempt and known in (CardState.ABSENT, CardState.KEPT) else None,
        receiver=delivery.receiver if delivery and known is CardState.DELIVERED else Receiver.UNKNOWN,
        last_word_on=max(days, default=None),
        unknown_labels=tuple(dict.fromkeys(e.label for e in ordered if e.event is CardEvent.UNKNOWN)),
        contradictory=delivered
        and (CardEvent.RETURNED in kinds or any(_moves(kind) for kind in kinds[kinds.index(CardEvent.DELIVERED) :])),
    )


def state_of(events: Iterable[Report], start: CardState = CardState.ORDERED) -> CardState:
    """The state of a card after these events: the same for any order and any repetition of them."""
    return standing_of(events, start).state


def _moves(event: CardEvent) -> bool:
    return event in (
        CardEvent.ACCEPTED,
        CardEvent.IN_TRANSIT,
        CardEvent.FORWARDED,
        CardEvent.OUT_FOR_DELIVERY,
        CardEvent.ABSENT,
        CardEvent.KEPT,
    )


def _first_attempt(ordered: Sequence[Report]) -> date | None:
    """The day of the first attempt at the address the card went to last; the first day of keeping if none is told."""
    attempt = keeping = None
    for event in ordered:
        if event.event is CardEvent.FORWARDED:
            attempt = keeping = None
        elif event.event is CardEvent.ABSENT:
            attempt = attempt or event.day
        elif event.event is CardEvent.KEPT:
            keeping = keeping or event.day
    return attempt or keeping


def kept_until(first_attempt_on: date) -> date:
    """The last day on which the post keeps the card: seven calendar days from the day after the first attempt."""
    return first_attempt_on + timedelta(days=KEEPING_DAYS)


def reminder_days(until: date, heard_on: date) -> tuple[date, ...]:
    """The days on which people are reminded of a kept card: when it is heard of, and two days before it goes back.

    `until` is the last day of keeping, `heard_on` the JST day on which the report was imported. No reminder falls on
    a day after `until`, and one day has one reminder at most.
    """
    second = until - timedelta(days=LAST_REMINDER_DAYS)
    return tuple(day for day in dict.fromkeys((heard_on, max(second, heard_on))) if day <= until)
