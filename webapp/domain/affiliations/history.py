"""Affiliations of a business that are over: from when to when, and which side ended them.

A past employer is another business (docs/disclosure.md): whose affiliation it was is not told any more.
"""

import datetime as dt
from dataclasses import dataclass

from db.models import Affiliation
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.affiliations.membership import EndReason
from webapp.domain.core.language import N_
from webapp.domain.core.paging import Cursor, Order, Slice, read
from webapp.domain.disclosure.policy import BUSINESS_ROLES, Viewer

REASONS = {
    EndReason.LEFT: N_("本人が離れた"),
    EndReason.ENDED: N_("事業者が終えた"),
    EndReason.ANNULLED: N_("本人の申し立てにより、運営が取り消した"),
}


@dataclass(frozen=True, slots=True)
class Ended:
    """A past affiliation, without the person."""

    id: int
    started_at: dt.datetime
    ended_at: dt.datetime
    reason: str


def ended(viewer: Viewer, at: Cursor) -> Slice:
    """Return a page of the past affiliations of the viewer's business, the newest first; nothing for others."""
    allowed = viewer.active and viewer.kind == AccountKind.BUSINESS_USER and viewer.role in BUSINESS_ROLES
    if not allowed or viewer.business_id is None:
        return Slice([])
    query = Affiliation.select().where((Affiliation.business == viewer.business_id) & ~Affiliation.current)
    page = read(query, Order(Affiliation, (Affiliation.id,)), at)
    rows = [Ended(row.id, row.started_at, row.ended_at, REASONS.get(row.end_reason, "")) for row in page.rows]
    return Slice(rows, page.before, page.after)
