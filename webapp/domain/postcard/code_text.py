"""Activation codes on sealed postcards: derived, never kept in clear, forgiving when typed.

A code is ten characters of Crockford's base 32 (50 bits). It comes from a secret, the card and its print number, so
that a print file can be made again without storing codes, and a reprint carries another code. The store holds a keyed
hash only: 50 bits alone could be searched by somebody who took the table, but not without the secret.
"""

import hashlib
import hmac

from webapp.domain.postcard.barcode import fold_width

ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
LENGTH = 10
_TYPED = str.maketrans("OIL", "011")
_NOISE = frozenset("-‐‑‒–—―−－ー・.")
MASK = "•"


def derive_code(secret: bytes, card_id: str, print_number: int) -> str:
    """Return the code of one print of one card: 10 characters, the first 50 bits of HMAC-SHA-256.

    Prints are counted from 1. ValueError for a smaller number, and for a secret of fewer than 16 bytes.
    """
    if len(secret) < 16:
        raise ValueError("the secret of activation codes needs at least 16 bytes")
    if print_number < 1:
        raise ValueError("print numbers begin at 1")
    digest = _keyed(secret, "activation-code", f"{card_id}\x00{print_number}")
    bits = int.from_bytes(digest[:7], "big") >> 6
    return "".join(ALPHABET[bits >> shift & 31] for shift in range(45, -1, -5))


def hash_code(secret: bytes, card_id: str, code: str) -> str:
    """Return what is stored of a code: a keyed hash in hexadecimal (64 characters), bound to its card."""
    return _keyed(secret, "activation-hash", f"{card_id}\x00{code}").hex()


def matches(secret: bytes, card_id: str, typed: str, stored: str) -> bool:
    """Whether what a person typed is the code whose hash is stored; takes the same time either way."""
    code = normalise_code(typed)
    return hmac.compare_digest(hash_code(secret, card_id, code or ""), stored) and code is not None


def _keyed(secret: bytes, purpose: str, text: str) -> bytes:
    return hmac.new(secret, f"{purpose}\x00{text}".encode(), hashlib.sha256).digest()


def normalise_code(typed: str) -> str | None:
    """Return a typed code in its one form, None if it cannot be one.

    Width, case, hyphens and blanks do not matter; the letters O, I and L, which no code has, are read as 0 and 1.
    """
    signs = (sign for sign in fold_width(typed) if not sign.isspace() and sign not in _NOISE)
    code = "".join(signs).upper().translate(_TYPED)
    return code if is_code(code) else None


def is_code(text: str) -> bool:
    """Whether a text is a code in its one form."""
    return len(text) == LENGTH and all(sign in ALPHABET for sign in text)


def show_code(code: str) -> str:
    """Return a code as it is printed: two groups of five."""
    return f"{code[:5]}-{code[5:]}"


def mask_code(code: str) -> str:
    """Return the shape of a code without any of its characters, for previews."""
    return show_code(MASK * len(code))
