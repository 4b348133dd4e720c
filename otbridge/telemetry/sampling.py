"""What is decided when a span begins: whether its trace is kept, and which ids it has."""

from __future__ import annotations

from random import getrandbits
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry.context import get_current
from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, SamplingResult
from opentelemetry.trace import get_current_span

from otbridge.telemetry.current_span import SPAN_KEY

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

    from otbridge.config import Config

__all__ = ["FollowParent", "RandomIds", "SwitchSampler", "make_sampler"]

_KEEP: Final = Decision.RECORD_AND_SAMPLE
_DROP: Final = Decision.DROP
_NONE: Final[MappingProxyType[str, Any]] = MappingProxyType({})
_blank: Final = object.__new__


class _Kept(SamplingResult):
    """Sampled, with no trace state: made without the two calls that its base class takes."""

    decision = _KEEP
    trace_state = None


class FollowParent(sampling.ParentBased):
    """OpenTelemetry's parent-based sampler, with its usual outcomes written out.

    A span with a parent is sampled if its parent is; only roots are somebody else's to decide on.
    That is what the base class comes to, in a third of its time.

    Args:
        root: Decides on spans without a parent.
    """

    def __init__(self, root: sampling.Sampler) -> None:
        super().__init__(root)
        self.keeps_roots = root is sampling.ALWAYS_ON
        """Whether all that begins here is kept."""
        self._decide = root.should_sample

    def should_sample(  # noqa: PLR0917 - the SDK's signature
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        kind: SpanKind | None = None,
        attributes: Attributes = None,
        links: Sequence[Link] | None = None,
        trace_state: TraceState | None = None,
    ) -> SamplingResult:
        """Decide as the parent did."""
        if SPAN_KEY in (get_current() if parent_context is None else parent_context):
            parent = get_current_span(parent_context).get_span_context()
            if parent.is_valid:
                if parent.trace_flags.sampled:
                    return SamplingResult(_KEEP, attributes, parent.trace_state)
                return SamplingResult(_DROP, None, parent.trace_state)
        if self.keeps_roots:
            kept = _blank(_Kept)
            kept.attributes = MappingProxyType(attributes) if attributes else _NONE
            return kept
        return self._decide(parent_context, trace_id, name, kind, attributes, links, trace_state)


class RandomIds(RandomIdGenerator):
    """The SDK's random ids, without its loop around what happens once in 2**64 times."""

    def generate_span_id(self) -> int:
        """Return 64 bits, not all 0."""
        return getrandbits(64) or 1

    def generate_trace_id(self) -> int:
        """Return 128 bits, not all 0."""
        return getrandbits(128) or 1


class SwitchSampler(sampling.Sampler):
    """The sampler of our provider; asks whatever is configured now."""

    def __init__(self) -> None:
        self.target = FollowParent(sampling.ALWAYS_ON)

    @property
    def target(self) -> sampling.Sampler:
        """The configured sampler."""
        return self._target

    @target.setter
    def target(self, target: sampling.Sampler) -> None:
        self._target = target
        self.follows_parent = type(target) is FollowParent and target.keeps_roots
        """Whether it comes to "as the parent, and every root": then nobody needs to ask."""
        vars(self)["should_sample"] = target.should_sample  # asked directly: one hop less a span

    def should_sample(self, *args: Any, **kwargs: Any) -> sampling.SamplingResult:
        """Ask the configured sampler."""
        return self._target.should_sample(*args, **kwargs)

    def get_description(self) -> str:
        """Return the configured sampler's description."""
        return self._target.get_description()


def make_sampler(config: Config) -> sampling.Sampler:
    """Return the sampler that *config* asks for; a parent's decision is always kept by default."""
    ratio = config.traces_sampler_arg
    match config.traces_sampler:
        case "always_on":
            return sampling.ALWAYS_ON
        case "always_off":
            return sampling.ALWAYS_OFF
        case "traceidratio":
            return sampling.TraceIdRatioBased(ratio)
        case "parentbased_always_off":
            return FollowParent(sampling.ALWAYS_OFF)
        case "parentbased_traceidratio":
            return FollowParent(sampling.TraceIdRatioBased(ratio))
        case _:
            if config.sample >= 1 or config.traces_sampler:
                return FollowParent(sampling.ALWAYS_ON)
            return FollowParent(sampling.TraceIdRatioBased(config.sample))
