"""The monthly report: the figures of a month in sentences and lines, the month before beside them."""

import datetime as dt
from dataclasses import dataclass

from flask import url_for
from flask_babel import gettext

from webapp.dashboard import notices, registrations_and_cards
from webapp.dashboard.findings import percent, points
from webapp.domain.bounce.model import ReasonClass
from webapp.domain.cards.labels import CHIPS
from webapp.domain.cards.states import CardState
from webapp.domain.notices import labels
from webapp.domain.reporting.monthly import MonthFigures
from webapp.domain.reporting.periods import Span
from webapp.web.language import say

MONTHS = 24


@dataclass(frozen=True)
class Line:
    """A figure of the month, of the month before, and the difference; an address leads to the cases."""

    words: str
    number: str
    before: str
    change: str
    address: str = ""


@dataclass(frozen=True)
class Topic:
    """Lines that belong together, and what they say in a sentence."""

    title: str
    sentence: str
    lines: list[Line]


def name_of(day: dt.date) -> str:
    """Return the name of a month."""
    return gettext("%(year)s年%(month)s月", year=day.year, month=day.month)


def months(today: dt.date) -> list[tuple[str, str]]:
    """Return the last two years of months to choose from, newest first."""
    found, first = [], today.replace(day=1)
    for _ in range(MONTHS):
        found.append((f"{first:%Y-%m}", name_of(first)))
        first = (first - dt.timedelta(days=1)).replace(day=1)
    return found


def topics(month: MonthFigures, before: MonthFigures, least: int) -> list[Topic]:
    """Return the report's topics in their order."""
    return [
        _registrations(month, before),
        _notices(month, before, least),
        _postcards(month, before),
        _cards(month, before),
    ]


def _line(words: str, number: int, before: int, address: str = "") -> Line:
    return Line(words, f"{number:,}", f"{before:,}", f"{number - before:+,}" if number != before else "±0", address)


def _registrations(month: MonthFigures, before: MonthFigures) -> Topic:
    line = _line(gettext("登録が完了した申請"), month.registrations, before.registrations)
    sentence = gettext("%(n)s件の登録が完了しました。前の月は%(before)s件です。", n=line.number, before=line.before)
    return Topic(gettext("登録"), sentence, [line])


def _notices(month: MonthFigures, before: MonthFigures, least: int) -> Topic:
    now, then, span = month.notices, before.notices, month.span
    rate, rate_before = now.rate(least=least), then.rate(least=least)
    change = points(rate, rate_before)
    lines = [
        _line(gettext("送信したお知らせ"), now.total, then.total, notices.messages(span, "")),
        _line(gettext("不達率の分母（中継が受け取ったか、最終的に断ったもの）"), now.counted, then.counted),
        Line(
            gettext("不達率（アドレスが無効）"),
            percent(rate),
            percent(rate_before),
            gettext("%(points)sポイント", points=change) if change else "–",
        ),
    ]
    for failure in ReasonClass:
        if failure in now.failed:
            address = notices.messages(span, "", state="failed", failure=failure)
            lines.append(_line(say(labels.CLASSES[failure]), now.failed[failure], then.failed[failure], address))
    if rate is None:
        sentence = gettext("%(n)s件を送りました。件数が少ないため、不達率は出していません。", n=f"{now.total:,}")
    else:
        sentence = gettext(
            "%(n)s件を送り、%(failed)s件はアドレスが無効でした。不達率は%(rate)s（前の月は%(before)s）です。",
            n=f"{now.total:,}",
            failed=f"{now.failed[ReasonClass.DEAD]:,}",
            rate=percent(rate),
            before=percent(rate_before),
        )
    return Topic(gettext("お知らせのメール"), sentence, lines)


def _postcards(month: MonthFigures, before: MonthFigures) -> Topic:
    lines = [
        _line(
            say(labels.POSTCARD_STATES[state][0]),
            month.postcards.get(state, 0),
            before.postcards.get(state, 0),
            registrations_and_cards.entered(month.span, state),
        )
        for state in ("queued", "mailed", "returned")
    ]
    queued, mailed, returned = (line.number for line in lines)
    sentence = gettext(
        "%(queued)s件が作成待ちになり、%(mailed)s件を差し出し、%(returned)s件が返送されました。",
        queued=queued,
        mailed=mailed,
        returned=returned,
    )
    return Topic(gettext("はがき"), sentence, lines)


def _cards(month: MonthFigures, before: MonthFigures) -> Topic:
    shown = (CardState.POSTED, CardState.DELIVERED, CardState.ABSENT, CardState.RETURNED, CardState.LOST)
    lines = [_line(say(CHIPS[state][1]), month.cards.get(state, 0), before.cards.get(state, 0)) for state in shown]
    now, then = month.delivery, before.delivery
    for words, value, value_before in (
        (gettext("半数が届くまで（中央値）"), now.median, then.median),
        (gettext("9割が届くまで"), now.nine_of_ten, then.nine_of_ten),
    ):
        change = f"{value - value_before:+}" if value is not None and value_before is not None else "–"
        lines.append(Line(words, _days(value), _days(value_before), change if change != "+0" else "±0"))
    sentence = gettext(
        "%(posted)s件を発送し、%(delivered)s件が配達され、%(returned)s件が返送されました。",
        posted=lines[0].number,
        delivered=lines[1].number,
        returned=lines[3].number,
    )
    if now.cards:
        more = gettext(
            "引受から配達までは、半数が%(median)s以内、9割が%(most)s以内です。",
            median=_days(now.median),
            most=_days(now.nine_of_ten),
        )
        sentence = f"{sentence}{more}"
    return Topic(gettext("カード"), sentence, lines)


def _days(days: int | None) -> str:
    return "–" if days is None else gettext("%(n)s日", n=days)


def dashboard(span: Span) -> str:
    """Return the address of the dashboard over the same days."""
    return url_for("ops_dashboard.index", since=span.since, until=span.until)
