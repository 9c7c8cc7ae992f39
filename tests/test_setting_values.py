"""The text of a setting is read as it is meant, or refused with half a sentence: never with a fault."""

import datetime as dt

import pytest

from webapp import setting_values

LONG = "x" * 32

READ = [
    (setting_values.text, "", ""),
    (setting_values.line, "Todoke", "Todoke"),
    (setting_values.time_of_day, "16:30", "16:30"),
    (setting_values.time_of_day, "", ""),
    (setting_values.flag, "Yes", True),
    (setting_values.flag, "off", False),
    (setting_values.number(1, 9), "9", 9),
    (setting_values.choice("ja", "en"), "en", "en"),
    (setting_values.words("dead", "refused"), "dead, refused", ("dead", "refused")),
    (setting_values.database, "sqlite:///todoke.db", "sqlite:///todoke.db"),
    (setting_values.domain, "todoke.example", "todoke.example"),
    (setting_values.mailbox, "ops@todoke.example", "ops@todoke.example"),
    (setting_values.empty_or(setting_values.mailbox), "", ""),
    (setting_values.url, "https://todoke.example/", "https://todoke.example"),
    (setting_values.keys, f"a:{LONG}", (("a", LONG),)),
    (setting_values.year_end, "12-29/01-03", ((12, 29), (1, 3))),
    (setting_values.days, "2026-12-28, 2027-01-04", (dt.date(2026, 12, 28), dt.date(2027, 1, 4))),
    (setting_values.secret, LONG, LONG),
    (setting_values.token, "", ""),
    (setting_values.relays, "smtp://relay.example:25", ("smtp://relay.example:25",)),
]
REFUSED = [
    (setting_values.line, "two\nlines"),
    (setting_values.time_of_day, "24:00"),
    (setting_values.flag, "perhaps"),
    (setting_values.number(1, 9), "10"),
    (setting_values.choice("ja", "en"), "fr"),
    (setting_values.words("dead", "refused"), "dead,alive"),
    (setting_values.database, "mysql://db"),
    (setting_values.domain, "Todoke.example"),
    (setting_values.mailbox, "todoke.example"),
    (setting_values.empty_or(setting_values.mailbox), "todoke.example"),
    (setting_values.url, "ftp://todoke.example"),
    (setting_values.keys, f"a:{LONG},a:{LONG}"),
    (setting_values.year_end, "12-29"),
    (setting_values.year_end, "12-29/02-30"),
    (setting_values.days, "2026-02-30"),
    (setting_values.secret, "short"),
    (setting_values.token, "short"),
    (setting_values.relays, ""),
    (setting_values.relays, "http://relay.example"),
]


@pytest.mark.parametrize(("reader", "text", "value"), READ)
def test_a_good_text_is_read(reader, text, value):
    assert reader(text) == value


@pytest.mark.parametrize(("reader", "text"), REFUSED)
def test_a_bad_text_is_refused_with_half_a_sentence(reader, text):
    with pytest.raises(ValueError, match=r"must|does not know|twice"):
        reader(text)
