"""OTLP/JSON documents as Parquet tables, and back, with nothing lost.

Columns are named after the tables that the OpenTelemetry Collector's ClickHouse exporter writes, and
hold what people ask about: names, times, attributes as texts. Beside them stand the records as the
protobuf bytes that OTLP has, with their resource and scope (`Raw`, `ResourceRaw`, `ScopeRaw`); those
are what an import reads, so that every attribute comes back with its type.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import click
import msgspec
from opentelemetry.proto.logs.v1.logs_pb2 import LogsData
from opentelemetry.proto.metrics.v1.metrics_pb2 import MetricsData
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData

from otbridge.cli.otlp_lines import LISTS
from otbridge.wire.otlp_json import parse_logs, parse_metrics, parse_traces, to_json
from otbridge.wire.otlp_rows import plain_value

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from google.protobuf.message import Message

__all__ = ["ParquetFile", "require_pyarrow", "tables", "written_by"]

_KINDS: Final = ("Unspecified", "Internal", "Server", "Client", "Producer", "Consumer")
_STATUSES: Final = ("Unset", "Ok", "Error")
"""As the collector's exporter spells them (OTLP SpanKind and StatusCode, by number)."""

_LATEST: Final = 2**63 - 1
"""Columns are signed; the record beside them has what was sent."""

_SIGNAL: Final = b"otbridge.signal"
"""The key in the file's metadata that tells what is in it."""

_BATCH: Final = 1_000
"""Records that are read at once."""


class _Shape(NamedTuple):
    """How the messages of one signal nest, and what they become."""

    data: Callable[[], Any]
    parse: Callable[[bytes], bytes]
    resources: str
    scopes: str
    records: str
    columns: dict[str, str]
    """Of the record itself, each with its type."""
    read: Callable[[Any], tuple[Any, ...]]
    """Returns the columns' values."""


def _span(span: Any) -> tuple[Any, ...]:
    return (
        min(span.start_time_unix_nano, _LATEST),
        span.trace_id.hex(),
        span.span_id.hex(),
        span.parent_span_id.hex(),
        span.trace_state,
        span.name,
        _named(_KINDS, span.kind),
        _texts(span.attributes),
        min(max(span.end_time_unix_nano - span.start_time_unix_nano, 0), _LATEST),
        _named(_STATUSES, span.status.code),
        span.status.message,
    )


def _log(log: Any) -> tuple[Any, ...]:
    return (
        min(log.time_unix_nano or log.observed_time_unix_nano, _LATEST),
        log.trace_id.hex(),
        log.span_id.hex(),
        log.flags & 0xFF,
        log.severity_text,
        log.severity_number,
        _text(plain_value(log.body)),
        _texts(log.attributes),
        log.event_name,
    )


def _metric(metric: Any) -> tuple[Any, ...]:
    kind = metric.WhichOneof("data") or ""
    points = len(getattr(metric, kind).data_points) if kind else 0
    return metric.name, metric.description, metric.unit, kind, points


_SHAPES: Final[dict[str, _Shape]] = {
    "traces": _Shape(
        TracesData,
        parse_traces,
        "resource_spans",
        "scope_spans",
        "spans",
        {
            "Timestamp": "timestamp",
            "TraceId": "text",
            "SpanId": "text",
            "ParentSpanId": "text",
            "TraceState": "text",
            "SpanName": "text",
            "SpanKind": "text",
            "SpanAttributes": "map",
            "Duration": "number",
            "StatusCode": "text",
            "StatusMessage": "text",
        },
        _span,
    ),
    "logs": _Shape(
        LogsData,
        parse_logs,
        "resource_logs",
        "scope_logs",
        "log_records",
        {
            "Timestamp": "timestamp",
            "TraceId": "text",
            "SpanId": "text",
            "TraceFlags": "number",
            "SeverityText": "text",
            "SeverityNumber": "number",
            "Body": "text",
            "LogAttributes": "map",
            "EventName": "text",
        },
        _log,
    ),
    "metrics": _Shape(
        MetricsData,
        parse_metrics,
        "resource_metrics",
        "scope_metrics",
        "metrics",
        {
            "MetricName": "text",
            "MetricDescription": "text",
            "MetricUnit": "text",
            "MetricType": "text",
            "DataPoints": "number",
        },
        _metric,
    ),
}
_SHARED: Final = {
    "ServiceName": "text",
    "ResourceAttributes": "map",
    "ResourceSchemaUrl": "text",
    "ScopeName": "text",
    "ScopeVersion": "text",
    "ScopeSchemaUrl": "text",
    "ResourceRaw": "bytes",
    "ScopeRaw": "bytes",
    "Raw": "bytes",
}


def require_pyarrow() -> None:
    """Say what to install where Parquet cannot be read or written.

    Raises:
        ClickException: pyarrow is not installed.
    """
    try:
        import pyarrow.parquet  # noqa: F401 - only whether it is there
    except ImportError:
        raise click.ClickException(
            "Parquet needs pyarrow, which is not installed. Run: pip install 'otbridge[parquet]'."
            " OTLP/JSON lines need nothing: --format otlp-json."
        ) from None


class ParquetFile:
    """A Parquet file that is being written, of one signal.

    Args:
        path: The file, which is made anew.
        signal: What goes into it.
    """

    def __init__(self, path: Path, signal: str) -> None:
        import pyarrow.parquet as pq

        self._shape = _SHAPES[signal]
        self._schema = _schema(signal)
        self._writer = pq.ParquetWriter(path, self._schema, compression="zstd")

    def add(self, resources: list[dict[str, Any]]) -> None:
        """Write the records under *resources*, the signal's list of an OTLP/JSON document."""
        import pyarrow as pa

        shape = self._shape
        name = _camel(shape.resources)
        data = shape.data()
        data.ParseFromString(shape.parse(msgspec.json.encode({name: resources})))
        columns = list(zip(*_rows(data, shape), strict=True))
        if columns:
            self._writer.write_table(
                pa.Table.from_arrays(
                    [
                        pa.array(column, kind)
                        for column, kind in zip(columns, self._schema.types, strict=True)
                    ],
                    schema=self._schema,
                )
            )

    def close(self) -> None:
        """Write the end of the file."""
        self._writer.close()


def tables(path: Path) -> Iterator[dict[str, Any]]:
    """Yield OTLP/JSON documents with what is in a Parquet file that was written here.

    Raises:
        ClickException: It cannot be read, or is none of ours.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            shape = _SHAPES[written_by(path, file.schema_arrow.metadata)]
            raw = ["ResourceRaw", "ResourceSchemaUrl", "ScopeRaw", "ScopeSchemaUrl", "Raw"]
            for batch in file.iter_batches(_BATCH, columns=raw):
                columns = [batch.column(name).to_pylist() for name in raw]
                yield to_json(_document(shape, zip(*columns, strict=True)))
    except (OSError, pa.ArrowException) as error:
        raise click.ClickException(f"{path} cannot be read as Parquet: {error}.") from error


def written_by(path: Path, metadata: dict[bytes, bytes] | None) -> str:
    """Return the signal that a file's *metadata* tells of.

    Raises:
        ClickException: It tells of none.
    """
    signal = (metadata or {}).get(_SIGNAL, b"").decode("ascii", "replace")
    if signal not in _SHAPES:
        raise click.ClickException(
            f"{path} was not written by `otbridge hub export`. Without the column Raw the types of"
            " attributes are not known."
        )
    return signal


def _schema(signal: str) -> Any:
    import pyarrow as pa

    types = {
        "timestamp": pa.timestamp("ns", "UTC"),
        "text": pa.string(),
        "number": pa.int64(),
        "bytes": pa.binary(),
        "map": pa.map_(pa.string(), pa.string()),
    }
    columns = {**_SHAPES[signal].columns, **_SHARED}
    fields = [(name, types[kind]) for name, kind in columns.items()]
    return pa.schema(fields, metadata={_SIGNAL: signal.encode()})


def _rows(data: Any, shape: _Shape) -> Iterator[tuple[Any, ...]]:
    for resource in getattr(data, shape.resources):
        attributes = _texts(resource.resource.attributes)
        service = dict(attributes).get("service.name", "")
        whole = resource.resource.SerializeToString()
        for scope in getattr(resource, shape.scopes):
            shared = (
                *(service, attributes, resource.schema_url),
                *(scope.scope.name, scope.scope.version, scope.schema_url),
                *(whole, scope.scope.SerializeToString()),
            )
            for record in getattr(scope, shape.records):
                yield (*shape.read(record), *shared, record.SerializeToString())


def _document(shape: _Shape, rows: Iterable[tuple[Any, ...]]) -> Message:
    """Return the message whose records these are, under their resources and scopes again."""
    data = shape.data()
    before: tuple[Any, ...] = ()
    scope: Any = None
    for resource_raw, resource_url, scope_raw, scope_url, raw in rows:
        source = (resource_raw, resource_url, scope_raw, scope_url)
        if source != before:
            resource = getattr(data, shape.resources).add(schema_url=resource_url)
            resource.resource.ParseFromString(resource_raw)
            scope = getattr(resource, shape.scopes).add(schema_url=scope_url)
            scope.scope.ParseFromString(scope_raw)
            before = source
        getattr(scope, shape.records).add().ParseFromString(raw)
    found: Message = data
    return found


def _camel(name: str) -> str:
    return next(known for known in LISTS.values() if known.lower() == name.replace("_", ""))


def _named(names: tuple[str, ...], number: int) -> str:
    return names[number] if 0 <= number < len(names) else names[0]


def _texts(attributes: Any) -> list[tuple[str, str]]:
    return [(one.key, _text(plain_value(one.value))) for one in attributes]


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return "" if value is None else msgspec.json.encode(value).decode()
