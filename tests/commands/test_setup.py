"""The first commands: migrate, settings, user; and that a bad setting ends them in one sentence."""

import json

import pyotp
import pytest

from db.database import connected
from db.models import Account
from webapp.domain.accounts import lost_factor, second_factor
from webapp.web.clock import utc_now


def test_a_new_database_is_migrated_once(todoke):
    assert "applied 0001_first" in todoke("migrate").output
    assert "nothing to apply" in todoke("migrate").output
    assert todoke("migrate", "--check").exit_code == 0


def test_a_command_before_migration_says_what_to_run(todoke):
    answer = todoke("user", "list")
    assert answer.exit_code == 2
    assert "run `todoke migrate`" in answer.output


def test_an_administrator_is_added_once_and_can_be_disabled(todoke):
    todoke("migrate")
    added = todoke("user", "add", "yamada", "--role", "administrator", input="long enough\nlong enough\n")
    assert added.exit_code == 0, added.output
    again = todoke("user", "add", "yamada", "--role", "viewer", input="long enough\nlong enough\n")
    assert (again.exit_code, "already" in again.output) == (2, True)
    assert todoke("user", "disable", "yamada").exit_code == 0
    assert "yamada\tadministrator\tyamada (disabled)" in todoke("user", "list").output
    assert todoke("user", "disable", "nobody").exit_code == 2


def test_a_lost_second_factor_of_an_operator_is_taken_away_on_the_server(todoke):
    todoke("migrate")
    todoke("user", "add", "yamada", "--role", "administrator", input="long enough\nlong enough\n")
    ask = ("user", "lost-factor", "yamada", "--note", "社員証で確認")
    assert "no second factor" in todoke(*ask).output, "there is none"
    assert todoke(*ask[:3]).exit_code == 2, "nobody checked who it is"
    with connected():
        account = Account.get()
        app = second_factor.begin_totp(account, "s" * 40, "とどけ")
        secret = app.secret
        second_factor.confirm_totp(account, app.sealed, pyotp.TOTP(secret).now(), "s" * 40, utc_now())
    assert "yamada: the password alone is enough after 20" in todoke(*ask).output
    with connected():
        assert lost_factor.take(account, utc_now() + lost_factor.DELAY)


def test_secrets_are_hidden_and_origins_named(todoke):
    rows = {row["name"]: row for row in json.loads(todoke("settings", "--json").output)}
    assert rows["TODOKE_SECRET_KEY"]["value"] == "(hidden)"
    assert rows["TODOKE_SECRET_KEY"]["source"] == "environment"
    assert rows["TODOKE_PORT"] == {**rows["TODOKE_PORT"], "value": "8000", "source": "default"}
    assert "s" * 40 not in todoke("settings").output


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("TODOKE_PORT", "http", "TODOKE_PORT must be a whole number from 1 to 65535 (it is 'http')"),
        ("TODOKE_SECRET_KEY", "short", "TODOKE_SECRET_KEY must have 32 characters or more"),
        ("TODOKE_MODE", "live", "TODOKE_MODE must be one of production, demo, test (it is 'live')"),
        ("TODOKE_PROT", "1", "TODOKE_PROT is no setting"),
        ("TODOKE_SECRET_KEY_FILE", "/nowhere", "TODOKE_SECRET_KEY and TODOKE_SECRET_KEY_FILE are both set"),
        ("TODOKE_POSTCARD_CLASSES", "dead,ours", "TODOKE_POSTCARD_CLASSES does not know 'ours'"),
        ("TODOKE_CONTACT_CLOSES", "8", "TODOKE_CONTACT_CLOSES must be later than"),
    ],
)
def test_a_bad_setting_stops_the_start_with_one_sentence(todoke, name, value, words):
    answer = todoke("migrate", env={name: value})
    assert answer.exit_code == 2
    assert words in answer.output
    assert "Traceback" not in answer.output


@pytest.mark.parametrize(
    "missing", ["TODOKE_DATABASE_URL", "TODOKE_CONTACT_TELEPHONE", "TODOKE_SENDER_ADDRESS", "TODOKE_POSTCARD_COST"]
)
def test_production_must_be_told_what_others_will_see(todoke, environment, missing):
    told = {
        "TODOKE_MODE": "production",
        "TODOKE_PUBLIC_URL": "https://todoke.example",
        "TODOKE_CONTACT_TELEPHONE": "03-0000-0000",
        "TODOKE_CONTACT_EMAIL": "contact@todoke.example",
        "TODOKE_CONTACT_HOMEPAGE": "https://todoke.example",
        "TODOKE_CONTACT_OPENS": "9",
        "TODOKE_CONTACT_CLOSES": "17",
        "TODOKE_SENDER_ADDRESS": "oshirase@mail.todoke.example",
        "TODOKE_RETURN_DOMAIN": "return.todoke.example",
        "TODOKE_RELAYS": "smtp://127.0.0.1:25",
        "TODOKE_POSTCARD_SENDER_NAME": "とどけ登録機構",
        "TODOKE_POSTCARD_SENDER_POSTAL_CODE": "1050001",
        "TODOKE_POSTCARD_SENDER_ADDRESS": "東京都港区虎ノ門9-9-9",
        "TODOKE_POSTCARD_SENDER_TELEPHONE": "03-0000-0000",
        "TODOKE_POSTCARD_POST_OFFICE": "銀座郵便局",
        "TODOKE_POSTCARD_CONTACT": "お問い合わせセンター|電話 03-0000-0000",
        "TODOKE_POSTCARD_COST": "120",
    }
    assert todoke("migrate", env=told).exit_code == 0
    answer = todoke("migrate", env={**told, missing: None})
    assert answer.exit_code == 2
    assert f"{missing} is not set" in answer.output


def test_a_secret_is_read_from_a_file(todoke, environment, tmp_path):
    (tmp_path / "key").write_text("f" * 40 + "\n")
    del environment["TODOKE_SECRET_KEY"]
    answer = todoke("settings", "--json", env={"TODOKE_SECRET_KEY_FILE": str(tmp_path / "key")})
    rows = {row["name"]: row for row in json.loads(answer.output)}
    assert rows["TODOKE_SECRET_KEY"]["source"] == "file"


@pytest.mark.parametrize(
    "env",
    [
        {"TODOKE_DATABASE_URL": "postgresql://db/production"},
        {"TODOKE_RELAYS": "smtp://relay.example:25"},
        {"TODOKE_HOST": "0.0.0.0"},
    ],
)
def test_the_demo_cannot_reach_the_world(todoke, tmp_path, env):
    told = {"TODOKE_MODE": "demo", "TODOKE_DATABASE_URL": f"sqlite:///{tmp_path}/demo.db"}
    assert todoke("migrate", env=told).exit_code == 0
    assert todoke("migrate", env={**told, **env}).exit_code == 2


def test_the_demo_refuses_a_database_of_another_mode(todoke, tmp_path):
    path = {"TODOKE_DATABASE_URL": f"sqlite:///{tmp_path}/demo.db"}
    assert todoke("migrate", env=path).exit_code == 0
    answer = todoke("migrate", env={**path, "TODOKE_MODE": "demo"})
    assert (answer.exit_code, "belongs to test mode" in answer.output) == (2, True)
