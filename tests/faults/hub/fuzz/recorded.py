"""The recorded requests, as the mutations take them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

__all__ = ["FOLDER", "Recorded", "recorded"]

FOLDER = Path(__file__).parents[1] / "recorded"


@dataclass(frozen=True)
class Recorded:
    """Requests of real SDKs."""

    requests: dict[str, list[bytes]]
    """OTLP as protobuf, by signal."""
    trees: dict[str, list[Any]]
    """The same as JSON."""
    frames: list[dict[str, Any]]
    """What clients of the bridge say over a WebSocket."""
    posts: list[dict[str, Any]]
    """What they say by POST."""

    @property
    def all_requests(self) -> list[bytes]:
        return [request for each in self.requests.values() for request in each]

    @property
    def all_trees(self) -> list[Any]:
        return [tree for each in self.trees.values() for tree in each]


@cache
def recorded() -> Recorded:
    """Read them from the disk."""
    requests: dict[str, list[bytes]] = {}
    trees: dict[str, list[Any]] = {}
    for path in sorted(FOLDER.glob("*.bin")):
        signal = path.stem.rpartition("-")[2]
        requests.setdefault(signal, []).append(path.read_bytes())
        text = path.with_suffix(".json").read_text("utf-8")
        trees.setdefault(signal, []).append(json.loads(text))
    told = [json.loads(line) for line in (FOLDER / "bridge.jsonl").read_text("utf-8").splitlines()]
    return Recorded(
        requests,
        trees,
        frames=[frame for frame in told if "post" not in frame],
        posts=[frame["post"] for frame in told if "post" in frame],
    )
