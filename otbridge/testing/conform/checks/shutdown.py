"""C11: the end of a client: it delivers what it can, in time, and says what it could not."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, not_applicable, passed
from otbridge.testing.conform.tap import closed_port
from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]

_SLOW_SECONDS: Final = 1.0
_MOST_SECONDS: Final = 10.0
"""What an export may take by default; an exit that takes longer is taken for a hanging program."""


def _delivers(bench: Bench) -> Finding:
    seen = bench.trial(Answer.ok().after(_SLOW_SECONDS), task=bench.task(flush=False))
    words = (
        f"{seen.arrived} of {seen.task.total} records, with an answer after {_SLOW_SECONDS:.0f} s"
    )
    return passed(words) if seen.arrived >= seen.task.total else failed(words)


def _ends_in_time(bench: Bench) -> Finding:
    with (
        OtlpReceiver(Answer.hang()) as receiver,
        bench.start(receiver, bench.task(flush=False)) as running,
    ):
        running.wait_for_requests(1, 8)
        seen = running.finish(_MOST_SECONDS)
    if seen.exit_code is None:
        return failed(f"still running after {_MOST_SECONDS:.0f} s")
    return passed(f"ended {seen.ending_seconds:.1f} s after it was to")


def _tells(bench: Bench) -> Finding:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{closed_port()}"}
    with (
        OtlpReceiver() as receiver,
        bench.start(receiver, bench.task(flush=False), environment) as running,
    ):
        seen = running.finish(40)
    if seen.exit_code is None:
        return failed("it did not end")
    if seen.account is None and not seen.stderr.strip():
        return failed("silent")
    if seen.account is not None and seen.account.delivered:
        return failed(seen.own_words)
    if seen.account is None:
        return not_applicable(seen.own_words)
    return passed(seen.own_words)


CHECKS: Final = (
    Check("C11", "waits for a slow answer when it ends", _delivers, level="SHOULD"),
    Check("C11", f"ends within {_MOST_SECONDS:.0f} s while the receiver hangs", _ends_in_time, level="SHOULD", long=True),
    Check("C11", "does not pretend that what is left was delivered", _tells, level="SHOULD", long=True),
)  # fmt: skip
