"""What it costs to have a line on disk before the call returns: `python -m tests.benchmarks.durable`.

The price of `durability="process"`, beside `memory`.
"""

from __future__ import annotations

from tests.benchmarks.harness import number, options, ratio, run_fresh, table, take_turns

WAYS = ("otbridge, memory", "otbridge, process")


def main(runs: int = 5, records: int = 40_000) -> None:
    """Measure and print."""
    found = take_turns(
        runs,
        {
            name: lambda name=name: run_fresh(  # type: ignore[misc]  # bound now
                "tests.benchmarks.run_way", "sustained", name, str(records)
            )
            for name in WAYS
        },
    )
    table(
        f"Durable log call to delivered record, CPU of the whole process ({records:,} records)",
        {
            "µs": number("us"),
            "to memory": ratio(found["otbridge, memory"]),
            "lost %": number("lost", ".1f"),
        },
        found,
    )


if __name__ == "__main__":
    main(**options())
