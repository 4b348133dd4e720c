"""`otbridge tail`: everything that arrives at a hub, as it arrives."""

from __future__ import annotations

import contextlib

import click

from otbridge.cli.hub_options import asks_hub, print_json

__all__ = ["tail"]


@click.command()
@click.option("--trace", "trace_id", help="Only what belongs to this trace.")
@click.option("--service", help="Only what this service sends.")
@click.option("--severity", help="Of the log lines only this level and above.")
@click.option("--text", "q", help="Only what has all these words.")
@asks_hub
def tail(
    *,
    trace_id: str | None,
    service: str | None,
    severity: str | None,
    q: str | None,
    hub_url: str,
    style: str,
) -> None:
    """Print log lines and ended spans as they arrive. Ctrl-C ends it."""
    from otbridge.cli.hub_client import HubClient
    from otbridge.cli.line_format import log_line, span_line

    wanted = {"trace_id": trace_id, "service": service, "severity": severity, "q": q}
    with HubClient(hub_url) as hub, contextlib.suppress(KeyboardInterrupt):
        for message in hub.live(wanted):
            if message["k"] != "batch":
                continue
            if message["skipped"]:
                click.echo(f"({message['skipped']} skipped: this terminal is too slow)", err=True)
            for item in message["items"]:
                if style == "json":
                    print_json(item)
                elif item["t"] == "log":
                    click.echo(log_line(item))
                elif item["t"] == "span":
                    click.echo(span_line(item))
