"""Ways to lose a log line: runs each with several SDKs, and prints who lost what and who said so.

    poe losses                     the official SDK, and otbridge as it is and durable
    poe losses --logfire PYTHON    Logfire, too: an interpreter whose environment has it
    poe losses --install-logfire   the same, in a temporary environment made for it
    poe losses --full              the outage in real time: 60 s
    poe losses --only fork         rows whose name has this word

Every cell is a fresh process of a plain program (`producer.py`), the SDK at its defaults, against
a real receiver. "Lost" is what no receiver has after the program was also started once more, with
the receiver well again; a line counts as sent when its log call has returned.
"""

# ruff: noqa: T201 - it prints its results

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.faults.losses.program import ProgramFailed
from tests.faults.losses.senders import DURABLE, OFFICIAL, OTBRIDGE, install_logfire, logfire
from tests.faults.losses.table import cell, lines
from tests.faults.losses.trial import Fate, Trial
from tests.faults.losses.ways import FULL, SHORT, Scale, ways

if TYPE_CHECKING:
    from tests.faults.losses.senders import Sender

_AT_A_TIME: Final = 3


def main() -> None:
    """Run what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="poe losses",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--full", action="store_true", help="the outage in real time")
    parser.add_argument("--only", default="", metavar="WORD", help="rows whose name has it")
    parser.add_argument("--logfire", metavar="PYTHON", help="interpreter that has Logfire")
    parser.add_argument("--install-logfire", action="store_true", help="install it for this run")
    chosen = parser.parse_args()
    scale = FULL if chosen.full else SHORT
    begin = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="losses-") as place:
        folder = Path(place)
        senders = _senders(folder, chosen.logfire, install=chosen.install_logfire)
        print(", ".join(dict.fromkeys(sender.version() for sender in senders)), end="\n\n")
        fates = _run(senders, folder, scale, chosen.only)
    for line in lines([sender.name for sender in senders], fates):
        print(line)
    print(
        f"\nThe outage: {scale.outage_seconds:.0f} s at {scale.per_second:,.0f} lines a second. "
        f"The whole run took {time.monotonic() - begin:.0f} s."
    )


def _senders(folder: Path, python: str | None, *, install: bool) -> list[Sender]:
    """Return who takes part, in the order of the columns; say who does not."""
    found = [OFFICIAL]
    if python is not None:
        found.append(logfire(python))
    elif install:
        try:
            found.append(install_logfire(folder / "logfire"))
        except subprocess.CalledProcessError as error:
            _tell(f"Logfire takes no part, it cannot be installed: {error.stderr.strip()[-200:]}")
    else:
        _tell("Logfire takes no part: give --logfire PYTHON or --install-logfire")
    return [*found, OTBRIDGE, DURABLE]


def _run(
    senders: list[Sender], folder: Path, scale: Scale, only: str
) -> dict[str, dict[str, Fate]]:
    """Return what became of the lines, by way and sender."""
    fates: dict[str, dict[str, Fate]] = {way.name: {} for way in ways() if only in way.name}
    # One way after the other, so that a busy moment of the machine hits all senders.
    planned = [
        (sender, way)
        for same in zip(*(ways() for _ in senders), strict=True)
        for sender, way in zip(senders, same, strict=True)
        if way.name in fates
    ]

    def run(number: int) -> None:
        sender, way = planned[number]
        if way.needs and not sender.has(way.needs):
            _tell(f"{sender.name}: {way.name}: not run, {way.needs} is not installed there")
            return
        try:
            with Trial(sender, folder / f"{number}", way.answer) as trial:
                way.happening(trial, scale)
                fate = trial.fate()
        except ProgramFailed as error:
            _tell(f"{sender.name}: {way.name}: not run: {error}")
            return
        fates[way.name][sender.name] = fate
        _tell(f"{sender.name}: {way.name}: {cell(fate)}")

    for number, (_, way) in enumerate(planned):
        if way.alone:
            run(number)
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        list(pool.map(run, [n for n, (_, way) in enumerate(planned) if not way.alone]))
    return fates


def _tell(progress: str) -> None:
    print(progress, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
