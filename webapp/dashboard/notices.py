"""The dashboard's charts of notices: figures of the domain, in words, each value with the address of its list."""

import datetime as dt

from flask import url_for
from flask_babel import gettext as _

from webapp.dashboard.axis import axis, days, ranked, unfinished
from webapp.dashboard.chart import Cell, Chart, Series
from webapp.dashboard.findings import percent, rate_changed, volume_changed
from webapp.domain.bounce.model import ReasonClass
from webapp.domain.notices import labels
from webapp.domain.reporting import figures
from webapp.domain.reporting.destinations import Destination
from webapp.domain.reporting.figures import Cohort, Notices, Outcomes
from webapp.domain.reporting.periods import Span
from webapp.web.language import say

SHADE_OF = {ReasonClass.DEAD: "bad", ReasonClass.REFUSED: "a", ReasonClass.TEMPORARY: "b", ReasonClass.OURS: "gone"}


def messages(span: Span, role: str, **filters) -> str:
    """Return the address of the notices behind a figure."""
    kept = {"role": role} if role else {}
    return url_for("ops_messages.index", **days(span), **kept, **filters)


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
    shown = any(cell.value is not None for cell in cells)
    return Chart(
        id="bounce-rate",
        title=_("不達率"),
        finding=_over(found.cohorts, threshold, least) or rate_changed(_("不達率"), rate, before),
        says=says,
        unit="%",
        percent=True,
        series=[Series(_("不達率（アドレスが無効）"), "bad", cells)],
        threshold=threshold,
        threshold_words=_("警報の基準 %(rate)s", rate=percent(threshold)),
        empty="" if found.sum.total else _("この期間に送ったお知らせはありません。"),
        little="" if shown else _("%(n)s件に満たないため、率は出していません。件数は表にあります。", n=least),
        **_cohorts(found.cohorts),
    )


def _of(tally: Outcomes, least: int) -> str:
    return f"{percent(tally.rate(least=least))} ({tally.failed[ReasonClass.DEAD]:,}/{tally.counted:,})"


def _over(cohorts: list[Cohort], threshold: float, least: int) -> str:
    """The worst part above the threshold, in a sentence."""
    rates = [(rate, cohort.span) for cohort in cohorts if (rate := cohort.tally.rate(least=least)) is not None]
    worst, span = max(rates, key=lambda pair: pair[0], default=(0.0, None))
    if span is None or worst < threshold:
        return ""
    day = f"{span.since.month}/{span.since.day}"
    return _("不達率が警報の基準を超えた時期があります（最大 %(day)s の %(rate)s）", day=day, rate=percent(worst))


def failures(found: Notices, role: str) -> Chart:
    """How many notices failed in each class, by cohort."""
    series = [
        Series(
            say(labels.CLASSES[failure]),
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
    total, before = sum(found.sum.failed.values()), sum(found.before.failed.values())
    most = max(figures.CLASSES, key=lambda failure: found.sum.failed[failure])
    finding = ""
    if total:
        share = f"{found.sum.failed[most] / total * 100:.0f}%"
        words = say(labels.CLASSES[most])
        finding = _("届かなかったお知らせの%(share)sは「%(class_)s」です", share=share, class_=words)
    return Chart(
        id="failures",
        title=_("届かなかったお知らせ"),
        finding=finding,
        says=_(
            "%(failed)s件が届いていません。送ったお知らせは%(counted)s件です。前の期間は%(before)s件が届きませんでした。",
            failed=f"{total:,}",
            counted=f"{found.sum.counted:,}",
            before=f"{before:,}",
        ),
        unit=_("件"),
        series=series,
        empty="" if total else _("この期間に届かなかったお知らせはありません。"),
        **_cohorts(found.cohorts),
    )


def volume(found: Notices, role: str, today: dt.date, least: int) -> Chart:
    """How many notices had their first attempt, by cohort; the unfinished part hollow."""
    cells = [
        Cell(cohort.tally.total, f"{cohort.tally.total:,}", messages(cohort.span, role)) for cohort in found.cohorts
    ]
    total = f"{found.sum.total:,}"
    spans = [cohort.span for cohort in found.cohorts]
    return Chart(
        id="volume",
        title=_("送信したお知らせ"),
        finding=volume_changed(_("送信したお知らせ"), found.sum.total, found.before.total, least),
        says=_("%(n)s件を送りました。前の期間は%(before)s件です。", n=total, before=f"{found.before.total:,}"),
        unit=_("件"),
        head=_("最初に送信した日"),
        series=[Series(_("送信"), "a", cells)],
        empty="" if found.sum.total else _("この期間に送ったお知らせはありません。"),
        **axis(spans),
        **unfinished(spans, today),
    )


def _cohorts(cohorts: list[Cohort]) -> dict:
    notes = [
        _("暫定: %(n)s件中%(open)s件が未確定", n=f"{cohort.tally.total:,}", open=f"{cohort.tally.undecided:,}")
        if cohort.provisional
        else ""
        for cohort in cohorts
    ]
    return {
        "head": _("最初に送信した日"),
        **axis([cohort.span for cohort in cohorts]),
        "hollow": [cohort.provisional for cohort in cohorts],
        "hollow_words": _provisional(cohorts),
        "notes": notes,
    }


def _provisional(cohorts: list[Cohort]) -> str:
    young = [cohort.tally for cohort in cohorts if cohort.provisional]
    n, undecided = sum(tally.total for tally in young), sum(tally.undecided for tally in young)
    return _(
        "白抜きは暫定: %(n)s件中%(open)s件が未確定（不達の通知がまだ届くことがあります）",
        n=f"{n:,}",
        open=f"{undecided:,}",
    )


def reasons(found: Notices, role: str, span: Span) -> Chart:
    """Why notices failed, most first, beside the period before."""
    names = [say(labels.REASONS.get(reason, reason)) for _class, reason, _n in found.reasons]
    cells = [
        Cell(n, f"{n:,}", messages(span, role, state="failed", failure=failure, reason=reason))
        for failure, reason, n in found.reasons
    ]
    notes = [
        _("前の期間 %(n)s件", n=f"{found.reasons_before.get((failure, reason), 0):,}")
        for failure, reason, _n in found.reasons
    ]
    finding = _("最も多い理由は「%(name)s」です", name=names[0]) if names else ""
    return ranked("reasons", _("届かない理由"), _("理由"), names, [Series(_("不達"), "a", cells)], _("件"),
                  _("この期間に届かなかったお知らせはありません。"), notes, finding=finding)  # fmt: skip


def destinations(
    rows: list[Destination], before: dict[str, Outcomes], role: str, span: Span, total: int, least: int
) -> Chart:
    """The domains that fail most, by class; only those with enough notices, beside the period before."""
    series = [
        Series(
            say(labels.CLASSES[failure]),
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
    empty = _("この期間に送ったお知らせはありません。")
    if total:
        empty = _("%(n)s件以上送った宛先に、届かなかったものはありません。", n=least)
    notes = [
        _(
            "%(n)s件送信、前の期間の不達は%(before)s",
            n=f"{row.tally.counted:,}",
            before=percent(_all(before.get(row.domain), least)),
        )
        for row in rows
    ]
    worst = _all(rows[0].tally, least) if rows else None
    finding = _("最も届きにくい宛先は %(name)s です（%(rate)s）", name=names[0], rate=percent(worst)) if worst else ""
    return ranked("destinations", _("宛先別 悪い順"), _("宛先のドメイン"), names, series, "%", empty, notes,
                  finding=finding, percent=True)  # fmt: skip


def _all(tally: Outcomes | None, least: int) -> float | None:
    """The share of all failures together."""
    if tally is None or tally.counted < max(1, least):
        return None
    return sum(tally.failed.values()) / tally.counted
