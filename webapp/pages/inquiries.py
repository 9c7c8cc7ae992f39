"""A case of the contact centre as a row: in the queue, in what is taken away, above its own page."""

import datetime as dt
from dataclasses import dataclass

from flask import current_app, url_for

from db.models import Inquiry
from webapp.domain.core.calendar import WorkingCalendar
from webapp.domain.inquiries.cases import CALLER_WORDS, STATE_WORDS, TOPIC_WORDS, Caller, InquiryState, Topic
from webapp.web.clock import now
from webapp.web.language import say

CHIPS = {InquiryState.OPEN: "wait", InquiryState.WAITING: "busy", InquiryState.CLOSED: "good"}


@dataclass(frozen=True)
class Row:
    """A case in the queue; `hours` is its age in opening hours."""

    address: str
    number: str
    state: tuple[str, str]
    topic: str
    caller: str
    opened_at: dt.datetime
    hours: int
    application_number: str


def row_of(row: Inquiry) -> Row:
    """Return a case as a row."""
    calendar = WorkingCalendar.of(current_app.extensions["settings"])
    state = InquiryState(row.state)
    return Row(
        url_for("ops_inquiries.show", inquiry=row.id),
        row.number,
        (say(STATE_WORDS[state]), CHIPS[state]),
        say(TOPIC_WORDS[Topic(row.topic)]),
        say(CALLER_WORDS[Caller(row.caller)]),
        row.opened_at,
        calendar.business_hours(row.opened_at, row.closed_at or now()),
        row.registration.application_number if row.registration else "",
    )
