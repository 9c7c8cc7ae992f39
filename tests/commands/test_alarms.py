"""`todoke alarms`: when a rule would have opened its alarm, in the reader's language."""

import datetime as dt

import pytest
from click.testing import CliRunner

from db.models import Attempt
from tests.web.ops import story
from webapp.cli import main
from webapp.commands import alarms
from webapp.domain.accounts import accounts
from webapp.domain.monitoring.rules import RULES


@pytest.fixture
def run(sqlite, sqlite_url, now, monkeypatch):
    values = {"MODE": "test", "DATABASE_URL": sqlite_url, "SECRET_KEY": "test " * 8, "RETURN_KEYS": "a:" + "test " * 8}
    for name, value in values.items():
        monkeypatch.setenv(f"TODOKE_{name}", value)
    monkeypatch.setattr(alarms, "now", lambda: now + dt.timedelta(hours=2))
    monkeypatch.setenv("LANG", "ja_JP.UTF-8")

    def call(*words: str):
        sqlite.close()
        result = CliRunner().invoke(main, ["alarms", *words])
        sqlite.connect(reuse_if_open=True)
        return result

    return call


def test_a_past_is_tried_with_other_bounds_than_the_settings(run, now):
    for n in range(4):
        story.bounced(now + dt.timedelta(minutes=n), email=f"x{n}@docomo.example")
    quiet = run("try", "bounce_rate")
    assert quiet.exit_code == 0 and "この警報は一度も出ていません。" in quiet.output
    found = run("try", "bounce_rate", "--least", "4", "--threshold", "30", "--window", "8").output
    assert "基準 30% / 対象は直近の8件 / 4件以上のとき / 21%未満で終わる" in found
    assert "1回出ていました" in found and "2026-11-18 10:04 からいまも続く  notices  最初 50.0% (n=4)" in found
    english = run("try", "bounce_rate", "--least", "4", "--threshold", "30", "--language", "en").output
    assert "would have opened 1 time(s)" in english and "2026-11-18 10:04 and still open" in english
    assert Attempt.select().count() == 8 and "docomo" not in found


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.kind)
def test_every_rule_can_be_asked_and_says_why_it_cannot_be_tried(run, rule):
    answer = run("try", rule.kind.value)
    assert answer.exit_code == 0, answer.output
    assert ("過去で試せません" in answer.output) is (rule.past is None)


def test_the_rules_are_listed_with_their_bounds(run):
    listed = run("list", "--language", "en").output
    assert all(rule.kind in listed for rule in RULES)
    assert "threshold 5 % / over the last 500 attempts / from 50 cases on / closes below 3.5 %" in listed
    assert run("try", "no_such_rule").exit_code == 2


def test_an_operators_address_is_given_by_command(run, sqlite, now):
    def user(*words):
        sqlite.close()
        result = CliRunner().invoke(main, ["user", "email", *words])
        sqlite.connect(reuse_if_open=True)
        return result

    accounts.create_operator("aoki", "青木", "operator", "long enough words", now)
    assert "no address" in user("aoki").output
    assert "not confirmed" in user("aoki", "aoki@ops.example").output
    assert user("aoki", "aoki@ops.example").exit_code == 2, "the same"
    assert "alarms go there" in user("aoki", "other@ops.example", "--confirmed").output
    assert user("aoki", "no address").exit_code == 2 and user("baba", "b@ops.example").exit_code == 2
    assert "no address" in user("aoki", "--remove").output
    for n in range(4):
        assert user("aoki", f"a{n}@ops.example").exit_code == 0
    assert "no more codes" in user("aoki", "a5@ops.example").output
