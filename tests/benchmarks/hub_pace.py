"""Whether the hub keeps up with an even pace: `python -m tests.benchmarks.hub_pace`.

A real hub and a sender, as `hub_ingest` has them; but the requests are sent at an even pace, and
the hub is asked four times a second how far its store is behind the receive log.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.benchmarks.harness import number, table
from tests.benchmarks.hub_ingest import cpu_when_quiet, wait_until_queryable
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from otbridge.typing import Signal
    from tests.benchmarks.harness import Result

__all__ = ["main"]

ASK_S = 0.25
"""Between two questions how far the store is behind."""


def measure(signal: Signal, rate: int, seconds: int) -> Result:
    """Send *rate* records a second to a new hub; return how it kept up."""
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder) / "hub") as hub:
        port, seed = hub.url.rpartition(":")[2], os.getpid()
        said = ["--send", port, signal, str(rate * seconds), str(seed), str(rate)]
        sender = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.hub_ingest", *said],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        over, behind = threading.Event(), [0.0]
        asking = threading.Thread(target=_ask, args=(hub, over, behind))
        before = hub.cpu_s()
        asking.start()
        output, _ = sender.communicate("go\n")
        sent = json.loads(output)
        acknowledged = time.perf_counter()
        wait_until_queryable(hub, signal, sent)
        queryable = time.perf_counter() - acknowledged
        over.set()
        asking.join()
        resident = hub.resident_bytes()
        cpu = cpu_when_quiet(hub) - before
    return {
        "rate": sent["records"] / sent["seconds"],
        "behind": max(behind),
        "queryable": queryable,
        "us": cpu / sent["records"] * 1e6,
        "sender_us": sent["sender_us"],
        "resident": resident / 2**20,
        "refused": sent["refused"],
    }


def _ask(hub: HubProcess, over: threading.Event, behind: list[float]) -> None:
    while not over.wait(ASK_S):
        behind.append(hub.http.get("/api/v1/stats").json()["behind"]["seconds"])


def main(rate: int, seconds: int) -> None:
    """Measure and print."""
    signals: dict[str, Signal] = {"spans": "traces", "logs": "logs"}
    table(
        f"Hub: {rate:,} records a second for {seconds} s, in OTLP/HTTP requests of 512",
        {
            "acknowledged/s": number("rate", ",.0f"),
            "store behind at most, s": number("behind", ".2f"),
            "all queryable after, s": number("queryable", ".2f"),
            "hub CPU, µs a record": number("us", ".1f"),
            "sender CPU": number("sender_us", ".1f"),
            "RSS, MiB": number("resident", ".0f"),
            "refused requests": number("refused", ".0f"),
        },
        {name: measure(signal, rate, seconds) for name, signal in signals.items()},
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--rate", type=int, default=25_000)
    parser.add_argument("--seconds", type=int, default=30)
    print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f}")
    main(**vars(parser.parse_args()))
