"""Asking for a list as a file, the worker's step, and what the file holds: shared by the tests of lists."""

import csv
import io

from flask import Flask
from python_calamine import CalamineWorkbook

from db.ids import encode
from db.models import ExportRequest
from tests.web.conftest import CheckedClient
from webapp.worker.export_writer import Writer


def newest() -> ExportRequest:
    return ExportRequest.select().order_by(ExportRequest.id.desc()).get()


def ask(client: CheckedClient, of: str, how: str = "xlsx", **kwargs):
    """Press the button below a list, given by the address of its page."""
    return client.submit("/exports", {"of": of, "as": how}, **kwargs)


def work(app: Flask) -> None:
    """What the worker does until nothing waits."""
    writer = Writer(app.extensions["settings"], app.extensions["clock"])
    while writer.step():
        pass


def fetch(client: CheckedClient, row: ExportRequest | None = None):
    return client.get(f"/exports/{encode((row or newest()).id)}/file")


def table(answer) -> list[list[str]]:
    """The cells of a fetched file, the heading first."""
    if answer.mimetype == "text/csv":
        assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
        return list(csv.reader(io.StringIO(answer.get_data().decode("utf-8-sig"))))
    book = CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data()))
    return [[str(cell) for cell in row] for row in book.get_sheet_by_index(0).to_python()]


def taken(app: Flask, client: CheckedClient, of: str, how: str = "xlsx") -> list[list[str]]:
    """A list all the way from the button to the cells."""
    assert ask(client, of, how).location == "/exports"
    work(app)
    answer = fetch(client)
    assert answer.status_code == 200, newest().failure
    return table(answer)
