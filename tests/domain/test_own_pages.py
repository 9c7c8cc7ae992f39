"""What the technician's pages ask of the database, on both engines."""

import datetime as dt
import json

import pytest

from db.database import transaction
from db.models import EmailAddress, EmailChange, Event, Message, Postcard, WorkItem
from tests.web.me.story import begin, fill
from webapp.domain.accounts import first_access
from webapp.domain.accounts.accounts import AccountKind, BusinessRole
from webapp.domain.affiliations.membership import NotTheirs
from webapp.domain.cards.states import CardState
from webapp.domain.core.errors import Stale
from webapp.domain.disclosure.policy import Group, Viewer, viewer_of
from webapp.domain.disclosure.states import DisclosureState
from webapp.domain.email_addresses import versions
from webapp.domain.postcard import fallback
from webapp.domain.postcard.states import HoldReason
from webapp.domain.self_service import contact, email_change, requests
from webapp.domain.self_service.access_log import looks_at
from webapp.domain.self_service.data_export import own_data
from webapp.domain.self_service.disclosure import effect_of, menu_of, seen_by
from webapp.domain.self_service.home import Task, home_of
from webapp.domain.self_service.requests import RecordPart

SECRET = "secret " * 5


@pytest.fixture
def story(database, now):
    story = begin(now)
    fill(story, now)
    return story


@pytest.fixture
def me(story, now) -> Viewer:
    return viewer_of(first_access.technician_account(story.person, now))


def test_the_start_page_names_first_what_cannot_wait(story, me, now):
    home = home_of(me, "mail.example", now)
    assert [one.task for one in home.to_do] == [Task.CARD, Task.INVITATION]
    assert home.card.state is CardState.KEPT and home.disclosure_state is DisclosureState.OPEN
    assert home.technician_id == story.person.technician_id and home.employer == story.employer.name


def test_the_menu_shows_both_keys_and_who_looked(story):
    menu = menu_of(story.person.id)
    assert [(row.mine, row.theirs) for row in menu.rows] == [
        (True, True),
        (True, True),
        (False, True),
        (True, False),
        (False, False),
    ]
    assert menu.rows[0].seen.names == (story.other.name,) and menu.rows[2].seen.names == ()
    assert seen_by(story.person.id, Group.INSURANCE.bit).names == ()
    assert f"（{story.other.name}を含む）が資格・研修を" in menu.rows[2].does[0].in_japanese()
    assert effect_of(story.person.id, True) and effect_of(story.person.id, False)


def test_looks_know_the_keys_of_their_moment(story, now):
    looks = looks_at(story.person.id)
    assert len(looks) == 4
    for one in looks:
        assert one.mine == (Group.PERSON, Group.TRADES, Group.WORK_HISTORY)
        assert one.theirs == (Group.PERSON, Group.TRADES, Group.QUALIFICATIONS)
    assert looks_at(story.person.id, now + dt.timedelta(days=1)) == []
    assert len(looks_at(story.person.id, before=looks[0].look.id)) == 3


def test_ones_own_data_can_be_written_as_json(story, me, now):
    data = json.loads(json.dumps(own_data(me, now), ensure_ascii=False))
    assert data["record"]["trades"] == ["型枠大工", "とび工"] and len(data["looks"]) == 4
    assert data["invitations"][0]["business"] == story.other.name and data["inquiries"] == data["shipments"] == []
    assert data["affiliations"][0]["business_keys"] == ["person", "trades", "qualifications"]


def test_a_second_request_joins_the_first_and_nobody_else_can_ask(story, me, now):
    first = requests.ask_correction(me, RecordPart.ADDRESS, "転居しました", now)
    assert requests.ask_correction(me, RecordPart.OTHER, "氏名も", now) == first
    assert [said["words"] for said in WorkItem.get_by_id(first).data["said"]] == ["転居しました", "氏名も"]
    assert len(requests.open_requests(story.person.id)) == 2
    for viewer in (
        viewer_of(story.employer_user),
        Viewer(AccountKind.TECHNICIAN, 1, False, technician_id=story.person.id),
        Viewer(AccountKind.BUSINESS_USER, 1, True, BusinessRole.ADMINISTRATOR, story.person.id, story.employer.id),
    ):
        with pytest.raises(NotTheirs):
            requests.ask_correction(viewer, RecordPart.OTHER, "x", now)


def test_an_address_that_waits_for_its_code_is_nobodys(story, me, now):
    before = versions.current("technician", story.person.id)
    change = email_change.ask(me, "office@yamada.example", now)
    assert versions.current("technician", story.person.id) == before
    assert versions.is_personal("office@yamada.example", 1), "it does not hold an address for anybody"
    email_change.ask(me, "other@docomo.ne.jp", now)
    assert EmailChange.get_by_id(change.id).ended_at == now and EmailChange.open(story.person.id).count() == 1
    newest = EmailChange.open(story.person.id).get()
    code = email_change.code_of(newest.id, SECRET)
    assert code != email_change.code_of(newest.id, SECRET + "x") != email_change.code_of(change.id, SECRET + "x")
    mine = email_change.confirm(me, code.replace("0", "o").replace("1", "l"), SECRET, now)
    assert (mine.value, mine.version, mine.state) == ("other@docomo.ne.jp", before.version + 1, "valid")
    told = Message.select().where(Message.kind == "confirm", Message.address == before)
    assert told.count() == 1


@pytest.mark.parametrize("held", [False, True])
def test_a_confirmed_address_cancels_the_postcard_that_waits(story, me, now, held):
    # It was queued after the person had signed in: a mail to the old address came back meanwhile.
    with transaction():
        card = fallback.queue(story.registration, "userunknown", now)
        if held:
            fallback.hold(card, HoldReason.CODE_ADDRESS_DISAGREE, now, "address")
    change = email_change.ask(me, "new@docomo.ne.jp", now)
    assert Postcard.get_by_id(card.id).state == ("on_hold" if held else "queued"), "asking confirms nothing"
    email_change.confirm(me, email_change.code_of(change.id, SECRET), SECRET, now)
    assert Postcard.get_by_id(card.id).state == "cancelled"
    event = Event.select().where(Event.name == "postcard:rule:cancelled").get()
    assert event.data["reason"] == "address_confirmed"
    assert not WorkItem.open().where(WorkItem.kind == "postcard_on_hold").exists()


def test_a_dead_address_before_is_not_told(story, me, now):
    before = versions.current("technician", story.person.id)
    versions.mark_invalid(before, "userunknown", now)
    change = email_change.ask(me, before.value, now)
    email_change.confirm(me, email_change.code_of(change.id, SECRET), SECRET, now)
    assert versions.current("technician", story.person.id).state == "valid"
    assert Message.select().where(Message.kind == "confirm").count() == 1


def test_a_new_address_that_bounces_marks_nobody_elses_record(story, me, now):
    change = email_change.ask(me, "gone@docomo.ne.jp", now)
    versions.mark_invalid(change.address, "userunknown", now)
    assert versions.current("technician", story.person.id).state == "valid"


def test_another_account_cannot_confirm(story, me, now):
    change = email_change.ask(me, "new@docomo.ne.jp", now)
    stranger = Viewer(AccountKind.TECHNICIAN, story.other_user.id, True, technician_id=story.person.id)
    with pytest.raises(email_change.WrongCode):
        email_change.confirm(stranger, email_change.code_of(change.id, SECRET), SECRET, now)


def test_the_telephone_is_changed_on_the_version_that_was_shown(story, me, now):
    assert contact.set_telephone(me, "03-1111-2222", 1, now)
    assert not contact.set_telephone(me, "03-1111-2222", 2, now)
    with pytest.raises(Stale):
        contact.set_telephone(me, "03-9999-2222", 1, now)


def test_what_was_typed_is_forgotten_a_month_after_it_was_over(story, me, now):
    change = email_change.ask(me, "mistyped@docomo.ne.jp", now)
    assert email_change.forget(now) == 0
    assert email_change.forget(now + email_change.LASTS) == 1
    assert EmailAddress.get_by_id(change.address_id).value == "" and EmailChange.select().count() == 0
    assert versions.current("technician", story.person.id).value
