"""Whatever bytes come, a run ends with a result or a clear error, and never with half a row."""

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

from db import database as db
from db.models import Card, ImportReject, ImportRun, Message, RecordItem, Registration, Technician
from tests import ROOT
from tests.domain.intake.sheets import GOOD, as_csv, as_xlsx
from tests.examples import examples
from webapp.domain.core import leases
from webapp.domain.intake import runs
from webapp.domain.intake.reading import TableKind
from webapp.domain.intake.runs import RunState

NOW = dt.datetime(2026, 11, 23, 3, 0, tzinfo=dt.UTC)
HEADINGS = ",".join(GOOD).encode()
some_bytes = st.one_of(
    st.binary(max_size=300),
    st.binary(max_size=300).map(lambda b: HEADINGS + b"\n" + b),
    st.text(max_size=200).map(lambda t: HEADINGS + b"\n" + t.encode("utf-8", "replace")),
    st.lists(st.lists(st.text(max_size=20), min_size=9, max_size=9), max_size=4).map(
        lambda rows: as_csv([dict(zip(GOOD, row, strict=True)) for row in rows] or [GOOD]).getvalue()
    ),
    st.binary(max_size=60).map(lambda b: as_xlsx([list(GOOD), list(GOOD.values())]).getvalue() + b),
    st.tuples(st.integers(0, 4000), st.binary(min_size=1, max_size=8)).map(
        lambda at: _spoilt(as_xlsx([list(GOOD), list(GOOD.values())]).getvalue(), *at)
    ),
)


def _spoilt(content: bytes, at: int, by: bytes) -> bytes:
    return content[:at] + by + content[at + len(by) :]


@given(some_bytes, st.sampled_from(TableKind), st.booleans())
@examples(80, suppress_health_check=[HealthCheck.function_scoped_fixture])
def check_any_bytes(database, tmp_path, content, kind, check):
    run = runs.create(kind, "x.csv", content, NOW, check=check)
    uploads = runs.Uploads(tmp_path, lambda: NOW)
    assert uploads.step(NOW) is True
    run = ImportRun.get_by_id(run.id)
    assert run.state in (RunState.DONE, RunState.FAILED)
    assert (run.error is not None) == (run.state == RunState.FAILED)
    assert run.done == run.accepted + run.updated + run.unchanged + run.rejected
    assert ImportReject.select().where(ImportReject.run == run).count() == run.rejected
    assert runs.rejects_path(run, tmp_path).exists() == bool(run.rejected)
    for registration in Registration.select():
        assert Card.select().where(Card.technician == registration.technician).exists()
        assert Message.select().where(Message.registration == registration).exists() or not registration.content.get(
            "email"
        )


def test_any_bytes_end_in_a_result_or_a_clear_error(database, tmp_path):
    check_any_bytes(database, tmp_path)


PROGRAM = """
import sys, datetime as dt
from db import database as db
from webapp.domain.intake import reading, runs
db.configure(sys.argv[1])
clock = lambda: dt.datetime(2026, 11, 23, 3, 0, tzinfo=dt.UTC)
runs.chunks.__defaults__ = (0, 20)
with db.connected():
    run = runs.begin_here(reading.TableKind.REGISTRATIONS, "x.csv", open(sys.argv[2], "rb").read(), clock())
    for progress in runs.proceed(run, clock):
        print(progress.tally.done, flush=True)
"""


def _call(url: str, file: Path) -> subprocess.Popen:
    root = ROOT
    return subprocess.Popen(
        [sys.executable, "-c", PROGRAM, url, str(file)], stdout=subprocess.PIPE, cwd=root, env={**os.environ}
    )


def test_an_import_killed_again_and_again_ends_as_one_that_ran_through(sqlite_url, tmp_path):
    total = 600
    rows = [
        GOOD | {"申請番号": f"A-{n}", "職種": "とび;型枠", "生年月日": "1980/4/1" if n % 50 else "x"}
        for n in range(total)
    ]
    file = tmp_path / "in.csv"
    file.write_bytes(as_csv(rows).getvalue())
    kills = 0
    for lines in (1, 3, 2, 5):
        process = _call(sqlite_url, file)
        for _ in range(lines):
            process.stdout.readline()
        process.send_signal(signal.SIGKILL)
        process.stdout.close()
        kills += process.wait() == -signal.SIGKILL
    assert kills == 4
    last = _call(sqlite_url, file)
    output = last.communicate()[0]
    assert last.returncode == 0 and output.endswith(b"600\n")
    db.configure(sqlite_url)
    with db.connected():
        (run,) = ImportRun.select()
        good = total - total // 50
        assert (run.state, run.done, run.accepted, run.rejected) == ("done", total, good, total // 50)
        for table, count in ((Registration, good), (Technician, good), (Card, good), (Message, good)):
            assert table.select().count() == count
        assert RecordItem.select().count() == 2 * good
        assert ImportReject.select().count() == run.rejected
    db.database.close_all()


def test_a_worker_reads_a_little_at_a_time(sqlite, tmp_path, monkeypatch):
    monkeypatch.setattr(runs.chunks, "__defaults__", (0, 1))
    content = as_csv([GOOD | {"申請番号": f"A-{n}"} for n in range(3)]).getvalue()
    run = runs.create(TableKind.REGISTRATIONS, "x.csv", content, NOW)
    ticks = iter(range(100))
    uploads = runs.Uploads(tmp_path, lambda: NOW + next(ticks) * dt.timedelta(seconds=3))
    steps = []
    while uploads.step(NOW):
        steps.append(ImportRun.get_by_id(run.id).done)
    assert steps == [1, 2, 3, 3]
    assert ImportRun.get().state == RunState.DONE


def test_a_file_name_is_kept_without_its_folder(sqlite):
    run = runs.create(TableKind.BUSINESSES, "C:\\in\\\udcff登録.csv", b"", NOW)
    assert ImportRun.get_by_id(run.id).file_name == "?登録.csv"


def test_an_upload_beyond_the_bound_is_refused(sqlite):
    with pytest.raises(runs.IntakeError):
        runs.create(TableKind.BUSINESSES, "x.csv", b"12345", NOW, most=4)
    assert not ImportRun.select().exists()


def test_a_file_on_which_every_reader_dies_is_given_up(sqlite, tmp_path, monkeypatch):
    run = runs.create(TableKind.REGISTRATIONS, "x.csv", as_csv([GOOD]).getvalue(), NOW)
    with monkeypatch.context() as patch:
        patch.setattr(runs, "take", lambda *a, **k: 1 / 0)
        uploads = runs.Uploads(tmp_path, lambda: NOW)
        for n in range(leases.MOST_CLAIMS):
            with pytest.raises(ZeroDivisionError):
                uploads.step(NOW + n * runs.LEASE)
    late = NOW + leases.MOST_CLAIMS * runs.LEASE
    assert uploads.step(late) is False
    ended = ImportRun.get_by_id(run.id)
    assert (ended.state, ended.error["sentence"], ended.finished_at) == (RunState.FAILED, runs.DIED_TOO_OFTEN, late)
