"""The worker's side of 書き出し: writes what was asked for, reading each list as its page does for the one who asked.

A list is read under a request of its asker for the page's own address, in the asker's language: the same filters, the
same query, the same words, and the rights as they are at this moment. Nothing is answered; the rows go into a file.
"""

import datetime as dt
import importlib
import time
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from pathlib import Path

from flask import Flask, g
from flask_babel import gettext
from flask_login import UserMixin, login_user

from db.models import Account, ExportRequest
from webapp import BLUEPRINTS
from webapp.domain.accounts import second_factor
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.core.errors import TakenOver
from webapp.domain.core.language import N_
from webapp.domain.exports import requests, tables
from webapp.domain.exports.requests import ExportFailure, Format
from webapp.domain.exports.tables import Sheet
from webapp.pages.exports import SOURCES, SearchOver, Source, limited
from webapp.settings import Settings
from webapp.web import converters, language, session
from webapp.web.access_table import ACCESS
from webapp.web.language import say
from webapp.web.rendering import full_moment

CUT = N_("一覧には続きがあります。1つのファイルに入るのは%(n)s行までです。条件で絞り込んで、書き出し直してください。")
_NOTED_EVERY = 1.0


class NoTable(Exception):
    """The page has no such table: another try would find none either."""


class Asker(UserMixin):
    """Who asked, as pages and rules may ask; there is no session, since nobody is at the other end."""

    def __init__(self, account: Account):
        self.account = account
        self.kind = AccountKind(account.kind)
        self.role = account.role
        self.display_name = account.display_name

    def get_id(self) -> str:
        return str(self.account.id)

    def may_see(self, source: str) -> bool:
        """Whether the page of the list would open for this account now."""
        set_up = self.account.second_factor or not second_factor.must_have(self.account)
        return self.account.active and set_up and ACCESS[source].allows(self)


class Writer:
    """One worker's share: each `step` writes one file."""

    def __init__(
        self, settings: Settings, clock: Callable[[], dt.datetime], lease: dt.timedelta = requests.LEASE
    ) -> None:
        self._settings, self._clock, self._lease = settings, clock, lease
        self._app: Flask | None = None

    def step(self) -> bool:
        """Write the next file; False when nothing waits. An error leaves it to another try."""
        row = requests.claim(self._clock(), self._lease)
        if row is None:
            return False
        try:
            self._write(row)
        except TakenOver:
            pass
        except SearchOver:
            requests.fail(row, ExportFailure.SEARCH_OVER, self._clock())
        except NoTable:
            requests.fail(row, ExportFailure.BROKEN, self._clock())
        except Exception:
            requests.give_back(row, self._clock())
            raise
        return True

    def _write(self, row: ExportRequest) -> None:
        if self._app is None:
            self._app = reading_app(self._settings, self._clock)
        source, asker = SOURCES.get(row.source), Asker(row.account)
        if source is None or not asker.may_see(row.source):
            requests.fail(row, ExportFailure.NOT_ALLOWED, self._clock())
            return
        folder = requests.folder_of(self._settings.state_dir)
        cookie = {"Cookie": f"{language.COOKIE}={row.language}"}
        with requests.workplace(row, folder) as place, self._app.test_request_context(row.address, headers=cookie):
            login_user(asker)
            path = place / f"table.{row.format}"
            path.touch(mode=0o600)
            self._fill(row, source, asker, path)
            cut, days = g.get("export_cut", False), self._settings.keep_export_days
            requests.finish(row, path, folder, self._clock(), cut=cut, days=days)

    def _fill(self, row: ExportRequest, source: Source, asker: Asker, path: Path) -> None:
        begun, count = self._clock(), Count(row, self._clock, self._lease)
        sheets = (self._bounded(sheet, count) for sheet in source.sheets())
        first = next(sheets, None)
        if first is None:
            raise NoTable
        if row.format == Format.CSV:
            tables.write_csv(path, first)
        else:
            tables.write_xlsx(path, self._and_about(chain([first], sheets), source, asker, begun, count))
        count.note()

    def _bounded(self, sheet: Sheet, count: "Count") -> Sheet:
        most, notes = self._settings.export_rows, list(sheet.notes)

        def rows() -> Iterator:
            yield from count.through(limited(sheet.rows, most))
            if g.pop("export_over", False):
                notes.append(gettext(CUT, n=f"{most:,}"))

        return Sheet(sheet.title, sheet.heading, rows(), sheet.percent, notes)

    def _and_about(self, sheets: Iterable[Sheet], source: Source, asker: Asker, begun: dt.datetime, count: "Count"):
        """Give the sheets, and behind them one that says what they are and as of when."""
        yield from sheets
        about = [
            (gettext("内容"), say(source.title)),
            (gettext("時点"), full_moment(begun)),
            (gettext("書き出した人"), asker.display_name),
            (gettext("行数"), count.rows),
        ]
        if g.get("export_cut", False):
            about.append((gettext("注意"), gettext(CUT, n=f"{self._settings.export_rows:,}")))
        yield Sheet(gettext("この書き出しについて"), (gettext("項目"), gettext("値")), about)


class Count:
    """Counts the rows as they go through, and says from time to time how far it is."""

    def __init__(self, row: ExportRequest, clock: Callable[[], dt.datetime], lease: dt.timedelta) -> None:
        self.rows = 0
        self._row, self._clock, self._lease, self._noted_at = row, clock, lease, time.monotonic()

    def through(self, rows: Iterable) -> Iterator:
        for row in rows:
            yield row
            self.rows += 1
            if self.rows % 100 == 0 and time.monotonic() - self._noted_at > _NOTED_EVERY:
                self.note()

    def note(self) -> None:
        """Write down how far it is; TakenOver when another worker has it."""
        self._noted_at = time.monotonic()
        requests.keep(self._row, self._clock(), self.rows, g.get("export_total"), self._lease)


def reading_app(settings: Settings, clock: Callable[[], dt.datetime]) -> Flask:
    """Return an application that knows the lists and their words and answers nobody: no server, no guards."""
    app = Flask("webapp", static_folder=None)
    app.secret_key = settings.secret_key
    app.extensions["settings"], app.extensions["clock"] = settings, clock
    converters.init_app(app)
    language.init_app(app)
    session.init_app(app)
    for name in BLUEPRINTS:
        app.register_blueprint(importlib.import_module(f"webapp.blueprints.{name}").blueprint)
    return app
