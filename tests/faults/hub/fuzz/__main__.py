"""Malformed requests without end: `python -m tests.faults.hub.fuzz --requests 1000000 --seed 1`.

A real hub is sent mutants of recorded requests through every door. It has to stay alive, answer
nothing with a 5xx but "come again", write no stack trace, stay below 300 MiB without growing, and
take and show a right request in the end. Whatever broke a promise is written to a folder, to be
sent again with `--again FILE`.
"""

# ruff: noqa: T201 - this is a program

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from tests.faults.hub.fuzz.campaign import LANES, Campaign
from tests.faults.hub.fuzz.case import Case
from tests.faults.hub.fuzz.connection import exchange
from tests.faults.hub.fuzz.grpc_wire import method_of
from tests.faults.hub.fuzz.watch import Watch
from tests.hub.hub_process import HubProcess

MOST_MEBIBYTES = 300
"""What both processes of a hub have in use, some 140, and the 128 MiB of requests that it lets wait
(`MAX_WAITING_BYTES`): 271 were measured on a machine that was busy with other things."""
MOST_RISE_MEBIBYTES = 16
"""From the middle to the end; the allocator's own ups and downs are a few."""
WARM_MUTANTS = 400_000
"""From so many on; until then caches fill that have a limit."""


def fuzz(requests: int, seed: int, crashes: Path) -> int:
    """Run; return 1 where a promise was broken."""
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder)) as hub:
        with Watch(hub) as watch:
            campaign = Campaign(hub, watch, crashes, seed)
            began = time.monotonic()
            asyncio.run(campaign.run(requests))
            seconds = time.monotonic() - began
        alive = hub.process.poll() is None
        well = alive and campaign.takes_a_good_request()
    broken = [f"{finding.lane} {finding.number}: {finding.what}" for finding in campaign.findings]
    if watch.tracebacks:
        broken.append(f"{watch.tracebacks} stack traces, the first of them:")
        broken += watch.complaints[:200]
    if not alive:
        broken.append(f"the hub died with {hub.process.returncode}")
    elif not well:
        broken.append("a right request is not taken and shown any more")
    if watch.peak_mebibytes > MOST_MEBIBYTES:
        broken.append(f"{watch.peak_mebibytes:.0f} MiB at its peak")
    if campaign.mutants >= WARM_MUTANTS and watch.rise_mebibytes > MOST_RISE_MEBIBYTES:
        broken.append(f"{watch.rise_mebibytes:.0f} MiB more at the end than in the middle")
    by_status = ", ".join(f"{status}: {n:,}" for status, n in sorted(campaign.statuses.items()))
    by_code = ", ".join(f"{code}: {n:,}" for code, n in sorted(campaign.codes.items()))
    ended = {lane: f" in {at - began:.0f} s" for lane, at in campaign.ended.items()}
    lanes = [f"{lane}: {n:,}{ended.get(lane, '')}" for lane, n in campaign.sent.items()]
    print(f"sent {', '.join(lanes)}")
    print(f"answers {by_status}; gRPC {by_code}; lines on standard error: {len(watch.complaints)}")
    print(
        f"fuzz: {campaign.mutants:,} mutants (seed {seed}) in {seconds:.0f} s,"
        f" {campaign.mutants / seconds:,.0f}/s: {'dead' if not alive else 'alive'},"
        f" {len(campaign.findings)} findings, {watch.tracebacks} stack traces, RSS"
        f" {watch.peak_mebibytes:.0f} MiB at most, {watch.rise_mebibytes:+.1f} in the second half"
    )
    for line in broken:
        print(line)
    if campaign.findings:
        print(f"The cases are in {crashes}.")
    return 1 if broken else 0


def again(path: Path) -> int:
    """Send one case to a new hub; print what comes back, and what the hub says."""
    _, _, lane = path.stem.rpartition("-")[0].partition("-")
    kinds = {each.name: each for each in LANES}
    with tempfile.TemporaryDirectory() as folder, HubProcess(Path(folder)) as hub:
        with Watch(hub) as watch:
            if lane in kinds:
                address = hub.grpc if kinds[lane].grpc else hub.url
                case = Case(path.read_bytes(), 1 << 20, 0)
                port = int(address.rpartition(":")[2])
                print(asyncio.run(exchange(port, kinds[lane], case)))
            else:
                _call(hub, path.read_bytes())
        print("\n".join(watch.complaints))
        return hub.process.poll() or 0


def _call(hub: HubProcess, message: bytes) -> None:
    import grpc

    with grpc.insecure_channel(hub.grpc) as channel:
        for signal in ("traces", "logs", "metrics"):
            try:
                call: Any = channel.unary_unary(method_of(signal))
                print(signal, call(message))
            except grpc.RpcError as error:
                print(signal, error)


def main() -> int:
    """Read the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--requests", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--crashes", type=Path, default=Path("fuzz-crashes"))
    parser.add_argument("--again", type=Path)
    chosen = parser.parse_args()
    if chosen.again:
        return again(chosen.again)
    return fuzz(chosen.requests, chosen.seed, chosen.crashes)


if __name__ == "__main__":
    sys.exit(main())
