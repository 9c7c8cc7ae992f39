"""A large batch: shows its progress, survives kills, stays within its memory, and holds every card once."""

import datetime as dt
import hashlib
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pypdf
import pytest

from bench.postcard import people
from db import database as db
from db.fields import to_microseconds
from db.ids import new_ids
from db.models import ActivationCode, Postcard, PostcardBatch, PostcardFile, PostcardPrint
from tests.domain.postcard import desk
from webapp.domain.postcard import batches
from webapp.domain.postcard.states import BatchState

ROOT = Path(__file__).parents[3]
CARDS = int(os.environ.get("SOAK_CARDS", "100000"))
MOST_MEMORY = 500 << 20


def queue_many(count: int, now: dt.datetime) -> None:
    """Write `count` waiting postcards of as many people."""
    at = to_microseconds(now)
    for start in range(0, count, 5000):
        part = list(people(min(5000, count - start)))
        ids = iter(new_ids(3 * len(part)))
        technicians, registrations, postcards = [], [], []
        for n, card in enumerate(part, start):
            person, registration = next(ids), next(ids)
            data = (card.name, "サトウ", "1985-04-01", card.postal_code, card.address, "", card.language)
            keys = (card.name, "サトウ", 1, at, at)
            technicians.append((person, f"{10**13 + n}", *data, "", "", *keys))
            registrations.append((registration, f"S-{n:07}", person, at, at, card.language, True, "", "", "", "{}", ""))
            postcards.append((next(ids), registration, person, 1, "queued", "no_email", at, at, 1))
        with db.transaction():
            names = ("id", "technician_id", "name", "name_kana", "birth_date", "postal_code", "address", "telephone")
            more = ("language", "social_insurance", "retirement_scheme", "search_key", "kana_key", "version")
            db.write_rows("technician", (*names, *more, "created_at", "updated_at"), technicians)
            names = ("id", "application_number", "technician_id", "completed_at", "created_at", "language", "first")
            more = ("delivery_postal_code", "delivery_address", "delivery_name", "content", "content_digest")
            db.write_rows("registration", (*names, *more), registrations)
            names = ("id", "registration_id", "technician_id", "n", "state", "cause", "queued_at", "changed_at")
            db.write_rows("postcard", (*names, "version"), postcards)


def memory_of(process: psutil.Process) -> int:
    """Return what a process and its children hold, in bytes."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


@pytest.mark.soak
@pytest.mark.timeout(3600)
def test_a_large_batch_survives_kills_within_its_memory(sqlite, sqlite_url, tmp_path, now):
    queue_many(CARDS, now)
    shop = desk.office(tmp_path)
    batches.begin(shop, now)
    chance, kills, peak, seen = random.Random(7), 0, 0, set()
    begun = time.monotonic()
    # A first kill while cards are gathered, the others while parts are made.
    marks = sorted([chance.randrange(1, CARDS // 2), *(CARDS + chance.randrange(CARDS) for _ in range(3))])

    def position() -> int:
        batch = PostcardBatch.get()
        seen.add((batch.cards, batch.typeset))
        return batch.cards + batch.typeset

    while True:
        command = [sys.executable, "-m", "tests.postcard_process", sqlite_url, str(tmp_path)]
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            if psutil.pid_exists(process.pid):
                peak = max(peak, memory_of(watched))
            if marks and position() >= marks[0]:
                marks.pop(0)
                os.killpg(process.pid, signal.SIGKILL)  # the session that this test has started
                kills += 1
            time.sleep(0.05)
        position()
        if process.returncode == 0:
            break
    seconds = time.monotonic() - begun
    batch = PostcardBatch.get()
    print(
        f"\n{CARDS:,} cards, {kills} kills, {seconds:.0f} s, peak {peak >> 20} MB, {len(seen)} steps of progress seen"
    )
    assert kills == 4 and peak <= MOST_MEMORY
    assert (batch.state, batch.cards, batch.typeset) == (BatchState.READY, CARDS, CARDS)
    assert len(seen) > min(10, CARDS // 1000)
    assert PostcardPrint.select().count() == ActivationCode.select().count() == CARDS
    assert Postcard.select().where(Postcard.state == "batched").count() == CARDS
    printed = 0
    for file in PostcardFile.select().where(PostcardFile.kind == "part"):
        content = (shop.folder / file.name).read_bytes()
        assert hashlib.sha256(content).hexdigest() == file.sha256
        printed += len(pypdf.PdfReader(shop.folder / file.name).pages)
    assert printed == 2 * CARDS
