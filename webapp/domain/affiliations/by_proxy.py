"""What a proxy applicant sees of the applications it filed: how notices and cards stand, nothing of the person."""

import datetime as dt
from dataclasses import dataclass

from db.models import Card, Message, Registration
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.core.paging import Cursor, Order, Slice, read
from webapp.domain.disclosure.policy import BUSINESS_ROLES, Viewer
from webapp.domain.notices.messages import MessageKind, Role


@dataclass(frozen=True, slots=True)
class FiledApplication:
    """An application by its number; states as stored, None where there is no such notice or card."""

    id: int
    number: str
    completed_at: dt.datetime
    notices: dict[str, tuple[str, str | None]]  # role: state and reason
    card: str | None
    kept_until: dt.date | None


def applications(viewer: Viewer, at: Cursor, number: str = "") -> Slice:
    """Return a page of the applications that the viewer's business filed, the newest first; nothing for others.

    `number` narrows it to the application numbers that begin so.
    """
    allowed = viewer.active and viewer.kind == AccountKind.BUSINESS_USER and viewer.role in BUSINESS_ROLES
    if not allowed or viewer.business_id is None:
        return Slice([])
    query = Registration.select(Registration.id, Registration.application_number, Registration.completed_at).where(
        Registration.proxy_business == viewer.business_id
    )
    if number:
        column = Registration.application_number
        query = query.where((column >= number) & (column < number + "\U0010ffff"))
    page = read(query, Order(Registration, (Registration.id,)), at)
    ids = [row.id for row in page.rows]
    notices, cards = _notices(ids), _cards(ids)
    rows = [
        FiledApplication(
            row.id, row.application_number, row.completed_at, notices.get(row.id, {}), *cards.get(row.id, (None, None))
        )
        for row in page.rows
    ]
    return Slice(rows, page.before, page.after)


def _notices(ids: list[int]) -> dict[int, dict[str, tuple[str, str | None]]]:
    found: dict[int, dict[str, tuple[str, str | None]]] = {}
    if not ids:
        return found
    rows = Message.select(Message.registration, Message.role, Message.state, Message.reason).where(
        Message.registration.in_(ids) & (Message.kind == MessageKind.ID_NOTICE)
    )
    for registration, role, state, reason in rows.order_by(Message.id).tuples():
        found.setdefault(registration, {})[Role(role)] = (state, reason)
    return found


def _cards(ids: list[int]) -> dict[int, tuple[str, dt.date | None]]:
    if not ids:
        return {}
    rows = Card.select(Card.registration, Card.state, Card.kept_until).where(Card.registration.in_(ids))
    return {row[0]: row[1:] for row in rows.order_by(Card.id).tuples()}
