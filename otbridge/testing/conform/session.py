"""All checks of a client, several at a time: most of them only wait."""

from __future__ import annotations

import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.certificates import make_certificates
from otbridge.testing.conform.check import Bench, Finding
from otbridge.testing.conform.checks import CLIENT_CHECKS
from otbridge.testing.conform.rules import CLIENT_RULES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from otbridge.testing.conform.check import Check
    from otbridge.testing.conform.client import Client, Protocol
    from otbridge.typing import Signal

__all__ = ["Result", "check_client", "first_contact"]

_AT_A_TIME: Final = 6
"""Two processors are busy with starting clients; the rest of a check is waiting."""


@dataclass(frozen=True, slots=True)
class Result:
    """One check's outcome."""

    client: str
    protocol: Protocol
    check: Check
    finding: Finding


def first_contact(client: Client, protocol: Protocol, signal: Signal) -> str:
    """Let *client* send once; return what is wrong where nothing arrives, else nothing."""
    with tempfile.TemporaryDirectory(prefix="otbridge-conform-") as folder:
        seen = Bench(client, protocol, signal, Path(folder)).trial()
    if seen.arrived or seen.requests:
        return ""
    ended = "did not end" if seen.exit_code is None else f"ended with {seen.exit_code}"
    complaint = "\n".join(seen.stderr.strip().splitlines()[-5:])
    return f"{client.name} sent no {signal} over {protocol} and {ended}. {complaint}".rstrip()


def check_client(
    client: Client,
    *,
    signal: Signal = "logs",
    rules: Collection[str] = (),
    told: Callable[[Result], None] = lambda _: None,
) -> list[Result]:
    """Run the checks on *client* and return the results in the order of the rules.

    Args:
        client: What is tested, over all that it speaks.
        signal: What it is asked to send.
        rules: Only these, by id; all by default.
        told: Called with each result as it is there, from several threads.
    """
    planned = [
        (protocol, check)
        for protocol in client.protocols
        for check in CLIENT_CHECKS
        if protocol in check.protocols and (not rules or check.rule in rules)
    ]
    with tempfile.TemporaryDirectory(prefix="otbridge-conform-") as place:
        folder = Path(place)
        certificates = make_certificates(folder)

        def run(number: int) -> Result:
            protocol, check = planned[number]
            bench = Bench(client, protocol, signal, folder / str(number), certificates)
            result = Result(client.name, protocol, check, check.run(bench))
            told(result)
            return result

        # Long ones first: begun last, they would be waited for alone.
        order = sorted(range(len(planned)), key=lambda number: not planned[number][1].long)
        with ThreadPoolExecutor(_AT_A_TIME, thread_name_prefix="conform") as pool:
            found = list(pool.map(run, order))
    ranks = {rule.id: rank for rank, rule in enumerate(CLIENT_RULES)}
    return sorted(found, key=lambda result: ranks[result.check.rule])
