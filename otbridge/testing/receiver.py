"""A real OTLP receiver, on HTTP and gRPC, that answers as it is told and keeps what it gets."""

from __future__ import annotations

import threading
import time
from collections import deque
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal, Self

from otbridge.testing.answers import Answer
from otbridge.testing.bodies import request_type
from otbridge.testing.doors import HttpServer, start_grpc

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import grpc
    from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord, ResourceLogs
    from opentelemetry.proto.metrics.v1.metrics_pb2 import Metric, ResourceMetrics
    from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, Span

    from otbridge.testing.doors import Tls
    from otbridge.typing import Signal

__all__ = ["OtlpReceiver", "Received"]


@dataclass(frozen=True)
class Received:
    """One request."""

    signal: Signal
    transport: Literal["http", "grpc"]
    headers: Mapping[str, str]
    """HTTP headers or gRPC metadata, names in lower case."""
    body: bytes
    """The Export*ServiceRequest, decompressed, in protobuf where it came in JSON, too; as it came
    where it was refused because it is none."""
    wire_bytes: int
    """Size of the body as it came; for gRPC that of *body*."""
    answer: Answer
    path: str
    """HTTP path or gRPC method."""
    at: float
    """When it had come whole, in monotonic seconds."""

    @cached_property
    def message(self) -> Any:
        """The Export*ServiceRequest as its protobuf message."""
        return request_type(self.signal).FromString(self.body)


class OtlpReceiver:
    """Receives on free ports of the loopback interface from `__enter__` (or `start`) on.

    gRPC is served from the first look at `grpc_target` on. Everything counts as received whose
    answer accepts it, in the order in which it came.

    It keeps to OTLP where that says what a server MUST do (`otbridge conform server`). What is no
    OTLP is refused, whatever it was told to answer. Single records are taken as they are, those
    without valid ids too: they are what a test wants to see.

    Args:
        answer: What to answer where `answer_next` says nothing: an answer, or what makes one of
            a decompressed request.
        http_port: Port for HTTP; 0 for a free one. With the port of an earlier receiver it is
            one that has come back.
        tls: Speak TLS on both ports; plain where None.
        elsewhere: What a POST to any other path than OTLP's three carries; refused with 404
            where None.
    """

    def __init__(
        self,
        answer: Answer | Callable[[bytes], Answer] | None = None,
        *,
        http_port: int = 0,
        tls: Tls | None = None,
        elsewhere: Signal | None = None,
    ) -> None:
        self.answer = answer or Answer.ok()
        self.requests: list[Received] = []
        """Every request, refused ones too."""
        self._http_port = http_port
        self._tls = tls
        self._elsewhere: Signal | None = elsewhere
        self._script: deque[Answer] = deque()
        self._came = threading.Condition()
        self._stopped = threading.Event()
        self._http: HttpServer | None = None
        self._grpc: tuple[grpc.Server, int] | None = None

    # ------------------------------------------------------------------ life

    def start(self) -> Self:
        """Begin to serve."""
        self._stopped.clear()
        self._http = HttpServer(
            self._receive, self._http_port, tls=self._tls, elsewhere=self._elsewhere
        )
        return self

    def stop(self) -> None:
        """End all connections, hanging ones too; what was received stays readable."""
        self._stopped.set()
        http, self._http = self._http, None
        if http is not None:
            http.stop()
        server, self._grpc = self._grpc, None
        if server is not None:
            server[0].stop(grace=None).wait()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def http_url(self) -> str:
        """The base URL of OTLP over HTTP, e.g. `http://127.0.0.1:40001`."""
        return f"http{'s' if self._tls else ''}://127.0.0.1:{self.http_port}"

    @property
    def http_port(self) -> int:
        """The port of OTLP over HTTP."""
        if self._http is None:
            raise RuntimeError("The receiver is not running: use it in a with statement.")
        port: int = self._http.server_address[1]
        return port

    @property
    def grpc_target(self) -> str:
        """The target of OTLP over gRPC, e.g. `127.0.0.1:40002`."""
        if self._http is None:
            raise RuntimeError("The receiver is not running: use it in a with statement.")
        if self._grpc is None:
            self._grpc = start_grpc(self._receive, tls=self._tls)
        return f"127.0.0.1:{self._grpc[1]}"

    # ------------------------------------------------------------------ script

    def answer_next(self, *answers: Answer) -> None:
        """Give *answers* to the next requests, one each."""
        self._script.extend(answers)

    def answer_always(self, answer: Answer | Callable[[bytes], Answer]) -> None:
        """Give *answer* from now on wherever nothing else was said."""
        self._script.clear()
        self.answer = answer

    # ------------------------------------------------------------------ what came

    @property
    def accepted(self) -> list[Received]:
        """The requests whose records count as received."""
        return [request for request in self.requests if request.answer.accepts]

    @property
    def resource_logs(self) -> list[ResourceLogs]:
        """All ResourceLogs received."""
        return [item for request in self._of("logs") for item in request.message.resource_logs]

    @property
    def resource_spans(self) -> list[ResourceSpans]:
        """All ResourceSpans received."""
        return [item for request in self._of("traces") for item in request.message.resource_spans]

    @property
    def resource_metrics(self) -> list[ResourceMetrics]:
        """All ResourceMetrics received."""
        return [
            item for request in self._of("metrics") for item in request.message.resource_metrics
        ]

    @property
    def logs(self) -> list[LogRecord]:
        """All log records received."""
        return [
            record
            for resource in self.resource_logs
            for scope in resource.scope_logs
            for record in scope.log_records
        ]

    @property
    def spans(self) -> list[Span]:
        """All spans received."""
        return [
            span
            for resource in self.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    @property
    def metrics(self) -> list[Metric]:
        """All metrics received."""
        return [
            metric
            for resource in self.resource_metrics
            for scope in resource.scope_metrics
            for metric in scope.metrics
        ]

    def wait_for(
        self, count: int = 1, *, signal: Signal | None = None, timeout: float = 5.0
    ) -> None:
        """Wait until *count* records came, of *signal* or of all together.

        Raises:
            TimeoutError: fewer came within *timeout* real seconds.
        """
        self._wait(lambda: self._count(signal) >= count, timeout, f"{count} {signal or 'records'}")

    def wait_for_requests(self, count: int = 1, *, timeout: float = 5.0) -> None:
        """Wait until *count* requests came, refused ones too.

        Raises:
            TimeoutError: fewer came within *timeout* real seconds.
        """
        self._wait(lambda: len(self.requests) >= count, timeout, f"{count} requests")

    def clear(self) -> None:
        """Forget what came so far."""
        with self._came:
            self.requests = []

    def _of(self, signal: Signal) -> list[Received]:
        return [request for request in self.accepted if request.signal == signal]

    def _count(self, signal: Signal | None) -> int:
        if signal is not None:
            return len(getattr(self, "spans" if signal == "traces" else signal))
        return len(self.logs) + len(self.spans) + len(self.metrics)

    def _wait(self, reached: Any, timeout: float, what: str) -> None:
        with self._came:
            if not self._came.wait_for(reached, timeout):
                raise TimeoutError(
                    f"Waited {timeout} s for {what}; {self._count(None)} records in "
                    f"{len(self.requests)} requests came."
                )

    def _receive(self, *, refusal: Answer | None, **request: Any) -> Answer:
        """Keep a request and return the answer to it; called by the servers' threads."""
        with self._came:
            answer = refusal or self._choose(request["body"])
            self.requests.append(Received(answer=answer, at=time.monotonic(), **request))
            self._came.notify_all()
        if answer.hangs or answer.delay_s:
            self._stopped.wait(None if answer.hangs else answer.delay_s)
        return answer

    def _choose(self, body: bytes) -> Answer:
        chosen = self._script.popleft() if self._script else self.answer
        return chosen if isinstance(chosen, Answer) else chosen(body)
