"""What the dashboard's charts share: an axis of days, weeks or months, rankings, and words for spans."""

import datetime as dt

from flask_babel import gettext as _

from webapp.dashboard.chart import Chart, shortened, thinned
from webapp.domain.reporting.periods import Span

MOST_ROWS = 8


def span_words(span: Span) -> str:
    """Return a day as 2026-11-23, a longer span with both its ends."""
    return str(span.since) if span.days == 1 else f"{span.since} – {span.until:%m-%d}"


def days(span: Span) -> dict:
    """Return the days of a list's address; a page of charts has hundreds of single ones, which are said once."""
    return {"day": span.since} if span.days == 1 else {"since": span.since, "until": span.until}


def axis(spans: list[Span]) -> dict:
    """Return the names of parts of a period, in full and as short as the axis needs them."""
    short = thinned([f"{span.since.month}/{span.since.day}" for span in spans])
    return {"names": [span_words(span) for span in spans], "short": short}


def unfinished(spans: list[Span], today: dt.date) -> dict:
    """Return which parts are drawn hollow because they are not over, with the words that say so."""
    hollow = [span.until >= today for span in spans]
    return {"hollow": hollow, "hollow_words": _("白抜きはまだ終わっていない期間")}


def ranked(id, title, head, names, series, unit, empty, notes=None, **more) -> Chart:
    """Return a chart of lying bars; the first few are drawn, the table has all of them."""
    return Chart(
        id=id,
        title=title,
        unit=unit,
        head=head,
        names=names,
        short=[shortened(name) for name in names[:MOST_ROWS]],
        series=series,
        lying=True,
        notes=notes or [],
        empty="" if names else empty,
        **{"says": "", **more},
    )
