"""The list of what was posted, as offices write it."""

import datetime as dt

import pytest

from webapp.domain.cards.dispatches import BAD_CELL, IN_FUTURE, read_dispatches

NOW = dt.datetime(2026, 12, 1, 3, tzinfo=dt.UTC)


def read(day, now=NOW):
    (found,) = read_dispatches([[["申請番号", "お問い合わせ番号", "引受日"], ["X-1", "131-12-38001-3", day]]], now)
    return found


@pytest.mark.parametrize("text", ("11月20日", "11/20", "１１／２０", "2026/11/20"))
def test_a_day_without_a_year_is_the_one_nearest_to_today(text):
    assert read(text).accepted_on == dt.date(2026, 11, 20)
    assert read("12/28", NOW + dt.timedelta(days=40)).accepted_on == dt.date(2026, 12, 28)


def test_a_day_without_a_year_is_never_taken_back_to_another_year_to_lie_in_the_past():
    assert read("12/2").problem[0] == IN_FUTURE
    assert read("13/2").problem[0] == BAD_CELL
