"""The counters counted anew from the rows and events that they stand for: a nightly check, and a way to mend them."""

import collections
import datetime as dt
import json
from collections.abc import Iterator
from dataclasses import dataclass

from peewee import SQL, Case, fn

from db.database import snapshot, transaction
from db.fields import from_microseconds
from db.models import Card, Counter, Event, Message, Postcard, Registration, Shipment
from db.rows import in_parts, values_of
from webapp.domain.cards.projection import UNDONE
from webapp.domain.cards.states import CardState
from webapp.domain.core import counters, latency
from webapp.domain.core.alarms import AlarmKind, close_alarm, open_alarm
from webapp.domain.core.counters import Figure, Key
from webapp.domain.core.events import EventName
from webapp.domain.core.progress import Reached
from webapp.domain.notices import messages
from webapp.domain.notices.messages import MessageKind
from webapp.domain.postcard import history
from webapp.domain.registrations import listing

_JST_MICROSECONDS = 9 * 3600 * 1_000_000
_DAY_MICROSECONDS = 24 * 3600 * 1_000_000


@dataclass(frozen=True)
class Checked:
    """A figure that was counted anew: how many keys it has, and by how much which of them are wrong."""

    figure: Figure
    keys: int
    differences: dict[Key, int]  # what has to be added to the counter to be right


def check() -> Iterator[Checked]:
    """Count every figure anew and compare it with its counters; one result a figure, not inside a transaction."""
    for figure, count in _COUNTS.items():
        with snapshot():
            right = collections.Counter(count())
            stands = _stored(figure)
        wrong = {key: right[key] - stands[key] for key in right.keys() | stands.keys() if right[key] != stands[key]}
        yield Checked(figure, len(right.keys() | stands.keys()), wrong)


def rebuild() -> Iterator[Checked]:
    """Do the same and mend what is wrong; one result a figure.

    What differs is added, not overwritten: an event that is counted between the look and the mending stays counted.
    """
    for checked in check():
        with transaction():
            counters.add(checked.differences)
        yield checked


def watch(now: dt.datetime) -> int:
    """Check all counters, open an alarm for each figure that is wrong and close it when it is right; return the sum."""
    wrong = 0
    for checked in check():
        if checked.differences:
            wrong += len(checked.differences)
            data = {"keys": len(checked.differences), "sum": sum(map(abs, checked.differences.values()))}
            open_alarm(AlarmKind.COUNTER_DIFFERENCE, checked.figure, now, data)
        else:
            close_alarm(AlarmKind.COUNTER_DIFFERENCE, checked.figure, now)
    return wrong


def _stored(figure: Figure) -> collections.Counter:
    rows = (
        Counter.select(Counter.figure, Counter.day, Counter.a, Counter.b, Counter.c, fn.SUM(Counter.n))
        .where(Counter.figure == figure)
        .group_by(Counter.figure, Counter.day, Counter.a, Counter.b, Counter.c)
        .tuples()
    )
    found = {(name, day.isoformat(), a, b, c): int(n) for name, day, a, b, c, n in rows}
    return collections.Counter({key: n for key, n in found.items() if n})


def _notices(figure: Figure) -> Iterator[tuple[Key, int]]:
    columns = [Message.kind, Message.role, Message.state, Message.failure_class, Message.reason, Message.cohort_day]
    if figure is Figure.NOTICES_BY_DESTINATION:
        columns.append(Message.destination)
    accepted = Message.first_sent_at.is_null(False)
    rows = Message.select(*columns, accepted.alias("accepted"), fn.COUNT(Message.id).alias("n"))
    for alike in rows.where(Message.cohort_day.is_null(False)).group_by(*columns, accepted):
        alike.first_sent_at = alike.accepted or None
        for key, n in messages.counter_deltas(alike, alike.n).items():
            if key[0] == figure:
                yield key, n


def _registrations() -> Iterator[tuple[Key, int]]:
    day = (Registration.created_at + _JST_MICROSECONDS) / _DAY_MICROSECONDS
    alone = Registration.affiliated_business.is_null()
    rows = Registration.select(day, alone, fn.COUNT(Registration.id)).group_by(SQL("1"), SQL("2"))
    for number, is_alone, n in rows.tuples():
        yield counters.key(Figure.REGISTRATIONS, _day(number), "alone" if is_alone else "affiliated"), n


def _day(number: int) -> dt.date:
    return dt.date(1970, 1, 1) + dt.timedelta(days=int(number))


def _postcards() -> Iterator[tuple[Key, int]]:
    names = [*history.STATE_OF, history.UNDONE]
    rows = (
        Event.select(Event.at, Event.name, Event.subject_id, Postcard.cause)
        .join(Postcard, on=(Postcard.id == Event.subject_id))
        .where(Event.name.in_(names))
        .order_by(Event.id)
        .tuples()
    )
    returned: dict[int, dt.date] = {}
    for at, name, postcard, cause in rows.iterator():
        day = counters.day_of(_moment(at))
        if name == history.UNDONE:
            if postcard in returned:
                yield counters.key(Figure.POSTCARDS, returned.pop(postcard), "returned", cause), -1
            continue
        state = history.STATE_OF[name]
        if state == "returned":
            returned[postcard] = day
        yield counters.key(Figure.POSTCARDS, day, state, cause), 1


def _cards() -> Iterator[tuple[Key, int]]:
    day = (Card.ordered_at + _JST_MICROSECONDS) / _DAY_MICROSECONDS
    for number, n in Card.select(day, fn.COUNT(Card.id)).group_by(SQL("1")).tuples():
        yield counters.key(Figure.CARDS, _day(number), CardState.ORDERED), n
    # Millions of moves have few wordings: the database adds them up, and only undone ones need their card's history.
    day = (Event.at + _JST_MICROSECONDS) / _DAY_MICROSECONDS
    moved = Event.name == EventName.CARD_POST_MOVED
    rows = Event.select(day, Event.data, fn.COUNT(Event.id)).where(moved).group_by(SQL("1"), SQL("2"))
    undone = False
    for number, data, n in rows.tuples():
        data = json.loads(data) if isinstance(data, str) else data
        if data["cause"] == UNDONE:
            undone = True
        else:
            yield counters.key(Figure.CARDS, _day(number), data["to"]), n
    if not undone:
        return
    taken_back = "SELECT DISTINCT subject_id FROM event WHERE name = ? AND data LIKE ?"
    cards = [row[0] for row in values_of(taken_back, EventName.CARD_POST_MOVED.value, f'%"{UNDONE}"%')]
    for part in in_parts(cards):
        yield from _undone(part)


def _undone(cards: list[int]) -> Iterator[tuple[Key, int]]:
    ordered = Card.select(Card.id, Card.ordered_at, Card.registration).where(Card.id.in_(cards)).tuples()
    last: dict[int, dt.date] = {}
    registrations = []
    for card, at, registration in ordered:
        last[card] = counters.day_of(_moment(at))
        registrations.append(registration)
    theirs = Event.registration_id.in_(registrations) & Event.subject_id.in_(cards)
    rows = Event.select(Event.at, Event.subject_id, Event.data).where(
        theirs & (Event.name == EventName.CARD_POST_MOVED)
    )
    for at, card, data in rows.order_by(Event.id).tuples():
        data = json.loads(data) if isinstance(data, str) else data
        day = counters.day_of(_moment(at))
        if data["cause"] == UNDONE:
            yield counters.key(Figure.CARDS, last.get(card, day), data["from"]), -1
        last[card] = day


def _card_days() -> Iterator[tuple[Key, int]]:
    delivered = (Card.state == CardState.DELIVERED) & Card.since_on.is_null(False) & Card.posted_on.is_null(False)
    rows = Card.select(Card.since_on, Card.posted_on, fn.COUNT(Card.id)).where(delivered)
    for since, posted, n in rows.group_by(Card.since_on, Card.posted_on).tuples():
        yield counters.key(Figure.CARD_DAYS, since, str(max(0, (since - posted).days))), n


def _sent_after() -> Iterator[tuple[Key, int]]:
    # The database finds the class of each: nearly all are among the first.
    took = Message.first_sent_at - Registration.completed_at
    number = Case(None, [(took < edge, n) for n, edge in enumerate(latency.EDGES[1:])], len(latency.EDGES) - 1)
    columns = (Message.role, Message.cohort_day, number, fn.COUNT(Message.id))
    first = Message.select(*columns).join(Registration).where(Message.first_sent_at.is_null(False))
    rows = first.where(Message.kind == MessageKind.ID_NOTICE).group_by(SQL("1"), SQL("2"), SQL("3"))
    for role, day, taken, n in rows.tuples():
        yield counters.key(Figure.SENT_AFTER, day, f"{MessageKind.ID_NOTICE}/{role}", str(taken)), n


def _postcard_returns() -> Iterator[tuple[Key, int]]:
    names = (*history.ENTRIES["mailed"], *history.ENTRIES["returned"], history.UNDONE)
    rows = Event.select(Event.at, Event.name, Event.subject_id).where(Event.name.in_(names))
    mailed: dict[int, dt.date] = {}
    returned: dict[int, Key] = {}
    for at, name, postcard in rows.order_by(Event.id).tuples().iterator():
        day = counters.day_of(_moment(at))
        if name in history.ENTRIES["mailed"]:
            mailed[postcard] = day
        elif name == history.UNDONE:
            if postcard in returned:
                yield returned.pop(postcard), -1
        elif postcard in mailed:
            taken = (day - mailed[postcard]).days
            returned[postcard] = counters.key(Figure.POSTCARD_RETURNS, mailed[postcard], str(taken))
            yield returned[postcard], 1


def _shipments() -> Iterator[tuple[Key, int]]:
    alike = (Shipment.accepted_on, Shipment.prefecture, Shipment.missed)
    for day, prefecture, missed, n in Shipment.select(*alike, fn.COUNT(Shipment.id)).group_by(*alike).tuples():
        yield counters.key(Figure.SHIPMENTS, day, prefecture, missed), n


def _funnel() -> Iterator[tuple[Key, int]]:
    """Count each step over the very select of its list."""
    day = (Registration.completed_at + _JST_MICROSECONDS) / _DAY_MICROSECONDS
    for reached in Reached:
        query = Registration.select(day, fn.COUNT(Registration.id)).group_by(SQL("1"))
        for condition in listing.reached(reached):
            query = query.where(condition)
        for number, n in query.tuples():
            yield counters.key(Figure.FUNNEL, _day(number), reached), n


def _moment(value: int | dt.datetime) -> dt.datetime:
    return from_microseconds(value) if isinstance(value, int) else value


def _summed(rows: Iterator[tuple[Key, int]]) -> collections.Counter:
    tally: collections.Counter = collections.Counter()
    for key, n in rows:
        tally[key] += n
    return collections.Counter({key: n for key, n in tally.items() if n})


_COUNTS = {
    Figure.REGISTRATIONS: lambda: _summed(_registrations()),
    Figure.NOTICES: lambda: _summed(_notices(Figure.NOTICES)),
    Figure.NOTICES_BY_DESTINATION: lambda: _summed(_notices(Figure.NOTICES_BY_DESTINATION)),
    Figure.POSTCARDS: lambda: _summed(_postcards()),
    Figure.CARDS: lambda: _summed(_cards()),
    Figure.CARD_DAYS: lambda: _summed(_card_days()),
    Figure.SENT_AFTER: lambda: _summed(_sent_after()),
    Figure.POSTCARD_RETURNS: lambda: _summed(_postcard_returns()),
    Figure.SHIPMENTS: lambda: _summed(_shipments()),
    Figure.FUNNEL: lambda: _summed(_funnel()),
}
