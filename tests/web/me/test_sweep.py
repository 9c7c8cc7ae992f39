"""Nobody reaches the pages of a technician but that technician: every route, GET and POST, page and partial."""

import re

import brotli
import pytest

from db.ids import encode, new_id
from db.models import Affiliation, AffiliationInvitation, EmailAddress, EmailChange, Technician, WorkItem
from tests import ROOT, cast
from tests.web.conftest import business_user, operator, technician_user
from tests.web.me.story import begin, fill
from webapp.domain.accounts import accounts
from webapp.domain.accounts.accounts import BusinessRole
from webapp.domain.accounts.sign_in_links import account_of_technician
from webapp.domain.affiliations import membership
from webapp.domain.disclosure.policy import viewer_of

TOPICS = ("me_access_log", "me_contact", "me_data", "me_disclosure", "me_home", "me_record")


@pytest.fixture
def story(app, now):
    story = begin(now)
    invited = viewer_of(story.other_user)
    membership.invite(invited, story.person.technician_id, story.person.birth_date, 10, now)
    return story


def routes(app):
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint.partition(".")[0] in TOPICS]


def addresses(app, story):
    """Every route once for each object of the person that its id could name, and once for one that does not exist."""
    ids = [story.affiliation.id, AffiliationInvitation.get().id, story.person.id, story.registration.id, new_id()]
    for rule in routes(app):
        for number in ids if rule.arguments else [None]:
            values = dict.fromkeys(rule.arguments, number)
            method = "POST" if "POST" in rule.methods else "GET"
            yield method, app.url_map.bind("localhost").build(rule.endpoint, values, method=method)


def ask(client, story, method, path, htmx):
    if method == "GET":
        return client.partial(path) if htmx else client.get(path)
    data = {"affiliation": encode(story.affiliation.id), "version": "0", "groups": "1", "open": "1", "words": "x"}
    return client.submit(
        path, data | {"part": "other", "email": "evil@x.example", "code": "0", "telephone": ""}, htmx=htmx
    )


def state(story):
    rows = Affiliation.select().tuples(), AffiliationInvitation.select().tuples(), EmailAddress.select().tuples()
    person = Technician.select().where(Technician.id == story.person.id).tuples()
    return [list(row) for row in (*rows, person)], WorkItem.select().count(), EmailChange.select().count()


@pytest.mark.parametrize("htmx", [False, True])
def test_a_business_a_proxy_and_an_operator_find_nothing(app, now, story, htmx):
    clients = [
        business_user(app, now, BusinessRole.ADMINISTRATOR, story.employer, "suzuki"),
        business_user(app, now, BusinessRole.VIEWER, story.other, "honda"),
        operator(app, accounts.OperatorRole.ADMINISTRATOR, now),
    ]
    before = state(story)
    for client in clients:
        for method, path in addresses(app, story):
            assert ask(client, story, method, path, htmx).status_code == 404, (method, path)
    assert state(story) == before


@pytest.mark.parametrize("htmx", [False, True])
def test_another_technician_reaches_no_object_of_this_one(app, now, story, htmx):
    another = technician_user(app, now, cast.technician(now, name="別人 太郎"))
    before = state(story)
    for method, path in addresses(app, story):
        answer = ask(another, story, method, path, htmx)
        assert story.person.technician_id.encode() not in answer.data, path
        assert story.employer.name.encode() not in answer.data, path
        if path.startswith(("/me/affiliations/", "/me/invitations/")):  # an object's own address
            assert answer.status_code == 404, path
    assert state(story)[0][0] == before[0][0], "affiliations and keys"
    assert state(story)[0][1] == before[0][1], "invitations"
    assert state(story)[0][3] == before[0][3], "the person"


def test_who_is_not_signed_in_is_sent_to_sign_in(app, client, story):
    for method, path in addresses(app, story):
        answer = ask(client, story, method, path, False)
        assert answer.status_code == 303 and "/sign-in" in answer.headers["Location"], path


def test_a_closed_account_is_let_in_no_more(app, now, story):
    me = technician_user(app, now, story.person)
    assert me.get("/me").status_code == 200
    accounts.set_active(account_of_technician(story.person), False)
    assert me.get("/me").status_code == 303


def test_no_personal_data_stand_in_an_address(app, story):
    for _, path in addresses(app, story):
        assert story.person.technician_id not in path and story.registration.application_number not in path


def wire(app, answer) -> int:
    """Bytes on the wire: headers, and the body as pages are compressed."""
    return len(brotli.compress(answer.data, quality=app.config["COMPRESS_BR_LEVEL"])) + len(str(answer.headers))


def quoted(what: str) -> int:
    """The bytes that the document says."""
    weights = (ROOT / "docs/technician-pages.md").read_text("utf-8").partition("## Weight")[2]
    return int(re.search(rf"^\| {re.escape(what)} \| ([\d,]+) \|$", weights, re.M)[1].replace(",", ""))


# A page on the wire with everything: brotli body, headers; what a phone on a slow line waits for.
LIMITS = {"/me": 3500, "/me/disclosure": 3500, "/me/record": 3500, "/me/access-log": 3500, "/me/contact": 3500}


@pytest.mark.parametrize("path", LIMITS)
def test_a_page_is_light(app, now, story, path):
    fill(story, now)
    me = technician_user(app, now, story.person)
    me.set_cookie("style", app.extensions["static_files"].style_mark)
    answer = me.get(path, headers={"Sec-Fetch-Site": "same-origin"})
    assert wire(app, answer) <= LIMITS[path]
    assert wire(app, answer) == pytest.approx(quoted(f"`{path}`"), rel=0.05)


def test_turning_a_key_is_light(app, now, story):
    me = technician_user(app, now, story.person)
    data = {"affiliation": encode(story.affiliation.id), "version": "0", "groups": "1", "open": "1"}
    answer = me.submit("/me/disclosure", data, htmx=True)
    assert answer.status_code == 200
    assert wire(app, answer) <= 2500
    assert wire(app, answer) == pytest.approx(quoted("turning a key (htmx)"), rel=0.05)
