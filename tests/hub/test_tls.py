"""A hub that encrypts: real certificates of a real authority, at both ports of a real hub."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import ssl
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import grpc
import httpx
import pytest
from websockets.sync.client import connect
from websockets.typing import Subprotocol

from otbridge.cli import exit_codes
from otbridge.errors import ConfigurationError
from otbridge.hub.tls import TlsFiles
from otbridge.hub.tls.renewal import Renewal
from otbridge.sinks.otlp_grpc import OtlpGrpcSink
from otbridge.sinks.otlp_http import OtlpHttpSink
from otbridge.telemetry.live import is_hub
from otbridge.testing import FakeClock
from otbridge.typing import Retryable, Success
from otbridge.wire.otlp_logs import encode_log_record
from otbridge.wire.otlp_request import Envelope, compose
from tests.faults.rows.authority import Authority
from tests.hub.access.conftest import until
from tests.hub.hub_process import COMMAND, HubProcess

if TYPE_CHECKING:
    from collections.abc import Iterator

TRACES = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="certificates are made by the openssl command"
)


class Pair(NamedTuple):
    """PEM files of a certificate and its key."""

    certificate: Path
    key: Path


def pair(authority: Authority, name: str, **options: Any) -> Pair:
    whole = Path(authority.issue(name, **options))
    return Pair(whole.with_suffix(".crt"), whole.with_suffix(".key"))


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority that everybody here believes."""
    return Authority(tmp_path_factory.mktemp("certificates") / "ours")


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Another one."""
    return Authority(tmp_path_factory.mktemp("certificates") / "theirs")


@pytest.fixture(scope="module")
def good(ours: Authority) -> Pair:
    """The hub's certificate, for a month."""
    return pair(ours, "hub", days=30)


@pytest.fixture(scope="module")
def mine(ours: Authority) -> Pair:
    """A client's certificate."""
    return pair(ours, "client", days=30)


def options_for(files: Pair) -> tuple[str, ...]:
    return "--tls-cert", str(files.certificate), "--tls-key", str(files.key)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory, good: Pair) -> Iterator[HubProcess]:
    """A hub that encrypts, for all tests of this file; it must have survived them silently."""
    with HubProcess(tmp_path_factory.mktemp("tls") / "data", *options_for(good)) as running:
        yield running
        assert running.end() == (0, "")


@pytest.fixture(scope="module")
def mutual(
    tmp_path_factory: pytest.TempPathFactory, good: Pair, ours: Authority
) -> Iterator[HubProcess]:
    """A hub that takes only clients with a certificate."""
    options = (*options_for(good), "--tls-client-ca", ours.certificate)
    with HubProcess(tmp_path_factory.mktemp("mutual") / "data", *options) as running:
        yield running
        code, said = running.end()
        assert code == 0
        # One line a minute is said of those who were refused, if any were.
        assert all("A client at 127.0.0.1 was refused" in line for line in said.splitlines())


def port_of(hub: HubProcess) -> int:
    return int(hub.url.rpartition(":")[2])


def trusting(authority: Authority, client: Pair | None = None) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority.certificate)
    if client is not None:
        context.load_cert_chain(client.certificate, client.key)
    return context


def http(hub: HubProcess, authority: Authority, client: Pair | None = None) -> httpx.Client:
    return httpx.Client(base_url=hub.url, verify=trusting(authority, client), timeout=10)


def export(hub: HubProcess, authority: Authority, client: Pair | None = None) -> str:
    """How an empty request over gRPC ends."""
    roots = Path(authority.certificate).read_bytes()
    mine = (
        (None, None)
        if client is None
        else (client.key.read_bytes(), client.certificate.read_bytes())
    )
    with grpc.secure_channel(hub.grpc, grpc.ssl_channel_credentials(roots, *mine)) as channel:
        call: Any = channel.unary_unary(TRACES)
        try:
            call(b"", timeout=10)
        except grpc.RpcError as error:
            code: grpc.StatusCode = error.code()
            return code.name
    return "OK"


def shown_by(hub: HubProcess, authority: Authority) -> str:
    """The serial number of the certificate that the HTTP port shows."""
    with (
        socket.create_connection(("127.0.0.1", port_of(hub))) as raw,
        trusting(authority).wrap_socket(raw, server_hostname="localhost") as secure,
    ):
        return str((secure.getpeercert() or {})["serialNumber"])


# ---------------------------------------------------------------- both ports


def test_both_ports_are_encrypted_and_the_ready_line_says_so(
    hub: HubProcess, ours: Authority
) -> None:
    assert hub.line.startswith("ready https://127.0.0.1:")
    with http(hub, ours) as client:
        assert client.get("/healthz").json()["hub"] == "otbridge"
        assert client.get("/").headers["content-type"].startswith("text/html")
    assert export(hub, ours) == "OK"


def test_nothing_is_said_without_encryption(hub: HubProcess) -> None:
    """Neither port answers a request that anybody on the way could read."""
    with pytest.raises(httpx.HTTPError):
        httpx.get(hub.url.replace("https", "http") + "/healthz", timeout=10)
    with grpc.insecure_channel(hub.grpc) as channel:
        call: Any = channel.unary_unary(TRACES)
        with pytest.raises(grpc.RpcError):
            call(b"", timeout=10)


@pytest.mark.parametrize("port", ["http", "grpc"])
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_a_version_before_1_2_is_refused_by_the_hub(
    hub: HubProcess, port: str, version: ssl.TLSVersion
) -> None:
    """It is the hub that says no: the client would speak them."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_ciphers("ALL:@SECLEVEL=0")
    context.options &= ~(ssl.OP_NO_TLSv1 | ssl.OP_NO_TLSv1_1)
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = version
    address = port_of(hub) if port == "http" else int(hub.grpc.rpartition(":")[2])
    with (
        socket.create_connection(("127.0.0.1", address)) as raw,
        pytest.raises(OSError, match=r"ALERT_PROTOCOL_VERSION|UNEXPECTED_EOF|reset by peer"),
    ):
        context.wrap_socket(raw)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_from_1_2_on_are_spoken(
    hub: HubProcess, ours: Authority, version: ssl.TLSVersion
) -> None:
    context = trusting(ours)
    context.minimum_version = context.maximum_version = version
    with httpx.Client(verify=context) as client:
        assert client.get(f"{hub.url}/healthz").status_code == 200


def test_the_bridge_and_the_live_feed_are_encrypted_too(hub: HubProcess, ours: Authority) -> None:
    url = hub.url.replace("https", "wss")
    with connect(f"{url}/api/v1/live", ssl=trusting(ours)) as live:
        assert json.loads(live.recv(timeout=5))["k"] == "hello"
    protocol = Subprotocol("otbridge.v1.json")
    with connect(f"{url}/v1/bridge", ssl=trusting(ours), subprotocols=[protocol]) as bridge:
        hello = {"k": "hello", "v": 1, "stream": "5" * 32, "epoch": 1, "resource": [], "caps": []}
        bridge.send(json.dumps({**hello, "sdk": {"name": "t", "version": "1"}, "clock": 1.0}))
        assert json.loads(bridge.recv(timeout=5))["k"] == "ready"


# ---------------------------------------------------------------- who is refused


def sink_for(hub: HubProcess, kind: str, host: str, **files: Any) -> OtlpHttpSink | OtlpGrpcSink:
    if kind == "http":
        return OtlpHttpSink(f"https://{host}:{port_of(hub)}", **files)
    return OtlpGrpcSink(f"https://{host}:{hub.grpc.rpartition(':')[2]}", **files)


def sent_by(sink: OtlpHttpSink | OtlpGrpcSink, service: str = "shop") -> Any:
    record = encode_log_record(time.time_ns(), 1, 9, "INFO", "hello", {})
    try:
        return sink.send(
            "logs", compose([(Envelope.of({"service.name": service}, ""), record)]), 5.0
        )
    finally:
        sink.close()


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_our_senders_deliver(hub: HubProcess, ours: Authority, kind: str) -> None:
    assert isinstance(
        sent_by(sink_for(hub, kind, "localhost", certificate=ours.certificate)), Success
    )


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_our_senders_refuse_a_hub_of_another_authority(
    hub: HubProcess, theirs: Authority, kind: str
) -> None:
    result = sent_by(sink_for(hub, kind, "localhost", certificate=theirs.certificate))
    assert isinstance(result, Retryable)
    assert "certificate" in f"{result.reason} {result.message}".lower()


@pytest.mark.parametrize("kind", ["http", "grpc"])
def test_our_senders_refuse_a_hub_under_a_name_that_is_not_its_own(
    tmp_path: Path, ours: Authority, kind: str
) -> None:
    elsewhere = pair(ours, f"elsewhere-{kind}", hosts="DNS:elsewhere.example", days=30)
    with HubProcess(tmp_path / "data", *options_for(elsewhere)) as hub:
        result = sent_by(sink_for(hub, kind, "localhost", certificate=ours.certificate))
    assert isinstance(result, Retryable)


def test_a_client_without_a_certificate_is_refused(mutual: HubProcess, ours: Authority) -> None:
    with http(mutual, ours) as client, pytest.raises(httpx.TransportError):
        client.get("/healthz")
    assert export(mutual, ours) == "UNAVAILABLE"


def test_a_client_of_another_authority_is_refused(
    mutual: HubProcess, ours: Authority, theirs: Authority
) -> None:
    stranger = pair(theirs, "stranger", days=30)
    with http(mutual, ours, stranger) as client, pytest.raises(httpx.TransportError):
        client.get("/healthz")
    assert export(mutual, ours, stranger) == "UNAVAILABLE"


def test_a_client_whose_certificate_has_expired_is_refused(
    mutual: HubProcess, ours: Authority
) -> None:
    late = pair(ours, "late", days=-1)
    with http(mutual, ours, late) as client, pytest.raises(httpx.TransportError):
        client.get("/healthz")
    assert export(mutual, ours, late) == "UNAVAILABLE"


def test_a_client_with_a_certificate_is_let_in(
    mutual: HubProcess, ours: Authority, mine: Pair
) -> None:
    with http(mutual, ours, mine) as client:
        assert client.get("/healthz").status_code == 200
    assert export(mutual, ours, mine) == "OK"


# ---------------------------------------------------------------- exchanged while it runs


def test_an_exchanged_certificate_is_used_and_open_connections_go_on(
    tmp_path: Path, ours: Authority
) -> None:
    """For the next handshake at both ports, while who was connected before notices nothing."""
    files = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    first, second = pair(ours, "first", days=30), pair(ours, "second", days=30)
    put(first, files)
    with HubProcess(tmp_path / "data", *options_for(files)) as hub, http(hub, ours) as open_before:
        assert open_before.get("/healthz").status_code == 200
        with connect(
            hub.url.replace("https", "wss") + "/api/v1/live", ssl=trusting(ours)
        ) as viewer:
            before = shown_by(hub, ours)
            put(second, files)
            assert until(lambda: shown_by(hub, ours) != before, 60) < 60
            viewer.ping().wait(5)
        stream = open_before.get("/healthz").extensions["network_stream"]
        shown = stream.get_extra_info("ssl_object").getpeercert()
        assert shown["serialNumber"] == before
        assert export(hub, ours) == "OK"
        assert grpc_serial(hub) == shown_by(hub, ours)
        code, errors = hub.end()
    assert (code, errors) == (0, "otbridge hub: The certificate was exchanged.\n")


def test_a_damaged_exchange_changes_nothing_and_is_spoken_of(
    tmp_path: Path, ours: Authority
) -> None:
    files = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    put(pair(ours, "whole", days=30), files)
    told: list[str] = []
    renewal = Renewal(TlsFiles(*files), FakeClock())
    before = renewal.identity
    files.certificate.write_text("no certificate\n")
    renewal._trouble._report = told.append
    renewal.refresh()
    assert renewal.identity is before
    assert "is no PEM file" in told[0]
    put(pair(ours, "again", days=30), files)
    renewal.refresh()
    assert renewal.identity is not before


def test_an_exchange_that_has_come_half_way_is_waited_for(tmp_path: Path, ours: Authority) -> None:
    """The certificate is written and the key not yet: the next look finds both."""
    files = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    put(pair(ours, "one", days=30), files)
    renewal = Renewal(TlsFiles(*files))
    before, new = renewal.identity, pair(ours, "two", days=30)
    shutil.copy(new.certificate, files.certificate)
    renewal.refresh()
    assert renewal.identity is before
    put(new, files)
    renewal.refresh()
    assert renewal.identity is not before


def test_a_certificate_that_ends_soon_is_spoken_of(
    tmp_path: Path, ours: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    """Once at the start, and then once a day: whoever renews it has stopped."""
    files = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    put(pair(ours, "soon", days=2), files)
    clock = FakeClock(time.time_ns())
    renewal = Renewal(TlsFiles(*files), clock)
    renewal.refresh()
    assert ["expires in" in text for text in caplog.messages] == [True]
    clock.advance(3 * 86_400)
    renewal.refresh()
    assert "has expired" in caplog.messages[-1]


def put(files: Pair, where: Pair) -> None:
    """Exchange both files as careful programs do: each whole, by renaming."""
    for source, target in zip(files, where, strict=True):
        part = target.with_suffix(".part")
        shutil.copy(source, part)
        part.replace(target)


def grpc_serial(hub: HubProcess) -> str:
    """The serial number of the certificate that the gRPC port shows."""
    host, _, port = hub.grpc.rpartition(":")
    pem = ssl.get_server_certificate((host, int(port)))
    told = subprocess.run(
        ["openssl", "x509", "-noout", "-serial"],
        input=pem, capture_output=True, text=True, check=True, timeout=10,
    )  # fmt: skip
    return told.stdout.strip().partition("=")[2]


# ---------------------------------------------------------------- files that cannot be used


def refused(*options: str) -> str:
    """What a hub says that does not start."""
    done = subprocess.run(
        [*COMMAND, "hub", "--no-open", "--http-port", "0", "--grpc-port", "0", *options],
        capture_output=True, timeout=30, check=False, text=True,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (exit_codes.USAGE, "")
    return done.stderr


def test_a_certificate_without_its_key_ends_the_start(good: Pair) -> None:
    assert "--tls-cert is not enough." in refused("--tls-cert", str(good.certificate))
    assert "--tls-key is not enough." in refused("--tls-key", str(good.key))
    assert "--tls-client-ca is not enough." in refused("--tls-client-ca", str(good.certificate))


def test_a_certificate_that_has_expired_ends_the_start(tmp_path: Path, ours: Authority) -> None:
    said = refused("--data", str(tmp_path), *options_for(pair(ours, "old", days=-1)))
    assert "certificate has expired" in said
    assert "Renew it" in said


def broken(kind: str, ours: Authority, good: Pair, folder: Path) -> TlsFiles:
    other = pair(ours, f"other-{kind.replace(' ', '-')}", days=30)
    match kind:
        case "missing":
            return TlsFiles(folder / "nowhere.pem", good.key)
        case "another key":
            return TlsFiles(good.certificate, other.key)
        case "no PEM":
            (folder / "der").write_bytes(b"\x30\x82")
            return TlsFiles(folder / "der", good.key)
        case "open to others":
            other.key.chmod(0o644)
            return TlsFiles(other.certificate, other.key)
        case "client authority":
            (folder / "ca").write_bytes(b"-----BEGIN CERTIFICATE-----\nAAAA\n")
            return TlsFiles(good.certificate, good.key, folder / "ca")
        case _:
            locked = folder / "locked.key"
            run = ("openssl", "ec", "-aes128", "-passout", "pass:x", "-in", str(other.key))
            subprocess.run([*run, "-out", str(locked)], check=True, capture_output=True, timeout=10)
            return TlsFiles(other.certificate, locked)


@pytest.mark.parametrize(
    ("kind", "said"),
    [
        ("missing", "cannot be read. The system says: No such file"),
        ("another key", "is not the key of --tls-cert"),
        ("no PEM", "is no PEM file"),
        ("open to others", "is open to others (its mode is 0644)"),
        ("client authority", "--tls-client-ca"),
        ("passphrase", "has a passphrase"),
    ],
)
def test_files_that_cannot_be_used_are_named_with_what_to_do(
    kind: str, said: str, ours: Authority, good: Pair, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Renewal(broken(kind, ours, good, tmp_path))
    assert said in str(caught.value)
    assert caught.value.do


# ---------------------------------------------------------------- strangers


def test_connections_that_never_shake_hands_keep_nobody_out(
    hub: HubProcess, ours: Authority
) -> None:
    """The oldest are cut beyond a limit, the others after five seconds."""
    with contextlib.ExitStack() as stack:
        silent = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port_of(hub))))
            for _ in range(400)
        ]
        began = time.monotonic()
        with http(hub, ours) as client:
            assert client.get("/healthz").status_code == 200
        assert time.monotonic() - began < 4  # before the five seconds are over
        silent[0].settimeout(5)
        with contextlib.suppress(ConnectionResetError):
            assert silent[0].recv(1) == b""
        silent[-1].settimeout(8)
        with contextlib.suppress(ConnectionResetError):
            assert silent[-1].recv(1) == b""


def test_what_is_no_handshake_is_cut_off_without_a_word(hub: HubProcess) -> None:
    for nonsense in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x16\x03\x01\xff\xff" + b"\x00" * 70_000,
        b"\x00",
    ):
        with socket.create_connection(("127.0.0.1", port_of(hub)), timeout=8) as raw:
            with contextlib.suppress(OSError):
                raw.sendall(nonsense)
                raw.shutdown(socket.SHUT_WR)
            answer = b""
            with contextlib.suppress(ConnectionResetError):
                answer = raw.recv(4096)
        assert b"HTTP/" not in answer


# ---------------------------------------------------------------- who comes from our side


def test_an_sdk_told_by_the_environment_delivers_to_a_hub_that_wants_certificates(
    mutual: HubProcess, ours: Authority, mine: Pair
) -> None:
    program = (
        "import otbridge; otbridge.configure(service='tls-shop');"
        "otbridge.get_logger('a').info('over tls'); print(otbridge.flush(timeout=10))"
    )
    for protocol, endpoint in (("http/protobuf", mutual.url), ("grpc", f"https://{mutual.grpc}")):
        done = subprocess.run(
            [sys.executable, "-c", program],
            env={
                **os.environ,
                "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint,
                "OTEL_EXPORTER_OTLP_PROTOCOL": protocol,
                "OTEL_EXPORTER_OTLP_CERTIFICATE": ours.certificate,
                "OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE": str(mine.certificate),
                "OTEL_EXPORTER_OTLP_CLIENT_KEY": str(mine.key),
            },
            capture_output=True, timeout=60, check=False, text=True,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    with http(mutual, ours, mine) as client:
        found = client.get("/api/v1/logs", params={"service": "tls-shop"}).json()["logs"]
    assert len(found) == 2


def test_an_sdk_asks_a_hub_that_wants_certificates_who_it_is(
    mutual: HubProcess, ours: Authority, mine: Pair
) -> None:
    """As it does before it tells one of spans that have begun."""
    files = (ours.certificate, str(mine.certificate), str(mine.key))
    assert is_hub(mutual.url, files) is True
    assert is_hub(mutual.url) is None


def test_the_command_line_asks_a_hub_that_wants_certificates(
    mutual: HubProcess, ours: Authority, mine: Pair
) -> None:
    def ask(**environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*COMMAND, "logs", "--hub", mutual.url, "--format", "json"],
            env={**os.environ, **environment},
            capture_output=True, timeout=30, check=False, text=True,
        )  # fmt: skip

    told = {
        "OTBRIDGE_HUB_CA": ours.certificate,
        "OTBRIDGE_HUB_CLIENT_CERTIFICATE": str(mine.certificate),
        "OTBRIDGE_HUB_CLIENT_KEY": str(mine.key),
    }
    assert ask(**told).returncode == 0
    assert "No hub answers" in ask().stderr
    nowhere = ask(**{**told, "OTBRIDGE_HUB_CA": "/nowhere.pem"}).stderr
    assert "The files in OTBRIDGE_HUB_CA" in nowhere


@pytest.mark.parametrize("scheme", ["https", "grpcs"])
def test_a_hub_passes_on_to_a_hub_that_wants_certificates(
    tmp_path: Path, mutual: HubProcess, ours: Authority, mine: Pair, scheme: str
) -> None:
    where = mutual.url if scheme == "https" else f"grpcs://{mutual.grpc}"
    files = ("--forward-ca", ours.certificate, "--forward-cert", str(mine.certificate))
    options = ("--forward", where, *files, "--forward-key", str(mine.key))
    service = f"passed-{scheme}"
    with HubProcess(tmp_path / "data", *options) as first:
        assert isinstance(sent_by(OtlpHttpSink(first.url), service), Success)
        with http(mutual, ours, mine) as client:
            until(
                lambda: bool(
                    client.get("/api/v1/logs", params={"service": service}).json()["logs"]
                ),
                20,
            )
