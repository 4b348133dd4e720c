"""C12: what the environment says is what happens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, not_applicable, passed
from otbridge.testing.conform.tap import Tap
from otbridge.testing.doors import Tls
from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.testing.conform.check import Bench
    from otbridge.testing.conform.trial import Seen

__all__ = ["CHECKS"]

_PADDING: Final = 20_000
"""Characters per record; the text compresses to a hundredth."""
_TIMEOUT_MS: Final = 1500
_TIMEOUT_RANGE: Final = (1.2, 4.0)
"""Seconds; includes the pause before the next attempt, by which it is seen."""
_NO_OPENSSL: Final = "there is no openssl command to make certificates with"


# ---------------------------------------------------------------------- compression


def _compression(*, compressed: bool, own: bool) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        wanted, other = ("gzip", "none") if compressed else ("none", "gzip")
        environment = {bench.variable("COMPRESSION", own=own): wanted}
        if own:
            environment[bench.variable("COMPRESSION")] = other
        with OtlpReceiver() as receiver, Tap(bench.port(receiver)) as tap:
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{tap.port}"
            task = bench.task(padding=_PADDING)
            with bench.start(receiver, task, environment) as running:
                seen = running.finish()
        size = sum(len(request.body) for request in seen.requests)
        if size < _PADDING:
            return (
                not_applicable("the client sent too little to tell")
                if seen.requests
                else failed(f"nothing was sent; {_first_line(seen)}")
            )
        words = f"{size:,} bytes took {tap.sent:,} on the wire"
        return passed(words) if (tap.sent < size / 4) is compressed else failed(words)

    return run


# ---------------------------------------------------------------------- timeout


def _gives_up_in_time(*, own: bool) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        environment = {bench.variable("TIMEOUT", own=own): str(_TIMEOUT_MS)}
        if own:
            environment[bench.variable("TIMEOUT")] = "60000"
        with OtlpReceiver(Answer.hang()) as receiver, Tap(bench.port(receiver)) as tap:
            environment["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{tap.port}"
            with bench.start(receiver, environment=environment) as running:
                running.wait_for_requests(1, 8)
                running.wait_until(lambda: len(receiver.requests) > 1 or bool(tap.client_ended), 8)
                running.kill()
        return _judge_timeout(receiver, tap)

    return run


def _judge_timeout(receiver: OtlpReceiver, tap: Tap) -> Finding:
    if not receiver.requests:
        return failed("nothing was sent")
    begin = receiver.requests[0].at
    ends = [request.at for request in receiver.requests[1:2]] + tap.client_ended[:1]
    took = min(ends) - begin if ends else 8.0
    least, most = _TIMEOUT_RANGE
    if took > most:
        return failed(f"still waiting for the answer after {took:.0f} s")
    words = f"gave up after {took:.1f} s"
    return passed(words) if took >= least else failed(words)


# ---------------------------------------------------------------------- certificates


def _tls_trial(
    bench: Bench, *, authority: str, mutual: bool = False, own: bool = False
) -> Seen | None:
    made = bench.certificates
    if made is None:
        return None
    trusted = {"receiver": made.receiver, "stranger": made.stranger}[authority]
    environment = {bench.variable("CERTIFICATE", own=own): trusted.certificate}
    if mutual:
        environment[bench.variable("CLIENT_CERTIFICATE", own=own)] = made.client.certificate
        environment[bench.variable("CLIENT_KEY", own=own)] = made.client.key
    tls = Tls(
        made.receiver.certificate,
        made.receiver.key,
        made.client.certificate if mutual else "",
    )
    with (
        OtlpReceiver(tls=tls) as receiver,
        bench.start(receiver, environment=environment) as running,
    ):
        return running.finish()


def _trusts(**how: Any) -> Callable[[Bench], Finding]:
    def run(bench: Bench) -> Finding:
        seen = _tls_trial(bench, authority="receiver", **how)
        if seen is None:
            return not_applicable(_NO_OPENSSL)
        if seen.arrived:
            return passed("delivered over TLS")
        return failed(f"nothing arrived; {_first_line(seen)}")

    return run


def _distrusts(bench: Bench) -> Finding:
    seen = _tls_trial(bench, authority="stranger")
    if seen is None:
        return not_applicable(_NO_OPENSSL)
    if seen.requests:
        return failed("sent its records to a receiver that it cannot know")
    return passed(f"nothing was sent; {seen.own_words}")


# ---------------------------------------------------------------------- protocol


def _defaults_to_protobuf(bench: Bench) -> Finding:
    seen = bench.trial(environment={"OTEL_EXPORTER_OTLP_PROTOCOL": ""})
    kinds = {request.headers.get("content-type", "none") for request in seen.requests}
    words = f"content type {', '.join(sorted(kinds))}" if kinds else "nothing arrived over HTTP"
    return passed(words) if kinds == {"application/x-protobuf"} else failed(words)


def _chooses_protocol_per_signal(bench: Bench) -> Finding:
    if set(bench.client.protocols) != {"http", "grpc"}:
        return not_applicable("the client speaks one protocol only")
    other = "grpc" if bench.protocol == "http" else "http/protobuf"
    with OtlpReceiver() as receiver:
        endpoint = (
            f"http://{receiver.grpc_target}" if other == "grpc"
            else f"{receiver.http_url}/v1/{bench.signal}"
        )  # fmt: skip
        environment = {
            bench.variable("PROTOCOL", own=True): other,
            bench.variable("ENDPOINT", own=True): endpoint,
        }
        with bench.start(receiver, environment=environment) as running:
            seen = running.finish()
    came = {request.transport for request in seen.requests}
    words = f"came over {', '.join(sorted(came)) or 'nothing'}"
    return passed(words) if came == {other.partition("/")[0]} else failed(words)


def _first_line(seen: Seen) -> str:
    """Return the end of the client's complaint: the line that says what is wrong."""
    lines = seen.stderr.strip().splitlines()
    return f"stderr: {lines[-1][:120]}" if lines else seen.own_words


CHECKS: Final = (
    Check("C12", "compresses when told to", _compression(compressed=True, own=False)),
    Check("C12", "does not compress when told not to", _compression(compressed=False, own=False), level="SHOULD"),
    Check("C12", "compresses one signal when told to", _compression(compressed=True, own=True)),
    Check("C12", f"gives up after TIMEOUT={_TIMEOUT_MS} milliseconds", _gives_up_in_time(own=False), long=True),
    Check("C12", "lets one signal have its own timeout", _gives_up_in_time(own=True), long=True),
    Check("C12", "trusts the authority that it is given", _trusts()),
    Check("C12", "trusts it for one signal", _trusts(own=True)),
    Check("C12", "sends nothing to a receiver with another certificate", _distrusts, long=True),
    Check("C12", "shows its own certificate", _trusts(mutual=True)),
    Check("C12", "speaks http/protobuf where nothing is said", _defaults_to_protobuf, level="SHOULD", protocols=("http",)),
    Check("C12", "speaks another protocol for one signal", _chooses_protocol_per_signal),
)  # fmt: skip
