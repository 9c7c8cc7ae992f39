"""Who does what would do much harm is asked again who they are: every action that docs/sign-in.md promises."""

import re
from types import SimpleNamespace

import pytest

from db.ids import encode
from db.models import Affiliation, BulkChange
from tests import ROOT, cast
from tests.web.business.story import member
from tests.web.conftest import PASSWORD, business_user, operator, technician_user
from webapp.domain.accounts.accounts import RECENT, AccountKind, BusinessRole, OperatorRole
from webapp.domain.disclosure import openings
from webapp.domain.disclosure.policy import MASTER

MOST = openings.MOST
# Asked when their effect is large; each of them stands in a case below.
BY_EFFECT = {
    "business_disclosure.preview",
    "business_disclosure.begin",
    "business_disclosure.undo",
    "business_technicians.turn",
    "business_person.set_keys",
}
PEOPLE = {
    "technician": (AccountKind.TECHNICIAN, "", technician_user),
    "business": (AccountKind.BUSINESS_USER, BusinessRole.ADMINISTRATOR, business_user),
    "operator": (
        AccountKind.OPERATOR,
        OperatorRole.ADMINISTRATOR,
        lambda app, now: operator(app, OperatorRole.ADMINISTRATOR, now),
    ),
}


def promised() -> set[str]:
    """The views that docs/sign-in.md names in its table of proofs."""
    text = (ROOT / "docs/sign-in.md").read_text("utf-8")
    section = text.partition("## Proof of identity")[2].partition("\n## ")[0]
    rows = [line.split("|")[3] for line in section.splitlines() if line.startswith("| ")]
    return {name for row in rows for name in re.findall(r"`(\w+\.\w+)`", row)}


def test_the_docs_promise_what_is_guarded_and_nothing_else_is(app):
    guarded = {name for name, view in app.view_functions.items() if getattr(view, "asks_again", False)}
    assert guarded and promised() == guarded | BY_EFFECT


@pytest.mark.parametrize("name", PEOPLE)
def test_each_promised_view_asks_when_the_proof_is_old_and_not_before(app, now, clock, name):
    kind, role, sign_in = PEOPLE[name]
    user, rules = SimpleNamespace(kind=kind, role=role), app.extensions["access_table"]
    views = sorted(view for view in promised() - BY_EFFECT if rules[view].allows(user))
    client, asked = sign_in(app, now), {}
    for age in (RECENT / 2, RECENT):
        clock.at = now + age
        for view in views:
            rule = next(app.url_map.iter_rules(view))
            with app.test_request_context():
                path = rule.build(dict.fromkeys(rule.arguments, 1))[1]
            client.get("/me/sessions")
            answer = client.get(path) if "GET" in rule.methods else client.submit(path)
            asked[view, age] = (answer.location or "").startswith("/confirm-identity")
    assert len(views) >= 9 and asked == {(view, age): age == RECENT for view, age in asked}


@pytest.fixture
def firm(app, now):
    return cast.business(now)


@pytest.fixture
def client(app, now, firm):
    return business_user(app, now, firm=firm)


def is_asked(answer) -> bool:
    return "/confirm-identity" in (answer.headers.get("HX-Redirect") or answer.location or "")


def opened(firm) -> int:
    return Affiliation.select().where((Affiliation.business == firm) & (Affiliation.business_keys != 0)).count()


def say_all(client, people):
    return client.submit("/business/disclosure/changes", {"whom": "all", "groups": MASTER, "open": 1})


def by_a_filter(client, people):
    form = {"whom": "all", "state": "closed", "groups": MASTER, "open": 1}
    return client.submit("/business/disclosure/changes", form)


def list_them(client, people):
    form = {"whom": "some", "t": [encode(person.id) for person in people], "groups": MASTER, "open": 1}
    return client.submit("/business/disclosure/changes", form)


def in_the_list_one_by_one(client, people):
    for person in people:
        address = f"/business/technicians/{encode(person.id)}/key"
        if is_asked(answer := client.submit(address, {"open": "1-0"}, htmx=True)):
            break
    return answer


def on_their_pages_one_by_one(client, people):
    for person in people:
        form = {"groups": MASTER, "open": 1, "version": 0}
        if is_asked(answer := client.submit(f"/business/technicians/{encode(person.id)}/keys", form)):
            break
    return answer


def some_so_some_so(client, people):
    """Half by a list, the others one by one."""
    if len(people) > 1 and is_asked(answer := list_them(client, people[::2])):
        return answer
    return in_the_list_one_by_one(client, people[1::2] or people)


WAYS = (say_all, by_a_filter, list_them, in_the_list_one_by_one, on_their_pages_one_by_one, some_so_some_so)


@pytest.mark.parametrize("count", [1, MOST, MOST + 1])
@pytest.mark.parametrize("way", WAYS)
def test_opening_many_asks_in_whatever_way_it_is_done(client, firm, now, clock, way, count):
    people = [member(firm, now)[0] for _ in range(count)]
    clock.at = now + RECENT
    client.get("/business/disclosure")
    answer = way(client, people)
    assert is_asked(answer) is (count > MOST)
    at_once = way in (say_all, by_a_filter, list_them)
    assert opened(firm) == (count if count <= MOST else 0 if at_once else MOST)


@pytest.mark.parametrize("way", WAYS)
def test_with_a_new_proof_nobody_is_asked_again(client, firm, now, way):
    people = [member(firm, now)[0] for _ in range(MOST + 1)]
    client.get("/business/disclosure")
    assert not is_asked(way(client, people)) and opened(firm) == MOST + 1


@pytest.mark.parametrize("whom", ["all", "some"])
@pytest.mark.parametrize("count", [MOST, MOST + 1])
def test_the_preview_asks_as_the_change_would_and_counts_nobody(client, firm, now, clock, whom, count):
    people = [member(firm, now)[0] for _ in range(count)]
    clock.at = now + RECENT
    client.get("/business/disclosure")
    form = {"whom": whom, "t": [encode(person.id) for person in people], "groups": MASTER, "open": 1}
    for _ in range(2):
        assert is_asked(client.submit("/business/disclosure/preview", form)) is (count > MOST)
    assert is_asked(list_them(client, people)) is (count > MOST)


def test_each_proof_begins_the_count_anew(client, firm, now, clock):
    people = [member(firm, now)[0] for _ in range(2 * MOST + 2)]
    clock.at = now + RECENT
    client.get("/business/disclosure")
    assert not is_asked(list_them(client, people[:MOST]))
    assert is_asked(list_them(client, people[MOST : MOST + 1]))
    client.get("/confirm-identity")
    assert client.submit("/confirm-identity", {"password": PASSWORD}).status_code == 303
    clock.at += RECENT
    client.get("/business/disclosure")
    assert not is_asked(list_them(client, people[MOST : 2 * MOST]))
    assert is_asked(list_them(client, people[2 * MOST :])) and opened(firm) == 2 * MOST


@pytest.mark.parametrize("count", [MOST, MOST + 1])
def test_closing_asks_nobody_and_taking_it_back_asks_as_opening_does(client, firm, now, clock, count):
    for _ in range(count):
        member(firm, now, ours=MASTER)
    clock.at = now + RECENT
    client.get("/business/disclosure")
    form = {"whom": "all", "groups": MASTER, "open": 0}
    assert not is_asked(client.submit("/business/disclosure/preview", form))
    client.get("/business/disclosure")
    assert not is_asked(client.submit("/business/disclosure/changes", form)) and opened(firm) == 0
    page = f"/business/disclosure/changes/{encode(BulkChange.get().id)}"
    client.get(page)
    assert is_asked(client.submit(page + "/undo")) is (count > MOST)
    assert opened(firm) == (count if count <= MOST else 0)
