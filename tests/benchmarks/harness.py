"""How the benchmarks measure: fresh processes that take turns, CPU time, medians, ratios.

A figure is the user and system time of the whole producing process (its sender threads too) for
each record that arrived. The receiver is a process of its own that keeps bytes and is asked in
the end how many records are in them. Every run is a new interpreter; the ways take turns, so that
whatever else the machine does falls on all of them alike; what is shown is the median.
"""

# ruff: noqa: T201 - a benchmark prints its results

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = [
    "Receiver",
    "Result",
    "number",
    "percentile",
    "ratio",
    "run_fresh",
    "serve",
    "table",
    "take_turns",
]

Result = dict[str, float]
"""What one run measured, by name."""


class Receiver:
    """The receiver's process, from the outside: OTLP over HTTP at `url`, over gRPC at `grpc`."""

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.benchmarks.harness"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.url, self.grpc = self._process.stdout.readline().split()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.communicate()

    def count(self) -> dict[str, int]:
        """Return how many records came since the last question, by signal."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("count\n")
        self._process.stdin.flush()
        found: dict[str, int] = json.loads(self._process.stdout.readline())
        return found


def serve() -> None:
    """Receive until standard input ends."""
    from otbridge.testing import OtlpReceiver

    with OtlpReceiver() as receiver:
        print(receiver.http_url, f"http://{receiver.grpc_target}", flush=True)
        for _ in sys.stdin:
            counts = {"logs": len(receiver.logs), "traces": len(receiver.spans)}
            print(json.dumps(counts), flush=True)
            receiver.clear()


def run_fresh(module: str, *arguments: str) -> Result:
    """Run `python -m` *module* in an interpreter of its own; its last line is the result."""
    command = [sys.executable, "-m", module, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)} failed:\n{done.stderr[-4000:]}")
    result: Result = json.loads(done.stdout.splitlines()[-1])
    return result


def take_turns(runs: int, ways: Mapping[str, Callable[[], Result]]) -> dict[str, Result]:
    """Measure each way *runs* times in turns; return the medians, and `spread` of `us`."""
    found: dict[str, list[Result]] = {name: [] for name in ways}
    for _ in range(runs):
        for name, measure in ways.items():
            found[name].append(measure())
    medians = {}
    for name, results in found.items():
        median = {key: statistics.median(each[key] for each in results) for key in results[0]}
        if "us" in median:
            each = [result["us"] for result in results]
            median["spread"] = (max(each) - min(each)) / median["us"]
        medians[name] = median
    return medians


def number(key: str, form: str = ".2f") -> Callable[[Any], str]:
    """Return how the cell of *key* is written; empty where a row has none."""
    return lambda row: format(row[key], form) if key in row else ""


def ratio(base: Result | None, key: str = "us") -> Callable[[Any], str]:
    """Return how a cell is written that compares *key* with *base*'s."""
    return lambda row: "" if base is None else format(row[key] / base[key], ".3f")


def options(records: int = 40_000) -> dict[str, int]:
    """Return what the command line says: runs of each way, and *records* of each run by default."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--records", type=int, default=records)
    return vars(parser.parse_args())


def percentile(ordered: Sequence[float], share: float) -> float:
    """Return the value that *share* of the *ordered* ones do not exceed."""
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def table(title: str, columns: Mapping[str, Callable[[Any], str]], rows: Mapping[str, Any]) -> None:
    """Print *rows* as a Markdown table; a column is a heading and how its cell is made."""
    print(f"\n### {title}\n")
    print(f"| | {' | '.join(columns)} |")
    print(f"|---|{'---:|' * len(columns)}")
    for name, row in rows.items():
        print(f"| {name} | {' | '.join(cell(row) for cell in columns.values())} |", flush=True)


if __name__ == "__main__":
    serve()
