"""The files of a batch, made by the worker one after the other: parts, manifest, cover sheet.

Everything comes from rows that never change and is made to the byte alike, first under another name and then renamed;
only then is the file noted. A worker killed anywhere leaves a batch that the next one finishes as if nothing had been.
"""

import contextlib
import datetime as dt
import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from db.database import transaction
from db.ids import encode
from db.models import ActivationCode, Postcard, PostcardBatch, PostcardFile, PostcardPrint, Technician
from webapp.domain.core.calendar import jst_day
from webapp.domain.core.errors import TakenOver
from webapp.domain.core.events import EventName, record
from webapp.domain.postcard import batches, code_text
from webapp.domain.postcard.manifest import ManifestRow, cover_sheet, part_name, write_csv, write_xlsx
from webapp.domain.postcard.office import PrintOffice
from webapp.domain.postcard.press import render_apart
from webapp.domain.postcard.sheet import CARDS_A_PART, PrintedCard, PrintedSender
from webapp.domain.postcard.states import BatchState, BatchStep, next_batch_state

Clock = Callable[[], dt.datetime]
Render = Callable[[Sequence[PrintedCard], PrintedSender, bool], bytes]


class FileKind(StrEnum):
    """What a file of the printer is."""

    PART = "part"
    MANIFEST_XLSX = "manifest_xlsx"
    MANIFEST_CSV = "manifest_csv"
    COVER = "cover"


class SecretChanged(RuntimeError):
    """The secret is another than when the batch was closed: the codes on paper would be no codes."""


@dataclass(frozen=True)
class Wanted:
    """One file that a batch must have."""

    kind: FileKind
    name: str
    part: int | None
    cards: int


class Production:
    """One worker's share: each `step` does one small thing of one batch, so that it can stop between."""

    def __init__(
        self, office: PrintOffice, clock: Clock, render: Render = render_apart, size: int = CARDS_A_PART
    ) -> None:
        self._office, self._clock, self._render, self._size = office, clock, render, size
        self._batch: PostcardBatch | None = None

    def step(self) -> bool:
        """Do the next thing; False when nothing is to do. An error leaves the batch to its lease, its kind noted."""
        now = self._clock()
        if self._batch is None:
            self._batch = batches.claim(now)
        batch = self._batch
        if batch is None:
            return False
        try:
            if batch.state == BatchState.GATHERING:
                batches.gather(batch, self._office, now)
            elif not self._make_next(batch):
                self._finish(batch)
        except TakenOver:
            self._batch = None
        except Exception as error:
            self._batch = None
            # The page says what stopped it; the batch is free for the next try at the end of its lease.
            mine = (PostcardBatch.id == batch.id) & (PostcardBatch.fence == batch.fence)
            with contextlib.suppress(Exception):
                PostcardBatch.update(failure=type(error).__name__).where(mine).execute()
            raise
        if self._batch is not None and batch.state not in (BatchState.GATHERING, BatchState.MAKING):
            self._batch = None
        return True

    def _make_next(self, batch: PostcardBatch) -> bool:
        wanted = next(missing(batch, self._office, self._size), None)
        if wanted is None:
            return False
        folder = folder_of(self._office)
        # The name says who writes, so that two workers, one of them late, never write into one file.
        aside = folder / f".{wanted.name}.{os.getpid()}.{batch.fence}"
        try:
            self._write(batch, wanted, aside)
            size, digest = _settle(aside)
            os.replace(aside, folder / wanted.name)
            _sync_folder(folder)
        finally:
            aside.unlink(missing_ok=True)
        now = self._clock()
        with transaction():
            typeset = wanted.part * self._size if wanted.part else batch.cards
            batches.keep(batch, now, typeset=min(batch.cards, max(batch.typeset, typeset)))
            values = {"size": size, "sha256": digest, "cards": wanted.cards, "made_at": now}
            noted = PostcardFile.name == wanted.name
            if not PostcardFile.update(values).where(noted).execute():
                PostcardFile.create(batch=batch, name=wanted.name, kind=wanted.kind, part=wanted.part, **values)
        return True

    def _write(self, batch: PostcardBatch, wanted: Wanted, path: Path) -> None:
        # Nobody else may read it, from its first byte on.
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
        office = self._office
        if wanted.kind is FileKind.PART:
            cards = _cards(batch, wanted.part, self._size, office)
            path.write_bytes(self._render(cards, office.sender, office.marks))
            return
        rows = _manifest(batch, self._size)
        if wanted.kind is FileKind.MANIFEST_XLSX:
            write_xlsx(rows, path, batch.made_at)
        elif wanted.kind is FileKind.MANIFEST_CSV:
            write_csv(rows, path)
        else:
            day = jst_day(batch.made_at)
            made_on = f"{day.year}年{day.month}月{day.day}日"
            path.write_bytes(cover_sheet(batch.number, made_on, rows, office.sender.name, office.marks))

    def _finish(self, batch: PostcardBatch) -> None:
        now = self._clock()
        with transaction():
            state = next_batch_state(batch.state, BatchStep.FINISH)
            batches.keep(batch, now, state=state, ready_at=now)
            data = {"batch": batch.number, "cards": batch.cards}
            record(EventName.POSTCARD_BATCH_WORKER_READY, now, subject_id=batch.id, data=data)


def folder_of(office: PrintOffice) -> Path:
    """Return the directory of the files, which only this product's own user may enter."""
    office.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return office.folder


def wanted_files(batch: PostcardBatch, size: int = CARDS_A_PART) -> list[Wanted]:
    """Return every file that a closed batch must have, in the order in which they are made."""
    parts = -(-batch.cards // size)
    files = [
        Wanted(FileKind.PART, part_name(batch.number, part), part, min(size, batch.cards - (part - 1) * size))
        for part in range(1, parts + 1)
    ]
    return [
        *files,
        Wanted(FileKind.MANIFEST_XLSX, f"{batch.number}-manifest.xlsx", None, batch.cards),
        Wanted(FileKind.MANIFEST_CSV, f"{batch.number}-manifest.csv", None, batch.cards),
        Wanted(FileKind.COVER, f"{batch.number}-cover.pdf", None, batch.cards),
    ]


def missing(batch: PostcardBatch, office: PrintOffice, size: int = CARDS_A_PART) -> Iterator[Wanted]:
    """Yield the files that are not noted, or noted but not on the disk as they were."""
    noted: dict[str, int] = dict(
        PostcardFile.select(PostcardFile.name, PostcardFile.size).where(PostcardFile.batch == batch.id).tuples()
    )
    folder = folder_of(office)
    for wanted in wanted_files(batch, size):
        path = folder / wanted.name
        if wanted.name not in noted or not path.exists() or path.stat().st_size != noted[wanted.name]:
            yield wanted


def _cards(batch: PostcardBatch, part: int, size: int, office: PrintOffice) -> list[PrintedCard]:
    first = (part - 1) * size + 1
    in_part = (PostcardPrint.batch == batch.id) & PostcardPrint.position.between(first, first + size - 1)
    query = (
        PostcardPrint.select(PostcardPrint, Postcard.id, Technician.technician_id)
        .join(Postcard)
        .join(Technician, on=(Postcard.technician == Technician.id))
        .where(in_part)
        .order_by(PostcardPrint.position)
    )
    rows = list(query.objects())
    secret = office.secret.encode()
    codes = _code_hashes([encode(row.postcard_id) for row in rows])
    cards = []
    for row in rows:
        card_id = encode(row.postcard_id)
        code = code_text.derive_code(secret, card_id, row.print_number)
        if codes.get((card_id, row.print_number)) != code_text.hash_code(secret, card_id, code):
            raise SecretChanged(f"batch {batch.number}: restore the secret with which it was closed")
        cards.append(
            PrintedCard(
                management_number=row.management_number,
                print_number=row.print_number,
                name=row.name,
                postal_code=row.postal_code,
                address=row.address,
                language=row.language,
                technician_id=row.technician_id,
                activation_code=code,
                sign_in_url=office.sign_in_url,
                code_days=office.codes_last.days,
            )
        )
    return cards


def _code_hashes(card_ids: list[str]) -> dict[tuple[str, int], str]:
    found: dict[tuple[str, int], str] = {}
    columns = (ActivationCode.card_id, ActivationCode.print_number, ActivationCode.code_hash)
    for start in range(0, len(card_ids), 500):
        query = ActivationCode.select(*columns).where(ActivationCode.card_id.in_(card_ids[start : start + 500]))
        found |= {(card_id, number): code_hash for card_id, number, code_hash in query.tuples()}
    return found


def _manifest(batch: PostcardBatch, size: int) -> Iterator[ManifestRow]:
    """Yield the manifest from the rows of the prints, a part at a time."""
    columns = (
        *(PostcardPrint.position, PostcardPrint.management_number, PostcardPrint.print_number),
        *(PostcardPrint.postal_code, PostcardPrint.barcode, PostcardPrint.language),
    )
    for first in range(1, batch.cards + 1, size):
        in_part = (PostcardPrint.batch == batch.id) & PostcardPrint.position.between(first, first + size - 1)
        name = part_name(batch.number, (first - 1) // size + 1)
        rows = PostcardPrint.select(*columns).where(in_part).order_by(PostcardPrint.position).tuples()
        for place, number, print_number, postal_code, barcode, language in rows:
            page = 2 * (place - first) + 1
            yield ManifestRow(place, number, print_number, name, page, page + 1, postal_code, bool(barcode), language)


def _settle(path: Path) -> tuple[int, str]:
    """Bring a file to the disk for good and return its size and sha256."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
        os.fsync(file.fileno())
        size = file.tell()
    os.chmod(path, 0o600)
    return size, digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def leftovers(folder: Path, older: dt.datetime) -> int:
    """Remove what a killed worker left half written before `older`; return how many files. A rule of retention."""
    removed = 0
    for path in folder.glob(".*"):
        with contextlib.suppress(FileNotFoundError):
            if dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC) <= older:
                path.unlink()
                removed += 1
    return removed
