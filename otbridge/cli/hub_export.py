"""`otbridge hub export`: what a hub holds, in file formats that the whole ecosystem reads."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from otbridge.cli.hub_options import asks_hub
from otbridge.cli.otlp_lines import LISTS, count, report

if TYPE_CHECKING:
    from otbridge.cli.export_files import Written
    from otbridge.cli.hub_client import HubClient

__all__ = ["export"]

_PAGE: Final = 1000
"""Records on a line: below the 20,000 that a hub takes in one request."""


@click.command(name="export")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
@click.option(
    "--as",
    "kind",
    type=click.Choice(["otlp-json", "parquet"]),
    default="otlp-json",
    show_default=True,
    help="One OTLP/JSON object a line, or a folder of Parquet tables (pip install"
    " 'otbridge[parquet]').",
)
@click.option("--trace", "trace_id", metavar="ID", help="Only this trace, with its log lines.")
@click.option("--from", "from_", metavar="TIME", help="Since then: -15m, -2h, or RFC 3339.")
@click.option("--to", metavar="TIME", help="Before then; written like --from.")
@asks_hub
def export(
    *,
    file: Path,
    kind: str,
    trace_id: str | None,
    from_: str | None,
    to: str | None,
    hub_url: str,
    style: str,
) -> None:
    """Write what a running hub holds to FILE (`-`: standard output).

    One OTLP/JSON object a line, as the OpenTelemetry Collector's file exporter writes them; or, as
    Parquet, a folder with traces.parquet, logs.parquet and metrics.parquet. Spans that have not
    ended are left out.
    """
    from otbridge.cli.export_files import opened_folder, opened_lines
    from otbridge.cli.hub_client import HubClient

    if trace_id and (from_ or to):
        raise click.UsageError("--trace is whole: leave --from and --to out.")
    opened = opened_folder if kind == "parquet" else opened_lines
    with HubClient(hub_url) as hub, opened(file) as out:
        if trace_id:
            counts = _write_trace(hub, trace_id, out)
        else:
            counts = {signal: _write_all(hub, signal, from_, to, out) for signal in LISTS}
    report(counts, "Wrote", style, aside=str(file) == "-")


def _write_all(hub: HubClient, signal: str, from_: str | None, to: str | None, out: Written) -> int:
    cursor: str | None = None
    total = 0
    while True:
        page = hub.get(
            "/api/v1/export",
            signal=signal,
            limit=_PAGE,
            to=to,
            cursor=cursor,
            **{"from": from_},
        )
        if page["records"]:
            out.write(signal, page[LISTS[signal]])
            total += page["records"]
        cursor = page["next_cursor"]
        if cursor is None:
            return total


def _write_trace(hub: HubClient, trace_id: str, out: Written) -> dict[str, int]:
    found = hub.get(f"/api/v1/traces/{trace_id}/otlp")
    found["resourceSpans"] = _ended(found["resourceSpans"])
    counts = {}
    for signal in ("traces", "logs"):
        resources = found[LISTS[signal]]
        counts[signal] = count(signal, resources)
        if counts[signal]:
            out.write(signal, resources)
    return counts


def _ended(resources: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return *resources* without open spans, which no reader of such files expects."""
    for resource in resources:
        for scope in resource.get("scopeSpans", ()):
            scope["spans"] = [span for span in scope["spans"] if "endTimeUnixNano" in span]
    return [
        resource
        for resource in resources
        if any(scope["spans"] for scope in resource.get("scopeSpans", ()))
    ]
