"""Which words belong to which date in running text: the label may stand behind it, before it or above it."""

import re
from datetime import date, datetime

from webapp.domain.cards.tracking.columns import without_key
from webapp.domain.cards.tracking.labels import Labels
from webapp.domain.cards.tracking.lines import LineReport, read_report
from webapp.domain.cards.tracking.marks import FoundMark, Mark, narrow

PRODUCT = re.compile(r"(?:書留|郵便|記録|パック|パケット|registered|mail|\d+[.)]?)$", re.IGNORECASE)
_LABEL_SUFFIX = re.compile(r"\s*(?:日時|年月日|日)$")

# By the start of a date: where its label starts, and the label.
LabelFirst = dict[int, tuple[int, str]]


def body_end(scan: str, marks: list[FoundMark], index: int, first: LabelFirst) -> int:
    """Where the words behind a date end: at the next date, number or time that begins a line."""
    for place in range(index + 1, len(marks)):
        later = marks[place]
        if later.mark is Mark.TIME and not _begins_line(scan, later.start):
            continue
        if later.start in first:
            return max(first[later.start][0], marks[index].end)
        return later.start
    return len(scan)


def time_within(marks: list[FoundMark], index: int, end: int, scan: str) -> datetime | date | None:
    """The time that stands in the same line behind the label, for a date that has none."""
    line_end = scan.find("\n", marks[index].end)
    limit = min(end, len(scan) if line_end < 0 else line_end)
    for place in range(index + 1, len(marks)):
        later = marks[place]
        if later.start >= limit:
            return None
        if later.mark is Mark.TIME:
            return FoundMark(Mark.DATE, 0, 0, day=marks[index].day, clock=later.clock).moment
    return None


def _begins_line(scan: str, at: int) -> bool:
    return not scan[scan.rfind("\n", 0, at) + 1 : at].strip()


def label_first(text: str, scan: str, marks: list[FoundMark], labels: Labels) -> LabelFirst:
    """Dates whose label stands before them, in the line or as the line above: date's start → (label's start, label).

    「お届け済み 11/20 10:05」 is one. 「11/20 配達希望受付 11/22」 is none: the second date is a detail of the first.
    """
    found: LabelFirst = {}
    cursor = 0
    before: FoundMark | None = None
    for index, mark in enumerate(marks):
        if mark.mark is Mark.DATE:
            line = scan.rfind("\n", 0, mark.start) + 1
            start = max(cursor, line)
            if not scan[start : mark.start].strip() or without_key(text[start : mark.start]).strip() == "":
                start = max(cursor, _line_above(scan, line))
            label = _label_before(text[start : mark.start], labels)
            follows = before is not None and before.mark is Mark.DATE and before.end > line
            if label and (not follows or (before is not None and before.start in found)):
                rest = _rest_of_line(text, scan, marks, index)
                below = not rest.strip()
                report = _report_below(text, scan, marks, index, labels) if below else read_report(rest, labels)
                if report is None or not report.known:
                    found[mark.start] = (start, label)
        if mark.mark is not Mark.TIME:
            cursor, before = mark.end, mark
    return found


def _line_above(scan: str, line: int) -> int:
    """The start of the nearest line above `line` that is not blank."""
    end = line
    while end and scan[end - 1].isspace():
        end -= 1
    return scan.rfind("\n", 0, end) + 1


def _rest_of_line(text: str, scan: str, marks: list[FoundMark], index: int) -> str:
    line_end = scan.find("\n", marks[index].end)
    stop = marks[index + 1].start if index + 1 < len(marks) else len(scan)
    return text[marks[index].end : min(stop, len(scan) if line_end < 0 else line_end)]


def _report_below(text: str, scan: str, marks: list[FoundMark], index: int, labels: Labels) -> LineReport | None:
    """What the line below a date that ends its line says."""
    start = scan.find("\n", marks[index].end)
    if start < 0:
        return None
    stop = marks[index + 1].start if index + 1 < len(marks) else len(scan)
    return read_report(text[start + 1 : stop].lstrip("\n").split("\n")[0], labels)


def without_details(
    text: str,
    scan: str,
    marks: list[FoundMark],
    first: LabelFirst,
    labels: Labels,
) -> list[FoundMark]:
    """The marks without the dates that stand in a line behind a report and have no label: wishes, promises."""
    kept: list[FoundMark] = []
    for index, mark in enumerate(marks):
        behind = kept[-1] if kept else None
        if (
            mark.mark is Mark.DATE
            and behind is not None
            and behind.mark is Mark.DATE
            and "\n" not in scan[behind.end : mark.start]
            and scan[behind.end : mark.start].strip()
            and mark.start not in first
        ):
            report = read_report(_rest_of_line(text, scan, marks, index), labels)
            if report is None or not report.known:
                continue
        kept.append(mark)
    return kept


def _label_before(text: str, labels: Labels) -> str | None:
    original = without_key(narrow(text).strip()).split()
    for skip in range(len(original)):
        if all(PRODUCT.search(word) for word in original[:skip]):
            joined = "".join(original[skip:]).rstrip(":(")
            if labels.has(joined):
                return joined
            bare = _LABEL_SUFFIX.sub("", joined)
            if bare != joined and labels.has(bare):
                return bare
    return None
