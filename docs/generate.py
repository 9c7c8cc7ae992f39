"""Write docs/settings.md and docs/commands.md from the code: `make docs`. A test compares them with the files."""

from dataclasses import MISSING, fields
from pathlib import Path

import click

from webapp.cli import main
from webapp.settings import PREFIX, Settings

HERE = Path(__file__).parent

SETTINGS_HEAD = """# Settings

Every setting is read, in this order, from the environment (`TODOKE_…`), from the file that `TODOKE_…_FILE` names (for
secrets), from `.env` in the working directory, or from its default. A missing or bad value stops the start with one
sentence; an unknown `TODOKE_…` name does too, because it is usually a typing error. `todoke settings` shows every value
and where it comes from, secrets hidden. **Required** means: required in production; demo and test mode bring their own.

`todoke` runs in production mode unless `TODOKE_MODE` says otherwise. The mode is written into the database by its first
migration, and a process in another mode refuses it. The demo ignores every `TODOKE_…` variable and `.env`.

| setting | default | what it is |
|---|---|---|
"""

COMMANDS_HEAD = """# Commands

Every command ends with exit code 0 when it did what it says, 2 with one sentence when it could not begin; other codes
are named with the command. All read the [settings](settings.md).
"""


def settings_page() -> str:
    """Return docs/settings.md."""
    rows = []
    for field in fields(Settings):
        default = "**required**" if field.default is MISSING else f"`{_shown(field.default)}`"
        kind = " (secret)" if field.metadata["secret"] else ""
        rows.append(f"| `{PREFIX}{field.name.upper()}` | {default} | {field.metadata['help']}{kind} |\n")
    return SETTINGS_HEAD + "".join(rows)


def commands_page() -> str:
    """Return docs/commands.md."""
    return COMMANDS_HEAD + "".join(_sections(main, ("todoke",)))


def _sections(group: click.Group, words: tuple[str, ...]):
    context = click.Context(group, info_name=words[-1])
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        own = (*words, name)
        inner = click.Context(command, info_name=name)
        usage = " ".join([*own, *command.collect_usage_pieces(inner)])
        yield f"\n{'#' * len(own)} `{' '.join(own)}`\n\n{_prose(command.help)}\n\n    {usage}\n"
        options = [
            option for p in command.params if isinstance(p, click.Option) and (option := p.get_help_record(inner))
        ]
        if options:
            yield "\n| option | |\n|---|---|\n"
            yield "".join(f"| `{name.replace('|', '/')}` | {' '.join(text.split())} |\n" for name, text in options)
        if isinstance(command, click.Group):
            yield from _sections(command, own)


def _prose(text: str | None) -> str:
    return "\n".join(line.strip() for line in (text or "").strip().splitlines())


def _shown(value) -> str:
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value) or " "


PAGES = {"settings.md": settings_page, "commands.md": commands_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), "utf-8")
