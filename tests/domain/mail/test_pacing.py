"""No domain gets more than its pace, nobody waits longer than needed, and the tries are spread over three days."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.mail.pacing import Pace, back_off, full_bucket, next_try, take

paces = st.builds(Pace, st.floats(0.01, 1000), st.floats(1, 1000))
asks = st.lists(st.tuples(st.floats(0, 100), st.integers(0, 50)), max_size=40)

THREE_DAYS = timedelta(days=3)


@given(paces, asks)
def test_no_more_goes_than_the_burst_and_the_rate(pace, asks):
    bucket, at, total = full_bucket(pace, 1000.0), 1000.0, 0
    for elapsed, wanted in asks:
        at += elapsed
        granted, bucket, _ = take(bucket, pace, at, wanted)
        assert 0 <= granted <= wanted
        total += granted
        assert total <= pace.burst + (at - 1000.0) * pace.per_second + 1e-3


@given(paces, asks)
def test_after_the_wait_one_more_may_go_and_not_much_earlier(pace, asks):
    bucket, at = full_bucket(pace, 0.0), 0.0
    for elapsed, wanted in asks:
        at += elapsed
        _, bucket, _ = take(bucket, pace, at, wanted)
    _, _, wait = take(bucket, pace, at, 0)
    assert take(bucket, pace, at + wait + 1e-6)[0] == 1
    if wait > 1e-3:
        assert take(bucket, pace, at + wait * 0.5)[0] == 0


def test_a_clock_that_runs_backwards_gives_nothing_and_takes_nothing():
    pace = Pace(1, 5)
    _, bucket, _ = take(full_bucket(pace, 100), pace, 100, 5)
    granted, bucket, _ = take(bucket, pace, 50, 5)
    assert (granted, bucket.at, bucket.tokens) == (0, 100, 0)
    assert take(bucket, pace, 103, 5)[0] == 3


@pytest.mark.parametrize(("rate", "burst"), [(0, 1), (-1, 1), (1, 0.5)])
def test_a_pace_that_would_stand_still_is_refused(rate, burst):
    with pytest.raises(ValueError, match="pace"):
        Pace(rate, burst)


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_back_off_grows_is_spread_and_bounded(failures, chance):
    delay = back_off(failures, chance)
    assert timedelta(minutes=3.75) <= delay <= timedelta(hours=15)
    assert back_off(failures, 0) <= delay <= back_off(failures, 1)
    assert back_off(failures + 1, chance) >= delay


@given(st.lists(st.floats(0, 1), min_size=60, max_size=60))
def test_the_tries_fill_three_days_and_end(chances):
    since = timedelta(0)
    for tries, chance in enumerate(chances, 1):
        wait = next_try(tries, chance, since, THREE_DAYS)
        if wait is None:
            break
        since += wait
    assert wait is None and since == THREE_DAYS and 10 <= tries <= 18
