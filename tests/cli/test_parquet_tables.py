"""An export as Parquet has columns that can be asked about, and loses nothing."""

from __future__ import annotations

import base64
import json
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.cli.conftest import TRACE_ID
from tests.hub.hub_process import HubProcess

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

VALUES = {
    "text": {"stringValue": "7"},
    "int": {"intValue": "9007199254740993"},
    "double": {"doubleValue": 7.0},
    "nan": {"doubleValue": "NaN"},
    "bool": {"boolValue": True},
    "bytes": {"bytesValue": base64.b64encode(b"\x00\xff").decode()},
    "list": {"arrayValue": {"values": [{"intValue": "1"}, {"stringValue": "1"}]}},
    "map": {"kvlistValue": {"values": [{"key": "a", "value": {"doubleValue": 0.5}}]}},
    "nothing": {},
}
ATTRIBUTES = [{"key": key, "value": value} for key, value in VALUES.items()]
RESOURCE = {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}, *ATTRIBUTES]}
SPAN = {
    "traceId": "0a" * 16,
    "spanId": "0b" * 8,
    "name": "pay",
    "kind": 3,
    "startTimeUnixNano": "1767225600000000001",
    "endTimeUnixNano": "1767225600000000011",
    "attributes": ATTRIBUTES,
    "events": [{"timeUnixNano": "1767225600000000005", "name": "e", "attributes": ATTRIBUTES}],
    "links": [{"traceId": "0c" * 16, "spanId": "0d" * 8, "attributes": ATTRIBUTES}],
    "status": {"code": 2, "message": "no"},
}
LOG = {
    "timeUnixNano": "1767225600000000007",
    "severityNumber": 9,
    "body": {"kvlistValue": {"values": ATTRIBUTES}},
    "attributes": ATTRIBUTES,
}
METRIC = {
    "name": "latency",
    "unit": "ms",
    "histogram": {
        "aggregationTemporality": 1,
        "dataPoints": [
            {
                "attributes": ATTRIBUTES,
                "timeUnixNano": "1767225600000000009",
                "count": "3",
                "sum": 2.5,
                "bucketCounts": ["1", "2"],
                "explicitBounds": [1.5],
                "exemplars": [
                    {
                        "timeUnixNano": "1767225600000000008",
                        "asDouble": 2.0,
                        "traceId": "0a" * 16,
                        "spanId": "0b" * 8,
                    }
                ],
            }
        ],
    },
}


def scoped(name: str, records: list[Any]) -> list[dict[str, Any]]:
    scope = {"name": "tests", "version": "1", "attributes": ATTRIBUTES}
    return [{"scope": scope, "schemaUrl": "https://example.org/scope", name: records}]


def fill(hub: HubProcess) -> None:
    for path, key, scopes, name, record in (
        ("traces", "resourceSpans", "scopeSpans", "spans", SPAN),
        ("logs", "resourceLogs", "scopeLogs", "logRecords", LOG),
        ("metrics", "resourceMetrics", "scopeMetrics", "metrics", METRIC),
    ):
        source = {
            "resource": RESOURCE,
            "schemaUrl": "https://example.org/resource",
            scopes: scoped(name, [record]),
        }
        hub.http.post(f"/v1/{path}", json={key: [source]}).raise_for_status()


@pytest.fixture
def hub(tmp_path: Path) -> Any:
    """A hub with a record of each signal, whose attributes have every type."""
    with HubProcess(tmp_path / "data") as running:
        fill(running)
        yield running


def lines(otbridge: Run, hub: HubProcess) -> list[Any]:
    finished = otbridge("hub", "export", "-", hub=hub)
    return [json.loads(line) for line in finished.stdout.splitlines()]


def test_what_is_imported_from_parquet_is_what_was_exported(
    otbridge: Run, hub: HubProcess, tmp_path: Path
) -> None:
    folder = tmp_path / "tables"
    exported = otbridge("hub", "export", str(folder), "--as", "parquet", hub=hub)
    assert exported.stderr == "Wrote 1 spans, 1 log records, 1 metrics.\n"
    names = sorted(path.name for path in folder.iterdir())
    assert names == ["logs.parquet", "metrics.parquet", "traces.parquet"]
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}
    with HubProcess(tmp_path / "other") as other:
        imported = otbridge("hub", "import", str(folder), hub=other)
        assert imported.stderr == "Sent 1 spans, 1 log records, 1 metrics.\n"
        found = lines(otbridge, other)
    assert found == lines(otbridge, hub)
    assert VALUES.keys() <= {
        one["key"] for one in found[0]["resourceSpans"][0]["resource"]["attributes"]
    }


def test_columns_are_those_of_the_collectors_tables(
    otbridge: Run, hub: HubProcess, tmp_path: Path
) -> None:
    otbridge("hub", "export", str(tmp_path / "t"), "--as", "parquet", hub=hub)
    table = pq.read_table(tmp_path / "t" / "traces.parquet")
    assert table["Timestamp"].cast(pa.int64()).to_pylist() == [1767225600000000001]
    (span,) = table.drop_columns("Timestamp").to_pylist()
    told = {"ServiceName", "SpanName", "SpanKind", "StatusCode", "StatusMessage", "Duration"}
    assert {key: span[key] for key in told} == {
        "ServiceName": "shop",
        "SpanName": "pay",
        "SpanKind": "Client",
        "StatusCode": "Error",
        "StatusMessage": "no",
        "Duration": 10,
    }
    assert dict(span["SpanAttributes"])["int"] == "9007199254740993"
    (metric,) = pq.read_table(tmp_path / "t" / "metrics.parquet").to_pylist()
    assert (metric["MetricName"], metric["MetricType"], metric["DataPoints"]) == (
        "latency",
        "histogram",
        1,
    )


def test_one_trace_is_exported_as_tables(
    otbridge: Run, filled_hub: HubProcess, tmp_path: Path
) -> None:
    options = ("--as", "parquet", "--trace", TRACE_ID)
    otbridge("hub", "export", str(tmp_path / "t"), *options, hub=filled_hub)
    assert sorted(path.name for path in (tmp_path / "t").iterdir()) == [
        "logs.parquet",
        "traces.parquet",
    ]


def test_a_table_of_somebody_elses_is_refused(
    otbridge: Run, hub: HubProcess, tmp_path: Path
) -> None:
    theirs = tmp_path / "theirs.parquet"
    pq.write_table(pa.table({"Raw": ["x"]}), theirs)
    broken = tmp_path / "broken.parquet"
    broken.write_bytes(b"no parquet")
    for file, why in ((theirs, "was not written by"), (broken, "cannot be read as Parquet")):
        finished = otbridge("hub", "import", str(file), hub=hub)
        assert finished.returncode == 1
        assert why in finished.stderr
        assert "Traceback" not in finished.stderr


def test_without_pyarrow_it_says_what_to_install(
    otbridge: Run, hub: HubProcess, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A stand-in on the path is as good as a package that is not there."""
    (tmp_path / "stand-in").mkdir()
    (tmp_path / "stand-in" / "pyarrow.py").write_text("raise ImportError('not here')")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "stand-in"))
    finished = otbridge("hub", "export", str(tmp_path / "t"), "--as", "parquet", hub=hub)
    assert finished.returncode == 1
    assert "pip install 'otbridge[parquet]'" in finished.stderr
    assert not (tmp_path / "t").exists()
