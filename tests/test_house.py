"""The house: imports go down the layers, files stay short, and nothing speaks of the machine it was written on."""

import ast
import re
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from tests import ROOT

# From the bottom up. A room imports only rooms that stand before it; rooms of one line do not know each other.
LAYERS = (
    "db",
    "core",
    "audit bounce parsing",
    "email_addresses exports",
    "postcard",
    "notices",
    "accounts cards intake mail",
    "disclosure registrations",
    "affiliations inquiries reporting",
    "self_service monitoring",
    "maintenance",
    "web",
    "pages dashboard demo",
    "blueprints",
    "worker",
    "commands",
)

# What each room uses. A pair that is missing here and one that nothing uses any more are both faults: who adds one
# looks at it.
MAY_IMPORT = {
    "core": "db",
    "audit": "db core",
    "bounce": "core",
    "parsing": "core",
    "email_addresses": "db core audit",
    "exports": "db core audit parsing",
    "postcard": "db core audit email_addresses",
    "notices": "db core audit bounce email_addresses postcard",
    "accounts": "db core audit parsing email_addresses postcard notices",
    "cards": "db core audit parsing email_addresses postcard notices",
    "intake": "db core parsing email_addresses postcard notices",
    "mail": "db core audit bounce email_addresses postcard notices",
    "disclosure": "db core audit email_addresses accounts",
    "registrations": "db core postcard notices cards",
    "affiliations": "db core audit email_addresses notices accounts cards disclosure",
    "inquiries": "db core audit parsing email_addresses notices cards registrations",
    "reporting": "db core bounce postcard notices cards registrations",
    "self_service": (
        "db core audit bounce email_addresses postcard notices accounts cards disclosure registrations affiliations"
    ),
    "monitoring": "db core bounce email_addresses postcard notices accounts cards mail reporting",
    "maintenance": "db core audit exports postcard accounts intake mail affiliations self_service",
    "web": "db core postcard accounts intake disclosure",
    "pages": "db core email_addresses exports postcard notices accounts cards disclosure affiliations inquiries web",
    "dashboard": "core bounce exports notices cards reporting web",
    "demo": (
        "db core bounce email_addresses postcard notices accounts cards intake mail disclosure affiliations inquiries"
    ),
    "blueprints": (
        "db core audit bounce parsing email_addresses exports postcard notices accounts cards intake mail "
        "disclosure registrations affiliations inquiries reporting self_service monitoring web pages dashboard "
        "demo"
    ),
    "worker": (
        "db core audit bounce email_addresses exports postcard notices accounts cards intake mail disclosure "
        "affiliations inquiries reporting self_service monitoring maintenance web pages"
    ),
    "commands": (
        "db core audit bounce parsing email_addresses postcard notices accounts cards intake mail reporting "
        "self_service monitoring maintenance demo worker"
    ),
}

# Files that put the application together or name its parts; every room above the domain may read them.
_FOUNDATIONS = {"webapp", "cli", "log", "setting_values", "settings", "translations", "wsgi"}
# Who may know that there is a demo.
_KNOW_THE_DEMO = {"webapp/commands/demo.py", "webapp/blueprints/public/demo_mail.py"}

_LONGEST = 400  # lines of a file


def _sources(folder: str = "") -> Iterator[Path]:
    for top in ("webapp", "db"):
        for path in sorted((ROOT / top).rglob("*.py")):
            if str(path.relative_to(ROOT)).startswith(folder) and "migrations" not in path.parts:
                yield path.relative_to(ROOT)


@cache
def _imports(path: Path) -> frozenset[str]:
    """Return every module that a file imports, also inside functions, as `webapp.domain.notices.messages`."""
    found = set()
    for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                deeper = f"{node.module}.{alias.name}"
                is_module = (ROOT / Path(*deeper.split("."))).with_suffix(".py").exists()
                is_package = (ROOT / Path(*deeper.split("."))).is_dir()
                found.add(deeper if is_module or is_package else node.module)
    return frozenset(found)


def _room(module: str) -> str | None:
    """Return the room of one of our modules, None for a library's."""
    parts = module.split(".")
    if parts[0] == "db":
        return "db"
    if parts[0] != "webapp":
        return None
    if len(parts) == 1:
        return "webapp"
    return parts[2] if parts[1] == "domain" and len(parts) > 2 else parts[1]


def _module(path: Path) -> str:
    return ".".join(path.with_suffix("").parts).removesuffix(".__init__")


def test_each_room_imports_what_it_may_and_nothing_else():
    used = defaultdict(set)
    for path in _sources():
        here = _room(_module(path))
        if here in _FOUNDATIONS:
            continue
        for module in _imports(path):
            there = _room(module)
            if there not in (None, here) and there not in _FOUNDATIONS:
                used[here].add(there)
    allowed = {room: set(rooms.split()) for room, rooms in MAY_IMPORT.items()}
    assert {room: rooms for room, rooms in used.items() if rooms} == {k: v for k, v in allowed.items() if v}


def test_what_a_room_may_import_stands_below_it():
    layer = {room: height for height, rooms in enumerate(LAYERS) for room in rooms.split()}
    assert set(MAY_IMPORT) | {"db"} == set(layer)
    upwards = [
        f"{room} imports {other}"
        for room, others in MAY_IMPORT.items()
        for other in others.split()
        if layer[other] >= layer[room]
    ]
    assert upwards == []


def test_the_domain_knows_no_web_no_settings_object_and_no_command():
    outer = {"flask", "flask_login", "flask_wtf", "flask_babel"}
    found = [
        f"{path} imports {module}"
        for path in _sources("webapp/domain")
        for module in _imports(path)
        if module.split(".")[0] in outer or _room(module) in _FOUNDATIONS
    ]
    assert found == []
    assert [module for path in _sources("db") for module in _imports(path) if module.startswith("webapp")] == []


def test_a_page_never_imports_another_page():
    found = [
        f"{path} imports {module}"
        for path in _sources("webapp/blueprints")
        for module in _imports(path)
        if module.startswith("webapp.blueprints")
    ]
    assert found == []


def test_only_the_demo_knows_the_demo():
    found = {
        str(path)
        for path in _sources("webapp")
        for module in _imports(path)
        if module.startswith("webapp.demo") and not str(path).startswith("webapp/demo/")
    }
    assert found <= _KNOW_THE_DEMO


def test_nobody_imports_in_a_circle():
    """Also within a room: a module stands above what it imports."""
    graph = {
        _module(path): {m for m in _imports(path) if m.startswith(("webapp", "db")) and m != _module(path)}
        for path in _sources()
    }
    done, open_ = set(), []

    def visit(module: str) -> None:
        if module in done or module not in graph:
            return
        assert module not in open_, " -> ".join([*open_[open_.index(module) :], module])
        open_.append(module)
        for other in sorted(graph[module]):
            visit(other)
        done.add(open_.pop())

    for module in graph:
        visit(module)


def test_a_folder_has_no_code_of_its_own():
    """What a folder offers stands in its modules; a few have a face on purpose."""
    faces = {
        "webapp/__init__.py",
        "webapp/domain/bounce/__init__.py",
        "webapp/domain/bounce/rules/__init__.py",
        "webapp/translations/__init__.py",
        "webapp/worker/__init__.py",
    }
    full = {
        str(path)
        for path in _sources("webapp")
        if path.name == "__init__.py"
        and any(not isinstance(node, ast.Expr) for node in ast.parse((ROOT / path).read_text("utf-8")).body)
    }
    assert full == faces


def test_the_domain_has_no_clock():
    calls = [
        f"{path}:{node.lineno}"
        for path in _sources("webapp/domain")
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in ("now", "utcnow", "today")
        and isinstance(node.func.value, ast.Attribute | ast.Name)
        and getattr(node.func.value, "attr", getattr(node.func.value, "id", "")) in ("datetime", "date")
    ]
    assert calls == []


def test_a_file_is_one_thing():
    lengths = {str(path): len((ROOT / path).read_text("utf-8").splitlines()) for path in _sources()}
    assert {path: lines for path, lines in lengths.items() if lines > _LONGEST} == {}


def test_no_topic_lies_flat():
    assert [path.name for path in (ROOT / "webapp/domain").glob("*.py")] in ([], ["__init__.py"])


def test_a_class_of_the_domain_has_a_name_of_its_own():
    """A reader who meets a class's name knows which one it is."""
    places = defaultdict(list)
    for path in [*_sources("webapp/domain"), *_sources("db/models")]:
        for node in ast.parse((ROOT / path).read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path))
    assert {name: where for name, where in places.items() if len(where) > 1} == {}


# Words that stand for anything: a variable named so has not been named.
_NO_NAMES = (
    *("one", "some", "who", "told", "there", "it", "what", "them", "others"),
    *("each", "this", "which", "someone", "something", "thing", "things", "stuff", "everything"),
)


def test_a_variable_is_named_by_what_it_holds():
    found = []
    for path in [*_sources("webapp"), *_sources("db")]:
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
            match node:
                case ast.Name(id=name, ctx=ast.Store()) | ast.arg(arg=name):
                    found += [f"{path}:{node.lineno} {name}"] * (name.strip("_") in _NO_NAMES)
                case ast.alias(asname=str(name)) | ast.ExceptHandler(name=str(name)) | ast.MatchAs(name=str(name)):
                    found += [f"{path} {name}"] * (name.strip("_") in _NO_NAMES)
    assert found == []


def test_a_page_names_routes_not_paths():
    """A path is written once, at its route; a page asks `url_for` for it, so that none leads nowhere."""
    paths = re.compile(r"""["'(=]/(?:[a-z][a-z-]*(?:/|\b)|["'])""")
    found = []
    for file in sorted((ROOT / "webapp/templates").rglob("*.html")):
        for number, line in enumerate(file.read_text("utf-8").splitlines(), 1):
            found += [f"{file.name}:{number} {match}" for match in paths.findall(line)]
    assert found == []


def test_a_heading_of_a_list_is_said_once():
    """Head, label on a phone and file name a column in the same words, because they read the same words."""
    found = []
    for file in sorted((ROOT / "webapp/templates").rglob("*.html")):
        text = file.read_text("utf-8")
        found += [f"{file.name}: {label}" for label in re.findall(r"data-label=\"(?!\{\{ columns\.)[^\"]*\"", text)]
        if file.parent.name != "dashboard":  # a chart's table has the columns of its series
            found += [f"{file.name}: {head}" for head in re.findall(r"<th scope=\"col\"[^>]*>", text)]
    assert [place for place in found if not place.startswith("lists.html")] == []


def test_one_file_knows_how_an_engine_writes_a_parameter():
    """Everywhere else a statement says `?`."""
    found = []
    for path in [*_sources("webapp"), *_sources("db")]:
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                statement = re.search(r"\b(SELECT|INSERT|UPDATE|DELETE|WHERE|VALUES|IN \()", node.value)
                if node.value == "%s" or (statement and "%s" in node.value):
                    found.append(str(path))
    assert set(found) == {"db/rows.py", "db/database.py"}  # and the lock of PostgreSQL alone


def test_time_in_japan_and_locks_are_defined_once():
    zones, numbers = [], []
    for path in [*_sources("webapp"), *_sources("db")]:
        for node in ast.walk(ast.parse((ROOT / path).read_text("utf-8"))):
            if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "JST":
                zones.append(str(path))
            if isinstance(node, ast.Constant) and isinstance(node.value, int) and 7_400_000 < node.value < 7_500_000:
                numbers.append(str(path))
    assert zones == ["webapp/domain/core/calendar.py"]
    assert set(numbers) == {"db/locks.py"}
