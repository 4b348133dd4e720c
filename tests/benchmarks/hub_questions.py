"""What is asked of a hub with millions of records, and how quickly an answer should be there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple
from urllib.parse import urlencode

from tests.benchmarks.hub_bulk import Bulk
from tests.benchmarks.hub_traffic import SERVICES

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Sequence

    from tests.benchmarks.hub_load import Stretch

__all__ = ["Loaded", "Question", "questions"]

AT_ONCE: Final = 20.0
"""Milliseconds for what is opened with every click."""
A_MOMENT: Final = 500.0
"""The same for what looks at a whole day."""
A_PAGE: Final = 2_000.0
"""The same for a page of what hardly anything has: it ends after a second, and goes on by its cursor."""

_COMMON: Final = ("order", "payment", "customer", "cache", "bank", "shipment", "documents")
"""Each in a sixth of all log lines."""


class Loaded:
    """What the store holds; traces are picked by chance."""

    def __init__(self, parts: Sequence[Stretch], chance: random.Random) -> None:
        self.chance = chance
        self._parts = parts
        self.from_ns = parts[0].from_ns
        self.to_ns = parts[-1].to_ns

    def trace(self) -> tuple[str, str]:
        """Return the id and the word of one trace."""
        weights = [part.traces for part in self._parts]
        (part,) = self.chance.choices(self._parts, weights)
        trace, word = Bulk.ids(part.from_ns, self.chance.randrange(part.traces))
        return trace.hex(), word


class Question(NamedTuple):
    """One way to ask."""

    name: str
    goal_ms: float
    """That 99 of 100 answers take at most."""
    path: Callable[[Loaded], str]
    """Makes the address, another one each time."""
    some: str
    """The key of the answer under which there has to be something."""
    rare: bool = False
    """Whether a page may be empty, as long as it is not the last."""


_DRAWN: Final[dict[str, tuple[str, ...]]] = {
    "common": _COMMON,
    "tenant": tuple(f"tenant=tenant-{number}" for number in range(40)),
    "status": tuple(f"http.response.status_code={code}" for code in (200, 201, 404, 500)),
    "rows": tuple(f"db.response.returned_rows>{number}" for number in range(150, 195)),
    "service": SERVICES,
    "letter": tuple("aceikmorst"),
}

_NONE: Final = "db.response.returned_rows>200"
"""More than any record has."""


def questions() -> tuple[Question, ...]:
    """Return all of them, in the order in which they are asked."""
    return (
        Question("a trace by its id", AT_ONCE, _of_trace("traces/"), "spans"),
        Question("the newest 50 traces", AT_ONCE, lambda _: "/api/v1/traces", "traces"),
        Question("the logs of a trace", AT_ONCE, _of_trace("logs?trace_id="), "logs"),
        Question("the newest 50 logs", AT_ONCE, lambda _: "/api/v1/logs", "logs"),
        Question("a service's errors", A_MOMENT, _errors, "logs"),
        Question("logs: a common word", A_MOMENT, _day("logs", q="common"), "logs"),
        Question("logs: a word of one trace", A_MOMENT, _day("logs", q="rare"), "logs"),
        Question("logs: key=value", A_MOMENT, _day("logs", q="tenant"), "logs"),
        Question("logs: two common words", A_MOMENT, _day("logs", q="payment refused"), "logs"),
        Question("traces: a common word", A_MOMENT, _day("traces", q="common"), "traces"),
        Question("traces: a word of one", A_MOMENT, _day("traces", q="rare"), "traces"),
        Question("traces: key=value", A_MOMENT, _day("traces", q="tenant"), "traces"),
        Question("logs: attribute =", A_MOMENT, _day("logs", attr="status"), "logs"),
        Question("logs: attribute >", A_MOMENT, _day("logs", attr="rows"), "logs"),
        Question("traces: attribute =", A_MOMENT, _day("traces", attr="status"), "traces"),
        Question("traces: attribute >", A_MOMENT, _day("traces", attr="rows"), "traces"),
        Question("traces: a letter", A_MOMENT, _day("traces", q="letter"), "traces"),
        Question(
            "traces: attribute > any", A_PAGE, _day("traces", attr=_NONE), "traces", rare=True
        ),
        Question("logs: attribute > any", A_PAGE, _day("logs", attr=_NONE), "logs", rare=True),
        Question("operations, a day", A_MOMENT, _day("operations", sort="p99_nano"), "operations"),
        Question("operations of a service, a day", A_MOMENT, _operations, "operations"),
        Question("operations, an hour", A_MOMENT, lambda _: "/api/v1/operations", "operations"),
        Question("service map, a day", A_MOMENT, _day("service-map"), "edges"),
        Question("service map, an hour", A_MOMENT, lambda _: "/api/v1/service-map", "edges"),
    )


def _of_trace(address: str) -> Callable[[Loaded], str]:
    return lambda loaded: f"/api/v1/{address}{loaded.trace()[0]}"


def _day(address: str, **asked: str) -> Callable[[Loaded], str]:
    """Ask about the whole day; a value that is a list's name is drawn from that list."""

    def path(loaded: Loaded) -> str:
        chosen = {"from": str(loaded.from_ns)}
        for name, text in asked.items():
            drawn = loaded.chance.choice(_DRAWN[text]) if text in _DRAWN else text
            chosen[name] = loaded.trace()[1] if drawn == "rare" else drawn
        return f"/api/v1/{address}?{urlencode(chosen)}"

    return path


_errors = _day("logs", service="service", severity="error")
_operations = _day("operations", service="service")
