"""`otbridge hub import`: OTLP/JSON lines, or Parquet tables, into a running hub."""

from __future__ import annotations

import gzip
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from otbridge.cli.hub_client import TooLargeForHubError
from otbridge.cli.hub_options import asks_hub
from otbridge.cli.otlp_lines import LISTS, parts, report

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import BinaryIO

    from otbridge.cli.hub_client import HubClient

__all__ = ["import_"]

_REQUEST: Final = 1000
"""Records in one request; a line may have any number."""

_REFUSED: Final = ("rejectedSpans", "rejectedLogRecords", "rejectedDataPoints")


@click.command(name="import")
@click.argument(
    "files",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path, allow_dash=True),
)
@asks_hub
def import_(*, files: Sequence[Path], hub_url: str, style: str) -> None:
    """Send FILES to a running hub.

    OTLP/JSON lines, as `otbridge hub export` and the OpenTelemetry Collector's file exporter write
    them (`-`: standard input; `.gz` is unpacked), or Parquet tables that `otbridge hub export`
    wrote (`.parquet`, or a folder of them). A span that the hub has already is not stored twice;
    log lines and metrics are.
    """
    from otbridge.cli.hub_client import HubClient

    counts = dict.fromkeys(LISTS, 0)
    refused: Counter[str] = Counter()
    with HubClient(hub_url) as hub:
        for file in files:
            for place, document in _read(file):
                _send(hub, place, document, counts, refused)
    report(counts, "Sent", style)
    for why, number in refused.items():
        click.echo(f"The hub refused {number:,} of them: {why or 'it does not say why'}", err=True)


def _read(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the OTLP/JSON objects that are in a file or folder, and where each stands."""
    if file.is_dir() or file.suffix == ".parquet":
        yield from _tables(file)
    else:
        with _lines(file) as lines:
            yield from _documents(file, lines)


def _tables(file: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    from otbridge.cli.parquet_tables import require_pyarrow, tables

    require_pyarrow()
    files = sorted(file.glob("*.parquet")) if file.is_dir() else [file]
    if not files:
        raise click.ClickException(f"{file} has no .parquet files in it.")
    for one in files:
        for document in tables(one):
            yield str(one), document


@contextmanager
def _lines(file: Path) -> Iterator[BinaryIO]:
    if str(file) == "-":
        yield sys.stdin.buffer
    elif file.suffix == ".gz":
        with gzip.open(file) as lines:
            yield lines  # type: ignore[misc] # reads as any other binary file
    else:
        with file.open("rb") as lines:
            yield lines


def _documents(file: Path, lines: Iterable[bytes]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each line's object, and where it stands."""
    import msgspec

    number = 0
    try:
        for number, line in enumerate(lines, 1):
            if line.strip():
                place = f"{file}, line {number}"
                try:
                    document = msgspec.json.decode(line, type=dict[str, Any])
                except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
                    raise _wrong(place, f"The parser says: {error}.") from None
                yield place, document
    except (OSError, EOFError) as error:  # gzip says both of what is damaged
        raise click.ClickException(
            f"{file} cannot be read after line {number}: {error}."
        ) from error


def _send(
    hub: HubClient,
    place: str,
    document: dict[str, Any],
    counts: dict[str, int],
    refused: Counter[str],
) -> None:
    known = [signal for signal, name in LISTS.items() if name in document]
    if not known:
        raise _wrong(place, f"It has none of {', '.join(LISTS.values())}.")
    for signal in known:
        try:
            divided = list(parts(signal, document[LISTS[signal]], _REQUEST))
        except (AttributeError, TypeError):
            raise _wrong(place, f"{LISTS[signal]} is not built as OTLP has it.") from None
        for part, size in divided:
            for answer in _post(hub, signal, part, size):
                partial = answer.get("partialSuccess", {})
                number = sum(int(partial.get(name, 0)) for name in _REFUSED)
                if number:
                    refused[str(partial.get("errorMessage", ""))] += number
            counts[signal] += size


def _post(hub: HubClient, signal: str, part: dict[str, Any], size: int) -> Iterator[dict[str, Any]]:
    """Send *part*, in halves where it is too large at once; yield the hub's answers."""
    try:
        yield hub.post(f"/v1/{signal}", part)
    except TooLargeForHubError:
        if size == 1:
            raise
        for half, fewer in parts(signal, part[LISTS[signal]], (size + 1) // 2):
            yield from _post(hub, signal, half, fewer)


def _wrong(place: str, why: str) -> click.ClickException:
    return click.ClickException(
        f"{place} is no OTLP/JSON object. {why} What stands before it was sent. "
        'A line looks like {"resourceSpans": […]}.'
    )
