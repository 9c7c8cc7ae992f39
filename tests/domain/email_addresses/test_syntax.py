"""Old phone addresses can be written, and nothing that is written can end a command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.email_addresses.syntax import domain_of, plain_address, wire_address


@given(st.text(max_size=20), st.sampled_from(["docomo.ne.jp", "ezweb.ne.jp"]))
def test_what_is_written_stays_within_its_brackets_and_reads_back(local, domain):
    address = f"{local}@{domain}"
    try:
        wire = wire_address(address)
    except ValueError:
        return
    assert not set(wire) & set("<>\r\n\0 ")
    assert wire_address(wire) == wire
    if not local.startswith('"'):
        assert plain_address(wire) == address and plain_address(f"<{wire}>") == address


@pytest.mark.parametrize("local", ["a..b", "a.", ".a", "..", "a(b", "a,b", "a@b", "a\\b"])
def test_a_local_part_that_is_no_dot_atom_is_quoted(local):
    assert wire_address(f"{local}@docomo.ne.jp").startswith('"')


@pytest.mark.parametrize("local", ["a", "a.b", "a+b", "o'neill", "a_b-c", "/a?=", "佐藤"])
def test_an_ordinary_local_part_is_left_alone(local):
    assert wire_address(f"{local}@mail.example") == f"{local}@mail.example"


@pytest.mark.parametrize("address", ["a@b c", "a@", "@b", "ab", "a@b>c", "a@-b", "a@b-", "a@b\x85", "a@\ud800.example"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="no e-mail address"):
        wire_address(address)


def test_the_domain_is_folded_for_counting():
    assert domain_of('"a@b"@Docomo.NE.jp') == "docomo.ne.jp"
