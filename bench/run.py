"""Run the benches and write bench/RESULTS.md: `python -m bench.run [names]`.

A bench is a module of this directory with `run()`, which returns plain rows (dicts). Those that were not asked for keep
the section that they had.
"""

import datetime as dt
import importlib
import multiprocessing
import os
import platform
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

HERE = Path(__file__).parent
RESULTS = HERE / "RESULTS.md"
_BEGIN = "# Results\n\nWritten by `make bench`; each figure with the machine and the day it was measured on.\n"


def machine() -> str:
    """Return what the figures depend on."""
    model = "unknown processor"
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists() and (found := re.search(r"model name\s*:\s*(.+)", cpuinfo.read_text())):
        model = found[1]
    return f"{model}, {os.cpu_count()} cores, {platform.system()}, Python {platform.python_version()}"


def names() -> list[str]:
    """Return the modules that are benches."""
    found = (path for path in sorted(HERE.glob("*.py")) if path.name not in ("__init__.py", "run.py"))
    return [path.stem for path in found if re.search(r"^def run\(", path.read_text("utf-8"), re.M)]


def measured(name: str) -> tuple[str, list[dict[str, object]]]:
    """Run a bench and return what it is about, and its rows."""
    module = importlib.import_module(f"bench.{name}")
    return (module.__doc__ or "").splitlines()[0], module.run()


def section(name: str) -> str:
    """Run a bench in a process of its own, free of what the one before held, and return its part of the results."""
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as pool:
        about, rows = pool.submit(measured, name).result()
    columns = list(dict.fromkeys(key for row in rows for key in row))
    lines = [f"## {name}", "", about, ""]
    lines += [f"{dt.datetime.now(dt.UTC):%Y-%m-%d}, {machine()}", ""]
    lines += ["| " + " | ".join(columns) + " |", "|" + "---|" * len(columns)]
    lines += ["| " + " | ".join(_cell(row.get(column)) for column in columns) + " |" for row in rows]
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value).replace("|", "\\|")


def kept() -> dict[str, str]:
    """Return the sections of the last results."""
    if not RESULTS.exists():
        return {}
    parts = re.split(r"^(?=## )", RESULTS.read_text("utf-8"), flags=re.M)[1:]
    return {part.splitlines()[0].removeprefix("## "): part.rstrip() + "\n" for part in parts}


def main(asked: list[str]) -> int:
    """Run what was asked for, or everything, and write the results after each bench."""
    if unknown := sorted(set(asked) - set(names())):
        print(f"there is no bench {unknown[0]!r}; there are {', '.join(names())}", file=sys.stderr)
        return 2
    sections = kept()
    for name in asked or names():
        print(f"{name} …", flush=True)
        sections[name] = section(name)
        print(sections[name], flush=True)
        RESULTS.write_text("\n".join([_BEGIN, *(sections[key] for key in sorted(sections))]), "utf-8")
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
