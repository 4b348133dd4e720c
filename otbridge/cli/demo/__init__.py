"""`otbridge demo`: a page, two services, and two agents in two processes, in one trace."""

from __future__ import annotations

import os
import signal
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

import click

from otbridge.cli.demo.stage import Stage, free_port
from otbridge.errors import OtbridgeError

if TYPE_CHECKING:
    from typing import Any

__all__ = ["demo"]

_PARTICIPANTS = ("gift-page", "gift-shop", "gift-advice", "gift-writer")

_WATCH_LIMIT_S = 15
"""The click takes two seconds; what has not arrived after this will not arrive."""


@click.command()
@click.option("--click", "click_once", is_flag=True, help="Click by itself, print the trace, end.")
@click.option(
    "--hub-port",
    default=None,
    type=click.IntRange(0, 65535),
    help="Default: 4318, or a free one when it is taken.",
)
@click.option(
    "--port",
    default=None,
    type=click.IntRange(0, 65535),
    help="Port of the page. Default: 8400, or a free one.",
)
@click.option("--logs", is_flag=True, help="Show the services' log lines here, too.")
def demo(*, click_once: bool, hub_port: int | None, port: int | None, logs: bool) -> None:
    """Start a hub, two services, an agent worker and a page, and watch one click run through all.

    Needs no network, no key and no configuration. Ctrl-C ends it and removes its data.
    """
    stage = Stage(
        hub_port=_choose(hub_port, 4318, click_once=click_once),
        grpc_port=_choose(None, 4317, click_once=click_once),
        shop_port=_choose(port, 8400, click_once=click_once),
        show_logs=logs,
    )
    try:
        with stage:
            if click_once:
                _click(stage)
            else:
                _show(stage)
    except OtbridgeError as error:
        raise click.ClickException(str(error)) from error


def _choose(asked: int | None, usual: int, *, click_once: bool) -> int:
    if asked is not None:
        return asked
    return 0 if click_once else free_port(usual)


def _show(stage: Stage) -> None:
    click.echo(f"The page       {stage.page_url}")
    click.echo(f"The hub        {stage.hub_url}")
    click.echo("Click the button on the page, and watch the trace grow. Ctrl-C ends the demo.")
    # A browser that nobody sees would be in the way of servers and tests.
    if os.environ.get("OTBRIDGE_OPEN", "1") != "0" and sys.stdout.isatty():
        webbrowser.open(stage.page_url)
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    ended.wait()
    click.echo("\nEnding the demo.")


def _click(stage: Stage) -> None:
    from otbridge.cli.demo import visitor
    from otbridge.cli.hub_client import HubClient
    from otbridge.cli.trace_tree import draw

    trace_id = visitor.click(stage.page_url, stage.hub_url)

    def missing(trace: dict[str, Any]) -> list[str]:
        there = {span["service"] for span in trace["spans"]}
        return [name for name in _PARTICIPANTS if name not in there]

    def complete(trace: dict[str, Any]) -> bool:
        return trace["state"] == "complete" and not missing(trace)

    with HubClient(stage.hub_url) as hub:
        trace = hub.wait_for_trace(trace_id, complete, _WATCH_LIMIT_S)
    click.echo(draw(trace))
    if not complete(trace):
        raise click.ClickException(
            f"The trace is not complete after {_WATCH_LIMIT_S} s: "
            f"{', '.join(missing(trace)) or 'the end of a span'} is missing."
        )
