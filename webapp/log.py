"""The log: one JSON object a line on standard error, ours and the libraries' alike, with ids and nothing personal.

Every line about a request carries its request id, every line about a mail its message id. An exception is told by its
kind and by the places in the code that it went through: its words may hold a name, an address or a row of the database.
"""

import logging
import sys
import time
import traceback
from pathlib import Path

import structlog
from flask import Flask, Response, g, request
from flask.signals import got_request_exception

log = logging.getLogger("web")

_ROOT = Path(__file__).parents[1]
_DEEPEST = 12
# These write values of rows and addresses of people into their lines.
_TALKATIVE = ("peewee", "peewee.pool", "mail.log")
# The web server's own loggers come with handlers that write no JSON.
_SERVERS = ("_granian", "granian", "granian.access")
# What watches us asks every few seconds.
_QUIET = {"health.alive", "health.ready", "metrics.show"}


def where(error: BaseException) -> list[str]:
    """Return the places an exception went through, the innermost last: `webapp/domain/mail/compose.py:12 compose`."""
    frames = traceback.extract_tb(error.__traceback__)[-_DEEPEST:]
    return [f"{_short(frame.filename)}:{frame.lineno} {frame.name}" for frame in frames]


def _short(file: str) -> str:
    path = Path(file)
    return str(path.relative_to(_ROOT)) if path.is_relative_to(_ROOT) else "/".join(path.parts[-2:])


def without_words(_logger, _method: str, line: dict) -> dict:
    """Replace an exception in a line by its kind and its places."""
    given = line.pop("exc_info", None)
    error = given if isinstance(given, BaseException) else (given[1] if isinstance(given, tuple) else None)
    if given and error is None:
        error = sys.exc_info()[1]
    line.pop("stack_info", None)
    if error is not None:
        line |= {"error": type(error).__name__, "where": where(error)}
    return line


def configure(level: str) -> None:
    """Write one JSON object a line to standard error; `level` is debug, info, warning or error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_words,
    ]
    structlog.configure(
        processors=[
            structlog.stdlib.filter_by_level,
            *shared,
            structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
        ],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[structlog.stdlib.ExtraAdder(), *shared],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _SERVERS:
        logging.getLogger(name).handlers[:] = []
        logging.getLogger(name).propagate = True
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.ERROR)


def begin() -> None:
    """Tie every line from here on to the request at hand; called where its id is given."""
    g.began = time.monotonic()
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(request_id=g.request_id)


def _told(response: Response) -> Response:
    """Write one line a request: the route's pattern, never its address, which may hold an application number."""
    if request.endpoint not in _QUIET:
        pattern = request.url_rule.rule if request.url_rule is not None else None
        took = round((time.monotonic() - g.began) * 1000, 1) if "began" in g else None
        about = {"method": request.method, "route": pattern, "status": response.status_code, "milliseconds": took}
        log.info("request", extra=about)
    return response


def _failed(_app: Flask, exception: BaseException, **_more) -> None:
    """Write what an unforeseen exception is and where it came from."""
    log.error("request failed", extra={"route": request.endpoint}, exc_info=exception)


def init_app(app: Flask) -> None:
    """Log requests and faults of this application, in place of Flask's own line, which holds the address."""
    app.log_exception = lambda _exc_info: None
    got_request_exception.connect(_failed, app)
    app.after_request(_told)
    app.teardown_request(lambda _error: structlog.contextvars.clear_contextvars())
