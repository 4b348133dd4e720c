"""C6, C10: connections that break, and connections that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from otbridge.testing.answers import Answer
from otbridge.testing.conform.check import Check, Finding, failed, not_applicable, passed
from otbridge.testing.conform.tap import Tap, closed_port
from otbridge.testing.conform.task import Task
from otbridge.testing.conform.trial import records_in
from otbridge.testing.receiver import OtlpReceiver

if TYPE_CHECKING:
    from otbridge.testing.conform.check import Bench

__all__ = ["CHECKS"]

_AWAY_SECONDS: Final = 1.0


def _through(tap: Tap) -> dict[str, str]:
    return {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{tap.port}"}


def _survives_disconnect(bench: Bench) -> Finding:
    # Two: one more is often taken for a stale connection, and not for a failure.
    with (
        OtlpReceiver() as receiver,
        Tap(bench.port(receiver), broken=2) as tap,
        bench.start(receiver, environment=_through(tap)) as running,
    ):
        seen = running.finish()
    words = (
        f"{seen.arrived} of {seen.task.total} records delivered over {tap.connections} connections"
    )
    return passed(words) if seen.arrived >= seen.task.total else failed(words)


def _sends_the_same(bench: Bench) -> Finding:
    seen = bench.trial(Answer.disconnect())
    if len(seen.requests) < 2:
        return failed("it was not sent again")
    first, second = seen.requests[:2]
    if first.body == second.body:
        return passed("the same request came again")
    return failed(f"{records_in(first)} records first, then other bytes with {records_in(second)}")


def _waits_for_receiver(bench: Bench) -> Finding:
    port = closed_port()
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}"}
    with OtlpReceiver() as receiver, bench.start(receiver, environment=environment) as running:
        running.wait_until(lambda: False, _AWAY_SECONDS + 1.0)  # it starts, tries, and fails
        with Tap(bench.port(receiver), port=port):
            running.wait_for_requests(1, 8)
            seen = running.finish()
    words = f"{seen.arrived} of {seen.task.total} records delivered once the receiver was there"
    return passed(words) if seen.arrived >= seen.task.total else failed(words)


def _keeps_connection(bench: Bench) -> Finding:
    with (
        OtlpReceiver() as receiver,
        Tap(bench.port(receiver)) as tap,
        bench.start(receiver, bench.task(batches=4), _through(tap)) as running,
    ):
        seen = running.finish()
    if len(seen.requests) < 2:
        return not_applicable("the client made a single request")
    words = f"{len(seen.requests)} requests over {tap.connections} connection(s)"
    return passed(words) if tap.connections == 1 else failed(words)


def _keeps_signals_apart(bench: Bench) -> Finding:
    """Let traces hang; logs have to arrive all the same."""
    with OtlpReceiver(Answer.hang()) as hanging, OtlpReceiver() as receiver:
        suffix = "/v1/traces" if bench.protocol == "http" else ""
        environment = {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": bench.endpoint(hanging) + suffix}
        with bench.start(receiver, Task(("traces", "logs")), environment) as running:
            running.wait_until(lambda: bool(receiver.requests and hanging.requests), 8)
            running.kill()
    if not hanging.requests:
        return not_applicable("the client sent no traces")
    if receiver.requests:
        return passed("logs arrive while the receiver of traces hangs")
    return failed("no log arrives while the receiver of traces hangs")


CHECKS: Final = (
    Check("C6", "sends again where the connection ends without an answer", _survives_disconnect, level="SHOULD"),
    Check("C6", "sends the same request again", _sends_the_same, level="SHOULD"),
    Check("C6", "goes on trying to connect", _waits_for_receiver, level="SHOULD"),
    Check("C10", "uses one connection for several requests", _keeps_connection, level="SHOULD"),
    Check("C10", "does not let one signal wait for another", _keeps_signals_apart, level="SHOULD"),
)  # fmt: skip
