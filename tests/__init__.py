"""The tests: the same folders as the code, with real servers in `servers/` and our own processes in `processes/`."""

from pathlib import Path

ROOT = Path(__file__).parents[1]  # of the repository
