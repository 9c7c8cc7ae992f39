"""「心当たりがない」: the page behind the link of a warning shows what was changed, stops it, and lets nobody in."""

import pytest

from db.models import Message, SignInSession
from tests import cast
from tests.domain.accounts.test_ways_in import OTHERS, OWN, account_of, confirmed, filed
from tests.web.conftest import technician_user
from webapp.domain.accounts import sign_in_links
from webapp.domain.email_addresses import versions
from webapp.domain.email_addresses.versions import OwnerKind
from webapp.domain.notices.messages import MessageKind


@pytest.fixture
def person(app, now):
    person = cast.technician(now)
    confirmed(person, now)
    account_of(person, now)
    filed(person, now)
    return person


@pytest.fixture
def token(app, person, now):
    warning = Message.get(Message.kind == MessageKind.CONFIRM)
    return sign_in_links.links_for([warning], app.secret_key, now)[warning.id]


def value_of(person) -> str:
    return versions.current(OwnerKind.TECHNICIAN, person.id).value


@pytest.mark.parametrize("language", ["ja", "en"])
def test_a_look_changes_nothing_and_a_click_stops_the_change(client, app, person, token, now, language):
    stranger = technician_user(app, now, person)
    headers = {"Accept-Language": language}
    for get in (client.get, client.partial):
        assert get(f"/not-mine?link={token}").status_code == 200
    page = client.get(f"/not-mine?link={token}", headers=headers).text
    assert ("新しい登録申請によって" if language == "ja" else "A new application gave") in page
    assert OTHERS not in page and OWN not in page, "a link in a mail shows nothing personal"
    assert value_of(person) == OTHERS
    sent = client.submit("/not-mine", {"link": token})
    assert (sent.status_code, sent.location) == (303, "/not-mine/stopped")
    assert "/forgotten" in client.get(sent.location).text
    assert value_of(person) == OWN
    assert not SignInSession.select().exists()
    assert stranger.get("/me").status_code == 303
    again = client.submit("/not-mine", {"link": token})
    assert again.status_code == 404 and "使えません" in again.text


@pytest.mark.parametrize("link", ["", "x", "0" * 39, "技能者"])
def test_a_link_that_is_none_says_so(client, app, link):
    for answer in (client.get(f"/not-mine?link={link}"), client.submit("/not-mine", {"link": link})):
        assert answer.status_code == 404 and "使えません" in answer.text


def test_a_link_for_signing_in_is_none_here_and_this_one_is_none_there(client, app, token):
    assert client.get(f"/first-access?link={token}").status_code == 410
    assert "生年月日" not in client.get(f"/first-access?link={token}").text
