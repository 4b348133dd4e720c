"""`otbridge hub move`: copies one store into another."""

from __future__ import annotations

import json
import sys
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Final

import click

from otbridge.cli import exit_codes

if TYPE_CHECKING:
    from collections.abc import Callable

    from otbridge.hub.store import Store
    from otbridge.hub.store.copying import Progress

__all__ = ["move"]

_WORDS: Final = {"traces": "spans", "logs": "log records", "metrics": "data points"}

_TOLD_EVERY_S: Final = 1.0


@click.command(name="move")
@click.argument("source", metavar="FROM")
@click.argument("target", metavar="TO")
@click.option("--anew", is_flag=True, help="Begin at the beginning, into a store that is empty.")
@click.option(
    "--format",
    "style",
    type=click.Choice(["human", "json"]),
    default="human",
    show_default=True,
    help="For people, or one JSON document for programs.",
)
def move(*, source: str, target: str, anew: bool, style: str) -> None:
    """Copy all of the store FROM into the store TO; FROM stays as it is.

    Both are written as for --store. No hub may be using FROM; TO may be in use. The same command
    goes on where it was interrupted, and copies what came since. Open spans are left out.
    """
    from otbridge.errors import StoreError

    try:
        with closing(_open(source, must_exist=True)) as from_store, closing(_open(target)) as store:
            file = _progress_file(source, target)
            if anew:
                file.unlink(missing_ok=True)
            progress, lacks = _copy(from_store, store, file, quiet=style == "json")
    except StoreError as error:
        click.echo(f"otbridge hub move: {error}", err=True)
        sys.exit(exit_codes.STORE)
    counts = _counts(progress)
    if style == "json":
        click.echo(json.dumps({**counts, "missing": lacks}))
    else:
        click.echo(f"Copied and counted: {_told(progress)}.", err=True)
    for lack in lacks:
        click.echo(f"otbridge hub move: {lack}", err=True)
    if lacks:
        click.echo("Where TO was emptied since, copy --anew.", err=True)
        sys.exit(exit_codes.FAILED)


def _copy(source: Store, target: Store, file: Path, *, quiet: bool) -> tuple[Progress, list[str]]:
    from otbridge.hub.store.copying import Progress, copy_store, missing

    progress = Progress.read(file)
    say = _teller(quiet=quiet)

    def told(progress: Progress) -> None:
        progress.write(file)
        say(progress)

    copy_store(source, target, progress, told)
    return progress, missing(target, progress)


def _progress_file(source: str, target: str) -> Path:
    """Return where it is written down how far this copy came."""
    # The addresses may hold passwords; nobody needs to read them from here.
    name = blake2b(f"{_whole(source)}\0{_whole(target)}".encode(), digest_size=8).hexdigest()
    return _folder() / f"{name}.json"


def _open(address: str, *, must_exist: bool = False) -> Store:
    from otbridge.errors import StoreError
    from otbridge.hub.store import open_store
    from otbridge.hub.store.vocabulary import Retention

    folder = Path(address.removeprefix("sqlite://"))
    if must_exist and "://" not in str(address.removeprefix("sqlite://")) and not folder.is_dir():
        raise StoreError(
            f"There is no store in {folder}.",
            "It is no folder.",
            "Give the folder of the files; a hub keeps them in `store` in its data folder.",
        )
    # A copy deletes nothing, however old and large.
    return open_store(address, retention=Retention(days=36_500, bytes=2**62))


def _whole(address: str) -> str:
    """Return an address that means the same from every folder."""
    return address if "://" in address else str(Path(address).absolute())


def _folder() -> Path:
    from otbridge.hub.settings import default_data_folder

    folder = default_data_folder().with_name("moves")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def _teller(*, quiet: bool) -> Callable[[Progress], None]:
    """Return what tells people now and then how far it is."""
    last = monotonic()

    def tell(progress: Progress) -> None:
        nonlocal last
        if not quiet and monotonic() - last >= _TOLD_EVERY_S:
            last = monotonic()
            click.echo(f"{_told(progress)} …", err=True)

    return tell


def _counts(progress: Progress) -> dict[str, int]:
    from otbridge.hub.store.copying import SIGNALS

    return {signal: progress.total(signal) for signal in SIGNALS}


def _told(progress: Progress) -> str:
    told = [f"{count:,} {_WORDS[signal]}" for signal, count in _counts(progress).items() if count]
    return ", ".join(told) or "nothing"
