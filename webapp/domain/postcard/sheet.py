"""The sheet of the sealed postcard (圧着はがき, V fold): checked, then typeset, two pages a card.

Trim 200 x 148 mm and 3 mm bleed. Page 1 outside: outer back, address side. Page 2 inside: left, right. The geometry
stands in docs/postcard.md with its sources (Japan Post: postcards, 料金後納, customer barcode).
"""

import json
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cache, lru_cache
from pathlib import Path

import pylopdf_fonts_jp
import typst

from webapp.domain.core.language import LANGUAGES
from webapp.domain.postcard import words
from webapp.domain.postcard.address import AddressRule, PostalAddress, parse_address
from webapp.domain.postcard.barcode import Geometry
from webapp.domain.postcard.code_text import is_code, mask_code, show_code
from webapp.domain.postcard.fontfile import sans, serif
from webapp.domain.postcard.layout import BLANK, POINT_MM, Setting, cells, fit_columns, fit_line, missing_glyphs
from webapp.domain.postcard.pictures import bars_picture, qr_picture
from webapp.domain.postcard.states import HoldReason

WIDTH, HEIGHT, PANEL, BLEED = 200.0, 148.0, 100.0, 3.0
CARDS_A_PART = 1000
BARCODE = Geometry(9.0)
BARCODE_LEFT = (PANEL - BARCODE.width) / 2
BARCODE_TOP = HEIGHT - 10.0 - BARCODE.height
FRAME_TOP, FRAME_WIDTH, FRAME_HEIGHT = 12.0, 5.7, 8.0
# Seven frames end 8.0 mm from the right edge: three with a pitch of 7.0 mm, a gap of 1.9 mm, four with 6.8 mm.
FRAMES = (44.3, 51.3, 58.3, 65.9, 72.7, 79.5, 86.3)
ADDRESS_RIGHT, ADDRESS_TOP, ADDRESS_LENGTH = 91.0, 24.5, 104.0
NAME_TOP, NAME_LENGTH = 32.0, 96.0
SENDER_RIGHT, SENDER_BOTTOM, SENDER_LENGTH = 29.0, 128.5, 62.0
CODE_TOP, CODE_SIZE = 34.5, 11.0
BOX_HEIGHT = 17.0
CONTACT_LINES = 5
# Where the parts of the inside begin, in mm from the top: a second language needs more room.
INSIDE_TOPS = {
    "ja": {"rule": 25.5, "done": 40.0, "id": 54.5, "code": 76.0, "contact": 98.0},
    "en": {"rule": 28.0, "done": 41.5, "id": 64.0, "code": 84.5, "contact": 100.5},
}
# (points, most columns or lines), from the size that is wanted to the smallest that is still read with ease.
ADDRESS_STEPS = ((15, 3), (13, 3), (12, 4), (11, 4), (10, 5), (9, 5))
NAME_STEPS = ((28, 1), (25, 1), (22, 1), (19, 1), (17, 1), (15, 2), (13, 2), (11, 2), (10, 3))
SENDER_ADDRESS_STEPS = ((8, 1), (7.5, 2), (7, 2), (6.5, 2))
SENDER_NAME_STEPS = ((11, 1), (10, 1), (9, 1), (8, 2), (7, 2))
LINE_STEPS = ((13, 1), (11, 1), (10, 2), (9, 2), (8, 3))
SMALL_STEPS = ((8.5, 1), (8, 1), (7.5, 2), (7, 2))

_PUNCTUATION = frozenset("、。，．・：；？！（）「」『』【】〈〉《》〔〕［］｛｝")
_SHEET = Path(__file__).with_name("sheet.typ")
_FRAME = Path(__file__).with_name("frame.typ")


@dataclass(frozen=True)
class Hold:
    """One reason to wait: which part of the card it concerns (name, address) and the signs that do not print."""

    reason: HoldReason
    part: str
    signs: tuple[str, ...] = ()


@dataclass(frozen=True)
class PrintedCard:
    """One card as it is printed. `activation_code` has ten characters and is good for `code_days` days from mailing;
    `sign_in_url` carries neither ID nor code.
    """

    management_number: str
    print_number: int
    name: str
    postal_code: str
    address: str
    language: str
    technician_id: str
    activation_code: str
    sign_in_url: str
    code_days: int


@dataclass(frozen=True)
class PrintedSender:
    """Who sends. `post_office` stands in the mark 料金後納郵便; `contact` stands inside, line by line."""

    name: str
    postal_code: str
    address: str
    telephone: str
    post_office: str
    contact: tuple[str, ...]


class SheetError(ValueError):
    """What was given cannot be printed: a card that should be on hold, or a sender that does not fit."""


def check(card: PrintedCard) -> tuple[Hold, ...]:
    """Return every reason why a card must not be printed yet, () if it can be."""
    return _prepare(card).holds


def inspect(card: PrintedCard) -> tuple[PostalAddress, tuple[Hold, ...]]:
    """Return the address as it was read, and what `check` says."""
    prepared = _prepare(card)
    return prepared.address, prepared.holds


def check_sender(sender: PrintedSender) -> None:
    """Raise SheetError, with the part that is wrong, for a sender that cannot be printed."""
    _sender_data(sender)


@dataclass(frozen=True)
class _Prepared:
    """A card read and measured once: what holds it, or where its texts go."""

    address: PostalAddress
    holds: tuple[Hold, ...]
    name: Setting | None
    text: Setting | None
    name_line: tuple[float, tuple[str, ...]] | None


def _prepare(card: PrintedCard) -> _Prepared:
    address = parse_address(card.postal_code, card.address)
    name, name_line = _set_name(card.name), _name_line(card.name)
    text = _set_address(card.address) if address.valid else None
    holds = list(_content_holds(card, address))
    if name is None or name_line is None:
        holds.append(Hold(HoldReason.TEXT_OVERFLOW, "name"))
    if text is None and address.valid:
        holds.append(Hold(HoldReason.TEXT_OVERFLOW, "address"))
    return _Prepared(address, tuple(holds), name, text, name_line)


def _content_holds(card: PrintedCard, address: PostalAddress) -> Iterable[Hold]:
    if not address.valid:
        yield Hold(HoldReason.NO_USABLE_ADDRESS, "address")
    elif AddressRule.CODE_ADDRESS_DISAGREE in address.findings:
        yield Hold(HoldReason.CODE_ADDRESS_DISAGREE, "address")
    if not card.name.strip():
        yield Hold(HoldReason.NO_NAME, "name")
    for part, text in (("name", card.name), ("address", card.address)):
        signs = missing_glyphs(text, (serif(), sans()))
        if signs:
            yield Hold(HoldReason.MISSING_GLYPH, part, signs)


def _set_name(name: str) -> Setting | None:
    row = list(cells(name, serif()))
    if row and row[-1].sideways:
        row[-1] = replace(row[-1], length=row[-1].length + BLANK)
    row += cells(words.OUTSIDE["to"], serif())
    return fit_columns(row, NAME_LENGTH, NAME_STEPS, joined_first=True)


def _set_address(text: str) -> Setting | None:
    return fit_columns(cells(text, serif(), numerals=True), ADDRESS_LENGTH, ADDRESS_STEPS)


def _name_line(name: str) -> tuple[float, tuple[str, ...]] | None:
    return fit_line(f"{name.strip()}　{words.INSIDE['ja']['to']}", serif(), 84.0, LINE_STEPS)


def _spread(setting: Setting) -> float:
    """Return the blank between the signs of a name in points: short names are spread as by a writer's hand."""
    if len(setting.columns) > 1:
        return 0.0
    free = 0.75 * NAME_LENGTH / POINT_MM - setting.length(0)
    return max(0.0, min(free / len(setting.columns[0]), 0.4 * setting.points))


def _columns(setting: Setting, spread: float = 0.0) -> dict:
    """Turn a setting into typst's data: runs of upright signs (one a line), words, blanks."""
    columns = []
    for column in setting.columns:
        runs: list[str | dict] = []
        upright: list[str] = []
        for cell in column:
            apart = cell.blank or cell.sideways
            if (apart or cell.air) and upright:
                runs.append("\n".join(upright))
                upright = []
            if apart:
                runs.append({"word": cell.text, "length": cell.length})
            else:
                if cell.air:
                    runs.append({"word": "", "length": cell.air})
                # A word joiner at both sides keeps typst from halving punctuation at the ends of a line.
                upright.append(f"\u2060{cell.text}\u2060" if cell.text in _PUNCTUATION else cell.text)
        if upright:
            runs.append("\n".join(upright))
        columns.append(runs)
    return {"points": setting.points, "spread": spread, "columns": columns}


def _lines(fitted: tuple[float, tuple[str, ...]] | None, part: str) -> dict:
    if fitted is None:
        raise SheetError(f"{part} is too long for the postcard")
    return {"points": fitted[0], "lines": list(fitted[1])}


def _format_postal_code(code: str) -> str:
    return f"〒{code[:3]}-{code[3:]}"


@lru_cache(maxsize=4)
def _sender_data(sender: PrintedSender) -> dict:
    """Fit the sender once; raise SheetError with the part that does not print or fit."""
    code = parse_address(sender.postal_code, sender.address)
    if code.errors:
        raise SheetError(f"the sender's address cannot be used: {code.errors[0]}")
    for text in (sender.name, sender.address, sender.telephone, sender.post_office, *sender.contact):
        signs = missing_glyphs(text, (sans(), serif()))
        if signs:
            raise SheetError(f"the sender has signs that do not print: {''.join(signs)}")
    address = fit_columns(cells(sender.address, sans(), numerals=True), SENDER_LENGTH, SENDER_ADDRESS_STEPS)
    name = fit_columns(cells(sender.name, sans()), SENDER_LENGTH, SENDER_NAME_STEPS, joined_first=True)
    if address is None or name is None:
        raise SheetError("the sender's name or address is too long for the postcard")
    contact = [_lines(fit_line(line, sans(), 84.0, SMALL_STEPS), "a contact line") for line in sender.contact]
    if sum(len(entry["lines"]) for entry in contact) > CONTACT_LINES:
        raise SheetError(f"the contact centre takes more than {CONTACT_LINES} lines")
    telephone = f"{words.OUTSIDE['telephone']} {sender.telephone}"
    longest = max(block.length(place) for block in (address, name) for place in range(len(block.columns)))
    return {
        "top": SENDER_BOTTOM - longest * POINT_MM,
        "postal_code": _format_postal_code(code.postal_code),
        "telephone": telephone,
        "address": _columns(address),
        "name": _columns(name),
        "name_offset": len(address.columns) * address.points * POINT_MM * 1.35 + 2.0,
        "office": _lines(fit_line(sender.post_office, sans(), 20.0, ((9, 1), (8, 1), (7, 1), (6, 2))), "post office"),
        "back": {
            "address": _lines(fit_line(sender.address, sans(), 72.0, ((9, 2), (8, 3))), "the sender's address"),
            "name": _lines(fit_line(sender.name, sans(), 72.0, ((12, 1), (10, 2), (9, 3))), "the sender's name"),
        },
        "contact": contact,
    }


def _card_data(card: PrintedCard, mask: bool, insides: list["_Inside"], many: bool = False) -> dict:
    prepared = _prepare(card)
    name, text = prepared.name, prepared.text
    if prepared.holds or name is None or text is None:
        reasons = ", ".join(hold.reason for hold in prepared.holds)
        raise SheetError(f"card {card.management_number} must be on hold: {reasons}")
    if not is_code(card.activation_code):
        raise SheetError(f"card {card.management_number} has no activation code of ten characters")
    if card.language not in LANGUAGES:
        raise SheetError(f"card {card.management_number} has an unknown language")
    inside = (card.language, card.sign_in_url, card.code_days)
    if inside not in insides:
        insides.append(inside)
    barcode = prepared.address.barcode
    ident = card.technician_id
    return {
        "postal_code": list(prepared.address.postal_code),
        "address": _columns(text),
        "name": _columns(name, _spread(name)),
        "name_half": name.points * POINT_MM * (1 + 1.35 * (len(name.columns) - 1)) / 2,
        "name_line": _lines(prepared.name_line, "the name"),
        "bars": bars_picture(barcode.bars, BARCODE) if barcode else None,
        "code_picture": qr_picture(card.management_number, many),
        "management_number": card.management_number,
        "technician_id": " ".join(part for part in (ident[:4], ident[4:8], ident[8:12], ident[12:]) if part),
        "activation_code": mask_code(card.activation_code) if mask else show_code(card.activation_code),
        # Page 1 of the frames is the outside.
        "language": card.language,
        "inside_page": insides.index(inside) + 2,
    }


_GEOMETRY = {
    "width": WIDTH,
    "height": HEIGHT,
    "panel": PANEL,
    "bleed": BLEED,
    "frames": FRAMES,
    "frame_top": FRAME_TOP,
    "frame_width": FRAME_WIDTH,
    "frame_height": FRAME_HEIGHT,
    "address_right": ADDRESS_RIGHT,
    "address_top": ADDRESS_TOP,
    "name_top": NAME_TOP,
    "sender_right": SENDER_RIGHT,
    "code_top": CODE_TOP,
    "code_size": CODE_SIZE,
    "tops": INSIDE_TOPS,
    "box_height": BOX_HEIGHT,
    "barcode_left": BARCODE_LEFT,
    "barcode_top": BARCODE_TOP,
    "barcode_width": BARCODE.width,
}


@cache
def packaged_fonts() -> typst.Fonts:
    """The two packaged fonts, and nothing of the system: a sheet looks the same everywhere."""
    folder = str(pylopdf_fonts_jp.sans_path().parent)
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[folder])


# What the insides of some cards share: language, address of the sign-in page, days of the code.
_Inside = tuple[str, str, int]

# typst keeps one world a process; two renders at once only take twice the memory.
_render = threading.Lock()


def _compile(template: Path, data: dict, **output) -> bytes:
    inputs = {"data": json.dumps(data, ensure_ascii=False)}
    with _render:
        compiler = typst.Compiler(str(template), font_paths=packaged_fonts(), ignore_system_fonts=True)
        return compiler.compile(sys_inputs=inputs, **output)


@lru_cache(maxsize=8)
def _frames(sender: PrintedSender, insides: tuple["_Inside", ...], marks: bool) -> tuple[int, ...]:
    """Typeset what all cards share, once: a PDF (as numbers for typst) with the outside and each inside."""
    data = {
        "geometry": _GEOMETRY,
        "outside": words.OUTSIDE,
        "inside": words.INSIDE,
        "sender": _sender_data(sender),
        "insides": [{"language": language, "link": _link(url), "days": str(days)} for language, url, days in insides],
        "marks": marks,
    }
    return tuple(_compile(_FRAME, data, format="pdf", pdf_tags=False))


def _link(url: str) -> dict:
    fitted = _lines(fit_line(url, sans(), 78.0, ((9, 1), (8, 1), (7.5, 2))), "the sign-in URL")
    return {**fitted, "picture": qr_picture(url)}


def _typeset(
    cards: Sequence[PrintedCard], sender: PrintedSender, marks: bool, mask: bool, side: str, **output
) -> bytes:
    insides: list[_Inside] = []
    data = {
        "geometry": _GEOMETRY,
        "cards": [_card_data(card, mask, insides, len(cards) > 100) for card in cards],
        "frames": _frames(sender, tuple(insides), marks),
        "side": side,
    }
    return _compile(_SHEET, data, **output)


def render_part(cards: Sequence[PrintedCard], sender: PrintedSender, marks: bool = False) -> bytes:
    """Return one PDF with two pages a card in the order given (at most 1,000 cards).

    Raises SheetError for a card that `check` would hold, and for a sender that does not fit.
    """
    if not 0 < len(cards) <= CARDS_A_PART:
        raise SheetError(f"a part holds 1 to {CARDS_A_PART} cards")
    return _typeset(cards, sender, marks, False, "", format="pdf", pdf_tags=False)


SIDES = ("address", "outside", "inside")


def preview(
    card: PrintedCard, sender: PrintedSender, side: str, mask_code: bool = True, ppi: float = 144.0, marks: bool = False
) -> bytes:
    """Return one side of a card as PNG: the address side as trimmed, outside and inside with their bleed.

    `ppi` are pixels an inch. SheetError for a side that is none, and for texts that do not fit.
    """
    if side not in SIDES:
        raise SheetError(f"a side is one of {', '.join(SIDES)}")
    return _typeset([card], sender, marks, mask_code, side, format="png", ppi=ppi)
