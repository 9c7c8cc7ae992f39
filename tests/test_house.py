"""The house: imports go one way, files stay short, and nothing speaks of the machine it was written on."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SOURCES = sorted([*(ROOT / "webapp").rglob("*.py"), *(ROOT / "db").rglob("*.py")])


def imports_of(path: Path) -> set[str]:
    """Every module that a file imports, also inside functions, as `webapp.domain.notices.messages`."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def offences(folder: str, forbidden: tuple[str, ...]) -> list[str]:
    return [
        f"{path.relative_to(ROOT)} imports {name}"
        for path in sorted((ROOT / folder).rglob("*.py"))
        for name in sorted(imports_of(path))
        if any(name == word or name.startswith(word + ".") for word in forbidden)
    ]


def test_the_database_layer_imports_nothing_of_ours():
    assert offences("db", ("webapp",)) == []


def test_the_domain_knows_no_web_no_settings_object_and_no_command():
    outer = ("flask", "flask_login", "flask_wtf", "flask_babel", "webapp.blueprints", "webapp.commands", "webapp.demo",
             "webapp.dashboard", "webapp.pages", "webapp.web", "webapp.worker")  # fmt: skip
    assert offences("webapp/domain", outer) == []


def test_blueprints_never_import_each_other_nor_a_command():
    found = offences("webapp/blueprints", ("webapp.blueprints", "webapp.commands", "webapp.worker"))
    assert found == []


def test_the_domain_has_no_clock():
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sorted((ROOT / "webapp/domain").rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("now", "utcnow", "today")
        and isinstance(node.func.value, ast.Attribute | ast.Name)
        and getattr(node.func.value, "attr", getattr(node.func.value, "id", "")) in ("datetime", "date")
    ]
    assert calls == []


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_is_one_thing(path):
    if "migrations" not in path.parts:
        assert len(path.read_text("utf-8").splitlines()) <= 400
