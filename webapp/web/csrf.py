"""The CSRF token: Flask-WTF's check, with a token that looks different in every answer.

Answers are compressed, and some reflect what was typed: the length of a compressed answer would tell a secret that is
the same every time, letter by letter (BREACH). So the page carries `mask + (mask XOR secret)` with a fresh mask.
"""

import base64
import binascii
import hmac
import secrets

from flask import Flask, current_app, g, session
from flask_wtf.csrf import CSRFProtect
from itsdangerous import URLSafeTimedSerializer

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
FIELD = "csrf_token"
SECRET_BYTES = 16


def token() -> str:
    """Return the session's token under a fresh mask, the same within one answer: 43 characters."""
    if "masked_csrf_token" not in g:
        secret = _secret()
        mask = secrets.token_bytes(SECRET_BYTES)
        mixed = bytes(a ^ b for a, b in zip(mask, secret, strict=True))
        g.masked_csrf_token = base64.urlsafe_b64encode(mask + mixed).rstrip(b"=").decode()
    return g.masked_csrf_token


def unmask(text: str) -> str | None:
    """Return the secret behind a masked token in hexadecimal, or None for what is no such token."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except (binascii.Error, ValueError):
        return None
    if len(raw) != 2 * SECRET_BYTES:
        return None
    return bytes(a ^ b for a, b in zip(raw[:SECRET_BYTES], raw[SECRET_BYTES:], strict=True)).hex()


def _secret() -> bytes:
    kept = session.get(FIELD)
    if not isinstance(kept, str) or len(kept) != 2 * SECRET_BYTES:
        kept = session[FIELD] = secrets.token_hex(SECRET_BYTES)
    return bytes.fromhex(kept)


class MaskedCSRFProtect(CSRFProtect):
    """Flask-WTF's protection, fed with the token behind the mask."""

    def _get_csrf_token(self) -> str | None:
        sent = super()._get_csrf_token()
        secret = unmask(sent) if sent else None
        if secret is None or not hmac.compare_digest(secret, str(session.get(FIELD))):
            return None
        # Flask-WTF compares a signed copy of the session's secret; ours was compared above and is signed for it here.
        return URLSafeTimedSerializer(current_app.secret_key, salt="wtf-csrf-token").dumps(secret)


protect = MaskedCSRFProtect()


def init_app(app: Flask) -> None:
    """Give templates `csrf_token()`; the check itself is one of the guards (webapp/web/guards.py)."""
    app.config.update(
        WTF_CSRF_TIME_LIMIT=None,  # as long as the session: a person may take an hour for a form
        WTF_CSRF_CHECK_DEFAULT=False,
        # Some browsers and companies strip Referer; Origin and Sec-Fetch-Site say the same and are checked.
        WTF_CSRF_SSL_STRICT=False,
    )
    protect.init_app(app)
    app.jinja_env.globals["csrf_token"] = token
    app.template_context_processors[None].append(lambda: {"csrf_token": token})
