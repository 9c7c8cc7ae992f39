"""The operators' first page: what needs doing, each number leading to the list behind it."""

import datetime as dt
from dataclasses import dataclass

from flask import Blueprint, url_for

from db.models import Alarm, Postcard, ReturnedMail, WorkItem
from webapp.domain.core.attention_labels import alarm_words, item_words
from webapp.domain.core.event_labels import event_words
from webapp.domain.core.events import EventName
from webapp.domain.core.language import N_
from webapp.domain.core.work_items import WorkItemKind, WorkItemState
from webapp.domain.inquiries import listing as inquiries
from webapp.domain.inquiries.cases import InquiryState
from webapp.domain.mail import sending_switch
from webapp.domain.mail.inbound import ReturnedState
from webapp.domain.notices import labels, listing
from webapp.domain.notices.listing import MessageFilters
from webapp.domain.notices.messages import MessageState
from webapp.pages import lists
from webapp.pages.alarms import places_of
from webapp.pages.lists import Option
from webapp.pages.menu import MenuItem, menu_of
from webapp.web.rendering import render

blueprint = Blueprint("ops_home", __name__)

MOST_ALARMS = 10


@dataclass(frozen=True)
class Warning:
    """An open alarm."""

    title: str
    subject: str
    acknowledged: bool


@dataclass(frozen=True)
class Waiting:
    """What waits for a person: how much, and of people who asked since when."""

    address: str
    words: str
    number: str
    since: dt.datetime | None = None


@dataclass(frozen=True)
class Home:
    """What needs doing, what waits, and where everything is."""

    alarms: list[Warning]
    open_alarms: str
    work: list[Waiting]
    queues: list[Option]
    stopped: list[str]
    places: list[tuple[str, list[MenuItem]]]


# Every list and page of the operators, by what it is about.
PLACES = (
    (
        N_("申請と取り込み"),
        (("ops_registrations.index", N_("登録申請")), ("ops_imports.index", N_("取り込み"))),
    ),
    (
        N_("メール"),
        (
            ("ops_messages.index", N_("メール")),
            ("ops_returned_mail.index", N_("戻りメール")),
            ("ops_addresses.index", N_("送らないアドレス")),
            ("ops_sending.index", N_("送信の停止と再開")),
        ),
    ),
    (
        N_("はがき"),
        (
            ("ops_postcards.index", N_("はがき")),
            ("ops_batches.index", N_("発送ロット")),
            ("ops_holds.index", N_("保留中のはがき")),
            ("ops_returned_postcards.index", N_("返送されたはがきの読み取り")),
        ),
    ),
    (
        N_("カード"),
        (("ops_cards.index", N_("カード")), ("ops_card_imports.index", N_("発送と追跡の取り込み"))),
    ),
    (
        N_("対応"),
        (
            ("ops_inquiry_list.index", N_("お問い合わせの対応")),
            ("ops_work_items.index", N_("対応事項")),
            ("ops_sign_ins.index", N_("サインインの支援")),
        ),
    ),
    (
        N_("状況"),
        (
            ("ops_dashboard.index", N_("ダッシュボード")),
            ("ops_alarms.index", N_("警報")),
            ("ops_operators.own", N_("警報のメール")),
            ("ops_operators.index", N_("運営の担当者と警報のメール")),
            ("exports.index", N_("書き出し")),
        ),
    ),
)


@blueprint.get("/ops")
def index():
    return render("ops/home.html", _page())


def _page() -> Home:
    rows = list(Alarm.open().limit(MOST_ALARMS))
    places = places_of(rows)
    return Home(
        alarms=[Warning(alarm_words(row.kind).title, places[row.id], row.acknowledged_at is not None) for row in rows],
        open_alarms=lists.counted(Alarm.open()),
        work=[waiting for waiting in (_inquiries(), *map(_work, WorkItemKind)) if waiting.number != "0"],
        queues=_queues(),
        stopped=[labels.KINDS[kind] for kind in sorted(sending_switch.stopped_kinds())],
        places=[(topic, menu_of(pages)) for topic, pages in PLACES],
    )


def _work(kind: WorkItemKind) -> Waiting:
    query = WorkItem.select().where((WorkItem.state == WorkItemState.OPEN) & (WorkItem.kind == kind))
    return Waiting(url_for("ops_work_items.index", kind=kind), item_words(kind).title, lists.counted(query))


def _inquiries() -> Waiting:
    query, order = inquiries.listing(InquiryState.OPEN)
    oldest = query.order_by(*order.fields).first()
    address = url_for("ops_inquiry_list.index")
    return Waiting(address, N_("受付中のお問い合わせ"), lists.counted(query), oldest.opened_at if oldest else None)


def _queues() -> list[Option]:
    def messages(state: str) -> Option:
        query = listing.listing(MessageFilters(state=state))
        return Option(
            url_for("ops_messages.index", state=state),
            labels.STATES[state][0],
            lists.counted(query),
            False,
        )

    def postcards(state: str, event: EventName) -> Option:
        query = Postcard.select().where(Postcard.state == state)
        words, _ = event_words(event)
        return Option(url_for("ops_postcards.index", state=state), words, lists.counted(query), False)

    unmatched = ReturnedMail.select().where(ReturnedMail.state == ReturnedState.UNMATCHED)
    return [
        *(messages(state) for state in (MessageState.QUEUED, MessageState.WAITING_RETRY, MessageState.FAILED)),
        messages(MessageState.RECONCILIATION),
        Option(
            url_for("ops_returned_mail.index", state=ReturnedState.UNMATCHED),
            N_("照合できない戻りメール"),
            lists.counted(unmatched),
            False,
        ),
        postcards("queued", EventName.POSTCARD_FALLBACK_QUEUED),
        postcards("on_hold", EventName.POSTCARD_FALLBACK_HELD),
    ]
