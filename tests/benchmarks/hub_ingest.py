"""What a record costs the hub, and how many it takes: `python -m tests.benchmarks hub`.

A real hub in a process of its own, and a sender in another one that has encoded all of its
requests before it begins. The hub's CPU is that of its processes, from the first request until it
has nothing left to do; "queryable" is the time from the last acknowledgement until the last trace
is there whole and the full text finds a word that only it has.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.benchmarks.harness import number, options, run_fresh, table, take_turns
from tests.benchmarks.hub_traffic import BATCH, make
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.typing import Signal
    from tests.benchmarks.harness import Result

__all__ = ["cpu_when_quiet", "main", "wait_until_queryable"]

CONNECTIONS = 8
"""Connections that the sender keeps open, one request at a time on each."""

QUIET_S = 2.0
"""So long the hub must have used no CPU to speak of until it counts as done."""

_NAME = "tests.benchmarks.hub_ingest"


def send(port: int, signal: Signal, records: int, seed: int, rate: int = 0) -> None:
    """Send everything, *rate* records a second or as fast as the hub takes it; print what happened."""
    traffic = make(signal, records, seed, time.time_ns())
    pause = BATCH / rate if rate else 0.0
    refused = [0] * CONNECTIONS
    sys.stdin.readline()  # the one who measures says when
    cpu = time.process_time()
    begin = time.perf_counter()
    queue = [(begin + place * pause, body) for place, body in enumerate(traffic.requests)][::-1]
    threads = [
        threading.Thread(target=_connection, args=(port, signal, queue, refused, index))
        for index in range(CONNECTIONS)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(
        json.dumps(
            {
                "records": traffic.records,
                "seconds": time.perf_counter() - begin,
                "sender_us": (time.process_time() - cpu) / traffic.records * 1e6,
                "refused": sum(refused),
                "bytes": sum(map(len, traffic.requests)),
                "trace": traffic.last_trace,
                "word": traffic.last_word,
            }
        )
    )


def _connection(
    port: int,
    signal: Signal,
    queue: list[tuple[float, bytes]],
    refused: list[int],
    index: int,
) -> None:
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        while True:
            try:
                due, body = queue.pop()
            except IndexError:
                return
            time.sleep(max(0.0, due - time.perf_counter()))
            head = (
                f"POST /v1/{signal} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n"
                f"Content-Type: application/x-protobuf\r\nContent-Length: {len(body)}\r\n\r\n"
            ).encode()
            connection.sendall(head + body)
            answer = connection.recv(65_536)
            if not answer.startswith(b"HTTP/1.1 200"):
                refused[index] += 1
                queue.append((due, body))
                time.sleep(0.2)  # what it was told to do, about


def measure(signal: Signal, records: int, seed: int) -> Result:
    """Send *records* to a new hub; return what it took."""
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder) / "hub") as hub:
        port = hub.url.rpartition(":")[2]
        sender = subprocess.Popen(
            [sys.executable, "-m", _NAME, "--send", port, signal, str(records), str(seed)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        before = hub.cpu_s()
        output, _ = sender.communicate("go\n")
        acknowledged = time.perf_counter()
        sent: dict[str, Any] = json.loads(output)
        wait_until_queryable(hub, signal, sent)
        queryable = time.perf_counter() - acknowledged
        cpu = cpu_when_quiet(hub) - before
        resident = hub.resident_bytes()
        hub.end()
        disk = sum(path.stat().st_size for path in hub.data.rglob("*.db"))
    return {
        "rate": sent["records"] / sent["seconds"],
        "us": cpu / sent["records"] * 1e6,
        "sender_us": sent["sender_us"],
        "queryable": queryable,
        "resident": resident / 2**20,
        "disk": disk / sent["records"],
        "wire": sent["bytes"] / sent["records"],
        "refused": sent["refused"],
    }


def wait_until_queryable(hub: HubProcess, signal: Signal, sent: dict[str, Any]) -> None:
    """Return when the last trace is there whole, and found by a word that only it has."""
    wanted = {"traces": "span_count", "logs": "log_count"}[signal]
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        whole = hub.http.get(f"/api/v1/traces/{sent['trace']}")
        found = hub.http.get(f"/api/v1/{signal}", params={"q": sent["word"]}).json()
        if whole.status_code == 200 and whole.json()[wanted] == 25 and found[signal]:
            return
        time.sleep(0.02)
    raise SystemExit(f"Not queryable after a minute: {whole.text[:500]} {str(found)[:500]}")


def cpu_when_quiet(hub: HubProcess) -> float:
    """Return the CPU seconds of a hub, once it has come to rest."""
    cpu = hub.cpu_s()
    while True:
        time.sleep(QUIET_S)
        now = hub.cpu_s()
        if now - cpu <= 0.1:  # an idle hub's upkeep
            return now
        cpu = now


def main(runs: int = 5, records: int = 100_000) -> None:
    """Measure and print."""

    def way(signal: Signal) -> Callable[[], Result]:
        return lambda: run_fresh(_NAME, "--one", signal, str(records))

    found = take_turns(runs, {"spans": way("traces"), "logs": way("logs")})
    table(
        f"Hub: OTLP/HTTP requests of 512 records to rows on disk ({records:,} records)",
        {
            "acknowledged/s": number("rate", ",.0f"),
            "hub CPU, µs a record": number("us", ".1f"),
            "spread": number("spread", ".0%"),
            "sender CPU": number("sender_us", ".1f"),
            "queryable after, s": number("queryable", ".2f"),
            "RSS, MiB": number("resident", ".0f"),
            "disk, bytes a record": number("disk", ".0f"),
            "on the wire": number("wire", ".0f"),
            "refused requests": number("refused", ".0f"),
        },
        found,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        send(int(sys.argv[2]), sys.argv[3], *map(int, sys.argv[4:]))  # type: ignore[arg-type]
    elif sys.argv[1:2] == ["--one"]:
        print(json.dumps(measure(sys.argv[2], int(sys.argv[3]), os.getpid())))  # type: ignore[arg-type]
    else:
        main(**options(records=100_000))
