"""The sheet: what is held back, what stands on which side, and where, read back from text and pixels."""

import io
import shutil
import subprocess
from dataclasses import replace
from functools import cache

import pypdf
import pytest
from PIL import Image, ImageChops

from tests.domain.postcard.cast import CARD, SENDER, card
from webapp.domain.postcard import words
from webapp.domain.postcard.address import parse_address
from webapp.domain.postcard.barcode import Geometry
from webapp.domain.postcard.pictures import qr_modules
from webapp.domain.postcard.sheet import (
    FRAMES,
    HEIGHT,
    Hold,
    SheetError,
    check,
    preview,
    render_part,
)
from webapp.domain.postcard.states import HOLD_SENTENCES, HoldReason

PDFTOPPM = shutil.which("pdftoppm")
PPI = 508
MM = PPI / 25.4
LONG_NAME = "ジャパンコンストラクションエンジニアリングサービス株式会社代表𠮷田髙﨑"
LONG_ADDRESS = (
    "京都府京都市中京区寺町通御池上る上本能寺前町999番地の1　グランドハイツレジデンス京都御池通アネックスタワー東館"
    "12階1204号室　株式会社とどけ建設工業方"
)
CASES = {
    "plain": CARD,
    "latin": card(name="Nguyen Van Anh", language="en", address="千葉市稲毛区緑町9-9 ABCマンション Maison Verte 1204"),
    "long": card(name=LONG_NAME, postal_code="604-0925", address=LONG_ADDRESS, language="en"),
    "kanji": card(name="𠮷野　髙﨑", address="千葉市稲毛区緑町一丁目９９（西棟）"),
}


@cache
def picture(name: str, side: str) -> Image.Image:
    return Image.open(io.BytesIO(preview(CASES[name], SENDER, side, ppi=PPI))).convert("L")


def ink(image: Image.Image, left: float, top: float, right: float, bottom: float):
    """The bounding box of everything darker than paper inside a region, all in mm; None if it is blank."""
    region = image.crop([round(edge * MM) for edge in (left, top, right, bottom)])
    box = region.point(lambda value: 255 if value < 200 else 0).getbbox()
    if box is None:
        return None
    return (left + box[0] / MM, top + box[1] / MM, left + box[2] / MM, top + box[3] / MM)


def read_bars(image: Image.Image) -> tuple[str, list[tuple[float, float, float, float]]]:
    """Read the customer barcode from the pixels: the states of the bars and the box of each in mm."""
    strip_top, strip_bottom = 132.0, 142.0
    strip = image.crop((0, round(strip_top * MM), image.width, round(strip_bottom * MM)))
    dark = strip.point(lambda value: 255 if value < 128 else 0)
    middle = dark.height * (HEIGHT - 10 - 1.62 - strip_top) / (strip_bottom - strip_top)
    row = [dark.getpixel((x, round(middle))) for x in range(dark.width)]
    boxes, x = [], 0
    while x < len(row):
        if row[x]:
            end = x
            while end < len(row) and row[end]:
                end += 1
            _, top, _, bottom = dark.crop((x, 0, end, dark.height)).getbbox()
            boxes.append((x / MM, strip_top + top / MM, (end - x) / MM, (bottom - top) / MM))
            x = end
        x += 1
    first_top = min(box[1] for box in boxes)
    last_bottom = max(box[1] + box[3] for box in boxes)
    states = {(True, True): "1", (True, False): "2", (False, True): "3", (False, False): "4"}
    bars = "".join(states[box[1] - first_top < 0.5, last_bottom - box[1] - box[3] < 0.5] for box in boxes)
    return bars, boxes


def page_texts(cards) -> list[str]:
    reader = pypdf.PdfReader(io.BytesIO(render_part(cards, SENDER)))
    # Word joiners keep punctuation in its place and are not seen.
    return [page.extract_text().replace("\u2060", "") for page in reader.pages]


@pytest.mark.parametrize("name", CASES)
def test_every_case_can_be_printed(name):
    assert check(CASES[name]) == ()


def test_the_barcode_is_read_back_from_the_pixels_in_its_sizes():
    bars, boxes = read_bars(picture("plain", "address"))
    assert bars == parse_address(CARD.postal_code, CARD.address).barcode.bars
    tolerance = 2 / MM
    geometry = Geometry(9)
    tall = {"1": 3.24, "2": 2.16, "3": 2.16, "4": 1.08}
    for place, (state, (x, _, width, height)) in enumerate(zip(bars, boxes, strict=True)):
        assert x == pytest.approx(boxes[0][0] + place * geometry.pitch, abs=tolerance)
        assert width == pytest.approx(0.54, abs=tolerance)
        assert height == pytest.approx(tall[state], abs=tolerance)
    left, right = boxes[0][0], boxes[-1][0] + boxes[-1][2]
    assert right - left == pytest.approx(71.82, abs=tolerance)
    bottom = max(y + height for _, y, _, height in boxes)
    assert left >= 10 and right <= 90 and bottom == pytest.approx(138, abs=tolerance)


@pytest.mark.parametrize("name", CASES)
def test_the_barcode_stands_alone_at_the_bottom(name):
    image = picture(name, "address")
    bars = ink(image, 0, 132.0, 100, 148)
    assert bars[3] <= 138.05
    top = 138 - 3.24
    assert ink(image, 0, top - 2, 100, top - 0.05) is None
    assert ink(image, 0, 138.05, 100, 148) is None
    assert ink(image, 0, top - 2, bars[0] - 0.02, 148) is None
    assert ink(image, bars[2] + 0.02, top - 2, 100, 148) is None


def test_the_frames_of_the_postal_code_stand_where_the_post_wants_them():
    image = picture("plain", "address")
    assert len(FRAMES) == 7
    for place, x in enumerate(FRAMES):
        box = ink(image, x - 0.5, 11.5, x + 6.2, 20.5)
        half = 0.25 if place < 3 else 0.15
        assert box == pytest.approx((x - half, 12 - half, x + 5.7 + half, 20 + half), abs=0.12)
        # The digit stands inside its frame and does not touch it.
        digit = ink(image, x + 0.6, 12.6, x + 5.1, 19.4)
        assert digit and digit[0] > x + 0.8 and digit[2] < x + 4.9 and digit[1] > 13 and digit[3] < 19
    assert FRAMES[-1] + 5.7 == pytest.approx(100 - 8.0)


def test_the_strokes_of_12_are_seen_as_two_numerals():
    image = Image.open(io.BytesIO(preview(card(address="千葉市稲毛区緑町12"), SENDER, "address", ppi=PPI))).convert("L")
    left, top, right, bottom = ink(image, 59, 24, 96, 132)
    column = image.crop([round(edge * MM) for edge in (left, top, right, bottom)])
    dark = [any(column.getpixel((x, y)) < 128 for x in range(column.width)) for y in range(column.height)]
    # From the lowest stroke upwards: the gap inside 二, then the one between 一 and 二.
    gaps = [len(gap) for gap in "".join("#" if row else " " for row in dark).split("#") if gap][::-1]
    assert gaps[1] > 1.3 * gaps[0]


def test_the_postage_mark_is_two_to_three_centimetres_at_the_upper_left():
    left, top, right, bottom = ink(picture("plain", "address"), 0, 0, 35, 33)
    assert left < 10 and top < 10
    assert 20 <= right - left <= 30
    assert 20 <= bottom - top <= 30


def test_the_management_number_is_read_back_from_the_modules_on_the_card():
    image = picture("plain", "address")
    rows = qr_modules(CARD.management_number)
    left, top, right, bottom = ink(image, 5, 33, 22, 46.5)
    assert (right - left, bottom - top) == pytest.approx((11, 11), abs=0.1)
    step = 11 / len(rows)
    middles = [(place + 0.5) * step for place in range(len(rows))]
    seen = tuple(
        "".join("1" if image.getpixel((round((left + x) * MM), round((top + y) * MM))) < 128 else "0" for x in middles)
        for y in middles
    )
    assert seen == rows
    # Four modules of quiet zone on every side.
    quiet = 4 * step
    for edge in ((left - quiet, top - quiet, right + quiet, top - 0.05), (right + 0.05, top, right + quiet, bottom)):
        assert ink(image, *edge) is None
    assert ink(image, left - quiet, bottom + 0.05, right + quiet, bottom + quiet - 0.1) is None


def test_a_part_made_again_is_the_same_to_the_byte():
    assert render_part([CARD, CASES["latin"]], SENDER) == render_part([CARD, CASES["latin"]], SENDER)


@pytest.mark.parametrize("name", CASES)
def test_nothing_is_cut_at_an_edge_or_runs_into_its_neighbour(name):
    image = picture(name, "address")
    for edge in ((0, 0, 4, 148), (96, 0, 100, 148), (0, 0, 100, 3), (0, 144, 100, 148)):
        assert ink(image, *edge) is None
    # Address, name and sender keep clear of the frames, of each other and of the barcode's blank.
    assert ink(image, 42, 20.4, 100, 23.5) is None
    address = ink(image, 59.0, 23.5, 96, 132)
    assert address[1] >= 24 and address[3] <= 129 and address[2] <= 92
    for x in (32, 58.5):
        assert ink(image, x, 31, x + 0.2, 132) is None, x
    inside = picture(name, "inside")
    for left, right in ((0, 10), (96, 110), (196, 206)):
        assert ink(inside, left, 0, right, 154) is None
    assert ink(inside, 0, 0, 206, 10) is None
    assert ink(inside, 0, 144, 206, 154) is None


def test_crop_and_fold_marks_stand_in_the_bleed_only():
    marked = Image.open(io.BytesIO(preview(CARD, SENDER, "inside", ppi=PPI, marks=True))).convert("L")
    plain = picture("plain", "inside")
    assert (marked.width / MM, marked.height / MM) == pytest.approx((206, 154), abs=0.1)
    # Corners and fold, above and below; left and right of each corner.
    for x in (3, 103, 203):
        for top in (0, 152):
            box = ink(marked, x - 1, top, x + 1, top + 2)
            assert (box[0] + box[2]) / 2 == pytest.approx(x, abs=0.1)
            assert ink(plain, x - 1, top, x + 1, top + 2) is None
    for y in (3, 151):
        for left in (0, 204):
            box = ink(marked, left, y - 1, left + 2, y + 1)
            assert (box[1] + box[3]) / 2 == pytest.approx(y, abs=0.1)
    trimmed = [round(edge * MM) for edge in (3.05, 3.05, 202.95, 150.95)]
    assert marked.crop(trimmed).tobytes() == plain.crop(trimmed).tobytes()


@pytest.mark.parametrize("marks", [False, True])
def test_a_printer_finds_the_trimmed_sheet_and_its_bleed_in_the_boxes_of_each_page(marks):
    pages = pypdf.PdfReader(io.BytesIO(render_part([CARD, CASES["latin"]], SENDER, marks=marks))).pages
    assert len(pages) == 4
    for page in pages:
        assert "/TrimBox" in page
        for box, expected in (
            (page.trimbox, (3, 3, 203, 151)),
            (page.bleedbox, (0, 0, 206, 154)),
            (page.mediabox, (0, 0, 206, 154)),
        ):
            assert [float(side) * 25.4 / 72 for side in box] == pytest.approx(expected, abs=0.01)


@pytest.mark.skipif(not PDFTOPPM, reason="pdftoppm is not installed")
@pytest.mark.parametrize(("place", "side"), [(1, "outside"), (2, "inside")])
def test_the_printers_pages_look_like_the_previews(place, side, tmp_path):
    # The one who prints reads the file with another program than the one that wrote it.
    (tmp_path / "part.pdf").write_bytes(render_part([CARD], SENDER, marks=True))
    pages = ["-f", str(place), "-l", str(place), "-r", "100", "-png", "-singlefile", "part.pdf", "page"]
    subprocess.run([PDFTOPPM, *pages], cwd=tmp_path, check=True)
    printed = Image.open(tmp_path / "page.png").convert("L")
    shown = Image.open(io.BytesIO(preview(CARD, SENDER, side, mask_code=False, ppi=100, marks=True))).convert("L")
    assert abs(printed.width - shown.width) <= 1 and abs(printed.height - shown.height) <= 1
    # Blurred, so that only what stands elsewhere or is missing counts, not how edges are smoothed.
    size = (103, 77)
    difference = ImageChops.difference(*(image.resize(size, Image.Resampling.BOX) for image in (printed, shown)))
    assert difference.getextrema()[1] < 90


def test_the_outside_carries_name_address_sender_and_number_and_nothing_else():
    outside, inside = page_texts([CASES["plain"]])
    allowed = "".join(
        [
            CARD.name,
            CARD.management_number,
            "千葉県千葉市稲毛区緑町一丁目九九―八みどりハイツ四〇三号",
            "2630023",
            SENDER.name,
            "〒105-0001",
            SENDER.address,
            "東京都港区虎ノ門九―九―九とどけビル八階",
            SENDER.telephone,
            SENDER.post_office,
            *(text for value in words.OUTSIDE.values() for text in ([value] if isinstance(value, str) else value)),
        ]
    )
    assert set("".join(outside.split())) <= set(allowed)
    for secret in (CARD.technician_id, "1234 5678 9012 34", CARD.activation_code, "7QK2M", "9XW4T", "技能者", "todoke"):
        assert secret not in outside
        assert secret not in "".join(outside.split())
    flat = "".join(outside.split())
    for expected in ("郵便はがき", "料金後納郵便", "佐藤", "健一", "様", CARD.management_number, "銀座郵便局"):
        assert expected in flat
    # Each number of the outside is one of those that may stand there.
    digits = "".join(sign for sign in outside if sign.isdecimal())
    may = ["2630023", "7392473924", "1050001", "1050001", "0300000000", "0300000000", "9998"]
    assert sorted(digits) == sorted("".join(may))
    assert "1234 5678 9012 34" in inside and "7QK2M-9XW4T" in inside


def test_pages_stand_in_the_order_of_the_cards():
    people = ["青木　一", "井上　二", "上田　三"]
    texts = page_texts([card(name=name, management_number=f"M-{n}") for n, name in enumerate(people)])
    assert len(texts) == 6
    for n, name in enumerate(people):
        assert f"M-{n}" in texts[2 * n]
        assert name.split()[0] in "".join(texts[2 * n].split())
        assert name.split()[0] in texts[2 * n + 1]


def test_the_inside_speaks_the_persons_language_beside_japanese():
    ja = page_texts([CARD])[1]
    en = page_texts([card(language="en")])[1]
    assert "サインインのしかた" in ja and "How to sign in" not in ja
    assert "サインインのしかた" in en and "How to sign in" in en
    assert "お問い合わせセンター" in ja and SENDER.contact[2].split()[1] in ja


@pytest.mark.parametrize("language", ["ja", "en"])
def test_the_inside_names_the_days_for_which_the_code_is_good(language):
    texts = page_texts([card(language=language, code_days=45), card(language=language)])
    assert "差出日から45日間" in texts[1] and "差出日から60日間" in texts[3]
    assert ("within 45 days" in texts[1]) == (language == "en")
    assert not any("{" in text for text in texts)


def test_a_preview_masks_the_code_unless_told_otherwise():
    masked = preview(CARD, SENDER, "inside")
    assert masked == preview(card(activation_code="0000000000"), SENDER, "inside")
    assert masked != preview(CARD, SENDER, "inside", mask_code=False)
    image = Image.open(io.BytesIO(preview(CARD, SENDER, "address", ppi=127)))
    assert image.size == (500, 740)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"address": ""}, Hold(HoldReason.NO_USABLE_ADDRESS, "address")),
        ({"postal_code": "26300"}, Hold(HoldReason.NO_USABLE_ADDRESS, "address")),
        ({"address": "大阪府大阪市北区梅田9-9"}, Hold(HoldReason.CODE_ADDRESS_DISAGREE, "address")),
        ({"name": "　"}, Hold(HoldReason.NO_NAME, "name")),
        ({"name": "佐藤☺"}, Hold(HoldReason.MISSING_GLYPH, "name", ("☺",))),
        ({"name": "สมชาย"}, Hold(HoldReason.MISSING_GLYPH, "name", tuple("สมชาย"))),
        ({"name": "佐藤\U000e01ef"}, Hold(HoldReason.MISSING_GLYPH, "name", ("藤\U000e01ef",))),
        ({"name": "長" * 120}, Hold(HoldReason.TEXT_OVERFLOW, "name")),
        ({"address": "千葉市稲毛区緑町9-9" + "長" * 180}, Hold(HoldReason.TEXT_OVERFLOW, "address")),
    ],
)
def test_a_card_that_cannot_be_printed_is_held_with_its_reason(changes, expected):
    held = card(**changes)
    assert expected in check(held)
    with pytest.raises(SheetError, match=expected.reason):
        render_part([held], SENDER)


def test_every_reason_to_hold_has_its_sentence():
    assert set(HOLD_SENTENCES) == set(HoldReason)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"contact": ("一行",) * 6}, "contact"),
        ({"contact": ("長" * 300,)}, "contact"),
        ({"name": "長" * 200}, "sender"),
        ({"name": "とどけ☺"}, "☺"),
        ({"postal_code": "105"}, "code_format"),
        ({"post_office": "長" * 40}, "post office"),
    ],
)
def test_a_sender_that_cannot_be_printed_is_refused_with_the_part(changes, word):
    with pytest.raises(SheetError, match=word):
        preview(CARD, replace(SENDER, **changes), "outside")


def test_what_no_card_may_have_is_refused():
    for bad in ({"activation_code": "short"}, {"language": "fr"}):
        with pytest.raises(SheetError):
            render_part([card(**bad)], SENDER)
    with pytest.raises(SheetError, match="1 to 1000"):
        render_part([], SENDER)
    with pytest.raises(SheetError, match="a side is"):
        preview(CARD, SENDER, "top")
