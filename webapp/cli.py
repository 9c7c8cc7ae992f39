"""The `todoke` command: a table of names, each loaded only when it is asked for.

Start-up is what a person feels: `todoke barcode` must not import the web framework.
"""

import importlib
import os

import click

# name: (module in webapp.commands, attribute). One line a command; the module is imported at its first use.
COMMANDS = {
    "alarms": ("alarms", "alarms"),
    "apikey": ("apikey", "apikey"),
    "barcode": ("barcode", "barcode"),
    "bounce": ("bounce", "bounce"),
    "demo": ("demo", "demo"),
    "import": ("imports", "imports"),
    "metrics": ("metrics", "metrics"),
    "migrate": ("setup", "migrate"),
    "postcard": ("postcard", "postcard"),
    "recover": ("worker", "recover"),
    "retention": ("logs", "retention"),
    "sending": ("worker", "sending"),
    "settings": ("setup", "settings"),
    "tracking": ("tracking", "tracking"),
    "user": ("setup", "user"),
    "verify-log": ("logs", "verify_log"),
    "web": ("setup", "web"),
    "worker": ("worker", "worker"),
}


class LazyGroup(click.Group):
    """A group whose commands are imported when they are called or listed in help."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name]
        return getattr(importlib.import_module(f"webapp.commands.{module}"), attribute)


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="todoke", prog_name="todoke")
def main() -> None:
    """Todoke (とどけ): what the operator owes people after a registration completes."""
    # Whatever a command writes - database, uploads, rejects, print files, logs - is for this user alone.
    os.umask(0o077)


if __name__ == "__main__":
    main()
