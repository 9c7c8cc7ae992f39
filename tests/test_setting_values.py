"""The text of a setting is read as it is meant, or refused with half a sentence: never with a fault."""

import datetime as dt

import pytest

from webapp import setting_values as values

LONG = "x" * 32

READ = [
    (values.text, "", ""),
    (values.line, "Todoke", "Todoke"),
    (values.time_of_day, "16:30", "16:30"),
    (values.time_of_day, "", ""),
    (values.flag, "Yes", True),
    (values.flag, "off", False),
    (values.number(1, 9), "9", 9),
    (values.choice("ja", "en"), "en", "en"),
    (values.words("dead", "refused"), "dead, refused", ("dead", "refused")),
    (values.database, "sqlite:///todoke.db", "sqlite:///todoke.db"),
    (values.domain, "todoke.example", "todoke.example"),
    (values.mailbox, "ops@todoke.example", "ops@todoke.example"),
    (values.empty_or(values.mailbox), "", ""),
    (values.url, "https://todoke.example/", "https://todoke.example"),
    (values.keys, f"a:{LONG}", (("a", LONG),)),
    (values.year_end, "12-29/01-03", ((12, 29), (1, 3))),
    (values.days, "2026-12-28, 2027-01-04", (dt.date(2026, 12, 28), dt.date(2027, 1, 4))),
    (values.secret, LONG, LONG),
    (values.token, "", ""),
    (values.relays, "smtp://relay.example:25", ("smtp://relay.example:25",)),
]
REFUSED = [
    (values.line, "two\nlines"),
    (values.time_of_day, "24:00"),
    (values.flag, "perhaps"),
    (values.number(1, 9), "10"),
    (values.choice("ja", "en"), "fr"),
    (values.words("dead", "refused"), "dead,alive"),
    (values.database, "mysql://db"),
    (values.domain, "Todoke.example"),
    (values.mailbox, "todoke.example"),
    (values.empty_or(values.mailbox), "todoke.example"),
    (values.url, "ftp://todoke.example"),
    (values.keys, f"a:{LONG},a:{LONG}"),
    (values.year_end, "12-29"),
    (values.year_end, "12-29/02-30"),
    (values.days, "2026-02-30"),
    (values.secret, "short"),
    (values.token, "short"),
    (values.relays, ""),
    (values.relays, "http://relay.example"),
]


@pytest.mark.parametrize(("reader", "text", "value"), READ)
def test_a_good_text_is_read(reader, text, value):
    assert reader(text) == value


@pytest.mark.parametrize(("reader", "text"), REFUSED)
def test_a_bad_text_is_refused_with_half_a_sentence(reader, text):
    with pytest.raises(ValueError, match=r"must|does not know|twice"):
        reader(text)
