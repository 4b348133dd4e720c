"""How quickly a hub with millions of records answers: `python -m tests.benchmarks queries`.

A store of half spans and half logs, a day of twelve services, is written first (`hub_load`). Then
a real hub opens it, a sender adds 5,000 rows a second in requests of a hundred, and every question
is asked over HTTP, one after the other, each time about something else. What counts is the time
from sending a request until its whole answer is there. The files were read once before, so that
the disk is not what is measured.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from websockets.sync.client import connect

from tests.benchmarks.harness import number, percentile, table
from tests.benchmarks.hub_bulk import Bulk
from tests.benchmarks.hub_load import Stretch, load, stretches
from tests.benchmarks.hub_questions import AT_ONCE, Loaded, questions
from tests.benchmarks.hub_traffic import TRACE_SPANS
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.benchmarks.harness import Result
    from tests.benchmarks.hub_questions import Question

__all__ = ["main"]

ROWS_PER_S: Final = 5_000
BATCH: Final = 100
"""Rows in a request that comes in while questions are asked."""

SENDERS: Final = 4
"""Connections that they come on."""

WARM_UP_S: Final = 3.0
"""From the first row that comes in until they come in evenly."""

_NAME = "tests.benchmarks.hub_queries"
_LONG: Final = 1_000_000
"""Traces that the sender has enough of for hours."""


class _Sender:
    """Sends at an even pace, whatever the hub does, on a few connections."""

    def __init__(self, port: int) -> None:
        self._port = port
        bulk = Bulk(400, seed=1)
        pause_ns = 2 * TRACE_SPANS * 1_000_000_000 // ROWS_PER_S
        self._begin_ns = time.time_ns()
        end_ns = self._begin_ns + _LONG * pause_ns
        self._requests = bulk.requests(_LONG, self._begin_ns, end_ns, batch=BATCH)
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._taken: list[float] = []
        self._rows = 0

    def send(self) -> None:
        """Send until standard input ends; then print how long it took to be taken."""
        threads = [threading.Thread(target=self._connection) for _ in range(SENDERS)]
        for thread in threads:
            thread.start()
        sys.stdin.read()
        self._ended.set()
        for thread in threads:
            thread.join()
        seconds = (time.time_ns() - self._begin_ns) / 1e9
        print(json.dumps({"rate": self._rows / seconds, **_percentiles(self._taken)}))

    def _connection(self) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)
        while True:
            with self._lock:
                request = next(self._requests)
                if self._ended.wait(max(0.0, (request.time_ns - time.time_ns()) / 1e9)):
                    return
            begin = time.perf_counter()
            connection.request("POST", f"/v1/{request.signal}", request.data, _PROTOBUF)
            answer = connection.getresponse()
            answer.read()
            if answer.status != 200:
                print(f"The hub did not take a request: {answer.status}", file=sys.stderr)
                continue
            taken = (time.perf_counter() - begin) * 1e3
            with self._lock:  # which the others hold while nothing is due
                if not self._taken:
                    print("rows come in", flush=True)
                self._taken.append(taken)
                self._rows += request.records


_PROTOBUF = {"Content-Type": "application/x-protobuf"}


@contextmanager
def _sending(hub: HubProcess, results: dict[str, Result]) -> Iterator[None]:
    """Have rows come in; note how they were taken."""
    sender = subprocess.Popen(
        [sys.executable, "-m", _NAME, "--send", _port(hub)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert sender.stdout is not None
        if not sender.stdout.readline():
            raise SystemExit("The sender does not send.")
        time.sleep(WARM_UP_S)
        yield
        output, _ = sender.communicate(timeout=60)
    finally:
        sender.kill()
        sender.wait()
    results["a request of 100 rows, to be taken"] = json.loads(output)


def ask(hub: HubProcess, question: Question, loaded: Loaded, times: int) -> Result:
    """Ask one question *times* times, each time about something else."""
    connection = http.client.HTTPConnection("127.0.0.1", int(_port(hub)), timeout=30)
    taken: list[float] = []
    sizes: list[int] = []
    failed = 0
    for _ in range(times):
        path = question.path(loaded)
        begin = time.perf_counter()
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        taken.append((time.perf_counter() - begin) * 1e3)
        sizes.append(len(body))
        if answer.status == 503:
            failed += 1
        elif answer.status != 200 or not (question.rare or json.loads(body)[question.some]):
            raise SystemExit(f"{question.name}: {path}: {answer.status} {body[:500]!r}")
    connection.close()
    result = {
        **_percentiles(taken),
        "goal": question.goal_ms,
        "bytes": percentile(sorted(sizes), 0.5),
    }
    return result | ({"failed": failed} if failed else {})


def follow(hub: HubProcess, times: int) -> Result:
    """Send a log line again and again; return how long it takes to be shown to a viewer."""
    connection = http.client.HTTPConnection("127.0.0.1", int(_port(hub)), timeout=30)
    taken: list[float] = []
    with connect(f"{hub.ws_url}/api/v1/live", max_size=None) as viewer:
        viewer.recv()
        viewer.send(json.dumps({"k": "filter", "service": "tail"}))
        for index in range(times):
            if index == 0:
                time.sleep(0.2)  # the filter has no answer
            word = f"line{random.getrandbits(60):015x}"
            begin = time.perf_counter()
            connection.request(
                "POST", "/v1/logs", _line(word), {"Content-Type": "application/json"}
            )
            while word not in viewer.recv(timeout=10):
                pass
            taken.append((time.perf_counter() - begin) * 1e3)
            connection.getresponse().read()
    connection.close()
    return {**_percentiles(taken), "goal": AT_ONCE}


def _line(word: str) -> bytes:
    service = {"key": "service.name", "value": {"stringValue": "tail"}}
    record = {"timeUnixNano": str(time.time_ns()), "body": {"stringValue": word}}
    logs = {"resource": {"attributes": [service]}, "scopeLogs": [{"logRecords": [record]}]}
    return json.dumps({"resourceLogs": [logs]}).encode()


def _percentiles(taken: list[float]) -> Result:
    ordered = sorted(taken)
    shares = {"p50": 0.5, "p90": 0.9, "p99": 0.99}
    return {name: percentile(ordered, share) for name, share in shares.items()}


def _port(hub: HubProcess) -> str:
    return hub.url.rpartition(":")[2]


def measure(folder: Path, loaded: Loaded, times: int, only: str) -> tuple[dict[str, Result], Any]:
    """Open the store with a hub and ask; return the answers' times, and the hub's own numbers."""
    results: dict[str, Result] = {}
    for path in folder.rglob("*.db"):  # into the system's cache, as far as that has room
        with path.open("rb") as file:
            while file.read(1 << 24):
                pass
    with HubProcess(folder) as hub:
        ready = hub.ready_after_s
        stats = hub.http.get("/api/v1/stats").json()["store"]
        resident = [hub.resident_bytes()]
        with _sending(hub, results):
            for question in questions():
                if only in question.name:
                    results[question.name] = ask(hub, question, loaded, times)
                    _tell(question.name, results[question.name])
                    resident.append(hub.resident_bytes())
            results["a line, until a viewer has it"] = follow(hub, times)
        resident.append(hub.resident_bytes())
        hub.end()
    with HubProcess(folder) as hub:
        again = hub.ready_after_s
        hub.end()
    return results, {
        "spans": stats["spans"],
        "logs": stats["logs"],
        "bytes a row": stats["bytes"] / (stats["spans"] + stats["logs"]),
        "files": sum(path.suffix == ".db" for path in folder.rglob("*")),
        "ready after, s": ready,
        "… after the questions": again,
        "RSS at first, MiB": resident[0] / 2**20,
        "RSS at most": max(resident) / 2**20,
        "RSS in the end": resident[-1] / 2**20,
    }


def _tell(name: str, result: Result) -> None:
    print(f"{name}: {json.dumps(result)}", file=sys.stderr, flush=True)


def options(arguments: list[str] | None = None) -> dict[str, Any]:
    """Return what the command line says."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000, help="half spans, half logs")
    parser.add_argument("--questions", type=int, default=200, help="how often each is asked")
    parser.add_argument("--only", default="", help="those with this in their names")
    parser.add_argument("--data", type=Path, help="a hub's folder: kept, and used again")
    return vars(parser.parse_args(arguments))


def main(rows: int, questions: int, only: str = "", data: Path | None = None) -> None:
    """Load, ask and print."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = data or Path(temporary) / "hub"
        parts_file = folder / "loaded.json"
        if not parts_file.exists():
            parts = stretches(rows, time.time_ns())
            folder.mkdir(parents=True)
            seconds = load(folder / "store", parts)
            print(f"{rows:,} rows written in {seconds:.0f} s")
            parts_file.write_text(json.dumps(parts))
        parts = [Stretch(*part) for part in json.loads(parts_file.read_text())]
        found, numbers = measure(folder, Loaded(parts, random.Random(os.getpid())), questions, only)
    table(
        f"Hub: questions to {numbers['spans']:,} spans and {numbers['logs']:,} logs, while"
        f" {ROWS_PER_S:,} rows a second come in",
        {
            "p50, ms": number("p50", ".1f"),
            "p90": number("p90", ".1f"),
            "p99": number("p99", ".1f"),
            "goal": number("goal", ".0f"),
            "bytes": number("bytes", ",.0f"),
            "over 2 s": number("failed", ".0f"),
            "rows/s": number("rate", ",.0f"),
        },
        found,
    )
    table("The hub with this store", {"": lambda value: format(value, ",.2f")}, numbers)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--send"]:
        _Sender(int(sys.argv[2])).send()
    else:
        main(**options())
