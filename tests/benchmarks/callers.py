"""How long a caller waits: `python -m tests.benchmarks.callers [--runs 3]`.

Paced at 5,000 and 10,000 records a second, what counts is the longest wait; at full speed, what is
lost, the 99th percentile, and the memory taken above that of the idle process. All are at the
mercy of whatever else runs on the machine: compare rows of one table only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from tests.benchmarks.harness import number, options, ratio, run_fresh, table, take_turns

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from tests.benchmarks.harness import Result

WAYS: Final = (
    "official, structlog",
    "official, logging",
    "official",
    "otbridge, get_logger",
    "otbridge, logging",
    "otbridge, SDK's tracer",
    "otbridge, own tracer",
)
FASTER: Final = ("official, structlog", "otbridge, get_logger", "otbridge, process")
UNPAUSED: Final = (*WAYS, "otbridge, process", "otbridge, gRPC", "otbridge, gRPC, process")


def main(runs: int = 3, records: int = 40_000) -> None:
    """Measure and print."""
    for rate, ways in ((5000, WAYS), (10_000, FASTER)):
        paced = in_turns(runs, f"paced:{rate}", ways, records // 2)
        table(
            f"Paced at {rate:,} a second ({records // 2:,} records): a caller's wait in µs",
            {
                "p50": number("p50", ".1f"),
                "p99": number("p99", ".0f"),
                "p99.9": number("p999", ".0f"),
                "longest": number("max", ",.0f"),
                "to structlog's": ratio(paced["official, structlog"], "max"),
                "lost %": number("lost", ".3f"),
            },
            paced,
        )
    full = in_turns(runs, "full", UNPAUSED, 5 * records)
    table(
        f"Full speed ({5 * records:,} records, default settings)",
        {
            "p50 µs": number("p50", ".1f"),
            "p99 µs": number("p99", ".0f"),
            "longest µs": number("max", ",.0f"),
            "written/s": number("rate", ",.0f"),
            "lost %": number("lost", ".3f"),
            "memory MiB": number("grown_mib", ".0f"),
        },
        full,
    )


def in_turns(runs: int, mode: str, ways: Iterable[str], records: int) -> Mapping[str, Result]:
    return take_turns(
        runs,
        {
            name: lambda name=name: run_fresh(  # type: ignore[misc]  # bound now
                "tests.benchmarks.run_way", mode, name, str(records)
            )
            for name in ways
        },
    )


if __name__ == "__main__":
    main(**options())
