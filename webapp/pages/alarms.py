"""Where an alarm is, and where it leads: the list of the cases behind it, as an address of the operators' pages."""

import datetime as dt
from collections.abc import Collection

from flask import url_for

from db import ids
from db.models import Alarm, Business
from webapp.domain.cards.overdue import Attention
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.attention_labels import subject_words
from webapp.domain.core.counters import day_of
from webapp.domain.core.language import N_

# The attempts that made a rate stand before its alarm opened.
_BEFORE = dt.timedelta(days=7)
# kind: (endpoint, filters, words); the days of the episode are added where a list knows days.
_LISTS: dict[str, tuple[str, dict[str, str], str]] = {
    AlarmKind.OUR_FAILURE: ("ops_messages.index", {"failure": "ours"}, N_("拒否されたお知らせを見る")),
    AlarmKind.BOUNCE_RATE: ("ops_messages.index", {"failure": "dead"}, N_("届かなかったお知らせを見る")),
    AlarmKind.DESTINATION_FAILING: ("ops_messages.index", {}, N_("この宛先のお知らせを見る")),
    AlarmKind.QUEUE_AGE: ("ops_messages.index", {"state": "queued"}, N_("待っているお知らせを見る")),
    AlarmKind.RELAY_DOWN: ("ops_messages.index", {"state": "waiting_retry"}, N_("待っているお知らせを見る")),
    AlarmKind.SENDING_STOPPED: ("ops_sending.index", {}, N_("送信の停止と再開を開く")),
    AlarmKind.RESTORED: ("ops_messages.index", {"state": "reconciliation"}, N_("確認待ちのメールを見る")),
    AlarmKind.ALARM_MAIL_FAILED: (
        "ops_messages.index",
        {"kind": "ops_alarm", "state": "failed"},
        N_("届かなかった警報のメールを見る"),
    ),
    AlarmKind.UNMATCHED_MAIL: ("ops_returned_mail.index", {"state": "unmatched"}, N_("照合できないメールを見る")),
    AlarmKind.UNMATCHED_RISING: ("ops_returned_mail.index", {"state": "unmatched"}, N_("照合できないメールを見る")),
    AlarmKind.POSTCARDS_NOT_MAILED: ("ops_postcards.index", {"state": "queued"}, N_("待っているはがきを見る")),
    AlarmKind.CARD_RETURN_RATE: ("ops_cards.index", {"state": "returned"}, N_("返送されたカードを見る")),
    AlarmKind.CONTACT_GUESSING: ("ops_inquiry_list.index", {}, N_("お問い合わせを見る")),
    AlarmKind.COUNTER_DIFFERENCE: ("ops_dashboard.index", {}, N_("ダッシュボードを開く")),
} | {f"card_{kind}": ("ops_cards.index", {"needs": kind.value}, N_("この警報のカードを見る")) for kind in Attention}
_BY_DAYS = (AlarmKind.OUR_FAILURE, AlarmKind.BOUNCE_RATE, AlarmKind.DESTINATION_FAILING)
_BY_DOMAIN = (AlarmKind.OUR_FAILURE, AlarmKind.DESTINATION_FAILING)


_QUEUES: dict[str, tuple[str, str]] = {
    "imports": ("ops_imports.index", N_("取り込みを見る")),
    "tracking": ("ops_card_imports.index", N_("発送と追跡の取り込みを見る")),
    "postcards": ("ops_batches.index", N_("発送ロットを見る")),
}


def cases_of(row: Alarm, now: dt.datetime) -> tuple[str, str]:
    """Return address and words of the list behind an alarm; two empty strings for one that has no list."""
    if row.kind == AlarmKind.WORK_GIVEN_UP and row.subject in _QUEUES:
        endpoint, words = _QUEUES[row.subject]
        return url_for(endpoint), words
    if row.kind not in _LISTS:
        return "", ""
    endpoint, filters, words = _LISTS[row.kind]
    filters = dict(filters)
    if row.kind in _BY_DAYS:
        filters |= {"since": str(day_of(row.opened_at - _BEFORE)), "until": str(day_of(row.closed_at or now))}
    if row.kind in _BY_DOMAIN:
        filters["destination"] = row.subject
    return url_for(endpoint, **filters), words


def places_of(rows: Collection[Alarm]) -> dict[int, str]:
    """Return where each alarm is, by its id, as pages show it: a business has its name there, and nowhere else."""
    numbers = {row.id: _number(row.subject) for row in rows if row.kind == AlarmKind.LOOK_UP_LIMIT}
    wanted = [number for number in numbers.values() if number is not None]
    found = Business.select().where(Business.id.in_(wanted)) if wanted else ()
    names = {business.id: f"{business.name} ({business.business_id})" for business in found}
    return {row.id: names.get(numbers.get(row.id)) or subject_words(row.subject) for row in rows}


def _number(subject: str) -> int | None:
    try:
        return ids.decode(subject)
    except ValueError:
        return None
