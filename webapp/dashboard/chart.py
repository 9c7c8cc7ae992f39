"""Charts as plain values: drawn as small inline SVG by a template, or handed to plotly as a figure.

Each value carries its words and the address of its cases, so that picture, table and plotly's figure say the same.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from flask_babel import gettext

from webapp.domain.exports.tables import Sheet

WIDTH, HEIGHT = 400, 190
LEFT, RIGHT, TOP, BOTTOM = 52, 6, 8, 24
ROW = 26
# Beyond this many parts a bar has no words of its own: the table beside it has the same.
MOST_WORDS = 45
# Beyond this many parts a bar is too narrow to be hit: the page then has outlines, and a page of the chart the rest.
MOST_BARS = 100
NAME = 148  # room for the names of a chart whose bars lie

# shade: colour for plotly; the stylesheet says the same for the SVG. One hue in steps, red for what is wrong.
SHADES = {
    "bad": "#ce0000",
    "a": "#0017c1",
    "b": "#4979f5",
    "c": "#9db7f9",
    "d": "#d9e6ff",
    "e": "#00118f",
    "gone": "#767676",
}


@dataclass(frozen=True)
class Cell:
    """A value, as it is written, and the list behind it ("" where there is none)."""

    value: float | None
    words: str
    address: str = ""


@dataclass(frozen=True)
class Series:
    """Values of one kind, one a category."""

    name: str
    shade: str
    cells: list[Cell]
    drawn: bool = True  # else it stands in the table alone
    unit: str = ""  # where it is another than the chart's


@dataclass(frozen=True)
class Chart:
    """A chart: what it is, what was found, what it says in a sentence, its categories and series."""

    id: str
    title: str
    says: str
    unit: str
    head: str  # what the categories are
    names: list[str]
    short: list[str]  # the names on the axis, "" where there is no room
    series: list[Series]
    hollow: list[bool] = field(default_factory=list)
    hollow_words: str = ""
    notes: list[str] = field(default_factory=list)  # beside each category in the table, "" for none
    lying: bool = False  # bars from the left, one below the other
    stacked: bool = True
    threshold: float | None = None
    threshold_words: str = ""
    percent: bool = False
    empty: str = ""  # a sentence when there is nothing at all
    little: str = ""  # a sentence in place of the picture when there is too little to draw; the table stays
    finding: str = ""  # the heading in words, where there is something to say

    @property
    def drawn(self) -> list[Series]:
        """The series of the picture."""
        return [series for series in self.series if series.drawn]

    @property
    def most(self) -> float:
        """The largest value that the axis has to reach."""
        tops = []
        for place in range(len(self.names)):
            values = [series.cells[place].value or 0 for series in self.drawn]
            tops.append(sum(values) if self.stacked else max(values, default=0))
        return max([*tops, self.threshold or 0])


@dataclass(frozen=True)
class Bar:
    """A rectangle of the picture."""

    x: float
    y: float
    width: float
    height: float
    shade: str
    words: str
    address: str


@dataclass(frozen=True)
class Area:
    """The outline of many bars of one series, as the path of an SVG."""

    shade: str
    path: str
    words: str


@dataclass(frozen=True)
class Label:
    """A word of the picture."""

    x: float
    y: float
    words: str


@dataclass(frozen=True)
class Picture:
    """What the template draws, in units of its view box."""

    width: int
    height: int
    bars: list[Bar]
    ticks: list[Label]
    names: list[Label]
    line: float | None = None  # the threshold's y
    lying: bool = False
    areas: list[Area] = field(default_factory=list)  # in place of bars, where they are too many
    worded: bool = True  # whether each bar says what it is


def steps(most: float) -> list[float]:
    """Return the marks of an axis from zero: at most five, at 1, 2 or 5 times a power of ten."""
    if most <= 0:
        return [0, 1]
    size = 10.0**-3
    while True:
        for factor in (1, 2, 5):
            if most <= size * factor * 4:
                step = size * factor
                count = 1
                while step * count < most - 1e-9:
                    count += 1
                return [round(step * n, 6) for n in range(count + 1)]
        size *= 10


def is_long(chart: Chart) -> bool:
    """Return whether a chart has too many parts for a page of charts."""
    return not chart.lying and len(chart.names) > MOST_BARS


def picture_of(chart: Chart, outlined: bool = False) -> Picture:
    """Return the geometry of a chart; `outlined`: without a bar for each value, for a chart with many of them."""
    return _lying(chart) if chart.lying else _standing(chart, outlined)


def _axis(chart: Chart) -> list[float]:
    most = chart.most
    # People and mails come whole: no marks between them.
    return steps(most if chart.percent else max(most, 4))


def _mark(chart: Chart, value: float) -> str:
    return f"{value * 100:g}%" if chart.percent else f"{value:,g}"


def _standing(chart: Chart, outlined: bool) -> Picture:
    marks = _axis(chart)
    top, floor = TOP, HEIGHT - BOTTOM
    scale = (floor - top) / marks[-1]
    slot = (WIDTH - LEFT - RIGHT) / max(1, len(chart.names))
    gap = min(4.0, slot * 0.2)
    bars = []
    for place in range(0 if outlined else len(chart.names)):
        x, width = LEFT + slot * place + gap / 2, slot - gap
        beneath = 0.0
        for number, series in enumerate(chart.drawn):
            cell = series.cells[place]
            if not cell.value:
                continue
            height = cell.value * scale
            shade = series.shade + (" hollow" if chart.hollow and chart.hollow[place] else "")
            if chart.stacked:
                bars.append(_bar(x, floor - beneath - height, width, height, shade, chart, place, series.name, cell))
                beneath += height
            else:
                part = width / len(chart.drawn)
                bars.append(
                    _bar(x + part * number, floor - height, part, height, shade, chart, place, series.name, cell)
                )
    ticks = [Label(LEFT - 4, _r(floor - mark * scale), _mark(chart, mark)) for mark in marks]
    names = [
        Label(_r(LEFT + slot * (place + 0.5)), HEIGHT - 7, words) for place, words in enumerate(chart.short) if words
    ]
    line = _r(floor - chart.threshold * scale) if chart.threshold is not None else None
    areas = list(_areas(chart, scale, slot, floor)) if outlined else []
    return Picture(WIDTH, HEIGHT, bars, ticks, names, line, areas=areas, worded=len(chart.names) <= MOST_WORDS)


def _areas(chart: Chart, scale: float, slot: float, floor: int) -> Iterator[Area]:
    """Yield the outlines of the series, each before what stands in front of it; parts that are not over are hollow."""
    heights = [0.0] * len(chart.names)
    outlines = []
    for series in chart.drawn:
        values = [cell.value or 0 for cell in series.cells]
        heights = [h + v for h, v in zip(heights, values, strict=True)] if chart.stacked else values
        outlines.append((series, heights))
    # What is stacked on top is drawn first and covered from below.
    for series, tops in reversed(outlines) if chart.stacked else outlines:
        hollow = chart.hollow or [False] * len(tops)
        for empty in sorted(set(hollow)):
            shown = [top if is_empty == empty else 0 for top, is_empty in zip(tops, hollow, strict=True)]
            if any(shown):
                shade = series.shade + (" hollow" if empty else "")
                yield Area(shade, _outline([floor - top * scale for top in shown], slot, floor), series.name)


def _outline(tops: list[float], slot: float, floor: int) -> str:
    """The path along the tops of bars that touch, in whole units upwards: a step only where the height changes."""
    path, before = [f"M{LEFT} {floor}"], floor
    for place, top in enumerate(map(round, tops)):
        if top != before:
            path.append(f"H{_r(LEFT + slot * place)}V{top}")
            before = top
    return "".join(path) + f"H{_r(LEFT + slot * len(tops))}V{floor}z"


def _lying(chart: Chart) -> Picture:
    marks = _axis(chart)
    height = TOP + ROW * max(1, len(chart.short)) + 4
    room = WIDTH - NAME - 52
    scale = room / marks[-1]
    bars, names, ticks = [], [], []
    for place, short in enumerate(chart.short):
        y, x = TOP + ROW * place, float(NAME)
        names.append(Label(NAME - 6, y + 16, short))
        for series in chart.drawn:
            cell = series.cells[place]
            if not cell.value:
                continue
            bars.append(_bar(x, y + 3, cell.value * scale, ROW - 8, series.shade, chart, place, series.name, cell))
            x += cell.value * scale
        total = sum(series.cells[place].value or 0 for series in chart.drawn)
        ticks.append(Label(_r(x + 5), y + 16, f"{total * 100:.1f}%" if chart.percent else f"{total:,g}"))
    return Picture(WIDTH, height, bars, ticks, names, None, True)


def _bar(x, y, width, height, shade, chart: Chart, place: int, name: str, cell: Cell) -> Bar:
    words = f"{chart.names[place]} {name} {cell.words}"
    if chart.lying:
        return Bar(_r(x), _r(y), max(_r(width), 0.5), _r(height), shade, words, cell.address)
    # Whole units upwards: the eye sees no less, and a page of them is a tenth lighter.
    top, foot = round(y), round(y + height)
    return Bar(_r(x), min(top, foot - 1), _r(width), max(foot - top, 1), shade, words, cell.address)


def _r(number: float) -> float | int:
    rounded = round(number, 1)
    return int(rounded) if rounded == int(rounded) else rounded


def thinned(names: list[str], most: int = 7) -> list[str]:
    """Return names of which so many stay that they do not touch; the others are ""."""
    interval = max(1, -(-len(names) // most))
    return [name if place % interval == 0 else "" for place, name in enumerate(names)]


def shortened(name: str, room: int = 20) -> str:
    """Return a name that fits beside its bar; a full-width character takes the room of two."""
    taken = 0
    for place, character in enumerate(name):
        taken += 1 if character.isascii() else 2
        if taken > room:
            return name[: place - 1] + "…"
    return name


def sheet_of(chart: Chart) -> Sheet:
    """Return a chart's table to take away: the words of the page, and beside words that are no number their value."""
    heading, columns, shares = [chart.head], [], set()
    for series in chart.series:
        if all(cell.value is None or cell.words == f"{cell.value:,}" for cell in series.cells):
            heading.append(f"{series.name} ({series.unit or chart.unit})")
            columns.append([cell.value for cell in series.cells])
            continue
        heading += [series.name, gettext("%(name)s（数値）", name=series.name)]
        columns += [[cell.words for cell in series.cells], [cell.value for cell in series.cells]]
        if chart.percent:
            shares.add(len(columns))
    if any(chart.notes):
        heading.append(gettext("注"))
        columns.append(chart.notes)
    rows = list(zip(chart.names, *columns, strict=True))
    notes = [words for words in (chart.says, chart.empty) if words]
    return Sheet(chart.title, heading, rows, frozenset(shares), notes)


def figure_of(chart: Chart) -> dict:
    """Return the figure for plotly.js: rounded lists, no template; `customdata` holds the address behind each value."""
    return {"data": [_trace(chart, series) for series in chart.drawn], "layout": _layout(chart)}


def _trace(chart: Chart, series: Series) -> dict:
    values = [None if cell.value is None else round(cell.value, 5) for cell in series.cells]
    hollow = chart.hollow or [False] * len(values)
    colour = SHADES[series.shade]
    trace = {
        "type": "bar",
        "name": series.name,
        "customdata": [cell.address for cell in series.cells],
        "hovertext": [cell.words for cell in series.cells],
        "hovertemplate": "%{" + ("y" if chart.lying else "x") + "}<br>%{hovertext}<extra>" + series.name + "</extra>",
        "marker": {
            "color": ["#ffffff" if empty else colour for empty in hollow],
            "line": {"color": colour, "width": 1},
        },
    }
    places = {"x": values, "y": chart.names, "orientation": "h"} if chart.lying else {"x": chart.names, "y": values}
    return trace | places


def _layout(chart: Chart) -> dict:
    numbers = {"rangemode": "tozero", "title": {"text": chart.unit}, "fixedrange": True, "gridcolor": "#d9d9d9"}
    if chart.percent:
        numbers |= {"tickformat": ".1%"}
    kinds = {"type": "category", "automargin": True}
    kinds |= {"dtick": 1} if chart.lying else {"tickangle": 0}
    if not chart.lying:  # the script takes those that fit
        marked = [(name, short) for name, short in zip(chart.names, chart.short, strict=True) if short]
        kinds |= {"tickvals": [name for name, _ in marked], "ticktext": [short for _, short in marked]}
    layout = {
        "barmode": "stack" if chart.stacked else "group",
        "dragmode": "zoom",
        "height": 80 + 30 * len(chart.names) if chart.lying else 340,
        "margin": {"l": 56, "r": 12, "t": 12, "b": 56},
        "font": {"size": 13, "color": "#333333"},
        "showlegend": False,  # the key above the picture stays and serves both
        "uirevision": chart.id,  # zoom and selection stay when new numbers come
        "xaxis": numbers if chart.lying else kinds,
        "yaxis": kinds | {"autorange": "reversed"} if chart.lying else numbers,
    }
    if chart.threshold is not None:
        layout["shapes"] = [
            {
                "type": "line",
                "xref": "paper",
                "x0": 0,
                "x1": 1,
                "y0": chart.threshold,
                "y1": chart.threshold,
                "line": {"color": "#ce0000", "width": 2, "dash": "dash"},
            }
        ]
    return layout
