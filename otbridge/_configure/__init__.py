"""The composition root of the SDK: joins settings, processors, telemetry, delivery and sinks.

The layers below only name what they need (a place to put records, somewhere to show them); here
each gets it. One `Runtime` is in force in a process; `configure` exchanges it.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Self

from otbridge._configure import parts
from otbridge._configure.life import ProcessLife
from otbridge._configure.runtime import Runtime
from otbridge.config import Config, resolve
from otbridge.context.loading import loading
from otbridge.errors import ConfigurationError
from otbridge.telemetry import process
from otbridge.typing import FlushResult

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from types import TracebackType

    from otbridge.config import Destination
    from otbridge.delivery.ledger import LedgerSnapshot
    from otbridge.typing import Signal, Sink

__all__ = [
    "Configured",
    "Runtime",
    "activate",
    "configure",
    "deliver",
    "flush",
    "runtime",
    "shutdown",
    "stats",
]

_NOTHING = FlushResult(delivered=0, failed=0, spooled=0, timed_out=False)

_runtime: Runtime | None = None
_asked_by_sdk: dict[str, Any] = {}
_lock = threading.RLock()


class Configured:
    """What `configure` returns: a context manager that shuts down when it is left.

    It may be ignored.
    """

    def __init__(self, started: Runtime) -> None:
        self._runtime = started

    @property
    def config(self) -> Config:
        """The settings in force, resolved from every source."""
        return self._runtime.config

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._runtime.shutdown(self._runtime.config.exit_timeout)


def configure(
    service: str | None = None,
    *,
    version: str | None = None,
    environment: str | None = None,
    endpoint: str | None = None,
    protocol: str | None = None,
    headers: Mapping[str, str] | None = None,
    compression: str | None = None,
    profile: str | None = None,
    level: str | int | None = None,
    console: str | None = None,
    logs: str | bool | None = None,
    traces: str | bool | None = None,
    metrics: str | bool | None = None,
    capture_stdlib: bool | None = None,
    capture_loguru: bool | str | None = None,
    live: str | bool | None = None,
    sample: float | None = None,
    redact: bool | None = None,
    **more: Any,
) -> Configured:
    """Set otbridge up; calling it again sets it up anew.

    Not calling it is fine: then the environment, a settings file and the defaults are used when
    the first line is logged or the first span is begun. An argument is stronger than all of
    those; None means "not given".

    Args:
        service: Name of this service.
        version: Its version.
        environment: Where it runs, e.g. `production`.
        endpoint: A hub or any OTLP receiver, e.g. `http://host:4318`. By default a hub on this
            machine is used when it is there.
        protocol: `http/protobuf` (default) or `grpc`.
        headers: Sent with every request.
        compression: `gzip` (default), `zstd` or `none`.
        profile: `development`, `testing`, `staging` or `production`.
        level: Least severe level that is kept; `info` by default.
        console: `auto` (default: pretty on a terminal, JSON elsewhere), `pretty`, `json`, `off`.
        logs: `otlp` (default), `console` or `none`; also True and False.
        traces: As *logs*.
        metrics: As *logs*.
        capture_stdlib: Whether the standard logging module's records are taken; True by default.
        capture_loguru: The same for loguru; by default where the program has imported it.
        live: Whether the beginnings of spans are sent; by default where the destination is a hub.
        sample: Share of new traces that is kept, 0 to 1; 1 by default.
        redact: Whether secrets are blanked out; True by default.
        more: Every other setting of `otbridge.config.SETTINGS`, e.g. `logs_endpoint`.

    Returns:
        A context manager that shuts down when it is left.

    Raises:
        ConfigurationError: A setting is unknown, or its value cannot be used.
    """
    given = {name: value for name, value in locals().items() if name != "more"} | more
    return Configured(activate(resolve(given)))


def activate(
    config: Config,
    *,
    make_sink: Callable[[Signal, Destination], Sink] = parts.make_sink,
    guest: bool = False,
) -> Runtime:
    """Put a runtime with these settings in force, in the place of the one before.

    Args:
        config: The settings.
        make_sink: Makes the last stop of each signal; tests give their own.
        guest: Whether it only delivers, for an SDK that somebody else has set up.
    """
    global _runtime
    with _lock:
        with loading:  # a fork waits, so that its child has all of it
            made = Runtime(config, make_sink=make_sink, guest=guest)
        previous, _runtime = _runtime, made
        if previous is not None:
            previous.detach(previous.config.exit_timeout)
        # In force before the one before is drained, so that nothing is turned away meanwhile.
        with loading:
            made.start()
        process.watch(_life)
        if previous is not None:
            previous.drain(previous.config.exit_timeout)
        return made


def runtime() -> Runtime:
    """Return the runtime in force; the first call starts one with what the environment says.

    Never raises, for it is called from a log call: where the environment or a file holds a setting
    that cannot be used, that is said on standard error, and it is left out; where a part cannot
    start, that is said, and the others go on.
    """
    current = _runtime
    if current is not None:
        return current
    with _lock:
        current = _runtime
        if current is not None:  # another thread was first
            return current
        try:
            return activate(resolve(lenient=True))
        except ConfigurationError as error:
            parts.report(f"{error} The defaults are used.")
            return activate(Config())
        except Exception as error:
            if _runtime is None:
                raise
            parts.report(
                f"a part of otbridge cannot start: {type(error).__name__}: {error}. The others go "
                "on; call otbridge.configure() to see where it fails."
            )
            return _runtime


def deliver(settings: Mapping[str, Any]) -> None:
    """Be ready to deliver what an SDK hands over that somebody else has set up. Never raises.

    Where nothing is in force, it only delivers: nothing is captured, no provider is set. What the
    program configures itself is stronger, before this or after.

    Args:
        settings: Arguments of `configure`; those of several exporters are put together.
    """
    with _lock:
        _asked_by_sdk.update(settings)
        if _runtime is not None and not (_runtime.guest and settings):
            return
        try:
            activate(resolve(_asked_by_sdk, lenient=True), guest=True)
        except ConfigurationError as error:
            parts.report(f"{error} The defaults are used.")
            activate(Config(), guest=True)


def flush(timeout: float = 5.0) -> FlushResult:
    """Wait until everything recorded so far has left, at most *timeout* seconds.

    Returns:
        What became of it; all zero where nothing was waiting.
    """
    return _NOTHING if _runtime is None else _runtime.flush(timeout)


def stats() -> dict[Signal, LedgerSnapshot]:
    """Return the ledger of each signal: how many records were accepted, and where each is now.

    It always adds up: accepted = delivered + rejected + dropped + spooled + in_memory.
    """
    return {} if _runtime is None else _runtime.stats()


def shutdown(timeout: float | None = None) -> FlushResult:
    """Deliver what is left and stop. Log calls and spans do no harm afterwards.

    Args:
        timeout: Seconds for all signals together; the setting `exit_timeout` (3) by default.
    """
    if _runtime is None:
        return _NOTHING
    return _runtime.shutdown(_runtime.config.exit_timeout if timeout is None else timeout)


def _forked() -> None:
    global _lock
    _lock = threading.RLock()  # a thread of the parent may have held it, and is not here


_life = ProcessLife(lambda: _runtime, forked=_forked)
