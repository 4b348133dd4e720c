"""`otbridge traces`: the newest traces, a line each."""

from __future__ import annotations

import click

from otbridge.cli.hub_options import asks_hub, print_json

__all__ = ["traces"]


@click.command()
@click.option("--service", help="Only traces in which this service takes part.")
@click.option("--errors", is_flag=True, help="Only traces with an error.")
@click.option("--min-duration", help="Only traces at least this long: 250ms, 1.5s, 2m.")
@click.option("--text", "q", help="Only traces in whose spans all these words occur.")
@click.option("--since", help="Only traces since then: -15m, -2h, or RFC 3339.")
@click.option("-n", "limit", type=click.IntRange(1, 1000), default=20, show_default=True)
@asks_hub
def traces(
    *,
    service: str | None,
    errors: bool,
    min_duration: str | None,
    q: str | None,
    since: str | None,
    limit: int,
    hub_url: str,
    style: str,
) -> None:
    """List the newest traces, newest first."""
    from otbridge.cli.hub_client import HubClient
    from otbridge.cli.line_format import trace_line

    with HubClient(hub_url) as hub:
        found = hub.get_page(
            "/api/v1/traces",
            "traces",
            limit,
            service=service,
            error="true" if errors else None,
            min_duration=min_duration,
            q=q,
            **{"from": since},
        )
    if style == "json":
        print_json(found)
        return
    for summary in found["traces"]:
        click.echo(trace_line(summary))
    if not found["traces"]:
        click.echo("No trace fits. Send one, or ask for less.", err=True)
