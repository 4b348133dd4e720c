"""Everything that runs, from the log call to the sinks, joined according to the settings."""

from __future__ import annotations

import sys
from time import monotonic
from typing import TYPE_CHECKING, Any, Final

from otbridge._configure import parts
from otbridge._configure.delivery import Delivery
from otbridge._configure.last_metrics import LastMetrics
from otbridge.config.destination import SIGNALS
from otbridge.processors.redact import Redactor
from otbridge.semconv import SERVICE_NAME
from otbridge.telemetry import logs as log_path
from otbridge.telemetry import loguru, outlets, relay
from otbridge.telemetry.logs import NOTHING, LogPath
from otbridge.telemetry.record import Recorder
from otbridge.telemetry.resource import process_attributes, resource_attributes
from otbridge.telemetry.stdlib import Capture
from otbridge.typing import FlushResult

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from otbridge.config import Config, Destination
    from otbridge.delivery.ledger import LedgerSnapshot
    from otbridge.delivery.pipeline import Pipeline
    from otbridge.telemetry.live import LiveSpans
    from otbridge.telemetry.metrics import LazyMeterProvider
    from otbridge.telemetry.traces import DeliverySpanProcessor
    from otbridge.typing import Signal, Sink

__all__ = ["Runtime"]

_COLLECTING: Final = 1 / 3
"""Share of the time for the end that the last collection of metrics may take."""


class Runtime:
    """One configured otbridge.

    Args:
        config: The settings.
        make_sink: Makes the last stop of each signal.
        guest: Whether it only delivers what an SDK hands over that somebody else has set up, and
            what our own loggers say.

    Raises:
        ConfigurationError: Something that a setting names is not there, or cannot be used.
    """

    def __init__(
        self,
        config: Config,
        *,
        make_sink: Callable[[Signal, Destination], Sink] = parts.make_sink,
        guest: bool = False,
    ) -> None:
        self.config = config
        self.guest = guest
        """Whether it leaves loggers and providers alone."""
        self.make_sink = make_sink
        """How it was told to make its sinks."""
        self.resource = resource_attributes(config)
        """Attributes that describe this process."""
        self._sending = Delivery(config, self.resource[SERVICE_NAME], make_sink)
        self.pipelines: dict[Signal, Pipeline] = self._sending.pipelines
        """The delivery of each signal that is sent."""
        self._redactor = Redactor(config.redact_keys) if config.redact else None
        self._console = parts.console_for(config, self.resource)
        self._delivery: DeliverySpanProcessor | None = None
        self._live: LiveSpans | None = None
        self._meters: LazyMeterProvider | None = None
        self._last_metrics = LastMetrics()
        self._hurried = False
        self._capture: Capture | None = None
        self._structlog: dict[str, Any] | None = None
        self.closed = False
        """Whether it has been shut down; nothing is taken any more."""
        self._propagator = parts.propagator_for(config)
        parts.check_loguru(config)
        self.path = self._log_path()
        """The way of every log event."""

    @property
    def logs(self) -> Pipeline | None:
        """The delivery of logs; None where they are not sent."""
        return self.pipelines.get("logs")

    @property
    def traces(self) -> Pipeline | None:
        """The delivery of spans; None where they are not sent."""
        return self.pipelines.get("traces")

    @property
    def metrics(self) -> Pipeline | None:
        """The delivery of metrics; None where they are not sent."""
        return self.pipelines.get("metrics")

    def start(self) -> None:
        """Come into force: connect loggers, other libraries' records, and providers.

        Whatever can be wrong with the settings was found when this object was made.
        """
        log_path.activate(self.path)
        relay.connect({signal: pipeline.put for signal, pipeline in self.pipelines.items()})
        if self.config.disabled:
            outlets.connect({})
            return
        if not self.guest:
            self._settle_in()
        outlets.connect(self._outlets())
        self._sending.start()
        for warning in self.config.warnings:
            parts.report(warning)

    def _settle_in(self) -> None:
        """Take what the program's loggers, libraries and providers make."""
        self._structlog = parts.adopt_structlog()
        if self.config.capture_stdlib and not parts.sdk_takes_stdlib():
            self._capture = Capture(self.path, callsite=self.config.callsite)
            self._capture.start()
        loguru.start(self.path, callsite=self.config.callsite, wanted=self.config.capture_loguru)
        self._start_traces()
        self._start_metrics()
        if self._propagator is not None:
            parts.set_propagator(self._propagator)

    def _outlets(self) -> dict[Signal, outlets.Outlet]:
        if self.guest and self.traces is not None:
            self._live = parts.live_spans(self.config, self.logs, self._redactor)
        return {
            signal: outlets.Outlet(
                pipeline.put,
                pipeline.flush,
                self._redactor,
                parts.report,
                self._live if signal == "traces" else None,
            )
            for signal, pipeline in self.pipelines.items()
        }

    def _log_path(self) -> LogPath:
        recorder = short = None
        if self.logs is not None:
            recorder = Recorder(self.logs.put, self.resource)
            short = parts.short_way(self.config, recorder, self._redactor)
        return LogPath(
            parts.enriching_chain(self.config),
            parts.visiting_chain(self.config),
            recorder=recorder,
            short=short,
            console=self._console,
            threshold=NOTHING if self.config.disabled else self.config.level,
            report=parts.report,
            lost=self.logs.ledger.turn_away if self.logs is not None else _uncounted,
        )

    def _start_traces(self) -> None:
        if self.config.traces == "none":
            return
        from otbridge._configure.stamp import BaggageStamp
        from otbridge.telemetry import traces
        from otbridge.telemetry.sampling import make_sampler

        ours = traces.install(
            self.resource,
            make_sampler(self.config),
            parts.report,
            light=self.config.tracer == "otbridge",
        )
        targets: list[Any] = [BaggageStamp()]
        if self.traces is not None and (ours or not outlets.is_used("traces")):
            self._live = parts.live_spans(self.config, self.logs, self._redactor)
            self._delivery = traces.DeliverySpanProcessor(
                self.traces.put,
                resource=self.resource if ours else None,
                redactor=self._redactor,
                live=self._live,
                report=parts.report,
            )
            targets.append(self._delivery)
        if self._console is not None:
            targets.append(traces.ConsoleSpanProcessor(self._console, self._redactor))
        traces.connect(targets)

    def _start_metrics(self) -> None:
        if self.config.metrics == "none":
            return
        from otbridge.telemetry import metrics

        self._meters = metrics.install(
            self.resource,
            self.config.metric_interval,
            None if self.metrics is None else self.metrics.put,
        )
        if self._meters is not None and self.config.self_metrics != "off":
            parts.measure_delivery(
                self._meters, self._sending, at_once=self.config.self_metrics == "on"
            )

    # ------------------------------------------------------------------ in use

    def stats(self) -> dict[Signal, LedgerSnapshot]:
        """Return the ledger of each signal that is delivered."""
        return {signal: pipeline.ledger.snapshot() for signal, pipeline in self.pipelines.items()}

    def flush(self, timeout: float) -> FlushResult:
        """Deliver what waits, all signals within *timeout* seconds together."""
        deadline = monotonic() + timeout
        outlets.flush_sources(timeout)
        if self._meters is not None:
            self._meters.force_flush(timeout * 1000)
        # The workers send at the same time as soon as they are woken, so waiting for one after
        # the other costs what the slowest takes.
        return _together(
            pipeline.flush(max(0.0, deadline - monotonic())) for pipeline in self.pipelines.values()
        )

    def forked(self) -> None:
        """Describe this process anew: it is a child, and has an id of its own."""
        self.resource = self.resource | process_attributes()
        if self.path.recorder is not None:
            self.path.recorder.set_resource(self.resource)
        if self._delivery is not None:
            self._delivery.set_resource(self.resource)
        if self._live is not None:
            self._live.forget_parent()
        if self._meters is not None:
            self._meters.forked(self.resource)

    # ------------------------------------------------------------------ taking apart

    def shutdown(self, timeout: float) -> FlushResult:
        """Let go of the program, then deliver what can be delivered in *timeout* seconds."""
        if self.closed:
            return _together([])
        deadline = monotonic() + timeout
        self.detach(timeout)
        return self.drain(deadline - monotonic())

    def detach(self, timeout: float) -> None:
        """Let go of the program: handlers, sinks of other libraries, providers."""
        self._collect(timeout)
        if self._meters is not None:
            self._meters.put = None
        if (traces := sys.modules.get("otbridge.telemetry.traces")) is not None:
            traces.connect(())
        loguru.stop()
        if self._capture is not None:
            self._capture.stop()
        parts.release_structlog(self._structlog)

    def drain(self, timeout: float, *, late: bool = False) -> FlushResult:
        """Deliver what can be delivered in *timeout* seconds; nothing is taken afterwards.

        Args:
            timeout: Seconds for all signals together.
            late: Whether what comes later is still delivered while there is time.
        """
        self.closed = True
        deadline = monotonic() + timeout
        if self._live is not None:
            self._live.stop()
        # All begin at the same time: one that hangs must not take the others' time.
        for pipeline in self.pipelines.values():
            pipeline.close(self._left(deadline))
        result = _together(
            pipeline.shutdown(self._left(deadline), late=late)
            for pipeline in self.pipelines.values()
        )
        self._sending.end(late=late)
        return result

    # ------------------------------------------------------------------ the process's end

    def finish(self, timeout: float) -> None:
        """Deliver what can be delivered in *timeout* seconds, for the process ends.

        The program is not let go of: what is logged by those who end after us (`atexit`,
        destructors, daemon threads) still comes this way.
        """
        if self.closed:
            return
        deadline = monotonic() + timeout
        self._collect(timeout)
        self.drain(deadline - monotonic(), late=True)

    def waits(self) -> bool:
        """Return whether records are in memory, waiting or on their way."""
        return any(pipeline.ledger.in_memory for pipeline in self.pipelines.values())

    def leave(self, timeout: float) -> None:
        """As `finish`, in so little time that nobody else's code is run for it."""
        if not self.closed:
            self.drain(timeout, late=True)

    def hurry(self) -> None:
        """Let a `finish` or `shutdown` that is under way end now. For signal handlers."""
        self._hurried = True
        self._last_metrics.give_up()
        for pipeline in self.pipelines.values():
            pipeline.close(0)

    def secure(self) -> None:
        """Bring what waits to safety, and what will come; for signal handlers."""
        for pipeline in self.pipelines.values():
            pipeline.secure()

    def _collect(self, timeout: float) -> None:
        meters = self._meters
        share = timeout * _COLLECTING

        def collect() -> None:
            outlets.flush_sources(share)
            if meters is not None:
                meters.force_flush(share * 1000)

        if meters is not None or any(map(outlets.is_used, SIGNALS)):
            self._last_metrics.collect(collect, share)

    def _left(self, deadline: float) -> float:
        return 0.0 if self._hurried else max(0.0, deadline - monotonic())

    def loss(self) -> str:
        """Return one line about what was lost or stays on disk; nothing where all is well."""
        lost: list[str] = []
        kept: list[str] = []
        for signal, pipeline in self.pipelines.items():
            ledger = pipeline.ledger.snapshot()
            reasons = dict(ledger.rejected)
            for reason, count in ledger.dropped.items():
                reasons[reason] = reasons.get(reason, 0) + count
            reasons.pop("no_destination", None)  # the one that nobody asked for
            if reasons:
                each = ", ".join(f"{count} {reason}" for reason, count in sorted(reasons.items()))
                lost.append(f"{sum(reasons.values())} of {ledger.accepted} {signal} ({each})")
            if ledger.spooled:
                kept.append(f"{ledger.spooled} of {ledger.accepted} {signal}")
        told = [f"lost {'; '.join(lost)}"] if lost else []
        if kept:
            told.append(f"kept {'; '.join(kept)} on disk, for the next process of this service")
        return ". ".join(told)


def _uncounted(_reason: str, _count: int) -> None:
    """Count nothing: logs are not delivered."""


def _together(results: Iterable[FlushResult]) -> FlushResult:
    each = list(results)
    return FlushResult(
        delivered=sum(result.delivered for result in each),
        failed=sum(result.failed for result in each),
        spooled=sum(result.spooled for result in each),
        timed_out=any(result.timed_out for result in each),
    )
