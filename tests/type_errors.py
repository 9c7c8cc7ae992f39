"""Check types: none wrong where `pyproject.toml` is strict, and elsewhere no more than `type_errors.txt` lists.

A file with fewer errors than it lists fails too, so that the list only shrinks: `python -m tests.type_errors --lower`
writes the smaller numbers. What a checker finds depends on it and on the types of the libraries; with other versions
than the list was counted with, a difference is printed and fails nothing.
"""

import re
import subprocess
import sys
from collections import Counter
from importlib.metadata import version
from pathlib import Path

from tests import ROOT

LIST = Path(__file__).with_suffix(".txt")
# Whose versions change what is found.
_COUNTED_WITH = ("mypy", "peewee")


def read(text: str) -> tuple[str, dict[str, int]]:
    """Return the versions that a list was counted with, and its number of errors for each file."""
    versions, *lines = text.splitlines()
    return versions.removeprefix("# "), {path: int(number) for number, path in map(str.split, lines)}


def write(versions: str, numbers: dict[str, int]) -> str:
    """Return a list as text: the inverse of `read`, files in order, none without errors."""
    return "".join([f"# {versions}\n", *(f"{n:>3} {path}\n" for path, n in sorted(numbers.items()) if n)])


def count(report: str) -> dict[str, int]:
    """Return the number of errors for each file of mypy's report."""
    return Counter(re.findall(r"^(\S+?):\d+: error: ", report, re.MULTILINE))


def compare(found: dict[str, int], listed: dict[str, int]) -> list[str]:
    """Return a sentence for each file whose number of errors is not the listed one."""
    sentences = []
    for path in sorted({*found, *listed}):
        now, before = found.get(path, 0), listed.get(path, 0)
        if now > before:
            sentences.append(f"{path}: {now} errors of types, {before} listed")
        elif now < before:
            sentences.append(f"{path}: {now} errors of types, {before} listed; lower its number in {LIST.name}")
    return sentences


def main(arguments: list[str]) -> int:
    """Run mypy and compare; return the exit status: 0 as listed, 1 not, 2 mypy itself failed."""
    run = subprocess.run([sys.executable, "-m", "mypy"], cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode not in (0, 1):
        print(run.stdout + run.stderr, end="")
        return 2
    here = ", ".join(f"{name} {version(name)}" for name in _COUNTED_WITH)
    versions, listed = read(LIST.read_text("utf-8"))
    found = count(run.stdout)
    if arguments == ["--lower"]:
        LIST.write_text(write(here, {path: min(n, found.get(path, 0)) for path, n in listed.items()}), "utf-8")
        versions, listed = read(LIST.read_text("utf-8"))
    sentences = compare(found, listed)
    if not sentences:
        print(f"Types: {sum(found.values())} errors, as listed")
        return 0
    more = {path for path in found if found[path] > listed.get(path, 0)}
    print("".join(line for line in run.stdout.splitlines(keepends=True) if line.split(":")[0] in more), end="")
    print(*sentences, sep="\n")
    if versions != here:
        print(f"The list was counted with {versions}; here is {here}: not compared")
        return 0
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
