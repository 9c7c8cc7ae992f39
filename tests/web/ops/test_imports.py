"""Files uploaded by operators: read by the worker, followed on a page, with and without script."""

import io
from pathlib import Path

import pytest

from db.models import ImportRun, Registration
from tests.domain.intake.sheets import GOOD, as_csv
from webapp.domain.core.errors import TakenOver
from webapp.domain.intake import runs
from webapp.settings import load


@pytest.fixture
def settings(sqlite_url, tmp_path):
    return load(
        {
            "TODOKE_MODE": "test",
            "TODOKE_DATABASE_URL": sqlite_url,
            "TODOKE_SECRET_KEY": "test " * 8,
            "TODOKE_RETURN_KEYS": "a:" + "test " * 8,
            "TODOKE_STATE_DIR": str(tmp_path / "var"),
            "TODOKE_IMPORT_BYTES": "2000000",
        },
        dotenv=None,
    )


@pytest.fixture
def worker(settings, clock):
    uploads = runs.Uploads(Path(settings.state_dir), clock)
    return lambda: uploads.step(clock())


def send(client, *rows, kind="registrations", name="登録.csv", **more):
    client.get("/ops/imports")
    file = (as_csv(rows) if rows else io.BytesIO(b""), name)
    return client.submit("/ops/imports", {"kind": kind, "file": file, **more}, content_type="multipart/form-data")


def test_an_upload_is_read_by_the_worker_and_followed_on_its_page(ops_operator, worker):
    bad = GOOD | {"申請番号": "A-2", "生年月日": "昭和65年1月1日"}
    sent = send(ops_operator, GOOD, bad)
    assert sent.status_code == 303
    page = sent.location
    waiting = ops_operator.get(page).get_data(as_text=True)
    assert "順番待ち" in waiting and 'http-equiv="refresh"' in waiting and 'hx-trigger="load delay:2s"' in waiting
    assert ops_operator.get(f"{page}/rejects").status_code == 404
    assert worker() is True
    assert worker() is False
    done = ops_operator.partial(page).get_data(as_text=True)
    assert "終了" in done and "昭和に65年はありません" in done and "hx-trigger" not in done
    assert Registration.get().application_number == GOOD["申請番号"]
    rejects = ops_operator.get(f"{page}/rejects")
    assert (rejects.status_code, rejects.headers["Content-Type"]) == (200, "text/csv; charset=utf-8")
    assert "昭和65年1月1日" in rejects.get_data().decode("utf-8-sig")
    assert "登録.csv" in ops_operator.get("/ops/imports").get_data(as_text=True)


def test_a_check_registers_nothing(ops_admin, worker):
    page = send(ops_admin, GOOD, check="1").location
    worker()
    assert "確認だけの取り込みです" in ops_admin.get(page).get_data(as_text=True)
    assert ImportRun.get().accepted == 1
    assert not Registration.select().exists()


def test_a_viewer_sees_imports_but_uploads_and_downloads_none(ops_operator, ops_viewer, worker):
    page = send(ops_operator, GOOD | {"生年月日": "x"}).location
    worker()
    assert "取り込む</button>" not in ops_viewer.get("/ops/imports").get_data(as_text=True)
    assert ops_viewer.get(page).status_code == 200
    assert "/rejects" not in ops_viewer.get(page).get_data(as_text=True)
    assert ops_viewer.get(f"{page}/rejects").status_code == 403
    assert ops_viewer.submit("/ops/imports", {"kind": "registrations"}).status_code == 403


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"kind": "registrations"}, "ファイルを選んでください"),
        ({"kind": "people", "file": (io.BytesIO(b"x"), "x.csv")}, "ファイルの種類を選んでください"),
    ],
)
def test_a_form_without_file_or_kind_comes_back(ops_operator, form, words):
    ops_operator.get("/ops/imports")
    answer = ops_operator.submit("/ops/imports", form, content_type="multipart/form-data")
    assert answer.status_code == 422
    assert words in answer.get_data(as_text=True)
    assert not ImportRun.select().exists()


def test_a_file_that_is_no_table_says_why(ops_operator, worker):
    page = send(ops_operator).location
    worker()
    shown = ops_operator.get(page).get_data(as_text=True)
    assert "読めませんでした" in shown and "ファイルが空です" in shown


def test_a_worker_that_died_loses_the_lease_and_the_next_goes_on(app, ops_operator, clock, settings, monkeypatch):
    monkeypatch.setattr(runs.chunks, "__defaults__", (0, 2))
    send(ops_operator, *(GOOD | {"申請番号": f"A-{n}"} for n in range(5)))
    first = runs.take_one(clock())
    half_read = runs.proceed(first, clock)
    next(half_read)
    assert runs.take_one(clock()) is None
    clock.at += runs.LEASE
    again = runs.take_one(clock())
    assert again.id == first.id
    with pytest.raises(TakenOver):
        next(half_read)
    list(runs.proceed(again, clock))
    run = ImportRun.get()
    assert (run.state, run.done, run.accepted, Registration.select().count()) == ("done", 5, 5, 5)
