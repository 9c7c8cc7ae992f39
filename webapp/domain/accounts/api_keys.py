"""Keys for programs: shown once, kept as a hash, named and revocable."""

import datetime as dt
import hashlib
import secrets

from peewee import IntegrityError

from db.database import transaction
from db.models import ApiKey

PREFIX = "todoke_"
LIMIT_WRONG = 50  # requests without a good key from a network address in a quarter of an hour
_HINT = len(PREFIX) + 4
_MOST_NAME = 60
# Looking at a key writes at most once in this time: a busy program would else write at every request.
_USED_EVERY = dt.timedelta(minutes=5)


def _hash(key: str) -> str:
    # 256 random bits need no slow hash: there is nothing to guess.
    return hashlib.sha256(key.encode()).hexdigest()


def add(name: str, now: dt.datetime) -> str:
    """Make a key and return it, for the only time; ValueError if the name is empty, too long or taken."""
    name = name.strip()
    if not 0 < len(name) <= _MOST_NAME or not name.isprintable():
        raise ValueError(f"a key has a name of 1 to {_MOST_NAME} characters")
    key = PREFIX + secrets.token_urlsafe(32)
    try:
        with transaction():
            ApiKey.create(name=name, key_hash=_hash(key), hint=key[:_HINT], created_at=now)
    except IntegrityError:
        raise ValueError(f"there is a key {name!r} already, perhaps a revoked one: choose another name") from None
    return key


def revoke(name: str, now: dt.datetime) -> bool:
    """Revoke a key at once; False if there is no such key in use."""
    return bool(ApiKey.update(revoked_at=now).where((ApiKey.name == name) & ApiKey.revoked_at.is_null()).execute())


def find(key: str, now: dt.datetime) -> ApiKey | None:
    """Return the key's row, None for an unknown or revoked one."""
    found = ApiKey.get_or_none((ApiKey.key_hash == _hash(key)) & ApiKey.revoked_at.is_null())
    if found is not None and (found.last_used_at is None or now - found.last_used_at >= _USED_EVERY):
        ApiKey.update(last_used_at=now).where(ApiKey.id == found.id).execute()
    return found
