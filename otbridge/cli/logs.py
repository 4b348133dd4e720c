"""`otbridge logs`: the newest log lines that fit."""

from __future__ import annotations

import click

from otbridge.cli.hub_options import asks_hub, print_json

__all__ = ["logs"]


@click.command()
@click.option("--trace", "trace_id", help="Only lines of this trace.")
@click.option("--service", help="Only lines of this service.")
@click.option("--severity", help="Only lines of this level and above: debug, info, warn, error.")
@click.option(
    "--text", "q", help="Only lines with all these words; key=value asks for an attribute."
)
@click.option("--since", help="Only lines since then: -15m, -2h, or RFC 3339.")
@click.option("-n", "limit", type=click.IntRange(1, 1000), default=50, show_default=True)
@asks_hub
def logs(
    *,
    trace_id: str | None,
    service: str | None,
    severity: str | None,
    q: str | None,
    since: str | None,
    limit: int,
    hub_url: str,
    style: str,
) -> None:
    """Print the newest log lines that fit, oldest of them first."""
    from otbridge.cli.hub_client import HubClient
    from otbridge.cli.line_format import log_line

    with HubClient(hub_url) as hub:
        found = hub.get_page(
            "/api/v1/logs",
            "logs",
            limit,
            trace_id=trace_id,
            service=service,
            severity=severity,
            q=q,
            **{"from": since},
        )
    if style == "json":
        print_json(found)
        return
    for log in reversed(found["logs"]):
        click.echo(log_line(log))
    if not found["logs"]:
        click.echo("No log line fits. Send one, or ask for less.", err=True)
