"""What the web server loads: the application with the settings of this process."""

import multiprocessing
import os
import signal
import threading

from flask import Flask

from webapp import create_app, log, settings
from webapp.web import security
from webapp.web.rsgi import Server


def application() -> Flask:
    """Return the application; SettingsError in one sentence when a setting is missing or bad."""
    os.umask(0o077)  # as the commands do: what this process writes is for its user alone
    chosen = settings.load()
    log.configure(chosen.log_level)
    return create_app(chosen)


def served() -> Server:
    """Return the application as `todoke web` serves it: slow lines hold none of its threads."""
    threading.Thread(target=_end_with_the_first, daemon=True).start()
    app = application()
    return Server(app, app.extensions["settings"].web_threads, lambda path: security.largest_body(app, path))


def _end_with_the_first() -> None:
    # A process that outlived the one that began it would keep the port, and answer with the code of yesterday.
    if first := multiprocessing.parent_process():
        first.join()
        os.kill(os.getpid(), signal.SIGTERM)
