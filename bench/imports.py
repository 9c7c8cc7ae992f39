"""Import of registrations: from a CSV file to SQLite by the command, beside bare executemany of the very same rows.

`python -m bench.imports [registrations]`. Bare means: the rows that the import wrote, read back, then inserted into the
same tables of a fresh database with their indexes, a commit a thousand registrations, and nothing decided.
"""

import csv
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from bisect import bisect_left
from pathlib import Path

from db import database as db
from db import schema
from db.ids import LARGEST
from db.rows import write_rows
from webapp.domain.intake.columns import BUSINESSES, REGISTRATIONS

REGISTRATIONS_COUNT = 100_000
BUSINESSES_COUNT = 5_000
_BATCH = 1_000
# In the order of their references; counters are updated, not inserted, and few.
_TABLES = (
    *("technician", "record_item", "email_address", "affiliation", "registration", "message", "postcard", "card"),
    *("work_item", "event"),
)
_FAMILY = (
    "佐藤 サトウ",
    "鈴木 スズキ",
    "高橋 タカハシ",
    "田中 タナカ",
    "伊藤 イトウ",
    "\ufa19田 カミタ",
    "中村 ナカムラ",
)
_GIVEN = ("健一 ケンイチ", "太郎 タロウ", "花子 ハナコ", "次郎 ジロウ", "美咲 ミサキ", "翔 ショウ", "さくら サクラ")


def write_files(folder: Path, count: int) -> tuple[Path, Path]:
    """Write invented businesses and registrations; one in twenty has no e-mail address, one in four no employer."""
    chance = random.Random(7)
    businesses, registrations = folder / "businesses.csv", folder / "registrations.csv"
    with businesses.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(BUSINESSES.columns)
        for n in range(BUSINESSES_COUNT):
            email = f"office@b{n}.example" if n % 50 else ""
            out.writerow([10**13 + n, f"株式会社{n}建設", "ケンセツ", email, "100-0013", "東京都千代田区霞が関1", ""])
    with registrations.open("w", encoding="utf-8", newline="") as file:
        out = csv.writer(file)
        out.writerow(REGISTRATIONS.columns)
        for n in range(count):
            family, given = chance.choice(_FAMILY).split(), chance.choice(_GIVEN).split()
            row = dict.fromkeys(REGISTRATIONS.columns, "") | {
                "申請番号": f"A-2026-{n:06}-{chance.randrange(10**4):04}",
                "登録完了日時": f"2026/11/{1 + n % 18} 10:{n % 60:02}",
                "氏名": f"{family[0]} {given[0]}",
                "氏名カナ": f"{family[1]} {given[1]}",
                "生年月日": f"{chance.randint(1950, 2005)}/{chance.randint(1, 12)}/{chance.randint(1, 28)}",
                "郵便番号": "100-0013",
                "住所": f"東京都千代田区霞が関{n}",
                "電話番号": "03-1234-5678",
                "メールアドレス": f"person{n}@mail{n % 20}.example" if n % 20 else "",
                "所属事業者ID": str(10**13 + chance.randrange(BUSINESSES_COUNT)) if n % 4 else "",
                "代行申請事業者ID": str(10**13 + chance.randrange(BUSINESSES_COUNT)) if n % 3 == 0 else "",
                "言語": "ja",
                "職種": "とび;型枠",
                "資格": "玉掛け技能講習",
                "就業日数": str(n % 3000),
                "レベル": str(1 + n % 4),
            }
            out.writerow(row.values())
    return businesses, registrations


def _todoke(folder: Path, *arguments: str) -> str:
    env = os.environ | {
        "TODOKE_MODE": "test",
        "TODOKE_DATABASE_URL": f"sqlite:///{folder}/import.db",
        "TODOKE_SECRET_KEY": "bench " * 8,
        "TODOKE_RETURN_KEYS": "a:" + "bench " * 8,
    }
    command = [sys.executable, "-m", "webapp.cli", *arguments]
    return subprocess.run(command, env=env, check=True, capture_output=True, text=True).stdout


def _timed(folder: Path, file: Path, *more: str) -> tuple[tuple[float, float], dict]:
    """Import by command; seconds by the clock and of the processor, from its start to its end."""
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    result = json.loads(_todoke(folder, "import", "registrations", str(file), "--json", *more))
    seconds, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    return (seconds, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime), result


def _rows_of(table: str) -> tuple[list[str], list[tuple]]:
    cursor = db.database.execute_sql(f"SELECT * FROM {table} ORDER BY id")
    return [column[0] for column in cursor.description], cursor.fetchall()


def _bare(folder: Path) -> tuple[float, float]:
    db.configure(f"sqlite:///{folder}/import.db")
    with db.connected():
        tables = {table: _rows_of(table) for table in _TABLES}
        businesses = _rows_of("business")
        columns, rows = tables["email_address"]
        owner = columns.index("owner_kind")
        offices = columns, [row for row in rows if row[owner] == "business"]  # they came with their own file
        tables["email_address"] = columns, [row for row in rows if row[owner] == "technician"]
        columns, rows = tables["registration"]
        at = columns.index("import_run_id")
        tables["registration"] = columns, [(*row[:at], None, *row[at + 1 :]) for row in rows]
        # Ids rise from batch to batch, and the first of a batch is that of its first registration.
        bounds = [0, *(row[0] for row in tables["registration"][1][_BATCH::_BATCH]), LARGEST]
        cut = {table: [bisect_left(rows, (bound,)) for bound in bounds] for table, (_, rows) in tables.items()}
    db.database.close_all()
    db.configure(f"sqlite:///{folder}/bare.db")
    with db.connected():
        schema.migrate("test")
        with db.transaction():
            write_rows("business", *businesses)
            write_rows("email_address", *offices)
        start = time.perf_counter(), time.process_time()
        for n in range(len(bounds) - 1):
            with db.transaction():
                for table, (columns, rows) in tables.items():
                    write_rows(table, columns, rows[cut[table][n] : cut[table][n + 1]])
        spent = time.perf_counter() - start[0], time.process_time() - start[1]
    db.database.close_all()
    return spent


def run(count: int = REGISTRATIONS_COUNT) -> list[dict[str, object]]:
    """Return rows: name, figure, unit, ratio to bare executemany; by the clock and by the processor's time.

    On a machine that does other work too, the second pair is the one to compare.
    """
    folder = Path(tempfile.mkdtemp(prefix="todoke-bench-"))
    try:
        businesses, registrations = write_files(folder, count)
        _todoke(folder, "migrate")
        _todoke(folder, "import", "businesses", str(businesses))
        first, result = _timed(folder, registrations)
        if result["accepted"] != count:
            raise SystemExit(f"{result['accepted']} of {count} registrations went in")
        again, _ = _timed(folder, registrations)
        check, _ = _timed(folder, registrations, "--check")
        bare = _bare(folder)
    finally:
        shutil.rmtree(folder)

    def row(name: str, spent: tuple[float, float], compared: bool) -> dict[str, object]:
        return {
            "name": name,
            "figure": round(count / spent[0]),
            "unit": "rows/s",
            "ratio": round(bare[0] / spent[0], 2) if compared else None,
            "rows a processor second": round(count / spent[1]),
            "ratio by processor": round(bare[1] / spent[1], 2) if compared else None,
        }

    return [
        row(f"import of {count:,} registrations, CSV to SQLite, whole command", first, True),
        row("bare executemany of the same rows into the same tables", bare, True),
        row("the same file again (all unchanged)", again, False),
        row("the same file with --check (all unchanged)", check, False),
    ]


if __name__ == "__main__":
    for found in run(int(sys.argv[1]) if len(sys.argv) > 1 else REGISTRATIONS_COUNT):
        print(found)
