"""What somebody searches for, kept on the server for half an hour: a name never stands in an address."""

import datetime as dt
import hashlib
import secrets

from db.database import transaction
from db.models import SearchRequest
from webapp.domain.audit.log import audit
from webapp.domain.core.events import EventName

KEPT_FOR = dt.timedelta(minutes=30)
LONGEST_TERM = 100


def keep(
    account_id: int,
    page: str,
    terms: dict[str, str],
    now: dt.datetime,
    event: EventName | None = EventName.RECORD_OPS_SEARCHED,
    kept_for: dt.timedelta = KEPT_FOR,
) -> str:
    """Keep the terms of a search and return the token that leads to them.

    The search stands in the audit log as `event`; None for a business's search, whose looks have a log of their own.
    """
    token = secrets.token_urlsafe(18)
    with transaction():
        SearchRequest.create(
            token_hash=_digest(token), account=account_id, page=page, terms=terms, expires_at=now + kept_for
        )
        if event is not None:
            audit(event, now, account_id, "search", detail={"page": page, **terms})
    return token


def terms_of(token: str, account_id: int, page: str, now: dt.datetime) -> dict[str, str] | None:
    """Return what was searched; None when it is over, somebody else's, or another page's."""
    row = SearchRequest.get_or_none(
        (SearchRequest.token_hash == _digest(token))
        & (SearchRequest.account == account_id)
        & (SearchRequest.page == page)
        & (SearchRequest.expires_at > now)
    )
    return row.terms if row else None


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
