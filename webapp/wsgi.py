"""What the web server loads: the application with the settings of this process."""

from flask import Flask

from webapp import create_app, log, security, settings
from webapp.server import Server


def application() -> Flask:
    """Return the application; SettingsError in one sentence when a setting is missing or bad."""
    chosen = settings.load()
    log.configure(chosen.log_level)
    return create_app(chosen)


def served() -> Server:
    """Return the application as `todoke web` serves it: slow lines hold none of its threads."""
    app = application()
    return Server(app, app.extensions["settings"].web_threads, lambda path: security.largest_body(app, path))
