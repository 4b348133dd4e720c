"""`otbridge hub keys`: who may use a hub. Works on the file, whether a hub runs or not."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from otbridge.cli.hub_options import print_json
from otbridge.cli.sizes import SizeType

if TYPE_CHECKING:
    from otbridge.hub.access.key import Key

__all__ = ["keys"]

_KINDS = ["ingest", "write", "read", "admin"]
_COUNT = click.IntRange(min=1)


@click.group(name="keys")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="OTBRIDGE_HUB_DATA",
    help="The hub's data folder. Default: as `otbridge hub`.",
)
@click.pass_context
def keys(context: click.Context, data: Path | None) -> None:
    """Say who may use a hub; one that runs knows it within a second.

    Without keys a hub on 127.0.0.1 takes everybody on this machine, and none listens on a network.
    """
    from otbridge.hub.access.key_file import FILE_NAME
    from otbridge.hub.settings import default_data_folder

    above = context.parent.params.get("data") if context.parent is not None else None
    context.obj = (data or above or default_data_folder()) / FILE_NAME


@keys.command()
@click.argument("kind", type=click.Choice(_KINDS))
@click.option("--name", default="", help="What you call it, e.g. the server that has it.")
@click.option("--tenant", default="", help="Whose records it is about.")
@click.option("--service", default="", help="ingest: the name that all it brings is under.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="ingest: pages that may use it, e.g. https://shop.example; may be repeated.",
)
@click.option("--requests-per-minute", type=_COUNT, help="Default: ingest 6,000; others no limit.")
@click.option("--records-per-minute", type=_COUNT, help="Default: ingest 60,000; others no limit.")
@click.option("--bytes-per-minute", type=SizeType(minimum=1), help="Default: ingest 64MiB.")
@click.option(
    "--trace-context",
    type=click.Choice(["link", "continue", "drop"]),
    help="ingest: its records in traces that others began move to a trace of their own (link,"
    " the default; drop: without a link), or stay where the backend handed them out (continue).",
)
@click.option("--format", "style", type=click.Choice(["human", "json"]), default="human")
@click.pass_obj
def add(
    path: Path,
    *,
    kind: str,
    name: str,
    tenant: str,
    service: str,
    origins: tuple[str, ...],
    requests_per_minute: int | None,
    records_per_minute: int | None,
    bytes_per_minute: int | None,
    trace_context: str | None,
    style: str,
) -> None:
    """Make a key and show it, this once.

    ingest: public, for web pages; only sends. write: secret, for servers; only sends. read:
    secret, for people and programs that look. admin: secret; all of it.
    """
    from dataclasses import replace

    from otbridge.errors import OtbridgeError
    from otbridge.hub.access.key import PUBLIC_QUOTA, Kind, Quota, TraceContext
    from otbridge.hub.access.key_file import KeyRequest, add_key

    asked = {
        "requests": requests_per_minute,
        "records": records_per_minute,
        "bytes": bytes_per_minute,
    }
    quota = PUBLIC_QUOTA if kind == "ingest" else Quota()
    quota = replace(quota, **{what: most for what, most in asked.items() if most is not None})
    try:
        key, secret = add_key(
            path,
            KeyRequest(
                Kind(kind),
                name,
                tenant,
                service,
                origins,
                quota,
                TraceContext(trace_context) if trace_context else None,
            ),
        )
    except OtbridgeError as error:
        raise click.ClickException(str(error)) from error
    if style == "json":
        print_json({**_described(key), "key": secret.reveal()})
        return
    click.echo(secret.reveal())
    click.echo(_hint(key), err=True)


@keys.command(name="list")
@click.option("--format", "style", type=click.Choice(["human", "json"]), default="human")
@click.pass_obj
def list_(path: Path, *, style: str) -> None:
    """Show all keys, without what they are: only their hashes are kept."""
    from otbridge.errors import OtbridgeError
    from otbridge.hub.access.key_file import read_keys

    try:
        found = read_keys(path)
    except OtbridgeError as error:
        raise click.ClickException(str(error)) from error
    if style == "json":
        print_json({"closed": found is not None, "keys": [_described(key) for key in found or ()]})
        return
    for key in found or ():
        click.echo(_line(key))
    if found is None:
        click.echo("There are no keys: on 127.0.0.1 this hub takes everybody.", err=True)
    elif not found:
        click.echo(_none_left(path), err=True)


@keys.command()
@click.argument("key_id", metavar="ID")
@click.pass_obj
def revoke(path: Path, *, key_id: str) -> None:
    """Take a key away; who is connected with it is cut off within a second."""
    from otbridge.errors import OtbridgeError
    from otbridge.hub.access.key_file import read_keys, revoke_key

    try:
        key = revoke_key(path, key_id)
        left = read_keys(path)
    except OtbridgeError as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"Revoked {_line(key)}")
    if not left:
        click.echo(_none_left(path), err=True)


def _described(key: Key) -> dict[str, Any]:
    return {
        "id": key.id,
        "kind": key.kind.value,
        "name": key.name,
        "tenant": key.tenant,
        "service": key.service,
        "origins": sorted(key.origins),
        "requests_per_minute": key.quota.requests,
        "records_per_minute": key.quota.records,
        "bytes_per_minute": key.quota.bytes,
        "trace_context": key.trace_context.value,
        "created_unix_s": key.created_s,
    }


def _line(key: Key) -> str:
    made = dt.datetime.fromtimestamp(key.created_s, dt.UTC)
    parts = [key.id, f"{key.kind.value:6}", f"{made:%Y-%m-%d}"]
    if key.public:
        parts += [key.service, *sorted(key.origins), f"trace-context={key.trace_context.value}"]
    if key.tenant:
        parts.append(f"tenant={key.tenant}")
    for what in ("requests", "records", "bytes"):
        most = getattr(key.quota, what)
        if most is not None:
            parts.append(f"{most:,} {what}/min")
    return "  ".join([*parts, key.name] if key.name else parts)


def _hint(key: Key) -> str:
    how = {
        "ingest": "Give it to pages: init({ token }), or the header x-otbridge-key.",
        "write": "Servers send it as OTEL_EXPORTER_OTLP_HEADERS=authorization=Bearer%20KEY.",
        "read": "Sign in to the UI with it, or set OTBRIDGE_HUB_TOKEN for the command line.",
        "admin": "Sign in to the UI with it, or set OTBRIDGE_HUB_TOKEN for the command line.",
    }[key.kind.value]
    return f"This is key {key.id}. It is not kept and cannot be shown again. {how}"


def _none_left(path: Path) -> str:
    return (
        "No key is left, so nobody gets in. Add one; or delete "
        f"{path} and restart the hub, to have it take everybody on this machine."
    )
