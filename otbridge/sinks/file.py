"""A file of OTLP/JSON, one request a line, as the Collector's file exporter writes them.

Meant as a fallback: what a receiver refused, or could not take for long, can be looked at, kept,
and sent later, by the Collector's `otlpjsonfile` receiver among others. Two files at most: when
the one is full it becomes `<path>.1`, in the place of the one before.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Final

from otbridge.context.loading import loading
from otbridge.errors import ConfigurationError
from otbridge.typing import Rejected, Retryable, SendResult, Success

if TYPE_CHECKING:
    from otbridge.typing import Signal

__all__ = ["FileSink"]

_MAX_BYTES: Final = 128 << 20
_SAFE: Final = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_CLOEXEC", 0)


class FileSink:
    """Appends each request as one line, in one write, to a file that only its owner can read.

    Several processes may write to one file, as long as it is on a local disk.

    Args:
        path: The file; its folder has to be there.
        max_bytes: When it is larger than this, it is put aside and a new one begun.

    Raises:
        ConfigurationError: there is no such folder.
    """

    def __init__(self, path: str, *, max_bytes: int = _MAX_BYTES) -> None:
        self._path = os.path.abspath(os.path.expanduser(path))  # noqa: PTH100, PTH111 - as below
        self._max_bytes = max_bytes
        self._fd = -1
        if not os.path.isdir(os.path.dirname(self._path)):  # noqa: PTH112, PTH120 - pathlib would be loaded for this alone
            raise ConfigurationError(
                f"The fallback file {self._path!r} cannot be written.",
                "Its folder does not exist.",
                "Make the folder, or choose another.",
            )

    @property
    def name(self) -> str:
        """The sink in words for people."""
        return f"file {self._path}"

    def send(self, signal: Signal, request: bytes, timeout: float) -> SendResult:  # noqa: ARG002 - the protocol's signature
        """Write *request*; `Retryable` where the disk does not take it."""
        with loading:
            import msgspec
            from google.protobuf.message import DecodeError

            from otbridge.wire.otlp_json import to_json
        try:
            line = msgspec.json.encode(to_json(_request_type(signal).FromString(request))) + b"\n"
        except DecodeError as error:
            return Rejected("invalid_request", str(error))
        try:
            return self._append(line)
        except OSError as error:
            self.close()
            return Retryable(type(error).__name__, str(error))

    def close(self) -> None:
        """Close the file; a later send opens it again."""
        fd, self._fd = self._fd, -1
        if fd >= 0:
            os.close(fd)

    def _append(self, line: bytes) -> SendResult:
        fd = self._usable()
        begin = os.fstat(fd).st_size
        written = os.write(fd, line)
        if written != len(line):  # a full disk: half a line is no line
            os.ftruncate(fd, begin)
            return Retryable("short_write", "The disk is full.")
        return Success()

    def _usable(self) -> int:
        """Return the descriptor of a file that is still the one at our path, and not full."""
        if self._fd >= 0 and not self._is_current(self._fd):
            self.close()
        if self._fd < 0:
            self._fd = self._open()
        if os.fstat(self._fd).st_size >= self._max_bytes:
            os.replace(self._path, f"{self._path}.1")  # noqa: PTH105 - as above
            self.close()
            self._fd = self._open()
        return self._fd

    def _open(self) -> int:
        return os.open(self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | _SAFE, 0o600)

    def _is_current(self, fd: int) -> bool:
        try:
            return os.path.samestat(os.fstat(fd), os.lstat(self._path))
        except OSError:
            return False  # somebody has moved it away, as logrotate does


def _request_type(signal: Signal) -> Any:
    if signal == "logs":
        from opentelemetry.proto.collector.logs.v1 import logs_service_pb2

        return logs_service_pb2.ExportLogsServiceRequest
    if signal == "traces":
        from opentelemetry.proto.collector.trace.v1 import trace_service_pb2

        return trace_service_pb2.ExportTraceServiceRequest
    from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2

    return metrics_service_pb2.ExportMetricsServiceRequest
