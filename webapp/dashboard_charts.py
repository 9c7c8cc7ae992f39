"""The dashboard's charts: figures of the domain, in words, each value with the address of the list behind it."""

from flask import url_for
from flask_babel import gettext as _

from webapp.charts import Cell, Chart, Series, shortened, thinned
from webapp.domain import figures, figures_now, message_words
from webapp.domain.bounce.model import ReasonClass
from webapp.domain.card import CardState
from webapp.domain.card_words import CHIPS
from webapp.domain.figures import Cohort, Destination, Notices, Postcards, Tally
from webapp.domain.periods import Grain, Period, Span
from webapp.language import say

SHADE_OF = {ReasonClass.DEAD: "bad", ReasonClass.REFUSED: "a", ReasonClass.TEMPORARY: "b", ReasonClass.OURS: "gone"}
MOST_ROWS = 8


def percent(rate: float | None) -> str:
    """Return a share in words: 2.1%, or – where no rate is shown."""
    return "–" if rate is None else f"{rate * 100:.1f}%"


def points(rate: float | None, before: float | None) -> str:
    """Return the change between two rates in points, with its sign; "" where one of them is not shown."""
    return "" if rate is None or before is None else f"{(rate - before) * 100:+.1f}"


def messages(span: Span, role: str, **filters) -> str:
    """Return the address of the notices behind a figure."""
    kept = {"role": role} if role else {}
    return url_for("ops_messages.index", since=span.since, until=span.until, **kept, **filters)


def bounce_rate(found: Notices, role: str, threshold: float, least: int) -> Chart:
    """The bounce rate by cohort, provisional ones hollow, with the alarm's threshold."""
    rate, before = found.sum.rate(least=least), found.before.rate(least=least)
    if rate is None:
        says = _("件数が少ないため、不達率は出していません。")
    elif before is None:
        says = _("期間全体の不達率は %(rate)s です。", rate=percent(rate))
    else:
        says = _(
            "期間全体の不達率は %(rate)s、前の期間は %(before)s です。", rate=percent(rate), before=percent(before)
        )
    cells = [
        Cell(
            cohort.tally.rate(least=least),
            _of(cohort.tally, least),
            messages(cohort.span, role, state="failed", failure=ReasonClass.DEAD),
        )
        for cohort in found.cohorts
    ]
    return Chart(
        id="bounce-rate",
        title=_("不達率"),
        says=says,
        unit="%",
        percent=True,
        series=[Series(_("不達率（アドレスが無効）"), "bad", cells)],
        threshold=threshold,
        threshold_words=_("警報の基準 %(rate)s", rate=percent(threshold)),
        empty="" if any(cell.value for cell in cells) else _("この期間に、率を出せる件数の不達はありません。"),
        **_cohorts(found.cohorts),
    )


def _of(tally: Tally, least: int) -> str:
    return f"{percent(tally.rate(least=least))} ({tally.failed[ReasonClass.DEAD]:,}/{tally.counted:,})"


def failures(found: Notices, role: str) -> Chart:
    """How many notices failed in each class, by cohort."""
    series = [
        Series(
            say(message_words.CLASSES[failure]),
            SHADE_OF[failure],
            [
                Cell(
                    cohort.tally.failed[failure],
                    f"{cohort.tally.failed[failure]:,}",
                    messages(cohort.span, role, state="failed", failure=failure),
                )
                for cohort in found.cohorts
            ],
        )
        for failure in figures.CLASSES
    ]
    total = sum(found.sum.failed.values())
    return Chart(
        id="failures",
        title=_("届かなかったお知らせ"),
        says=_(
            "%(failed)s件が届いていません。送ったお知らせは%(counted)s件です。",
            failed=f"{total:,}",
            counted=f"{found.sum.counted:,}",
        ),
        unit=_("件"),
        series=series,
        empty="" if total else _("この期間に届かなかったお知らせはありません。"),
        **_cohorts(found.cohorts),
    )


def volume(found: Notices, role: str) -> Chart:
    """How many notices had their first attempt, by cohort."""
    cells = [
        Cell(cohort.tally.total, f"{cohort.tally.total:,}", messages(cohort.span, role)) for cohort in found.cohorts
    ]
    total = f"{found.sum.total:,}"
    return Chart(
        id="volume",
        title=_("送信したお知らせ"),
        says=_("%(n)s件を送りました。前の期間は%(before)s件です。", n=total, before=f"{found.before.total:,}"),
        unit=_("件"),
        series=[Series(_("送信"), "a", cells)],
        empty="" if found.sum.total else _("この期間に送ったお知らせはありません。"),
        **_cohorts(found.cohorts),
    )


def _cohorts(cohorts: list[Cohort]) -> dict:
    names = [span_words(cohort.span) for cohort in cohorts]
    notes = [
        _("暫定: %(n)s件中%(open)s件が未確定", n=f"{cohort.tally.total:,}", open=f"{cohort.tally.undecided:,}")
        if cohort.provisional
        else ""
        for cohort in cohorts
    ]
    return {
        "head": _("最初に送信した日"),
        "names": names,
        "short": thinned([f"{cohort.span.since.month}/{cohort.span.since.day}" for cohort in cohorts]),
        "hollow": [cohort.provisional for cohort in cohorts],
        "hollow_words": _("白抜きは暫定（送信から72時間以内で、不達の通知がまだ届くことがあります）"),
        "notes": notes,
    }


def span_words(span: Span) -> str:
    """Return a day as 2026-11-23, a longer span with both its ends."""
    return str(span.since) if span.days == 1 else f"{span.since} – {span.until:%m-%d}"


def reasons(found: Notices, role: str, span: Span) -> Chart:
    """Why notices failed, most first."""
    names = [say(message_words.REASONS.get(reason, reason)) for _class, reason, _n in found.reasons]
    cells = [
        Cell(n, f"{n:,}", messages(span, role, state="failed", failure=failure, reason=reason))
        for failure, reason, n in found.reasons
    ]
    return _ranked("reasons", _("届かない理由"), _("理由"), names, [Series(_("不達"), "a", cells)], _("件"),
                   _("この期間に届かなかったお知らせはありません。"))  # fmt: skip


def destinations(rows: list[Destination], role: str, span: Span, least: int) -> Chart:
    """The domains that fail most, by class; only those with enough notices."""
    series = [
        Series(
            say(message_words.CLASSES[failure]),
            SHADE_OF[failure],
            [
                Cell(
                    row.tally.failed[failure] / row.tally.counted,
                    f"{percent(row.tally.failed[failure] / row.tally.counted)} ({row.tally.failed[failure]:,})",
                    messages(span, role, state="failed", failure=failure, destination=row.domain),
                )
                for row in rows
            ],
        )
        for failure in figures.CLASSES
    ]
    names = [row.domain for row in rows]
    empty = _("%(n)s件以上送った宛先がありません。", n=least)
    return _ranked("destinations", _("宛先別 悪い順"), _("宛先のドメイン"), names, series, "%", empty, percent=True,
                   notes=[_("%(n)s件送信", n=f"{row.tally.counted:,}") for row in rows])  # fmt: skip


def postcards(found: Postcards) -> Chart:
    """How many postcards entered the states that say most, by day."""
    shown = (("queued", "c"), ("mailed", "a"), ("returned", "bad"))
    series = [
        Series(
            say(message_words.POSTCARD_STATES[state][0]),
            shade,
            [
                Cell(part.entered.get(state, 0), f"{part.entered.get(state, 0):,}", entered(part.span, state))
                for part in found.parts
            ],
        )
        for state, shade in shown
    ]
    names = [span_words(part.span) for part in found.parts]
    sums = {state: f"{found.entered.get(state, 0):,}" for state, _shade in shown}
    return Chart(
        id="postcards",
        title=_("はがき"),
        says=_("作成待ちになったもの%(queued)s件、差し出したもの%(mailed)s件、返送されたもの%(returned)s件。", **sums),
        unit=_("件"),
        head=_("その状態になった日"),
        names=names,
        short=thinned([f"{part.span.since.month}/{part.span.since.day}" for part in found.parts]),
        series=series,
        stacked=False,
        empty=""
        if any(found.entered.get(state) for state, _shade in shown)
        else _("この期間に動いたはがきはありません。"),
    )


def entered(span: Span, state: str, cause: str = "") -> str:
    """Return the address of the postcards that entered a state within a span."""
    kept = {"cause": cause} if cause else {}
    return url_for("ops_dashboard.entered", state=state, since=span.since, until=span.until, **kept)


def causes(found: Postcards, span: Span) -> Chart:
    """Why postcards were queued."""
    names = [say(message_words.CAUSES.get(cause, cause)) for cause, _n in found.causes]
    cells = [Cell(n, f"{n:,}", entered(span, "queued", cause)) for cause, n in found.causes]
    return _ranked("causes", _("はがきになった理由"), _("理由"), names, [Series(_("はがき"), "a", cells)], _("件"),
                   _("この期間に作成待ちになったはがきはありません。"))  # fmt: skip


def cards(ages: dict[CardState, list[int]]) -> Chart:
    """How many cards are in each state, by how long they have been in it; no finding, since no order is a ranking."""
    states = [state for state in CardState if state in ages]
    steps = [*figures_now.AGES, 0]
    series = []
    for number, shade in enumerate(("d", "c", "b", "a", "e")):
        least, under = steps[number], steps[number + 1]
        cells = []
        for state in states:
            n = ages[state][number]
            kept = {name: value for name, value in (("age", least), ("under", under)) if value}
            cells.append(Cell(n, f"{n:,}", url_for("ops_cards.index", state=state, **kept)))
        series.append(Series(_age(least, under), shade, cells))
    names = [say(CHIPS[state][1]) for state in states]
    return _ranked("cards", _("カード 状態と日数"), _("状態"), names, series, _("件"),
                   _("届けている途中のカードはありません。"), finding=False)  # fmt: skip


def _age(least: int, under: int) -> str:
    if not under:
        return _("%(n)s日以上", n=least)
    return _("%(least)s–%(most)s日", least=least, most=under - 1)


def delivery_days(period: Period) -> Chart:
    """Days from acceptance to delivery, by week of delivery."""
    weekly = Period(period.since, period.until, Grain.WEEK if period.grain is Grain.DAY else period.grain)
    found = figures.delivery_days(weekly)
    days = _("日")
    series = [
        Series(name, shade, [Cell(value(part), f"{value(part)}{days}" if part.cards else "–") for part in found])
        for name, shade, value in (
            (_("半数が届くまで（中央値）"), "c", lambda part: part.median),
            (_("9割が届くまで"), "a", lambda part: part.nine_of_ten),
        )
    ]
    return Chart(
        id="delivery-days",
        title=_("発送から配達までの日数"),
        says=_(
            "配達された%(n)s件のカードについて、引受から配達までの日数。", n=f"{sum(part.cards for part in found):,}"
        ),
        unit=days,
        head=_("配達された週"),
        names=[span_words(part.span) for part in found],
        short=thinned([f"{part.span.since.month}/{part.span.since.day}" for part in found]),
        series=series,
        notes=[_("%(n)s件配達", n=f"{part.cards:,}") for part in found],
        stacked=False,
        empty="" if any(part.cards for part in found) else _("この期間に配達されたカードはありません。"),
    )


def _ranked(id, title, head, names, series, unit, empty, percent=False, notes=None, finding=True) -> Chart:
    """A chart of lying bars; the first few are drawn, the table has all of them."""
    says = ""
    if names:
        says = (
            _("最も多いのは「%(name)s」です。", name=names[0])
            if not percent
            else _("最も悪いのは %(name)s です。", name=names[0])
        )
    return Chart(
        id=id,
        title=title,
        says=says,
        unit=unit,
        head=head,
        names=names,
        short=[shortened(name) for name in names[:MOST_ROWS]],
        series=series,
        lying=True,
        percent=percent,
        notes=notes or [],
        empty="" if names else empty,
    )
