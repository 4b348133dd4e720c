"""Where in a run a piece of code is: which run, which agents around it, whose conversation.

It rides in W3C baggage, so it crosses tasks, processes and services with the trace context, and
every span below can be stamped with it, whoever makes the span.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from functools import lru_cache
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final

from opentelemetry import baggage

from otbridge.semconv import (
    AGENT_PATH,
    GEN_AI_CONVERSATION_ID,
    RUN_ID,
    SESSION_ID,
    USER_ID,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from opentelemetry.context import Context

__all__ = ["STAMPS", "Place"]

STAMPS: Final = (RUN_ID, AGENT_PATH, GEN_AI_CONVERSATION_ID, SESSION_ID, USER_ID)
"""Baggage entries, and the attributes of the same names, in the order of `Place`'s fields."""

_LONGEST: Final = 256
"""Characters of one entry: it is paid for on every request, and a stranger may have sent it."""

_UNFIT: Final = re.compile(
    r"[\x00-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029\u202a-\u202e\u2066-\u2069]+"
)


@dataclass(frozen=True, slots=True)
class Place:
    """The part of an agent run that all its spans share; empty where nothing is known."""

    run_id: str = ""
    path: str = ""
    """Names of the agents from the outermost to this one, joined by `/`."""
    conversation_id: str = ""
    session_id: str = ""
    user_id: str = ""

    @classmethod
    def of(cls, context: Context | None = None) -> Place:
        """Return the place that *context* (the current one by default) is in."""
        entries = baggage.get_all(context)
        if not entries:
            return _NOWHERE
        return _read(*(str(entries.get(key, "")) for key in STAMPS))

    @property
    def agent(self) -> str:
        """The name of the innermost agent; empty outside of any."""
        return self.path.rpartition("/")[2]

    def inside_agent(self, name: str) -> Place:
        """Return the place inside agent *name* at this place.

        Agents that call each other without end have paths without end: beyond 256 characters the
        outermost names are left out.
        """
        step = clean(name).replace("/", "_")
        path = f"{self.path}/{step}" if self.path else step
        while len(path) > _LONGEST and "/" in path:
            path = path.partition("/")[2]
        return replace(self, path=path)

    def within(self, context: Context) -> Context:
        """Return *context* moved to this place."""
        entries = baggage.get_all(context)
        for key, value in self.as_attributes().items():
            if entries.get(key) != value:
                context = baggage.set_baggage(key, value, context)
        if not self.path and AGENT_PATH in entries:
            context = baggage.remove_baggage(AGENT_PATH, context)
        return context

    def as_attributes(self) -> Mapping[str, str]:
        """Return what is known, under the names of `STAMPS`."""
        return _attributes(self)


_NOWHERE: Final = Place()


# All spans of a run ask the same, and there are more spans than runs.
@lru_cache(maxsize=1024)
def _read(*values: str) -> Place:
    return Place(*map(clean, values))


@lru_cache(maxsize=1024)
def _attributes(place: Place) -> Mapping[str, str]:
    values = (place.run_id, place.path, place.conversation_id, place.session_id, place.user_id)
    known = {key: value for key, value in zip(STAMPS, values, strict=True) if value}
    return MappingProxyType(known)


def clean(value: Any) -> str:
    """Return *value* as it may ride in baggage: a short text without control characters."""
    return _UNFIT.sub("", str(value)[: 4 * _LONGEST])[:_LONGEST]
