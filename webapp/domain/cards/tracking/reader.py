"""One tolerant reader for what the post reports: rows of CSV and Excel, and text copied from its tracking page.

It reads generously and concludes strictly: any layout in which a number, a date and a label can be recognised is read;
a label that is not in the table is `unknown`, never delivered (docs/card.md).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

from webapp.domain.cards.states import (
    CardEvent,
    CardState,
    CardStatus,
    Report,
    running_states,
    shipments,
    standing_after,
)
from webapp.domain.cards.tracking.columns import Columns, cell_text, read_heading, serial_date
from webapp.domain.cards.tracking.dates import PRODUCT, body_end, label_first, time_within, without_details
from webapp.domain.cards.tracking.labels import Labels, Meaning, labels_with
from webapp.domain.cards.tracking.lines import clean_office, read_report
from webapp.domain.cards.tracking.marks import PREFECTURE, FoundMark, Mark, find_marks, narrow, visible
from webapp.domain.cards.tracking.number import NotATrackingNumber, TrackingNumber, parse_number
from webapp.domain.core.calendar import jst_day
from webapp.domain.core.language import N_

NO_NUMBER = N_("お問い合わせ番号のない履歴があります。番号の行から貼り付けてください。")
UNREADABLE_DATE = N_("日付として読めません: %(value)s（%(number)s の「%(label)s」）。日付のない履歴として読みました。")
FOREIGN_NUMBER = N_("簡易書留の番号（11桁）ではないため読みませんでした: %(value)s")

# Dates that belong to the page or are promises, not reports.
_NOT_A_REPORT = re.compile(
    r"(?:検索|照会|現在|更新|予定|希望|作成|出力|印刷|ダウンロード|期限|保管期間|指定|受付番号|as of|printed|expected)"
    r"[^\n\t]{0,8}$",
    re.IGNORECASE,
)
_BARS = str.maketrans("|｜│", "\t\t\t")
# A running number before the first column, for which lists have no heading.
_ORDINAL = re.compile(r"\s*\d{1,3}[.)]?\s*$")
_EARLIEST = date(2000, 1, 1)


@dataclass(frozen=True)
class TrackedItem:
    """One shipment: its number, its events oldest first, the state after each, and how it stands after all."""

    number: TrackingNumber
    events: tuple[Report, ...]
    states: tuple[CardState, ...]
    standing: CardStatus

    @property
    def state(self) -> CardState:
        """The state of the card as far as the post tells; `unknown` when it tells nothing."""
        return self.standing.state if self.events else CardState.UNKNOWN


@dataclass(frozen=True)
class UnreadLine:
    """Something that was not read: a sentence (Japanese, for the catalogue) and its parameters."""

    sentence: str
    parameters: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True)
class TrackingReading:
    """What was read: items by number in order of appearance, and what could not be read."""

    items: tuple[TrackedItem, ...]
    problems: tuple[UnreadLine, ...]

    @property
    def unknown_labels(self) -> tuple[str, ...]:
        """Labels that are in no table, for ops to map."""
        return tuple(dict.fromkeys(label for item in self.items for label in item.standing.unknown_labels))


def read_text(text: str, now: datetime, extra: Mapping[str, CardEvent | Meaning] | None = None) -> TrackingReading:
    """Read text pasted from a tracking page: one or many numbers, wrapped or in tabs, Japanese or English.

    `now` (aware) gives the missing years; `extra` are labels that ops have mapped.
    """
    reader = _Reader(now, labels_with(extra))
    reader.text(text)
    return reader.reading()


def read_rows(
    rows: Iterable[Sequence[object]], now: datetime, extra: Mapping[str, CardEvent | Meaning] | None = None
) -> TrackingReading:
    """Read rows of a CSV or Excel sheet (cells of any type), with headings or without. Arguments as in `read_text`."""
    reader = _Reader(now, labels_with(extra))
    reader.rows(rows)
    return reader.reading()


def read_sources(
    sources: Iterable[str | Iterable[Sequence[object]]],
    now: datetime,
    extra: Mapping[str, CardEvent | Meaning] | None = None,
) -> TrackingReading:
    """Read several texts and tables as one: what different files say of a number is put together."""
    reader = _Reader(now, labels_with(extra))
    for source in sources:
        reader.current = None
        if isinstance(source, str):
            reader.text(source)
        else:
            reader.rows(source)
    return reader.reading()


class _Reader:
    """Collects events by number. `current` is the number that the lines being read belong to."""

    def __init__(self, now: datetime, labels: Labels) -> None:
        self.today = jst_day(now)
        self.labels = labels
        self.events: dict[TrackingNumber, list[Report]] = {}
        self.problems: dict[UnreadLine, None] = {}
        self.current: TrackingNumber | None = None
        self.last_day: date | None = None
        self.marks: dict[str, list[FoundMark]] = {}

    def reading(self) -> TrackingReading:
        items = []
        for number, events in self.events.items():
            for part in shipments(events):
                states = tuple(shown for shown, _ in running_states(part))
                items.append(TrackedItem(number, part, states, standing_after(part)))
        return TrackingReading(tuple(items), tuple(self.problems))

    def add(self, at: datetime | date | None, label: str, meaning: Meaning, office: str) -> None:
        if self.current is None:
            self.problem(NO_NUMBER)
            return
        self.events[self.current].append(Report(at, meaning.event, label, office, meaning.receiver))

    def problem(self, sentence: str, **parameters: str) -> None:
        # A dict as an ordered set: the same complaint once.
        self.problems.setdefault(UnreadLine(sentence, parameters))

    def number(self, digits: str) -> None:
        self.current = TrackingNumber(digits)
        self.last_day = None
        self.events.setdefault(self.current, [])

    # Tables ----------------------------------------------------------------------------------------------------------

    def text(self, text: str) -> None:
        text = visible(text.replace("\r\n", "\n").replace("\r", "\n")).translate(_BARS)
        self._table(
            ((line, line.split("\t")) for line in text.split("\n")) if "\t" in text else ((text, [text]),), loose=True
        )

    def rows(self, rows: Iterable[Sequence[object]]) -> None:
        cells = ([cell_text(value) for value in row] for row in rows)
        self._table((("\t".join(c.replace("\n", " ") for c in row), row) for row in cells), loose=False)

    def _table(self, lines: Iterable[tuple[str, list[str]]], loose: bool) -> None:
        """Rows under a heading are read by column; all else is read as running text, with the same current number.

        `loose`: text in which a row may go on in the next line, so that a row is taken by column only when it is whole.
        """
        columns: Columns | None = None
        waiting: list[str] = []
        for line, cells in lines:
            heading = read_heading(cells, self.labels) if len(cells) > 1 else None
            if heading is not None:
                self._flush(waiting)
                columns = heading
                continue
            if columns is not None and len(cells) > 1:
                if loose and not self._whole(columns, cells):
                    waiting.append(line)
                    continue
                self._flush(waiting)
                if self._row(columns, cells):
                    continue
            waiting.append(self._number_to_front(line, cells))
        self._flush(waiting)

    def _number_to_front(self, line: str, cells: list[str]) -> str:
        """A row without heading in which the number is not the first cell: number, then date, then the rest."""
        # Most lines hold no number; counting digits says so sooner than looking for marks.
        if len(cells) < 3 or not any(sum(map(str.isdigit, cell)) == 11 for cell in cells[1:]):
            return line
        kinds = [
            marks[0].mark if len(marks) == 1 and marks[0].end - marks[0].start >= len(cell.strip()) - 1 else None
            for cell in cells
            for marks in [self._marks(narrow(cell.strip()))]
        ]
        if Mark.NUMBER not in kinds or Mark.DATE not in kinds or kinds[0] is Mark.NUMBER:
            return line
        order = {Mark.NUMBER: 0, Mark.DATE: 1, Mark.TIME: 2}
        placed = sorted(zip(kinds, cells, strict=True), key=lambda pair: order.get(pair[0], 3) if pair[0] else 3)
        return "\t".join(cell for kind, cell in placed if kind or not cell.strip().isdigit())

    def _flush(self, waiting: list[str]) -> None:
        if waiting:
            self._running("\n".join(waiting))
            waiting.clear()

    def _whole(self, columns: Columns, cells: list[str]) -> bool:
        return len(cells) > columns.last if columns.label else True

    def _row(self, columns: Columns, cells: list[str]) -> bool:
        """Read one row by its columns; False when it does not fit them and should be read as text."""

        def at(indices: list[int], place: int) -> str:
            return cells[indices[place]].strip() if place < len(indices) and indices[place] < len(cells) else ""

        if columns.number == [0] and len(cells) > 1 and _ORDINAL.match(narrow(cells[0])) and _is_number(cells[1]):
            cells = cells[1:]
        if columns.number:
            value = at(columns.number, 0)
            if value and not self._number_cell(value):
                return True
        if self.current is None and any(at(columns.label, i) for i in range(len(columns.label))):
            self.problem(NO_NUMBER)
            return True
        read = False
        for place in range(len(columns.label)):
            label = at(columns.label, place)
            moment = self._cell_moment(at(columns.date, place), at(columns.time, place))
            if not label:
                continue
            if moment is None and at(columns.date, place) and not self.labels.has(label):
                return False
            detail, office = at(columns.detail, place), at(columns.office, place)
            if PREFECTURE.match(office) and detail and not self.labels.has(detail):
                # The empty detail was lost in copying and everything moved to the left.
                detail, office = "", detail
            meaning = self.labels.meaning(label, detail)
            written = self.labels.written(label)
            if meaning.event is CardEvent.UNKNOWN and detail and self.labels.has(label):
                written = f"{written} {detail}"
            self.add(moment, written, meaning, clean_office(office))
            read = True
            if moment is None and any(map(str.isdigit, at(columns.date, place))) and self.current is not None:
                words = {"value": at(columns.date, place), "number": str(self.current), "label": written}
                self.problem(UNREADABLE_DATE, **words)
        for index, label in columns.wide:
            moment = self._cell_moment(cells[index].strip() if index < len(cells) else "", "")
            if moment is not None:
                self.add(moment, self.labels.written(label), self.labels.meaning(label), "")
        return read or bool(columns.number and at(columns.number, 0)) or bool(columns.wide)

    def _number_cell(self, value: str) -> bool:
        try:
            self.number(parse_number(value).digits)
        except NotATrackingNumber as problem:
            found = [mark for mark in self._marks(narrow(value)) if mark.mark is Mark.NUMBER]
            if len(found) != 1:
                self.current = None
                self.problem(problem.sentence, **problem.parameters)
                return False
            self.number(found[0].digits)
        return True

    def _cell_moment(self, day: str, clock: str) -> datetime | date | None:
        text = narrow(serial_date(day) or day)
        if clock:
            text = f"{text} {narrow(clock)}"
        if not text.strip():
            return None
        found = next((mark for mark in self._marks(text) if mark.mark is Mark.DATE), None)
        if found is None or found.day is None or found.day < _EARLIEST:
            return None
        return found.moment

    def _marks(self, text: str) -> list[FoundMark]:
        # Columns repeat the same few dates and numbers; remember them while they last.
        if len(self.marks) > 50_000:
            self.marks.clear()
        if text not in self.marks:
            self.marks[text] = list(find_marks(text, self.today))
        return self.marks[text]

    # Running text ----------------------------------------------------------------------------------------------------

    def _running(self, text: str) -> None:
        scan = narrow(text)
        marks = list(find_marks(scan, self.today))
        first = label_first(text, scan, marks, self.labels)
        marks = without_details(text, scan, marks, first, self.labels)
        cursor = 0
        undated_from: int | None = None
        for index, mark in enumerate(marks):
            if mark.mark in (Mark.NUMBER, Mark.FOREIGN):
                self._undated(text, undated_from, mark.start)
                if mark.mark is Mark.NUMBER:
                    self.number(mark.digits)
                    undated_from = mark.end
                else:
                    self.problem(FOREIGN_NUMBER, value=scan[mark.start : mark.end])
                    self.current, undated_from = None, None
                cursor = mark.end
                continue
            end = body_end(scan, marks, index, first)
            if mark.mark is Mark.TIME:
                # A time by itself: another report of the same day, if a known label follows.
                report = read_report(text[mark.end : end], self.labels)
                if report and report.known and self.last_day and mark.clock and self.current is not None:
                    moment = FoundMark(Mark.DATE, 0, 0, day=self.last_day, clock=mark.clock).moment
                    self.add(moment, report.label, report.meaning, report.office)
                continue
            start = max(cursor, scan.rfind("\n", 0, mark.start) + 1)
            before = scan[start : mark.start]
            cursor = mark.end
            label = first.get(mark.start)
            if label is None and _NOT_A_REPORT.search(before):
                continue
            body = text[mark.end : end]
            if label is not None:
                body = f"{label[1]}\t{body}"
            report = read_report(body, self.labels)
            moment = mark.moment
            if report is None or mark.day is None:
                continue
            if not isinstance(moment, datetime):
                moment = time_within(marks, index, end, scan) or moment
            self.last_day = mark.day
            if self.current is None and not report.known:
                continue
            undated_from = None
            self.add(moment, report.label, report.meaning, report.office)
        self._undated(text, undated_from, len(text))

    def _undated(self, text: str, start: int | None, end: int) -> None:
        """Labels of a number for which no date was found: 「123-45-67890-1 お届け済み」."""
        if start is None:
            return
        for line in text[start:end].split("\n"):
            cells = line.split("\t") if "\t" in line else [line]
            for place, cell in enumerate(cells):
                words = cell.split()
                while words and PRODUCT.search(narrow(words[0])):
                    words.pop(0)
                report = read_report("\t".join([" ".join(words), *cells[place + 1 :]]), self.labels) if words else None
                if report and (report.known or self.labels.has(words[0])):
                    self.add(None, report.label, report.meaning, report.office)
                    break


def _is_number(cell: str) -> bool:
    try:
        parse_number(cell)
    except NotATrackingNumber:
        return False
    return True
