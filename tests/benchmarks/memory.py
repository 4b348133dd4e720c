"""How much memory this process takes, and took at most since a moment.

Linux only, by `/proc`. `ru_maxrss` is of no use here: a process that is started from a larger one
begins with the larger one's peak, and then shows no growth at all.
"""

from __future__ import annotations

from pathlib import Path

__all__ = ["forget_peak", "peak_mib", "resident_mib"]

_PROCESS = Path("/proc/self")


def resident_mib() -> float:
    """Return the MiB in memory now; NaN where that cannot be told."""
    return _status("VmRSS")


def forget_peak() -> None:
    """Let the peak be what is in memory now."""
    if _PROCESS.exists():
        (_PROCESS / "clear_refs").write_text("5")  # see proc_pid_clear_refs(5)


def peak_mib() -> float:
    """Return the most MiB that were in memory since `forget_peak`; NaN as above."""
    return _status("VmHWM")


def _status(name: str) -> float:
    if not _PROCESS.exists():
        return float("nan")
    for line in (_PROCESS / "status").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return int(line.split()[1]) / 1024
    raise LookupError(name)
