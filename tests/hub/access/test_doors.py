"""Which key opens which door: asked of a real hub, by its real doors."""

from __future__ import annotations

import json
import subprocess
import time
import uuid
from contextlib import nullcontext
from typing import TYPE_CHECKING, Any

import grpc
import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect
from websockets.typing import Origin, Subprotocol

from tests.hub.access.conftest import SHOP, Keyed, command, new_key, until
from tests.hub.hub_process import COMMAND, HubProcess

if TYPE_CHECKING:
    from pathlib import Path

    import httpx
    from websockets.sync.client import ClientConnection

JSON = "application/json"
PROTOBUF = "application/x-protobuf"
TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
SENDING = ["/v1/traces", "/v1/logs", "/v1/metrics"]
READING = [
    "/api/v1/traces",
    "/api/v1/traces/" + "0" * 32,
    "/api/v1/traces/" + "0" * 32 + "/otlp",
    "/api/v1/logs",
    "/api/v1/facets",
    "/api/v1/runs",
    "/api/v1/services",
    "/api/v1/stats",
    "/api/v1/export",
    "/api/v1/openapi.json",
    "/api/v1/unknown",
    "/api/v2",
]


def send(
    hub: HubProcess, headers: dict[str, str], path: str = "/v1/logs", kind: str = JSON
) -> httpx.Response:
    body = b"{}" if kind == JSON else b""
    return hub.http.post(path, content=body, headers={"content-type": kind, **headers})


def hello(token: str | None) -> str:
    frame = {
        "k": "hello",
        "v": 1,
        "stream": uuid.uuid4().hex,
        "epoch": 1,
        "resource": [],
        "sdk": {"name": "tests", "version": "1"},
        "caps": [],
        "clock": time.time() * 1000,
        "token": token,
    }
    return json.dumps(frame)


def bridge(hub: HubProcess, origin: str | None = SHOP) -> ClientConnection:
    return connect(
        f"{hub.ws_url}/v1/bridge",
        origin=None if origin is None else Origin(origin),
        subprotocols=[Subprotocol("otbridge.v1.json")],
    )


def code_of_the_end(connection: ClientConnection) -> int:
    """The code that a connection is closed with, whatever was said before."""
    try:
        while True:
            connection.recv(timeout=5)
    except ConnectionClosed as closed:
        return closed.rcvd.code if closed.rcvd else 0


def export(
    hub: HubProcess, *metadata: tuple[str, str], refused: bool = True
) -> grpc.StatusCode | None:
    """How an empty request ends over gRPC; None where it is taken."""
    with grpc.insecure_channel(hub.grpc) as channel:
        call: Any = channel.unary_unary(TRACES)
        with pytest.raises(grpc.RpcError) if refused else nullcontext() as caught:
            assert call(b"", timeout=10, metadata=metadata) == b""
    if caught is None:
        return None
    assert not any(value in str(caught.value.details()) for _, value in metadata)
    code: grpc.StatusCode = caught.value.code()
    return code


def answer_to(hub: HubProcess, token: str | None, origin: str | None = SHOP) -> str | int:
    """The kind of the first frame, or the code that the bridge closes with."""
    with bridge(hub, origin) as connection:
        connection.send(hello(token))
        try:
            kind: str = json.loads(connection.recv(timeout=5))["k"]
        except ConnectionClosed as closed:
            return closed.rcvd.code if closed.rcvd else 0
        return kind


def post_to_bridge(hub: HubProcess, token: str | None) -> int:
    body: dict[str, Any] = json.loads(hello(token))
    del body["k"], body["epoch"], body["caps"]
    headers = {"content-type": "text/plain", "origin": SHOP}
    return hub.http.post("/v1/bridge", content=json.dumps(body), headers=headers).status_code


# ------------------------------------------------------------------ sending


@pytest.mark.parametrize("path", SENDING)
@pytest.mark.parametrize(
    ("kind", "status"),
    [("ingest", 200), ("write", 200), ("admin", 200), ("read", 403)],
)
def test_keys_that_send_send_by_otlp(keyed: Keyed, path: str, kind: str, status: int) -> None:
    assert send(keyed.hub, keyed.headers(kind), path).status_code == status


@pytest.mark.parametrize("path", SENDING)
def test_without_a_key_senders_get_a_status_in_their_own_format(keyed: Keyed, path: str) -> None:
    as_json = send(keyed.hub, {}, path)
    assert as_json.status_code == 401
    assert as_json.headers["www-authenticate"] == "Bearer"
    assert as_json.json()["code"] == 16
    assert "hub keys add" in as_json.json()["message"]
    status = Status.FromString(send(keyed.hub, {}, path, PROTOBUF).content)
    assert status.code == 16
    forbidden = send(keyed.hub, keyed.headers("read"), path, PROTOBUF)
    assert Status.FromString(forbidden.content).code == 7


def test_the_header_for_pages_is_as_good(keyed: Keyed) -> None:
    headers = {"x-otbridge-key": keyed.ingest["key"], "origin": SHOP}
    answer = send(keyed.hub, headers)
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == SHOP


def test_a_page_of_a_keys_origin_may_ask_before_it_sends(keyed: Keyed) -> None:
    asked = {
        "origin": SHOP,
        "access-control-request-method": "POST",
        "access-control-request-headers": "x-otbridge-key,content-type",
    }
    answer = keyed.hub.http.options("/v1/traces", headers=asked)
    assert answer.status_code == 204
    assert "x-otbridge-key" in answer.headers["access-control-allow-headers"]
    assert (
        keyed.hub.http.options(
            "/v1/traces", headers={**asked, "origin": "https://evil.test"}
        ).status_code
        == 403
    )


@pytest.mark.parametrize(
    "origin",
    [None, "https://evil.test", "http://shop.example", "https://shop.example:444", "null",
     "http://localhost:3000", "https://shop.example.evil.test"],
)  # fmt: skip
def test_a_public_key_is_for_its_own_pages_only(keyed: Keyed, origin: str | None) -> None:
    headers = {"authorization": f"Bearer {keyed.ingest['key']}"}
    if origin is not None:
        headers["origin"] = origin
    assert send(keyed.hub, headers).status_code == 403
    assert answer_to(keyed.hub, keyed.ingest["key"], None) == 4401


@pytest.mark.parametrize(
    "shown", ["", "Bearer", "Bearer x", "Basic eDp5", "Bearer " + "x" * 5000, "otb_pub_x"]
)
def test_what_is_no_key_is_401(keyed: Keyed, shown: str) -> None:
    assert send(keyed.hub, {"authorization": shown}).status_code == 401


def test_a_key_in_the_address_is_none(keyed: Keyed) -> None:
    for name in ("key", "token", "access_token", "authorization"):
        path = f"/v1/logs?{name}={keyed.write['key']}"
        assert send(keyed.hub, {}, path).status_code == 401
        answer = keyed.hub.http.get(f"/api/v1/stats?{name}={keyed.read['key']}")
        assert answer.status_code == 401


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        ("write", None),
        ("admin", None),
        ("read", grpc.StatusCode.PERMISSION_DENIED),
        ("ingest", grpc.StatusCode.PERMISSION_DENIED),
        ("", grpc.StatusCode.UNAUTHENTICATED),
    ],
)
@pytest.mark.parametrize("header", ["authorization", "x-otbridge-key"])
def test_grpc_asks_for_the_same_keys(
    keyed: Keyed, kind: str, code: grpc.StatusCode | None, header: str
) -> None:
    secret = getattr(keyed, kind)["key"] if kind else "otb_write_wrong"
    shown = f"Bearer {secret}" if header == "authorization" else secret
    assert export(keyed.hub, (header, shown), refused=code is not None) == code


def test_grpc_without_metadata_is_unauthenticated(keyed: Keyed) -> None:
    assert export(keyed.hub) == grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize(
    ("kind", "answer", "status"),
    [
        ("ingest", "ready", 200),
        ("write", "ready", 200),
        ("admin", "ready", 200),
        ("read", 4401, 401),
        ("", 4401, 401),
    ],
)
def test_the_bridge_asks_in_its_first_frame(
    keyed: Keyed, kind: str, answer: str | int, status: int
) -> None:
    token = getattr(keyed, kind)["key"] if kind else None
    assert answer_to(keyed.hub, token) == answer
    assert post_to_bridge(keyed.hub, token) == status


def test_node_sends_over_the_bridge_with_a_secret_key(keyed: Keyed) -> None:
    assert answer_to(keyed.hub, keyed.write["key"], None) == "ready"


# ------------------------------------------------------------------ reading


@pytest.mark.parametrize("path", READING)
@pytest.mark.parametrize("kind", ["ingest", "write"])
def test_a_key_that_only_sends_reads_nothing(keyed: Keyed, path: str, kind: str) -> None:
    answer = keyed.hub.http.get(path, headers=keyed.headers(kind))
    assert answer.status_code == 403
    assert answer.json()["error"]["code"] == "forbidden"


@pytest.mark.parametrize("path", READING)
def test_reading_takes_a_key(keyed: Keyed, path: str) -> None:
    answer = keyed.hub.http.get(path)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "no_key"
    for kind in ("read", "admin"):
        status = keyed.hub.http.get(path, headers=keyed.headers(kind)).status_code
        assert status in (200, 400, 404)


def test_the_live_feed_takes_a_key(keyed: Keyed) -> None:
    address = f"{keyed.hub.ws_url}/api/v1/live"
    for headers, status in (
        ({}, 401),
        (keyed.headers("write"), 403),
        (keyed.headers("ingest"), 403),
    ):
        with pytest.raises(InvalidStatus) as caught, connect(address, additional_headers=headers):
            raise AssertionError("connected")
        assert caught.value.response.status_code == status
    with connect(address, additional_headers=keyed.headers("read")) as viewer:
        assert json.loads(viewer.recv(timeout=5))["k"] == "hello"


def test_whether_the_hub_is_well_is_nobodys_secret(keyed: Keyed) -> None:
    assert keyed.hub.http.get("/healthz").status_code == 200
    assert keyed.hub.http.get("/otbridge.js").status_code in (200, 404)


def test_who_may_look_may_save_a_link_and_only_administrators_delete_one(keyed: Keyed) -> None:
    screen = b'{"view": "/traces", "arguments": {"q": "order"}}'
    for kind in ("read", "admin"):
        headers = keyed.headers(kind, content_type=JSON)
        saved = keyed.hub.http.post("/api/v1/links", headers=headers, content=screen)
        assert saved.status_code == 200
    for kind in ("ingest", "write"):
        headers = keyed.headers(kind, content_type=JSON)
        answer = keyed.hub.http.post("/api/v1/links", headers=headers, content=screen)
        assert answer.status_code == 403
    address = f"/api/v1/links/{saved.json()['id']}"
    for kind, status in (("read", 403), ("admin", 200)):
        headers = keyed.headers(kind, content_type=JSON)
        assert keyed.hub.http.delete(address, headers=headers).status_code == status


def test_a_key_that_reads_changes_nothing(keyed: Keyed) -> None:
    headers = keyed.headers("read", content_type=JSON)
    assert keyed.hub.http.post("/api/v1/traces", headers=headers).status_code == 403
    headers = keyed.headers("admin", content_type=JSON)
    assert keyed.hub.http.post("/api/v1/traces", headers=headers).status_code == 405


@pytest.mark.parametrize(
    "headers",
    [
        {"content-type": "application/x-www-form-urlencoded"},
        {"content-type": "text/plain"},
        {"content-type": "multipart/form-data; boundary=x"},
        {},
        {"content-type": JSON, "sec-fetch-site": "cross-site"},
        {"content-type": JSON, "sec-fetch-site": "same-site"},
        {"content-type": JSON, "origin": "https://evil.test"},
        {"content-type": JSON, "origin": "http://localhost:3000"},
        {"content-type": JSON, "origin": "null"},
    ],
)
@pytest.mark.parametrize("path", ["/api/v1/session", "/api/v1/traces", "/api/v1/anything"])
def test_what_another_sites_page_can_cause_changes_nothing(
    keyed: Keyed, shared_open_hub: HubProcess, headers: dict[str, str], path: str
) -> None:
    for hub in (keyed.hub, shared_open_hub):
        for method in ("POST", "PUT", "PATCH", "DELETE"):
            answer = hub.http.request(method, path, headers=headers, content=b"a=b")
            assert answer.status_code == 403
            assert answer.json()["error"]["code"] == "cross_site"


# ------------------------------------------------------------------ when keys change


def test_a_hub_on_this_machine_is_open_until_there_is_a_key(tmp_path: Path) -> None:
    with HubProcess(tmp_path) as hub:
        assert send(hub, {}).status_code == 200
        assert hub.http.get("/api/v1/stats").json()["access"] == {"closed": False, "keys": []}
        with connect(f"{hub.ws_url}/api/v1/live") as viewer, bridge(hub, None) as page:
            viewer.recv(timeout=5)
            page.send(hello(None))
            page.recv(timeout=5)
            key = new_key(tmp_path, "read")
            assert until(lambda: send(hub, {}).status_code == 401) < 1.5
            # Those who were in without a key have to go, too.
            for connection in (viewer, page):
                assert code_of_the_end(connection) == 4401
        headers = {"authorization": f"Bearer {key['key']}"}
        assert hub.http.get("/api/v1/stats", headers=headers).json()["access"]["closed"] is True


def test_a_revoked_key_is_cut_off_everywhere_within_a_second(tmp_path: Path) -> None:
    write, admin = new_key(tmp_path, "write"), new_key(tmp_path, "admin")
    stays = new_key(tmp_path, "write")
    with HubProcess(tmp_path) as hub:
        headers = {"authorization": f"Bearer {admin['key']}"}
        with (
            connect(f"{hub.ws_url}/api/v1/live", additional_headers=headers) as viewer,
            bridge(hub, None) as page,
            bridge(hub, None) as other,
        ):
            viewer.recv(timeout=5)
            for connection, key in ((page, write), (other, stays)):
                connection.send(hello(key["key"]))
                assert json.loads(connection.recv(timeout=5))["k"] == "ready"
            for key in (write, admin):
                assert command(tmp_path, "revoke", key["id"]).returncode == 0
            began = time.monotonic()
            for connection in (viewer, page):
                assert code_of_the_end(connection) == 4401
            assert time.monotonic() - began < 1.5
            other.send('{"k":"ping","t":1}')
            assert json.loads(other.recv(timeout=5))["k"] == "pong"
        assert send(hub, headers).status_code == 401
        metadata = ("authorization", headers["authorization"])
        assert export(hub, metadata) == grpc.StatusCode.UNAUTHENTICATED
        assert hub.end()[0] == 0


def test_a_hub_on_a_network_takes_keys_and_nobody_else(tmp_path: Path) -> None:
    key = new_key(tmp_path, "write")
    with HubProcess(tmp_path, "--host", "0.0.0.0") as hub:
        assert send(hub, {}).status_code == 401
        assert send(hub, {"authorization": f"Bearer {key['key']}"}).status_code == 200
        code, said = hub.end()
    assert code == 0
    assert "encryption" in said


def test_a_hub_that_is_open_to_a_network_says_so(tmp_path: Path) -> None:
    with HubProcess(tmp_path, "--host", "0.0.0.0", "--insecure") as hub:
        assert send(hub, {}).status_code == 200
        code, said = hub.end()
    assert code == 0
    assert "--insecure" in said


def test_insecure_does_not_make_keys_needless(tmp_path: Path) -> None:
    new_key(tmp_path, "write")
    with HubProcess(tmp_path, "--host", "0.0.0.0", "--insecure") as hub:
        assert send(hub, {}).status_code == 401


def test_a_hub_does_not_start_with_keys_that_it_cannot_read(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text("{")
    ports = ["--http-port", "0", "--grpc-port", "0"]
    done = subprocess.run(
        [*COMMAND, "hub", "--data", str(tmp_path), *ports],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert done.returncode == 2
    assert "keys.json" in done.stderr


def test_the_command_line_asks_with_the_key_of_the_environment(
    keyed: Keyed, monkeypatch: pytest.MonkeyPatch
) -> None:
    from otbridge.cli.hub_client import HubClient, HubUnreachableError

    monkeypatch.setenv("OTBRIDGE_HUB_TOKEN", keyed.read["key"])
    with HubClient(keyed.hub.url) as client:
        assert client.get("/api/v1/services")["services"] == []
        assert next(client.live({}))["k"] == "hello"
    monkeypatch.delenv("OTBRIDGE_HUB_TOKEN")
    with HubClient(keyed.hub.url) as client, pytest.raises(HubUnreachableError, match="key"):
        client.get("/api/v1/services")
    with pytest.raises(HubUnreachableError) as caught:
        HubClient(keyed.hub.url, "otb_read_a\nb")
    assert "otb_read" not in str(caught.value)


def test_what_came_with_which_key_is_counted(keyed: Keyed) -> None:
    def use(kind: str) -> dict[str, Any]:
        stats = keyed.hub.http.get("/api/v1/stats", headers=keyed.headers("read")).json()
        (found,) = (
            key for key in stats["access"]["keys"] if key["id"] == getattr(keyed, kind)["id"]
        )
        return dict(found)

    before = use("ingest")["requests"]
    send(keyed.hub, keyed.headers("ingest"))
    after = use("ingest")
    assert after["requests"] == before + 1
    assert after["service"] == "shop-web"
    stats = keyed.hub.http.get("/api/v1/stats", headers=keyed.headers("read")).json()
    before = stats["rejected"].get("no_key", 0)
    send(keyed.hub, {})
    stats = keyed.hub.http.get("/api/v1/stats", headers=keyed.headers("read")).json()
    assert stats["rejected"]["no_key"] == before + 1
