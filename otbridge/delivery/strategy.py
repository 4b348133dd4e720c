"""When to do things differently: rules as data, and who follows them.

Delivery is measured all the time: how full memory is, how long a request takes, for how long there
have been only failures. A rule says at which value a strategy begins, and at which lower one it
ends; both have to hold for a while, so that nothing moves to and fro. Every move is reported.

    larger_batches   the receiver is slow: fewer and larger requests
    spool            memory fills up: what comes goes to disk at once
    fallback         the destination is away: what comes goes to the fallback
    sampling         memory fills up and there is no disk: only some records are taken, errors all
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal, NamedTuple, Protocol, get_args

from otbridge.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

__all__ = [
    "DEFAULT_RULES",
    "Action",
    "Measure",
    "Move",
    "Rule",
    "Strategist",
    "Strategy",
    "parse_rules",
]

Strategy = Literal["larger_batches", "spool", "fallback", "sampling"]
Measure = Literal["fullness", "load", "latency_s", "failing_s"]
"""Share of the memory's limit that is used; the same with what waits on disk counted as well;
seconds of the last requests, the newest counting most; seconds with failures only."""


@dataclass(frozen=True, slots=True)
class Rule:
    """When a strategy begins and when it ends."""

    strategy: Strategy
    measure: Measure
    above: float
    """It begins when the measure has been at least this..."""
    for_s: float
    """...for so many seconds."""
    below: float
    """It ends when the measure has been at most this..."""
    calm_s: float
    """...for so many seconds."""
    until: Measure | None = None
    """What is measured for its end; the same where None."""

    def __post_init__(self) -> None:
        known = get_args(Measure)
        if self.strategy not in get_args(Strategy) or self.measure not in known:
            raise ConfigurationError(
                f"There is no strategy {self.strategy!r} or no measure {self.measure!r}.",
                f"Strategies: {', '.join(get_args(Strategy))}; measures: {', '.join(known)}.",
                "Write a rule as in sampling:fullness>0.9<0.5@2",
            )
        if self.until is None and self.below > self.above:
            raise ConfigurationError(
                f"The strategy {self.strategy} would end at {self.below}, above its begin.",
                "It would move to and fro.",
                f"Let it end at {self.above} or below.",
            )


DEFAULT_RULES: Final = (
    Rule("larger_batches", "latency_s", above=0.25, for_s=2.0, below=0.1, calm_s=10.0),
    Rule("spool", "fullness", above=0.5, for_s=1.0, below=0.1, calm_s=5.0, until="load"),
    Rule("fallback", "failing_s", above=60.0, for_s=0.0, below=0.0, calm_s=0.0),
    Rule("sampling", "fullness", above=0.9, for_s=2.0, below=0.5, calm_s=10.0),
)
"""A quarter of a second a request is ten times what a receiver nearby takes, and as long as a batch
waits to be filled. Half a memory is the last moment at which the disk still helps against a kill.
Sampling is only for those without a disk: then records go in any case, and better some of all
than all of some."""


class Action(NamedTuple):
    """What a strategy does."""

    begin: Callable[[], None]
    end: Callable[[], None]


class Move(NamedTuple):
    """A change of strategy."""

    strategy: str
    begins: bool
    measure: str
    value: float


class Measures(Protocol):
    """What is known at a moment."""

    def __getitem__(self, name: Measure, /) -> float:
        """Return a measure's value."""
        ...


class Strategist:
    """Follows rules.

    Args:
        rules: When; a strategy without a rule is never used.
        actions: What; a rule without an action is ignored, as `fallback` is where there is none.
        on_move: Told of every move.
    """

    def __init__(
        self,
        rules: Sequence[Rule],
        actions: Mapping[str, Action],
        on_move: Callable[[Move], None],
    ) -> None:
        self._rules = [rule for rule in rules if rule.strategy in actions]
        self._actions = actions
        self._on_move = on_move
        self._since: dict[str, float] = {}
        self.active: frozenset[str] = frozenset()
        """Names of the strategies in use; none is the plain way."""

    def look(self, measures: Measures, now: float) -> None:
        """Make the moves that are due.

        Args:
            measures: What is known now.
            now: Monotonic seconds.
        """
        for rule in self._rules:
            active = rule.strategy in self.active
            name: Measure = (rule.until or rule.measure) if active else rule.measure
            value = measures[name]
            holds = value <= rule.below if active else value >= rule.above
            if not holds:
                self._since.pop(rule.strategy, None)
                continue
            since = self._since.setdefault(rule.strategy, now)
            if now - since >= (rule.calm_s if active else rule.for_s):
                del self._since[rule.strategy]
                self._move(Move(rule.strategy, not active, name, value))

    @property
    def is_restless(self) -> bool:
        """Whether it has to look again soon, although nothing happens."""
        return bool(self.active or self._since)

    def _move(self, move: Move) -> None:
        action = self._actions[move.strategy]
        if move.begins:
            self.active |= {move.strategy}
            action.begin()
        else:
            self.active -= {move.strategy}
            action.end()
        self._on_move(move)


def parse_rules(words: Iterable[str]) -> tuple[Rule, ...]:
    """Return the rules that *words* say, each as in `sampling:fullness>0.9<0.5@2`.

    Read: sampling begins when fullness has been above 0.9 for 2 s, and ends when it has been below
    0.5 for as long.

    Raises:
        ConfigurationError: one of them is no such rule.
    """
    return tuple(_parse(word) for word in words if word != "off")


def _parse(word: str) -> Rule:
    import re

    match = re.fullmatch(r"(\w+):(\w+)>([\d.]+)<([\d.]+)@([\d.]+)", word.strip())
    try:
        if match is None:
            raise ValueError(word)  # noqa: TRY301 - one sentence for all that can be wrong
        above, below, seconds = map(float, match.groups()[2:])
    except ValueError:
        raise ConfigurationError(
            f"{word!r} is no rule.",
            "It has to say strategy, measure, begin, end and seconds.",
            "Write it as in sampling:fullness>0.9<0.5@2, or off for none at all.",
        ) from None
    strategy, measure = match[1], match[2]
    return Rule(strategy, measure, above, seconds, below, seconds)  # type: ignore[arg-type]  # checked by itself
