"""The command line's entry: `otbridge VERB …`.

A verb's file is loaded when the verb is used, so that `otbridge tail` does not load a hub.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Final

import click

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["main"]

_VERBS: Final = {
    "hub": "otbridge.cli.hub",
    "demo": "otbridge.cli.demo",
    "tail": "otbridge.cli.tail",
    "traces": "otbridge.cli.traces",
    "trace": "otbridge.cli.trace",
    "logs": "otbridge.cli.logs",
    "spool": "otbridge.cli.spool",
    "conform": "otbridge.cli.conform",
}
"""Verb to the module that holds a click command of the same name, in the order of the help."""


class _Verbs(click.Group):
    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        module = _VERBS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(import_module(module), cmd_name)
        return command


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="otbridge", prog_name="otbridge", message="%(prog)s %(version)s")
def _otbridge() -> None:
    """One trace from the click to the last agent's tool call, with every log line, live."""


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit.

    Args:
        arguments: What follows the program's name; the process's own arguments by default.
    """
    _otbridge.main(args=arguments, prog_name="otbridge")
