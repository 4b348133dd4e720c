"""All checks of a server, one after the other: what one does must not be seen by another."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import dataclass
from typing import TYPE_CHECKING

from otbridge.testing.conform.check import Finding, not_applicable, skipped
from otbridge.testing.conform.server.check import Bench
from otbridge.testing.conform.server.checks import SERVER_CHECKS
from otbridge.testing.conform.server.grpc_door import GrpcDoor
from otbridge.testing.conform.server.http_door import HttpDoor
from otbridge.testing.conform.server.inside import Inside
from otbridge.testing.conform.server.requests import plain
from otbridge.testing.conform.server.rules import SERVER_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from otbridge.testing.conform.client import Protocol
    from otbridge.testing.conform.server.check import Check
    from otbridge.testing.conform.server.target import Server

__all__ = ["ServerResult", "check_server", "unreachable"]


@dataclass(frozen=True, slots=True)
class ServerResult:
    """One check's outcome."""

    protocol: Protocol
    check: Check
    finding: Finding


def unreachable(server: Server) -> str:
    """Return what is wrong where nobody answers at *server*'s addresses, else nothing."""
    signal = server.signals[0]
    with HttpDoor(server) as http:
        answer = http.export(signal, plain(signal))
    if not answer.answered:
        return f"{server.url} does not answer: {answer.message}"
    if server.grpc:
        with GrpcDoor(server) as grpc:
            answer = grpc.export(signal, plain(signal))
        if not answer.answered:
            return f"gRPC {server.grpc} does not answer: {answer.message}"
    return ""


def check_server(
    server: Server,
    *,
    rules: Collection[str] = (),
    told: Callable[[ServerResult], None] = lambda _: None,
) -> list[ServerResult]:
    """Run the checks on *server* and return the results in the order of the rules.

    It is sent some hundred small requests, a few that are larger than it may take, and one burst
    of 48 at once; all records are of the service `otbridge-conform`.

    Args:
        server: What is tested.
        rules: Only these, by id; all by default.
        told: Called with each result as it is there.
    """
    results = []
    with ExitStack() as stack:
        http = stack.enter_context(HttpDoor(server))
        grpc = stack.enter_context(GrpcDoor(server)) if server.grpc else None
        inside = stack.enter_context(Inside(server))
        hub = inside if inside.is_there else None
        benches: dict[Protocol, Bench] = {
            "http": Bench(server, "http", http, grpc, hub),
            "grpc": Bench(server, "grpc", http, grpc, hub),
        }
        for check in SERVER_CHECKS:
            if rules and check.rule not in rules:
                continue
            for protocol in check.protocols:
                result = ServerResult(protocol, check, _finding(check, benches[protocol]))
                results.append(result)
                told(result)
    ranks = {rule.id: rank for rank, rule in enumerate(SERVER_RULES)}
    return sorted(results, key=lambda result: ranks[result.check.rule])


def _finding(check: Check, bench: Bench) -> Finding:
    obstacle = _obstacle(check, bench)
    if obstacle is not None:
        return obstacle
    return check.run(bench)


def _obstacle(check: Check, bench: Bench) -> Finding | None:
    """Return why *check* cannot be run, or None."""
    if bench.protocol == "grpc" and bench.grpc is None:
        return skipped("say with --grpc where it speaks gRPC")
    if check.inside and bench.hub is None:
        return skipped("only otbridge's hub lets itself be asked what it has stored")
    if check.signal is not None and check.signal not in bench.server.signals:
        return not_applicable(f"it is not asked to take {check.signal}")
    if check.basis and not bench.served:
        return not_applicable("it takes no plain request")
    if check.basis and check.signal is not None and check.signal not in bench.served:
        return not_applicable(f"it takes no plain {check.signal}")
    if check.json and not _serves_json(check, bench):
        return not_applicable("it takes no plain JSON")
    return None


def _serves_json(check: Check, bench: Bench) -> bool:
    if check.signal is None:
        return bool(bench.served_json)
    return check.signal in bench.served_json
