"""The filters of a business's list by notice and card, on both engines, for pages, counts and changes of many alike."""

import datetime as dt

import pytest
from peewee import SQL

from db.models import Affiliation, Card
from tests import cast
from webapp.domain.accounts.accounts import AccountKind, BusinessRole
from webapp.domain.affiliations import roster
from webapp.domain.affiliations.by_proxy import applications
from webapp.domain.affiliations.history import ended
from webapp.domain.affiliations.roster import Filter, Sort
from webapp.domain.affiliations.roster_states import CardFilter, NoticeFilter
from webapp.domain.core.paging import Cursor
from webapp.domain.disclosure.bulk import preview_bulk
from webapp.domain.disclosure.policy import Viewer
from webapp.domain.disclosure.states import DisclosureState
from webapp.domain.notices.messages import MessageState, Role


@pytest.fixture
def firm(database, now):
    return cast.business(now)


@pytest.fixture
def boss(firm):
    return Viewer(AccountKind.BUSINESS_USER, 1, True, BusinessRole.ADMINISTRATOR, business_id=firm.id)


@pytest.fixture
def people(firm, now):
    """One person for each state of a notice, and one for each state of a card; in the order of their kana."""
    made = {}
    for n, state in enumerate((*MessageState, "ordered", "posted", "absent", "kept", "delivered", "returned", "lost")):
        person = cast.technician(now, name_kana=f"アオキ {n:02}")
        application = cast.registration(person, now, proxy_business=firm)
        if isinstance(state, MessageState):
            cast.sent_notice(application, cast.email(person, f"p{n}@mail.example", now), now, state=state)
        else:
            Card.create(
                registration=application, technician=person, state=state, known=state, ordered_at=now, changed_at=now,
                kept_until=dt.date(2026, 11, 27),
            )  # fmt: skip
        cast.affiliate(person, firm, now)
        made[n] = person.id
    return made


@pytest.mark.parametrize(
    ("part", "states"),
    [
        (Filter(notice=NoticeFilter.UNDELIVERED), {"failed"}),
        (Filter(notice=NoticeFilter.WAITING), {"queued", "sending", "waiting_retry", "reconciliation"}),
        (Filter(notice=NoticeFilter.SENT), {"sent", "delivered"}),
        (Filter(card=CardFilter.KEPT), {"absent", "kept"}),
        (Filter(card=CardFilter.BACK), {"returned", "lost"}),
        (Filter(card=CardFilter.MAKING), {"ordered"}),
        (Filter(card=CardFilter.MOVING), {"posted"}),
        (Filter(notice=NoticeFilter.SENT, card=CardFilter.KEPT), set()),
    ],
)
def test_a_filter_finds_its_people_and_counts_and_changes_the_same(boss, people, part, states):
    found = {row.id for row in roster.page(boss, part).rows}
    # "delivered" is a state of a notice and of a card: the row itself says which it is.
    rows = {row.id: row.states for row in roster.page(boss).rows}
    shown = {one for one, its in rows.items() if {its.notice, its.card} & states}
    if part.notice is not None:
        shown = {one for one in shown if rows[one].notice in states}
    assert found == shown and len(found) >= len(states)
    assert roster.count(boss, part) == len(found) == preview_bulk(boss, roster.chosen(part), 1, True).people


def test_the_newest_come_first_page_by_page(boss, people):
    rows = list(Affiliation.select(Affiliation.id).order_by(Affiliation.id.desc()).tuples())
    first = roster.page(boss, size=5, sort=Sort.NEWEST)
    second = roster.page(boss, size=5, sort=Sort.NEWEST, after=first.after)
    assert [row.affiliation_id for row in (*first.rows, *second.rows)] == [row[0] for row in rows[:10]]
    assert roster.page(boss, size=5, sort=Sort.NEWEST, before=second.before).rows == first.rows


def test_a_row_of_somebody_without_notice_or_card_says_so(boss, firm, now):
    cast.affiliate(cast.technician(now), firm, now)
    (row,) = roster.page(boss).rows
    assert (row.states.notice, row.states.card, row.states.signed_in) == (None, None, False)
    assert roster.count(boss, Filter(notice=NoticeFilter.NONE, not_signed_in=True)) == 1


def test_a_proxy_reads_its_applications_and_nobody_else(boss, people, firm, now):
    page = applications(boss, Cursor())
    assert len(page.rows) == len(people)
    assert {row.notices[Role.TECHNICIAN][0] for row in page.rows if row.notices} == set(MessageState)
    number = page.rows[0].number
    assert [row.number for row in applications(boss, Cursor(), number).rows] == [number]
    other = Viewer(AccountKind.BUSINESS_USER, 2, True, BusinessRole.VIEWER, business_id=cast.business(now).id)
    assert applications(other, Cursor()).rows == []
    assert applications(Viewer(AccountKind.OPERATOR, 3, True, "viewer"), Cursor()).rows == []


def test_past_affiliations_are_listed_without_their_people(boss, firm, now):
    person = cast.technician(now)
    Affiliation.create(
        technician=person, business=firm, current=False, started_at=now, ended_at=now, end_reason="left", sort_key="ア"
    )
    (row,) = ended(boss, Cursor()).rows
    assert row.reason == "本人が離れた" and not hasattr(row, "name")


@pytest.mark.parametrize(
    "part",
    [
        *(Filter(notice=wanted) for wanted in NoticeFilter),
        *(Filter(card=wanted) for wanted in CardFilter),
        *(Filter(state=wanted) for wanted in DisclosureState),
        Filter(not_signed_in=True),
    ],
    ids=str,
)
def test_counting_a_filter_reads_indexes_alone(sqlite, part):
    """Of 23,000 people it would read as many rows of each table (on SQLite, whose plan hangs on the schema alone)."""
    own = Affiliation.select(SQL("1")).where(Affiliation.current & (Affiliation.business == 1) & roster.chosen(part))
    sql, values = own.sql()
    plan = [row[-1] for row in sqlite.execute_sql(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()]
    read = [step for step in plan if "SEARCH" in step or "SCAN" in step]
    assert read and all("COVERING INDEX" in step for step in read), plan
