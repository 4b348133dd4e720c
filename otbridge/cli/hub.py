"""`otbridge hub`: runs the hub in the foreground."""

from __future__ import annotations

import os
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING

import click

from otbridge.cli import exit_codes
from otbridge.cli.sizes import SizeType

if TYPE_CHECKING:
    from otbridge.hub.process import Addresses
    from otbridge.hub.settings import HubSettings

__all__ = ["hub"]

_PORT = click.IntRange(0, 65535)
_FILE = click.Path(dir_okay=False, path_type=Path)
_SIZE = SizeType(minimum=64_000_000)
_LOG_SIZE = SizeType(minimum=100_000_000)  # several of its segments of 16 MiB

_COMMANDS = {
    "export": "otbridge.cli.hub_export:export",
    "import": "otbridge.cli.hub_import:import_",
    "move": "otbridge.cli.hub_move:move",
    "keys": "otbridge.cli.hub_keys:keys",
    "tenants": "otbridge.cli.hub_tenants:tenants",
}

_EPILOG = """
Prints "ready http://HOST:PORT grpc HOST:PORT" when it serves (https:// with --tls-cert).

Exit codes: 0 ended by Ctrl-C or SIGTERM, 2 wrong options, 3 a port is taken,
4 the data folder or the store cannot be used.
"""


class _Hub(click.Group):
    """Runs a hub where no command follows; the commands' files are loaded when they are used."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        place = _COMMANDS.get(cmd_name)
        if place is None:
            return None
        module, _, name = place.partition(":")
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(
    cls=_Hub,
    invoke_without_command=True,
    epilog=_EPILOG,
    subcommand_metavar="[export|import|keys …]",
)
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="OTBRIDGE_HUB_DATA",
    help="Folder for everything it keeps. Default: otbridge/hub in your user data folder.",
)
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--http-port",
    type=_PORT,
    default=4318,
    show_default=True,
    help="OTLP over HTTP, bridge, API and UI; 0 takes a free one.",
)
@click.option(
    "--grpc-port",
    type=_PORT,
    default=4317,
    show_default=True,
    help="OTLP over gRPC; 0 takes a free one.",
)
@click.option(
    "--store",
    envvar="OTBRIDGE_HUB_STORE",
    metavar="URL",
    help="Where records are kept, if not in the data folder: sqlite:///PATH,"
    " clickhouse://HOST/DATABASE, or chdb:///PATH.",
)
@click.option(
    "--keep-days",
    type=click.IntRange(min=1),
    default=7,
    show_default=True,
    envvar="OTBRIDGE_HUB_KEEP_DAYS",
    help="Delete days older than this many.",
)
@click.option(
    "--keep-bytes",
    type=_SIZE,
    default="5GB",
    show_default=True,
    envvar="OTBRIDGE_HUB_KEEP_BYTES",
    help="Delete the oldest records beyond this size; at least 64MB.",
)
@click.option(
    "--log-bytes",
    type=_LOG_SIZE,
    default="1GiB",
    show_default=True,
    envvar="OTBRIDGE_HUB_LOG_BYTES",
    help="Size of the receive log, at least 100MB: what the store and --forward are behind. Beyond,"
    " senders are told to wait.",
)
@click.option(
    "--forward",
    multiple=True,
    metavar="URL",
    envvar="OTBRIDGE_HUB_FORWARD",
    help="Pass on what comes in: http(s)://… or grpc(s)://…; may be repeated. Headers stand behind"
    " a #, better in the environment: https://otlp.example#authorization=Bearer%20TOKEN",
)
@click.option(
    "--forward-ca",
    type=_FILE,
    envvar="OTBRIDGE_HUB_FORWARD_CA",
    help="Authorities of the https:// and grpcs:// among them (PEM), in place of the system's.",
)
@click.option(
    "--forward-cert",
    type=_FILE,
    envvar="OTBRIDGE_HUB_FORWARD_CERT",
    help="Certificate that they are shown (PEM), where they want one.",
)
@click.option("--forward-key", type=_FILE, envvar="OTBRIDGE_HUB_FORWARD_KEY", help="Its key.")
@click.option(
    "--allow-host",
    "allowed_hosts",
    multiple=True,
    metavar="NAME",
    help="A name of this hub beside localhost; may be repeated.",
)
@click.option(
    "--allow-origin",
    "allowed_origins",
    multiple=True,
    metavar="ORIGIN",
    help="Let pages of this origin send, e.g. https://shop.example; may be repeated.",
)
@click.option(
    "--tls-cert",
    type=_FILE,
    envvar="OTBRIDGE_HUB_TLS_CERT",
    help="Encrypt both ports with this certificate (PEM, with its chain); used within seconds when"
    " the file is exchanged.",
)
@click.option("--tls-key", type=_FILE, envvar="OTBRIDGE_HUB_TLS_KEY", help="Its private key (PEM).")
@click.option(
    "--tls-client-ca",
    type=_FILE,
    envvar="OTBRIDGE_HUB_TLS_CLIENT_CA",
    help="Take only clients with a certificate of these authorities (mTLS).",
)
@click.option("--insecure", is_flag=True, help="Listen on a network although there are no keys.")
@click.option(
    "--forward-link-local",
    is_flag=True,
    help="Let --forward name link-local addresses, where clouds have their metadata services.",
)
@click.option("--no-open", is_flag=True, help="Do not open the browser (nor with OTBRIDGE_OPEN=0).")
def hub(
    *,
    data: Path | None,
    host: str,
    http_port: int,
    grpc_port: int,
    store: str | None,
    keep_days: int,
    keep_bytes: int,
    log_bytes: int,
    forward: tuple[str, ...],
    forward_ca: Path | None,
    forward_cert: Path | None,
    forward_key: Path | None,
    allowed_hosts: tuple[str, ...],
    allowed_origins: tuple[str, ...],
    tls_cert: Path | None,
    tls_key: Path | None,
    tls_client_ca: Path | None,
    insecure: bool,
    forward_link_local: bool,
    no_open: bool,
) -> None:
    """Receive, keep and show telemetry on this machine, until Ctrl-C.

    `otbridge hub export` and `import` ask a hub that runs, `keys` says who may use it; the options
    below are not for them.
    """
    if click.get_current_context().invoked_subcommand is not None:
        return
    from otbridge.errors import ConfigurationError
    from otbridge.hub.settings import HubSettings, default_data_folder
    from otbridge.hub.store.vocabulary import Retention
    from otbridge.hub.tls import ClientTls, TlsFiles

    try:
        named = tls_cert or tls_key or tls_client_ca
        tls = TlsFiles.of(tls_cert, tls_key, tls_client_ca) if named else None
    except ConfigurationError as error:
        sys.exit(_complain(error, exit_codes.USAGE))
    settings = HubSettings(
        data=data or default_data_folder(),
        store=store,
        retention=Retention(keep_days, keep_bytes),
        log_bytes=log_bytes,
        forward=forward,
        forward_tls=ClientTls(
            *(str(file or "") for file in (forward_ca, forward_cert, forward_key))
        ),
        host=host,
        http_port=http_port,
        grpc_port=grpc_port,
        tls=tls,
        insecure=insecure,
        forward_link_local=forward_link_local,
        allowed_hosts=allowed_hosts,
        allowed_origins=allowed_origins,
    )
    sys.exit(_run(settings, open_browser=not no_open and _wants_browser()))


def _run(settings: HubSettings, *, open_browser: bool) -> int:
    import asyncio
    import logging

    from otbridge.errors import ConfigurationError, StoreError
    from otbridge.hub.listening import AddressTaken
    from otbridge.hub.process import serve

    logging.basicConfig(level=logging.WARNING, format="otbridge hub: %(message)s")
    logging.getLogger("otbridge.hub").setLevel(logging.INFO)  # what it deletes, for one
    # uvicorn reports strangers' malformed requests, and refused WebSockets as errors of ours.
    # What fails in the hub is reported by the hub.
    logging.getLogger("uvicorn.error").setLevel(logging.CRITICAL)

    def ready(addresses: Addresses) -> None:
        print(f"ready {addresses.http} grpc {addresses.grpc}", flush=True)
        if open_browser:
            _open_browser(addresses.http)

    try:
        asyncio.run(serve(settings, ready))
    except AddressTaken as error:
        return _complain(error, exit_codes.ADDRESS_TAKEN)
    except StoreError as error:
        return _complain(error, exit_codes.STORE)
    except ConfigurationError as error:
        return _complain(error, exit_codes.USAGE)
    return exit_codes.OK


def _complain(error: Exception, code: int) -> int:
    click.echo(f"otbridge hub: {error}", err=True)
    return code


def _wants_browser() -> bool:
    return os.environ.get("OTBRIDGE_OPEN", "1") != "0" and sys.stdout.isatty()


def _open_browser(url: str) -> None:
    import threading
    import webbrowser

    # On a thread, because some browsers' launchers return only when the browser is closed.
    threading.Thread(target=webbrowser.open, args=(url,), daemon=True).start()
