"""`otbridge trace ID`: one trace as a tree, with its log lines."""

from __future__ import annotations

import click

from otbridge.cli.hub_options import asks_hub, print_json

__all__ = ["trace"]


@click.command()
@click.argument("trace_id")
@asks_hub
def trace(*, trace_id: str, hub_url: str, style: str) -> None:
    """Print a trace as a tree: its spans, and each log line under the span it belongs to."""
    from otbridge.cli.hub_client import HubClient
    from otbridge.cli.trace_tree import draw

    with HubClient(hub_url) as hub:
        found = hub.get(f"/api/v1/traces/{trace_id}")
    if style == "json":
        print_json(found)
    else:
        click.echo(draw(found))
