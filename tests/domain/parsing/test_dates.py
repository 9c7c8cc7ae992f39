from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.parsing.dates import (
    NO_SUCH_DATE,
    NO_SUCH_ERA_YEAR,
    NO_SUCH_TIME,
    NOT_A_DATE,
    NOT_A_MOMENT,
    TIME_IN_DATE,
    parse_date,
    parse_moment,
)
from webapp.domain.parsing.problems import CellError


@pytest.mark.parametrize(
    "text",
    [
        "2026/11/1",
        "2026/11/01",
        "2026-11-01",
        "2026-11-1",
        "20261101",
        "2026.11.1",
        "2026年11月1日",
        "2026年11月1日(日)",
        "令和8年11月1日",
        "令和 8年 11月 1日",
        "令和８年１１月１日",
        "㋿8年11月1日",
        "R8.11.1",
        "R08.11.01",
        "r8/11/1",
        "R8-11-1",
        "Ｒ８．１１．１",
        "２０２６／１１／１",
        "２０２６年１１月０１日",
        "2026−11−01",
        "2026-11-01 00:00:00",
        "2026/11/1 0:00",
    ],
)
def test_every_way_an_office_writes_the_first_of_november_is_that_day(text):
    assert parse_date(text) == date(2026, 11, 1)


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("H1.1.8", date(1989, 1, 8)),
        ("平成元年1月8日", date(1989, 1, 8)),
        ("H元.1.8", date(1989, 1, 8)),
        ("H31.4.30", date(2019, 4, 30)),
        ("平成31年10月1日", date(2019, 10, 1)),
        ("令和元年5月1日", date(2019, 5, 1)),
        ("S55.4.1", date(1980, 4, 1)),
        ("昭和64年1月7日", date(1989, 1, 7)),
        ("㍼55年4月1日", date(1980, 4, 1)),
        ("大正15年12月24日", date(1926, 12, 24)),
        ("M45.7.29", date(1912, 7, 29)),
        ("2024/2/29", date(2024, 2, 29)),
        ("令元.5.1", date(2019, 5, 1)),
        ("昭55.4.1", date(1980, 4, 1)),
    ],
)
def test_eras_are_counted_from_their_first_year(text, day):
    assert parse_date(text) == day


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("26/11/1", NOT_A_DATE),
        ("46327", NOT_A_DATE),
        ("2026/11", NOT_A_DATE),
        ("2026/11-1", NOT_A_DATE),
        ("11/1/2026", NOT_A_DATE),
        ("1980/4/123", NOT_A_DATE),
        ("202611011", NOT_A_DATE),
        ("2.0261101E+07", NOT_A_DATE),
        ("昨日", NOT_A_DATE),
        ("2026/11/1 午前", NOT_A_DATE),
        (" " * 100_000 + "x", NOT_A_DATE),
        ("2026/2/29", NO_SUCH_DATE),
        ("2026/13/1", NO_SUCH_DATE),
        ("0000-00-00", NO_SUCH_DATE),
        ("令和8年2月30日", NO_SUCH_DATE),
        ("昭和65年1月1日", NO_SUCH_ERA_YEAR),
        ("H32.1.1", NO_SUCH_ERA_YEAR),
        ("R0.1.1", NO_SUCH_ERA_YEAR),
        ("2026/11/1 10:02", TIME_IN_DATE),
    ],
)
def test_what_is_no_day_or_would_be_a_guess_is_refused_with_its_sentence(text, sentence):
    with pytest.raises(CellError) as refused:
        parse_date(text)
    assert refused.value.sentence == sentence


@pytest.mark.parametrize(
    "text",
    [
        "2026/11/18 10:02",
        "2026-11-18 10:02:00",
        "2026-11-18T10:02",
        "2026-11-18T10:02:00+09:00",
        "2026-11-18T10:02:00.000+0900",
        "2026-11-18T01:02:00Z",
        "2026-11-17 20:02 -05:00",
        "20261118 10:02",
        "202611181002",
        "20261118100200",
        "2026年11月18日 10時02分",
        "2026年11月18日10時2分",
        "令和8年11月18日 10:02",
        "R8.11.18 10:02",
        "２０２６／１１／１８　１０：０２",
        "2026/11/18 10:02 JST",
    ],
)
def test_a_moment_without_a_zone_is_japans_and_is_kept_in_utc(text):
    assert parse_moment(text) == datetime(2026, 11, 18, 1, 2, tzinfo=UTC)
    assert parse_moment(text).tzinfo is UTC


def test_a_day_alone_begins_at_midnight_in_japan():
    assert parse_moment("2026/11/18") == datetime(2026, 11, 17, 15, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("2026/11/18 25:00", NO_SUCH_TIME),
        ("2026/11/18 10:61", NO_SUCH_TIME),
        ("0001-01-01 00:00", NO_SUCH_TIME),
        ("2026/2/30 10:02", NO_SUCH_DATE),
        ("2026/11/18 10", NOT_A_MOMENT),
        ("2026/11/18 10:02 EST", NOT_A_MOMENT),
        ("2026-11-18T10:02+99:00", NOT_A_MOMENT),
        ("10:02", NOT_A_MOMENT),
        ("2026111810", NOT_A_MOMENT),
    ],
)
def test_what_is_no_moment_is_refused_with_its_sentence(text, sentence):
    with pytest.raises(CellError) as refused:
        parse_moment(text)
    assert refused.value.sentence == sentence


@given(st.dates(min_value=date(1926, 1, 1), max_value=date(2099, 12, 31)))
def test_every_day_is_read_back_from_every_way_of_writing_it(day):
    for form in ("%Y/{m}/{d}", "%Y-%m-%d", "%Y%m%d", "%Y.{m}.{d}", "%Y年{m}月{d}日"):
        assert parse_date(day.strftime(form).format(m=day.month, d=day.day)) == day
    letter, first = ("R", 2019) if day.year >= 2019 else ("H", 1989) if day.year >= 1989 else ("S", 1926)
    assert parse_date(f"{letter}{day.year - first + 1}.{day.month}.{day.day}") == day


@given(st.text(alphabet="0123456789/-. 年月日時分元令和平成RHStTZ:+０１年　", max_size=30))
def test_any_text_is_a_date_or_a_refusal(text):
    for parse, kind in ((parse_date, date), (parse_moment, datetime)):
        try:
            assert isinstance(parse(text), kind)
        except CellError as refused:
            assert refused.sentence


@pytest.mark.parametrize(
    ("text", "hour"),
    [
        ("2026/11/18 午前 9:05", 0),
        ("2026年11月18日 午後3時05分", 6),
        ("2026/11/18 午後12:05", 3),
        ("2026/11/18 午前0:05", -9),
    ],
)
def test_halves_of_the_day_are_read(text, hour):
    assert parse_moment(text) == datetime(2026, 11, 18, tzinfo=UTC) + timedelta(hours=hour, minutes=5)


def test_a_half_of_the_day_has_twelve_hours():
    with pytest.raises(CellError, match=NO_SUCH_TIME):
        parse_moment("2026/11/18 午後13:05")
