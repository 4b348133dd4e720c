"""C13: from an endpoint to the URL of a request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.conform.check import Check, Finding, failed, passed
from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]


def _goes_to(path: str, expected: str, *, own: bool) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        wanted = expected.format(signal=bench.signal)
        with OtlpReceiver(elsewhere=bench.signal) as receiver:
            environment = {bench.variable("ENDPOINT", own=own): receiver.http_url + path}
            if own:  # the general endpoint must have no say
                environment[bench.variable("ENDPOINT")] = receiver.http_url + "/general"
            with bench.start(receiver, environment=environment) as running:
                seen = running.finish()
        paths = sorted({request.path for request in seen.requests})
        words = f"went to {', '.join(paths) or 'nothing'}"
        return passed(words) if paths == [wanted] else failed(f"{words}, not to {wanted}")

    return run


def _check(path: str, expected: str, *, own: bool = False) -> Check:
    kind = "signal's" if own else "base"
    what = (
        f"makes {expected.format(signal='{signal}')} of the {kind} endpoint {path or '(no path)'}"
    )
    return Check("C13", what, _goes_to(path, expected, own=own), protocols=("http",))


CHECKS: Final = (
    _check("", "/v1/{signal}"),
    _check("/", "/v1/{signal}"),
    _check("/base", "/base/v1/{signal}"),
    _check("/base/", "/base/v1/{signal}"),
    _check("", "/", own=True),
    _check("/custom", "/custom", own=True),
    _check("/custom/", "/custom/", own=True),
    _check("/v1/custom?key=value", "/v1/custom?key=value", own=True),
)
