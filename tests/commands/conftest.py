"""Commands are called as a person calls them: with an environment, and looked at by exit code and words."""

import pytest
from click.testing import CliRunner

from webapp.cli import main


@pytest.fixture
def environment(tmp_path, monkeypatch):
    """A working directory of its own and the settings of test mode."""
    monkeypatch.chdir(tmp_path)
    return {
        "TODOKE_MODE": "test",
        "TODOKE_DATABASE_URL": f"sqlite:///{tmp_path}/commands.db",
        "TODOKE_SECRET_KEY": "s" * 40,
        "TODOKE_RETURN_KEYS": "a:" + "k" * 40,
    }


@pytest.fixture
def todoke(environment):
    """Call `todoke` with arguments; `env` adds or replaces settings."""

    def call(*arguments: str, input: str | None = None, env: dict | None = None):
        return CliRunner().invoke(main, list(arguments), input=input, env={**environment, **(env or {})})

    return call
