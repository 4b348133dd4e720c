"""What a span costs until it is delivered: `python -m tests.benchmarks.spans [--runs 5]`."""

from __future__ import annotations

from tests.benchmarks.harness import number, options, ratio, run_fresh, table, take_turns
from tests.benchmarks.ways import SPANS


def main(runs: int = 5, records: int = 40_000) -> None:
    """Measure and print."""
    found = take_turns(
        runs,
        {
            name: lambda name=name: run_fresh(  # type: ignore[misc]  # bound now
                "tests.benchmarks.run_way", "sustained", name, str(records)
            )
            for name in SPANS
        },
    )
    table(
        f"Span begun, ended and delivered, CPU of the whole process ({records:,} spans)",
        {
            "µs": number("us"),
            "spread": number("spread", ".0%"),
            "to the official path's": ratio(found["official"]),
            "lost %": number("lost", ".1f"),
        },
        found,
    )


if __name__ == "__main__":
    main(**options())
