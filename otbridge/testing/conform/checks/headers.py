"""C15: headers from the environment, as W3C baggage writes them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Check, Finding, failed, passed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]


def _arrive(
    text: str, expected: Mapping[str, str], own_text: str = ""
) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        environment = {bench.variable("HEADERS"): text}
        if own_text:
            environment[bench.variable("HEADERS", own=True)] = own_text
        seen = bench.trial(environment=environment)
        if not seen.requests:
            return failed("nothing was sent")
        got = {name: seen.requests[0].headers.get(name, "(none)") for name in expected}
        words = ", ".join(f"{name}: {value}" for name, value in got.items())
        return passed(words) if got == expected else failed(words)

    return run


CHECKS: Final = (
    Check("C15", "sends several headers", _arrive("x-one=1,x-two=2", {"x-one": "1", "x-two": "2"})),
    Check("C15", "ignores spaces around them", _arrive(" x-one = 1 , x-two = 2 ", {"x-one": "1", "x-two": "2"})),
    Check("C15", "decodes percent-encoded values", _arrive("authorization=Bearer%20a%2Cb%3D", {"authorization": "Bearer a,b="})),
    Check("C15", "keeps an equals sign in a value", _arrive("x-token=abc==", {"x-token": "abc=="})),
    Check("C15", "lets a signal have its own headers", _arrive("x-one=1", {"x-one": "own"}, "x-one=own")),
)  # fmt: skip
