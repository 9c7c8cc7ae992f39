"""What the pages about looks share: where somebody looked, in words, and the days that an address asks for."""

import datetime as dt

from webapp.domain.core.calendar import utc_start_of
from webapp.domain.core.language import N_
from webapp.domain.disclosure import operator_views
from webapp.domain.disclosure.access_log import Looked, ViewKind
from webapp.domain.disclosure.policy import Relation
from webapp.pages import lists
from webapp.web.clock import now
from webapp.web.language import say
from webapp.web.rendering import in_japan

LINES = 50  # looks on a page
_DAYS = 30
_KINDS = {
    ViewKind.LIST: N_("一覧"),
    ViewKind.RECORD: N_("技能者情報"),
    ViewKind.SEARCH: N_("検索"),
    ViewKind.EXPORT: N_("書き出し"),
}


def place_of(look: Looked) -> str:
    """Return on which page somebody looked, in the reader's language."""
    return say(_KINDS[look.kind])


def place_or_reason(look: Looked) -> str:
    """Return on which page a business looked; of an operator, why."""
    if look.relation is Relation.OPERATOR and look.context in operator_views.WHY:
        return say(operator_views.WHY[look.context])
    return place_of(look)


def days_asked() -> tuple[dt.date, dt.date]:
    """Return the first and the last day that the address asks for; the last 30 days by default."""
    until = lists.day("until") or in_japan(now()).date()
    since = lists.day("since") or until - dt.timedelta(days=_DAYS - 1)
    return min(since, until), max(since, until)


def bounds(since: dt.date, until: dt.date) -> tuple[dt.datetime, dt.datetime]:
    """Return when the first of these days begins in Japan, and when the last one is over."""
    return utc_start_of(since), utc_start_of(until + dt.timedelta(days=1))
