"""What a log line costs until it is delivered: `python -m tests.benchmarks.logs [--runs 5]`.

Nothing is lost: the producer pauses where the queue fills. The two ratios are to the official
path of the same kind of program.
"""

from __future__ import annotations

from tests.benchmarks.harness import number, options, ratio, run_fresh, table, take_turns
from tests.benchmarks.ways import LOGS, is_installed


def main(runs: int = 5, records: int = 40_000) -> None:
    """Measure and print."""
    found = take_turns(
        runs,
        {
            name: lambda name=name: run_fresh(  # type: ignore[misc]  # bound now
                "tests.benchmarks.run_way", "sustained", name, str(records)
            )
            for name in LOGS
            if is_installed(name)
        },
    )
    table(
        f"Log call to delivered record, CPU of the whole process ({records:,} records)",
        {
            "µs": number("us"),
            "spread": number("spread", ".0%"),
            "to structlog's": ratio(found["official, structlog"]),
            "to logging's": ratio(found["official, logging"]),
            "lost %": number("lost", ".1f"),
        },
        found,
    )


if __name__ == "__main__":
    main(**options())
