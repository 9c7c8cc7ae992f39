"""What the post's words mean for a card: a table that is data (labels.tsv) and that ops can extend.

A label counts only when it is the whole word. Nothing is guessed from a part of one: 「お届け済みではありません」 holds
「お届け済み」 and says the contrary. A note in brackets is looked at by itself.
"""

import csv
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from webapp.domain.cards.states import CardEvent, Receiver

TABLE = Path(__file__).with_name("labels.tsv")

# Events that a label may stand for. What only ops decide (made, lost) cannot be said by the post.
LABEL_EVENTS = frozenset(CardEvent) - {CardEvent.ORDERED, CardEvent.MADE, CardEvent.DECLARED_LOST}

_NOTE = re.compile(r"^(?P<label>.+?)[(\[【〔<](?P<note>[^()\[\]【】〔〕<>]*)[)\]】〕>]$")
_DECORATION = re.compile(r"^[\s「『\"'*・●○■◆→:]+|[\s」』\"'。*※:]+$")
_SENT_BACK = re.compile(r"返送|返還|返戻|return", re.IGNORECASE)
# Beside "delivered" the sender alone is enough: what the sender got, the addressee did not.
_BACK = re.compile(r"返送|返還|返戻|差出人|return|sender", re.IGNORECASE)
# Words beside "delivered" that take it back or put it into the future.
_DOUBT = re.compile(
    r"では|ませ|ない|ず$|予定|見込|取消|取り消|訂正|誤|不在|未|持ち?戻|保管|調査|不能|不明|拒|failed|not\b|attempt|cancel",
    re.IGNORECASE,
)
# The only notes that leave a delivery a delivery, and who took it then.
_HARMLESS_NOTES = {
    "転送": Receiver.UNKNOWN,
    "転送先": Receiver.UNKNOWN,
    "対面": Receiver.UNKNOWN,
    "受領印": Receiver.UNKNOWN,
    "受領サイン": Receiver.UNKNOWN,
    "再配達": Receiver.UNKNOWN,
    "代理人": Receiver.UNKNOWN,
    "代人": Receiver.UNKNOWN,
    "管理人": Receiver.UNKNOWN,
    "宅配ボックス": Receiver.UNKNOWN,
    "簡易書留": Receiver.UNKNOWN,
    "本人": Receiver.SELF,
    "ご本人": Receiver.SELF,
    "ご本人様": Receiver.SELF,
    "本人様": Receiver.SELF,
    "本人受領": Receiver.SELF,
    "同居人": Receiver.HOUSEHOLD,
    "同居者": Receiver.HOUSEHOLD,
    "ご同居人": Receiver.HOUSEHOLD,
    "同居人・家族": Receiver.HOUSEHOLD,
    "家族": Receiver.HOUSEHOLD,
    "ご家族": Receiver.HOUSEHOLD,
    "ご家族様": Receiver.HOUSEHOLD,
    "勤務先": Receiver.WORKPLACE,
    "会社": Receiver.WORKPLACE,
    "受付": Receiver.WORKPLACE,
    "窓口": Receiver.COUNTER,
    "郵便局窓口": Receiver.COUNTER,
    "郵便局の窓口": Receiver.COUNTER,
    "ゆうゆう窓口": Receiver.COUNTER,
}


class LabelTableError(ValueError):
    """A row of a label table that cannot stand."""


@dataclass(frozen=True)
class Meaning:
    """What a label says: the event, and who took the card where the label tells it."""

    event: CardEvent
    receiver: Receiver = Receiver.UNKNOWN


UNKNOWN = Meaning(CardEvent.UNKNOWN)


@lru_cache(maxsize=8192)
def fold(label: str) -> str:
    """The key of a label: width, case, blanks, quotation marks and a full stop do not matter."""
    return "".join(_DECORATION.sub("", unicodedata.normalize("NFKC", label)).split()).casefold().rstrip(".")


class Labels:
    """A table of labels. `extra` maps labels of ops (text → event, or → Meaning) and wins over the file."""

    def __init__(self, rows: Iterable[tuple[str, Meaning]], extra: Mapping[str, CardEvent | Meaning] | None = None):
        self._meanings: dict[str, Meaning] = {}
        self._spellings: dict[str, str] = {}
        own = [(label, m if isinstance(m, Meaning) else Meaning(CardEvent(m))) for label, m in (extra or {}).items()]
        for label, meaning in [*rows, *own]:
            key = fold(label)
            if not key:
                raise LabelTableError("a label is empty")
            if meaning.event not in LABEL_EVENTS:
                raise LabelTableError(f"the post cannot report {meaning.event}")
            self._meanings[key] = meaning
            self._spellings[key] = label
        self._cache: dict[str, Meaning] = {}

    def __len__(self) -> int:
        return len(self._meanings)

    def __iter__(self) -> Iterator[str]:
        """Every known label as the table writes it."""
        return iter(self._spellings.values())

    def has(self, label: str) -> bool:
        """Whether the whole of `label`, a note in brackets aside, is in the table."""
        key = fold(label)
        return key in self._meanings or (bool(m := _NOTE.match(key)) and fold(m["label"]) in self._meanings)

    def written(self, label: str) -> str:
        """The label as the table writes it; unknown words and words with a note stay as they came, blanks trimmed."""
        return self._spellings.get(fold(label)) or _tidy(label)

    def meaning(self, label: str, beside: str = "") -> Meaning:
        """What a label means; UNKNOWN for whatever is not in the table.

        `beside` is what the page says next to the label (詳細). "Delivered" stands only without a word beside it that
        takes it back: a return makes it a return, any doubt makes it unknown.
        """
        meaning = self._cache.get(label)
        if meaning is None:
            if len(self._cache) > 10_000:
                self._cache.clear()
            meaning = self._cache[label] = self._look_up(fold(label))
        if beside and meaning.event is CardEvent.DELIVERED:
            return _with_remark(meaning, unicodedata.normalize("NFKC", beside))
        return meaning

    def _look_up(self, key: str) -> Meaning:
        if key in self._meanings:
            return self._meanings[key]
        match = _NOTE.match(key)
        base = self._meanings.get(fold(match["label"])) if match else None
        if match is None or base is None:
            return UNKNOWN
        note = match["note"]
        if note in _HARMLESS_NOTES or not note:
            receiver = _HARMLESS_NOTES.get(note, Receiver.UNKNOWN)
            if base.event is CardEvent.DELIVERED and receiver is not Receiver.UNKNOWN:
                return Meaning(base.event, receiver)
            return base
        if (_BACK if base.event is CardEvent.DELIVERED else _SENT_BACK).search(note):
            return Meaning(CardEvent.RETURNED)
        # A note nobody has seen leaves "kept" kept; beside "delivered" it is for a person to read.
        return UNKNOWN if base.event is CardEvent.DELIVERED else base


def _with_remark(meaning: Meaning, remark: str) -> Meaning:
    if _BACK.search(remark):
        return Meaning(CardEvent.RETURNED)
    return UNKNOWN if _DOUBT.search(remark) else meaning


def _tidy(label: str) -> str:
    return " ".join(label.split())


def read_table(path: Path = TABLE) -> list[tuple[str, Meaning]]:
    """The rows of a label table (tab-separated: label, event, receiver, note); raises LabelTableError with the line."""
    rows = []
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
            try:
                receiver = Receiver(row["receiver"] or Receiver.UNKNOWN)
                rows.append((row["label"], Meaning(CardEvent(row["event"]), receiver)))
            except ValueError as problem:
                raise LabelTableError(f"{path.name}: {row['label']}: {problem}") from None
    return rows


@lru_cache(maxsize=1)
def shipped_labels() -> Labels:
    """The table that comes with the product, read once."""
    return Labels(read_table())


def labels_with(extra: Mapping[str, CardEvent | Meaning] | None) -> Labels:
    """The shipped table, with the labels that ops have mapped."""
    return Labels(read_table(), extra) if extra else shipped_labels()
