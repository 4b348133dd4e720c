"""What one hub exports, another imports, and then both hold the same."""

from __future__ import annotations

import gzip
import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from tests.cli.conftest import TRACE_ID, last_json, send_order
from tests.hub.hub_process import COMMAND, HubProcess

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    Run = Callable[..., subprocess.CompletedProcess[str]]

METRICS = {
    "resourceMetrics": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "shop"}}]},
            "scopeMetrics": [
                {
                    "metrics": [
                        {
                            "name": "orders",
                            "sum": {
                                "dataPoints": [{"timeUnixNano": "5", "asInt": "9007199254740993"}],
                                "aggregationTemporality": 2,
                            },
                        }
                    ]
                }
            ],
        }
    ]
}


def documents(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def many_spans(count: int) -> bytes:
    request = ExportTraceServiceRequest()
    source = request.resource_spans.add(schema_url="https://example.org/resource")
    source.resource.attributes.add(key="service.name").value.string_value = "mill"
    for half in range(2):
        scope = source.scope_spans.add()
        scope.scope.name = f"scope {half}"
        for number in range(count // 2):
            span = scope.spans.add(
                trace_id=bytes([half + 1]) * 16,
                span_id=(half * count + number + 1).to_bytes(8, "big"),
                name=f"{half}.{number}",
                start_time_unix_nano=5,
                end_time_unix_nano=9,
            )
            span.attributes.add(key="pi").value.double_value = 3.141592653589793
            span.attributes.add(key="raw").value.bytes_value = b"\x00\xff"
    return request.SerializeToString()


def test_an_export_imported_elsewhere_is_the_same_export(
    otbridge: Run, hub: HubProcess, tmp_path: Path
) -> None:
    send_order(hub)
    hub.http.post("/v1/metrics", json=METRICS).raise_for_status()
    hub.http.post(
        "/v1/traces", content=many_spans(2400), headers={"content-type": "application/x-protobuf"}
    ).raise_for_status()
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    exported = otbridge("hub", "export", str(first), hub=hub)
    assert (exported.returncode, exported.stdout) == (0, "")
    assert exported.stderr == "Wrote 2,401 spans, 2 log records, 1 metrics.\n"
    assert first.stat().st_mode & 0o777 == 0o600
    assert [list(document) for document in documents(first)] == [
        *[["resourceSpans"]] * 3,
        ["resourceLogs"],
        ["resourceMetrics"],
    ]

    with HubProcess(tmp_path / "other") as other:
        imported = otbridge("hub", "import", str(first), hub=other)
        assert (imported.returncode, imported.stderr) == (
            0,
            "Sent 2,401 spans, 2 log records, 1 metrics.\n",
        )
        assert otbridge("hub", "export", str(second), hub=other).returncode == 0
        assert documents(second) == documents(first)
        theirs = other.http.get(f"/api/v1/traces/{TRACE_ID}/otlp").json()
        assert theirs == hub.http.get(f"/api/v1/traces/{TRACE_ID}/otlp").json()

        again = otbridge("hub", "import", str(first), hub=other)
        assert again.returncode == 0
        stats = other.http.get("/api/v1/stats").json()
        assert stats["store"]["spans"] == 2401


def test_one_trace_is_exported_with_its_logs(
    otbridge: Run, filled_hub: HubProcess, tmp_path: Path
) -> None:
    file = tmp_path / "trace.jsonl"
    finished = otbridge("hub", "export", str(file), "--trace", TRACE_ID, hub=filled_hub)
    assert finished.stderr == "Wrote 1 spans, 2 log records.\n"
    spans, logs = documents(file)
    assert spans["resourceSpans"][0]["scopeSpans"][0]["spans"][0]["traceId"] == TRACE_ID
    assert len(logs["resourceLogs"][0]["scopeLogs"][0]["logRecords"]) == 2


def test_times_narrow_an_export(otbridge: Run, filled_hub: HubProcess, tmp_path: Path) -> None:
    file = tmp_path / "old.jsonl"
    finished = otbridge("hub", "export", str(file), "--to", "-1h", hub=filled_hub)
    assert finished.stderr == "Wrote nothing.\n"
    assert file.read_bytes() == b""
    finished = otbridge("hub", "export", "-", "--from", "-1h", hub=filled_hub)
    assert [list(json.loads(line)) for line in finished.stdout.splitlines()] == [
        ["resourceSpans"],
        ["resourceLogs"],
    ]


def test_programs_get_the_counts_as_json(
    otbridge: Run, filled_hub: HubProcess, tmp_path: Path
) -> None:
    finished = otbridge("hub", "export", str(tmp_path / "x"), "--format", "json", hub=filled_hub)
    assert last_json(finished.stdout) == {"traces": 1, "logs": 2, "metrics": 0}
    piped = otbridge("hub", "export", "-", "--format", "json", hub=filled_hub)
    assert last_json(piped.stderr) == {"traces": 1, "logs": 2, "metrics": 0}
    assert all("resource" in line for line in piped.stdout.splitlines())


def test_gzip_and_standard_input_are_read(otbridge: Run, hub: HubProcess, tmp_path: Path) -> None:
    packed = tmp_path / "metrics.jsonl.gz"
    packed.write_bytes(gzip.compress(json.dumps(METRICS).encode() + b"\n\n"))
    assert otbridge("hub", "import", str(packed), hub=hub).returncode == 0
    piped = subprocess.run(
        [*COMMAND, "hub", "import", "-", "--hub", hub.url],
        input=json.dumps(METRICS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert piped.stderr == "Sent 1 metrics.\n"
    assert hub.http.get("/api/v1/stats").json()["stored"]["metrics"] == 2


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        (b"not json", "line 2 is no OTLP/JSON object. The parser says"),
        (b'{"spans": []}', "has none of resourceSpans, resourceLogs, resourceMetrics"),
        (b'{"resourceSpans": 5}', "is not built as OTLP has it"),
        (b'{"resourceSpans": [{"scopeSpans": [5]}]}', "is not built as OTLP has it"),
        (
            b'{"resourceSpans": [{"scopeSpans": [{"spans": [{"traceId": 5}]}]}]}',
            "resourceSpans[0].scopeSpans[0].spans[0].traceId",
        ),
    ],
)
def test_a_line_that_is_no_otlp_is_named(
    otbridge: Run, hub: HubProcess, tmp_path: Path, line: bytes, sentence: str
) -> None:
    file = tmp_path / "broken.jsonl"
    file.write_bytes(json.dumps(METRICS).encode() + b"\n" + line + b"\n")
    finished = otbridge("hub", "import", str(file), hub=hub)
    assert finished.returncode == 1
    assert sentence in finished.stderr
    assert "Traceback" not in finished.stderr
    assert hub.http.get("/api/v1/stats").json()["stored"]["metrics"] == 1


def test_what_the_hub_refuses_is_said(otbridge: Run, hub: HubProcess, tmp_path: Path) -> None:
    file = tmp_path / "bad.jsonl"
    span = {"traceId": "00" * 16, "spanId": "0b" * 8}
    document = {"resourceSpans": [{"scopeSpans": [{"spans": [span]}]}]}
    file.write_text(json.dumps(document))
    finished = otbridge("hub", "import", str(file), hub=hub)
    assert finished.returncode == 0
    assert "The hub refused 1 of them: 1 refused: " in finished.stderr


def test_more_than_the_hub_takes_at_once_goes_in_halves(
    otbridge: Run, hub: HubProcess, tmp_path: Path
) -> None:
    record = {"body": {"stringValue": "x" * 40_000}}
    document = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record] * 900}]}]}
    file = tmp_path / "large.jsonl"
    file.write_text(json.dumps(document))
    finished = otbridge("hub", "import", str(file), hub=hub)
    assert (finished.returncode, finished.stderr) == (0, "Sent 900 log records.\n")
    assert hub.http.get("/api/v1/stats").json()["stored"]["logs"] == 900


def test_a_file_that_cannot_be_had_is_said(
    otbridge: Run, filled_hub: HubProcess, tmp_path: Path
) -> None:
    finished = otbridge("hub", "export", str(tmp_path / "no" / "x"), hub=filled_hub)
    assert finished.returncode == 1
    assert "cannot be written" in finished.stderr
    broken = tmp_path / "broken.gz"
    broken.write_bytes(b"no gzip")
    finished = otbridge("hub", "import", str(broken), hub=filled_hub)
    assert finished.returncode == 1
    assert "cannot be read" in finished.stderr


def test_an_export_that_fails_leaves_nothing(otbridge: Run, tmp_path: Path) -> None:
    file = tmp_path / "x.jsonl"
    file.write_text("what was there")
    finished = otbridge("hub", "export", str(file), "--hub", "http://127.0.0.1:9")
    assert finished.returncode == 1
    assert "No hub answers" in finished.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["x.jsonl"]
    assert file.read_text() == "what was there"


def test_a_trace_is_exported_whole(otbridge: Run, filled_hub: HubProcess) -> None:
    finished = otbridge("hub", "export", "-", "--trace", TRACE_ID, "--to", "-1h", hub=filled_hub)
    assert finished.returncode == 2
    assert "leave --from and --to out" in finished.stderr


@pytest.fixture
def hub(tmp_path: Path) -> Any:
    """A hub of the test's own."""
    with HubProcess(tmp_path / "data") as running:
        yield running
