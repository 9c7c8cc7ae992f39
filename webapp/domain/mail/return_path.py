"""Return paths that only we can have made: each attempt to send has its own address for its returned mail.

The local part is `b-` and 48 characters of lower-case base32 over 30 bytes:
key id (1), day of issue (2, days since 2020-01-01 UTC), attempt id (8), HMAC-SHA256 truncated to 19 bytes.
That makes 50 octets of the 64 that RFC 5321, section 4.5.3.1.1 allows for a local part.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from enum import StrEnum
from functools import lru_cache

PREFIX = "b-"
VALID_DAYS = 30

# RFC 2104, section 5: not shorter than half of the hash (16 bytes of SHA-256). 19 rather than 16 because the whole is
# then 30 bytes, which base32 writes in 48 characters with no bit to spare: each token has exactly one spelling.
MAC_BYTES = 19

_EPOCH = date(2020, 1, 1)
_HEAD_BYTES = 11
_PURPOSE = b"todoke return path 1\0"  # the key may serve other purposes; what is signed here is good for this one only
_SHAPE = re.compile(r"b-([a-z2-7]{48})", re.ASCII)
_MAX_ATTEMPT_ID = 2**63 - 1
_MIN_KEY_BYTES = 32


@dataclass(frozen=True, slots=True)
class ReturnPathKeys:
    """The keys by key id (0-255); `current` signs, the others are only read until their last token has expired."""

    current: int
    keys: Mapping[int, bytes] = field(repr=False)

    def __post_init__(self) -> None:
        if self.current not in self.keys:
            raise ValueError(f"return path key {self.current} is to sign, but there is no such key")
        for key_id, key in self.keys.items():
            if not 0 <= key_id <= 255:
                raise ValueError(f"return path key id {key_id} is not within 0 and 255")
            if len(key) < _MIN_KEY_BYTES:
                raise ValueError(f"return path key {key_id} has {len(key)} bytes; at least {_MIN_KEY_BYTES} are needed")

    @classmethod
    def from_pairs(cls, pairs: Sequence[tuple[str, str]]) -> "ReturnPathKeys":
        """Take (id, secret) as TODOKE_RETURN_KEYS gives them, newest first; an id is one ASCII character."""
        keys = {ord(key_id): secret.encode("utf-8") for key_id, secret in pairs}
        if not pairs or len(keys) != len(pairs):
            raise ValueError("return path keys: at least one, and each id once")
        return cls(ord(pairs[0][0]), keys)


@dataclass(frozen=True, slots=True)
class Token:
    """What a genuine return path says. `expired`: older than 30 days, evidence for a person, no reason to act."""

    attempt_id: int
    issued: date
    key_id: int
    expired: bool


class BadTokenReason(StrEnum):
    """Why an address is not one of our return paths."""

    NOT_A_RETURN_PATH = "not_a_return_path"
    UNKNOWN_KEY = "unknown_key"
    FORGED = "forged"


@dataclass(frozen=True, slots=True)
class BadToken:
    """An address that gives no right to act."""

    reason: BadTokenReason


@lru_cache(maxsize=16)
def _begun(key: bytes) -> hmac.HMAC:
    return hmac.new(key, _PURPOSE, hashlib.sha256)


def _mac(key: bytes, head: bytes) -> bytes:
    mac = _begun(key).copy()
    mac.update(head)
    return mac.digest()[:MAC_BYTES]


def make_return_path(attempt_id: int, now: datetime, keys: ReturnPathKeys, domain: str) -> str:
    """Return the envelope sender for one attempt (`attempt_id` 0 to 2^63-1, `now` aware)."""
    if not 0 <= attempt_id <= _MAX_ATTEMPT_ID:
        raise ValueError("an attempt id is a number of 63 bits")
    day = (now.astimezone(UTC).date() - _EPOCH).days
    head = bytes((keys.current,)) + day.to_bytes(2, "big") + attempt_id.to_bytes(8, "big")
    token = base64.b32encode(head + _mac(keys.keys[keys.current], head))
    return f"{PREFIX}{token.decode('ascii').lower()}@{domain}"


def read_return_path(address: str, now: datetime, keys: ReturnPathKeys) -> Token | BadToken:
    """Read a recipient of a returned mail, in whatever case and with or without `<>` it arrives.

    The domain is not looked at: which domains reach us is the listener's and the relay's matter. A day of issue in the
    future is no objection, since the signature shows that only our own clock can have gone wrong.
    """
    local = address.strip().removeprefix("<").removesuffix(">").rpartition("@")[0]
    # Only ASCII letters are folded: str.lower() turns the Kelvin sign into k and would give one token two spellings.
    shape = _SHAPE.fullmatch(local.lower()) if local.isascii() else None
    if shape is None:
        return BadToken(BadTokenReason.NOT_A_RETURN_PATH)
    raw = base64.b32decode(shape.group(1).upper())
    head, mac = raw[:_HEAD_BYTES], raw[_HEAD_BYTES:]
    key = keys.keys.get(head[0])
    if key is None:
        return BadToken(BadTokenReason.UNKNOWN_KEY)
    if not hmac.compare_digest(_mac(key, head), mac):
        return BadToken(BadTokenReason.FORGED)
    issued = _EPOCH + timedelta(days=int.from_bytes(head[1:3], "big"))
    expired = now.astimezone(UTC).date() - issued > timedelta(days=VALID_DAYS)
    return Token(int.from_bytes(head[3:], "big"), issued, head[0], expired)
