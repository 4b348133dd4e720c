"""`otbridge hub tenants`: what each may keep and bring. Works on files, whether a hub runs or not."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from otbridge.cli.hub_options import print_json
from otbridge.cli.sizes import SizeType

if TYPE_CHECKING:
    from otbridge.hub.tenants.limits import TenantLimits

__all__ = ["tenants"]

_COUNT = click.IntRange(min=1)


@click.group(name="tenants")
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="OTBRIDGE_HUB_DATA",
    help="The hub's data folder. Default: as `otbridge hub`.",
)
@click.pass_context
def tenants(context: click.Context, data: Path | None) -> None:
    """Say what tenants may keep and bring.

    A tenant is there as soon as a key is: `otbridge hub keys add write --tenant NAME`.
    """
    from otbridge.hub.settings import default_data_folder

    above = context.parent.params.get("data") if context.parent is not None else None
    context.obj = data or above or default_data_folder()


@tenants.command()
@click.argument("name")
@click.option("--keep-days", type=_COUNT, help="Default: the hub's.")
@click.option("--keep-bytes", type=SizeType(minimum=64_000_000), help="Default: the hub's.")
@click.option("--requests-per-minute", type=_COUNT, help="Of all its keys; default: no limit.")
@click.option("--records-per-minute", type=_COUNT, help="Of all its keys; default: no limit.")
@click.option("--bytes-per-minute", type=SizeType(minimum=1), help="Of all its keys.")
@click.pass_obj
def limit(
    data: Path,
    *,
    name: str,
    keep_days: int | None,
    keep_bytes: int | None,
    requests_per_minute: int | None,
    records_per_minute: int | None,
    bytes_per_minute: int | None,
) -> None:
    """Set the limits of a tenant in place of those before.

    They hold once the hub opens the tenant the next time: five minutes after its last request, or
    with the hub's next start.
    """
    from otbridge.errors import OtbridgeError
    from otbridge.hub.tenants.limits import TenantLimits, write_limits

    limits = TenantLimits(
        keep_days, keep_bytes, requests_per_minute, records_per_minute, bytes_per_minute
    )
    try:
        write_limits(data, name, limits)
    except OtbridgeError as error:
        raise click.ClickException(str(error)) from error
    click.echo(_line(name, limits))


@tenants.command(name="list")
@click.option("--format", "style", type=click.Choice(["human", "json"]), default="human")
@click.pass_obj
def list_(data: Path, *, style: str) -> None:
    """Show all tenants that have records or keys, with their limits."""
    import msgspec

    from otbridge.errors import OtbridgeError
    from otbridge.hub.access.key_file import FILE_NAME, read_keys
    from otbridge.hub.tenants.limits import read_limits
    from otbridge.hub.tenants.names import names_in

    try:
        names = {*names_in(data), *(key.tenant for key in read_keys(data / FILE_NAME) or ())}
        found = {name: read_limits(data, name) for name in sorted(filter(None, names))}
    except OtbridgeError as error:
        raise click.ClickException(str(error)) from error
    if style == "json":
        told = [{"tenant": name, **msgspec.to_builtins(one)} for name, one in found.items()]
        print_json({"tenants": told})
        return
    for name, one in found.items():
        click.echo(_line(name, one))


def _line(name: str, limits: TenantLimits) -> str:
    import msgspec

    told = [f"{what}={most:,}" for what, most in msgspec.to_builtins(limits).items()]
    return "  ".join([name, *told])
