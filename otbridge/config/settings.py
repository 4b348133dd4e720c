"""Every setting of the SDK in one table, and the values after resolution.

`Config` is both: its fields are the settings, each with its default and, in the metadata, how it
is read, which environment variables of OpenTelemetry mean the same, and one line of help.
"""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Final

from otbridge.config import values
from otbridge.config.destination import DESTINATION_SETTINGS, SIGNALS, Destination
from otbridge.config.setting import Setting, declare, row_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.typing import Signal

__all__ = ["SETTINGS", "Config"]

_exporter = values.choice(
    "otlp",
    "console",
    "none",
    aliases={"true": "otlp", "on": "otlp", "false": "none", "off": "none", "otbridge": "otlp"},
)


def _otlp(name: str, signal: str = "") -> str:
    return f"OTEL_EXPORTER_OTLP_{signal.upper() + '_' if signal else ''}{name.upper()}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Config:
    """The settings of a process, resolved and checked; `Config()` is all defaults."""

    service: str = declare(
        "",
        values.text,
        "Name of this service; by default from the program's name.",
        otel=("OTEL_SERVICE_NAME",),
        choices="name",
    )
    version: str = declare("", values.text, "Version of this service.", choices="text")
    environment: str = declare("", values.text, "Where it runs, e.g. production.", choices="name")
    resource_attributes: Mapping[str, str] = declare(
        {},
        values.key_values,
        "More about this process.",
        otel=("OTEL_RESOURCE_ATTRIBUTES",),
        choices="key=value,…",
    )
    profile: str = declare(
        "",
        values.text,
        "A named set of settings.",
        choices="development, testing, staging, production",
    )
    disabled: bool = declare(
        False,
        values.boolean,
        "Switch everything off: nothing is captured, printed or sent.",
        otel=("OTEL_SDK_DISABLED",),
        choices="true, false",
    )

    level: int = declare(
        20,
        values.level,
        "Least severe level that is kept.",
        choices="trace, debug, info, warning, error, critical",
    )
    console: str = declare(
        "auto",
        values.choice("auto", "pretty", "json", "off"),
        "Log lines on standard error; auto: pretty on a terminal, JSON elsewhere.",
        choices="auto, pretty, json, off",
    )
    logs: str = declare(
        "otlp",
        _exporter,
        "What happens to logs.",
        otel=("OTEL_LOGS_EXPORTER",),
        choices="otlp, console, none",
    )
    traces: str = declare(
        "otlp",
        _exporter,
        "What happens to spans.",
        otel=("OTEL_TRACES_EXPORTER",),
        choices="otlp, console, none",
    )
    metrics: str = declare(
        "otlp",
        _exporter,
        "What happens to metrics.",
        otel=("OTEL_METRICS_EXPORTER",),
        choices="otlp, console, none",
    )
    capture_stdlib: bool = declare(
        True,
        values.boolean,
        "Take the records of the standard logging module.",
        choices="true, false",
    )
    capture_loguru: bool | str = declare(
        "auto",
        values.optional_boolean,
        "Take loguru's messages; auto: when the program has imported it.",
        choices="auto, true, false",
    )
    live: str = declare(
        "auto",
        values.choice("auto", "on", "off", aliases={"true": "on", "false": "off"}),
        "Tell the destination when a span begins; auto: when it is a hub.",
        choices="auto, on, off",
    )

    tracer: str = declare(
        "sdk",
        values.choice("sdk", "otbridge"),
        "Who makes spans where we make the provider: the SDK, or our own tracer at a third of its cost.",
        choices="sdk, otbridge",
    )
    sample: float = declare(
        1.0,
        values.number(0, 1),
        "Share of new traces that is kept, decided by trace id.",
        choices="0 to 1",
    )
    traces_sampler: str = declare(
        "",
        values.choice(
            "always_on",
            "always_off",
            "traceidratio",
            "parentbased_always_on",
            "parentbased_always_off",
            "parentbased_traceidratio",
        ),
        "OpenTelemetry's name of the sampler; stronger than sample.",
        otel=("OTEL_TRACES_SAMPLER",),
        choices="OpenTelemetry's sampler names",
    )
    traces_sampler_arg: float = declare(
        1.0,
        values.number(0, 1),
        "The ratio for traces_sampler.",
        otel=("OTEL_TRACES_SAMPLER_ARG",),
        choices="0 to 1",
    )
    propagators: tuple[str, ...] = declare(
        ("tracecontext", "baggage"),
        values.words,
        "Which headers carry the context.",
        otel=("OTEL_PROPAGATORS",),
        choices="tracecontext, baggage, none, or any installed",
    )
    baggage_keys: tuple[str, ...] = declare(
        (),
        values.words,
        "Baggage entries that become attributes of log records.",
        choices="names with commas",
    )

    redact: bool = declare(
        True, values.boolean, "Blank out secrets before anything is written.", choices="true, false"
    )
    redact_keys: tuple[str, ...] = declare(
        (),
        values.words,
        "More attribute names whose values are secret.",
        choices="names with commas",
    )
    callsite: bool = declare(
        True, values.boolean, "Record file, line and function of log calls.", choices="true, false"
    )
    attribute_limit: float = declare(
        128,
        values.number(1, 10_000),
        "Most attributes of a log record.",
        otel=("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "OTEL_ATTRIBUTE_COUNT_LIMIT"),
        choices="1 to 10000",
    )
    value_limit: float = declare(
        32_768,
        values.number(16, 4_194_304, "characters"),
        "Longest text of one log attribute or message; the rest is cut.",
        otel=("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT"),
        choices="characters",
    )
    spool: bool = declare(
        True,
        values.boolean,
        "Keep on disk what cannot be sent to a destination that was named; sent when it is back, or by the next process of this service.",
        choices="true, false",
    )
    durability: str = declare(
        "memory",
        values.choice("memory", "process", "power"),
        "What a record has survived when its log call returns: nothing yet, the end of the process (it is on disk), or a loss of power (it is synced).",
        choices="memory, process, power",
    )
    spool_dir: str = declare(
        "",
        values.text,
        "Folder of the spool; by default otbridge/spool in the user's data folder.",
        choices="path",
    )
    spool_max_bytes: float = declare(
        512 << 20,
        values.number(1 << 20, 1 << 50, "bytes"),
        "Most bytes on disk; the oldest records go, errors last, and are counted.",
        choices="bytes",
    )
    spool_max_age: float = declare(
        86_400.0,
        values.number(60, 31_536_000, "seconds"),
        "Seconds after which a record on disk is given up.",
        choices="seconds",
    )
    fallback: tuple[str, ...] = declare(
        (),
        values.words,
        "Where to send what the destination refuses, and everything once it has been away for fallback_after: other endpoints, or file:PATH for OTLP/JSON lines.",
        choices="URLs or file:PATH with commas",
    )
    fallback_after: float = declare(
        60.0,
        values.number(0, 86_400, "seconds"),
        "Seconds that the destination has to be away before everything goes to the fallback.",
        choices="seconds",
    )
    strategies: tuple[str, ...] = declare(
        (),
        values.words,
        "When delivery moves to larger batches, to disk, to the fallback, to sampling, and back; off for never. By default as otbridge.delivery.strategy.DEFAULT_RULES says.",
        choices="off, or strategy:measure>begin<end@seconds with commas",
    )
    self_metrics: str = declare(
        "auto",
        values.choice("auto", "on", "off", aliases={"true": "on", "false": "off"}),
        "Delivery's own metrics (otel.sdk.*); auto: when the program uses metrics.",
        choices="auto, on, off",
    )
    queue_policy: str = declare(
        "spool",
        values.choice("spool", "drop_oldest", "drop_newest", "block", "sample"),
        "What happens to a record when memory is full: it goes to disk (without a spool: the oldest goes), the oldest goes, it is refused, its caller waits, or only some are taken from half full on. Errors leave last.",
        choices="spool, drop_oldest, drop_newest, block, sample",
    )
    queue_block: float = declare(
        1.0,
        values.number(0.001, 60, "seconds"),
        "Longest wait of one call under queue_policy block; in an event loop nobody waits.",
        choices="seconds",
    )
    queue_max_records: float = declare(
        65_536,
        values.number(16, 10_000_000),
        "Most records of a signal in memory.",
        choices="records",
    )
    queue_max_bytes: float = declare(
        64 << 20,
        values.number(65_536, 1 << 40, "bytes"),
        "Most bytes of a signal in memory.",
        choices="bytes",
    )
    metric_interval: float = declare(
        60.0,
        values.number(0.1, 86_400, "seconds"),
        "Seconds between two exports of metrics.",
        otel=("OTEL_METRIC_EXPORT_INTERVAL",),
        choices="seconds (OTEL_*: milliseconds)",
    )
    exit_timeout: float = declare(
        3.0,
        values.number(0, 600, "seconds"),
        "Seconds that all signals together may take to leave at exit.",
        choices="seconds",
    )

    destinations: Mapping[Signal, Destination] = field(
        default_factory=lambda: {signal: Destination() for signal in SIGNALS}
    )
    """Where each signal goes; put together from `DESTINATION_SETTINGS`."""
    sources: Mapping[str, str] = field(default_factory=dict, compare=False)
    """Where each value that is not a default came from, in words for people."""
    warnings: tuple[str, ...] = field(default=(), compare=False)
    """What looked wrong without being an error, one sentence each."""

    def exports(self, signal: Signal) -> bool:
        """Return whether *signal* is sent over OTLP."""
        return not self.disabled and getattr(self, signal) == "otlp"


_GENERAL: Final = tuple(row_of(entry) for entry in fields(Config) if "read" in entry.metadata)

SETTINGS: Final[tuple[Setting, ...]] = (
    *_GENERAL[:6],
    *(
        Setting(
            row.name,
            row.default,
            row.help,
            row.read,
            (_otlp(row.otel[0]),),
            row.secret,
            row.choices,
        )
        for row in DESTINATION_SETTINGS
    ),
    *_GENERAL[6:],
)
"""The whole table, in the order it is shown; the per-signal variants of a destination are not
repeated in it: `logs_endpoint`, `OTBRIDGE_LOGS_ENDPOINT` and
`OTEL_EXPORTER_OTLP_LOGS_ENDPOINT` follow from `endpoint`."""
