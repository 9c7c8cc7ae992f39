"""A large batch: shows its progress, survives kills, stays within its memory, and holds every card once."""

import datetime as dt
import hashlib
import os
import random
import re
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from bench.postcard import people
from db import database as db
from db.fields import to_microseconds
from db.ids import new_ids
from db.models import ActivationCode, Postcard, PostcardBatch, PostcardFile, PostcardPrint
from db.rows import write_rows
from tests import ROOT
from tests.domain.postcard import desk
from webapp.domain.postcard import batches
from webapp.domain.postcard.code_text import ALPHABET
from webapp.domain.postcard.states import BatchState

CARDS = int(os.environ.get("SOAK_CARDS", "100000"))
MOST_MEMORY = 500 << 20  # of the processes that make a batch, all added up
TOLD_EVERY_SECONDS = 10.0
# Management numbers and codes, which look alike.
NUMBER = re.compile(f"(?<!\\S)[{ALPHABET}]{{5}}-[{ALPHABET}]{{5}}(?!\\S)")


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
            write_rows("technician", (*names, *more, "created_at", "updated_at"), technicians)
            names = ("id", "application_number", "technician_id", "completed_at", "created_at", "language", "first")
            more = ("delivery_postal_code", "delivery_address", "delivery_name", "content", "content_digest")
            write_rows("registration", (*names, *more), registrations)
            names = ("id", "registration_id", "technician_id", "n", "state", "cause", "queued_at", "changed_at")
            write_rows("postcard", (*names, "version"), postcards)


def memory_of(process: psutil.Process) -> int:
    """Return what a process and its children hold, in bytes."""
    total = 0
    for one in (process, *process.children(recursive=True)):
        try:
            total += one.memory_info().rss
        except psutil.NoSuchProcess:
            continue
    return total


@pytest.fixture
def swept(tmp_path):
    """What 100,000 cards leave behind is too much to keep."""
    yield tmp_path
    shutil.rmtree(tmp_path, ignore_errors=True)


class Watch:
    """Follows the workers: their progress, told now and then, and the most memory that one held with its children."""

    def __init__(self) -> None:
        self.begun = self._told = time.monotonic()
        self.peak, self.kills, self.seen = 0, 0, set()

    def position(self) -> int:
        """Return how many cards were gathered and how many are typeset, added up."""
        batch = PostcardBatch.get()
        self.seen.add((batch.cards, batch.typeset))
        if time.monotonic() - self._told > TOLD_EVERY_SECONDS:
            self._told = time.monotonic()
            told = f"{batch.cards:,} gathered, {batch.typeset:,} typeset of {CARDS:,}"
            seconds = self._told - self.begun
            print(f"{seconds:6.0f} s  {told}, {self.kills} kills, peak {self.peak >> 20} MB", flush=True)
        return batch.cards + batch.typeset

    def run(self, command: list[str], marks: list[int]) -> int:
        """Run a worker to its end, killed when it passes the next mark; return how it ended."""
        process = subprocess.Popen(command, cwd=ROOT, start_new_session=True)
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            if psutil.pid_exists(process.pid):
                self.peak = max(self.peak, memory_of(watched))
            if self.position() >= next(iter(marks), 3 * CARDS):
                marks.pop(0)
                os.killpg(process.pid, signal.SIGKILL)  # the session that this test has started
                self.kills += 1
            time.sleep(0.05)
        self.position()
        return process.returncode


def numbers_on_paper(path: Path) -> list[str]:
    """Return the management number of each card of a part; the outside bears it twice, the inside a code instead."""
    text = subprocess.run(["pdftotext", "-raw", path, "-"], capture_output=True, text=True, check=True).stdout
    pages = text.split("\f")[:-1]
    found = []
    for outside, inside in zip(pages[::2], pages[1::2], strict=True):
        (number, again), (code,) = NUMBER.findall(outside), NUMBER.findall(inside)
        assert number == again != code
        found.append(number)
    return found


@pytest.mark.soak
@pytest.mark.timeout(7200)
def test_a_large_batch_survives_kills_within_its_memory(swept, sqlite, sqlite_url, now):
    print(f"\n{CARDS:,} cards …", flush=True)
    queue_many(CARDS, now)
    shop = desk.office(swept)
    batches.begin(shop, now)
    chance, watch = random.Random(7), Watch()
    # A first kill while cards are gathered, the others while parts are made.
    marks = sorted([chance.randrange(1, CARDS // 2), *(CARDS + chance.randrange(CARDS) for _ in range(3))])
    while ended := watch.run([sys.executable, "-m", "tests.processes.postcards", sqlite_url, str(swept)], marks):
        assert ended == -signal.SIGKILL
    seconds = time.monotonic() - watch.begun
    print(
        f"{CARDS:,} cards in {seconds:.0f} s ({CARDS / seconds:.0f} a second, rests after kills and all),"
        f" {watch.kills} kills, peak {watch.peak >> 20} MB of all processes, {len(watch.seen)} steps of progress seen",
        flush=True,
    )
    assert watch.kills == 4 and watch.peak <= MOST_MEMORY
    batch = PostcardBatch.get()
    assert (batch.state, batch.cards, batch.typeset) == (BatchState.READY, CARDS, CARDS)
    assert len(watch.seen) > min(10, CARDS // 1000)
    assert Postcard.select().where(Postcard.state == "batched").count() == CARDS
    assert PostcardPrint.select().count() == ActivationCode.select().count() == CARDS
    for each in (PostcardPrint.postcard, PostcardPrint.position, PostcardPrint.management_number):
        assert PostcardPrint.select(each).distinct().count() == CARDS
    parts = [shop.folder / file.name for file in PostcardFile.select().where(PostcardFile.kind == "part")]
    for file in PostcardFile.select():
        assert hashlib.sha256((shop.folder / file.name).read_bytes()).hexdigest() == file.sha256
    printed: Counter[str] = Counter()
    with ThreadPoolExecutor(os.cpu_count()) as readers:
        for numbers in readers.map(numbers_on_paper, parts):
            printed.update(numbers)
    noted = {number for (number,) in PostcardPrint.select(PostcardPrint.management_number).tuples()}
    assert set(printed) == noted and set(printed.values()) == {1}
    print(f"{len(printed):,} cards read back from {len(parts)} files, each once", flush=True)
