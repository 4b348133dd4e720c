"""`otbridge conform`: does a program keep to OTLP?"""

from __future__ import annotations

import json
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from otbridge.cli import exit_codes
from otbridge.cli.conform_server import server

if TYPE_CHECKING:
    from otbridge.testing.conform import Client, Result
    from otbridge.testing.conform.client import Protocol
    from otbridge.typing import Signal

__all__ = ["conform"]

_EPILOG = """
\b
A COMMAND is started many times, with OTEL_EXPORTER_OTLP_* in its environment.
Each time it makes CONFORM_RECORDS log records (or spans), waits until its
standard input ends, flushes, and exits. The manual's page on conformance has
the rest.

Exit codes: 0 no MUST is broken, 1 one is, 2 wrong options or nothing was sent.
"""


@click.group()
def conform() -> None:
    """Try whether a program keeps to OTLP."""


conform.add_command(server)


@conform.command(epilog=_EPILOG)
@click.option(
    "--of",
    "names",
    multiple=True,
    metavar="NAME",
    help="otbridge (the default), opentelemetry-http or opentelemetry-grpc; may be repeated.",
)
@click.option(
    "--protocol",
    "protocols",
    multiple=True,
    type=click.Choice(["http", "grpc"]),
    help="Only over this protocol; may be repeated. Default: all that the client speaks.",
)
@click.option("--signal", type=click.Choice(["logs", "traces"]), default="logs", show_default=True)
@click.option(
    "--rule", "rules", multiple=True, metavar="C1", help="Only this rule; may be repeated."
)
@click.option("--all", "everything", is_flag=True, help="Tell of the checks that passed, too.")
@click.option(
    "--format", "style", type=click.Choice(["human", "json"]), default="human", show_default=True
)
@click.argument("command", nargs=-1)
def client(
    *,
    names: tuple[str, ...],
    protocols: tuple[Protocol, ...],
    signal: Signal,
    rules: tuple[str, ...],
    everything: bool,
    style: str,
    command: tuple[str, ...],
) -> None:
    """Try clients against a receiver that misbehaves: rules C1 to C18.

    Without a COMMAND, otbridge's own SDK or the clients that --of names are tried.
    """
    from otbridge.testing.conform import as_document, as_text, breaks_must

    begin = time.monotonic()
    _check_rules(rules)
    results: list[Result] = []
    for each in _clients(names, command):
        results += _try(each, protocols, signal, rules)
    if style == "json":
        click.echo(json.dumps(as_document(results), indent=2))
    else:
        for line in as_text(results, everything=everything):
            click.echo(line)
        click.echo(f"\n{len(results)} checks in {time.monotonic() - begin:.0f} s", err=True)
    sys.exit(exit_codes.FAILED if breaks_must(results) else exit_codes.OK)


def _clients(names: tuple[str, ...], command: tuple[str, ...]) -> list[Client]:
    from otbridge.testing.conform import BUILT_IN, Client

    unknown = [name for name in names if name not in BUILT_IN]
    if unknown:
        raise click.UsageError(f"There is no client {unknown[0]!r}; known: {', '.join(BUILT_IN)}.")
    chosen = [BUILT_IN[name] for name in names or (() if command else ("otbridge",))]
    return [*chosen, Client(command[0], command)] if command else chosen


def _check_rules(rules: tuple[str, ...]) -> None:
    from otbridge.testing.conform import CLIENT_RULES

    unknown = set(rules) - {rule.id for rule in CLIENT_RULES}
    if unknown:
        raise click.UsageError(f"There is no rule {min(unknown)!r}; they are C1 to C18.")


def _try(
    tried: Client, protocols: tuple[Protocol, ...], signal: Signal, rules: tuple[str, ...]
) -> list[Result]:
    """Run the checks over each protocol over which the client sends at all."""
    from otbridge.testing.conform import check_client, first_contact

    wanted = [protocol for protocol in tried.protocols if not protocols or protocol in protocols]
    problems = {protocol: first_contact(tried, protocol, signal) for protocol in wanted}
    speaking = [protocol for protocol, problem in problems.items() if not problem]
    for problem in filter(None, problems.values()):
        click.echo(problem, err=True)
    if not speaking:
        click.echo(
            f"{tried.name} cannot be tried. It has to send {signal} to OTEL_EXPORTER_OTLP_ENDPOINT "
            "over OTEL_EXPORTER_OTLP_PROTOCOL.",
            err=True,
        )
        sys.exit(exit_codes.USAGE)

    def told(result: Result) -> None:
        if sys.stderr.isatty():
            verdict, what = result.finding.verdict, result.check.what
            click.echo(f"{verdict:<5}{result.check.rule:<4}{result.protocol:<5}{what}", err=True)

    tried = replace(tried, protocols=tuple(speaking))
    return check_client(tried, signal=signal, rules=rules, told=told)
