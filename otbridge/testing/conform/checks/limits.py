"""C8, C9: no answer is too large to survive, and no request too large is sent."""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, not_applicable, passed
from otbridge.wire.protobuf import field, varint

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.check import Bench
    from otbridge.testing.conform.trial import Seen

__all__ = ["CHECKS"]

_MIB: Final = 1 << 20
_MAX_RESPONSE: Final = 4 * _MIB
_MAX_REQUEST: Final = 64 * _MIB
_BOMB_BYTES: Final = 512 * _MIB
_MAX_RISE: Final = 64 * _MIB
"""Sixteen times the limit: room for buffers and copies, none for the bomb."""
_LARGE_RECORDS: Final = 20
_UNKNOWN_FIELD: Final = b"\x7a"  # number 15, length-delimited


@cache
def _bomb() -> bytes:
    """Return half a MiB of gzip that becomes 512 MiB of a response's unknown field."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    step = bytes(_MIB)
    parts = [packer.compress(_UNKNOWN_FIELD + varint(_BOMB_BYTES))]
    parts += [packer.compress(step) for _ in range(_BOMB_BYTES // _MIB)]
    return b"".join((*parts, packer.flush()))


def _large(accepts: bool) -> Answer:
    body = field(_UNKNOWN_FIELD, bytes(_MAX_RESPONSE + _MIB))
    return replace(Answer.ok(), body=body, accepts=accepts)


def _is_final(bench: Bench) -> Finding:
    count = bench.trial(_large(accepts=True)).attempts
    return passed("one attempt") if count == 1 else failed(f"sent {count} times")


def _is_failure(bench: Bench) -> Finding:
    seen = bench.trial(_large(accepts=True))
    counted = seen.account is not None and seen.account.failed == seen.task.total
    return (passed if counted or seen.stderr.strip() else failed)(seen.own_words)


def _survives_bomb(status: int) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        answer = Answer.raw(status, _bomb(), "application/x-protobuf", content_encoding="gzip")
        plain = bench.trial(watch_memory=True)
        seen = bench.trial(answer, watch_memory=True)
        if not (plain.peak_bytes and seen.peak_bytes):
            return not_applicable("the client's memory cannot be read on this system")
        rise = seen.peak_bytes - plain.peak_bytes
        words = (
            f"{plain.peak_bytes // _MIB} MiB at rest, {seen.peak_bytes // _MIB} MiB with an "
            f"answer of {len(_bomb()) / _MIB:.1f} MiB that inflates to {_BOMB_BYTES // _MIB}"
        )
        return passed(words) if rise < _MAX_RISE else failed(words)

    return run


def _too_large(bench: Bench) -> Seen:
    size = _MAX_REQUEST * 5 // 4 // _LARGE_RECORDS
    return bench.trial(task=bench.task(records=_LARGE_RECORDS, padding=size), seconds=30)


def _is_not_sent(bench: Bench) -> Finding:
    seen = _too_large(bench)
    largest = max((len(request.body) for request in seen.requests), default=0)
    recorded = seen.stderr.strip() or (seen.account is not None and seen.account.failed)
    if largest > _MAX_REQUEST:
        return failed(f"a request of {largest / _MIB:.0f} MiB was sent")
    if not seen.requests and not recorded:
        return failed("nothing was sent, and nothing said")
    return passed(f"largest request {largest / _MIB:.1f} MiB; {seen.own_words}")


CHECKS: Final = (
    Check("C8", "does not send again after a response of 5 MiB", _is_final),
    Check("C8", "counts or reports a response of 5 MiB as a failure", _is_failure, level="SHOULD"),
    Check("C8", "survives a success that inflates to 512 MiB", _survives_bomb(200), protocols=("http",)),
    Check("C8", "survives a refusal that inflates to 512 MiB", _survives_bomb(400), protocols=("http",)),
    Check("C9", "sends no request of more than 64 MiB, and says so", _is_not_sent),
)  # fmt: skip
