"""A request of a program that is repeated is answered as the first was."""

import datetime as dt
import hashlib
from dataclasses import dataclass
from enum import Enum

from peewee import IntegrityError

from db.database import transaction
from db.models import IdempotentRequest

KEPT_FOR = dt.timedelta(hours=24)
# A request that has not ended after this long died with its process; the next one with its key takes its place.
IN_FLIGHT_FOR = dt.timedelta(minutes=2)


class Refusal(Enum):
    """Why a request with an idempotency key cannot begin."""

    OTHER_BODY = "other body"
    IN_FLIGHT = "in flight"


@dataclass(frozen=True)
class Stored:
    """The answer that the first request got."""

    status: int
    body: str


def begin(api_key_id: int, key: str, body: bytes, now: dt.datetime) -> IdempotentRequest | Stored | Refusal:
    """Begin a request that may be repeated for 24 hours: a row to `finish`, the stored answer, or a refusal."""
    digest = hashlib.sha256(body).hexdigest()
    mine = (IdempotentRequest.api_key == api_key_id) & (IdempotentRequest.key == key)
    try:
        with transaction():
            row = IdempotentRequest.get_or_none(mine)
            if row is None:
                return IdempotentRequest.create(
                    api_key=api_key_id, key=key, body_digest=digest, created_at=now, expires_at=now + KEPT_FOR
                )
            # What is over is as good as not there: its row begins anew, for a request that may be another.
            over = row.expires_at <= now
            if row.body_digest != digest and not over:
                return Refusal.OTHER_BODY
            if row.status is not None and not over:
                return Stored(row.status, row.body)
            if now - row.created_at < IN_FLIGHT_FOR:
                return Refusal.IN_FLIGHT
            return _take(row, digest, now, anew=over)
    except IntegrityError:  # the same key at the same moment
        return Refusal.IN_FLIGHT


def _take(row: IdempotentRequest, digest: str, now: dt.datetime, *, anew: bool) -> IdempotentRequest | Refusal:
    """Take the place of a request that died or, `anew`, of one whose answer is kept no longer."""
    values = {"fence": row.fence + 1, "created_at": now}
    if anew:
        values |= {"body_digest": digest, "status": None, "body": None, "expires_at": now + KEPT_FOR}
    mine = (IdempotentRequest.id == row.id) & (IdempotentRequest.fence == row.fence)
    if not IdempotentRequest.update(values).where(mine).execute():
        return Refusal.IN_FLIGHT
    row.fence += 1
    return row


class Overtaken(RuntimeError):
    """Another request with the same key has taken this one's place."""


def finish(row: IdempotentRequest, status: int, body: str) -> None:
    """Store the answer in the transaction that did the work; Overtaken undoes it."""
    mine = (IdempotentRequest.id == row.id) & (IdempotentRequest.fence == row.fence)
    if not IdempotentRequest.update(status=status, body=body).where(mine).execute():
        raise Overtaken


def forget(row: IdempotentRequest) -> None:
    """Let the key be used again after a failure of ours, in which nothing was done."""
    mine = (IdempotentRequest.id == row.id) & (IdempotentRequest.fence == row.fence)
    IdempotentRequest.delete().where(mine & IdempotentRequest.status.is_null()).execute()
