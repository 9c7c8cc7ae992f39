"""How fast postcards are checked and typeset, and how much memory a batch takes: parts of 1,000, processes and all."""

import itertools
import random
import resource
import threading
import time
from collections.abc import Iterator

import psutil

from webapp.domain.postcard.press import render_apart
from webapp.domain.postcard.sheet import CARDS_A_PART, PrintedCard, PrintedSender, check

PARTS = 3
SENDER = PrintedSender(
    name="とどけ登録機構",
    postal_code="1050001",
    address="東京都港区虎ノ門9-9-9　とどけビル8階",
    telephone="03-0000-0000",
    post_office="銀座郵便局",
    contact=("お問い合わせセンター", "電話 03-0000-0000（9時から17時）"),
)
TOWNS = (
    ("2630023", "千葉県千葉市稲毛区緑町{}丁目{}-{}"),
    ("0650006", "北海道札幌市東区北六条東9丁目{}-{}-{}"),
    ("2520001", "神奈川県座間市相模が丘{}丁目{}-{}"),
    ("6040925", "京都市中京区寺町通御池上る上本能寺前町{}{}-{}"),
)


def people(count: int) -> Iterator[PrintedCard]:
    """Invent cards, all different, one in four in English."""
    chance = random.Random(4)
    for number in range(count):
        code, address = chance.choice(TOWNS)
        house = address.format(chance.randrange(1, 9), chance.randrange(1, 40), chance.randrange(1, 40))
        building = chance.choice(("", f"　ハイツ{chance.choice('緑青東西')}{chance.randrange(100, 999)}号"))
        yield PrintedCard(
            management_number=f"{number:05}-{chance.randrange(100_000):05}",
            print_number=1,
            name=chance.choice(["佐藤", "鈴木", "髙橋", "渡邊", "﨑山", "𠮷田"])
            + "　"
            + chance.choice(["健一", "美咲", "アン", "蓮"]),
            postal_code=code,
            address=house + building,
            language=chance.choice(("ja", "ja", "ja", "en")),
            technician_id=f"{chance.randrange(10**14):014}",
            activation_code="".join(chance.choice("0123456789ABCDEFGHJKMNPQRSTVWXYZ") for _ in range(10)),
            sign_in_url="https://todoke.example/sign-in",
            code_days=60,
        )


def peak_of_tree(stop: threading.Event, peak: list[int]) -> None:
    """Follow the memory of this process and its children until told to stop."""
    process = psutil.Process()
    while not stop.wait(0.05):
        total = process.memory_info().rss
        for child in process.children(recursive=True):
            try:
                total += child.memory_info().rss
            except psutil.NoSuchProcess:
                continue
        peak[0] = max(peak[0], total)


def run(parts: int = PARTS) -> list[dict[str, object]]:
    """Measure and return plain rows: name, cards, seconds (wall and of the processor), cards a second, peak memory."""
    cards = list(people(CARDS_A_PART))
    start = time.perf_counter()
    held = sum(bool(check(card)) for card in cards)
    seconds = time.perf_counter() - start
    if held:
        raise SystemExit(f"{held} of the invented cards are on hold")
    results: list[dict[str, object]] = [
        {
            "name": "check a card",
            "cards": len(cards),
            "seconds": round(seconds, 2),
            "per_second": round(len(cards) / seconds),
        }
    ]

    peak, stop = [0], threading.Event()
    watcher = threading.Thread(target=peak_of_tree, args=(stop, peak), daemon=True)
    watcher.start()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    count = size = 0
    cards_left = iter(people(parts * CARDS_A_PART))
    while part := list(itertools.islice(cards_left, CARDS_A_PART)):
        count += len(part)
        size += len(render_apart(part, SENDER))
    seconds = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    stop.set()
    watcher.join()
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    results.append(
        {
            "name": "typeset parts of 1,000 cards, a process each",
            "cards": count,
            "seconds": round(seconds, 2),
            "per_second": round(count / seconds),
            "processor_seconds_per_1000": round(used / count * 1000, 2),
            "peak_mb": peak[0] >> 20,
            "mb_per_1000": round(size / count * 1000 / 2**20, 1),
        }
    )
    return results


if __name__ == "__main__":
    for row in run():
        print(row)
