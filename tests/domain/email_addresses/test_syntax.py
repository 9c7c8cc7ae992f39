"""Old phone addresses can be written, and nothing that is written can end a command."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.examples import examples
from webapp.domain.email_addresses.syntax import domain_of, mailbox_of, plain_address, wire_address


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


# Signs that nobody sees, capitals, Unicode beside xn--, quotation marks that are not needed.
DISGUISES = [
    lambda text: text.upper(),
    lambda text: text.replace("e", "e\u00ad", 1),
    lambda text: text.replace("e", "e\u200b", 1),
    lambda text: text.replace("e", "\ufeffe", 1),
    lambda text: text.replace(".", "\uff0e", 1),
    lambda text: "".join(chr(ord(sign) + 0xFEE0) if "a" <= sign <= "z" else sign for sign in text),
]


@pytest.mark.parametrize("domain", ["example.jp", "mail.example.co.jp", "登録.example", "bücher.example"])
@examples(60)
@given(st.lists(st.sampled_from(DISGUISES), max_size=3), st.lists(st.sampled_from(DISGUISES), max_size=3))
def test_two_spellings_that_put_the_same_bytes_on_the_wire_are_one_mailbox(domain, first, second):
    spellings = []
    for disguises in (first, second):
        spelling = domain
        for disguise in disguises:
            spelling = disguise(spelling)
        spellings.append(f"office@{spelling}")
    wires = []
    for spelling in spellings:
        try:
            wires.append(wire_address(spelling).lower())
        except ValueError:
            return
    assert (wires[0] == wires[1]) == (mailbox_of(spellings[0]) == mailbox_of(spellings[1]))


def test_a_mailbox_is_known_however_it_is_written():
    known = mailbox_of("office@example.jp")
    for written in ("Office@EXAMPLE.jp", "office@exam\u00adple.jp", "office@example\u200b.jp", '"office"@example.jp'):
        assert mailbox_of(written) == known
    assert mailbox_of("a@登録.example") == mailbox_of("a@xn--7wyo62d.example") != known
    assert mailbox_of("nowhere") == "nowhere"
