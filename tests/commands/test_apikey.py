"""`todoke apikey` as a person calls it."""

import pytest


@pytest.fixture
def ready(todoke):
    assert todoke("migrate").exit_code == 0
    return todoke


def test_a_key_is_shown_once_and_kept_as_a_hash(ready, tmp_path):
    key = ready("apikey", "add", "登録システム").stdout.strip()
    assert key.startswith("todoke_") and len(key) > 40
    listed = ready("apikey", "list").output
    assert "登録システム" in listed and "never used" in listed
    assert key not in listed
    assert key.encode() not in (tmp_path / "commands.db").read_bytes()


def test_a_revoked_key_stays_in_the_list_and_its_name_is_taken(ready):
    ready("apikey", "add", "a")
    assert ready("apikey", "revoke", "a").exit_code == 0
    assert "revoked" in ready("apikey", "list").output
    for arguments in (("revoke", "a"), ("add", "a"), ("add", " ")):
        again = ready("apikey", *arguments)
        assert again.exit_code == 2 and "Traceback" not in again.output
