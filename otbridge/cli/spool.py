"""`otbridge spool`: what waits on this machine's disk, and what to do with it."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from otbridge.cli import exit_codes
from otbridge.cli.hub_options import print_json

if TYPE_CHECKING:
    from otbridge.delivery.spool.survey import FolderSurvey, ServiceSurvey

__all__ = ["spool"]

_folder_option = click.option(
    "--dir",
    "root",
    type=click.Path(file_okay=False),
    help="The spool's root. Default: as in the settings, e.g. OTBRIDGE_SPOOL_DIR.",
)
_service_option = click.option(
    "--service", help="Only this service: its name, or that of its folder as `list` shows it."
)
_format_option = click.option(
    "--format",
    "style",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="For people, or one JSON document for programs.",
)


@click.group(invoke_without_command=True)
@click.pass_context
def spool(context: click.Context) -> None:
    """Show, deliver or delete what programs could not send and left on disk."""
    if context.invoked_subcommand is None:
        context.invoke(list_)


@spool.command("list")
@_folder_option
@_service_option
@_format_option
def list_(*, root: str | None = None, service: str | None = None, style: str = "human") -> None:
    """List what waits, a line for each process that wrote it."""
    found = _survey(root, service)
    if style == "json":
        print_json({"root": _root(root), "services": [_document(one) for one in found]})
        return
    lines = [_line(one, folder) for one in found for folder in one.folders]
    for line in lines:
        click.echo(line)
    for one in found:
        if one.quarantined:
            click.echo(
                f"{one.name}: {one.quarantined} unreadable files put aside in "
                f"{_root(root)}/{one.name}/quarantine"
            )
    if not lines:
        click.echo(f"Nothing waits in {_root(root)}.", err=True)


@spool.command()
@_folder_option
@_service_option
@click.option("--endpoint", help="Where to send, instead of what the settings say.")
@click.option(
    "--patience",
    type=click.FloatRange(0, 3600),
    default=30.0,
    show_default=True,
    help="Seconds to keep trying a receiver that is not there or too busy.",
)
@_format_option
def replay(
    *,
    root: str | None,
    service: str | None,
    endpoint: str | None,
    patience: float,
    style: str,
) -> None:
    """Deliver what programs that have ended left behind; nothing leaves the disk before it is had.

    Exit code 1 if something still waits.
    """
    from otbridge.cli.spool_replay import Replay
    from otbridge.errors import OtbridgeError

    try:
        job = Replay(_root(root), endpoint=endpoint, patience=patience, say=_complain)
        for one in _survey(root, service):
            if any(not folder.in_use for folder in one.folders):
                job.deliver(one.name)
    except OtbridgeError as error:
        raise click.ClickException(str(error)) from error
    if style == "json":
        print_json(job.outcome())
    else:
        click.echo(job.sentence())
    if job.waiting:
        raise SystemExit(exit_codes.FAILED)


@spool.command()
@_folder_option
@_service_option
@click.option("--yes", is_flag=True, help="Do not ask.")
@_format_option
def purge(*, root: str | None, service: str | None, yes: bool, style: str) -> None:
    """Delete what programs that have ended left behind, unreadable files included.

    What a running program is writing is never touched.
    """
    from otbridge.delivery.spool.files import SystemFiles
    from otbridge.delivery.spool.purging import purge_service

    found = [one for one in _survey(root, service) if _is_purgeable(one)]
    records = sum(
        folder.waiting.total() for one in found for folder in one.folders if not folder.in_use
    )
    if found and not yes:
        click.confirm(f"Delete {records:,} records of {len(found)} services?", abort=True, err=True)
    files = SystemFiles()
    freed = sum(purge_service(files, f"{_root(root)}/{one.name}") for one in found)
    if style == "json":
        print_json({"records": records, "bytes": freed})
    else:
        click.echo(f"Deleted {records:,} records, {freed:,} bytes.")


def _root(root: str | None) -> str:
    from otbridge.config import resolve
    from otbridge.delivery.spool.names import default_root

    return root or resolve(lenient=True).spool_dir or default_root()


def _survey(root: str | None, service: str | None) -> list[ServiceSurvey]:
    from otbridge.delivery.spool.files import SystemFiles
    from otbridge.delivery.spool.names import service_folder
    from otbridge.delivery.spool.survey import survey

    try:
        found = survey(SystemFiles(), _root(root))
    except OSError as error:
        raise click.ClickException(
            f"The spool in {_root(root)} cannot be read: {error.strerror}."
        ) from error
    names = {service, service_folder(service)} if service else set()
    return [one for one in found if not names or one.name in names]


def _is_purgeable(one: ServiceSurvey) -> bool:
    return bool(one.quarantined) or any(not folder.in_use for folder in one.folders)


def _line(one: ServiceSurvey, folder: FolderSurvey) -> str:
    waits = ", ".join(f"{count:,} {signal}" for signal, count in sorted(folder.waiting.items()))
    parts = [one.name, f"process {folder.name.partition('-')[0]}"]
    parts.append("running" if folder.in_use else "ended")
    parts += [waits or "nothing waits", f"{folder.bytes:,} bytes"]
    if folder.oldest_ns:
        parts.append(f"{_age(folder.oldest_ns)} old")
    if folder.lost:
        lost = ", ".join(f"{count:,} {reason}" for reason, count in sorted(folder.lost.items()))
        parts.append(f"lost: {lost}")
    if folder.foreign:
        parts.append(f"{folder.foreign} segments of another version")
    return "  ".join(parts)


def _age(then_ns: int) -> str:
    seconds = max(0, time.time_ns() - then_ns) // 1_000_000_000
    for unit, size in (("d", 86_400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"


def _document(one: ServiceSurvey) -> dict[str, Any]:
    return {
        "service": one.name,
        "quarantined": one.quarantined,
        "totals": {key: one.totals[key] for key in ("signals", "torn")},
        "processes": [
            {
                "folder": folder.name,
                "running": folder.in_use,
                "waiting": dict(folder.waiting),
                "lost": dict(folder.lost),
                "bytes": folder.bytes,
                "oldest_ns": folder.oldest_ns,
                "foreign_segments": folder.foreign,
            }
            for folder in one.folders
        ],
    }


def _complain(sentence: str) -> None:
    click.echo(sentence, err=True)
