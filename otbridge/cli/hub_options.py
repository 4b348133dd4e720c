"""The options that every verb that asks a hub has in common."""

from __future__ import annotations

import functools
import json
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["asks_hub", "print_json"]


def asks_hub(verb: Callable[..., None]) -> Callable[..., None]:
    """Give *verb* `--hub` and `--format`, and turn what goes wrong into one sentence."""

    @click.option(
        "--hub",
        "hub_url",
        envvar="OTBRIDGE_HUB_URL",
        default="http://127.0.0.1:4318",
        show_default=True,
        help="Address of the hub. [env: OTBRIDGE_HUB_URL]",
    )
    @click.option(
        "--format",
        "style",
        type=click.Choice(["human", "json"]),
        default="human",
        show_default=True,
        help="For people, or one JSON document for programs.",
    )
    @functools.wraps(verb)
    def with_options(**options: Any) -> None:
        from otbridge.errors import OtbridgeError

        try:
            verb(**options)
        except OtbridgeError as error:
            raise click.ClickException(str(error)) from error

    return with_options


def print_json(document: dict[str, Any]) -> None:
    """Print *document* as one line of JSON."""
    click.echo(json.dumps(document, ensure_ascii=False))
