"""How many tracking lines a second the reader reads: rows of a CSV and text pasted from the page, 100,000 of each."""

import csv
import io
import random
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from db import database as db
from db import schema
from db.fields import to_microseconds
from db.ids import new_ids
from db.models import Card, Registration, Shipment, Technician
from db.rows import write_rows
from webapp.domain.cards import imports
from webapp.domain.cards.imports import ImportKind
from webapp.domain.cards.tracking.number import TrackingNumber, check_digit
from webapp.domain.cards.tracking.reader import TrackingReading, read_rows, read_text

LINES = 100_000
NOW = datetime(2026, 11, 23, tzinfo=UTC)
WAYS = (
    ("引受", "お届け先にお届け済み"),
    ("引受", "到着", "持ち出し中", "ご不在のため持ち戻り", "保管", "窓口でお渡し"),
    ("引受", "到着", "ご不在のため持ち戻り", "保管", "差出人に返送"),
)


def rows(count: int = LINES) -> list[list[str]]:
    """Invented reports, `count` of them: number, date and time, label, office, prefecture."""
    chance = random.Random(6)
    found: list[list[str]] = []
    while len(found) < count:
        first = f"{chance.randrange(10**9, 10**10)}"
        number = str(TrackingNumber(f"{first}{check_digit(first)}"))
        at = datetime(2026, 10, 1, 9) + timedelta(minutes=chance.randrange(60 * 24 * 40))
        for label in chance.choice(WAYS):
            found.append([number, f"{at:%Y/%m/%d %H:%M}", label, "新宿郵便局", "東京都"])
            at += timedelta(minutes=chance.randrange(60, 2000))
    return found[:count]


def page(lines: list[list[str]]) -> str:
    """The same reports as text in which the number stands above its lines."""
    out, last = [], ""
    for number, at, label, office, place in lines:
        if number != last:
            out.append(f"お問い合わせ番号\t{number}")
            last = number
        out.append(f"{at}\t{label}\t\t{office}\t{place}")
    return "\n".join(out)


def run() -> list[dict[str, object]]:
    """Measure once each and return plain rows: name, lines, seconds, lines a second."""
    lines = rows()
    text = page(lines)
    heading = [["お問い合わせ番号", "状態発生日", "配送履歴", "取扱局", "県名等"]]
    ways: dict[str, Callable[[], TrackingReading]] = {
        "rows of a CSV": lambda: read_rows(heading + lines, NOW),
        "pasted text": lambda: read_text(text, NOW),
    }
    results = []
    for name, read in ways.items():
        started = _clocks()
        reading = read()
        taken = _since(started)
        events = sum(len(item.events) for item in reading.items)
        if events != LINES:
            raise SystemExit(f"{name}: {events} of {LINES} lines read")
        results.append(_row(f"tracking: {name}", taken))
    return [*results, *imported(lines)]


def imported(lines: list[list[str]]) -> list[dict[str, object]]:
    """Import the same CSV into a fresh SQLite database in which each number is a card's, then take it back."""
    text = io.StringIO()
    csv.writer(text).writerows([["お問い合わせ番号", "状態発生日", "配送履歴", "取扱局", "県名等"], *lines])
    with tempfile.TemporaryDirectory() as folder:
        db.configure(f"sqlite:///{folder}/bench.db")
        with db.connected():
            schema.migrate("test")
            _cards(lines)
            run = imports.create(ImportKind.TRACKING, "x.csv", text.getvalue().encode(), NOW)
            started = _clocks()
            run = imports.read_now(run, lambda: NOW)
            taken = _since(started)
            if run.events != LINES:
                raise SystemExit(f"{run.events} of {LINES} lines imported")
            started = _clocks()
            imports.undo(run, NOW, None)
            back = _since(started)
        db.database.close_all()
    return [_row("tracking: imported into SQLite", taken), _row("tracking: import taken back", back)]


def _clocks() -> tuple[float, float]:
    return time.perf_counter(), time.process_time()


def _since(started: tuple[float, float]) -> tuple[float, float]:
    """Seconds by the clock and by the processor."""
    return time.perf_counter() - started[0], time.process_time() - started[1]


def _row(name: str, taken: tuple[float, float]) -> dict[str, object]:
    return {
        "name": name,
        "lines": LINES,
        "seconds": round(taken[0], 2),
        "lines_per_second": round(LINES / taken[0]),
        "lines a processor second": round(LINES / taken[1]),
    }


def _cards(lines: list[list[str]]) -> None:
    """A person with a registration, a card and a shipment for each number."""
    accepted = {number: at[:10].replace("/", "-") for number, at, *_ in reversed(lines)}
    at, count = to_microseconds(NOW), len(accepted)
    people, registrations, cards, posted = (new_ids(count) for _ in range(4))
    with db.transaction():
        columns = ("technician_id", "name", "name_kana", "birth_date", "search_key", "kana_key")
        _write(
            Technician,
            people,
            {"created_at": at, "updated_at": at},
            columns,
            [(f"{n:014}", "佐藤", "サトウ", "1985-04-01", "佐藤", "サトウ") for n in range(count)],
        )
        shared = {"completed_at": at, "created_at": at, "language": "ja", "first": True, "content": "{}"}
        columns = ("application_number", "technician_id", "content_digest")
        rows = [(f"B-{n}", person, "") for n, person in enumerate(people)]
        _write(Registration, registrations, shared, columns, rows)
        shared = {"state": "ordered", "ordered_at": at, "changed_at": at}
        _write(Card, cards, shared, ("registration_id", "technician_id"), list(zip(registrations, people, strict=True)))
        columns = ("card_id", "number", "accepted_on")
        of_cards = zip(cards, accepted.items(), strict=True)
        rows = [(card, number.replace("-", ""), day) for card, (number, day) in of_cards]
        _write(Shipment, posted, {"n": 1, "created_at": at}, columns, rows)


def _write(model, ids: list[int], shared: dict, columns: tuple[str, ...], rows: list[tuple]) -> None:
    """Write rows with what they share and the defaults of the model."""
    given = {"id", *columns, *shared}
    defaults = {
        field.column_name: field.db_value(field.default() if callable(field.default) else field.default)
        for field in model._meta.sorted_fields
        if field.default is not None and field.column_name not in given
    }
    same = shared | defaults
    names = ("id", *columns, *same)
    write_rows(model._meta.table_name, names, [(n, *row, *same.values()) for n, row in zip(ids, rows, strict=True)])


if __name__ == "__main__":
    for result in run():
        print(result)
