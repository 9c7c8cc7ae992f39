"""What nobody calls goes: each public name of domain and database, setting, event and alarm has a use."""

import ast
import re
from collections import Counter
from dataclasses import fields
from pathlib import Path

from tests import ROOT
from webapp.domain.cards import monitor
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.events import EventName
from webapp.domain.core.work_items import WorkItemKind
from webapp.settings import Settings

# A base class or a library calls these by their name.
CALLED_BY_LIBRARIES = {"handle_data", "handle_endtag", "handle_starttag", "python_value", "db_value", "adapt"}
# Where a member of an enum stands only to get its words.
WORDS = {"event_labels.py", "attention_labels.py"}


def _trees() -> dict[Path, ast.Module]:
    files = [path for folder in ("webapp", "db") for path in sorted((ROOT / folder).rglob("*.py"))]
    return {path: ast.parse(path.read_text("utf-8")) for path in files}


def _used(trees: dict[Path, ast.Module]) -> Counter[str]:
    """How often each name is read, as a name, as an attribute or by a template."""
    used: Counter[str] = Counter()
    for tree in trees.values():
        for node in ast.walk(tree):
            if isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Store):
                used[node.id] += 1
            elif isinstance(node, ast.Attribute):
                used[node.attr] += 1
    for file in (ROOT / "webapp/templates").rglob("*.html"):
        used.update(re.findall(r"\w+", file.read_text("utf-8")))
    return used


def _public(tree: ast.Module) -> list[str]:
    """The public functions, classes, methods and constants that a module defines."""
    names = []
    for node in tree.body:
        match node:
            case ast.FunctionDef(name=name):
                names.append(name)
            case ast.ClassDef(name=name, body=body):
                names.append(name)
                names += [f"{name}.{part.name}" for part in body if isinstance(part, ast.FunctionDef)]
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
    return [name for name in names if not any(part.startswith("_") for part in name.split("."))]


def test_every_public_name_of_the_domain_and_the_database_has_a_caller():
    trees = _trees()
    used = _used(trees)
    dead = []
    for path, tree in trees.items():
        if path.is_relative_to(ROOT / "webapp/domain") or path.is_relative_to(ROOT / "db"):
            for name in _public(tree):
                own = name.rpartition(".")[2]
                if not used[own] and own not in CALLED_BY_LIBRARIES and path.parent.name != "migrations":
                    dead.append(f"{path.relative_to(ROOT)}: {name}")
    assert dead == []


def test_every_setting_is_read():
    """Read as an attribute, or named in a table of rules (what is kept how long, when an alarm opens)."""
    used: set[str] = set()
    for path, tree in _trees().items():
        if path.name not in ("settings.py", "setting_values.py"):
            used |= {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
            used |= {str(node.value) for node in ast.walk(tree) if isinstance(node, ast.Constant)}
    assert [field.name for field in fields(Settings) if field.name not in used] == []


def test_every_event_alarm_and_kind_of_work_is_written_somewhere():
    members = {(kind.__name__, member.name) for kind in (EventName, AlarmKind, WorkItemKind) for member in kind}
    members -= {
        ("AlarmKind", kind.name) for kind in monitor.ALARMS.values()
    }  # by the name of what is wrong with a card
    for path, tree in _trees().items():
        if path.name not in WORDS:
            for node in ast.walk(tree):
                if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                    members.discard((node.value.id, node.attr))
    assert sorted(members) == []
