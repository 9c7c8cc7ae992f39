"""The documents keep up with the code: settings and commands are written from it, links lead somewhere."""

import re
import runpy

import pytest

from tests import ROOT

DOCS = ROOT / "docs"
GENERATED = runpy.run_path(str(DOCS / "generate.py"))["PAGES"]


@pytest.mark.parametrize("name", GENERATED)
def test_settings_and_commands_are_as_the_code_says(name):
    assert (DOCS / name).read_text("utf-8") == GENERATED[name](), "run `make docs`"


@pytest.mark.parametrize("path", sorted([*DOCS.glob("*.md"), *ROOT.glob("*.md")]), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target
