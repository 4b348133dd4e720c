"""The table: who lost what, and who said so."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from tests.faults.losses.trial import Fate


def lines(senders: Sequence[str], fates: Mapping[str, Mapping[str, Fate]]) -> Iterator[str]:
    """Yield the table as Markdown: ways down, senders across."""
    yield "| way | sent | " + " | ".join(senders) + " |"
    yield "|---|---:|" + "---|" * len(senders)
    for way, by_sender in fates.items():
        sent = max((fate.sent for fate in by_sender.values()), default=0)
        cells = (cell(by_sender[name]) if name in by_sender else "not run" for name in senders)
        yield f"| {way} | {sent:,} | " + " | ".join(cells) + " |"


def cell(fate: Fate) -> str:
    """Return one sender's fate in a few words."""
    if not fate.sent:
        return "nothing sent"
    share = 100 * fate.lost / fate.sent
    words = [f"**{fate.lost:,} lost** ({share:.0f} %), {fate.said}" if fate.lost else "0 lost"]
    if fate.later:
        words.append(f"{fate.later:,} delivered by the next start")
    if fate.twice:
        words.append(f"{fate.twice:,} twice")
    if fate.killed:
        words.append("had to be killed")
    elif fate.exit_seconds is not None and fate.exit_seconds > 5:
        words.append(f"exit took {fate.exit_seconds:.0f} s")
    return "; ".join(words)
