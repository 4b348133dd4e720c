"""The demo's language model: scripted, local, and as slow as a real one.

It needs no network and no key, and says the same every time, so that the demo can be a test.
"""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from typing import Final

__all__ = ["PROVIDER", "Answer", "chat", "pause"]

PROVIDER: Final = "otbridge.demo"

_PACE: Final = float(os.environ.get("OTBRIDGE_DEMO_PACE", "1"))
"""1 is a speed at which a person can watch the trace grow; 0 waits for nothing."""

_SCRIPT: Final[dict[str, tuple[str, float]]] = {
    "plan": (
        "Search the catalogue for something that lasts, then let the writer word the card.",
        0.45,
    ),
    "write": (
        "For {name}: something that lasts, because the best days do. Enjoy your {gift}!",
        0.6,
    ),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What the model said, and what it would have cost."""

    text: str
    input_tokens: int
    output_tokens: int


def chat(role: str, prompt: str, **words: str) -> Answer:
    """Answer *prompt* in the given *role* (`plan` or `write`), after the time a model takes."""
    template, seconds = _SCRIPT[role]
    pause(seconds)
    text = template.format(**words)
    # Four characters a token is the usual rule of thumb for English.
    return Answer(text, input_tokens=len(prompt) // 4 + 180, output_tokens=len(text) // 4)


def pause(seconds: float) -> None:
    """Take the time that the real thing would take."""
    if _PACE:
        time.sleep(seconds * _PACE)
