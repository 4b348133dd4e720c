"""A program is killed while it sends: what it had acknowledged is shown, once."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults.resent.conftest import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.faults.resent.conftest import Shown
    from tests.faults.resent.withholding_proxy import WithholdingProxy
    from tests.hub.hub_process import HubProcess

    Start = Callable[..., subprocess.Popen[str]]

LINES = 3000

PROGRAM = f"""
import otbridge, sys

otbridge.configure(service="shop", durability="process")
log = otbridge.get_logger("shop")
begin = int(sys.argv[1])
for number in range(begin, begin + {LINES}):
    log.info(f"line {{number}}")
    sys.stdout.write(f"{{number}}\\n")
    sys.stdout.flush()
sys.stdin.read()
"""


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """A program's, without the tests' own settings."""
    foreign = ("OTEL_", "OTBRIDGE_")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(foreign)}
    return kept | {
        "OTBRIDGE_SPOOL_DIR": str(tmp_path / "spool"),
        "OTBRIDGE_CONSOLE": "off",
        "OTBRIDGE_LIVE": "off",
    }


@pytest.fixture
def start(environment: dict[str, str]) -> Iterator[Start]:
    """Start the program, from a line on, sending to a URL."""
    begun: list[subprocess.Popen[str]] = []

    def make(url: str, begin: int = 0) -> subprocess.Popen[str]:
        begun.append(
            subprocess.Popen(
                [sys.executable, "-c", PROGRAM, str(begin)],
                env=environment | {"OTBRIDGE_ENDPOINT": url},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                text=True,
            )
        )
        return begun[-1]

    yield make
    for process in begun:
        process.kill()
        process.communicate()


def kill(process: subprocess.Popen[str]) -> list[int]:
    """Kill *process*; return the lines whose calls had returned."""
    process.send_signal(signal.SIGKILL)
    assert process.stdout is not None
    out = process.stdout.read()
    process.wait(timeout=10)
    return [int(line) for line in out.splitlines(keepends=True) if line.endswith("\n")]


def replay(environment: dict[str, str], url: str) -> None:
    """Deliver what is left on disk, as `otbridge spool replay` does."""
    command = [sys.executable, "-m", "otbridge", "spool", "replay"]
    subprocess.run(
        command, env=environment | {"OTBRIDGE_ENDPOINT": url}, check=True, timeout=30,
        stdout=subprocess.DEVNULL,
    )  # fmt: skip


def expect_once(shown: Shown, acknowledged: list[int], killed: int = 1) -> None:
    """Every acknowledged line is there, once; and perhaps those that a killed program was at."""
    wait_until(lambda: shown.count("waiting") == 0)
    lines = shown.lines
    assert lines.total() == len(lines)
    wanted = Counter(f"line {number}" for number in acknowledged)
    assert not wanted - lines
    assert len(lines - wanted) <= killed


@pytest.mark.parametrize("elsewhere", [False, True], ids=["same address", "another address"])
def test_killed_between_the_hubs_yes_and_its_arrival(
    environment: dict[str, str],
    start: Start,
    hub: HubProcess,
    proxy: WithholdingProxy,
    shown: Shown,
    *,
    elsewhere: bool,
) -> None:
    """Row 19: the hub has a batch, and no file of the program's says so."""
    url = f"http://127.0.0.1:{proxy.port}"
    proxy.withhold()
    process = start(url)
    shown.wait("received", 1)
    acknowledged = kill(process)
    proxy.release(reset=True)
    replay(environment, hub.url if elsewhere else url)
    expect_once(shown, acknowledged)
    assert shown.count("duplicates") > 0


@pytest.mark.parametrize("seed", range(2))
def test_killed_again_and_again_at_any_moment(
    environment: dict[str, str], start: Start, hub: HubProcess, shown: Shown, seed: int
) -> None:
    """Rows 19 and 36: each program takes over from the one before, and is killed as well."""
    moments = random.Random(seed)
    acknowledged: list[int] = []
    for begin in (0, LINES):
        process = start(hub.url, begin)
        assert process.stdout is not None
        count = moments.randrange(1, LINES)
        acknowledged += [int(process.stdout.readline()) for _ in range(count)]
        acknowledged += kill(process)
    replay(environment, hub.url)
    expect_once(shown, acknowledged, killed=2)
