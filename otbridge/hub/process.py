"""The hub as a process: takes the ports, says when it is ready, and ends without losing anything."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import uvicorn

from otbridge.errors import ConfigurationError, StoreError
from otbridge.hub.access.control import needs_keys
from otbridge.hub.access.egress import refuse_link_local
from otbridge.hub.access.key_file import FILE_NAME, read_keys
from otbridge.hub.app import Hub
from otbridge.hub.descriptors import allow_many_files
from otbridge.hub.destinations import refuse_loops
from otbridge.hub.http_protocol import HurriedProtocol
from otbridge.hub.limits import MAX_WEBSOCKET_BYTES
from otbridge.hub.listening import listener, printed
from otbridge.hub.memory import collect_rarely, return_large_blocks
from otbridge.hub.receivers.otlp_grpc import OtlpGrpc
from otbridge.hub.security import is_loopback
from otbridge.hub.store import open_store
from otbridge.hub.tls.door import Handshakes, TlsDoor
from otbridge.hub.tls.renewal import Renewal
from otbridge.hub.websocket_protocol import BoundedWebSocketProtocol

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from otbridge.hub.settings import HubSettings
    from otbridge.hub.store import Store

__all__ = ["Addresses", "serve"]

_logger = logging.getLogger("otbridge.hub")

_GRACE_S = 1
"""What is under way at the end has this long to finish; then the store needs time to commit."""

_FORWARD_S = 0.5
"""What waits for upstreams is on disk; a little of it may still leave."""

_IDLE_S = 60
"""A connection that nothing is asked on is closed after this."""


class Addresses(NamedTuple):
    """Where a hub can be reached."""

    http: str
    """As in `http://127.0.0.1:4318`; with `https` where it encrypts."""
    grpc: str
    """As in `127.0.0.1:4317`."""


async def serve(settings: HubSettings, ready: Callable[[Addresses], None]) -> None:
    """Run a hub until SIGTERM or SIGINT.

    Args:
        settings: What it was told.
        ready: Called once, when it serves.

    Raises:
        ConfigurationError: The settings cannot be followed; `AddressTaken` for the ports.
        StoreError: The store cannot be opened, or belongs to another hub.
    """
    _check_exposure(settings)
    certificate = None if settings.tls is None else Renewal(settings.tls)
    return_large_blocks()
    collect_rarely()
    allow_many_files()
    stop = asyncio.Event()
    _on_signal(stop.set)
    with listener(settings.host, settings.http_port, "--http-port") as bound:
        store = _open_store(settings)
        try:
            await _serve(settings, store, bound, ready, stop, certificate=certificate)
        finally:
            await asyncio.to_thread(store.close)


async def _serve(
    settings: HubSettings,
    store: Store,
    bound: socket.socket,
    ready: Callable[[Addresses], None],
    stop: asyncio.Event,
    *,
    certificate: Renewal | None,
) -> None:
    hub = Hub(store, settings)
    grpc = OtlpGrpc(hub.home.ingest, hub.access, certificate, hub.way_in)
    grpc_port = await grpc.start(settings.host, settings.grpc_port)
    try:
        await _check_destinations(hub, settings, (bound.getsockname()[1], grpc_port))
    except ConfigurationError:
        await grpc.stop(0)
        raise
    http = _Http(hub, certificate)
    serving = asyncio.create_task(http.serve(sockets=[bound]))
    try:
        await http.up_or_failed(serving)
        hub.begin()
        http_address = printed(settings.host, bound.getsockname()[1])
        scheme = "http" if certificate is None else "https"
        ready(Addresses(f"{scheme}://{http_address}", printed(settings.host, grpc_port)))
        stopping = asyncio.create_task(stop.wait())
        following = asyncio.create_task(_follow(certificate))
        await asyncio.wait({serving, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        following.cancel()
    finally:
        await hub.close()
        http.should_exit = True
        await asyncio.gather(grpc.stop(_GRACE_S), serving)
        await hub.end(_FORWARD_S)


async def _follow(certificate: Renewal | None) -> None:
    if certificate is not None:
        await certificate.watch()


async def _check_destinations(hub: Hub, settings: HubSettings, ports: tuple[int, ...]) -> None:
    forward = hub.home.forward
    if forward is None:
        return
    # In threads, because names are looked up.
    await asyncio.to_thread(refuse_loops, forward.destinations, settings.host, ports)
    if not settings.forward_link_local:
        await asyncio.to_thread(refuse_link_local, forward.destinations)


class _Http(uvicorn.Server):
    """uvicorn, with the process's signals left to us."""

    def __init__(self, hub: Hub, certificate: Renewal | None) -> None:
        super().__init__(
            uvicorn.Config(
                hub.app,
                http=_protocol(certificate),
                ws=BoundedWebSocketProtocol,
                ws_max_size=MAX_WEBSOCKET_BYTES,
                ws_per_message_deflate=False,  # a compressed frame's size cannot be seen coming
                lifespan="off",
                log_config=None,
                access_log=False,
                server_header=False,
                proxy_headers=False,
                timeout_keep_alive=_IDLE_S,
                timeout_graceful_shutdown=_GRACE_S,
            )
        )
        self._up = asyncio.Event()

    async def up_or_failed(self, serving: asyncio.Task[None]) -> None:
        """Return when connections are accepted, or raise what *serving* ended with."""
        waiting = asyncio.create_task(self._up.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if serving.done():
            serving.result()

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets=sockets)
        self._up.set()


def _protocol(certificate: Renewal | None) -> Any:
    """Return what makes the protocol of a new connection, as uvicorn calls it."""
    if certificate is None:
        return HurriedProtocol
    handshakes = Handshakes(lambda: certificate.context)
    return lambda **options: TlsDoor(handshakes, partial(HurriedProtocol, **options))


def _check_exposure(settings: HubSettings) -> None:
    """Refuse to be open to a network by accident, and say what a network can see on purpose."""
    if is_loopback(settings.host):
        return
    keys = read_keys(settings.data / FILE_NAME)
    if needs_keys(settings) and not keys:
        raise ConfigurationError(
            f"The hub would be open to everybody who can reach {settings.host}.",
            "It has no keys, and shows everything it was sent.",
            "Add keys with `otbridge hub keys add`; or keep --host 127.0.0.1 and reach it through "
            "a tunnel such as ssh -L; or add --insecure where everybody on the network may see.",
        )
    if keys is None:
        _logger.warning(
            "Everybody who can reach %s may send, and see everything (--insecure).", settings.host
        )
    elif settings.tls is None:
        _logger.warning(
            "Keys and telemetry travel to %s without encryption: give --tls-cert and --tls-key, or "
            "put a proxy with TLS in front.",
            settings.host,
        )


def _open_store(settings: HubSettings) -> Store:
    if settings.store is not None:
        return open_store(settings.store, retention=settings.retention, apart=True)
    folder = settings.data
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise StoreError(
            f"The hub cannot keep its data in {folder}.",
            f"The system says: {error.strerror}.",
            "Give a folder that you may write with --data.",
        ) from None
    return open_store(folder / "store", retention=settings.retention, apart=True)


def _on_signal(act: Callable[[], None]) -> None:
    """Have *act* called on the event loop when the process is asked to end."""
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        try:
            loop.add_signal_handler(number, act)
        except NotImplementedError:  # Windows' event loops have none
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(act))
