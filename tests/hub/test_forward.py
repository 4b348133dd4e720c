"""What a hub acknowledged reaches everybody it passes on to, as it came, whatever happens."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import (
    ExportMetricsServiceRequest,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from otbridge import semconv
from otbridge.cli import exit_codes
from otbridge.testing.answers import Answer
from otbridge.testing.receiver import OtlpReceiver
from tests.hub.hub_process import HubProcess
from tests.hub.test_process import refused

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROTOBUF = {"content-type": "application/x-protobuf"}


def spans(number: int, count: int = 3) -> bytes:
    request = ExportTraceServiceRequest()
    source = request.resource_spans.add()
    source.resource.attributes.add(key="service.name").value.string_value = "shop"
    scope = source.scope_spans.add()
    for index in range(count):
        scope.spans.add(
            trace_id=(number + 1).to_bytes(16, "big"),
            span_id=(number * count + index + 1).to_bytes(8, "big"),
            name=f"order {number}",
            start_time_unix_nano=5,
            end_time_unix_nano=9,
        )
    # A field that this version of OTLP does not know, with the length of four bytes.
    return request.SerializeToString() + b"\xfa\x07\x04next"


def logs(*events: str) -> bytes:
    request = ExportLogsServiceRequest()
    scope = request.resource_logs.add().scope_logs.add()
    for event in events:
        scope.log_records.add(
            time_unix_nano=time.time_ns(),
            event_name=event,
            trace_id=b"t" * 16,
            span_id=b"s" * 8,
        )
    return request.SerializeToString()


def metrics() -> bytes:
    request = ExportMetricsServiceRequest()
    scope = request.resource_metrics.add().scope_metrics.add()
    for name in ("a", "b"):
        scope.metrics.add(name=name).gauge.data_points.add(as_int=1)
    return request.SerializeToString()


def send(hub: HubProcess, signal: str, body: bytes) -> None:
    hub.http.post(f"/v1/{signal}", content=body, headers=PROTOBUF).raise_for_status()


def books(hub: HubProcess, place: int = 0) -> dict[str, Any]:
    found: dict[str, Any] = hub.http.get("/api/v1/stats").json()["forward"][place]
    return found


def wait_until_delivered(hub: HubProcess, signal: str, records: int, place: int = 0) -> None:
    """Wait for the ledger, which is written after the receiver has answered."""
    deadline = time.monotonic() + 10
    while books(hub, place)[signal]["delivered"] < records and time.monotonic() < deadline:
        time.sleep(0.02)  # another process's books; there is nothing to wait on
    assert books(hub, place)[signal]["delivered"] == records


@pytest.fixture
def upstream() -> Iterator[OtlpReceiver]:
    with OtlpReceiver() as receiver:
        yield receiver


def test_everything_arrives_byte_for_byte(tmp_path: Path, upstream: OtlpReceiver) -> None:
    with HubProcess(tmp_path, "--forward", upstream.http_url) as hub:
        sent = {"traces": spans(0), "logs": logs("a", "b"), "metrics": metrics()}
        for signal, body in sent.items():
            send(hub, signal, body)
        upstream.wait_for_requests(3)
        assert {one.signal: one.body for one in upstream.accepted} == sent
        for signal, records in (("traces", 3), ("logs", 2), ("metrics", 2)):
            wait_until_delivered(hub, signal, records)
            account = books(hub)[signal]
            assert account["accepted"] == records
            assert account["rejected"] == account["dropped"] == {}
        assert books(hub)["destination"] == f"otlp_http {upstream.http_url}"
        assert hub.end() == (0, "")


def test_it_also_goes_over_grpc_and_through_every_door(
    tmp_path: Path, upstream: OtlpReceiver
) -> None:
    with HubProcess(tmp_path, "--forward", f"grpc://{upstream.grpc_target}") as hub:
        body = spans(0)
        with grpc.insecure_channel(hub.grpc) as channel:
            export: Any = channel.unary_unary(
                "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
            )
            export(body, timeout=10)
        upstream.wait_for_requests(1)
        assert upstream.accepted[0].transport == "grpc"
        assert upstream.accepted[0].body == body
        assert hub.end() == (0, "")


def test_json_is_passed_on_as_what_was_stored(tmp_path: Path, upstream: OtlpReceiver) -> None:
    document = {
        "resourceSpans": [
            {
                "scopeSpans": [
                    {"spans": [{"traceId": "0a" * 16, "spanId": "0b" * 8, "name": "from json"}]}
                ]
            }
        ]
    }
    with HubProcess(tmp_path, "--forward", upstream.http_url) as hub:
        hub.http.post("/v1/traces", json=document).raise_for_status()
        upstream.wait_for_requests(1)
        assert [span.name for span in upstream.spans] == ["from json"]


def test_a_hub_passes_on_to_a_hub_which_then_holds_the_same(tmp_path: Path) -> None:
    with (
        HubProcess(tmp_path / "team") as team,
        HubProcess(tmp_path / "mine", "--forward", team.url) as mine,
    ):
        for number in range(5):
            send(mine, "traces", spans(number))
            send(mine, "traces", spans(number))  # a sender that missed the answer
        wait_until_delivered(mine, "traces", 30)
        for number in range(5):
            trace = f"/api/v1/traces/{number + 1:032x}/otlp"
            assert team.http.get(trace).json() == mine.http.get(trace).json()
        assert team.http.get("/api/v1/stats").json()["store"]["spans"] == 15


def test_the_beginnings_of_spans_stay_here(tmp_path: Path, upstream: OtlpReceiver) -> None:
    with HubProcess(tmp_path, "--forward", upstream.http_url) as hub:
        send(hub, "logs", logs(semconv.SPAN_STARTED))
        send(hub, "logs", logs("a", semconv.SPAN_STARTED, "b"))
        upstream.wait_for_requests(1)
        wait_until_delivered(hub, "logs", 2)
        assert [record.event_name for record in upstream.logs] == ["a", "b"]
        assert books(hub)["logs"]["accepted"] == 2


def test_one_destination_that_is_away_holds_up_nobody(
    tmp_path: Path, upstream: OtlpReceiver
) -> None:
    with OtlpReceiver() as other:
        port = other.http_port
    with HubProcess(
        tmp_path, "--forward", f"http://127.0.0.1:{port}", "--forward", upstream.http_url
    ) as hub:
        for number in range(20):
            send(hub, "traces", spans(number))
        upstream.wait_for_requests(20)
        wait_until_delivered(hub, "traces", 60, place=1)
        away = books(hub)["traces"]
        assert (away["accepted"], away["delivered"], away["spooled"]) == (60, 0, 60)
        assert hub.http.get("/api/v1/stats").json()["stored"]["traces"] == 60

        with OtlpReceiver(http_port=port) as back:
            back.wait_for_requests(20, timeout=40)
            assert sorted(one.body for one in back.accepted) == sorted(map(spans, range(20)))


def test_a_hub_that_is_killed_owes_nobody_anything(tmp_path: Path) -> None:
    with OtlpReceiver(Answer.refuse(503)) as closed:
        port = closed.http_port
        for start in range(0, 30, 10):
            with HubProcess(tmp_path, "--forward", closed.http_url) as hub:
                for number in range(start, start + 10):
                    send(hub, "traces", spans(number))
                hub.process.kill()
                hub.process.wait()
    with (
        OtlpReceiver(http_port=port) as upstream,
        HubProcess(tmp_path, "--forward", upstream.http_url) as hub,
    ):
        wanted = set(map(spans, range(30)))
        # Each at least once: what was queued when the hub was killed may be queued again.
        for requests in range(30, 90):
            upstream.wait_for_requests(requests, timeout=30)
            if {one.body for one in upstream.accepted} == wanted:
                break
        assert {one.body for one in upstream.accepted} == wanted
        assert hub.end() == (0, "")


def test_a_queue_that_cannot_be_written_keeps_its_place_in_the_log(tmp_path: Path) -> None:
    """What it could not take waits in memory, and is gone when the hub is killed."""
    with OtlpReceiver(Answer.refuse(503)) as away:
        with HubProcess(tmp_path, "--forward", away.http_url) as hub:
            (tmp_path / "forward").write_bytes(b"in its way")  # it is made when it is needed
            send(hub, "traces", spans(0))
            away.wait_for_requests(1)
            time.sleep(2.5)  # places are stored once a second
            hub.process.kill()
            hub.process.wait()
        (tmp_path / "forward").unlink()
        port = away.http_port
    with (
        OtlpReceiver(http_port=port) as upstream,
        HubProcess(tmp_path, "--forward", upstream.http_url),
    ):
        upstream.wait_for_requests(1)
        assert upstream.accepted[0].body == spans(0)


def test_what_waits_for_a_destination_that_is_not_given_any_more_is_told(tmp_path: Path) -> None:
    with HubProcess(tmp_path, "--forward", "http://127.0.0.1:9") as hub:
        send(hub, "traces", spans(0))
        assert hub.end()[0] == 0
    with HubProcess(tmp_path) as hub:
        assert hub.process.stderr is not None
        said = hub.process.stderr.readline().decode()
        assert "3 records wait" in said
        assert f"otbridge spool list --dir {tmp_path / 'forward'}" in said
        assert hub.end() == (0, "")


def test_a_destination_that_never_answers_does_not_keep_the_hub_from_ending(
    tmp_path: Path, upstream: OtlpReceiver
) -> None:
    upstream.answer_always(Answer.hang())
    with HubProcess(tmp_path, "--forward", upstream.http_url) as hub:
        send(hub, "traces", spans(0))
        upstream.wait_for_requests(1)
        began = time.monotonic()
        assert hub.end()[0] == 0
        assert time.monotonic() - began < 3
    upstream.answer_always(Answer.ok())
    with HubProcess(tmp_path, "--forward", upstream.http_url) as hub:
        wait_until_delivered(hub, "traces", 3)
        assert upstream.accepted[-1].body == spans(0)


def test_headers_are_sent_to_their_destination_and_shown_nowhere(
    tmp_path: Path, upstream: OtlpReceiver
) -> None:
    secret = "s3cr+t/="
    address = f"{upstream.http_url}#authorization=Bearer%20{secret}&x-tenant=7"
    with HubProcess(tmp_path, "--forward", address) as hub:
        upstream.answer_next(Answer.refuse(401, message=f"wrong token {secret}"))
        send(hub, "traces", spans(0))
        upstream.wait_for_requests(1)
        assert upstream.requests[0].headers["authorization"] == f"Bearer {secret}"
        assert upstream.requests[0].headers["x-tenant"] == "7"
        assert secret not in json.dumps(hub.http.get("/api/v1/stats").json())
        _, said = hub.end()
        assert secret not in said
    assert not [path for path in tmp_path.rglob("*") if secret in path.name]


def test_what_a_destination_refuses_is_in_its_books(tmp_path: Path, upstream: OtlpReceiver) -> None:
    upstream.answer_always(Answer.partial(1, "one of them"))
    with HubProcess(tmp_path, "--forward", upstream.http_url) as hub:
        send(hub, "traces", spans(0))
        wait_until_delivered(hub, "traces", 2)
        assert books(hub)["traces"]["rejected"] == {"partial_success": 1}


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_a_hub_does_not_pass_on_to_itself(tmp_path: Path, name: str, unused_port: int) -> None:
    code, said = refused(
        "--data", str(tmp_path), "--http-port", str(unused_port), "--grpc-port", "0",
        "--forward", f"http://{name}:{unused_port}",
    )  # fmt: skip
    assert code == exit_codes.USAGE
    assert "is this hub itself" in said
    assert "Traceback" not in said


def test_nor_on_a_network_by_the_name_of_its_machine(tmp_path: Path, unused_port: int) -> None:
    code, said = refused(
        "--data", str(tmp_path), "--host", "0.0.0.0", "--insecure",
        "--http-port", "0", "--grpc-port", str(unused_port),
        "--forward", f"grpc://127.0.0.1:{unused_port}",
    )  # fmt: skip
    assert code == exit_codes.USAGE
    assert "is this hub itself" in said


def test_a_wrong_address_ends_the_start_with_a_sentence(tmp_path: Path) -> None:
    code, said = refused("--data", str(tmp_path), "--forward", "collector:4317")
    assert code == exit_codes.USAGE
    assert "grpc://collector:4317" in said
    assert said.count("\n") == 1


def test_the_same_destination_twice_is_refused(tmp_path: Path) -> None:
    twice = ("--forward", "http://127.0.0.1:9", "--forward", "http://127.0.0.1:9/")
    code, said = refused("--data", str(tmp_path), "--http-port", "0", "--grpc-port", "0", *twice)
    assert code == exit_codes.USAGE
    assert "twice" in said


@pytest.fixture
def unused_port() -> int:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port
