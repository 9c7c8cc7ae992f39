"""The operators' list of messages, by state, kind, reason and destination."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, request, url_for

from db import ids
from webapp.dashboard.findings import minutes_words
from webapp.domain.bounce.model import Reason, ReasonClass
from webapp.domain.core import latency, paging
from webapp.domain.core.language import N_
from webapp.domain.disclosure.operator_views import Via
from webapp.domain.notices import labels, listing
from webapp.domain.notices.listing import MessageFilters
from webapp.domain.notices.messages import MessageKind, MessageState, Role
from webapp.pages import exports, lists
from webapp.pages.columns import Column, Columns, moment, value, words
from webapp.pages.exports import source
from webapp.pages.lists import Chip, Option
from webapp.pages.records import record_address
from webapp.web.access import viewer
from webapp.web.rendering import render

blueprint = Blueprint("ops_messages", __name__)

LONGEST_DOMAIN = 253

COLUMNS = Columns(
    Column("application", N_("申請番号"), value("number")),
    Column("name", N_("氏名"), value("name"), on_page=False),
    Column("role", N_("宛先"), words("role")),
    Column("destination", N_("宛先のドメイン"), value("destination"), on_page=False),
    Column("state", N_("状態"), words("chip.words")),
    Column("reason", N_("理由"), words("reason"), on_page=False),
    Column("attempts", N_("送信回数"), value("attempts")),
    Column("at", N_("日時"), moment("at")),
    Column("due", N_("次の送信"), moment("due"), on_page=False),
)


@dataclass(frozen=True)
class Row:
    """A message in the list."""

    id: str
    address: str  # of the page behind it
    number: str
    name: str
    role: str
    destination: str
    chip: Chip
    reason: str
    attempts: int
    at: dt.datetime
    due: dt.datetime | None


@dataclass(frozen=True)
class MessagesPage:
    """The list, its filters, and a count for each state."""

    columns = COLUMNS

    rows: list[Row]
    before: str
    after: str
    states: list[Option]
    filters: MessageFilters
    slow_words: str
    kinds: list[tuple[str, str]]
    failures: list[tuple[str, str]]
    reasons: list[tuple[str, str]]
    roles: list[tuple[str, str]]
    may_act: bool
    deciding: bool  # whether the rows wait for a decision after a restore


@blueprint.get("/ops/messages")
def index():
    filters = _filters()
    address = {"kind": filters.kind, "failure": filters.failure, "reason": filters.reason}
    address |= {"destination": filters.destination, "role": filters.role}
    address |= {"slow": filters.slow or "", "unsent": int(filters.unsent) or ""}
    address |= {"since": filters.since and str(filters.since), "until": filters.until and str(filters.until)}
    page = paging.read(listing.listing(filters), listing.ORDER, lists.cursor())
    before, after = lists.around("ops_messages.index", page, **address, state=filters.state)
    context = MessagesPage(
        rows=_rows(page.rows),
        before=before,
        after=after,
        states=_states(filters, address),
        filters=filters,
        slow_words=minutes_words(latency.begins(filters.slow) / dt.timedelta(minutes=1)) if filters.slow else "",
        kinds=list(labels.KINDS.items()),
        failures=list(labels.CLASSES.items()),
        reasons=list(labels.REASONS.items()),
        roles=list(labels.ROLES.items()),
        may_act=viewer().may_act,
        deciding=filters.state == MessageState.RECONCILIATION,
    )
    return render("ops/messages.html", context)


def _filters() -> MessageFilters:
    destination = request.args.get("destination", "").strip().lower()[:LONGEST_DOMAIN]
    since, until = lists.span()
    slow, unsent = request.args.get("slow", ""), request.args.get("unsent") == "1"
    return MessageFilters(
        kind=lists.choice("kind", MessageKind, MessageKind.ID_NOTICE),
        # One state, or the days of a cohort: each list is then a range of an index, however many messages there are.
        state=lists.choice("state", MessageState, "" if (since and until) or unsent else MessageState.FAILED),
        failure=lists.choice("failure", ReasonClass),
        reason=lists.choice("reason", Reason),
        # An address of a person has no place in ours: only what stands behind the @.
        destination=destination.rpartition("@")[2],
        role=lists.choice("role", Role),
        since=since,
        until=until,
        slow=int(slow) if slow in {str(number) for number in range(1, len(latency.EDGES))} else 0,
        unsent=unsent,
    )


def _states(filters: MessageFilters, address: dict) -> list[Option]:
    kept = {name: value for name, value in address.items() if value}
    most = paging.MOST_COUNTED
    options = []
    for state, number in listing.counts(filters).items():
        words, _ = labels.STATES[state]
        shown = f"{most:,}+" if number > most else f"{number:,}"
        link = url_for("ops_messages.index", **kept, state=state)
        options.append(Option(link, words, shown, state == filters.state))
    return options


def _rows(messages) -> list[Row]:
    people = listing.people(messages)
    return [
        Row(
            id=ids.encode(message.id),
            address=_record(message.registration_id),
            number=people.get(message.registration_id, ("", ""))[0],
            name=people.get(message.registration_id, ("", ""))[1],
            role=labels.ROLES[message.role],
            destination=message.destination,
            chip=Chip(*labels.state_of(message.state, message.reason)),
            reason=labels.REASONS.get(message.reason or "", ""),
            attempts=message.attempts,
            at=message.sent_at or message.queued_at,
            due=message.due_at if message.state == MessageState.WAITING_RETRY else None,
        )
        for message in messages
    ]


@source("ops_messages.index", N_("メール"), "messages")
def _whole_list():
    rows = exports.walk(listing.listing(_filters()), listing.ORDER)
    yield COLUMNS.sheet("ops_messages.index", exports.lines(rows, _rows))


def _record(registration_id: int | None) -> str:
    return record_address(registration_id, Via.MESSAGES) if registration_id else ""
