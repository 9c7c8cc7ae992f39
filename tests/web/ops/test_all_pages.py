"""What all pages of the operators keep: who may look and who may change, ids, methods, queries, addresses, logs."""

import datetime as dt
import logging

import pytest

from db import ids
from db.models import EmailAddress, Postcard, WorkItem
from tests.web.ops.story import bounced, business_bounced, held, returned, way_to
from webapp.domain.core.alarms import AlarmKind, open_alarm
from webapp.web.access_table import ACCESS, OPS_OPERATOR

MINE = (
    *("ops_actions", "ops_addresses", "ops_alarms", "ops_home", "ops_messages", "ops_postcards", "ops_record"),
    *("ops_registrations", "ops_returned_mail", "ops_sending", "ops_work_items"),
)
LISTS = (
    "/ops",
    "/ops/registrations",
    "/ops/registrations?notice=failed&failure=dead&postcard=any&card=ordered&since=2026-11-01&until=2026-11-30",
    "/ops/registrations?postcard=none",
    "/ops/messages",
    "/ops/messages?state=failed&failure=dead&reason=userunknown&destination=docomo.ne.jp",
    "/ops/messages/sending",
    "/ops/returned-mail?state=applied",
    "/ops/postcards?state=queued",
    "/ops/work-items",
    "/ops/alarms",
    "/ops/addresses",
)


@pytest.fixture
def story(app, now):
    business_bounced(now)
    held(now)
    for minute in range(5):
        bounced(now + dt.timedelta(minutes=minute), email="shared@yamada.example")
    open_alarm(AlarmKind.OUR_FAILURE, "docomo.ne.jp", now)
    return bounced(now)


def pages_of(story) -> dict[str, int | None]:
    """Every page of one thing, by its endpoint's pattern, with the id of a thing that it can show."""
    return {
        "/ops/registrations/{}": story.registration.id,
        "/ops/registrations/{}/address/technician": story.registration.id,
        "/ops/registrations/{}/address/business": story.registration.id,
        "/ops/registrations/{}/postcard": story.registration.id,
        "/ops/messages/{}/again": story.message.id,
        "/ops/messages/{}/cancel": story.message.id,
        "/ops/returned-mail/{}": story.mail.id,
        "/ops/returned-mail/{}/overrule": story.mail.id,
        "/ops/work-items/{}": WorkItem.select().where(WorkItem.kind == "same_address").get().id,
        "/ops/addresses/{}/restore": EmailAddress.get(EmailAddress.state == "invalid").id,
    }


CHANGES_ONLY = ("/address/", "/postcard", "/again", "/cancel", "/overrule", "/restore")


def test_each_page_shows_itself_whole_and_as_a_part(story, ops_operator, ops_viewer):
    ops_operator.get(way_to(ops_operator, story.registration))  # the forms of a record belong to who has opened it
    for address in [*LISTS, *(pattern.format(ids.encode(one)) for pattern, one in pages_of(story).items())]:
        assert ops_operator.get(address).status_code == 200, address
        assert ops_operator.partial(address).status_code == 200, address
        changes = address not in LISTS and any(part in address for part in CHANGES_ONLY)
        assert ops_viewer.get(address).status_code == (403 if changes else 200), address
    assert "<h1" not in ops_operator.partial("/ops/messages").text


def test_what_does_not_exist_is_not_found_and_what_is_no_id_neither(story, ops_operator):
    for pattern, one in pages_of(story).items():
        assert ops_operator.get(pattern.format(ids.encode(one + 1))).status_code == 404, pattern
        for nonsense in ("1", ids.encode(one).lower(), "0" * 13 + "0", "%20"):
            assert ops_operator.get(pattern.format(nonsense)).status_code == 404, (pattern, nonsense)


def test_a_viewer_may_change_nothing(app, story, ops_viewer):
    unsafe = [r for r in app.url_map.iter_rules() if r.endpoint.split(".")[0] in MINE and "POST" in r.methods]
    assert len(unsafe) > 10
    for route in unsafe:
        values = {name: story.registration.id if name != "role" else "technician" for name in route.arguments}
        with app.test_request_context():
            address = app.url_map.bind("localhost").build(route.endpoint, values, method="POST")
        # To look for somebody and to say why are part of looking.
        if route.endpoint in ("ops_registrations.search", "ops_record.reason"):
            assert ops_viewer.submit(address).status_code in (303, 422)
            continue
        assert ACCESS[route.endpoint] is OPS_OPERATOR, route.endpoint
        for htmx in (False, True):
            assert ops_viewer.submit(address, htmx=htmx).status_code == 403, route.endpoint


def test_a_list_does_not_answer_to_post(ops_operator):
    ops_operator.get("/ops")
    for address in LISTS:
        if address != "/ops/messages/sending":
            assert ops_operator.submit(address).status_code == 405, address


def test_a_page_asks_the_database_as_often_for_fifty_rows_as_for_five(app, now, ops_operator, caplog):
    for minute in range(5):
        bounced(now + dt.timedelta(minutes=minute), email=f"{minute}@docomo.ne.jp")
    few = {address: queries(ops_operator, caplog, address) for address in LISTS}
    for minute in range(5, 60):
        bounced(now + dt.timedelta(minutes=minute), email=f"{minute}@docomo.ne.jp")
    many = {address: queries(ops_operator, caplog, address) for address in LISTS}
    # A list that had nothing to look up for its rows may ask for it once there are some.
    assert {a: (few[a], many[a]) for a in LISTS if many[a] > few[a] + 2} == {}
    assert max(many.values()) <= 32, many


def queries(client, caplog, address: str) -> int:
    caplog.clear()
    with caplog.at_level(logging.DEBUG, "peewee"):
        assert client.get(address).status_code == 200
    return sum(record.name == "peewee" for record in caplog.records)


def test_a_timeline_of_many_events_asks_as_often_as_a_short_one(app, now, ops_operator, caplog):
    story = bounced(now)
    address = way_to(ops_operator, story.registration)
    short = queries(ops_operator, caplog, address)
    for minute in range(30):
        returned(story, now + dt.timedelta(minutes=minute + 1), "evidence")
    assert queries(ops_operator, caplog, address) == short <= 40


def test_a_viewer_sees_no_address_whole_on_any_page(story, ops_viewer):
    for address in [*LISTS, *(pattern.format(ids.encode(one)) for pattern, one in pages_of(story).items())]:
        answer = ops_viewer.get(address)
        assert "canary" not in answer.text and "shared@" not in answer.text, address
    there = way_to(ops_viewer, story.registration)
    assert "k…@docomo.ne.jp" in ops_viewer.get(there).text


def test_no_address_leads_to_a_name_an_id_or_a_mail_address(story, ops_operator):
    for address in [*LISTS, way_to(ops_operator, story.registration)]:
        html = ops_operator.get(address).text
        links = [part.split('"')[0] for part in html.split('href="')[1:] + html.split('action="')[1:]]
        private = (story.person.technician_id, story.registration.application_number, "canary", "佐藤", "%E4")
        assert not [link for link in links for word in private if word in link], address


def test_each_number_on_the_first_page_is_that_of_its_list(story, ops_operator):
    home = ops_operator.get("/ops").text
    for address, rows in (
        ("/ops/messages?state=failed", 7),
        ("/ops/messages?state=reconciliation", 1),
        ("/ops/postcards?state=on_hold", Postcard.select().where(Postcard.state == "on_hold").count()),
        ("/ops/work-items?kind=business_address", 1),
    ):
        shown = home.split(f'href="{address}"')[1].split("件")[0].rsplit(">", 1)[1]
        assert int(shown) == rows, address
        assert ops_operator.get(address).text.count("<tr>") - 1 == rows, address


def test_every_page_of_an_operator_leads_on_and_marks_where_one_is(story, ops_operator, ops_viewer):
    for address in ("/ops", "/ops/messages", f"/ops/registrations/{ids.encode(story.registration.id)}"):
        menu = ops_operator.get(address).text.split('<nav class="crumbs menu"')[1].split("</nav>")[0]
        for place in ("/ops", "/ops/dashboard", "/ops/registrations", "/ops/messages", "/ops/postcards", "/ops/cards"):
            assert f'href="{place}"' in menu, (address, place)
        assert menu.count('aria-current="page"') == (0 if "registrations/" in address else 1), address
    assert 'href="/ops/postcards/returned"' in ops_operator.get("/ops").text
    assert 'href="/ops/postcards/returned"' not in ops_viewer.get("/ops").text  # scanning is no viewer's work
