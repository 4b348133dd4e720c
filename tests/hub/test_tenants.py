"""Two parties in one hub, neither of whom can find out that there is another."""

from __future__ import annotations

import contextlib
import http.client
import json
import random
import subprocess
import time
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import grpc
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Status
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from otbridge.errors import ConfigurationError
from otbridge.hub.api.routes import ENDPOINTS
from otbridge.hub.tenants.names import address_of, check_name, folder_of
from otbridge.testing import OtlpReceiver
from tests.hub.access.conftest import command, new_key, until
from tests.hub.hub_process import COMMAND, HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

PROTOBUF = {"content-type": "application/x-protobuf"}
QUESTIONS = 10_000
SHARED = [bytes([200 + number]) * 16 for number in range(4)]
"""Trace ids that all parties use: ids are chosen by senders."""


@dataclass
class Party:
    """A tenant (or who is of none), its keys, and what only it may ever see."""

    tenant: str
    write: str
    read: str
    admin: str
    first: int
    """The first byte of its own trace ids."""

    @property
    def service(self) -> str:
        return f"shop-of-{self.tenant or 'nobody'}"

    @property
    def secret(self) -> str:
        """Stands in every record of it, and in no question that anybody asks."""
        return f"secret{self.first:03}word"

    @property
    def traces(self) -> list[bytes]:
        return [bytes([self.first, number]) * 8 for number in range(6)] + SHARED

    def sends(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.write}"}

    def reads(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.read}"}


def party(data: Path, tenant: str, first: int) -> Party:
    keys = {
        kind: new_key(data, kind, *(("--tenant", tenant) if tenant else ()))["key"]
        for kind in ("write", "read", "admin")
    }
    return Party(tenant, **keys, first=first)


@pytest.fixture(scope="module")
def parties(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[HubProcess, list[Party]]]:
    """A hub with two tenants and one party of none, each with records of every kind."""
    data = tmp_path_factory.mktemp("tenants") / "data"
    found = [party(data, "acme", 1), party(data, "globex", 2), party(data, "", 3)]
    with HubProcess(data) as hub:
        for one in found:
            for path, request in requests_of(one).items():
                answer = hub.http.post(path, content=request, headers={**PROTOBUF, **one.sends()})
                assert answer.status_code == 200, answer.text
            link = {"view": "/logs", "arguments": {"q": one.secret}}
            admin = {"authorization": f"Bearer {one.admin}"}
            assert hub.http.post("/api/v1/links", json=link, headers=admin).status_code == 200
        yield hub, found
        assert hub.end() == (0, "")


def named(attributes: Any, **values: str) -> None:
    for name, value in values.items():
        attributes.add(key=name.replace("_", ".")).value.string_value = value


def requests_of(one: Party) -> dict[str, bytes]:
    now = time.time_ns()
    spans, logs, metrics = (
        ExportTraceServiceRequest(),
        ExportLogsServiceRequest(),
        ExportMetricsServiceRequest(),
    )
    of_spans = spans.resource_spans.add()
    of_logs = logs.resource_logs.add()
    of_metrics = metrics.resource_metrics.add()
    for part in (of_spans, of_logs, of_metrics):
        named(part.resource.attributes, service_name=one.service, owner=one.secret)
    for index, trace_id in enumerate(one.traces):
        for number in range(3):
            span = of_spans.scope_spans.add().spans.add(
                trace_id=trace_id,
                span_id=bytes([one.first, index, number]) + b"span!",
                parent_span_id=bytes([one.first, index, 0]) + b"span!" if number else b"",
                name=f"step {one.secret} {number}",
                kind="SPAN_KIND_SERVER" if number else "SPAN_KIND_CLIENT",
                start_time_unix_nano=now - 10**9,
                end_time_unix_nano=now - 10**8 * number,
            )
            if number == 2:
                span.status.code = Status.STATUS_CODE_ERROR
            named(
                span.attributes,
                gen__ai_conversation_id="talk",
                user=one.secret,
                session_id="sitting",
            )
            span.attributes.add(key="gen_ai.conversation.id").value.string_value = "talk"
            span.attributes.add(key="gen_ai.operation.name").value.string_value = "invoke_agent"
            span.attributes.add(key="gen_ai.agent.name").value.string_value = one.secret
            record = of_logs.scope_logs.add().log_records.add(
                trace_id=trace_id,
                span_id=span.span_id,
                time_unix_nano=now - number,
                severity_number=9 + number * 4,
            )
            record.body.string_value = f"common words and {one.secret}"
            named(record.attributes, user=one.secret)
    metric = of_metrics.scope_metrics.add().metrics.add(name=f"orders.{one.secret}")
    point = metric.gauge.data_points.add(time_unix_nano=now, as_int=one.first)
    named(point.attributes, user=one.secret)
    return {
        "/v1/traces": spans.SerializeToString(),
        "/v1/logs": logs.SerializeToString(),
        "/v1/metrics": metrics.SerializeToString(),
    }


# ---------------------------------------------------------------- ten thousand questions


class Asker:
    """Asks at random, as one party, about everything that any party has."""

    def __init__(self, hub: HubProcess, me: Party, everybody: list[Party], seed: int) -> None:
        self.me = me
        self.others = [one for one in everybody if one is not me]
        self.everybody = everybody
        self.chance = random.Random(seed)
        self.cursors: list[str] = [""]
        self.statuses: Counter[int] = Counter()
        self.own: Counter[str] = Counter()
        self.leaks: list[str] = []
        self._connection = http.client.HTTPConnection(hub.url.removeprefix("http://"), timeout=30)

    def ask(self, count: int) -> None:
        for _ in range(count):
            endpoint = self.chance.choice(ENDPOINTS)
            path = "/api/v1" + endpoint.path
            for name in ("trace_id", "run_id", "session_id", "metric_name", "link_id"):
                path = path.replace(f"{{{name}}}", self._id(name))
            names = [one.name for one in endpoint.parameters if not one.in_path]
            asked = self.chance.sample(names, self.chance.randrange(min(4, len(names) + 1)))
            if "key" in names and self.chance.random() < 0.5:
                asked = ["key"]
            pairs = [(name, self._value(name)) for name in asked]
            if self.chance.random() < 0.05:
                pairs.append(("tenant", self.chance.choice(self.others).tenant))
            self._look(endpoint.path, f"{path}?{urlencode(pairs)}")
        self._connection.close()

    def _look(self, kind: str, address: str) -> None:
        self._connection.request("GET", address, headers={**self.me.reads(), **self._claims()})
        answer = self._connection.getresponse()
        body = answer.read().decode()
        self.statuses[answer.status] += 1
        if self.me.secret in body:
            self.own[kind] += 1
        for other in self.others:
            if other.secret in body or (answer.status == 200 and other.service in body):
                self.leaks.append(f"{address}: {body[:300]}")
        if answer.status == 200 and (cursor := json.loads(body).get("next_cursor")):
            self.cursors.append(cursor)

    def _id(self, name: str) -> str:
        if name in ("session_id", "metric_name", "link_id") or self.chance.random() < 0.2:
            return self.chance.choice(["talk", "sitting", "x"])
        return self.chance.choice(self.chance.choice(self.everybody).traces).hex()

    def _claims(self) -> dict[str, str]:
        """What other systems take a tenant from; here it says nothing."""
        if self.chance.random() < 0.8:
            return {}
        other = self.chance.choice(self.others)
        return {
            self.chance.choice(["x-scope-orgid", "x-tenant", "x-otbridge-tenant", "baggage"]): (
                f"tenant={other.tenant}"
            )
        }

    def _value(self, name: str) -> str:
        one, chance = self.chance.choice(self.everybody), self.chance
        choices: dict[str, list[str]] = {
            "service": [each.service for each in self.everybody],
            "trace_id": [trace.hex() for trace in one.traces],
            "span_id": [(bytes([one.first, chance.randrange(8), 0]) + b"span!").hex()],
            "q": ["common", "secret", "words secret", f"service.name={one.service}", "' OR 1=1 --"],
            "attr": ["user", "owner", f'service.name="{one.service}"', 'session.id="sitting"'],
            "key": ["user", "owner", "service.name", "gen_ai.agent.name"],
            "of": ["logs", "traces"],
            "field": ["service", "severity", "name"],
            "signal": ["traces", "logs", "metrics"],
            "severity": ["info", "warn", "error", "1"],
            "from": ["-1h", "-1m", "0"],
            "to": ["-1s", str(time.time_ns() + 10**12)],
            "limit": ["1", "2", "50", "1000"],
            "cursor": [*self.cursors[-20:], "x"],
            "error": ["true", "false"],
            "min_duration": ["0", "1ms", "1h"],
            "name": ["step", "s", "orders"],
            "kind": ["server", "client", "internal"],
            "sort": ["count", "error_rate", "p99_nano"],
            "series": ["minute"],
        }
        return chance.choice(choices.get(name, ["secret", one.service, "1"]))


def test_ten_thousand_random_questions_show_no_foreign_row(
    parties: tuple[HubProcess, list[Party]],
) -> None:
    """Of any endpoint, with any filter, another's ids and cursors, and claims to be another."""
    hub, everybody = parties
    askers = [Asker(hub, me, everybody, seed) for seed, me in enumerate(everybody)]
    shared = askers[0].cursors
    for asker in askers:
        asker.cursors = shared  # each takes those that the others were given
    with ThreadPoolExecutor(len(askers)) as pool:
        list(pool.map(lambda asker: asker.ask(QUESTIONS // len(askers) + 1), askers))
    assert [asker.leaks[:3] for asker in askers] == [[], [], []]
    assert sum(asker.statuses.total() for asker in askers) >= QUESTIONS
    for asker in askers:
        # It is not for want of answers that nothing foreign was in them.
        assert asker.statuses[200] > QUESTIONS // 10
        assert not any(status >= 500 for status in asker.statuses)
        for kind in ("/traces", "/traces/{trace_id}", "/traces/{trace_id}/otlp", "/logs"):
            assert asker.own[kind] > 10, kind
        for kind in ("/export", "/facets", "/runs", "/operations"):
            assert asker.own[kind] > 5, kind


def test_a_shared_trace_id_is_a_trace_of_each(parties: tuple[HubProcess, list[Party]]) -> None:
    hub, everybody = parties
    for me in everybody:
        trace = hub.http.get(f"/api/v1/traces/{SHARED[0].hex()}", headers=me.reads()).json()
        assert trace["span_count"] == 3
        assert [one["name"] for one in trace["services"]] == [me.service]


def test_a_saved_link_leads_only_its_own_tenant_anywhere(
    parties: tuple[HubProcess, list[Party]],
) -> None:
    hub, everybody = parties
    for me in everybody:
        (link,) = hub.http.get("/api/v1/links", headers=me.reads()).json()["links"]
        assert link["arguments"] == {"q": me.secret}
        for other in everybody:
            answer = hub.http.get(link["url"], headers=other.reads())
            assert answer.status_code == (302 if other is me else 404)


def test_the_statistics_are_the_tenants_own(parties: tuple[HubProcess, list[Party]]) -> None:
    """Its records, its senders and its keys: not how many others there are."""
    hub, everybody = parties
    for me in everybody:
        stats = hub.http.get("/api/v1/stats", headers=me.reads()).json()
        assert stats["received"]["traces"] == stats["store"]["spans"] == 3 * len(me.traces)
        assert {sender["service"] for sender in stats["senders"]} == {me.service}
        assert len(stats["access"]["keys"]) == 3


# ---------------------------------------------------------------- the live feed and other doors


def test_the_live_feed_shows_a_tenant_its_own(parties: tuple[HubProcess, list[Party]]) -> None:
    """Whatever it filters by; sent over HTTP, gRPC and the bridge."""
    hub, (acme, globex, _) = parties
    wanted: list[dict[str, Any]] = [{}, {"service": globex.service}, {"q": "common"}]
    seen = ""
    with contextlib.ExitStack() as stack:
        viewers = [
            stack.enter_context(
                connect(f"{hub.ws_url}/api/v1/live", additional_headers=acme.reads())
            )
            for _ in wanted
        ]
        for viewer, filters in zip(viewers, wanted, strict=True):
            assert json.loads(viewer.recv(timeout=5))["k"] == "hello"
            viewer.send(json.dumps({"k": "filter", **filters}))
        for one in (globex, acme):
            request = requests_of(one)["/v1/logs"]
            hub.http.post("/v1/logs", content=request, headers={**PROTOBUF, **one.sends()})
            send_by_grpc(hub, one, request)
            send_by_bridge(hub, one, stream="5" * 32)
        while "over the bridge" not in seen:
            seen += str(viewers[0].recv(timeout=10))
        assert acme.secret in seen
        for viewer in viewers[1:]:
            with contextlib.suppress(TimeoutError):
                while True:
                    seen += str(viewer.recv(timeout=0.5))
    assert globex.secret not in seen


def send_by_grpc(hub: HubProcess, one: Party, request: bytes) -> None:
    path = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
    with grpc.insecure_channel(hub.grpc) as channel:
        call: Any = channel.unary_unary(path)
        call(request, timeout=10, metadata=[("authorization", f"Bearer {one.write}")])


def hello(one: Party, stream: str) -> str:
    frame = {
        "k": "hello",
        "v": 1,
        "stream": stream,
        "epoch": 1,
        "resource": [{"key": "service.name", "value": {"stringValue": one.service}}],
        "sdk": {"name": "tests", "version": "1"},
        "caps": [],
        "clock": time.time() * 1000,
        "token": one.write,
    }
    return json.dumps(frame)


def bridge(hub: HubProcess) -> Any:
    return connect(f"{hub.ws_url}/v1/bridge", subprotocols=[Subprotocol("otbridge.v1.json")])


def send_by_bridge(hub: HubProcess, one: Party, stream: str) -> None:
    record = {
        "timeUnixNano": str(time.time_ns()),
        "body": {"stringValue": f"over the bridge {one.secret}"},
    }
    with bridge(hub) as connection:
        connection.send(hello(one, stream))
        assert json.loads(connection.recv(timeout=5))["k"] == "ready"
        connection.send(
            json.dumps({"k": "batch", "id": 1, "n": 1, "logs": [{"logRecords": [record]}]})
        )
        assert json.loads(connection.recv(timeout=5))["k"] == "ack"
        connection.send(json.dumps({"k": "bye"}))


def test_who_leaves_loses_no_span_of_another_tenant(tmp_path: Path) -> None:
    """Two clients chose the same stream and the same span; one of them goes without a word."""
    data = tmp_path / "data"
    acme, globex = party(data, "acme", 1), party(data, "globex", 2)
    stream, trace_id = uuid.uuid4().hex, uuid.uuid4().hex
    span = {
        "traceId": trace_id,
        "spanId": "5" * 16,
        "name": "unfinished",
        "startTimeUnixNano": str(time.time_ns()),
    }
    with HubProcess(data) as hub, bridge(hub) as stays:
        with bridge(hub) as goes:
            for one, connection in ((acme, goes), (globex, stays)):
                connection.send(hello(one, stream))
                assert json.loads(connection.recv(timeout=5))["k"] == "ready"
                connection.send(json.dumps({"k": "open", "spans": [span]}))
                until(lambda one=one: state_of(hub, one, trace_id) == "open")  # type: ignore[misc]
            goes.socket.close()
        until(lambda: state_of(hub, acme, trace_id) == "lost", 20)
        assert state_of(hub, globex, trace_id) == "open"


def state_of(hub: HubProcess, one: Party, trace_id: str) -> str:
    answer = hub.http.get(f"/api/v1/traces/{trace_id}", headers=one.reads())
    if answer.status_code == 404:
        return "nothing"
    (span,) = answer.json()["spans"]
    return str(span["state"])


def test_who_signs_in_sees_their_tenants_records(parties: tuple[HubProcess, list[Party]]) -> None:
    hub, (acme, *_) = parties
    headers = {"origin": hub.url}
    signed = hub.http.post("/api/v1/session", json={"token": acme.read}, headers=headers)
    assert signed.status_code == 204
    try:
        found = hub.http.get("/api/v1/services").json()["services"]
        assert {one["name"] for one in found} == {acme.service}
    finally:
        hub.http.cookies.clear()


# ---------------------------------------------------------------- who runs the hub


def test_the_administrator_sees_all_tenants_in_numbers(
    parties: tuple[HubProcess, list[Party]],
) -> None:
    """Not a word that any of them has sent; and no tenant sees even that."""
    hub, (acme, globex, nobody) = parties
    asked = {"authorization": f"Bearer {nobody.admin}"}
    answer = hub.http.get("/api/v1/tenants", headers=asked)
    told = {one["tenant"]: one for one in answer.json()["tenants"]}
    assert list(told) == ["", "acme", "globex"]
    assert all(one["open"] and one["keys"] == 3 for one in told.values())
    assert told["acme"]["received"]["traces"] >= 30 <= told["acme"]["store"]["spans"]
    assert not any(one.service in answer.text for one in (acme, globex, nobody))
    for key in (acme.admin, acme.read, nobody.read):
        headers = {"authorization": f"Bearer {key}"}
        assert hub.http.get("/api/v1/tenants", headers=headers).status_code == 403


def test_a_hub_without_tenants_is_as_it_was(tmp_path: Path) -> None:
    """No folder more, and its records where they were."""
    with HubProcess(tmp_path / "data") as hub:
        one = Party("", "", "", "", 9)
        for path, request in requests_of(one).items():
            hub.http.post(path, content=request, headers=PROTOBUF).raise_for_status()
        assert hub.end() == (0, "")
    assert sorted(path.name for path in (tmp_path / "data").iterdir()) == ["log", "store"]


def test_what_tenants_send_is_passed_on_also_after_the_destination_was_away(
    tmp_path: Path,
) -> None:
    """Each has a queue of its own; the next hub finds those of tenants that nobody uses."""
    data = tmp_path / "data"
    acme = party(data, "acme", 1)
    with OtlpReceiver() as away:
        address = away.http_url
    request = requests_of(acme)["/v1/logs"]
    with HubProcess(data, "--forward", address) as hub:
        headers = {**PROTOBUF, **acme.sends()}
        assert hub.http.post("/v1/logs", content=request, headers=headers).status_code == 200
        assert hub.end()[0] == 0
    with OtlpReceiver(http_port=int(address.rpartition(":")[2])) as back:
        with HubProcess(data, "--forward", address):
            until(lambda: bool(back.logs), 30)
        assert all(acme.secret in record.body.string_value for record in back.logs)


def test_what_a_killed_hub_acknowledged_to_a_tenant_is_there_again(tmp_path: Path) -> None:
    data = tmp_path / "data"
    acme = party(data, "acme", 1)
    request = requests_of(acme)["/v1/logs"]
    with HubProcess(data) as hub:
        answer = hub.http.post("/v1/logs", content=request, headers={**PROTOBUF, **acme.sends()})
        assert answer.status_code == 200
        hub.process.kill()
        hub.process.wait()
    with HubProcess(data) as hub:
        found = hub.http.get("/api/v1/logs", headers=acme.reads()).json()["logs"]
        assert len(found) == 30
        stats = hub.http.get("/api/v1/stats", headers=acme.reads()).json()
        assert stats["store"]["logs"] == 30
    assert (data / "tenants" / "acme" / "store").is_dir()
    assert (data / "tenants" / "acme").stat().st_mode & 0o077 == 0


# ---------------------------------------------------------------- names


@pytest.mark.parametrize("name", ["..", "a/b", "A", "a_b", "-a", "a-", "a" * 33, "con", "ä", "a\n"])
def test_what_could_leave_its_folder_is_no_name(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError):
        folder_of(tmp_path, name)
    done = command(tmp_path, "add", "write", "--tenant", name)
    assert done.returncode != 0
    assert "cannot be the name of a tenant" in done.stderr


def test_a_name_in_the_file_is_no_name_either(tmp_path: Path) -> None:
    new_key(tmp_path, "write", "--tenant", "acme")
    file = tmp_path / "keys.json"
    file.write_text(file.read_text().replace('"acme"', '"../acme"'))
    done = command(tmp_path, "list")
    assert "cannot be the name of a tenant" in done.stderr


def test_each_kind_of_store_is_one_of_the_tenants_own(tmp_path: Path) -> None:
    assert address_of(None, tmp_path, "a-b") == tmp_path / "tenants" / "a-b" / "store"
    assert address_of("sqlite:///data/s/", tmp_path, "a") == "sqlite:///data/s-tenants/a"
    embedded = address_of("chdb:///data/s/", tmp_path, "a-b")
    assert embedded == "chdb:///data/s?database=otbridge__a_b"
    assert (
        address_of("clickhouse://u@h1,h2/otel?secure=1", tmp_path, "a-b")
        == "clickhouse://u@h1,h2/otel__a_b?secure=1"
    )
    assert check_name("shop-eu-1") == "shop-eu-1"


# ---------------------------------------------------------------- limits


def limit(data: Path, *words: str) -> str:
    done = subprocess.run(
        [*COMMAND, "hub", "tenants", "--data", str(data), *words],
        capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_tenants_quota_is_for_all_its_keys_together_and_for_nobody_else(tmp_path: Path) -> None:
    data = tmp_path / "data"
    acme, globex = party(data, "acme", 1), party(data, "globex", 2)
    second = new_key(data, "write", "--tenant", "acme")["key"]
    told = limit(data, "limit", "acme", "--records-per-minute", "45")
    assert told == "acme  records_per_minute=45\n"
    assert "acme  records_per_minute=45\nglobex\n" in limit(data, "list")
    request = requests_of(acme)["/v1/logs"]  # thirty records
    with HubProcess(data) as hub:

        def send(key: str) -> int:
            headers = {**PROTOBUF, "authorization": f"Bearer {key}"}
            return hub.http.post("/v1/logs", content=request, headers=headers).status_code

        assert [send(acme.write), send(second), send(acme.write)] == [200, 429, 429]
        assert [send(globex.write) for _ in range(5)] == [200] * 5


def test_a_tenants_retention_is_its_own(tmp_path: Path) -> None:
    data = tmp_path / "data"
    acme, globex = party(data, "acme", 1), party(data, "globex", 2)
    limit(data, "limit", "acme", "--keep-days", "2", "--keep-bytes", "70MB")
    with HubProcess(data, "--keep-days", "9") as hub:
        kept = [
            hub.http.get("/api/v1/stats", headers=one.reads()).json()["store"]
            for one in (acme, globex)
        ]
    assert [one["keep_days"] for one in kept] == [2, 9]
    assert [one["keep_bytes"] for one in kept] == [70_000_000, 5_000_000_000]


def test_limits_that_are_damaged_keep_only_their_tenant_out(tmp_path: Path) -> None:
    """Better nobody gets in than that a quota is forgotten; and the hub says why."""
    data = tmp_path / "data"
    acme, globex = party(data, "acme", 1), party(data, "globex", 2)
    limit(data, "limit", "acme", "--records-per-minute", "45")
    (data / "tenants" / "acme" / "limits.json").write_text("{")
    with HubProcess(data) as hub:
        answer = hub.http.get("/api/v1/logs", headers=acme.reads())
        assert answer.status_code == 503
        assert str(data) not in answer.text
        assert hub.http.get("/api/v1/logs", headers=globex.reads()).status_code == 200
        code, said = hub.end()
    assert code == 0
    assert "limits.json cannot be used" in said
