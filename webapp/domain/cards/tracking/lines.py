"""One line of a tracking history without its date: which label, what is said beside it, which office."""

import re
from dataclasses import dataclass
from functools import lru_cache

from webapp.domain.cards.states import CardEvent
from webapp.domain.cards.tracking.columns import without_key
from webapp.domain.cards.tracking.labels import Labels, Meaning
from webapp.domain.cards.tracking.marks import OFFICE, POSTAL_CODE, PREFECTURE, narrow

# A label may be broken into this many words by blanks or line ends.
LABEL_WORDS = 8
# Nothing of one report stands further away than this many words.
REACH = 24
LONGEST_LABEL = 40

# A line that begins so belongs to the page, not to the report above it.
_PAGE_WORDS = re.compile(
    r"^\s*(?:お?問い?合わ?せ|窓口局|集配|ページ|copyright|©|検索|履歴情報|照会結果|状態発生日|配送履歴|"
    r"最新|商品種別|付加サービス|県名等|郵便番号|\(海外|※|注[)意]|電話|tel|閉じる|戻る|印刷|"
    r"item number|search|state occurrence|type of item|\*\*|http)",
    re.IGNORECASE,
)
# What follows a date in a sentence, never a label.
_SENTENCE = re.compile(
    r"^(?:[にをはがのでともや~、。]|から|まで|より|現在|時点|更新|以降|頃|ごろ|付|作成|印刷|検索|分\b|宛)"
)
# A line that goes on with the label above it instead of telling something else.
_GOES_ON = re.compile(r"^(?:では|じゃ|でな|ない|なし|ませ|予定|未|取消|見込|の|\()")
_PLACE_IN_BRACKETS = re.compile(r"^(?P<before>[^(（]*)[(（](?P<place>[^()（）]+)[)）]$")
_HIRAGANA = re.compile(r"[\u3041-\u3096]")


@dataclass(frozen=True)
class LineReport:
    """What one report says: the label as written, its meaning, the office ("" when not told)."""

    label: str
    meaning: Meaning
    office: str

    @property
    def known(self) -> bool:
        """Whether the label is one of the table."""
        return self.meaning.event is not CardEvent.UNKNOWN


@dataclass(frozen=True)
class _Word:
    text: str
    line: int
    cell: int


def read_report(text: str, labels: Labels) -> LineReport | None:
    """The report in the text after a date, up to the next one; None when there is none.

    The label comes first; a detail, the office, the prefecture and the postal code may follow in cells, words or lines.
    An unknown first cell is taken as an unknown label, unless it reads like the rest of a sentence.
    """
    words = _words(text)
    if not words:
        return None
    count = _known_words(words, labels)
    if count:
        written = _joined(words[:count])
        return _report(written, words[count:], words[count - 1], labels)
    glued = _glued(words[0].text, labels)
    if glued:
        label, office = glued
        meaning = labels.meaning(label, office)
        written = label if meaning.event is not CardEvent.UNKNOWN else words[0].text
        return LineReport(labels.written(written), meaning, office)
    return _unknown(words, labels)


def _words(text: str) -> list[_Word]:
    words: list[_Word] = []
    cell = 0
    for number, line in enumerate(text.split("\n")):
        line = without_key(line)
        if words and _PAGE_WORDS.match(narrow(line)):
            break
        for part in re.split(r"\t| {2,}|\u3000{2,}", line) if "\t" not in line else line.split("\t"):
            cell += 1
            for word in (word.rstrip("、,;") for word in part.split()):
                place = _PLACE_IN_BRACKETS.match(word)
                split = [place["before"], place["place"]] if place and _is_place(place["place"]) else [word]
                words.extend(_Word(text, number, cell) for text in split if text)
        if len(words) > REACH:
            break
    while words and not narrow(words[0].text).strip("-:|,;・→>。"):
        words.pop(0)
    return words[:REACH]


def _joined(words: list[_Word]) -> str:
    text = words[0].text
    for word in words[1:]:
        text += (" " if text[-1].isascii() and word.text[0].isascii() else "") + word.text
    return text


def _known_words(words: list[_Word], labels: Labels) -> int:
    """How many of the first words make a known label; the most that do."""
    for count in range(min(LABEL_WORDS, len(words)), 0, -1):
        if labels.has("".join(word.text for word in words[:count])):
            return count
    return 0


def _report(label: str, rest: list[_Word], last: _Word, labels: Labels) -> LineReport:
    office_at = _office_at(rest, last)
    office = "" if office_at is None else _office_text(rest, office_at)
    remark = "".join(
        word.text
        for index, word in enumerate(rest)
        if (office_at is None or rest[office_at].cell != word.cell)
        and not _is_place(word.text)
        and (
            word.line == last.line
            or (office_at is not None and index < office_at)
            or (index == 0 and _GOES_ON.match(narrow(word.text)))
        )
    )
    # A name like an office's can still take a delivery back: 「お届け済み 取消局」.
    meaning = labels.meaning(label, remark + office)
    same_cell = [word.text for word in rest if word.cell == last.cell and not _is_place(word.text)]
    if meaning.event is CardEvent.DELIVERED and same_cell and _HIRAGANA.search(same_cell[0]):
        # 「お届け済み ではありません」: a sentence goes on behind the word, and a sentence can say anything.
        meaning = Meaning(CardEvent.UNKNOWN)
    if meaning.event is CardEvent.UNKNOWN:
        label = label + remark
    return LineReport(labels.written(label), meaning, office)


@lru_cache(maxsize=8192)
def _is_place(text: str) -> bool:
    text = narrow(text)
    return bool(OFFICE.search(text) or PREFECTURE.match(text) or POSTAL_CODE.fullmatch(text))


def _office_at(rest: list[_Word], last: _Word) -> int | None:
    """The index of the word that names the office: one that ends like an office, else the one before the prefecture."""
    for index, word in enumerate(rest):
        if OFFICE.search(narrow(word.text)):
            return index
    named = [i for i, word in enumerate(rest) if word.line == last.line and not _is_place(word.text)]
    cells = [i for i in named if rest[i].cell != last.cell]
    for index, word in enumerate(rest):
        if PREFECTURE.match(word.text):
            before = [i for i in named if i < index]
            return before[-1] if before else None
    # Without a prefecture: the last cell but the region in capitals, or the only word.
    if len(cells) >= 2:
        return cells[-2] if rest[cells[-1]].text.isupper() else cells[-1]
    if cells:
        return cells[0]
    ascii_words = [i for i in named if rest[i].text.isascii() and rest[i].text.isupper()]
    return ascii_words[0] if ascii_words else None


def _office_text(rest: list[_Word], index: int) -> str:
    chosen = rest[index]
    before = [w.text for w in rest[:index] if w.cell == chosen.cell and w.line == chosen.line]
    same = [*before, chosen.text] if chosen.text.isascii() else [chosen.text]
    return clean_office(" ".join(same))


def clean_office(text: str) -> str:
    """An office's name without the postal code that the page prints under it; the name itself as it came."""
    found = POSTAL_CODE.search(narrow(text))
    if found:
        text = text[: found.start()] + text[found.end() :]
    return " ".join(text.split()).strip("()（）")


def _glued(word: str, labels: Labels) -> tuple[str, str] | None:
    """「引受新宿郵便局」: a known label with the office behind it and nothing between."""
    if not OFFICE.search(narrow(word)):
        return None
    for cut in range(len(word) - 2, 1, -1):
        rest = word[cut:]
        if labels.has(word[:cut]) and not _HIRAGANA.match(rest):
            return word[:cut], clean_office(rest)
    return None


def _unknown(words: list[_Word], labels: Labels) -> LineReport | None:
    first = words[0]
    if _SENTENCE.match(narrow(first.text)):
        return None
    cell = []
    for word in words:
        if word.line != first.line or word.cell != first.cell or _is_place(word.text):
            break
        cell.append(word)
    if not cell:
        return None
    label = _joined(cell)
    if len(label) > LONGEST_LABEL or not any(c.isalpha() for c in label):
        return None
    rest = words[len(cell) :]
    at = _office_at(rest, first)
    return LineReport(labels.written(label), Meaning(CardEvent.UNKNOWN), "" if at is None else _office_text(rest, at))
