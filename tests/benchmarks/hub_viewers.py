"""What a hundred viewers of the live feed cost whoever sends: `python -m tests.benchmarks viewers`.

A real hub takes 2,000 and 5,000 rows a second, in requests of fifty, and the time until each is
acknowledged is measured: alone, while one looks, and while a hundred do, in turns. Of the hundred
thirty have filters, and ten never read what they asked for. The viewers are in a process of their
own, and read bytes only.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import json
import random
import selectors
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.harness import number, percentile, table
from tests.benchmarks.hub_traffic import make
from tests.faults.hub.fuzz.websocket import frame, handshake
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from tests.benchmarks.harness import Result

__all__ = ["main"]

RATES = (2000, 5000)
"""Rows a second."""
ROWS = 50
"""In a request."""
SECONDS = 5.0
"""Of one turn."""

VIEWERS = (0, 1, 100)
DEAF = 90
"""The viewer with this number and those after it never read."""
FILTERS: tuple[dict[str, Any], ...] = (
    {"k": "filter", "service": "checkout"},
    {"k": "filter", "severity": "error"},
    {"k": "filter", "q": "payment"},
)
"""Ten viewers have each of these, the last of those who read."""

_NAME = "tests.benchmarks.hub_viewers"


def look(port: int, viewers: int) -> None:
    """Be *viewers* viewers until standard input ends; then print what they saw."""
    sockets = [_viewer(port, index) for index in range(viewers)]
    selector = selectors.DefaultSelector()
    for viewer in sockets[:DEAF]:
        viewer.setblocking(False)
        selector.register(viewer, selectors.EVENT_READ)
    selector.register(sys.stdin, selectors.EVENT_READ)
    print("looking", flush=True)
    seen = 0
    while True:
        for key, _ in selector.select():
            if key.fileobj is sys.stdin:
                print(seen, flush=True)
                return
            assert isinstance(key.fileobj, socket.socket)
            received = len(key.fileobj.recv(1 << 18))
            if not received:
                raise SystemExit("The hub has closed a viewer's connection.")
            seen += received


def _viewer(port: int, index: int) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", port), timeout=10)
    connection.sendall(handshake(b"/api/v1/live"))
    while b'"hello"' not in connection.recv(65_536):
        pass
    which = DEAF - 1 - index
    if 0 <= which < 10 * len(FILTERS):
        connection.sendall(frame(json.dumps(FILTERS[which // 10]).encode()))
    return connection


class Sender:
    """Sends at an even pace on one connection."""

    def __init__(self, port: int) -> None:
        self._head = f"POST /v1/%s HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
        self._connection = socket.create_connection(("127.0.0.1", port))
        self._connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._seed = 0

    def send(self, rate: int, seconds: float) -> list[float]:
        """Send *rate* rows a second.

        Returns:
            The seconds until each request was acknowledged, from when it was due.
        """
        self._seed += 1
        requests = [
            (signal, request)
            for signal in ("traces", "logs")
            for request in make(
                signal, int(rate * seconds / 2), self._seed, time.time_ns(), batch=ROWS
            ).requests
        ]
        random.Random(self._seed).shuffle(requests)
        begin = time.perf_counter()
        taken = []
        for index, (signal, request) in enumerate(requests):
            due = begin + index * ROWS / rate
            time.sleep(max(0.0, due - time.perf_counter()))
            self._send(signal, request)
            taken.append(time.perf_counter() - due)
        return taken

    def _send(self, signal: str, body: bytes) -> None:
        rest = f"Content-Type: application/x-protobuf\r\nContent-Length: {len(body)}\r\n\r\n"
        self._connection.sendall((self._head % signal + rest).encode() + body)
        answer = self._connection.recv(65_536)
        if not answer.startswith(b"HTTP/1.1 200"):
            raise SystemExit(f"The hub did not take a request: {answer[:300]!r}")


def measure(hub: HubProcess, sender: Sender, rate: int, viewers: int) -> tuple[list[float], Result]:
    """Send for a while, and be looked at by *viewers*; return the latencies, and the rest."""
    watching = _watch(hub.url.rpartition(":")[2], viewers) if viewers else None
    skipped, cpu = _skipped(hub), hub.cpu_s()
    began = time.monotonic()
    taken = sender.send(rate, SECONDS)
    seconds = time.monotonic() - began
    result = {
        "us": (hub.cpu_s() - cpu) / (len(taken) * ROWS) * 1e6,
        "resident": hub.resident_bytes() / 2**20,
    }
    if watching is not None:
        seen, _ = watching.communicate("")
        result["seen"] = int(seen) / seconds / 2**20
        result["skipped"] = (_skipped(hub) - skipped) / seconds
    return taken, result


def _watch(port: str, viewers: int) -> subprocess.Popen[str]:
    watching = subprocess.Popen(
        [sys.executable, "-m", _NAME, "--look", port, str(viewers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert watching.stdout is not None
    watching.stdout.readline()
    return watching


def _skipped(hub: HubProcess) -> int:
    live: dict[str, int] = hub.http.get("/api/v1/stats").json()["live"]
    return live["skipped"]


def main(runs: int = 5, records: int = 0) -> None:
    """Measure and print."""
    ways = {(rate, viewers): f"{rate:,}/s, {viewers} look" for rate in RATES for viewers in VIEWERS}
    latencies: dict[str, list[float]] = {name: [] for name in ways.values()}
    others: dict[str, list[Result]] = {name: [] for name in ways.values()}
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder)) as hub:
        sender = Sender(int(hub.url.rpartition(":")[2]))
        sender.send(RATES[0], 1.0)  # everything is loaded
        for _ in range(runs):
            for (rate, viewers), name in ways.items():
                taken, other = measure(hub, sender, rate, viewers)
                latencies[name] += taken
                others[name].append(other)
    table(
        f"Hub: requests of {ROWS} rows, and who looks",
        {
            "acknowledged p50, ms": number("p50", ".1f"),
            "p90": number("p90", ".1f"),
            "p99": number("p99", ".1f"),
            "hub CPU, µs a row": number("us", ".0f"),
            "RSS, MiB": number("resident", ".0f"),
            "seen by all, MiB/s": number("seen", ".1f"),
            "items skipped, told /s": number("skipped", ",.0f"),
        },
        {name: _summary(latencies[name], others[name]) for name in ways.values()},
    )


def _summary(latencies: list[float], others: list[Result]) -> Result:
    taken = sorted(latencies)
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    rest = {key: statistics.median(each[key] for each in others) for key in others[0]}
    return {key: percentile(taken, share) * 1e3 for key, share in shares.items()} | rest


if __name__ == "__main__":
    if sys.argv[1:2] == ["--look"]:
        look(int(sys.argv[2]), int(sys.argv[3]))
