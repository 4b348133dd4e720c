"""`python -m tests.hub.receive_log.soak`: kill a hub over and over, and say what it lost.

Each round runs some kills on a new folder; half of the rounds pass on to a receiver as well. The
seed is printed, and a seed that fails is worth a test of its own.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections import Counter
from pathlib import Path

from otbridge.testing.receiver import OtlpReceiver
from tests.hub.hub_process import HubProcess
from tests.hub.receive_log.killing import kill_and_send, received_all, shown

_KILLS = 20
"""In one folder."""


def main() -> int:
    """Run the rounds; return 1 where something was lost, shown twice, or made up."""
    parser = argparse.ArgumentParser(description="Kill a hub over and over.")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=random.randrange(1 << 30))
    asked = parser.parse_args()
    failed = False
    for number in range(max(1, asked.kills // _KILLS)):
        seed = asked.seed + number
        with tempfile.TemporaryDirectory() as folder, OtlpReceiver() as upstream:
            forward = ("--forward", upstream.http_url) if number % 2 else ()
            owed = kill_and_send(Path(folder), _KILLS, seed, *forward)
            with HubProcess(Path(folder), *forward) as hub:
                found = Counter(shown(hub))
                unsent = received_all(upstream, owed.acknowledged) if forward else set()
                hub.end()
        lost = owed.acknowledged - found.keys()
        twice = [name for name, times in found.items() if times > 1]
        foreign = found.keys() - owed.sent
        print(  # noqa: T201 - this is a program
            f"seed {seed}: {_KILLS} kills, {owed.requests:,} requests and"
            f" {len(owed.acknowledged):,} records acknowledged; {len(lost)} lost,"
            f" {len(twice)} shown twice, {len(foreign)} made up, {len(unsent)} not passed on",
            flush=True,
        )
        failed = failed or bool(lost or twice or foreign or unsent)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
