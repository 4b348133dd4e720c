"""What a process and all that it has started take, as Linux counts it."""

from __future__ import annotations

import os
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")


def cpu_s(pid: int) -> float:
    """Return the seconds of processor time that they have had."""
    return sum(map(_cpu_s, _tree(pid)))


def resident_bytes(pid: int) -> int:
    """Return what of them is in memory; what they share counts for each."""
    return sum(_status(process, "VmRSS") for process in _tree(pid))


def forget_peaks(pid: int) -> None:
    """Have the kernel count their largest resident sizes anew (proc(5), clear_refs)."""
    for process in _tree(pid):
        Path(f"/proc/{process}/clear_refs").write_text("5")


def peak_bytes(pid: int) -> int:
    """Return the sum of their largest resident sizes since then."""
    return sum(_status(process, "VmHWM") for process in _tree(pid))


def _tree(pid: int) -> list[int]:
    found = [pid]
    for process in found:
        for children in Path(f"/proc/{process}/task").glob("*/children"):
            found.extend(map(int, children.read_text().split()))
    return found


def _cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _status(pid: int, field: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    # A process that has ended, and is waited for, has no memory.
    return next((int(line.split()[1]) << 10 for line in lines if line.startswith(field)), 0)
