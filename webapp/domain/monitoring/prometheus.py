"""What Prometheus reads: what waits and what the last day brought, from open rows and counters alone."""

import datetime as dt

from peewee import fn
from prometheus_client import CollectorRegistry, Gauge

from db.models import Alarm, Inquiry, Message, Postcard, WorkerBeat, WorkItem
from webapp.domain.cards import queries
from webapp.domain.notices.messages import CLAIMABLE
from webapp.domain.reporting import figures
from webapp.domain.reporting.backlog import POSTCARD_STATES
from webapp.domain.reporting.periods import last_days


def registry(now: dt.datetime) -> CollectorRegistry:
    """Return a registry filled as of now; made anew for each request, since every process would hold another."""
    made = CollectorRegistry()

    def gauge(name: str, help: str, values: dict[tuple[str, ...], float], *labels: str) -> None:
        metric = Gauge(f"todoke_{name}", help, labels, registry=made)
        for key, value in values.items():
            (metric.labels(*key) if labels else metric).set(value)

    def tally(model, field, *conditions) -> dict[tuple[str, ...], float]:
        query = model.select(field, fn.COUNT(model.id)).where(*conditions).group_by(field)
        return {(key,): n for key, n in query.tuples()}

    waiting = Message.state.in_([state.value for state in CLAIMABLE])
    gauge("messages_waiting", "messages to be sent", tally(Message, Message.kind, waiting), "kind")
    due = Message.select(fn.MIN(Message.due_at)).where(waiting & (Message.due_at <= now)).scalar()
    gauge("oldest_due_seconds", "how long the oldest message is due", {(): (now - due).total_seconds() if due else 0})
    gauge(
        "postcards", "postcards by state", tally(Postcard, Postcard.state, Postcard.state.in_(POSTCARD_STATES)), "state"
    )
    gauge("cards", "open cards by state", {(state.value,): n for state, n in queries.state_counts().items()}, "state")
    gauge("work_items_open", "work for a person", tally(WorkItem, WorkItem.kind, WorkItem.state == "open"), "kind")
    gauge("inquiries", "open and waiting inquiries", tally(Inquiry, Inquiry.state, Inquiry.state != "closed"), "state")
    gauge("alarms_open", "open alarms", tally(Alarm, Alarm.kind, Alarm.closed_at.is_null()), "kind")
    seen = WorkerBeat.select(fn.MAX(WorkerBeat.seen_at)).scalar()
    gauge("worker_seen_timestamp_seconds", "the last sign of life of a worker", {(): seen.timestamp() if seen else 0})
    found = figures.notices(last_days(7, now), now).sum
    failed = {(failure,): n for failure, n in found.failed.items()}
    gauge("notices_failed_week", "notices of the last 7 days' cohorts that failed", failed, "class")
    gauge("notices_counted_week", "notices of these cohorts that were accepted or refused", {(): found.counted})
    return made
