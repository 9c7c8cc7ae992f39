"""Returned postcards, for a hand scanner: the field keeps the focus, Enter adds, the list grows, a scan is undone."""

import datetime as dt
from dataclasses import dataclass, field

from flask import Blueprint, flash, request, url_for
from flask_babel import gettext

from db.models import PostcardReturn
from webapp.domain.core.errors import StepNotAllowed
from webapp.domain.core.language import N_
from webapp.domain.postcard import page_words, returns
from webapp.domain.postcard.returns import ReturnTally
from webapp.pages.lists import Chip
from webapp.web.access import get_postcard_return_for, viewer
from webapp.web.clock import now
from webapp.web.rendering import invalid, render, see_other, stale, wants_partial

blueprint = Blueprint("ops_returned_postcards", __name__)

SHOWN = 50


@dataclass(frozen=True)
class ScanRow:
    """One scan."""

    number: str
    address: str
    chip: Chip
    at: dt.datetime
    undo: str


@dataclass(frozen=True)
class ReturnedPage:
    """The field, what was scanned lately by this person, and what came of the newest scan or of many."""

    rows: list[ScanRow]
    most: int = SHOWN
    newest: list[ScanRow] = field(default_factory=list)
    tally: list[tuple[Chip, int]] = field(default_factory=list)
    left_over: int = 0
    typed: str = ""
    errors: dict[str, str] = field(default_factory=dict)


@blueprint.get("/ops/postcards/returned")
def index():
    return render("ops/postcards/returned.html", _page())


@blueprint.post("/ops/postcards/returned")
def scan():
    typed = [number.strip() for number in request.form.getlist("number") if number.strip()]
    if not typed:
        wrong = {"number": N_("管理番号を読み取るか、入力してください。")}
        return invalid("ops/postcards/returned.html", _page(errors=wrong))
    # The page's script sends a key beside each number, and both again when it got no answer.
    keys = request.form.getlist("key")
    keys = keys if len(keys) == len(typed) else [""] * len(typed)
    scans = [returns.scan(number, now(), viewer().account_id, key) for number, key in zip(typed, keys, strict=True)]
    if wants_partial():
        return render("ops/postcards/returned.html", _page(newest=[_row(row) for row in scans]))
    return see_other(url_for("ops_returned_postcards.index"))


@blueprint.post("/ops/postcards/returned/many")
def many():
    file, typed = request.files.get("file"), request.form.get("numbers", "")
    text = typed
    if file is not None and file.filename:
        # Numbers are ASCII: whatever the file's encoding, other characters are no numbers.
        text = file.read().decode("utf-8", "replace") + "\n" + typed
    numbers = list(returns.numbers_in(text))
    if not numbers:
        wrong = {"numbers": N_("管理番号を1つ以上入れるか、ファイルを選んでください。")}
        return invalid("ops/postcards/returned.html", _page(typed=typed, errors=wrong))
    return render("ops/postcards/returned.html", _page(tally=returns.scan_many(numbers, now(), viewer().account_id)))


@blueprint.post("/ops/postcards/returned/<oid:scanned>/undo")
def undo(scanned: int):
    row = get_postcard_return_for(viewer(), scanned)
    try:
        returns.undo(row, now(), viewer().account_id)
    except StepNotAllowed:
        wrong = {"number": N_("このはがきには、すでに対応がとられています。取り消せません。")}
        return stale("ops/postcards/returned.html", _page(errors=wrong))
    if wants_partial():
        return render("ops/postcards/returned.html", _page())
    flash(gettext("読み取りを取り消しました。"), "good")
    return see_other(url_for("ops_returned_postcards.index"))


def _page(tally: ReturnTally | None = None, **more) -> ReturnedPage:
    rows = [_row(row) for row in returns.latest(viewer().account_id, SHOWN)]
    if tally is not None:
        more["tally"] = [(Chip(*page_words.OUTCOMES[outcome]), number) for outcome, number in tally.found.items()]
        more["left_over"] = tally.left_over
    return ReturnedPage(rows, **more)


def _row(row: PostcardReturn) -> ScanRow:
    return ScanRow(
        number=row.typed,
        address=url_for("ops_postcard.show", postcard=row.print.postcard_id) if row.print_id else "",
        chip=Chip(*page_words.OUTCOMES[row.outcome]),
        at=row.scanned_at,
        undo=url_for("ops_returned_postcards.undo", scanned=row.id),
    )
