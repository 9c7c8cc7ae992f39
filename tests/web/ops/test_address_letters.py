"""Letters about e-mail addresses that somebody else has changed: what makes a link possible seven days later."""

from db.ids import encode
from db.models import EmailAddress
from tests import cast
from webapp.domain.accounts import sign_in_links
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import GivenBy, OwnerKind


def test_an_operator_makes_the_letter_and_a_week_later_the_address_may_hold_a_link(ops_operator, now):
    person = cast.technician(now)
    cast.email(person, "old@example.jp", now)
    changed = versions.give(OwnerKind.TECHNICIAN, person.id, "k-sato@example.jp", GivenBy.OPERATOR, now)
    for get in (ops_operator.get, ops_operator.partial):
        assert person.name in get("/ops/address-letters").text
    ops_operator.get("/ops/address-letters")
    made = ops_operator.submit(f"/ops/address-letters/{encoded(changed)}")
    letter = ops_operator.get(made.location).text
    assert person.address in letter and "k…@example.jp" in letter and "k-sato" not in letter
    assert "2026年11月25日" in letter
    assert "手紙を待っている変更はありません" in ops_operator.get("/ops/address-letters").text
    row = EmailAddress.get_by_id(changed.id)
    assert not sign_in_links.may_hold_link(row, person.id, now)
    assert sign_in_links.may_hold_link(row, person.id, now + sign_in_links.LETTER_WAIT)


def test_an_address_of_the_person_needs_no_letter_and_has_none(ops_operator, now):
    own = cast.email(cast.technician(now), "k-sato@example.jp", now)
    firm = cast.email(cast.business(now), "jimu@example.jp", now)
    for address in (own, firm):
        ops_operator.get("/ops/address-letters")
        assert ops_operator.submit(f"/ops/address-letters/{encoded(address)}").status_code == 404
        assert ops_operator.get(f"/ops/address-letters/{encoded(address)}").status_code == 404


def test_who_may_only_look_sees_the_list_and_no_letter(ops_viewer, now):
    changed = versions.give(OwnerKind.TECHNICIAN, cast.technician(now).id, "a@example.jp", GivenBy.BUSINESS, now)
    assert "手紙を作る" not in ops_viewer.get("/ops/address-letters").text
    assert ops_viewer.submit(f"/ops/address-letters/{encoded(changed)}").status_code == 403


def encoded(address) -> str:
    return encode(address.id)
