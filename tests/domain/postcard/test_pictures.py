"""The QR code of a management number, put together from parts, is the one that an encoder makes."""

import segno
from hypothesis import given, settings
from hypothesis import strategies as st

from webapp.domain.postcard.pictures import qr_modules, qr_picture


@settings(max_examples=60, deadline=None)
@given(st.sampled_from((5, 11)), st.data())
def test_a_code_put_together_is_the_encoders_own(length, data):
    text = data.draw(st.text(alphabet="0123456789ABCDEFGHJKMNPQRSTVWXYZ-", min_size=length, max_size=length))
    encoded = segno.make(text, error="m", mask=2, mode="byte", boost_error=False, micro=False)
    rows = tuple("".join(str(int(dark)) for dark in row) for row in encoded.matrix)
    assert qr_modules(text, many=True) == rows
    assert qr_modules(text) == rows


def test_the_picture_paints_each_dark_module_once():
    rows = qr_modules("7K3Q9-X2M4T")
    assert len(rows) == 21
    moves = qr_picture("7K3Q9-X2M4T").split("M")[1:]
    painted = sum(int(move.split("h")[1].split("v")[0]) for move in moves)
    assert painted == "".join(rows).count("1")
