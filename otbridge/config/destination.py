"""Where a signal goes, and the settings that say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from otbridge.config import values
from otbridge.config.setting import Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from otbridge.typing import Signal

__all__ = ["DESTINATION_SETTINGS", "LOCAL_HUB", "SIGNALS", "Destination"]

LOCAL_HUB: Final = "http://127.0.0.1:4318"
"""Where `otbridge hub` listens when nobody says otherwise (OTLP's registered HTTP port)."""

SIGNALS: Final[tuple[Signal, ...]] = ("logs", "traces", "metrics")


@dataclass(frozen=True, slots=True)
class Destination:
    """Where one signal goes, and how."""

    endpoint: str = LOCAL_HUB
    """Base address; `/v1/{signal}` is added for HTTP unless `exact`."""
    exact: bool = False
    """Whether `endpoint` is the whole URL (OpenTelemetry's per-signal variables)."""
    asked_for: bool = False
    """Whether anybody named a destination; if not, its absence is nobody's problem."""
    protocol: str = "http/protobuf"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    compression: str = "gzip"
    timeout: float = 10.0
    """Seconds for one attempt."""
    certificate: str = ""
    client_certificate: str = ""
    client_key: str = ""
    insecure: bool | None = None
    """gRPC without TLS where the endpoint has no scheme; None means so, too."""

    @property
    def url(self) -> str:
        """The endpoint with a scheme."""
        return self.endpoint if "://" in self.endpoint else f"http://{self.endpoint}"


DESTINATION_SETTINGS: Final[tuple[Setting, ...]] = (
    Setting("endpoint", LOCAL_HUB, "Where to send: a hub or any OTLP receiver.", values.endpoint, ("endpoint",), choices="URL"),
    Setting(
        "protocol", "http/protobuf", "OTLP over HTTP or over gRPC; http/json, where the environment asks for it, is sent as protobuf.",
        values.choice("http/protobuf", "grpc", aliases={"http": "http/protobuf", "http/json": "http/protobuf"}), ("protocol",), choices="http/protobuf, grpc",
    ),
    Setting("headers", {}, "Headers (gRPC: metadata) of every request.", values.key_values, ("headers",), secret=True, choices="key=value,…"),
    Setting("compression", "gzip", "Compression of requests.", values.choice("gzip", "zstd", "none"), ("compression",), choices="gzip, zstd, none"),
    Setting("timeout", 10.0, "Seconds that one attempt to send may take.", values.number(0.001, 3600, "seconds"), ("timeout",), choices="seconds (OTEL_*: milliseconds)"),
    Setting("certificate", "", "File of certificate authorities to trust (PEM).", values.text, ("certificate",), choices="path"),
    Setting("client_certificate", "", "File of our own certificate for mutual TLS (PEM).", values.text, ("client_certificate",), choices="path"),
    Setting("client_key", "", "File of the key of that certificate (PEM).", values.text, ("client_key",), choices="path"),
    Setting("insecure", None, "gRPC without TLS, where the endpoint has no scheme to say so.", values.boolean, ("insecure",), choices="true, false"),
)  # fmt: skip
"""The settings of a destination; each may also be set for one signal, as in `logs_endpoint`."""
