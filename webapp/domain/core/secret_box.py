"""Text that the store holds but nobody reads there: sealed with a key made from the product's secret.

A purpose is part of the key, so that what was sealed for one thing is never opened as another.
"""

import base64
import hashlib
import hmac
import secrets

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

_NONCE = 12


class NotSealed(ValueError):
    """A text that was not sealed with this secret for this purpose, or was changed."""


def seal(secret: str, purpose: str, text: str) -> str:
    """Return a text sealed for a purpose: AES-256-GCM with a random nonce, in URL-safe base64."""
    nonce = secrets.token_bytes(_NONCE)
    return base64.urlsafe_b64encode(nonce + AESGCM(_key(secret, purpose)).encrypt(nonce, text.encode(), None)).decode()


def unseal(secret: str, purpose: str, sealed: str) -> str:
    """Return what was sealed; NotSealed for anything else."""
    try:
        raw = base64.urlsafe_b64decode(sealed)
        return AESGCM(_key(secret, purpose)).decrypt(raw[:_NONCE], raw[_NONCE:], None).decode()
    except (InvalidTag, ValueError) as error:
        raise NotSealed from error


def keyed(secret: str, purpose: str, text: str) -> bytes:
    """Return the HMAC-SHA-256 of a text for a purpose: 32 bytes that nobody without the secret can make."""
    return hmac.new(_key(secret, purpose), text.encode(), hashlib.sha256).digest()


def _key(secret: str, purpose: str) -> bytes:
    return hmac.new(secret.encode(), f"todoke\x00{purpose}".encode(), hashlib.sha256).digest()
