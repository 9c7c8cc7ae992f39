"""Exports: claimed by one worker at a time, neither lost nor doubled when one is killed, gone after their days."""

import csv
import datetime as dt
import os
import re
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from python_calamine import CalamineWorkbook

from db.ids import encode
from db.models import Account, AuditDetail, AuditRow, Event, ExportRequest
from tests import ROOT
from tests.examples import examples
from webapp.domain.accounts.accounts import AccountKind
from webapp.domain.core.errors import StepNotAllowed, TakenOver
from webapp.domain.exports import requests, tables
from webapp.domain.exports.requests import (
    LEASE,
    MOST_TRIES,
    STEPS,
    ExportFailure,
    ExportOrder,
    ExportState,
    ExportStep,
    Format,
    TooMany,
)
from webapp.domain.exports.tables import Sheet

DAYS = 7
ORDER = ExportOrder("ops_cards.index", "/ops/cards?state=made", Format.CSV, "ja")


def account(now, name="yamada") -> Account:
    kind = AccountKind.OPERATOR
    return Account.create(kind=kind, login_key=f"operator:{name}", display_name=name, role="operator", created_at=now)


def asked(who: Account, now, address=ORDER.address) -> ExportRequest:
    return requests.ask(who.id, ExportOrder(ORDER.source, address, ORDER.format, ORDER.language), address, now)


def write(row: ExportRequest, folder: Path, now, words: str = "x") -> None:
    """What a worker does with a claimed export."""
    with requests.workplace(row, folder) as place:
        (place / "table.csv").write_text(words)
        requests.keep(row, now, 1, 1)
        requests.finish(row, place / "table.csv", folder, now, cut=False, days=DAYS)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def folder(tmp_path) -> Path:
    return requests.folder_of(tmp_path)


def test_the_document_shows_the_table_of_steps():
    text = (ROOT / "docs/states.md").read_text("utf-8").partition("## States of an export")[2]
    rows = re.findall(r"^\| (\w+) \| (\w+) \| (\w+) \|$", text.partition("\n## ")[0], re.M)[1:]
    assert {(ExportState(a), ExportStep(b)): ExportState(c) for a, b, c in rows} == STEPS


def test_a_step_that_is_not_in_the_table_raises():
    with pytest.raises(StepNotAllowed):
        requests.next_state(ExportState.READY, ExportStep.CLAIM)


def test_what_is_asked_for_is_written_once_and_then_ready_for_some_days(database, folder, now):
    row = asked(account(now), now)
    write(requests.claim(now), folder, now, "äöü")
    assert requests.claim(now + LEASE * 2) is None
    row = ExportRequest.get_by_id(row.id)
    assert (row.state, row.done, row.size, row.expires_at) == ("ready", 1, 6, now + dt.timedelta(days=DAYS))
    assert (folder / row.file).read_text() == "äöü" and files(folder) == [row.file]
    assert (folder.stat().st_mode & 0o777) == 0o700


def test_asking_and_fetching_stand_in_the_audit_log(database, folder, now):
    who = account(now)
    row = asked(who, now)
    write(requests.claim(now), folder, now)
    requests.fetched(ExportRequest.get_by_id(row.id), now)
    logged = {audit.action: audit for audit in AuditRow.select()}
    assert set(logged) == {"export:account:asked", "export:account:fetched"}
    assert {audit.account_id for audit in logged.values()} == {who.id}
    detail = AuditDetail.get(AuditDetail.audit == logged["export:account:asked"].id).content
    assert detail == {"list": "/ops/cards?state=made", "format": "csv"}
    assert [event.name for event in Event.select().order_by(Event.id)] == [
        "export:account:asked", "export:worker:written", "export:account:fetched",
    ]  # fmt: skip


def test_a_second_click_asks_for_nothing_more(database, now):
    who = account(now)
    assert asked(who, now).id == asked(who, now).id != asked(account(now, "sato"), now).id


def test_nobody_has_more_than_five_waiting(database, now):
    who = account(now)
    for n in range(5):
        asked(who, now, f"/ops/cards?age={n}")
    with pytest.raises(TooMany):
        asked(who, now, "/ops/cards?age=30")
    asked(account(now, "sato"), now)


def test_two_workers_never_have_the_same_export(database, now):
    who = account(now)
    first, second = asked(who, now), asked(who, now, "/ops/cards")
    assert [requests.claim(now).id, requests.claim(now).id, requests.claim(now)] == [first.id, second.id, None]


def test_a_late_worker_finds_that_its_export_is_anothers_and_leaves_no_file(database, folder, now):
    asked(account(now), now)
    late, later = requests.claim(now), now + LEASE
    fresh = requests.claim(later)
    assert fresh.id == late.id and fresh.fence > late.fence
    with pytest.raises(TakenOver):
        requests.keep(late, later, 10, 20)
    with pytest.raises(TakenOver), requests.workplace(late, folder) as place:
        (place / "table.csv").write_text("late")
        requests.finish(late, place / "table.csv", folder, later, cut=False, days=DAYS)
    write(fresh, folder, later, "fresh")
    row = ExportRequest.get_by_id(fresh.id)
    assert files(folder) == [row.file] and (folder / row.file).read_text() == "fresh"


def test_progress_holds_the_lease(database, now):
    asked(account(now), now)
    row = requests.claim(now)
    requests.keep(row, now + LEASE / 2, 500, 2000)
    assert requests.claim(now + LEASE) is None
    assert requests.claim(now + LEASE * 1.5).id == row.id


class Killed(BaseException):
    """A worker that is killed: nothing that it would still do is done."""


def test_a_worker_killed_anywhere_leaves_an_export_that_the_next_one_writes_once(sqlite, folder, now, monkeypatch):
    """Killed before and after each step that can be seen from outside: a file made or moved, a row written."""
    who, point = account(now), 0
    while True:
        row = asked(who, now, f"/ops/cards?age={point}")
        with monkeypatch.context() as patch:
            steps = iter(range(1000))

            def deadly(act, steps=steps, point=point):
                def instead(*args, **kwargs):
                    if next(steps) == point:
                        raise Killed
                    done = act(*args, **kwargs)
                    if next(steps) == point:
                        raise Killed
                    return done

                return instead

            patch.setattr("webapp.domain.exports.requests.os.replace", deadly(os.replace))
            patch.setattr("webapp.domain.exports.requests.record", deadly(requests.record))
            patch.setattr("webapp.domain.exports.requests.transaction", deadly(requests.transaction))
            patch.setattr(
                "webapp.domain.exports.requests.shutil.rmtree", lambda *args, **kwargs: None
            )  # nobody tidies up
            patch.setattr(Path, "write_text", deadly(Path.write_text))
            try:
                write(requests.claim(now), folder, now, "first")
                survived = True
            except Killed:
                survived = False
        if not survived:
            assert requests.claim(now) is None
            write(requests.claim(now + LEASE), folder, now + LEASE, "second")
        requests.remove_expired(folder, now + LEASE)
        row = ExportRequest.get_by_id(row.id)
        assert row.state == ExportState.READY and (folder / row.file).read_text() in ("first", "second")
        assert row.file in files(folder) and len(files(folder)) == point + 1
        written = Event.select().where((Event.name == "export:worker:written") & (Event.subject_id == row.id)).count()
        assert written == 1
        if survived:
            assert point >= 6
            return
        point += 1


def test_what_goes_wrong_is_tried_again_after_a_rest_and_given_up_after_three_times(database, now):
    row, at = asked(account(now), now), now
    for _ in range(MOST_TRIES):
        claimed = requests.claim(at)
        requests.give_back(claimed, at)
        assert requests.claim(at) is None
        at += dt.timedelta(minutes=1)
    row = ExportRequest.get_by_id(row.id)
    assert (row.state, row.failure) == (ExportState.FAILED, ExportFailure.BROKEN) and requests.claim(at) is None


def test_an_export_that_kills_each_worker_is_given_up(database, now):
    row, at = asked(account(now), now), now
    for _ in range(MOST_TRIES):
        assert requests.claim(at).id == row.id
        at += LEASE
    assert requests.claim(at) is None
    assert ExportRequest.get_by_id(row.id).failure == ExportFailure.BROKEN


def test_a_file_goes_when_its_days_are_over_and_its_line_a_month_later(database, folder, now):
    row = asked(account(now), now)
    write(requests.claim(now), folder, now)
    over = now + dt.timedelta(days=DAYS)
    assert requests.remove_expired(folder, over - dt.timedelta(seconds=1)) == 0 and files(folder)
    assert requests.remove_expired(folder, over) == 1 and files(folder) == []
    assert ExportRequest.get_by_id(row.id).state == ExportState.REMOVED
    assert requests.remove_expired(folder, over + requests.LINE_FOR) == 0
    assert ExportRequest.get_or_none(ExportRequest.id == row.id) is None


def test_an_asker_may_take_back_what_is_being_written(database, folder, now):
    row = asked(account(now), now)
    claimed = requests.claim(now)
    requests.remove(ExportRequest.get_by_id(row.id), folder, now)
    with pytest.raises(TakenOver):
        write(claimed, folder, now)
    assert ExportRequest.get_by_id(row.id).state == ExportState.REMOVED
    requests.remove_expired(folder, now)
    assert files(folder) == []


def test_two_clicks_that_both_saw_the_export_remove_it_once(database, folder, now):
    row = asked(account(now), now)
    write(requests.claim(now), folder, now)
    seen = [ExportRequest.get_by_id(row.id) for _ in range(2)]
    assert [requests.remove(one, folder, now) for one in seen] == [True, False]
    assert Event.select().where(Event.name == "export:account:removed").count() == 1
    assert AuditRow.select().where(AuditRow.action == "export:account:removed").count() == 1


def test_the_file_goes_that_a_worker_finished_after_the_asker_had_looked(database, folder, now):
    row = asked(account(now), now)
    claimed = requests.claim(now)
    seen, later = ExportRequest.get_by_id(row.id), now + dt.timedelta(seconds=9)
    write(claimed, folder, now)
    assert requests.remove(seen, folder, later) and files(folder) == []
    row = ExportRequest.get_by_id(row.id)
    assert (row.state, row.finished_at) == (ExportState.REMOVED, now)


def test_what_killed_workers_left_goes_and_what_living_ones_hold_stays(database, folder, now):
    who = account(now)
    row = asked(who, now)
    write(requests.claim(now), folder, now)
    ready = ExportRequest.get_by_id(row.id).file
    asked(who, now, "/ops/cards")
    held = requests.claim(now)
    (folder / f".{encode(held.id)}.{held.fence}").mkdir()
    (folder / f".{encode(held.id)}.{held.fence + 7}").mkdir()
    (folder / f"{encode(held.id)}.9.csv").write_text("orphan")
    requests.remove_expired(folder, now)
    assert files(folder) == sorted([f".{encode(held.id)}.{held.fence}", ready])


TRICKY = ["=1+1", "+81 3", "-2", "@SUM(A1)", "00012345678901", "12345678901234", "\t=1", "神田\n一", 'a,b"c', "1e5"]
CELLS = st.sampled_from(TRICKY) | st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), max_size=20)


@examples(30)
@given(rows=st.lists(st.tuples(CELLS, CELLS), max_size=8))
def test_each_cell_of_a_workbook_is_the_text_that_it_was(rows, tmp_path_factory):
    path = tmp_path_factory.mktemp("book") / "t.xlsx"
    tables.write_xlsx(path, [Sheet("表", ("a", "b"), rows)])
    read = CalamineWorkbook.from_path(str(path)).get_sheet_by_index(0).to_python(skip_empty_area=False)
    assert [tuple(row) for row in read[1:] if any(row)] == [row for row in rows if any(row)]


def test_a_list_in_a_workbook_is_ready_to_be_worked_with(tmp_path):
    path = tmp_path / "t.xlsx"
    rows = [("12345678901234", 3, "東京都千代田区千代田1-1"), ("00012345678901", 0.25, "長" * 200)]
    tables.write_xlsx(path, [Sheet("表", ("番号", "数", "住所"), rows)])
    with zipfile.ZipFile(path) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml").decode()
        styles = archive.read("xl/styles.xml").decode()
    assert '<autoFilter ref="A1:C3"/>' in sheet and 'state="frozen"' in sheet
    assert '<ignoredError sqref="A1:XFD3" numberStoredAsText="1"/>' in sheet
    widths = [float(width) for width in re.findall(r'<col [^>]*width="([0-9.]+)"', sheet)]
    assert len(widths) == 3 and widths[1] < widths[0] < widths[2] < 62
    format_of = dict(re.findall(r'<c r="(B[23])" s="(\d+)"', sheet))
    codes = dict(re.findall(r'<numFmt numFmtId="(\d+)" formatCode="([^"]*)"', styles))
    used = re.findall(r'<xf numFmtId="(\d+)"', styles.partition("<cellXfs")[2])
    assert [codes[used[int(format_of[cell])]] for cell in ("B2", "B3")] == ["#,##0", "#,##0.##"]


def test_a_csv_begins_with_a_bom_and_no_cell_runs_as_a_formula(tmp_path):
    path = tmp_path / "t.csv"
    tables.write_csv(path, Sheet("表", ("名", "値"), [(cell, -1.5) for cell in TRICKY], notes=["続き"]))
    content = path.read_bytes()
    assert content.startswith(b"\xef\xbb\xbf") and b"\r\n" in content
    rows = list(csv.reader(content.decode("utf-8-sig").splitlines(keepends=True)))
    assert rows[0] == ["名", "値"] and rows[-1] == ["続き"]
    assert [row[0].removeprefix("'") for row in rows[1:-1]] == TRICKY and {row[1] for row in rows[1:-1]} == {"-1.5"}
    assert not any(row[0].startswith(("=", "+", "-", "@", "\t")) for row in rows[1:-1])


def test_sheets_of_a_workbook_have_names_that_excel_takes_and_numbers_that_add_up(tmp_path):
    path = tmp_path / "t.xlsx"
    title = "カードが発送から配達までにかかった日数（週別・中央値/90%）とても長い"
    tables.write_xlsx(path, [Sheet(title, ("x",), [(1,), (0.25,)], frozenset({0})), Sheet(title, ("y",), [("1",)])])
    book = CalamineWorkbook.from_path(str(path))
    assert len(set(book.sheet_names)) == 2 and all(len(name) <= 31 and "/" not in name for name in book.sheet_names)
    assert book.get_sheet_by_index(0).to_python() == [["x"], [1.0], [0.25]]
    assert book.get_sheet_by_index(1).to_python() == [["y"], ["1"]]
