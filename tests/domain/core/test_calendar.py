"""Working days and opening hours are counted as people in Japan count them."""

from datetime import UTC, date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.core.calendar import JST, WorkingCalendar, jst_day

CALENDAR = WorkingCalendar()
days = st.dates(date(2020, 1, 1), date(2035, 12, 31))
moments = st.datetimes(datetime(2020, 1, 1), datetime(2035, 12, 31), timezones=st.just(UTC))


@pytest.mark.parametrize(
    ("day", "working"),
    [
        (date(2026, 11, 20), True),  # Friday
        (date(2026, 11, 21), False),  # Saturday
        (date(2026, 11, 23), False),  # Labour Thanksgiving Day
        (date(2026, 5, 6), False),  # substitute holiday
        (date(2026, 12, 28), True),
        (date(2026, 12, 29), False),  # year-end is in no holiday library
        (date(2026, 12, 31), False),
        (date(2027, 1, 1), False),
        (date(2027, 1, 4), True),
    ],
)
def test_weekends_holidays_and_year_end_are_not_worked(day, working):
    assert CALENDAR.is_working(day) is working


def test_year_end_is_a_setting_and_may_lie_within_one_month():
    calendar = WorkingCalendar(year_end_from=(12, 30), year_end_to=(12, 31))
    assert calendar.is_working(date(2026, 12, 29))
    assert not calendar.is_working(date(2026, 12, 30))


def test_a_day_in_japan_begins_at_fifteen_utc():
    assert jst_day(datetime(2026, 11, 22, 15, tzinfo=UTC)) == date(2026, 11, 23)
    assert jst_day(datetime(2026, 11, 22, 14, 59, tzinfo=UTC)) == date(2026, 11, 22)
    with pytest.raises(ValueError, match="time zone"):
        jst_day(datetime(2026, 11, 22))


@given(days, st.integers(0, 30))
def test_counting_forward_and_counting_between_agree(day, count):
    end = CALENDAR.add_working_days(day, count)
    assert CALENDAR.working_days_after(day, end) == count
    assert end == day or CALENDAR.is_working(end)


@given(moments)
def test_the_centre_is_open_exactly_when_it_says_so(now):
    opening = CALENDAR.opening(now)
    local = now.astimezone(JST)
    assert opening.open_now == (CALENDAR.is_working(local.date()) and time(9) <= local.time() < time(17))
    if opening.open_now:
        assert opening.closes_at is not None and now < opening.closes_at
    else:
        assert opening.opens_at is not None and opening.opens_at > now
        assert CALENDAR.opening(opening.opens_at).open_now
        assert not CALENDAR.opening(opening.opens_at - timedelta(microseconds=1)).open_now


@given(moments, st.timedeltas(timedelta(0), timedelta(days=20)), st.timedeltas(timedelta(0), timedelta(days=20)))
def test_business_time_adds_up(start, first, second):
    middle, end = start + first, start + first + second
    whole = CALENDAR.business_time(start, end)
    assert whole == CALENDAR.business_time(start, middle) + CALENDAR.business_time(middle, end)
    assert timedelta(0) <= whole <= end - start


def test_the_age_of_an_inquiry_stands_still_at_night_and_at_weekends():
    friday_evening = datetime(2026, 11, 20, 16, 0, tzinfo=JST)
    tuesday_morning = datetime(2026, 11, 24, 10, 30, tzinfo=JST)  # Monday the 23rd is a holiday
    assert CALENDAR.business_hours(friday_evening, tuesday_morning) == 2
    assert CALENDAR.business_time(tuesday_morning, friday_evening) == timedelta(0)


def test_a_centre_that_never_opens_says_nothing_of_when():
    closed = WorkingCalendar(closed_days=frozenset(date(2026, 1, 1) + timedelta(days=n) for n in range(200)))
    assert closed.opening(datetime(2026, 1, 5, tzinfo=UTC)).opens_at is None
    with pytest.raises(ValueError, match="open before"):
        WorkingCalendar(opens=time(17), closes=time(9))
    with pytest.raises(ValueError, match="weekday"):
        WorkingCalendar(closed_weekdays=frozenset(range(7)))
