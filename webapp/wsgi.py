"""What the web server loads: the application with the settings of this process."""

from flask import Flask

from webapp import create_app, settings


def application() -> Flask:
    """Return the application; SettingsError in one sentence when a setting is missing or bad."""
    return create_app(settings.load())
