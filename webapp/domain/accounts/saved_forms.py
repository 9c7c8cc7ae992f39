"""A form that came when its session had ended: kept sealed for half an hour, for the same person, without passwords."""

import datetime as dt
import hashlib
import json
import re
import secrets

from db.fields import dump_json
from db.models import KeptForm
from webapp.domain.core import secret_box

KEEP = dt.timedelta(minutes=30)
LARGEST = 64 * 1024
_PURPOSE = "kept-form"
_SECRET = re.compile(r"password|token|secret|credential|^(code|proof|link)$", re.IGNORECASE)


def is_secret(name: str) -> bool:
    """Return whether a field of this name is never written down, whatever page it stands on."""
    return bool(_SECRET.search(name))


def keep(fields: dict[str, list[str]], page: str, account_id: int, secret: str, now: dt.datetime) -> str | None:
    """Keep the fields of a form that stands on `page`; return the token that gives them back, None for too much."""
    kept = {name: values for name, values in fields.items() if not is_secret(name)}
    text = dump_json(kept)
    if not kept or len(text) > LARGEST:
        return None
    token = secrets.token_urlsafe(24)
    KeptForm.create(
        token_hash=_digest(token),
        account=account_id,
        page=page,
        content=secret_box.seal(secret, _PURPOSE, text),
        expires_at=now + KEEP,
    )
    return token


def take(token: str, page: str, account_id: int, secret: str, now: dt.datetime) -> dict[str, list[str]] | None:
    """Return the fields kept for this person on this page and forget them; None for another person or page."""
    row = KeptForm.get_or_none(KeptForm.token_hash == _digest(token))
    if row is None or row.expires_at <= now or row.account_id != account_id or row.page != page:
        return None
    if not KeptForm.delete().where(KeptForm.id == row.id).execute():
        return None
    return json.loads(secret_box.unseal(secret, _PURPOSE, row.content))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
