"""The hub beside Phoenix: `python -m tests.benchmarks hub --peer phoenix=PATH-TO-ITS-PYTHON`.

Both are real processes with a new data folder, in their default form, and get the same requests
from the same sender. Phoenix acknowledges what it holds in memory, so the rate that counts is that
of spans it can show: until its own count, asked for by GraphQL, has all of them. The hub's is taken
in the same way, from `/api/v1/stats`.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import httpx

from tests.benchmarks.harness import number, table
from tests.hub.hub_process import HubProcess
from tests.hub.process_tree import cpu_s, resident_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.benchmarks.harness import Result

__all__ = ["main"]

SPANS: Final = 6_000
"""As many as Phoenix stores in half a minute, and fewer than it holds in memory (20,000)."""

LIMIT_S: Final = 300.0

_COUNT: Final = {"query": "{ projects { edges { node { recordCount } } } }"}


class Receiver(NamedTuple):
    """A receiver that runs."""

    pid: int
    port: str
    ready_s: float
    shown: Callable[[], int]
    """Spans that it can show."""


@contextmanager
def _hub(folder: Path) -> Iterator[Receiver]:
    with HubProcess(folder) as hub:

        def count() -> int:
            spans: int = hub.http.get("/api/v1/stats").json()["store"]["spans"]
            return spans

        yield Receiver(hub.process.pid, hub.url.rpartition(":")[2], hub.ready_after_s, count)


@contextmanager
def _phoenix(python: str, folder: Path) -> Iterator[Receiver]:
    ports = [str(_free_port()) for _ in range(2)]
    url = f"http://127.0.0.1:{ports[0]}"
    begin = time.monotonic()
    process = subprocess.Popen(
        [python, "-m", "phoenix.server.main", "serve"],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env={
            **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
            "PHOENIX_WORKING_DIR": str(folder),
            "PHOENIX_HOST": "127.0.0.1",
            "PHOENIX_PORT": ports[0],
            "PHOENIX_GRPC_PORT": ports[1],
            "PHOENIX_TELEMETRY_ENABLED": "false",
        },
    )
    try:
        while not _answers(f"{url}/healthz"):
            if process.poll() is not None or time.monotonic() - begin > LIMIT_S:
                raise SystemExit("Phoenix does not start.")
            time.sleep(0.05)
        ready = time.monotonic() - begin
        with httpx.Client(base_url=url, timeout=60) as client:

            def count() -> int:
                answer: Any = client.post("/graphql", json=_COUNT).json()["data"]
                nodes = [edge["node"] for edge in answer["projects"]["edges"]]
                return sum(node["recordCount"] for node in nodes)

            yield Receiver(process.pid, ports[0], ready, count)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _free_port() -> int:
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port: int = bound.getsockname()[1]
        return port


def _answers(url: str) -> bool:
    try:
        return httpx.get(url, timeout=5).status_code == 200
    except httpx.TransportError:
        return False


def measure(receiver: Receiver, spans: int) -> Result:
    """Send *spans* spans; return how they were taken and when they could all be shown."""
    time.sleep(2)  # at rest
    idle = resident_bytes(receiver.pid) / 2**20
    sender = subprocess.Popen(
        [
            *(sys.executable, "-m", "tests.benchmarks.hub_ingest", "--send"),
            *(receiver.port, "traces", str(spans), "7"),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert sender.stdin is not None
    cpu = cpu_s(receiver.pid)
    begin = time.monotonic()
    sender.stdin.write("go\n")
    sender.stdin.flush()
    output, _ = sender.communicate(timeout=LIMIT_S)
    sent = json.loads(output)
    made = time.monotonic() - begin - sent["seconds"]  # the sender made its requests first
    while receiver.shown() < sent["records"]:
        if time.monotonic() - begin > LIMIT_S:
            raise SystemExit(f"Only {receiver.shown()} of {sent['records']} can be shown.")
        time.sleep(0.05)
    seconds = time.monotonic() - begin - made
    return {
        "ready": receiver.ready_s,
        "idle": idle,
        "acknowledged": sent["records"] / sent["seconds"],
        "shown": sent["records"] / seconds,
        "us": (cpu_s(receiver.pid) - cpu) / sent["records"] * 1e6,
        "resident": resident_bytes(receiver.pid) / 2**20,
        "refused": sent["refused"],
    }


def main(peer: str, spans: int = SPANS) -> None:
    """Measure both, and print; *peer* is `phoenix=` and the Python that it is installed for."""
    name, _, python = peer.partition("=")
    if name != "phoenix" or not python:
        raise SystemExit("The peer is given as phoenix=PATH-TO-ITS-PYTHON.")
    found: dict[str, Result] = {}
    with tempfile.TemporaryDirectory() as folder:
        with _phoenix(python, Path(folder)) as receiver:
            found["Phoenix"] = measure(receiver, spans)
        with _hub(Path(folder) / "hub") as receiver:
            found["otbridge hub"] = measure(receiver, spans)
    base = found["Phoenix"]["shown"]
    for result in found.values():
        result["times"] = result["shown"] / base
    table(
        f"{spans:,} spans in OTLP/HTTP requests of 512",
        {
            "ready, s": number("ready", ".1f"),
            "idle RSS, MiB": number("idle", ".0f"),
            "acknowledged/s": number("acknowledged", ",.0f"),
            "shown/s": number("shown", ",.0f"),
            "times": number("times", ".0f"),
            "CPU, µs a span": number("us", ",.0f"),
            "RSS after, MiB": number("resident", ".0f"),
            "refused requests": number("refused", ".0f"),
        },
        found,
    )
