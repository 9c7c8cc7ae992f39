"""What keeps the types: the list that only shrinks, the folders where none may be wrong, and foreign keys' columns."""

import re
import subprocess
import sys
import tomllib

from peewee import ForeignKeyField

import db.models
from db.fields import Id, IdOrNone
from tests import ROOT
from tests.type_errors import LIST, compare, count, read, write

_OPTIONS = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["mypy"]
_STRICT = next(part for part in _OPTIONS["overrides"] if part.get("disallow_untyped_defs"))


def test_errors_are_counted_for_each_file():
    report = (
        'webapp/log.py:3: error: Name "x" is not defined  [name-defined]\n'
        "webapp/log.py:3: note: because\n"
        "webapp/log.py:9: error: Incompatible types  [assignment]\n"
        "db/ids.py:1: error: Incompatible types  [assignment]\n"
        "Found 3 errors in 2 files (checked 366 source files)\n"
    )
    assert count(report) == {"webapp/log.py": 2, "db/ids.py": 1}


def test_more_errors_than_listed_and_fewer_are_both_said():
    listed = {"a.py": 2, "b.py": 2, "c.py": 2, "gone.py": 1}
    assert compare({"a.py": 2, "b.py": 3, "c.py": 1, "new.py": 1}, listed) == [
        "b.py: 3 errors of types, 2 listed",
        "c.py: 1 errors of types, 2 listed; lower its number in type_errors.txt",
        "gone.py: 0 errors of types, 1 listed; lower its number in type_errors.txt",
        "new.py: 1 errors of types, 0 listed",
    ]
    assert compare(listed, listed) == []


def test_a_list_is_read_as_it_was_written():
    numbers = {"webapp/log.py": 12, "webapp/cli.py": 1}
    text = write("mypy 2.4.1, peewee 4.5.3", {**numbers, "webapp/wsgi.py": 0})
    assert text == "# mypy 2.4.1, peewee 4.5.3\n  1 webapp/cli.py\n 12 webapp/log.py\n"
    assert read(text) == ("mypy 2.4.1, peewee 4.5.3", numbers)


def test_nothing_is_listed_where_types_are_strict():
    strict = tuple(module.removesuffix("*").replace(".", "/") for module in _STRICT["module"])
    assert {
        "db/",
        "webapp/domain/bounce/",
        "webapp/domain/core/",
        "webapp/domain/disclosure/",
        "webapp/domain/mail/",
    } <= set(strict)
    assert [path for path in read(LIST.read_text("utf-8"))[1] if path.startswith(strict)] == []


def test_strict_means_what_mypy_calls_strict():
    """`strict` itself cannot be set for some folders, so that `pyproject.toml` names what it stands for."""
    page = subprocess.run([sys.executable, "-m", "mypy", "--help"], capture_output=True, text=True, check=True).stdout
    page = re.sub(r"\s+", " ", re.sub(r"-\n +", "-", page))
    flags = re.search(r"--strict Strict mode; enables the following flags: ((?:--[a-z-]+, )+--[a-z-]+)", page)[1]
    names = {flag.replace("-", "_") for flag in re.findall(r"--([a-z-]+)", flags)}
    assert "disallow_untyped_defs" in names
    on = {name for name, value in {**_OPTIONS, **_STRICT}.items() if value is True}
    assert names - on == set()


def test_what_is_ignored_says_why():
    unexplained = [
        f"{path.relative_to(ROOT)}:{number}"
        for top in ("webapp", "db")
        for path in sorted((ROOT / top).rglob("*.py"))
        for number, line in enumerate(path.read_text("utf-8").splitlines(), 1)
        if "type: ignore" in line and not re.search(r"# type: ignore\[[a-z, -]+\]  # \w", line)
    ]
    assert unexplained == []


def test_the_column_of_a_foreign_key_is_typed_as_it_may_be_empty():
    assert Id is not IdOrNone
    models = [getattr(db.models, name) for name in db.models.__all__]
    wrong = [
        f"{model.__name__}.{field.object_id_name}"
        for model in models
        for field in model._meta.sorted_fields
        if isinstance(field, ForeignKeyField)
        and model.__annotations__.get(field.object_id_name) is not (IdOrNone if field.null else Id)
    ]
    assert wrong == []
