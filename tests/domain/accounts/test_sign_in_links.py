"""Who may hold a link or a code, and when it dies, on both engines."""

import contextlib
import datetime as dt
import itertools

import pytest

from db.ids import encode
from db.models import Account, ActivationCode, EmailAddress, Message, Registration, SignInLink
from tests import cast
from webapp.domain.accounts import access_requests, accounts, first_access, sign_in_links
from webapp.domain.accounts.limits import TooManyTries
from webapp.domain.accounts.sign_in_links import LETTER_WAIT, LIFETIME, Purpose
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import GivenBy, OwnerKind
from webapp.domain.notices.messages import Role
from webapp.domain.postcard import activation_codes, fallback

SECRET = "test " * 8
NEW = "a quite different one"
WHERE = {"network_address": "192.0.2.1", "user_agent": "test"}
DAY = dt.timedelta(days=1)


@pytest.fixture
def person(database, now):
    return cast.technician(now)


def notice(person, now, role=Role.TECHNICIAN, value="k-sato@example.jp") -> Message:
    message, _ = cast.sent_notice(cast.registration(person, now), cast.email(person, value, now), now, role)
    return message


def test_only_the_technicians_own_notice_carries_a_link(person, now):
    mine = notice(person, now)
    firm = cast.business(now)
    to_business, _ = cast.sent_notice(
        cast.registration(person, now), cast.email(firm, "jimu@example.jp", now), now, Role.BUSINESS, business=firm
    )
    assert sign_in_links.links_for([mine, to_business], SECRET, now).keys() == {mine.id}


@pytest.mark.parametrize("whose", ["business", "business user", "second technician"])
def test_an_address_that_somebody_else_has_holds_no_link_however_it_is_written(person, now, whose):
    value = "K-SATO@Example.jp"
    if whose == "business":
        cast.email(cast.business(now), value, now)
    elif whose == "business user":
        user = first_access.new_business_user(cast.business(now), "tanaka", "", accounts.BusinessRole.VIEWER, now)
        versions.give(OwnerKind.ACCOUNT, user.id, value, GivenBy.BUSINESS, now)
    else:
        cast.email(cast.technician(now), value, now)
    message = notice(person, now)
    assert cast.link_of(message, SECRET, now) is None
    assert not sign_in_links.may_hold_link(message.address, person.id, now)


@pytest.mark.parametrize("given_by", [GivenBy.BUSINESS, GivenBy.OPERATOR])
def test_an_address_from_others_waits_for_the_person_or_for_a_letter(person, now, given_by):
    address = versions.give(OwnerKind.TECHNICIAN, person.id, "new@example.jp", given_by, now)
    assert not sign_in_links.may_hold_link(address, person.id, now + 365 * DAY)
    sign_in_links.note_letter(address, now)
    address = EmailAddress.get_by_id(address.id)
    just_before = now + LETTER_WAIT - dt.timedelta(microseconds=1)
    assert not sign_in_links.may_hold_link(address, person.id, just_before)
    assert sign_in_links.may_hold_link(address, person.id, now + LETTER_WAIT)
    sign_in_links.note_letter(address, now + 3 * DAY)
    assert EmailAddress.get_by_id(address.id).letter_at == now, "the first letter counts"
    address.letter_at, address.confirmed_at = None, now
    assert sign_in_links.may_hold_link(address, person.id, now)


def test_the_same_message_keeps_its_link_and_a_corrected_address_gets_another(person, now):
    message = notice(person, now)
    first = cast.link_of(message, SECRET, now)
    assert cast.link_of(message, SECRET, now + DAY) == first
    corrected = cast.email(person, "right@example.jp", now + DAY)
    message.address = corrected
    second = cast.link_of(message, SECRET, now + DAY)
    assert second not in (None, first)
    assert sign_in_links.find(first, SECRET, now + DAY) is None, "what the old address was sent opens nothing"
    assert sign_in_links.find(second, SECRET, now + DAY)


def test_a_link_is_found_with_its_own_secret_until_it_expires(person, now):
    token = cast.link_of(notice(person, now), SECRET, now)
    last = now + LIFETIME[Purpose.FIRST_ACCESS] - dt.timedelta(microseconds=1)
    assert sign_in_links.find(token, SECRET, last)
    assert sign_in_links.find(token, SECRET, now + LIFETIME[Purpose.FIRST_ACCESS]) is None
    assert sign_in_links.find(token, "other" * 8, now) is None
    assert len(token) == 39 and token.isalnum()


def test_a_notices_link_dies_with_the_first_password_and_with_the_address(person, now):
    message = notice(person, now)
    token = cast.link_of(message, SECRET, now)
    versions.mark_invalid(message.address, "userunknown", now)
    assert sign_in_links.find(token, SECRET, now) is None
    EmailAddress.update(state="valid").execute()
    assert sign_in_links.find(token, SECRET, now)
    first_access.by_link(token, "19850401", NEW, SECRET, now, **WHERE)
    again = notice(person, now, value="k-sato@other.example")
    assert cast.link_of(again, SECRET, now) is None, "who has a password needs no first access"


def code_for(person, now, card="card", n=1) -> str:
    return activation_codes.issue(SECRET, person.id, card, n, now)


def by_code(person, code, now, **changes):
    asked = {"typed_id": person.technician_id, "code": code, "birth_date": "19850401", "password": NEW}
    return first_access.by_code(secret=SECRET, now=now, **(asked | WHERE | changes))


def test_a_code_counts_from_the_mailing_for_sixty_days(person, now):
    code = code_for(person, now)
    with pytest.raises(first_access.Refused):
        by_code(person, code, now)
    mailed = now + 3 * DAY
    cast.code_mailed("card", mailed)
    with pytest.raises(first_access.Refused):
        by_code(person, code, mailed + activation_codes.LIFETIME)
    last = mailed + activation_codes.LIFETIME - dt.timedelta(microseconds=1)
    assert by_code(person, code, last).account.technician_id == person.id


def test_a_code_is_dead_after_use_reprint_return_or_sign_in(person, now):
    first = code_for(person, now)
    assert code_for(person, now) == first, "the same print, the same code"
    cast.code_mailed("card", now)
    second = code_for(person, now, n=2)
    cast.code_mailed("card", now)
    with pytest.raises(first_access.Refused):
        by_code(person, first, now)
    by_code(person, second, now)
    with pytest.raises(first_access.Refused):
        by_code(person, second, now)
    other = cast.technician(now)
    third = code_for(other, now, card="other")
    cast.code_mailed("other", now)
    activation_codes.end(["other"], "returned", now)
    with pytest.raises(first_access.Refused):
        by_code(other, third, now)
    assert {row.end_reason for row in ActivationCode.select()} == {None, "reprint", "returned"}


@pytest.mark.parametrize("birth_date, dies", [("19850401", True), ("19850402", False), ("", False)])
def test_five_wrong_codes_kill_a_code_if_whoever_tries_knows_the_birth_date(person, now, birth_date, dies):
    """An ID is known to many: with it alone nobody uses up the tries of its owner."""
    cast.email(person, "k-sato@example.jp", now)
    code = code_for(person, now)
    cast.code_mailed("card", now)
    for typed in ("0" * 10, "", "x", "0" * 9, "1" * 10, "あ"):
        with pytest.raises(first_access.Refused):
            by_code(person, typed, now, birth_date=birth_date)
    told = [message for message in Message.select() if message.content and "code_dead_on" in message.content]
    assert len(told) == dies, "the person is told, once"
    if dies:
        with pytest.raises(first_access.Refused):
            by_code(person, code, now)
    else:
        assert by_code(person, code, now)


def test_no_number_of_posts_with_an_id_alone_keeps_its_owner_out(person, now):
    code = code_for(person, now)
    cast.code_mailed("card", now)
    for n in range(3 * first_access.LIMIT_ADDRESS):
        with contextlib.suppress(first_access.Refused, TooManyTries):
            by_code(person, code, now, birth_date="19991231", network_address=f"198.51.100.{n % 2}")
    assert by_code(person, code, now, network_address="192.0.2.1")


def test_a_letter_code_is_not_killed_by_who_knows_the_business(database, now):
    firm = cast.business(now)
    boss = accounts.create_operator("boss", "", accounts.OperatorRole.OPERATOR, NEW, now)
    row = activation_codes.issue_letter(firm, boss, SECRET, now)
    asked = {"user_name": "tanaka", "display_name": "田中", "password": NEW, "secret": SECRET, "now": now} | WHERE
    for n in range(2 * activation_codes.TRIES):
        with pytest.raises(first_access.Refused):
            first_access.by_letter(firm.business_id, f"{n:010}", **asked)
    assert first_access.by_letter(firm.business_id, activation_codes.code_of(row, SECRET), **asked)


FATES = ("living", "printing", "tries", "used", "returned")


def test_another_postcard_is_sent_unless_one_is_there_that_can_be_used(database, person, now):
    """By hand: the last thirty days, three at most, and none among them but such whose codes died of wrong tries."""
    cast.registration(person, now)
    cast.email(person, "k-sato@example.jp", now)
    cases = [(fates, days) for n in range(4) for fates in itertools.product(FATES, repeat=n) for days in (1, 40)]
    for fates, days in cases:
        with database.atomic() as running:
            for fate in fates:
                postcard = fallback.queue(Registration.get(), "requested", now, again=True)
                if fate == "printing":
                    continue
                activation_codes.issue(SECRET, person.id, encode(postcard.id), 1, now)
                values = {"tries": {"tries": 5}, "used": {"used_at": now}, "returned": {"ended_at": now}}.get(fate)
                if values:
                    ActivationCode.update(values).where(ActivationCode.card_id == encode(postcard.id)).execute()
            lately = fates if days < 30 else ()
            may = len(lately) < access_requests.MOST_POSTCARDS and set(lately) <= {"tries"}
            queued = access_requests.queue_postcard(person, now + days * DAY)
            refused = [message for message in Message.select() if "postcard_not_sent_on" in (message.content or {})]
            assert ((queued is not None), len(refused)) == (may, int(not may)), (fates, days)
            running.rollback()


def test_a_code_is_not_another_persons(person, now):
    code = code_for(person, now)
    cast.code_mailed("card", now)
    other = cast.technician(now)
    with pytest.raises(first_access.Refused):
        by_code(other, code, now)
    assert by_code(person, f" {code[:5].lower()}-{code[5:]} ", now)


def test_a_disabled_person_gets_in_by_nothing(person, now):
    by_code_before = code_for(person, now)
    cast.code_mailed("card", now)
    account = first_access.technician_account(person, now)
    accounts.set_active(account, False)
    with pytest.raises(first_access.Refused):
        by_code(person, by_code_before, now)
    assert ActivationCode.get().used_at is None, "nothing was half done"
    assert Account.get().password_hash is None


def test_a_business_letter_code_belongs_to_its_business(database, now):
    firm, other = cast.business(now), cast.business(now)
    operator = accounts.create_operator("yamada", "山田", accounts.OperatorRole.OPERATOR, NEW, now)
    row = activation_codes.issue_letter(firm, operator, SECRET, now)
    code = activation_codes.code_of(row, SECRET)
    asked = {"user_name": "tanaka", "display_name": "田中", "password": NEW, "secret": SECRET, "now": now} | WHERE
    with pytest.raises(first_access.Refused):
        first_access.by_letter(other.business_id, code, **asked)
    signed_in = first_access.by_letter(firm.business_id, code, **asked)
    assert (signed_in.account.role, signed_in.account.business_id) == ("administrator", firm.id)
    assert row.card_id == encode(row.id) and not SignInLink.select().exists()
