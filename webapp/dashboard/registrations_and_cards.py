"""The dashboard's charts of registrations, postcards and cards: in words, each value with the address of its list."""

import datetime as dt

from flask import url_for
from flask_babel import gettext as _

from webapp.dashboard.axis import axis, days, ranked, unfinished
from webapp.dashboard.chart import Cell, Chart, Series
from webapp.dashboard.findings import percent, rate_changed, volume_changed
from webapp.domain.cards import outcome_labels
from webapp.domain.cards.labels import CHIPS
from webapp.domain.cards.outcomes import Missed
from webapp.domain.cards.shipment_list import UNKNOWN
from webapp.domain.cards.states import CardState
from webapp.domain.core.progress import Reached
from webapp.domain.notices import labels
from webapp.domain.reporting import backlog
from webapp.domain.reporting.figures import DeliveryDays, Postcards
from webapp.domain.reporting.periods import Span
from webapp.domain.reporting.progress import Funnel, Prefecture, Returned, ReturnedPart
from webapp.web.language import say

# How many days a card that moves stands in one state at most; longer is worth a sentence.
LONG = 14


def registrations(span: Span, reached: Reached) -> str:
    """Return the address of the registrations that have come so far."""
    return url_for("ops_registrations.index", **days(span), reached=reached)


def funnel(found: Funnel, period: Span) -> Chart:
    """How far the registrations completed in the period have come, with the same share of the period before."""
    everyone, before = found.sum[Reached.REGISTERED], found.before[Reached.REGISTERED]
    cells = [Cell(found.sum[step], _share(found.sum[step], everyone), registrations(period, step)) for step in Reached]
    notes = [_("前の期間 %(share)s", share=_share(found.before[step], before)) for step in Reached]
    delivered = found.sum[Reached.CARD_DELIVERED]
    finding = says = ""
    if everyone:
        share = f"{delivered / everyone * 100:.0f}%"
        finding = _("この期間に登録した人の%(share)sにカードが届いています", share=share)
        says = _(
            "%(n)s件の登録のうち、カードがまだ届いていないものは%(open)s件です。メールとはがきの両方で知らせた人もいます。",
            n=f"{everyone:,}",
            open=f"{everyone - delivered:,}",
        )
    return ranked(
        "funnel",
        _("登録からカードの配達まで"),
        _("段階"),
        [say(outcome_labels.REACHED[step]) for step in Reached] if everyone else [],
        [Series(_("登録"), "a", cells)],
        _("件"),
        _("この期間に完了した登録はありません。"),
        notes,
        finding=finding,
        says=says,
    )


def _share(n: int, of: int) -> str:
    return f"{n / of * 100:.1f}% ({n:,})" if of else f"{n:,}"


def cohorts(found: Funnel, today: dt.date, least: int) -> Chart:
    """The same by day, week or month of completion; the picture has the first step and the last, the table all."""
    spans = [part.span for part in found.parts]
    shades = {Reached.REGISTERED: "c", Reached.CARD_DELIVERED: "a"}
    series = [
        Series(
            say(outcome_labels.REACHED[step]),
            shades.get(step, "b"),
            [
                Cell(part.reached[step], f"{part.reached[step]:,}", registrations(part.span, step))
                for part in found.parts
            ],
            drawn=step in shades,
        )
        for step in Reached
    ]
    n, before = found.sum[Reached.REGISTERED], found.before[Reached.REGISTERED]
    return Chart(
        id="cohorts",
        title=_("登録した日ごとの進み"),
        finding=volume_changed(_("登録"), n, before, least),
        says=_("%(n)s件の登録が完了しました。前の期間は%(before)s件です。", n=f"{n:,}", before=f"{before:,}"),
        unit=_("件"),
        head=_("登録が完了した日"),
        series=series,
        stacked=False,
        empty="" if n else _("この期間に完了した登録はありません。"),
        **axis(spans),
        **unfinished(spans, today),
    )


def entered(span: Span, state: str, **filters) -> str:
    """Return the address of the postcards that entered a state within a span."""
    return url_for("ops_dashboard.entered", state=state, **days(span), **filters)


def postcards(found: Postcards, today: dt.date, least: int) -> Chart:
    """How many postcards entered the states that say most, by day."""
    shown = (("queued", "c"), ("mailed", "a"), ("returned", "bad"))
    series = [
        Series(
            say(labels.POSTCARD_STATES[state][0]),
            shade,
            [
                Cell(part.entered.get(state, 0), f"{part.entered.get(state, 0):,}", entered(part.span, state))
                for part in found.parts
            ],
        )
        for state, shade in shown
    ]
    spans = [part.span for part in found.parts]
    sums = {state: f"{found.entered.get(state, 0):,}" for state, _shade in shown}
    queued, before = found.entered.get("queued", 0), found.before.get("queued", 0)
    return Chart(
        id="postcards",
        title=_("はがき"),
        finding=volume_changed(_("作成待ちになったはがき"), queued, before, least),
        says=_(
            "作成待ちになったもの%(queued)s件（前の期間%(before)s件）、差し出したもの%(mailed)s件、返送されたもの%(returned)s件。",
            before=f"{before:,}",
            **sums,
        ),
        unit=_("件"),
        head=_("その状態になった日"),
        series=series,
        stacked=False,
        empty=""
        if any(found.entered.get(state) for state, _shade in shown)
        else _("この期間に動いたはがきはありません。"),
        **axis(spans),
        **unfinished(spans, today),
    )


def causes(found: Postcards, span: Span) -> Chart:
    """Why postcards were queued, beside the period before."""
    names = [say(labels.CAUSES.get(cause, cause)) for cause, _n in found.causes]
    cells = [Cell(n, f"{n:,}", entered(span, "queued", cause=cause)) for cause, n in found.causes]
    notes = [_("前の期間 %(n)s件", n=f"{found.causes_before.get(cause, 0):,}") for cause, _n in found.causes]
    finding = _("はがきになった理由で最も多いのは「%(name)s」です", name=names[0]) if names else ""
    return ranked("causes", _("はがきになった理由"), _("理由"), names, [Series(_("はがき"), "a", cells)], _("件"),
                  _("この期間に作成待ちになったはがきはありません。"), notes, finding=finding)  # fmt: skip


def postcard_returns(found: Returned, open_days: int, least: int) -> Chart:
    """Which share of the postcards mailed in a part came back, and after how many days."""
    cells = [
        Cell(part.share(least), _came_back(part, least), entered(part.span, "mailed", came_back=1))
        for part in found.parts
    ]
    rate, before = found.sum.share(least), found.before.share(least)
    says = _("差し出した%(n)s件のうち%(returned)s件が返送されました。",
             n=f"{found.sum.mailed:,}", returned=f"{found.sum.returned:,}")  # fmt: skip
    if found.sum.returned:
        says += _("戻るまでの日数は半数が%(median)s日以内、9割が%(most)s日以内です。",
                  median=found.sum.median, most=found.sum.nine_of_ten)  # fmt: skip
    if before is not None:
        says += _("前の期間は%(before)sです。", before=percent(before))
    notes = [
        _("半数が%(median)s日以内、9割が%(most)s日以内に返送", median=part.median, most=part.nine_of_ten)
        if part.returned
        else ""
        for part in found.parts
    ]
    shown = any(cell.value is not None for cell in cells)
    return Chart(
        id="postcard-returns",
        title=_("返送されたはがきの割合"),
        finding=rate_changed(_("返送されたはがきの割合"), rate, before),
        says=says,
        unit="%",
        percent=True,
        head=_("差し出した日"),
        series=[Series(_("返送"), "bad", cells)],
        notes=notes,
        hollow=[part.provisional for part in found.parts],
        hollow_words=_("白抜きは暫定（差し出してから%(n)s日以内で、まだ戻ることがあります）", n=open_days),
        empty="" if found.sum.mailed else _("この期間に差し出したはがきはありません。"),
        little="" if shown else _("%(n)s件に満たないため、率は出していません。件数は表にあります。", n=least),
        **axis([part.span for part in found.parts]),
    )


def _came_back(part: ReturnedPart, least: int) -> str:
    return f"{percent(part.share(least))} ({part.returned:,}/{part.mailed:,})"


def cards(ages: dict[CardState, list[int]]) -> Chart:
    """How many cards are in each state, by how long they have been in it."""
    states = [state for state in CardState if state in ages]
    steps = [*backlog.AGES, 0]
    series = []
    for number, shade in enumerate(("d", "c", "b", "a", "e")):
        least, under = steps[number], steps[number + 1]
        cells = []
        for state in states:
            n = ages[state][number]
            kept = {name: value for name, value in (("age", least), ("under", under)) if value}
            cells.append(Cell(n, f"{n:,}", url_for("ops_cards.index", state=state, **kept)))
        series.append(Series(_age(least, under), shade, cells))
    long = sum(sum(counts[backlog.AGES.index(LONG) :]) for counts in ages.values())
    finding = ""
    if long:
        finding = _("%(days)s日以上同じ状態のカードが%(n)s件あります", days=LONG, n=f"{long:,}")
    names = [say(CHIPS[state][1]) for state in states]
    return ranked("cards", _("カード 状態と日数"), _("状態"), names, series, _("件"),
                  _("届けている途中のカードはありません。"), finding=finding,
                  says=_("いまの状態です。期間の指定では変わりません。"))  # fmt: skip


def _age(least: int, under: int) -> str:
    if not under:
        return _("%(n)s日以上", n=least)
    return _("%(least)s–%(most)s日", least=least, most=under - 1)


def delivery_days(found: list[DeliveryDays], whole: DeliveryDays, before: DeliveryDays, today: dt.date) -> Chart:
    """Days from acceptance to delivery, by week of delivery at the finest; each leads to the cards delivered then."""
    unit = _("日")
    spans = [part.span for part in found]
    series = [
        Series(
            name,
            shade,
            [Cell(value(part), f"{value(part)}{unit}" if part.cards else "–", delivered(part.span)) for part in found],
        )
        for name, shade, value in (
            (_("半数が届くまで（中央値）"), "c", lambda part: part.median),
            (_("9割が届くまで"), "a", lambda part: part.nine_of_ten),
        )
    ]
    says = _("配達された%(n)s件のカードについて、引受から配達までの日数。", n=f"{whole.cards:,}")
    if before.cards:
        says += _("前の期間は半数が%(median)s日以内、9割が%(most)s日以内です。",
                  median=before.median, most=before.nine_of_ten)  # fmt: skip
    finding = _("9割のカードは%(n)s日以内に届きました", n=whole.nine_of_ten) if whole.cards else ""
    return Chart(
        id="delivery-days",
        title=_("発送から配達までの日数"),
        finding=finding,
        says=says,
        unit=unit,
        head=_("配達された日"),
        series=series,
        notes=[_("%(n)s件配達", n=f"{part.cards:,}") for part in found],
        stacked=False,
        empty="" if whole.cards else _("この期間に配達されたカードはありません。"),
        **axis(spans),
        **unfinished(spans, today),
    )


def delivered(span: Span) -> str:
    """Return the address of the cards delivered within a span."""
    return url_for("ops_cards.index", state=CardState.DELIVERED, **days(span))


def posted(span: Span, prefecture: str, missed: str = "") -> str:
    """Return the address of the cards posted to a prefecture within a span."""
    kept = {"missed": missed} if missed else {}
    return url_for("ops_shipments.index", **days(span), prefecture=prefecture or UNKNOWN, **kept)


def prefectures(rows: list[Prefecture], country: Prefecture | None, period: Span, least: int) -> Chart:
    """Which share of the cards posted to a prefecture was missed, kept or returned; only those with enough cards."""
    shown = ((Missed.ABSENT, "c"), (Missed.KEPT, "a"), (Missed.RETURNED, "bad"))
    series = [
        Series(
            say(outcome_labels.MISSED[misfortune]),
            shade,
            [
                Cell(
                    row.share(misfortune),
                    f"{percent(row.share(misfortune))} ({row.missed[misfortune]:,})",
                    posted(period, row.name, misfortune),
                )
                for row in rows
            ],
        )
        for misfortune, shade in shown
    ]
    series.append(
        Series(
            _("発送"),
            "d",
            [Cell(row.posted, f"{row.posted:,}", posted(period, row.name)) for row in rows],
            drawn=False,
            unit=_("件"),
        )
    )
    names = [row.name or _("不明") for row in rows]
    notes = [_("前の期間 %(share)s", share=percent(row.before and row.before.unlucky)) for row in rows]
    finding, says = _unlucky(rows[0], country) if rows and country else ("", "")
    empty = _("この期間に発送したカードはありません。")
    if country:
        empty = _("%(n)s件以上発送した都道府県がありません。", n=least)
    return ranked("prefectures", _("受け取りの状況 都道府県別"), _("都道府県"), names, series, "%", empty, notes,
                  finding=finding, says=says, percent=True)  # fmt: skip


def _unlucky(worst: Prefecture, country: Prefecture) -> tuple[str, str]:
    """Return where cards are missed most, and how often in the whole country."""
    name, rate = worst.name or _("不明"), percent(worst.unlucky)
    says = _(
        "発送した%(n)s件のうち、不在・保管・返送になったのは全国で%(rate)s（前の期間 %(before)s）です。"
        "1件は最も悪い結果で数えます。発送から10日ほどはまだ増えます。",
        n=f"{country.posted:,}",
        rate=percent(country.unlucky),
        before=percent(country.before and country.before.unlucky),
    )
    return _("一度で受け取られにくいのは%(name)sです（%(rate)s）", name=name, rate=rate), says
