"""C5: waits grow, and differ from client to client."""

from __future__ import annotations

import itertools
from concurrent.futures import ThreadPoolExecutor
from statistics import fmean
from typing import TYPE_CHECKING, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, passed
from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]

_CLIENTS: Final = 5
_ATTEMPTS: Final = 5
_SECONDS: Final = 10.0
_GROWTH: Final = 1.5
"""Later waits are at least this much longer than the first, in the mean of all clients: doubling
with full jitter gives 6, the slowest growth in use (1.5 per attempt) 2.8."""
_SPREAD: Final = 0.1
"""Equal waits of different clients differ by at least this share: 20 % of jitter both ways gives
0.27 for five clients, a busy machine without jitter less than this."""


def _gaps(bench: Bench) -> list[float]:
    with OtlpReceiver(Answer.refuse(503, code="UNAVAILABLE")) as receiver:
        with bench.start(receiver) as running:
            running.wait_for_requests(1, 10)
            running.wait_for_requests(_ATTEMPTS, _SECONDS)
            running.kill()
        times = [request.at for request in receiver.requests[:_ATTEMPTS]]
    return [later - earlier for earlier, later in itertools.pairwise(times)]


def _grows_and_differs(bench: Bench) -> Finding:
    with ThreadPoolExecutor(_CLIENTS) as pool:
        waits = list(pool.map(_gaps, [bench] * _CLIENTS))
    if min(map(len, waits)) < 2:
        return failed(f"fewer than three attempts in {_SECONDS:.0f} s")
    columns = list(zip(*waits, strict=False))
    first, later = fmean(columns[0]), fmean(itertools.chain(*columns[max(1, len(columns) - 2) :]))
    spread = max((max(column) - min(column)) / fmean(column) for column in columns)
    means = ", ".join(f"{fmean(column):.1f}" for column in columns)
    words = f"waits of {means} s in the mean, {spread:.0%} apart between {_CLIENTS} clients"
    return passed(words) if later >= _GROWTH * first and spread >= _SPREAD else failed(words)


CHECKS: Final = (
    Check("C5", "waits longer each time, and not as long as others", _grows_and_differs, long=True),
)
