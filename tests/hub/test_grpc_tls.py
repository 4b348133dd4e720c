"""gRPC over TLS while certificates are exchanged, by gRPC's own client and a real hub."""

from __future__ import annotations

import shutil
import socket
import ssl
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from tests.faults.rows.authority import Authority
from tests.hub.access.conftest import until
from tests.hub.hub_process import HubProcess
from tests.hub.receivers.test_grpc_server import EXPORT, PREFACE, call
from tests.hub.test_tls import Pair, options_for, pair, put

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="certificates are made by the openssl command"
)

EXCHANGED = "otbridge hub: The certificate was exchanged.\n"


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The authority of the certificates that are there at first."""
    return Authority(tmp_path_factory.mktemp("certificates") / "old")


@pytest.fixture(scope="module")
def new(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """The one of those that come in their place."""
    return Authority(tmp_path_factory.mktemp("certificates") / "new")


@pytest.fixture
def files(tmp_path: Path, old: Authority) -> Pair:
    """The files that the hub was told of."""
    files = Pair(tmp_path / "tls.crt", tmp_path / "tls.key")
    put(pair(old, "first", days=30), files)
    return files


@contextmanager
def sender_to(
    hub: HubProcess, trusted: Authority, own: Pair | None = None
) -> Iterator[Callable[[], bool]]:
    """What sends an empty request on a connection of its own, and returns whether it was taken.

    Args:
        hub: Where it sends to.
        trusted: The authority by which it checks the hub.
        own: The certificate that it shows.
    """
    mine = (own.key.read_bytes(), own.certificate.read_bytes()) if own else (None, None)
    credentials = grpc.ssl_channel_credentials(Path(trusted.certificate).read_bytes(), *mine)
    # Otherwise two channels to one address may share a connection.
    options = [("grpc.use_local_subchannel_pool", 1)]
    with grpc.secure_channel(hub.grpc, credentials, options) as channel:
        ask: Any = channel.unary_unary(EXPORT)

        def sends() -> bool:
            try:
                ask(b"", timeout=10)
            except grpc.RpcError as error:
                code: grpc.StatusCode = error.code()
                assert code is grpc.StatusCode.UNAVAILABLE
                return False
            return True

        yield sends


def lets_in(hub: HubProcess, trusted: Authority, own: Pair | None = None) -> bool:
    """Whether a connection that begins now is one."""
    with sender_to(hub, trusted, own) as sends:
        return sends()


def test_open_connections_go_on_and_new_ones_see_the_new_certificate(
    tmp_path: Path, files: Pair, old: Authority, new: Authority
) -> None:
    """Who is connected does not know the new one's authority, and so could not connect again."""
    with HubProcess(tmp_path / "data", *options_for(files)) as hub:
        with sender_to(hub, old) as sends:
            assert sends()
            put(pair(new, "second", days=30), files)
            until(lambda: lets_in(hub, new), 60)
            assert not lets_in(hub, old)
            assert all(sends() for _ in range(20))
        assert hub.end() == (0, EXCHANGED)


def test_exchanged_authorities_decide_on_the_clients_that_come_from_then_on(
    tmp_path: Path, files: Pair, old: Authority, new: Authority
) -> None:
    clients = tmp_path / "clients.pem"
    shutil.copy(old.certificate, clients)
    before, after = pair(old, "client", days=30), pair(new, "client", days=30)
    options = (*options_for(files), "--tls-client-ca", str(clients))
    with HubProcess(tmp_path / "data", *options) as hub:
        with sender_to(hub, old, before) as sends:
            assert sends()
            assert not lets_in(hub, old, after)
            shutil.copy(new.certificate, clients)
            until(lambda: lets_in(hub, old, after), 60)
            assert not lets_in(hub, old, before)
            assert not lets_in(hub, old)
            assert sends()
        assert hub.end() == (0, EXCHANGED)


def test_files_that_cannot_be_used_change_nothing_for_new_connections(
    tmp_path: Path, files: Pair, old: Authority
) -> None:
    with HubProcess(tmp_path / "data", *options_for(files)) as hub:
        whole = files.certificate.read_bytes()
        files.certificate.write_text("no certificate\n")
        assert hub.process.stderr is not None
        line = hub.process.stderr.readline().decode()  # said when it was looked at
        assert "is no PEM file" in line
        assert lets_in(hub, old)
        files.certificate.write_bytes(whole)
        assert hub.end()[0] == 0


def test_a_service_that_is_opened_again_still_encrypts_by_the_latest_certificate(
    tmp_path: Path, files: Pair, old: Authority, new: Authority
) -> None:
    """A path that is no text ends gRPC's server for a moment, before an exchange and after one."""
    with HubProcess(tmp_path / "data", *options_for(files)) as hub:
        end_service(hub)
        until(lambda: lets_in(hub, old), 20)
        put(pair(new, "later", days=30), files)
        until(lambda: lets_in(hub, new), 60)
        end_service(hub)
        until(lambda: lets_in(hub, new), 20)
        code, errors = hub.end()
    assert code == 0
    assert EXCHANGED in errors


def end_service(hub: HubProcess) -> None:
    host, _, port = hub.grpc.rpartition(":")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    context.set_alpn_protocols(["h2"])
    with (
        socket.create_connection((host, int(port)), timeout=10) as raw,
        context.wrap_socket(raw) as connection,
    ):
        connection.sendall(PREFACE + call(1, b"/\xff\xfe"))
        while connection.recv(1000):
            pass
