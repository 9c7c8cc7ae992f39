"""The operators' list of messages: filters, and counts by state that equal the lists behind them."""

import datetime as dt
from dataclasses import dataclass

from db.models import Message, Registration, Technician
from webapp.domain.core import latency, paging
from webapp.domain.core.paging import Order
from webapp.domain.notices.messages import MessageKind, MessageState

# What may still be sent for the first time.
UNSENT = (MessageState.QUEUED, MessageState.SENDING, MessageState.WAITING_RETRY, MessageState.RECONCILIATION)
ORDER = Order(Message, (Message.id,))


@dataclass(frozen=True)
class MessageFilters:
    """What the list is narrowed to; empty means all, except for the kind."""

    kind: str = MessageKind.ID_NOTICE
    state: str = ""
    failure: str = ""
    reason: str = ""
    destination: str = ""
    role: str = ""
    # The days of the first attempt: the cohorts that the dashboard counts.
    since: dt.date | None = None
    until: dt.date | None = None
    # ID notices whose first acceptance took at least as long as a class of times begins (latency.py); 0: all.
    slow: int = 0
    unsent: bool = False  # only what no relay has accepted yet and may still go


def listing(filters: MessageFilters, state: str | None = None):
    """Return a select of messages; `state` in place of that of the filters."""
    query = Message.select().where(Message.kind == filters.kind)
    if wanted := filters.state if state is None else state:
        query = query.where(Message.state == wanted)
    if filters.failure:
        query = query.where(Message.failure_class == filters.failure)
    if filters.reason:
        query = query.where(Message.reason == filters.reason)
    if filters.destination:
        query = query.where(Message.destination == filters.destination)
    if filters.role:
        query = query.where(Message.role == filters.role)
    if filters.since:
        query = query.where(Message.cohort_day >= filters.since)
    if filters.until:
        query = query.where(Message.cohort_day <= filters.until)
    if filters.slow:
        took = Message.first_sent_at - Registration.completed_at
        query = query.join(Registration).where(took >= latency.EDGES[filters.slow])
    if filters.unsent:
        waiting = Message.state.in_([state.value for state in UNSENT])
        query = query.where(waiting & Message.first_sent_at.is_null())
    return query


def counts(filters: MessageFilters) -> dict[str, int]:
    """Return how many messages each state has under the other filters, counted as far as a page is long enough.

    Each is counted over the very select of its list, so that number and list agree.
    """
    return {state: paging.count(listing(filters, state)) for state in MessageState}


def people(messages) -> dict[int, tuple[str, str]]:
    """Return application number and name for the registrations of a page of messages."""
    ids = {message.registration_id for message in messages} - {None}
    if not ids:
        return {}
    columns = (Registration.id, Registration.application_number, Technician.name)
    rows = Registration.select(*columns).join(Technician).where(Registration.id.in_(list(ids))).tuples()
    return {row[0]: row[1:] for row in rows}
