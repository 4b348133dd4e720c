"""The delivery of each signal, made from the settings: sinks, spool, fallbacks, pipelines."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

from otbridge._configure import parts
from otbridge.config.destination import SIGNALS, Destination
from otbridge.delivery.pipeline import Pipeline
from otbridge.delivery.settings import QueueSettings, RetrySettings
from otbridge.delivery.strategy import DEFAULT_RULES, parse_rules
from otbridge.errors import ConfigurationError
from otbridge.typing import Success

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.config import Config
    from otbridge.delivery.settings import QueuePolicy
    from otbridge.delivery.spool.settings import Durability
    from otbridge.delivery.spool.spool import Spool
    from otbridge.delivery.strategy import Rule
    from otbridge.telemetry.health import Health, Source
    from otbridge.typing import SendResult, Signal, Sink

    MakeSink = Callable[[Signal, Destination], Sink]

__all__ = ["Delivery"]

_FILE = "file:"
_ASKS_FOR_SPOOL = frozenset({"spool", "spool_dir", "durability"})
"""Settings after which a spool that cannot be had is an error, and not only said."""


class Delivery:
    """The pipelines of a process and the spool that they share.

    Args:
        config: The settings.
        service: Name of this service; its processes send what others of them have left on disk.
        make_sink: Makes the last stop of each signal.

    Raises:
        ConfigurationError: something that a setting names is not there, or cannot be used.
    """

    def __init__(self, config: Config, service: str, make_sink: MakeSink) -> None:
        self._config = config
        self._service = service
        self._rules = _rules(config)
        self.health: Health | None = None
        """Told of every export, once there is one."""
        self.spool: Spool | None = self._make_spool(service)
        """What keeps records on disk; None where nobody named a destination, or it is off."""
        self.pipelines: dict[Signal, Pipeline] = {
            signal: self._pipeline(signal, make_sink)
            for signal in SIGNALS
            if config.exports(signal)
        }
        """The delivery of each signal that is sent."""

    def start(self) -> None:
        """Have sent what processes of this service that ended have left on disk, if any did.

        Where there is nothing, no thread is started and no file is made.
        """
        if self.spool is not None and _has_folders(self.spool.root, self._service):
            for pipeline in self.pipelines.values():
                pipeline.resume()

    def end(self, *, late: bool) -> None:
        """Give the spool back, once the pipelines are shut down.

        Args:
            late: Whether records may come after this. Then it stays open where they would be
                kept on disk; the end of the process closes it.
        """
        spool = self.spool
        if spool is None:
            return
        if late and (self._config.durability != "memory" or any(spool.stats().waiting.values())):
            spool.sync()
        else:
            spool.close()

    def sources(self) -> tuple[Source, ...]:
        """Return what metrics about delivery are made of."""
        from otbridge.telemetry.health import Source

        return tuple(
            Source(signal, pipeline, int(self._config.queue_max_records), *_server(destination))
            for signal, pipeline in self.pipelines.items()
            for destination in (self._config.destinations[signal],)
        )

    def _exported(self, signal: Signal, seconds: float, result: SendResult) -> None:
        if self.health is not None:
            failure = "" if isinstance(result, Success) else result.reason
            self.health.timed(signal, seconds, failure)

    def _is_asked_for(self, destination: Destination) -> bool:
        # Who wants every record on disk wants it delivered, if only to the hub on this machine.
        return destination.asked_for or self._config.durability != "memory"

    def _make_spool(self, service: str) -> Spool | None:
        config = self._config
        wanted = any(
            config.exports(signal) and self._is_asked_for(config.destinations[signal])
            for signal in SIGNALS
        )
        if not wanted or not config.spool:
            return None
        try:
            return _open_spool(config, service)
        except ConfigurationError as error:
            if _ASKS_FOR_SPOOL & config.sources.keys():
                raise
            parts.report(f"{error} What cannot be sent is kept in memory only.")
            return None

    def _pipeline(self, signal: Signal, make_sink: MakeSink) -> Pipeline:
        config = self._config
        destination = config.destinations[signal]
        optional = not self._is_asked_for(destination)
        return Pipeline(
            signal,
            make_sink(signal, destination),
            queue=QueueSettings(
                max_records=int(config.queue_max_records),
                max_bytes=int(config.queue_max_bytes),
                policy=cast("QueuePolicy", config.queue_policy),
                block_s=config.queue_block,
            ),
            retry=RetrySettings(attempt_s=destination.timeout),
            rules=self._rules,
            report=parts.report,
            on_export=partial(self._exported, signal),
            optional=optional,
            spool=None if optional else self.spool,
            fallbacks=[
                _fallback(signal, destination, where, make_sink) for where in config.fallback
            ],
        )


def _rules(config: Config) -> tuple[Rule, ...]:
    if config.strategies:
        return parse_rules(config.strategies)
    return tuple(
        replace(rule, above=config.fallback_after) if rule.strategy == "fallback" else rule
        for rule in DEFAULT_RULES
    )


def _server(destination: Destination) -> tuple[str, str, int]:
    """Return transport, host and port."""
    parts_ = urlsplit(destination.url)
    transport = "grpc" if destination.protocol == "grpc" else "http"
    default = 443 if parts_.scheme == "https" else 80
    return transport, parts_.hostname or "", parts_.port or default


def _open_spool(config: Config, service: str) -> Spool:
    from otbridge.delivery.spool.names import default_root
    from otbridge.delivery.spool.settings import SpoolSettings
    from otbridge.delivery.spool.spool import Spool

    return Spool(
        config.spool_dir or default_root(),
        service,
        report=parts.report,
        settings=SpoolSettings(
            durability=cast("Durability", config.durability),
            max_bytes=int(config.spool_max_bytes),
            max_age_s=config.spool_max_age,
        ),
    )


def _has_folders(root: str, service: str) -> bool:
    """Return whether processes of *service*, living or not, have folders in the spool."""
    import os

    from otbridge.delivery.spool.names import is_process_folder, service_folder

    try:
        names = os.listdir(f"{root}/{service_folder(service)}")  # noqa: PTH208 - pathlib is slow to load
        return any(map(is_process_folder, names))
    except OSError:
        return False  # there is none


def _fallback(signal: Signal, destination: Destination, where: str, make_sink: MakeSink) -> Sink:
    """Return the sink at *where*: a file, or another receiver, which is not shown the headers.

    A key for one receiver is none of another's business.
    """
    if where.startswith(_FILE):
        from otbridge.sinks.file import FileSink

        return FileSink(where.removeprefix(_FILE).removeprefix("//"))
    return make_sink(
        signal, replace(destination, endpoint=where, exact=False, asked_for=True, headers={})
    )
