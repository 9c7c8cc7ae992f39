"""How many tracking lines a second the reader reads: rows of a CSV and text pasted from the page, 100,000 of each."""

import random
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from webapp.domain.tracking.number import TrackingNumber, check_digit
from webapp.domain.tracking.reader import Reading, read_rows, read_text

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
    ways: dict[str, Callable[[], Reading]] = {
        "rows of a CSV": lambda: read_rows(heading + lines, NOW),
        "pasted text": lambda: read_text(text, NOW),
    }
    results = []
    for name, read in ways.items():
        start = time.perf_counter()
        reading = read()
        seconds = time.perf_counter() - start
        events = sum(len(item.events) for item in reading.items)
        if events != LINES:
            raise SystemExit(f"{name}: {events} of {LINES} lines read")
        results.append(
            {
                "name": f"tracking: {name}",
                "lines": LINES,
                "seconds": round(seconds, 2),
                "lines_per_second": round(LINES / seconds),
            }
        )
    return results


if __name__ == "__main__":
    for result in run():
        print(result)
