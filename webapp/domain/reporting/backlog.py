"""What is open at this moment, counted over the open rows; each number is that of the list behind it."""

import datetime as dt
from collections import defaultdict
from dataclasses import dataclass

from peewee import fn

from db.models import Alarm, Card, Inquiry, Message, Postcard, WorkItem
from webapp.domain.cards import monitor, queries
from webapp.domain.cards.monitor import Thresholds
from webapp.domain.cards.overdue import Attention
from webapp.domain.cards.states import CardState
from webapp.domain.core.calendar import jst_day
from webapp.domain.notices import listing
from webapp.domain.notices.listing import MessageFilters
from webapp.domain.notices.messages import MessageState

# Ages of an open card: from so many days, to the day before the next.
AGES = (0, 3, 7, 14, 30)
# What is still on its way through our hands or the post's; what has arrived is history.
POSTCARD_STATES = ("queued", "on_hold", "batched", "printed", "mailed", "returned")


@dataclass(frozen=True)
class OpenNow:
    """Everything that waits for somebody or something."""

    waiting: int
    oldest: dt.datetime | None
    unsent: int
    postcards: dict[str, int]
    cards: dict[CardState, int]
    near_end: int
    inquiries: int
    work_items: int
    alarms: int


def open_now(now: dt.datetime, watch: Thresholds) -> OpenNow:
    """Return the numbers of the tiles."""
    queued = listing.listing(MessageFilters(state=MessageState.QUEUED))
    # Ids rise with time: the first of the list has waited longest.
    first = queued.select(Message.queued_at).order_by(Message.id).limit(1).tuples().first()
    rows = (
        Postcard.select(Postcard.state, fn.COUNT(Postcard.id))
        .where(Postcard.state.in_(POSTCARD_STATES))
        .group_by(Postcard.state)
        .tuples()
    )
    found: dict[str, int] = dict(rows)
    return OpenNow(
        waiting=queued.count(),
        oldest=first[0] if first else None,
        unsent=listing.listing(MessageFilters(unsent=True)).count(),
        postcards={state: found.get(state, 0) for state in POSTCARD_STATES},
        cards=queries.state_counts(),
        near_end=monitor.cards_with(Attention.KEPT_NEAR_END, now, watch).count(),
        inquiries=Inquiry.select().where(Inquiry.state == "open").count(),
        work_items=WorkItem.open().order_by().count(),
        alarms=Alarm.open().order_by().count(),
    )


def card_ages(now: dt.datetime) -> dict[CardState, list[int]]:
    """Return for each open state how many cards have been in it for how long, in the steps of AGES."""
    today = jst_day(now)
    found: dict[CardState, list[int]] = defaultdict(lambda: [0] * len(AGES))
    rows = (
        Card.select(Card.state, Card.since_on, fn.COUNT(Card.id))
        .where(Card.state.in_([state.value for state in queries.OPEN_STATES]) & Card.since_on.is_null(False))
        .group_by(Card.state, Card.since_on)
        .tuples()
    )
    for state, since, n in rows:
        found[CardState(state)][_step((today - since).days)] += n
    # A card that was never folded has no such day; it has been as it is since it was changed.
    unfolded = Card.select(Card.state, Card.changed_at).where(
        Card.state.in_([state.value for state in queries.OPEN_STATES]) & Card.since_on.is_null()
    )
    for state, changed_at in unfolded.tuples():
        found[CardState(state)][_step((today - jst_day(changed_at)).days)] += 1
    return dict(found)


def _step(days: int) -> int:
    return max((n for n, least in enumerate(AGES) if days >= least), default=0)
