"""Returned mail: how many a second and how right, beside flufl.bounce in the same process on the same mails.

    python -m bench.bounce

The public mails lie in ../shared/bounce-corpus, outside the repository; without them the hand-written mails of the
tests give the speed, and the score is left out with a word.
"""

import email
import gc
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

from webapp.domain.bounce import judge

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared" / "bounce-corpus"
ROUNDS = 5
Row = dict[str, object]


def shared_mails(folder: Path) -> dict[str, bytes]:
    """The public mails by file name."""
    return {path.name: path.read_bytes() for path in sorted((folder / "corpus").glob("*.eml"))}


def score(folder: Path, mails: dict[str, bytes], only: set[str] | None = None) -> dict[str, float]:
    """Shares of right judgements, by the names and the rules of the score.py that lies with the mails."""
    expected = [json.loads(line) for line in (folder / "expected.jsonl").read_text(encoding="utf-8").splitlines()]
    classes = json.loads((folder / "class_map.json").read_text(encoding="utf-8"))
    counts: dict[str, list[int]] = {}

    def count(name: str, right: bool) -> None:
        pair = counts.setdefault(name, [0, 0])
        pair[0] += bool(right)
        pair[1] += 1

    for entry in expected:
        if only is not None and entry["file"] not in only:
            continue
        judgement = judge(mails[entry["file"]])
        deciding = judgement.deciding
        reason = deciding.reason.value if deciding else judgement.kind.value
        if entry["kind"] != "bounce":
            count("non-bounces not called hard", not judgement.hard)
            count("feedback/vacation/delivered named", reason == entry["kind"])
            continue
        recipients = _folded(judgement.recipients)
        strict = recipients == _folded(entry["recipients"])
        recipient = strict or any(recipients == _folded(other) for other in entry["recipients_alt"])
        lenient = reason in entry["reasons"] or reason in entry["reasons_alt"]
        hard = judgement.hard == entry["hard"]
        count("recipient exact (strict)", strict)
        count("recipient exact (lenient)", recipient)
        count("hard/soft (strict)", hard)
        count("reason (strict)", reason in entry["reasons"])
        count("reason (lenient)", lenient)
        count("action class", classes.get(reason) in {classes[name] for name in entry["reasons"]})
        count("all three (lenient)", recipient and lenient and (hard or entry["hard_disputed"]))
        if entry["hard"]:
            count("dead-address recall (right recipient)", judgement.hard and recipient)
        if judgement.hard:
            count("dead-address precision", (entry["hard"] or entry["hard_disputed"]) and recipient)
    return {name: right / number for name, (right, number) in counts.items()}


def run() -> list[Row]:
    """All rows: {"name", "figure", "unit", "ratio"}; `ratio` is to flufl.bounce where there is a rival, else None."""
    there = SHARED.is_dir()
    mails = shared_mails(SHARED) if there else _written_mails()
    of = "public mails" if there else "hand-written mails"
    ours, rival = _speeds(list(mails.values()))
    rows: list[Row] = [
        {
            "name": f"returned mail judged, one core ({len(mails)} {of})",
            "figure": round(ours),
            "unit": "mails/s",
            "ratio": round(ours / rival, 2) if rival else None,
        }
    ]
    if rival:
        rows.append({"name": "flufl.bounce, same mails", "figure": round(rival), "unit": "mails/s", "ratio": 1.0})
    if not there:
        print("bounce: ../shared/bounce-corpus is not here: no score, speed on the hand-written mails")
        return rows
    for name, share in score(SHARED, mails).items():
        rows.append({"name": f"judgement: {name}", "figure": round(100 * share, 1), "unit": "%", "ratio": None})
    carriers = {line.split()[0] for line in (SHARED / "ja_carrier.txt").read_text("utf-8").splitlines() if line.strip()}
    right = score(SHARED, mails, only=carriers)["all three (lenient)"]
    name = f"judgement: all three (lenient), {len(carriers)} mails of Japanese carriers"
    rows.append({"name": name, "figure": round(100 * right, 1), "unit": "%", "ratio": None})
    return rows


def _speeds(mails: list[bytes]) -> tuple[float, float | None]:
    """Mails a second of CPU time, best of some rounds taken in turn; None for a rival that is not installed."""
    try:
        from flufl.bounce import scan_message
    except ImportError:
        scan_message = None

    def flufl(mail: bytes) -> None:
        scan_message(email.message_from_bytes(mail))

    best: dict[str, float] = {}
    contenders: dict[str, Callable[[bytes], object]] = {"todoke": judge}
    if scan_message:
        contenders["flufl"] = flufl
    for _ in range(ROUNDS):
        for name, contender in contenders.items():
            gc.collect()
            start = time.process_time()
            for mail in mails:
                contender(mail)
            taken = time.process_time() - start
            best[name] = min(best.get(name, taken), taken)
    speeds = {name: len(mails) / taken for name, taken in best.items()}
    return speeds["todoke"], speeds.get("flufl")


def _written_mails() -> dict[str, bytes]:
    from tests.domain.bounce.corpus import read_mails

    return {written.name: written.mail for file in ("bounces.txt", "not_bounces.txt") for written in read_mails(file)}


def _folded(addresses: list[str] | tuple[str, ...]) -> list[str]:
    return sorted({address.strip().lower().strip("<>") for address in addresses})


def main() -> int:
    """Print the rows."""
    for row in run():
        ratio = f"  ({row['ratio']} x flufl.bounce)" if row["ratio"] and row["ratio"] != 1.0 else ""
        print(f"{row['name']:<60} {row['figure']:>8} {row['unit']}{ratio}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
