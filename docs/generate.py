"""Write docs/settings.md, commands.md and alarms.md from the code: `make docs`. A test compares them with the files."""

from dataclasses import MISSING, fields
from pathlib import Path

import click

from webapp.cli import main
from webapp.domain.core.alarms import AlarmKind
from webapp.domain.core.attention_labels import alarm_words
from webapp.domain.monitoring.rules import RULES, UNITS, AlarmRule
from webapp.settings import PREFIX, Settings
from webapp.translations import speaker

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

ALARMS_HEAD = """# Alarms

An alarm opens once and holds until it is over: an episode. `/ops/alarms` shows what is open, what was, how long, who
acknowledged it and with which note. An alarm leads to the list of its cases; a worker that failed or fell silent, a
seal that does not hold and a business at its limit have no such list, and the page says what to do. The subject (a
domain, a queue, a host, the id of a business, whose name the operators' pages alone show) is nothing personal. How
operators are mailed: [operation](operation.md).

## Rules

The worker looks each minute, over the last attempts and the last days, not over cohorts: an alarm must not wait for a
day to end. Where a number can hover around its threshold, the alarm closes only below `TODOKE_ALARM_CLEAR_PERCENT`
percent of it. `todoke alarms list` shows the bounds as they stand. `todoke alarms try RULE` reads the past of 90 days
anew from the tables and says when the rule would have opened its alarm, with the settings or with `--threshold`,
`--window`, `--least` in their place; live rule and replay ask the same function, and a property test compares them.

| rule | opens when | settings | on the past |
|---|---|---|---|
"""

ALARMS_WORKER = """
A worker that is alone cannot miss itself: watch `todoke_worker_seen_timestamp_seconds` from outside as well. The seals
are checked a part at a time, round and round; the alarm closes after a whole round without a finding.

## All alarms

| alarm | what it says | what to do |
|---|---|---|
"""


def alarms_page() -> str:
    """Return docs/alarms.md."""
    say = speaker("en")
    rules = "".join(_rule(rule, say) for rule in RULES)
    kinds = "".join(
        f"| `{kind}` | {say(alarm_words(kind).title)} | {say(alarm_words(kind).to_do)} |\n" for kind in AlarmKind
    )
    return ALARMS_HEAD + rules + ALARMS_WORKER + kinds


def _rule(rule: AlarmRule, say) -> str:
    names = ", ".join(f"`{PREFIX}{name.upper()}`" for name in rule.settings if name != "alarm_clear_percent")
    unit = f" ({say(UNITS[rule.unit])})" if rule.threshold else ""
    past = (
        f"yes. {say(rule.caveat)}" if rule.past and rule.caveat else "yes" if rule.past else f"no. {say(rule.caveat)}"
    )
    return f"| `{rule.kind}` | {say(rule.opens)} | {names or 'none'}{unit} | {past} |\n"


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


PAGES = {"settings.md": settings_page, "commands.md": commands_page, "alarms.md": alarms_page}

if __name__ == "__main__":
    for name, page in PAGES.items():
        (HERE / name).write_text(page(), "utf-8")
