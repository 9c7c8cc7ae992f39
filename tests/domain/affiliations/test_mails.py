"""On a change of an affiliation both sides are told, each at its own address, and nobody is handed a way in."""

import pytest

from db.models import Message, WorkItem
from tests import cast
from tests.domain.accounts.test_mails import mails
from tests.domain.affiliations.test_membership import invite
from tests.domain.disclosure.test_policy import business_user, person
from webapp.domain.affiliations import membership
from webapp.domain.affiliations.membership import EndReason, NotTheirs, OverAlready
from webapp.domain.core.work_items import WorkItemKind, open_item
from webapp.domain.disclosure.policy import facts_of
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.notices import corrections

WORKER, OFFICE = "k-sato@mail.example", "office@yamada.example"


@pytest.fixture
def two(database, now):
    """A technician and a business with an address each."""
    someone, business = cast.technician(now), cast.business(now)
    cast.email(someone, WORKER, now)
    cast.email(business, OFFICE, now)
    return someone, business


@pytest.fixture
def affiliated(two, now):
    return (*two, cast.affiliate(*two, now))


def test_who_joins_is_told_and_so_is_the_business(two, now):
    someone, business = two
    invite(business, someone.technician_id, now)
    assert mails(now) == [], "an invitation appears on the technician's own pages only"
    (one,) = membership.invitations(person(someone.id), now)
    membership.accept(person(someone.id), one.id, now)
    told = dict(mails(now))
    assert set(told) == {WORKER, OFFICE}
    assert f"2026/11/18 10:02 に、招待が承諾され、{business.name} があなたの所属事業者になりました。" in told[WORKER]
    assert "所属技能者になりました" in told[OFFICE] and "7000 0000 " in told[OFFICE] and someone.name in told[OFFICE]
    assert "http" not in told[WORKER] + told[OFFICE]


@pytest.mark.parametrize("by", ["technician", "business"])
def test_whoever_ends_it_both_read_who_did(affiliated, now, by):
    someone, business, row = affiliated
    if by == "technician":
        membership.leave(person(someone.id), row.id, now)
    else:
        membership.end(business_user(business.id, "administrator"), row.id, now)
    told = dict(mails(now))
    worker, office = {
        "technician": ("への所属を終えました", "次の技能者が、貴社への所属を終えました"),
        "business": ("が、あなたの所属を終えました", "貴社の管理者が、次の技能者の所属を終えました"),
    }[by]
    assert set(told) == {WORKER, OFFICE} and worker in told[WORKER] and office in told[OFFICE]


def test_a_dispute_is_told_to_both_while_it_lasts_and_to_the_person_alone_afterwards(affiliated, now):
    someone, _, row = affiliated
    own = person(someone.id)
    membership.dispute(own, row.id, now, "知らない会社です")
    told = dict(mails(now))
    assert set(told) == {WORKER, OFFICE} and "申し立てがありました" in told[OFFICE]
    assert "知らない会社です" not in told[OFFICE] + told[WORKER], "what the person wrote is for the operators"
    membership.dispute(own, row.id, now)
    assert mails(now) == [], "said once"

    other = cast.business(now)
    cast.email(other, "other@kita.example", now)
    past = cast.affiliate(someone, other, now, current=False, ended_at=now)
    membership.dispute(own, past.id, now)
    assert [to for to, _ in mails(now)] == [WORKER], "a past employer is another business"


def test_operators_annul_what_never_was_and_both_are_told(affiliated, now):
    someone, _, row = affiliated
    membership.dispute(person(someone.id), row.id, now)
    mails(now)
    item = WorkItem.get()
    membership.annul(item, now, None, "事業者に電話で確認")
    assert facts_of([someone.id])[someone.id].affiliation_id is None
    ended = type(row).get_by_id(row.id)
    assert (ended.current, ended.end_reason, WorkItem.get().resolution) == (False, EndReason.ANNULLED, "annulled")
    told = dict(mails(now))
    assert set(told) == {WORKER, OFFICE} and all("取り消しました" in body for body in told.values())
    with pytest.raises(OverAlready):
        membership.annul(item, now, None, "")


def test_an_affiliation_that_ended_meanwhile_is_not_annulled_and_the_dispute_stays_open(affiliated, now):
    someone, _, row = affiliated
    membership.dispute(person(someone.id), row.id, now)
    membership.leave(person(someone.id), row.id, now)
    with pytest.raises(OverAlready):
        membership.annul(WorkItem.get(), now, None, "")
    assert WorkItem.get().state == "open"


def test_only_a_dispute_is_annulled(affiliated, now):
    _, business, _ = affiliated
    open_item(WorkItemKind.BUSINESS_ADDRESS, "business", business.id, "userunknown", now)
    with pytest.raises(NotTheirs):
        membership.annul(WorkItem.get(), now, None, "")


def test_a_side_without_a_working_address_gets_no_mail(affiliated, now):
    someone, _, row = affiliated
    versions.mark_invalid(versions.current(OwnerKind.TECHNICIAN, someone.id), "userunknown", now)
    membership.leave(person(someone.id), row.id, now)
    assert [to for to, _ in mails(now)] == [OFFICE]


def test_the_technicians_mail_is_never_sent_again_to_the_businesss_corrected_address(affiliated, now):
    someone, business, row = affiliated
    membership.leave(person(someone.id), row.id, now)
    Message.update(state="failed", due_at=None).execute()
    item_id = open_item(WorkItemKind.BUSINESS_ADDRESS, "business", business.id, "userunknown", now)
    corrections.correct_business(WorkItem.get_by_id(item_id), "new@yamada.example", 1, now, None)
    assert [to for to, _ in mails(now)] == ["new@yamada.example"]
