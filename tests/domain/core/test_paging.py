"""Pages by keys on both engines: nothing is lost or repeated, in both directions, whatever the keys are."""

import datetime as dt

import pytest

from db.models import Alarm, EmailAddress, Message, Postcard, Registration, Technician, WorkItem
from tests import cast
from webapp.domain.core import paging
from webapp.domain.core.paging import Cursor, Order
from webapp.domain.notices import listing
from webapp.domain.notices.listing import MessageFilters
from webapp.domain.registrations import listing as registration_list
from webapp.domain.registrations.listing import RegistrationFilters

COMPLETED = Order(Registration, (Registration.completed_at, Registration.id))


@pytest.fixture
def many(database, now):
    """23 registrations, several of one person and of one moment."""
    people = [cast.technician(now, name_kana=kana) for kana in ("サトウ", "サトウ", "スズキ", "ー", "アア")]
    return [cast.registration(people[n % 5], now + dt.timedelta(seconds=n // 4)) for n in range(23)]


def forwards(query, order, key=lambda row: row.id, size=5):
    pages, cursor = [], Cursor()
    while True:
        page = paging.read(query, order, cursor, key, size)
        pages.append([key(row) for row in page.rows])
        if page.after is None:
            return pages
        cursor = Cursor(after=page.after)


def backwards(query, order, key=lambda row: row.id, size=5):
    """The pages from the last one back."""
    cursor = Cursor(after=forwards(query, order, key, size)[-2][-1])
    pages = []
    while True:
        page = paging.read(query, order, cursor, key, size)
        pages.insert(0, [key(row) for row in page.rows])
        if page.before is None:
            return pages
        cursor = Cursor(before=page.before)


def test_each_row_is_on_one_page_in_the_lists_order(many):
    pages = forwards(Registration.select(), COMPLETED)
    assert [row for page in pages for row in page] == [
        row.id for row in sorted(many, key=lambda r: (r.completed_at, r.id), reverse=True)
    ]
    assert [len(page) for page in pages] == [5, 5, 5, 5, 3]


def test_the_way_back_shows_the_same_pages(many):
    pages = forwards(Registration.select(), COMPLETED)
    assert backwards(Registration.select(), COMPLETED) == pages


def test_a_rising_list_works_alike(many):
    order = Order(Registration, (Registration.completed_at, Registration.id), falling=False)
    pages = forwards(Registration.select(), order)
    assert [row for page in pages for row in page] == [row.id for row in many]
    assert backwards(Registration.select(), order) == pages


def test_an_id_that_is_not_there_leads_to_the_first_page(many):
    first = paging.read(Registration.select(), COMPLETED, Cursor(), size=5)
    for cursor in (Cursor(after=1), Cursor(before=1)):
        page = paging.read(Registration.select(), COMPLETED, cursor, size=5)
        assert list(page.rows) == list(first.rows) and page.before is None


def test_a_list_of_people_is_cut_between_their_registrations_too(many):
    found = registration_list.listing(RegistrationFilters(term="サトウ", field="kana"))
    pages = forwards(found.query, found.order, lambda row: row.key, 3)
    assert sum(map(len, pages)) == len({row for page in pages for row in page}) == 10
    assert backwards(found.query, found.order, lambda row: row.key, 3) == pages


def test_a_count_goes_no_further_than_it_is_asked_to(many):
    assert paging.count(Registration.select()) == 23
    assert paging.count(Registration.select(), 7) == 8


@pytest.mark.parametrize(
    "kana, found", [("サ", 0), ("サト", 2), ("サトウ", 2), ("スズ", 1), ("アア", 1), ("アアア", 0)]
)
def test_the_beginning_of_a_name_is_one_range_on_both_engines(many, kana, found):
    if len(kana) < registration_list.SHORTEST:
        with pytest.raises(registration_list.TermTooShort):
            registration_list.listing(RegistrationFilters(term=kana, field="kana"))
        return
    rows = registration_list.listing(RegistrationFilters(term=kana, field="kana")).query
    assert len({row.technician_id for row in rows}) == found


def test_names_are_ordered_alike_on_both_engines(many):
    rows = Technician.select(Technician.kana_key).order_by(Technician.kana_key)
    assert [row.kana_key for row in rows] == ["アア", "サトウ", "サトウ", "スズキ", "ー"]


LISTS = {
    "registrations": (registration_list.listing, RegistrationFilters(), "registration_completed"),
    "by state": (registration_list.listing, RegistrationFilters(notice="failed"), "message_list"),
    "by class": (registration_list.listing, RegistrationFilters(notice="failed", failure="dead"), "message_failure"),
    "by card": (registration_list.listing, RegistrationFilters(card="kept"), "card_state"),
    "by postcard": (registration_list.listing, RegistrationFilters(postcard="queued"), "postcard_state"),
    "by name": (registration_list.listing, RegistrationFilters(term="佐藤"), "technician_search"),
    "by kana": (registration_list.listing, RegistrationFilters(term="サトウ"), "technician_kana"),
    "by ID": (registration_list.listing, RegistrationFilters(term="7000000"), "technician_id"),
    "by number": (registration_list.listing, RegistrationFilters(term="A-2026-00001"), "application_number"),
    "messages": (listing.listing, MessageFilters(state="failed"), "message_list"),
    "messages by reason": (listing.listing, MessageFilters(state="failed", reason="userunknown"), "message_state"),
    "messages by class": (listing.listing, MessageFilters(state="failed", failure="dead"), "message_failure"),
    "messages by domain": (
        listing.listing,
        MessageFilters(state="sent", destination="docomo.ne.jp"),
        "message_destination",
    ),
}
PLAIN = {
    "work": (WorkItem.select().where(WorkItem.state == "open"), Order(WorkItem, (WorkItem.id,)), "work_item_state"),
    "postcards": (
        Postcard.select().where(Postcard.state == "queued"),
        Order(Postcard, (Postcard.queued_at, Postcard.id)),
        "postcard_state",
    ),
    "addresses": (
        EmailAddress.select().where((EmailAddress.state == "invalid") & EmailAddress.valid_to.is_null()),
        Order(EmailAddress, (EmailAddress.judged_at, EmailAddress.id)),
        "email_address_judged",
    ),
    "alarms": (Alarm.select().where(Alarm.closed_at.is_null()), Order(Alarm, (Alarm.id,)), ""),
}


def plan_of(database, query, order) -> str:
    fields = [field.desc() if order.falling else field.asc() for field in order.fields]
    sql, values = query.order_by(*fields).limit(51).sql()
    word = "EXPLAIN QUERY PLAN " if "Sqlite" in type(database.obj).__name__ else "EXPLAIN "
    return "\n".join(str(row[-1]) for row in database.execute_sql(word + sql, values).fetchall())


@pytest.mark.parametrize("name", [*LISTS, *PLAIN])
def test_each_list_walks_the_index_of_its_order(sqlite, name):
    """On SQLite, whose plan does not hang on how full the tables are; bench holds PostgreSQL to the same."""
    if name in PLAIN:
        query, order, index = PLAIN[name]
    else:
        make, filters, index = LISTS[name]
        made = make(filters)
        query, order = (made.query, made.order) if make is registration_list.listing else (made, listing.ORDER)
    plan = plan_of(sqlite, query, order)
    assert index in plan or (name in ("by ID", "by number") and "sqlite_autoindex" in plan), plan
    if name not in ("by name", "by kana", "by ID", "by number"):
        assert "TEMP B-TREE" not in plan, plan


def test_messages_by_state_are_those_of_the_state(database, now):
    story = cast.registration(cast.technician(now), now)
    address = cast.email(story.technician, "a@docomo.ne.jp", now)
    cast.sent_notice(story, address, now)
    assert listing.counts(MessageFilters())["sent"] == 1
    assert listing.listing(MessageFilters(state="sent")).get() == Message.get()
