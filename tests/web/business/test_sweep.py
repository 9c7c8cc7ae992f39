"""Nobody reaches what is not theirs: every route of these pages, with everybody else's ids, by GET and by POST."""

import io

import pytest
from python_calamine import CalamineWorkbook

from db.ids import encode
from db.models import AccessRow, Affiliation, BulkChange
from tests import cast
from tests.web.business.story import ALL, member, signed_in, technician_account, user
from tests.web.conftest import operator
from webapp.domain.accounts import accounts
from webapp.domain.accounts.accounts import BusinessRole
from webapp.domain.disclosure.bulk import begin_bulk, run_bulk
from webapp.domain.disclosure.policy import viewer_of

TOPICS = ("business_", "look_up")
NOT_OURS = ("business_users",)
SECRETS = ("極秘 太郎", "ゴクヒ タロウ", "03-9999-0000", "70000000999999")


def ours(app) -> list:
    """Every route of the pages of businesses."""
    found = [
        rule
        for rule in app.url_map.iter_rules()
        if rule.endpoint.startswith(TOPICS) and not rule.endpoint.startswith(NOT_OURS)
    ]
    assert len(found) > 20
    return found


def words(answer) -> str:
    """Return what an answer says; a workbook's cells."""
    if answer.mimetype.endswith("sheet"):
        return str(CalamineWorkbook.from_filelike(io.BytesIO(answer.get_data())).get_sheet_by_index(0).to_python())
    return answer.get_data(as_text=True)


@pytest.fixture
def story(app, now):
    """Somebody's person with all keys closed by one side, a change of theirs, and everybody who has no part in it."""
    employer, stranger, proxy, past = (cast.business(now, name=name) for name in ("甲", "乙", "丙", "丁"))
    person, bound = member(
        employer,
        now,
        ours=ALL,
        theirs=0,
        name=SECRETS[0],
        name_kana=SECRETS[1],
        telephone=SECRETS[2],
        technician_id=SECRETS[3],
    )
    cast.registration(person, now, proxy_business=proxy)
    Affiliation.create(
        technician=person, business=past, current=False, started_at=now, ended_at=now, sort_key=person.kana_key
    )
    boss = user(employer, BusinessRole.ADMINISTRATOR, now)
    begun = begin_bulk(viewer_of(boss), None, 1, False, now)
    run_bulk(begun.id, now)
    run_bulk(begin_bulk(viewer_of(boss), None, 1, True, now).id, now)
    elsewhere, _ = member(stranger, now, name="他社 花子")
    visitors = {
        f"{name} {role}": signed_in(app, user(business, role, now), now)
        for name, business in (("stranger", stranger), ("proxy", proxy), ("past", past))
        for role in BusinessRole
    }
    visitors["the person"] = signed_in(app, technician_account(person, now), now)
    visitors["another technician"] = signed_in(app, technician_account(elsewhere, now), now)
    visitors["operator"] = operator(app, accounts.OperatorRole.OPERATOR, now)
    visitors["nobody"] = app.test_client()
    return person, bound, begun, visitors


def addresses(app, person, begun):
    """(method, address) of each route with the ids of the story in it, and of each list."""
    ids = {"technician": person.id, "change": begun.id}
    for rule in ours(app):
        with app.test_request_context():
            built = app.url_map.bind("localhost").build(rule.endpoint, {name: ids[name] for name in rule.arguments})
        query = "?groups=31&open=1" if rule.endpoint == "business_person.keys_form" else ""
        for method in rule.methods & {"GET", "POST"}:
            yield rule, method, built + query


FORM = {
    "open": "1",
    "groups": "31",
    "version": "0",
    "whom": "some",
    "term": SECRETS[0],
    "name": SECRETS[0],
    "birth_date": "1985-04-01",
}

KEY = {"business_technicians.turn": {"open": "0-0"}}


def test_with_everybody_elses_id_every_route_tells_and_changes_nothing(app, story):
    person, bound, begun, visitors = story
    before = Affiliation.get_by_id(bound.id)
    for who, client in visitors.items():
        for rule, method, address in addresses(app, person, begun):
            for part in (False, True):
                if method == "GET":
                    answer = client.partial(address) if part else client.get(address)
                else:
                    form = (FORM | KEY.get(rule.endpoint, {})) | {"t": encode(person.id), "technician_id": SECRETS[3]}
                    answer = client.submit(address, form, htmx=part)
                said = words(answer)
                shown = said.replace(f'value="{SECRETS[3]}"', "").replace(f'value="{SECRETS[0]}"', "")
                if who != "the person":  # the frame names whoever is signed in
                    assert not any(secret in shown for secret in SECRETS), f"{who} {method} {address}"
                if rule.arguments:
                    allowed = (404,) if who != "nobody" else (303, 200)
                    if rule.endpoint.startswith("business_") and client is not visitors["nobody"]:
                        allowed = (403, 404)
                    assert answer.status_code in allowed, f"{who} {method} {address}: {answer.status_code}"
    after = Affiliation.get_by_id(bound.id)
    assert (after.business_keys, after.technician_keys, after.current) == (before.business_keys, 0, True)
    assert BulkChange.get_by_id(begun.id).state == "done"
    assert not AccessRow.select().where(AccessRow.technician_id == person.id).exists()


def test_business_pages_do_not_exist_for_technicians_and_operators(app, story):
    person, _, begun, visitors = story
    for who in ("the person", "operator"):
        for _, method, address in addresses(app, person, begun):
            client = visitors[who]
            answer = client.get(address) if method == "GET" else client.submit(address, FORM)
            assert answer.status_code == 404, f"{who} {method} {address}"


def test_who_only_looks_is_told_that_and_changes_nothing(app, story, now):
    person, bound, begun, _ = story
    employer = Affiliation.get_by_id(bound.id).business
    looker = signed_in(app, user(employer, BusinessRole.VIEWER, now), now)
    changing = {
        "business_affiliations.invite",
        "business_disclosure.begin",
        "business_disclosure.preview",
        "business_disclosure.undo",
        "business_person.end",
        "business_person.end_form",
        "business_person.keys_form",
        "business_person.set_keys",
        "business_technicians.turn",
    }
    for rule, method, address in addresses(app, person, begun):
        answer = looker.get(address) if method == "GET" else looker.submit(address, FORM | {"t": encode(person.id)})
        refused = answer.status_code == 403
        assert refused == (rule.endpoint in changing), f"{method} {address}: {answer.status_code}"
    row = Affiliation.get_by_id(bound.id)
    assert (row.business_keys, row.current) == (ALL, True)


def test_a_form_naming_others_people_reaches_none_of_them(app, story, now):
    person, bound, _, visitors = story
    client = visitors[f"stranger {BusinessRole.ADMINISTRATOR}"]
    client.get("/business/technicians")
    form = {"whom": "some", "t": encode(person.id), "groups": 31, "open": 0}
    assert "0人のうち0人" in client.submit("/business/disclosure/preview", form).get_data(as_text=True)
    client.submit("/business/disclosure/changes", form)
    assert Affiliation.get_by_id(bound.id).business_keys == ALL
