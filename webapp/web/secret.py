"""The secret by which the product seals and signs what it gives out."""

from flask import current_app


def secret_key() -> str:
    """Return the secret of the settings."""
    key: str = current_app.extensions["settings"].secret_key
    return key
