"""A form acts once: the first sending acts, the second waits and gets its answer."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor

from hypothesis import given
from hypothesis import strategies as st

from db.database import connected
from db.models import FormSubmission
from tests.examples import examples
from webapp.domain.accounts import form_submissions
from webapp.domain.accounts.form_submissions import IN_FLIGHT_FOR, KEPT_FOR, begin, digest_of, finish, forget

INSTANT = dt.timedelta(microseconds=1)


def test_the_second_waits_and_gets_the_answer_of_the_first(database, now):
    first = begin("x", now)
    assert begin("x", now) is None
    finish(first, "answer")
    assert begin("x", now + KEPT_FOR - INSTANT) == "answer"
    assert isinstance(begin("y", now), FormSubmission)


def test_what_did_nothing_or_is_long_ago_is_sent_anew(database, now):
    forget(begin("x", now))
    again = begin("x", now)
    assert isinstance(again, FormSubmission)
    finish(again, "answer")
    forget(again)
    assert begin("x", now) == "answer", "what is answered stays answered"
    assert isinstance(begin("x", now + KEPT_FOR), FormSubmission)


def test_one_that_died_is_followed_by_one_and_changes_nothing_any_more(database, now):
    dead = begin("x", now)
    assert begin("x", now + IN_FLIGHT_FOR - INSTANT) is None
    later = now + IN_FLIGHT_FOR
    heir = begin("x", later)
    assert begin("x", later) is None
    finish(dead, "late")
    forget(dead)
    assert begin("x", later) is None, "the dead one's end says nothing"
    finish(heir, "answer")
    assert begin("x", later) == "answer"


def test_of_many_at_once_one_acts(database, now):
    def ask(_):
        with connected():
            return begin("x", now)

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    assert sum(isinstance(row, FormSubmission) for row in found) == 1
    assert found.count(None) == 7


@examples(100)
@given(st.lists(st.text()), st.lists(st.text()))
def test_two_contents_have_two_names(first, second):
    assert (digest_of(first) == digest_of(second)) == (first == second)


def test_half_a_character_has_a_name():
    assert digest_of(["\ud800"]) != digest_of(["\udbff"])
    assert form_submissions.KEPT_FOR > form_submissions.IN_FLIGHT_FOR
