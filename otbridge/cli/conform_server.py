"""`otbridge conform server URL`: does a program that receives telemetry keep to OTLP?"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING

import click

from otbridge.cli import exit_codes

if TYPE_CHECKING:
    from otbridge.testing.conform.server import ServerResult
    from otbridge.typing import Signal

__all__ = ["server"]

_EPILOG = """
\b
The server is sent some hundred small requests, a few that are larger than it
may take, and one burst of 48 at once. All records are of the service
otbridge-conform. Only otbridge's hub can be asked what it has stored.

Exit codes: 0 no MUST is broken, 1 one is, 2 wrong options or nobody answers.
"""


@click.command(epilog=_EPILOG)
@click.argument("url", default="http://127.0.0.1:4318")
@click.option(
    "--grpc",
    "target",
    default="",
    metavar="HOST:PORT",
    help="Where it speaks gRPC; https:// before it for TLS. Without, only HTTP is tried.",
)
@click.option(
    "--max-body",
    type=click.IntRange(min=1),
    metavar="BYTES",
    help="The largest request that it takes. Without, one of 64 MiB is tried, and a server that "
    "takes even that is not blamed.",
)
@click.option(
    "--header",
    "headers",
    multiple=True,
    metavar="NAME=VALUE",
    help="Sent with every request, e.g. for authorization; may be repeated.",
)
@click.option(
    "--signal",
    "signals",
    multiple=True,
    type=click.Choice(["logs", "traces", "metrics"]),
    help="Only this signal; may be repeated. Default: all three.",
)
@click.option(
    "--rule", "rules", multiple=True, metavar="S1", help="Only this rule; may be repeated."
)
@click.option("--all", "everything", is_flag=True, help="Tell of the checks that passed, too.")
@click.option(
    "--format", "style", type=click.Choice(["human", "json"]), default="human", show_default=True
)
def server(
    *,
    url: str,
    target: str,
    max_body: int | None,
    headers: tuple[str, ...],
    signals: tuple[Signal, ...],
    rules: tuple[str, ...],
    everything: bool,
    style: str,
) -> None:
    """Try the OTLP server at URL: rules S1 to S17, H1 to H11, J1 to J8."""
    from otbridge.testing.conform.server import (
        ALL_SIGNALS,
        Server,
        breaks_must,
        check_server,
        server_as_document,
        server_as_text,
        unreachable,
    )

    _check_options(url, rules)
    tried = Server(url, target, max_body, _pairs(headers), signals or ALL_SIGNALS)
    problem = unreachable(tried)
    if problem:
        click.echo(problem, err=True)
        sys.exit(exit_codes.USAGE)
    results = check_server(tried, rules=rules, told=_tell_terminal)
    if style == "json":
        click.echo(json.dumps(server_as_document(tried, results), indent=2))
    else:
        for line in server_as_text(results, everything=everything):
            click.echo(line)
    sys.exit(exit_codes.FAILED if breaks_must(results) else exit_codes.OK)


def _tell_terminal(result: ServerResult) -> None:
    """Show that something is going on, where somebody looks."""
    if sys.stderr.isatty():
        verdict, check = result.finding.verdict, result.check
        click.echo(f"{verdict:<5}{check.rule:<4}{result.protocol:<5}{check.what}", err=True)


def _check_options(url: str, rules: tuple[str, ...]) -> None:
    from otbridge.testing.conform.server import SERVER_RULES

    if not url.startswith(("http://", "https://")):
        raise click.UsageError(f"{url!r} is no URL. Give one such as http://127.0.0.1:4318.")
    unknown = set(rules) - {rule.id for rule in SERVER_RULES}
    if unknown:
        raise click.UsageError(
            f"There is no rule {min(unknown)!r}; they are S1 to S17, H1 to H11 and J1 to J8."
        )


def _pairs(headers: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for text in headers:
        name, equals, value = text.partition("=")
        if not equals or not name.strip() or not text.isascii():
            raise click.UsageError(f"{text!r} is no header. Give it as NAME=VALUE, in ASCII.")
        found[name.strip()] = value.strip()
    return found
