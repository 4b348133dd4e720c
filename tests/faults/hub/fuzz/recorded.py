"""The recorded requests, as the mutations take them."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import random

__all__ = ["FOLDER", "Recorded", "fresh", "recorded"]

FOLDER = Path(__file__).parents[1] / "recorded"


@dataclass(frozen=True)
class Recorded:
    """Requests of real SDKs."""

    requests: dict[str, list[bytes]]
    """OTLP as protobuf, by signal."""
    trees: dict[str, list[Any]]
    """The same as JSON."""
    ids: list[bytes]
    """Of the traces and spans in them."""
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
    ids = re.findall(r'"(?:traceId|spanId)": ?"([0-9a-f]+)"', json.dumps(trees))
    told = [json.loads(line) for line in (FOLDER / "bridge.jsonl").read_text("utf-8").splitlines()]
    return Recorded(
        requests,
        trees,
        [bytes.fromhex(each) for each in sorted(set(ids))],
        frames=[frame for frame in told if "post" not in frame],
        posts=[frame["post"] for frame in told if "post" in frame],
    )


def fresh(data: bytes, chance: random.Random) -> bytes:
    """Return *data* with other ids, in bytes or hex: the hub keeps what it has of a span."""
    for old in recorded().ids:
        if old in data:
            data = data.replace(old, chance.randbytes(len(old)))
        elif (told := old.hex().encode()) in data:
            data = data.replace(told, chance.randbytes(len(old)).hex().encode())
    return data
