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


@pytest.mark.parametrize("path", sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")]), ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", path.read_text("utf-8")):
        assert (path.parent / target).exists(), target


def rooms(page: str) -> dict[str, str]:
    """The tree on the page of the house: {folder: what its lines say}; a line may begin with several folders."""
    said, above, folders = {}, {}, []
    for line in page.partition("```\n")[2].partition("```")[0].splitlines():
        if named := re.match(r"( *)((?:\w+/ ?)+)", line):
            depth = len(named[1])
            parent = next((above[place] for place in sorted(above, reverse=True) if place < depth), "")
            folders = [parent + name for name in named[2].split()]
            above = {place: path for place, path in above.items() if place < depth} | {depth: folders[-1]}
        for folder in folders:
            said[folder] = said.get(folder, "") + line + "\n"
    return said


def test_the_page_of_the_house_names_each_folder_and_only_files_that_are_there():
    said = rooms((DOCS / "house.md").read_text("utf-8"))
    code = [path.parent for top in ("webapp", "db") for path in (ROOT / top).rglob("__init__.py")]
    folders = {str(path.relative_to(ROOT)) for path in code if len(path.relative_to(ROOT).parts) <= 3}
    assert {f"{folder}/" for folder in folders} - said.keys() - {"webapp/domain/bounce/rules/"} == set()
    for folder, words in said.items():
        assert (ROOT / folder).is_dir(), folder
        for name in re.findall(r"\b(\w+\.(?:py|tsv))", words):
            assert any((ROOT / folder).rglob(name)), f"{folder} has no {name}"
