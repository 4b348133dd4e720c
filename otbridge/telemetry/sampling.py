"""Which traces are kept: OpenTelemetry's samplers by name, and the one that can be exchanged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from opentelemetry.sdk.trace import sampling
from opentelemetry.sdk.trace.sampling import Decision, SamplingResult
from opentelemetry.trace import get_current_span

if TYPE_CHECKING:
    from collections.abc import Sequence

    from opentelemetry.context import Context
    from opentelemetry.trace import Link, SpanKind, TraceState
    from opentelemetry.util.types import Attributes

    from otbridge.config import Config

__all__ = ["FollowParent", "SwitchSampler", "make_sampler"]

_KEEP: Final = Decision.RECORD_AND_SAMPLE
_DROP: Final = Decision.DROP


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
        parent = get_current_span(parent_context).get_span_context()
        if parent.is_valid:
            if parent.trace_flags.sampled:
                return SamplingResult(_KEEP, attributes, parent.trace_state)
            return SamplingResult(_DROP, None, parent.trace_state)
        if self.keeps_roots:
            return SamplingResult(_KEEP, attributes)
        return self._decide(parent_context, trace_id, name, kind, attributes, links, trace_state)


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
