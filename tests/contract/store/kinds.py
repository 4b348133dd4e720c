"""The kinds of stores that keep the contract, and what of it each cannot promise, with the reason."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Kind:
    """One kind of store."""

    name: str
    package: str
    """Of `otbridge.hub.store`."""
    apart: bool = False
    """Whether its files are written by a process of their own."""
    examples: int = 10
    """How many examples a property is tried on; each costs some inserts."""
    differs: dict[str, str] = field(default_factory=dict)
    """What it cannot promise, and why. Tests say what it does instead."""

    def promises(self, what: str) -> bool:
        """Whether it keeps *what*, which is one of `PROMISES`."""
        assert what in PROMISES
        return what not in self.differs


PROMISES = {
    "counts repeated spans": "`totals().duplicates` tells how many spans came again.",
    "drops rotten rows": "A row whose bytes have changed on disk is left out of answers and counted.",
}

SQLITE = Kind("sqlite", "sqlite", examples=60)
SQLITE_APART = Kind("sqlite apart", "sqlite", apart=True)

_DIFFERS = {
    "counts repeated spans": (
        "ClickHouse removes copies when it merges; to look each span up before would double the"
        " cost of storing it"
    ),
    "drops rotten rows": "ClickHouse has checksums of its own, and refuses to read a rotten block",
}

CLICKHOUSE = Kind("clickhouse", "clickhouse", differs=_DIFFERS)
CLUSTER = Kind("cluster", "clickhouse", differs=_DIFFERS)
CHDB = Kind("chdb", "clickhouse", differs=_DIFFERS)
