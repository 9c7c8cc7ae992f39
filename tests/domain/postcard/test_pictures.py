"""The QR code of a management number, put together from parts, is the one that an encoder makes."""

import re

import pytest
import segno
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from webapp.domain.postcard.pictures import qr_modules, qr_picture


@examples(60)
@given(st.sampled_from((5, 11)), st.data())
def test_a_code_put_together_is_the_encoders_own(length, data):
    text = data.draw(st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ-", min_size=length, max_size=length))
    encoded = segno.make(text, error="m", mask=2, mode="byte", boost_error=False, micro=False)
    rows = tuple("".join(str(int(dark)) for dark in row) for row in encoded.matrix)
    assert qr_modules(text, many=True) == rows
    assert qr_modules(text) == rows


def drawn(path: str) -> dict[tuple[int, int], int]:
    """Return how often each module is painted by a path of steps (M x y, m x y) and bars (h width v1 h-width z)."""
    painted: dict[tuple[int, int], int] = {}
    x = y = 0
    for step, across, down, width, back in re.findall(r"([Mm])(\d+) (\d+)(?:h(\d+)v1h-(\d+)z)?", path):
        assert width == back
        x, y = (int(across), int(down)) if step == "M" else (x + int(across), y + int(down))
        for place in range(x, x + int(width or 0)):
            painted[place, y] = painted.get((place, y), 0) + 1
    return painted


@pytest.mark.parametrize("text", ["7K3Q9-X2M4T", "https://todoke.example/sign-in"])
def test_the_picture_paints_each_dark_module_once_and_no_other(text):
    rows = qr_modules(text)
    (path,) = re.findall('d="([^"]*)"', qr_picture(text))
    dark = {(x, y): 1 for y, row in enumerate(rows) for x, module in enumerate(row) if module == "1"}
    assert drawn(path) == dark
